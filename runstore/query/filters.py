"""Which runs: conditions as people say them, and the way to the runs that meet them.

A page of runs comes in the order of created_at. Where most runs meet a condition the shortest way is to walk in that
order and to look at each run; where few do, it is to fetch those few by an index and to sort them. Databases guess
between the two, SQLite without knowing anything of the values, and a wrong guess reads the whole archive. So each
:class:`Condition` says both ways, and :func:`choose` does by having
counted what the indexes hold, as far as it matters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain, product
from operator import add
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, select

from runstore import wire
from runstore.backends import Backend
from runstore.errors import ConfigurationError, no_such
from runstore.mapping import BELONGS, FILES, FUNCTION, REQUIRED_ACTION, RUN, TOOL, TOOLS
from runstore.query.criteria import FILTERS, Kind
from runstore.schema.run import FINISHED, IRREGULAR, REGULAR_SECONDS, SECONDS, created_order
from runstore.times import seconds

FEW = 1500
"""Runs that are quicker fetched one by one and sorted than met on a walk through all."""

MANY = 200_000
"""Runs that are still quicker fetched than looked for through a whole archive, where they are not met on the way."""

HORIZON = 3000
"""How far a walk goes before it is asked whether there is another way: runs of one kind may lie far back in time."""

FEW_VALUES = 1000
"""Values of one condition that are a parameter each: databases have room for some ten thousand in a statement."""

MOST_WAYS = 16
"""Ways that are gone side by side for one page."""


@dataclass(frozen=True, eq=False)
class Condition:
    """One condition, as SQL."""

    test: ColumnElement[bool]
    """Of a run that is at hand: makes no database look for an index."""
    drive: ColumnElement[bool] | None = None
    """The same by way of an index, for few runs."""
    rows: tuple[Select[Any], ...] = ()
    """What that index gives, a row for each run (or nearly so: a run may have a tool twice), ordered by the index where
    a database could take it for shorter to read the table. Empty where the index cannot be counted in part."""
    alternatives: tuple[ColumnElement[bool], ...] = ()
    """The same in parts that have no run in common, each of which an index gives in the order of pages."""


CREATED = created_order()


def _of_table(expression: str) -> str:
    """The expression of an index, with the table before each column: others that a SELECT joins have such names too."""
    return re.sub(r"\b(status|\w+_at)\b", rf"{RUN.name}.\1", expression)


FINISHED_AT: ColumnElement[int] = literal_column(f"({_of_table(FINISHED)})", RUN.c.created_at.type)
TOTAL_SECONDS: ColumnElement[int] = literal_column(f"({_of_table(SECONDS)})", RUN.c.created_at.type)
IS_IRREGULAR: ColumnElement[bool] = literal_column(f"({_of_table(IRREGULAR)})")
IS_REGULAR: ColumnElement[bool] = literal_column(f"(({_of_table(IRREGULAR)}) IS NOT TRUE)")
USAGE, LAST_ERROR, INCOMPLETE = BELONGS["usage"], BELONGS["last_error"], BELONGS["incomplete_details"]


# --- values ----------------------------------------------------------------------------------------------------------


def _strings(name: str, wanted: Any) -> list[str]:
    """One string or several, each once. Raises :class:`ConfigurationError`."""
    values = [wanted] if isinstance(wanted, str) else list(wanted) if isinstance(wanted, Iterable) else [wanted]
    for value in values:
        if not isinstance(value, str):
            raise ConfigurationError(detail=f"{name} is {value!r}, expected a string or several")
    return list(dict.fromkeys(values))


def _number(name: str, value: Any) -> int:
    if type(value) is not int:
        raise ConfigurationError(detail=f"{name} is {value!r}, expected an integer")
    return max(wire.INT64[0], min(value, wire.INT64[-1]))


def _pairs(name: str, wanted: Any) -> dict[str, str]:
    if not isinstance(wanted, Mapping):
        raise ConfigurationError(detail=f"{name} is {wanted!r}, expected a mapping of strings to strings")
    for key, value in wanted.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ConfigurationError(detail=f"{name} has {key!r}: {value!r}, expected strings")
    return dict(wanted)


def _yes_or_no(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(detail=f"{name} is {value!r}, expected True or False")
    return value


_READERS: dict[Kind, Callable[[str, Any], Any]] = {
    Kind.ONE_OF: _strings,
    Kind.ALL_OF: _strings,
    Kind.PAIRS: _pairs,
    Kind.TIME: seconds,
    Kind.NUMBER: _number,
    Kind.YES_OR_NO: _yes_or_no,
}


def read(where: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a filter, checked, as they can be read again: iterables as lists, times and ages as seconds.

    None is left out. Raises :class:`ConfigurationError` for a name or a value that is none of a filter's.
    """
    wanted = {name: value for name, value in where.items() if value is not None}
    if unknown := wanted.keys() - FILTERS.keys():
        raise no_such("filter", sorted(unknown)[0], FILTERS)
    return {name: _READERS[FILTERS[name].kind](name, wanted[name]) for name in FILTERS if name in wanted}


