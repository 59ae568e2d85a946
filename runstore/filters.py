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
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import add
from typing import Any, NamedTuple, TypedDict

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, select

from runstore import wire
from runstore.backends import Backend
from runstore.errors import ConfigurationError
from runstore.mapping import BELONGS, FILES, FUNCTION, REQUIRED_ACTION, RUN, TOOL, TOOLS
from runstore.schema.run import FINISHED, IRREGULAR, REGULAR_SECONDS, SECONDS, created_order
from runstore.times import Time, seconds

Texts = str | Iterable[str]
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


class Filter(TypedDict, total=False):
    """Which runs: all conditions hold, None is no condition. Where several values are given, one of them is met."""

    id: Texts | None
    thread_id: Texts | None
    assistant_id: Texts | None
    model: Texts | None
    status: Texts | None
    created_from: Time | None
    """created_at is this or later."""
    created_before: Time | None
    """created_at is earlier than this."""
    started_from: Time | None
    started_before: Time | None
    finished_from: Time | None
    """finished_at of the view ``runs``: when the run ended, by its status."""
    finished_before: Time | None
    metadata: Mapping[str, str] | None
    """All these pairs are there."""
    metadata_key: Texts | None
    """All these keys are there."""
    tool_type: Texts | None
    """A tool of one of these types was given to the run."""
    function_name: Texts | None
    """A function of one of these names was given to the run."""
    file_id: Texts | None
    """One of these files was given to the run."""
    error_code: Texts | None
    incomplete_reason: Texts | None
    total_tokens_min: int | None
    """total_tokens are so many or more."""
    total_tokens_max: int | None
    total_seconds_min: int | None
    """It took so many seconds or more from created_at to finished_at."""
    total_seconds_max: int | None
    requires_action: bool | None
    """Whether there is a required_action."""


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


def texts(name: str, wanted: Any) -> list[str]:
    """The same without what no run can hold."""
    return list(filter(wire.is_text, _strings(name, wanted)))


def _number(name: str, value: Any) -> int:
    if type(value) is not int:
        raise ConfigurationError(detail=f"{name} is {value!r}, expected an integer")
    return max(wire.INT64[0], min(value, wire.INT64[-1]))


def _pairs(wanted: Any) -> list[tuple[str, str]] | None:
    """None where no run can have them."""
    if not isinstance(wanted, Mapping):
        raise ConfigurationError(detail=f"metadata is {wanted!r}, expected a mapping of strings to strings")
    for key, value in wanted.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ConfigurationError(detail=f"metadata has {key!r}: {value!r}, expected strings")
    pairs = list(wanted.items())
    return pairs if all(wire.is_text(text) for pair in pairs for text in pair) else None


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
    wanted = {name: value for name, value in where.items() if value is not None}
    if unknown := wanted.keys() - Filter.__annotations__.keys():
        known = ", ".join(Filter.__annotations__)
        raise ConfigurationError(detail=f"there is no filter {sorted(unknown)[0]!r}; there are {known}")
    bounds, bounds_aside = (
        [*found, RUN.c.created_at.is_not(None)] if (found := _range("created", column, wanted)) else []
        for column in (CREATED, backend.aside(CREATED))
    )
    spans = [
        _Span(and_(*found), tuple(_created_of(name, wanted)))
        for name, column in (("started", RUN.c.started_at), ("finished", FINISHED_AT))
        if (found := _range(name, column, wanted))
    ]
    made = _Conditions(backend, paged)
    conditions = [
        condition for name, make in made.by_name.items() if name in wanted for condition in make(name, wanted[name])
    ]
    conditions += made.numbers(wanted)
    return Where(tuple(bounds), tuple(bounds_aside), tuple(conditions), tuple(spans))


