"""Filters as SQL conditions, and the choice of the way to find the runs that meet them.

A page of runs is ordered by created_at. If many runs meet a condition, it is fastest to walk in that order and to test
each run. If few runs meet it, it is fastest to fetch them by an index and to sort them. Databases guess between the
two, SQLite without statistics about values, and a wrong guess reads the whole archive. Therefore each
:class:`Condition` offers both ways, and :func:`choose` decides after the database has counted entries of the indexes,
as far as that matters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import partial, reduce
from itertools import chain, product
from operator import add
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select

from runstore import wire
from runstore.backends import Backend
from runstore.errors import InvalidArgument, no_such
from runstore.mapping import BELONGS, FILES, FUNCTION, INSTRUCTIONS, REQUIRED_ACTION, RUN, TOOL, TOOLS
from runstore.query.criteria import FILTERS, Kind
from runstore.schema.run import FINISHED, IRREGULAR, REGULAR_SECONDS, SECONDS, created_order
from runstore.times import seconds

FEW = 1500
"""Maximum number of runs that are faster to fetch and sort than to find on a walk."""

MANY = 200_000
"""Maximum number of runs that are faster to fetch than to find on a walk through a whole archive."""

HORIZON = 3000
"""Runs after which a walk stops to look for another way, because the wanted runs may be far back in time."""

FEW_VALUES = 1000
"""Values of a condition that are parameters of their own; databases allow some ten thousand in a statement."""

MOST_WAYS = 16
"""Maximum number of ways that are combined for one page."""


@dataclass(frozen=True, eq=False)
class Condition:
    """One condition, as SQL."""

    test: ColumnElement[bool]
    """The condition for testing a run, written so that no database uses an index for it."""
    drive: ColumnElement[bool] | None = None
    """The condition for finding few runs by an index."""
    rows: tuple[Select[Any], ...] = ()
    """SELECTs of the entries of that index, about one for each run (a run may have a tool twice). They are ordered by
    the index if a database might otherwise scan the table. Empty if the index cannot be counted in part."""
    alternatives: tuple[ColumnElement[bool], ...] = ()
    """The condition in disjoint parts, for each of which an index returns the runs in the order of pages."""


CREATED = created_order()


def _of_table(expression: str) -> str:
    """Return the expression of an index with qualified columns, because joined tables have columns with these names."""
    return re.sub(r"\b(status|\w+_at)\b", rf"{RUN.name}.\1", expression)


FINISHED_AT: ColumnElement[int] = literal_column(f"({_of_table(FINISHED)})", RUN.c.created_at.type)
TOTAL_SECONDS: ColumnElement[int] = literal_column(f"({_of_table(SECONDS)})", RUN.c.created_at.type)
IS_IRREGULAR: ColumnElement[bool] = literal_column(f"({_of_table(IRREGULAR)})")
IS_REGULAR: ColumnElement[bool] = literal_column(f"(({_of_table(IRREGULAR)}) IS NOT TRUE)")
USAGE, LAST_ERROR, INCOMPLETE = BELONGS["usage"], BELONGS["last_error"], BELONGS["incomplete_details"]


# --- values ----------------------------------------------------------------------------------------------------------


def _strings(name: str, wanted: Any) -> list[str]:
    """Return one string or several as a list without duplicates. Raise :class:`InvalidArgument`."""
    values = [wanted] if isinstance(wanted, str) else list(wanted) if isinstance(wanted, Iterable) else [wanted]
    for value in values:
        if not isinstance(value, str):
            raise InvalidArgument(argument=name, reason=f"is {value!r}, expected a string or several strings")
    return list(dict.fromkeys(values))


def _number(name: str, value: Any) -> int:
    if type(value) is not int:
        raise InvalidArgument(argument=name, reason=f"is {value!r}, expected an integer")
    return max(wire.INT64[0], min(value, wire.INT64[-1]))


def _pairs(name: str, wanted: Any) -> dict[str, str]:
    if not isinstance(wanted, Mapping):
        raise InvalidArgument(argument=name, reason=f"is {wanted!r}, expected a mapping of strings to strings")
    for key, value in wanted.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise InvalidArgument(argument=name, reason=f"contains {key!r}: {value!r}, expected strings")
    return dict(wanted)


def _yes_or_no(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidArgument(argument=name, reason=f"is {value!r}, expected True or False")
    return value


_READERS: dict[Kind, Callable[[str, Any], Any]] = {  # except for times, whose reader depends on the zone
    Kind.ONE_OF: _strings,
    Kind.ALL_OF: _strings,
    Kind.PAIRS: _pairs,
    Kind.NUMBER: _number,
    Kind.YES_OR_NO: _yes_or_no,
}


def read(where: Mapping[str, Any], zone: tzinfo = UTC) -> dict[str, Any]:
    """Return the checked values of a filter: iterables as lists, times and ages as seconds, None omitted.

    *zone* is that of dates and of datetimes without a zone. Raise :class:`ConfigurationError` for an unknown filter or
    an invalid value.
    """
    wanted = {name: value for name, value in where.items() if value is not None}
    if unknown := wanted.keys() - FILTERS.keys():
        raise no_such("filter", sorted(unknown)[0], FILTERS)
    readers: dict[Kind, Callable[[str, Any], Any]] = {**_READERS, Kind.TIME: partial(seconds, zone=zone)}
    return {name: readers[FILTERS[name].kind](name, wanted[name]) for name in FILTERS if name in wanted}


# --- conditions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Where:
    """A filter as conditions."""

    bounds: tuple[ColumnElement[bool], ...]
    """Bounds of created_at, for which the index of the order is used."""
    bounds_aside: tuple[ColumnElement[bool], ...]
    """The same bounds for the way by another index."""
    conditions: tuple[Condition, ...]
    spans: tuple[_Span, ...]
    """Conditions on the time at which a run started or ended."""

    @property
    def countable(self) -> list[Condition]:
        """The conditions with an index whose first entries can be counted."""
        return [condition for condition in self.conditions if condition.rows]

    @property
    def is_served_in_order(self) -> bool:
        """Whether one index returns the runs in order, so that there is nothing to choose."""
        return not self.conditions or (
            len(self.conditions) == 1 and 0 < len(self.conditions[0].alternatives) <= MOST_WAYS // 2
        )

    def tests(self) -> list[ColumnElement[bool]]:
        """Return all conditions, leaving the plan to the database."""
        return [*self.bounds, *(condition.test for condition in self.conditions), *(span.test for span in self.spans)]


@dataclass(frozen=True)
class _Span:
    test: ColumnElement[bool]
    created: tuple[ColumnElement[bool], ...]
    """Bounds of created_at that follow from the condition if a run is regular."""


def understood(backend: Backend, where: Mapping[str, Any], *, paged: bool) -> Where:
    """Return a filter as conditions. With *paged*, they are written so that runs are tested one by one.

    Raise :class:`ConfigurationError` for an unknown filter or an invalid value.
    """
    made = _Conditions(backend, paged)
    by_maker: dict[_Maker, dict[str, Any]] = {}
    for name, value in read(where).items():
        by_maker.setdefault(MAKERS[name], {})[name] = value
    for make, values in by_maker.items():
        make(made, **values)
    return Where(tuple(made.bounds), tuple(made.bounds_aside), tuple(made.conditions), tuple(made.spans))


_Maker = Callable[..., None]
"""A method that adds the conditions of some filters, which it takes as keyword arguments."""


def _range(
    column: ColumnElement[int], first: int | None = None, end: int | None = None, last: int | None = None
) -> list[ColumnElement[bool]]:
    """Return bounds: from *first*, before *end*, up to *last*. On the left, SQLAlchemy gives them the column's type."""
    found: list[ColumnElement[bool]] = []
    if first is not None:
        found.append(first <= column)
    if end is not None:
        found.append(end > column)
    if last is not None:
        found.append(last >= column)
    return found


