"""Statistics of runs, computed by SELECTs over the view ``runs``.

A statement computes only the requested columns. Sums are exact, even beyond 64 bits. The p-th percentile is the
smallest value such that at least p percent of the values are not greater (percentile_disc of the SQL standard). It is
computed with window functions on integers, so that both databases return the same value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, select

from runstore import wire
from runstore.backends import Backend, Transaction
from runstore.backends.base import HALF
from runstore.errors import InvalidArgument, not_one_of
from runstore.mapping import FUNCTION, RUN, TOOL, TOOLS
from runstore.query import calendar, queries
from runstore.schema.views import RUN_METADATA, RUNS
from runstore.statuses import STATUSES
from runstore.suggestions import did_you_mean

BY: dict[str, ColumnElement[Any]] = {
    **calendar.UNITS,
    "model": RUNS.c.model,
    "assistant": RUNS.c.assistant_id,
    "thread": RUNS.c.thread_id,
    "status": RUNS.c.status,
    "source": RUNS.c.source,
    "error": RUNS.c.error_code,
    "tool": TOOL.c.type,
    "function": FUNCTION.c.name,
}
"""The groups of statistics. A run counts once for each type of tool and each function that it was given."""

METADATA = "metadata:"
"""The beginning of the name of a group by a key of metadata, such as ``metadata:customer``."""

ENDED = STATUSES[4:]
TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")
PERCENTILES = {"seconds_p50": 50, "seconds_p95": 95, "seconds_p99": 99}

COLUMNS = {
    "runs": "integer",
    **dict.fromkeys((*STATUSES, "other_status"), "integer"),
    "failure_rate": "number",
    **dict.fromkeys(TOKENS, "integer"),
    "cost": "amount",
    "currency": "text",
    "unpriced": "integer",
    "seconds_mean": "number",
    **dict.fromkeys(PERCENTILES, "integer"),
    "unfinished": "integer",
}
"""The columns of statistics in their order, with the kinds of :class:`runstore.formats.Column`."""


class Question(NamedTuple):
    """The request for statistics: groups, columns and order."""

    by: tuple[str, ...]
    columns: tuple[str, ...]
    sort: str | None
    limit: int | None
    zone: tzinfo
    """The zone of hours, days, weeks and months."""


def question(
    by: str | Iterable[str],
    columns: str | Iterable[str] | None,
    sort: str | None,
    limit: int | None,
    zone: tzinfo = UTC,
) -> Question:
    """Return the arguments of :meth:`RunRepository.stats`, checked. Raise :class:`ConfigurationError`."""
    groups = known_groups("by", by)
    wanted = tuple(COLUMNS) if columns is None else queries.known_names("columns", columns, COLUMNS)
    if sort is not None and sort not in wanted:
        expected = f"expected one of the columns: {', '.join(wanted)}"
        raise InvalidArgument(argument="sort", reason=f"is {sort!r}, {expected}{did_you_mean(sort, wanted)}")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise InvalidArgument(argument="limit", reason=f"is {limit!r}, expected an integer of at least 1")
    return Question(groups, wanted, sort, limit, zone)


def known_groups(argument: str, by: str | Iterable[str]) -> tuple[str, ...]:
    """Return the groups without duplicates. Raise :class:`InvalidArgument` for an unknown one."""
    names = [by] if isinstance(by, str) or not isinstance(by, Iterable) else list(by)
    for name in names:
        key = name.removeprefix(METADATA) if isinstance(name, str) and name.startswith(METADATA) else None
        if key is None and (not isinstance(name, str) or name not in BY):
            raise not_one_of(argument, name, [*BY, f"{METADATA}KEY"])
        if key is not None and not wire.is_text(key):
            raise InvalidArgument(argument=argument, reason=f"is {name!r}, which contains U+0000 or a lone surrogate")
    return tuple(dict.fromkeys(names))


def kinds(asked: Question) -> dict[str, str]:
    """Return the names of groups and columns in their order, with the kinds of their values."""
    return {**dict.fromkeys(asked.by, "text"), **{name: COLUMNS[name] for name in asked.columns}}


def answer(transaction: Transaction, asked: Question, where: Sequence[ColumnElement[bool]]) -> list[dict[str, Any]]:
    """Return a row for each group that has runs, ordered by group, or with the greatest value of ``sort`` first.

    *where* are conditions on ``run_object``.
    """
    wanted = [*asked.columns]
    sums, percentiles = _sums(wanted), [name for name in wanted if name in PERCENTILES]
    place = len(asked.by)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    runs = _Runs(transaction, asked, where)
    for row in transaction.execute(_grouped(runs, sums)):
        values = dict(zip(sums, row[place:], strict=True))
        found[tuple(row[:place])] = {name: _value(name, values) for name in wanted if name not in PERCENTILES}
    if percentiles:
        nothing = dict.fromkeys(percentiles)
        for group in found.values():
            group.update(nothing)
        for row in transaction.execute(_ranked(runs, percentiles)):
            found[tuple(row[:place])].update(zip(percentiles, row[place:], strict=True))
    groups = sorted(found, key=partial(_upwards, asked))
    if asked.sort is not None:
        groups.sort(key=partial(_downwards, found, asked.sort))
    return [
        {**dict(zip(asked.by, group, strict=True)), **{name: found[group][name] for name in wanted}}
        for group in groups[: asked.limit]
    ]


def _upwards(asked: Question, group: tuple[Any, ...]) -> list[tuple[bool, Any]]:
    """Return the key of a group in the order of groups. Hours with an offset have another order than their texts."""
    key = []
    for name, value in zip(asked.by, group, strict=True):
        is_time = name == "hour" and value is not None and asked.zone is not UTC
        key.append((value is not None, datetime.fromisoformat(value).timestamp() if is_time else value))
    return key


def _downwards(found: dict[tuple[Any, ...], dict[str, Any]], name: str, group: tuple[Any, ...]) -> tuple[bool, Any]:
    value = found[group][name]
    if value is None or isinstance(value, str):
        return (True, 0)
    return (False, -value)


# --- the values of a group -------------------------------------------------------------------------------------------


def _sums(wanted: Iterable[str]) -> list[str]:
    """Return the names of the aggregates from which these columns are computed; :func:`_aggregate` builds them."""
    needed: dict[str, None] = {}
    for name in wanted:
        match name:
            case "failure_rate":
                parts = ["failed", "ended"]
            case "cost" | "currency":
                parts = ["cost", "first_currency", "last_currency"]
            case "seconds_mean":
                parts = ["total_seconds/high", "total_seconds/low", "finished"]
            case _ if name in TOKENS:
                parts = [f"{name}/high", f"{name}/low"]
            case _ if name in PERCENTILES:
                parts = []
            case _:
                parts = [name]
        needed |= dict.fromkeys(parts)
    return list(needed) or ["runs"]


def _aggregate(backend: Backend, name: str, run: Any) -> ColumnElement[Any]:
    if name in STATUSES:
        return func.count().filter(run.status == name)
    if "/" in name:
        column, half = name.split("/")
        high, low = backend.sum_in_halves(run[column])
        return high if half == "high" else low
    match name:
        case "other_status":
            return func.count().filter(run.status.is_(None) | run.status.not_in(STATUSES))
        case "ended":
            return func.count().filter(run.status.in_(ENDED))
        case "cost":
            return func.sum(run.cost)
        case "first_currency":
            return func.min(run.currency).filter(run.cost.is_not(None))
        case "last_currency":
            return func.max(run.currency).filter(run.cost.is_not(None))
        case "unpriced":
            return func.count().filter(run.total_tokens.is_not(None), run.cost.is_(None))
        case "finished":
            return func.count(run.total_seconds)
        case "unfinished":
            return func.count() - func.count(run.total_seconds)
    return func.count()


_READS = {
    **dict.fromkeys((*STATUSES, "other_status", "ended"), ("status",)),
    "cost": ("cost",),
    "unpriced": ("cost", "total_tokens"),
    **dict.fromkeys(("first_currency", "last_currency"), ("cost", "currency")),
    **dict.fromkeys(("finished", "unfinished"), ("total_seconds",)),
}
"""The columns of the view that each aggregate reads."""


def _value(name: str, values: dict[str, Any]) -> Any:
    """Compute a column of a group from its aggregates."""
    if name in TOKENS:
        return _whole(values, name)
    match name:
        case "failure_rate":
            return values["failed"] / values["ended"] if values["ended"] else None
        case "seconds_mean":
            seconds = _whole(values, "total_seconds")
            return None if seconds is None else seconds / values["finished"]
        case "cost" | "currency":
            # Amounts in different currencies cannot be added.
            alike = values["first_currency"] == values["last_currency"]
            return values["cost" if name == "cost" else "first_currency"] if alike else None
    return values[name]


def _whole(values: dict[str, Any], column: str) -> int | None:
    high, low = values[f"{column}/high"], values[f"{column}/low"]
    return None if low is None else int(high) * HALF + int(low)


# --- the statements --------------------------------------------------------------------------------------------------


class _Runs:
    """The selected runs, with the values by which they are grouped."""

    def __init__(self, transaction: Transaction, asked: Question, where: Sequence[ColumnElement[bool]]) -> None:
        self.backend = transaction.backend
        self.keys = [f"key_{place}" for place in range(len(asked.by))]
        self._by, self._where = asked.by, where
        self._times = calendar.columns(transaction, asked.zone, [name for name in asked.by if name in calendar.UNITS])

    def subquery(self, reads: Collection[str]) -> Any:
        """Return a subquery of the keys and of these columns of the view."""
        source, conditions, _ = queries.of_view(self._where)
        several = "tool" in self._by or "function" in self._by
        if several:
            source = self._with_tools(source)
        columns: list[ColumnElement[Any]] = [RUNS.c.id] if several else []
        for name, key in zip(self._by, self.keys, strict=True):
            if name.startswith(METADATA):
                pairs = RUN_METADATA.alias()
                matches = (pairs.c.run_id == RUNS.c.id) & (pairs.c.key == name.removeprefix(METADATA))
                source = source.outerjoin(pairs, matches)
                columns.append(pairs.c.value.label(key))
            else:
                columns.append((self._times[name] if name in self._times else BY[name]).label(key))
        columns += [RUNS.c[name] for name in dict.fromkeys(reads)]
        # A SELECT that counts runs needs at least one column.
        runs = select(*(columns or [RUNS.c.id])).select_from(source).where(*conditions)
        if several:
            runs = runs.distinct()  # a run with two functions has the type function twice
        return self.backend.materialized(runs, amounts="cost" in reads).subquery()

    def _with_tools(self, source: FromClause) -> FromClause:
        """Join the tools by number: their view has the ids of the runs, which would have to be looked up again."""
        of_run, of_link = TOOLS.c.run_object == RUN.c.number, TOOL.c.id == TOOLS.c.assistant_object_tools_inner
        of_tool = FUNCTION.c.id == TOOL.c.function
        source = source.join(RUN, RUN.c.id == RUNS.c.id)
        if "tool" in self._by:
            return source.outerjoin(TOOLS, of_run).outerjoin(TOOL, of_link).outerjoin(FUNCTION, of_tool)
        functions = TOOLS.join(TOOL, of_link).join(FUNCTION, of_tool & FUNCTION.c.name.is_not(None))
        return source.outerjoin(functions, of_run)


def _grouped(selected: _Runs, names: Sequence[str]) -> Select[Any]:
    reads = [column for name in names for column in _READS.get(name, (name.split("/")[0],) if "/" in name else ())]
    runs = selected.subquery(reads)
    keys = [runs.c[key] for key in selected.keys]
    values = [_aggregate(selected.backend, name, runs.c).label(name) for name in names]
    return select(*keys, *values).select_from(runs).group_by(*keys)


def _ranked(selected: _Runs, names: Sequence[str]) -> Select[Any]:
    runs = selected.subquery(["total_seconds"]).c
    window: Any = {"partition_by": [runs[key] for key in selected.keys] or None}
    ranked = (
        select(
            *(runs[key] for key in selected.keys),
            runs.total_seconds,
            func.row_number().over(**window, order_by=runs.total_seconds).label("place"),
            func.count().over(**window).label("size"),
        )
        .where(runs.total_seconds.is_not(None))
        .subquery()
    )
    keys = [ranked.c[key] for key in selected.keys]

    def percentile(percent: int) -> ColumnElement[Any]:
        share = ranked.c.size * percent
        is_it = and_(ranked.c.place * 100 >= share, (ranked.c.place - 1) * 100 < share)
        return func.max(case((is_it, ranked.c.total_seconds)))

    values = [percentile(PERCENTILES[name]).label(name) for name in names]
    return select(*keys, *values).group_by(*keys) if keys else select(*values).having(func.count() > 0)