def _range(name: str, column: ColumnElement[int], wanted: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """Bounds on the left: SQLAlchemy gives them the column's type."""
    found: list[ColumnElement[bool]] = []
    if (first := wanted.get(f"{name}_from")) is not None:
        found.append(seconds(f"{name}_from", first) <= column)
    if (end := wanted.get(f"{name}_before")) is not None:
        found.append(seconds(f"{name}_before", end) > column)
    return found


def _created_of(name: str, wanted: Mapping[str, Any]) -> Iterable[ColumnElement[bool]]:
    """When runs were created that started or ended in this time, but for irregular ones."""
    if (first := wanted.get(f"{name}_from")) is not None:
        yield max(wire.INT64[0] + 1, seconds(f"{name}_from", first) - REGULAR_SECONDS - 2) <= CREATED
    if (end := wanted.get(f"{name}_before")) is not None:
        yield min(wire.INT64[-1], seconds(f"{name}_before", end) + 2) > CREATED


class _Conditions:
    """Makes the conditions of filters, by name."""

    def __init__(self, backend: Backend, paged: bool) -> None:
        self._backend = backend
        self._paged = paged
        column, one_of = self._of_run, self._one_of
        self.by_name: dict[str, Callable[[str, Any], Iterable[Condition]]] = {
            "id": self._id,
            **dict.fromkeys(("thread_id", "assistant_id", "model", "status"), column),
            "metadata": self._metadata,
            "metadata_key": self._metadata_key,
            "tool_type": self._tool,
            "function_name": self._tool,
            "file_id": lambda name, value: [self._of_child(FILES, one_of(FILES.c.file_ids, texts(name, value)))],
            "error_code": lambda name, value: [
                self._of_child(LAST_ERROR, one_of(LAST_ERROR.c.code, texts(name, value)))
            ],
            "incomplete_reason": lambda name, value: [
                self._of_child(INCOMPLETE, one_of(INCOMPLETE.c.reason, texts(name, value)))
            ],
            "requires_action": self._requires_action,
        }

    def _one_of(self, column: ColumnElement[Any], values: list[str]) -> ColumnElement[bool]:
        return column.in_(values) if len(values) <= FEW_VALUES else self._backend.among(column, values)

    def _id(self, name: str, value: Any) -> Iterable[Condition]:
        values = texts(name, value)
        wanted = self._one_of(RUN.c.id, values)
        yield Condition(self._one_of(self._backend.aside(RUN.c.id), values), wanted, (_rows(RUN, wanted),))

    def _of_run(self, name: str, value: Any) -> Iterable[Condition]:
        values, column = texts(name, value), RUN.c[name]
        wanted = column == values[0] if len(values) == 1 else self._one_of(column, values)
        test = self._one_of(self._backend.aside(column), values)
        alternatives = tuple(column == each for each in values)
        rows = tuple(_rows(RUN, each).order_by(CREATED) for each in alternatives[:MOST_WAYS])
        yield Condition(test, wanted, rows if len(values) <= MOST_WAYS else (), alternatives)

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

    def _tool(self, name: str, value: Any) -> Iterable[Condition]:
        source: Any = TOOL
        wanted = self._one_of(TOOL.c.type, values := texts(name, value))
        tools = select(TOOL.c.id).where(wanted)
        if name == "function_name":
            source = TOOL.join(FUNCTION, FUNCTION.c.id == TOOL.c.function)
            wanted = self._one_of(FUNCTION.c.name, values)
            functions = select(FUNCTION.c.id).where(wanted)
            tools = select(TOOL.c.id).where(self._backend.probe(TOOL.c.function, functions))
        link = TOOLS.c.assistant_object_tools_inner
        of_link = select(TOOL.c.id).select_from(source).where(TOOL.c.id == link, wanted).correlate(TOOLS)
        indexed = self._backend.probe(link, tools)
        yield self._has(TOOLS, self._exists(of_link), indexed, _rows(TOOLS, indexed))

    def _requires_action(self, name: str, value: Any) -> Iterable[Condition]:
        if not isinstance(value, bool):
            raise ConfigurationError(detail=f"{name} is {value!r}, expected True or False")
        has = self._of_child(REQUIRED_ACTION, REQUIRED_ACTION.c.run_object.is_not(None))
        yield has if value else Condition(~has.test)

    def _metadata(self, name: str, value: Any) -> Iterable[Condition]:
        pairs = _pairs(value)
        if pairs is None:
            yield Condition(RUN.c.id.is_(None))
        else:
            yield from (self._of_metadata(self._backend.has_pair(RUN.c.metadata, *pair)) for pair in pairs)

    def _metadata_key(self, name: str, value: Any) -> Iterable[Condition]:
        keys = _strings(name, value)
        if all(map(wire.is_text, keys)):
            yield from (self._of_metadata(self._backend.has_key(RUN.c.metadata, key)) for key in keys)
        else:
            yield Condition(RUN.c.id.is_(None))

    @staticmethod
    def _of_metadata(wanted: tuple[ColumnElement[bool], ColumnElement[bool] | None]) -> Condition:
        test, drive = wanted
        return Condition(test, drive)

    def numbers(self, wanted: Mapping[str, Any]) -> Iterable[Condition]:
        """Ranges of tokens and seconds."""
        if found := self._between(USAGE.c.total_tokens, "total_tokens", wanted):
            yield self._of_child(USAGE, and_(*found), USAGE.c.total_tokens)
        if found := self._between(TOTAL_SECONDS, "total_seconds", wanted):
            test = self._between(self._backend.aside(TOTAL_SECONDS), "total_seconds", wanted)
            yield Condition(and_(*test), and_(*found), (_rows(RUN, and_(*found)).order_by(TOTAL_SECONDS),))

    @staticmethod
    def _between(column: ColumnElement[int], name: str, wanted: Mapping[str, Any]) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if (least := wanted.get(f"{name}_min")) is not None:
            found.append(column >= _number(f"{name}_min", least))
        if (most := wanted.get(f"{name}_max")) is not None:
            found.append(column <= _number(f"{name}_max", most))
        return found


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
        return Chosen([Way(way, backend.aside(CREATED), RUN.c.id)], walks=False)
    spans: list[list[ColumnElement[bool]]] = [[]]
    if where.spans:
        regular = [bound for span in where.spans for bound in span.created]
        spans = [[*regular, IS_REGULAR], [IS_IRREGULAR]] if answers[-1] else [regular]
    in_order = next((condition for condition in where.conditions if condition.alternatives), None)
    if in_order is not None and len(in_order.alternatives) * len(spans) > MOST_WAYS:
        in_order = None
    others = [condition.test for condition in where.conditions if condition is not in_order]
    served = [[one] for one in in_order.alternatives] if in_order else [[]]
    run_id = backend.aside(RUN.c.id) if in_order else RUN.c.id
    ways = [Way([*one, *span, *where.bounds, *others, *tests], CREATED, run_id) for one, span in product(served, spans)]
    return Chosen(ways, walks=bool(others))
