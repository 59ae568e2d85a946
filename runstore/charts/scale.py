"""Numbers and texts of charts: ticks, short numbers, and how wide a text is."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable

GLYPH = 7.4
"""Width of a character at the font size of charts, of the widest of the common fonts on average."""

_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers from at most *low* to at least *high*, about *count* of them; 0 is one if it is between."""
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = low + 1.0
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [place * step for place in range(first, last + 1)]


def compact(value: float) -> str:
    """Return a number in few characters: 1,234 as it is, 12,345 as 12.3k."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e15:
        return f"{value:.1e}"
    for unit, name in _UNITS:
        if size >= unit * (10 if unit == 1e3 else 1):
            return f"{_trimmed(value / unit, 1)}{name}"
    return f"{value:,.0f}" if size >= 100 or value == int(value) else f"{value:.3g}"


def _trimmed(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def width(text: str) -> float:
    """Return the approximate width of a text."""
    return GLYPH * sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shortened(text: str, room: float) -> str:
    """Return a text that fits, with an ellipsis where something is missing, and with no character that is invisible."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in text[:1000])
    if width(text) <= room:
        return text
    while text and width(text) > room - GLYPH:
        text = text[:-1]
    return f"{text}…"


def step_of_labels(labels: Iterable[str], room: float) -> int:
    """Return how many labels have to share the place of one, so that none touches the next."""
    widest = max(map(width, labels), default=0.0) + 2 * GLYPH
    return max(1, math.ceil(widest / room))