@dataclass
class _Conditions:
    """The conditions of a filter while they are built."""

    _backend: Backend
    _paged: bool
    bounds: list[ColumnElement[bool]] = field(default_factory=list)
    bounds_aside: list[ColumnElement[bool]] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    spans: list[_Span] = field(default_factory=list)

    # --- conditions on the row of the run

    def run_id(self, *, id: list[str]) -> None:  # noqa: A002
        values = _possible(id)
        wanted = self._one_of(RUN.c.id, values)
        aside = self._one_of(self._backend.without_index(RUN.c.id), values)
        self.conditions.append(Condition(aside, wanted, (_rows(RUN, wanted),)))

    def column(self, **wanted: list[str]) -> None:
        for name, given in wanted.items():
            values, column = _possible(given), RUN.c[name]
            equal = column == values[0] if len(values) == 1 else self._one_of(column, values)
            test = self._one_of(self._backend.without_index(column), values)
            alternatives = tuple(column == each for each in values)
            rows = tuple(_rows(RUN, each).order_by(CREATED) for each in alternatives[:MOST_WAYS])
            self.conditions.append(Condition(test, equal, rows if len(values) <= MOST_WAYS else (), alternatives))

    def source(self, *, source: list[str]) -> None:
        """Add a condition without an index: there are few sources, and an index would slow down each import."""
        self.conditions.append(Condition(self._one_of(RUN.c.source, _possible(source))))

    def created(self, *, created_from: int | None = None, created_before: int | None = None) -> None:
        exists = RUN.c.created_at.is_not(None)
        self.bounds += [*_range(CREATED, created_from, created_before), exists]
        self.bounds_aside += [*_range(self._backend.without_index(CREATED), created_from, created_before), exists]

    def started(self, *, started_from: int | None = None, started_before: int | None = None) -> None:
        self._span(RUN.c.started_at, started_from, started_before)

    def finished(self, *, finished_from: int | None = None, finished_before: int | None = None) -> None:
        self._span(FINISHED_AT, finished_from, finished_before)

    def _span(self, column: ColumnElement[int], first: int | None, end: int | None) -> None:
        """Add a condition, and the bounds of created_at that follow from it for all but irregular runs."""
        created_first = None if first is None else max(wire.INT64[0] + 1, first - REGULAR_SECONDS - 2)
        created_end = None if end is None else min(wire.INT64[-1], end + 2)
        self.spans.append(_Span(and_(*_range(column, first, end)), tuple(_range(CREATED, created_first, created_end))))

    def seconds(self, *, total_seconds_min: int | None = None, total_seconds_max: int | None = None) -> None:
        wanted = and_(*_range(TOTAL_SECONDS, total_seconds_min, last=total_seconds_max))
        aside = self._backend.without_index(TOTAL_SECONDS)
        test = and_(*_range(aside, total_seconds_min, last=total_seconds_max))
        self.conditions.append(Condition(test, wanted, (_rows(RUN, wanted).order_by(TOTAL_SECONDS),)))

    def metadata(self, *, metadata: dict[str, str]) -> None:
        if not all(map(wire.is_text, chain.from_iterable(metadata.items()))):
            self.conditions.append(_NOWHERE)
            return
        self.conditions += [Condition(*self._backend.has_pair(RUN.c.metadata, *pair)) for pair in metadata.items()]

    def metadata_key(self, *, metadata_key: list[str]) -> None:
        if not all(map(wire.is_text, metadata_key)):
            self.conditions.append(_NOWHERE)
            return
        self.conditions += [Condition(*self._backend.has_key(RUN.c.metadata, key)) for key in metadata_key]

    def text(self, *, text: list[str]) -> None:
        """Add a condition without an index, written in two ways.

        A walk looks at the prompt of each run. If that finds too little, all prompts and errors are searched once, and
        then the runs for their keys: many runs share a prompt.
        """
        for each in text:
            if not wire.is_text(each):
                self.conditions.append(_NOWHERE)
                continue
            in_prompt = self._backend.contains(INSTRUCTIONS.c.instructions, each)
            in_error = self._backend.contains(LAST_ERROR.c.message, each)
            # In the metadata, the text of a string is spelled as in JSON.
            in_metadata = self._backend.contains(RUN.c.metadata, wire.encode(each)[1:-1].decode())
            prompt = select(INSTRUCTIONS.c.id).where(INSTRUCTIONS.c.id == RUN.c.instructions_id, in_prompt)
            error = select(LAST_ERROR.c.run_object).where(LAST_ERROR.c.run_object == RUN.c.number, in_error)
            test = or_(in_metadata, self._exists(prompt.correlate(RUN)), self._exists(error.correlate(RUN)))
            drive = or_(
                in_metadata,
                RUN.c.instructions_id.in_(select(INSTRUCTIONS.c.id).where(in_prompt)),
                RUN.c.number.in_(select(LAST_ERROR.c.run_object).where(in_error)),
            )
            self.conditions.append(Condition(test, drive))

    # --- conditions on rows that belong to the run, and on tools

    def tool_type(self, *, tool_type: list[str]) -> None:
        wanted = self._one_of(TOOL.c.type, _possible(tool_type))
        self._tool(TOOL, wanted, select(TOOL.c.id).where(wanted))

    def function_name(self, *, function_name: list[str]) -> None:
        wanted = self._one_of(FUNCTION.c.name, _possible(function_name))
        functions = select(FUNCTION.c.id).where(wanted)
        tools = select(TOOL.c.id).where(self._backend.probe(TOOL.c.function, functions))
        self._tool(TOOL.join(FUNCTION, FUNCTION.c.id == TOOL.c.function), wanted, tools)

    def _tool(self, source: Any, wanted: ColumnElement[bool], tools: Select[Any]) -> None:
        link = TOOLS.c.assistant_object_tools_inner
        of_link = select(TOOL.c.id).select_from(source).where(TOOL.c.id == link, wanted).correlate(TOOLS)
        indexed = self._backend.probe(link, tools)
        self.conditions.append(self._has(TOOLS, self._exists(of_link), indexed, _rows(TOOLS, indexed)))

    def file_id(self, *, file_id: list[str]) -> None:
        self.conditions.append(self._of_child(FILES, self._one_of(FILES.c.file_ids, _possible(file_id))))

    def error_code(self, *, error_code: list[str]) -> None:
        self.conditions.append(self._of_child(LAST_ERROR, self._one_of(LAST_ERROR.c.code, _possible(error_code))))

    def incomplete_reason(self, *, incomplete_reason: list[str]) -> None:
        wanted = self._one_of(INCOMPLETE.c.reason, _possible(incomplete_reason))
        self.conditions.append(self._of_child(INCOMPLETE, wanted))

    def tokens(self, *, total_tokens_min: int | None = None, total_tokens_max: int | None = None) -> None:
        wanted = and_(*_range(USAGE.c.total_tokens, total_tokens_min, last=total_tokens_max))
        self.conditions.append(self._of_child(USAGE, wanted, USAGE.c.total_tokens))

    def requires_action(self, *, requires_action: bool) -> None:
        has = self._of_child(REQUIRED_ACTION, REQUIRED_ACTION.c.run_object.is_not(None))
        self.conditions.append(has if requires_action else Condition(~has.test))

    # --- parts of conditions

    def _one_of(self, column: ColumnElement[Any], values: list[str]) -> ColumnElement[bool]:
        return one_of(self._backend, column, values)

    def _of_child(self, table: Any, wanted: ColumnElement[bool], order: ColumnElement[Any] | None = None) -> Condition:
        """Return the condition that a run has such a row in a child table."""
        rows = _rows(table, wanted)
        return self._has(table, wanted, wanted, rows if order is None else rows.order_by(order))

    def _has(
        self, table: Any, wanted: ColumnElement[bool], indexed: ColumnElement[bool], rows: Select[Any]
    ) -> Condition:
        has = self._exists(select(table.c.run_object).where(table.c.run_object == RUN.c.number, wanted).correlate(RUN))
        found = select(table.c.run_object).where(indexed)
        return Condition(has, self._backend.probe(RUN.c.number, found), (rows,))

    def _exists(self, rows: Select[Any]) -> ColumnElement[bool]:
        """Return EXISTS, for pages with an OFFSET: PostgreSQL must not turn it into a join, which loses the order."""
        return (rows.offset(0) if self._paged else rows).exists()


