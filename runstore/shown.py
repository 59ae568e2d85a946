"""Values as pages and reports show them: numbers, times, durations, JSON, and texts without invisible characters."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from runstore import zones

NONE = "\N{EN DASH}"
"""Shown where a run has no value."""

LONGEST_ID = 40


def visible(value: Any) -> Any:
    """Return what a template prints: a text with its control characters and changes of direction spelled out.

    Otherwise such a text could look like another one.
    """
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in _HIDDEN else f"\\u{ord(c):04x}" for c in value)


_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def number(value: float | Decimal | None, digits: int | None = None) -> str:
    """Return a number with thousands separators."""
    if value is None:
        return NONE
    if digits is not None:
        return f"{value:,.{digits}f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def money(value: float | Decimal | None, currency: str | None = None) -> str:
    """Return an amount: four decimals if it is small, else two."""
    if value is None:
        return NONE
    text = f"{value:,.2f}" if abs(float(value)) >= 100 else f"{value:,.4f}"
    return f"{text} {currency}" if currency else text


def duration(seconds: float | None) -> str:
    """Return seconds in the two largest units."""
    if seconds is None:
        return NONE
    sign, left = ("-", -int(seconds)) if seconds < 0 else ("", int(seconds))
    for unit, size, smaller, part in _UNITS:
        if left >= size:
            rest = left % size // part
            return f"{sign}{left // size:,} {unit} {rest} {smaller}" if rest else f"{sign}{left // size:,} {unit}"
    return f"{sign}{left} s"


_UNITS: tuple[tuple[str, int, str, int], ...] = (
    ("d", 86_400, "h", 3600),
    ("h", 3600, "min", 60),
    ("min", 60, "s", 1),
)


def moment(seconds: Any, zone: tzinfo = UTC) -> str:
    """Return Unix seconds as a time, or the value itself if it is not a time of the calendar."""
    if seconds is None:
        return NONE
    try:
        return zones.local_time(seconds, zone)
    except (OverflowError, TypeError):
        return shortened(compact_json(seconds))


def day(seconds: int | None, zone: tzinfo = UTC) -> str:
    """Return the day of Unix seconds, or the value itself if it is not a time of the calendar."""
    try:
        return NONE if seconds is None else zones.local_time(seconds, zone)[:10]
    except OverflowError:
        return str(seconds)


def shortened(text: str | None, most: int = LONGEST_ID) -> str:
    """Return a text shortened to a maximum length, with an ellipsis if something is missing."""
    if text is None:
        return NONE
    return text if len(text) <= most else f"{text[: most - 1]}…"


def pretty_json(value: Any) -> str:
    """Return a value as indented JSON."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def compact_json(value: Any) -> str:
    """Return a value as JSON on one line; a string without its quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def cell(value: Any) -> str:
    """Return a value of a query as text."""
    if value is None:
        return NONE
    if isinstance(value, bytes):
        return value.hex()
    return "yes" if value is True else "no" if value is False else str(value)