# --- conditions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Where:
    """A filter that was understood."""

    bounds: tuple[ColumnElement[bool], ...]
    """On created_at itself: the index of the order serves them."""
    bounds_aside: tuple[ColumnElement[bool], ...]
    """The same for the way by another index."""
    conditions: tuple[Condition, ...]
    spans: tuple[_Span, ...]
    """On the time a run started or ended."""

    @property
    def countable(self) -> list[Condition]:
        """The conditions that have an index of their own of which the beginning can be counted."""
        return [condition for condition in self.conditions if condition.rows]

    @property
    def is_served_in_order(self) -> bool:
        """Whether one index gives the runs in order, and nothing is to be chosen."""
        return not self.conditions or (
            len(self.conditions) == 1 and 0 < len(self.conditions[0].alternatives) <= MOST_WAYS // 2
        )

    def tests(self) -> list[ColumnElement[bool]]:
        """All of it, as the database likes best to find it."""
        return [*self.bounds, *(condition.test for condition in self.conditions), *(span.test for span in self.spans)]


@dataclass(frozen=True)
class _Span:
    test: ColumnElement[bool]
    created: tuple[ColumnElement[bool], ...]
    """What holds for created_at where a run is regular."""


def understood(backend: Backend, where: Mapping[str, Any], *, paged: bool) -> Where:
    """A filter as conditions; *paged* ones are looked at run by run wherever no way was chosen for them.

    Raises :class:`ConfigurationError` for a name or a value that is none of a filter's.
    """
    made = _Conditions(backend, paged)
    by_maker: dict[_Maker, dict[str, Any]] = {}
    for name, value in read(where).items():
        by_maker.setdefault(MAKERS[name], {})[name] = value
    for make, values in by_maker.items():
        make(made, **values)
    return Where(tuple(made.bounds), tuple(made.bounds_aside), tuple(made.conditions), tuple(made.spans))


_Maker = Callable[..., None]
"""Adds to conditions what some filters mean; takes those that are given by their names."""