def one_of(backend: Backend, column: ColumnElement[Any], values: list[str]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values, for which its index is used."""
    return column.in_(values) if len(values) <= FEW_VALUES else backend.among(column, values)


_NOWHERE = Condition(RUN.c.id.is_(None))
"""A condition that no run can meet."""


def _possible(values: list[str]) -> list[str]:
    """Return the values that a run can hold."""
    return list(filter(wire.is_text, values))


MAKERS: dict[str, _Maker] = {
    "id": _Conditions.run_id,
    **dict.fromkeys(("thread_id", "assistant_id", "model", "status"), _Conditions.column),
    "source": _Conditions.source,
    **dict.fromkeys(("created_from", "created_before"), _Conditions.created),
    **dict.fromkeys(("started_from", "started_before"), _Conditions.started),
    **dict.fromkeys(("finished_from", "finished_before"), _Conditions.finished),
    "metadata": _Conditions.metadata,
    "metadata_key": _Conditions.metadata_key,
    "text": _Conditions.text,
    "tool_type": _Conditions.tool_type,
    "function_name": _Conditions.function_name,
    "file_id": _Conditions.file_id,
    "error_code": _Conditions.error_code,
    "incomplete_reason": _Conditions.incomplete_reason,
    **dict.fromkeys(("total_tokens_min", "total_tokens_max"), _Conditions.tokens),
    **dict.fromkeys(("total_seconds_min", "total_seconds_max"), _Conditions.seconds),
    "requires_action": _Conditions.requires_action,
}
"""The method that adds the conditions of each filter."""


def _rows(source: Any, wanted: ColumnElement[bool]) -> Select[Any]:
    """Return a SELECT that reads only the index."""
    return select(literal_column("1")).select_from(source).where(wanted).correlate(None)


# --- the way ---------------------------------------------------------------------------------------------------------


class Way(NamedTuple):
    """A way to find runs."""

    conditions: list[ColumnElement[bool]]
    created: ColumnElement[int]
    """created_at, by which runs are ordered and compared with a place; with or without its index."""
    id: ColumnElement[str]
    """The second key of the order. It is without its index if the index of a condition has the order except for the id:
    otherwise, a database might prefer the index of the whole order, and look for rare runs among all runs."""


class Chosen(NamedTuple):
    """Disjoint ways that together find all runs of the filter."""

    ways: list[Way]
    walks: bool
    """Whether the ways test runs that may not meet the conditions."""


def questions(where: Where, most: int) -> list[ColumnElement[int]]:
    """Return the counts that :func:`choose` needs; for each one, about *most* index entries are read."""
    asked: list[ColumnElement[int]] = []
    if not where.is_served_in_order:
        asked += [_counted(condition.rows, most) for condition in where.countable]
    if where.spans:
        asked.append(_counted([_rows(RUN, IS_IRREGULAR).order_by(CREATED)], 0))
    return asked


def _counted(rows: Sequence[Select[Any]], most: int) -> ColumnElement[int]:
    """Return the number of rows of these SELECTs, each counted up to one more than *most*."""
    counts = [select(func.count()).select_from(each.limit(most + 1).subquery()).scalar_subquery() for each in rows]
    return reduce(add, counts)


def choose(backend: Backend, where: Where, answers: Sequence[int], most: int, *, last: bool = True) -> Chosen:
    """Return the way by an index if it finds at most *most* runs, else the walk in the order of the runs.

    If this is the *last* choice, an index that cannot be counted is preferred to a walk.
    """
    counts = {} if where.is_served_in_order else dict(zip(where.countable, answers, strict=False))
    tests = [span.test for span in where.spans]
    few = min((condition for condition in counts if counts[condition] <= most), key=counts.__getitem__, default=None)
    if few is None and last:
        few = next(
            (condition for condition in where.conditions if condition.drive is not None and not condition.rows), None
        )
    if few is not None and few.drive is not None:
        others = [condition.test for condition in where.conditions if condition is not few]
        way = [few.drive, *where.bounds_aside, *others, *tests]
        return Chosen([Way(way, backend.without_index(CREATED), RUN.c.id)], walks=False)
    spans: list[list[ColumnElement[bool]]] = [[]]
    if where.spans:
        regular = [bound for span in where.spans for bound in span.created]
        spans = [[*regular, IS_REGULAR], [IS_IRREGULAR]] if answers[-1] else [regular]
    in_order = next((condition for condition in where.conditions if condition.alternatives), None)
    if in_order is not None and len(in_order.alternatives) * len(spans) > MOST_WAYS:
        in_order = None
    others = [condition.test for condition in where.conditions if condition is not in_order]
    served = [[one] for one in in_order.alternatives] if in_order else [[]]
    run_id = backend.without_index(RUN.c.id) if in_order else RUN.c.id
    ways = [Way([*one, *span, *where.bounds, *others, *tests], CREATED, run_id) for one, span in product(served, spans)]
    return Chosen(ways, walks=bool(others))
