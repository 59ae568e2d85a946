"""The hour, day, week and month of created_at in a time zone, as SQL.

The view ``runs`` has them in UTC. For another zone, the statement contains the offsets from UTC over the range of the
archive as numbers, so that both databases add the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, tzinfo
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, case, func, literal_column, select

from runstore import zones
from runstore.backends import Transaction
from runstore.mapping import RUN
from runstore.schema.run import CALENDAR
from runstore.schema.views import RUNS
from runstore.zones import Span

UNITS: dict[str, ColumnElement[Any]] = {
    "hour": RUNS.c.created_hour,
    "day": RUNS.c.created_day,
    "week": RUNS.c.created_week,
    "month": RUNS.c.created_month,
}
"""The units of time by which runs are grouped, in UTC."""


def columns(transaction: Transaction, zone: tzinfo, units: Iterable[str]) -> dict[str, ColumnElement[Any]]:
    """Return these units of created_at in a zone, as expressions over the view ``runs``.

    In a zone other than UTC, an hour ends with its offset, such as ``2024-10-27T02+01:00``, because the clock may show
    it twice.
    """
    wanted = list(units)
    if zone is UTC or not wanted:
        return {unit: UNITS[unit] for unit in wanted}
    created, spans = RUNS.c.created_at, _spans(transaction, zone)
    local = created + _chosen(created, spans, lambda span: literal_column(str(span.offset), BigInteger))
    found = {unit: transaction.backend.calendar(local, unit) for unit in wanted}
    if "hour" in found:
        found["hour"] += _chosen(created, spans, lambda span: literal_column(f"'{zones.written(span.offset)}'", Text))
    return {unit: case((created.between(*CALENDAR), label)) for unit, label in found.items()}


def _spans(transaction: Transaction, zone: tzinfo) -> Sequence[Span]:
    """Return the offsets of the zone between the first and the last run of the archive, which an index finds."""
    bound, created = (func.min, func.max), RUN.c.created_at
    ends = [select(each(created)).where(created.between(*CALENDAR)).scalar_subquery() for each in bound]
    first, last = transaction.execute(select(*ends)).one()
    return zones.spans(zone, first or 0, last or 0)


def _chosen(
    created: ColumnElement[int], spans: Sequence[Span], value: Callable[[Span], ColumnElement[Any]]
) -> ColumnElement[Any]:
    """Return the value of the span that contains a time, found by bisection: an archive may span a hundred years."""
    if len(spans) == 1:
        return value(spans[0])
    middle = len(spans) // 2
    before, after = (_chosen(created, half, value) for half in (spans[:middle], spans[middle:]))
    return case((created < literal_column(str(spans[middle].start)), before), else_=after)