def _range(
    column: ColumnElement[int], first: int | None = None, end: int | None = None, last: int | None = None
) -> list[ColumnElement[bool]]:
    """From *first* on, before *end*, up to *last*. Bounds on the left: SQLAlchemy gives them the column's type."""
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
    """The conditions of a filter while they are made."""

    _backend: Backend
    _paged: bool
    bounds: list[ColumnElement[bool]] = field(default_factory=list)
    bounds_aside: list[ColumnElement[bool]] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    spans: list[_Span] = field(default_factory=list)

    # --- of the run's own row

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
        """Without an index: sources are few, and to keep one would cost each import."""
        self.conditions.append(Condition(self._one_of(RUN.c.source, _possible(source))))

    def created(self, *, created_from: int | None = None, created_before: int | None = None) -> None:
        there = RUN.c.created_at.is_not(None)
        self.bounds += [*_range(CREATED, created_from, created_before), there]
        self.bounds_aside += [*_range(self._backend.without_index(CREATED), created_from, created_before), there]

    def started(self, *, started_from: int | None = None, started_before: int | None = None) -> None:
        self._span(RUN.c.started_at, started_from, started_before)

    def finished(self, *, finished_from: int | None = None, finished_before: int | None = None) -> None:
        self._span(FINISHED_AT, finished_from, finished_before)

    def _span(self, column: ColumnElement[int], first: int | None, end: int | None) -> None:
        """The second part says when runs were created that started or ended in this time, but for irregular ones."""
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

    # --- of rows that belong to it, and of tools

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

    # --- how

    def _one_of(self, column: ColumnElement[Any], values: list[str]) -> ColumnElement[bool]:
        return column.in_(values) if len(values) <= FEW_VALUES else self._backend.among(column, values)

    def _of_child(self, table: Any, wanted: ColumnElement[bool], order: ColumnElement[Any] | None = None) -> Condition:
        """A row of a table of what belongs to runs."""
        rows = _rows(table, wanted)
        return self._has(table, wanted, wanted, rows if order is None else rows.order_by(order))

    def _has(
        self, table: Any, wanted: ColumnElement[bool], indexed: ColumnElement[bool], rows: Select[Any]
    ) -> Condition:
        has = self._exists(select(table.c.run_object).where(table.c.run_object == RUN.c.id, wanted).correlate(RUN))
        found = select(table.c.run_object).where(indexed)
        return Condition(has, self._backend.probe(RUN.c.id, found), (rows,))

    def _exists(self, rows: Select[Any]) -> ColumnElement[bool]:
        """OFFSET keeps PostgreSQL from making a join of it: that would lose the order of pages, or begin elsewhere."""
        return (rows.offset(0) if self._paged else rows).exists()


_NOWHERE = Condition(RUN.c.id.is_(None))
"""What no run can meet."""


def _possible(values: list[str]) -> list[str]:
    """Without what no run can hold."""
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
    "tool_type": _Conditions.tool_type,
    "function_name": _Conditions.function_name,
    "file_id": _Conditions.file_id,
    "error_code": _Conditions.error_code,
    "incomplete_reason": _Conditions.incomplete_reason,
    **dict.fromkeys(("total_tokens_min", "total_tokens_max"), _Conditions.tokens),
    **dict.fromkeys(("total_seconds_min", "total_seconds_max"), _Conditions.seconds),
    "requires_action": _Conditions.requires_action,
}
"""What makes the conditions of each filter."""


def _rows(source: Any, wanted: ColumnElement[bool]) -> Select[Any]:
    """Of nothing but the index."""
    return select(literal_column("1")).select_from(source).where(wanted).correlate(None)


# --- the way ---------------------------------------------------------------------------------------------------------


class Way(NamedTuple):
    """How to find runs."""

    conditions: list[ColumnElement[bool]]
    created: ColumnElement[int]
    """created_at as they are ordered by it and compared with a place: by its index, or aside of it."""
    id: ColumnElement[str]
    """The id as they are ordered by it after that. Aside where the index of a condition has the order but for the id:
    else a database may prefer the index that has all of the order, and looks for rare runs among all."""


class Chosen(NamedTuple):
    """Ways whose runs, none in two of them, are together those of the filter."""

    ways: list[Way]
    walks: bool
    """Whether runs are looked at that may be far from meeting the conditions."""


def questions(where: Where, most: int) -> list[ColumnElement[int]]:
    """What has to be known for :func:`choose`: one number each, for which *most* index entries are read."""
    asked: list[ColumnElement[int]] = []
    if not where.is_served_in_order:
        asked += [_counted(condition.rows, most) for condition in where.countable]
    if where.spans:
        asked.append(_counted([_rows(RUN, IS_IRREGULAR).order_by(CREATED)], 0))
    return asked


def _counted(rows: Sequence[Select[Any]], most: int) -> ColumnElement[int]:
    """How many rows, of each SELECT at most one more than *most*."""
    counts = [select(func.count()).select_from(each.limit(most + 1).subquery()).scalar_subquery() for each in rows]
    return reduce(add, counts)


def choose(backend: Backend, where: Where, answers: Sequence[int], most: int, *, last: bool = True) -> Chosen:
    """The way by an index that gives no more than *most* runs, else the walk in the order of the runs.

    An index that cannot be counted is preferred to a walk, if that is the *last* choice.
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
