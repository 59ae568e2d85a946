"""The query of a page as links: a filter more, a filter less, and the command that asks the same."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from runstore.query.criteria import FILTERS, Kind

Pairs = list[tuple[str, str]]
"""The query of a URL: parameters in their order, repeated ones several times."""

PLACES = frozenset(("cursor", "after", "before"))
"""Parameters of a place in the list, which another selection does not have."""


def query_of(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the query of a URL, with its question mark; a question mark alone leads to the page without a query."""
    return f"?{urlencode(list(pairs))}"


def without(pairs: Pairs, *names: str) -> Pairs:
    """Return the query without these parameters, and without a place in the list."""
    return [(name, value) for name, value in pairs if name not in names and name not in PLACES]


def without_value(pairs: Pairs, name: str, value: str) -> Pairs:
    """Return the query without this value of a parameter."""
    return [pair for pair in without(pairs) if pair != (name, value)]


def replaced(pairs: Pairs, **values: str) -> Pairs:
    """Return the query with other values of some parameters."""
    return [*without(pairs, *values), *values.items()]


def periods(pairs: Pairs) -> list[tuple[str, str, bool]]:
    """Return the times that people choose most: their names, the query with each, and whether it is chosen."""
    others = without(pairs, "created_before")
    return [
        (text, query_of(replaced(others, created_from=age)), ("created_from", age) in pairs)
        for age, text in _PERIODS.items()
    ]


_PERIODS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "365d": "1 year"}


def of_filters(pairs: Pairs) -> Pairs:
    """Return the filters of a query."""
    return [(name, value) for name, value in pairs if name in FILTERS]


def said(name: str, value: str) -> str:
    """Return a filter in words."""
    label = _LABELS.get(name, name.replace("_", " "))
    return f"{label} {value}" if name in _LABELS else f"{label}: {value}"


_LABELS = {
    "created_from": "created from",
    "created_before": "created before",
    "total_tokens_min": "tokens at least",
    "total_tokens_max": "tokens at most",
    "total_seconds_min": "seconds at least",
    "total_seconds_max": "seconds at most",
}


def command(name: str, pairs: Pairs, more: Mapping[str, Any] | None = None) -> str:
    """Return the command that asks what the page has asked."""
    words = ["runstore", name]
    for option, value in (more or {}).items():
        words += [option] if value is True else [option, str(value)]
    for key, value in of_filters(pairs):
        criterion = FILTERS[key]
        if criterion.kind is Kind.YES_OR_NO:
            yes, no = criterion.option.split("/")
            words.append(yes if value == "true" else no)
        elif value.startswith("-"):
            words.append(f"{criterion.option}={value}")
        else:
            words += [criterion.option, value]
    return shlex.join(words)


def since(seconds: int) -> str:
    """Return Unix seconds as a value of a filter that people can read."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
