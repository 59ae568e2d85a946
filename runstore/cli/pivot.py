"""stats --pivot: a row for each group, and a column for each value of another group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

NONE = "none"
"""The column of the runs that lack the value."""

OTHER = "other"
"""The column of all values that have none of their own."""

NOT_ADDED = ("failure_rate", "seconds_mean", "seconds_p50", "seconds_p95", "seconds_p99")
"""Measures of several groups that cannot be computed from those of each group."""


class Pivoted(NamedTuple):
    """The table."""

    names: list[str]
    """The columns after the groups, the one with the greatest total first."""
    rows: list[tuple[Any, ...]]
    """The groups and the values, None where a group has no such runs."""
    omitted: int
    """The number of values that are in no column, because they cannot be added."""
    unpriced: int
    """The number of runs whose cost is not known although they have tokens."""


def read(measure: str) -> tuple[str, ...]:
    """Return the columns of statistics from which the table of a measure is made."""
    return tuple(dict.fromkeys((measure, "runs", *(["currency", "unpriced"] if measure == "cost" else []))))


def pivoted(found: Iterable[dict[str, Any]], by: Sequence[str], pivot: str, measure: str, top: int | None) -> Pivoted:
    """Return the rows of statistics by *by* and *pivot* as a table of one measure, with *top* values as columns.

    Costs in different currencies are in different columns, and unknown ones in none.
    """
    cells: dict[tuple[Any, ...], dict[str, Any]] = {}
    totals: dict[str, Any] = {}
    currencies: dict[str, str | None] = {}
    unpriced = 0
    for row in found:
        of_group = cells.setdefault(tuple(row[each] for each in by), {})
        name, currency, value = NONE if row[pivot] is None else str(row[pivot]), row.get("currency"), row[measure]
        if measure == "cost":
            unpriced += row["unpriced"]
            if currency is None:
                continue
            name = f"{name} ({currency})"
        of_group[name] = value
        totals[name] = totals.get(name, 0) + ((row["runs"] if measure in NOT_ADDED else value) or 0)
        currencies[name] = currency
    names = sorted(totals, key=lambda name: (-totals[name], name))
    shown, others = (names, []) if top is None else (names[:top], names[top:])
    omitted = 0
    if measure in NOT_ADDED:
        omitted, others = len(others), []
    gathered = list(_gathered(others, currencies))
    rows = [
        (*group, *(of_group.get(name) for name in shown), *(_sum(of_group, each) for _, each in gathered))
        for group, of_group in cells.items()
    ]
    return Pivoted([*shown, *(name for name, _ in gathered)], rows, omitted, unpriced)


def _gathered(names: Sequence[str], currencies: dict[str, str | None]) -> Iterator[tuple[str, list[str]]]:
    """Yield a column for the others, or one for each of their currencies."""
    for currency in dict.fromkeys(currencies[name] for name in names):
        heading = OTHER if currency is None else f"{OTHER} ({currency})"
        yield heading, [name for name in names if currencies[name] == currency]


def _sum(of_group: dict[str, Any], names: Iterable[str]) -> int | float | Decimal | None:
    values = [of_group[name] for name in names if of_group.get(name) is not None]
    return sum(values) if values else None
