"""SELECTs over runs: the one statement that reads runs, their order, and pages."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnClause,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import FromClause, ScalarSelect, SelectBase

from runstore import wire
from runstore.backends import Backend
from runstore.errors import ConfigurationError, InvalidArgument, not_one_of
from runstore.mapping import BELONGS, CALLS, COLUMNS, FILES, REQUIRED_ACTION, RUN, TOOLS, StoredRun
from runstore.query.filters import CREATED, Way
from runstore.schema.base import JSONText, Number
from runstore.schema.views import RUNS

_PARTS = {"required_action": REQUIRED_ACTION, **BELONGS}


@lru_cache
def runs(backend: Backend) -> Select[Any]:
    """Return the one statement that reads whole runs, so that no reader sees half a run.

    :func:`stored_run` takes its rows.
    """
    columns: list[ColumnElement[Any]] = [readable(backend, column) for column in RUN.columns]
    source: Any = RUN
    for member, table in _PARTS.items():
        part, matches = backend.joined_by_key(table, table.c.run_object == RUN.c.number)
        source = source.outerjoin(part, matches)
        columns += [readable(backend, column).label(f"{member}_{column.name}") for column in part.columns]
    # The list is cast to text, because SQLite forgets in a sort that a value is JSON.
    of_call = [readable(backend, column) for column in CALLS.columns if not column.primary_key]
    call = backend.text(getattr(func, backend.tuple_function)(*of_call))
    columns += [
        _list(backend, TOOLS.c.assistant_object_tools_inner, TOOLS.c),
        _list(backend, FILES.c.file_ids, FILES.c),
        _list(backend, call, CALLS.c),
    ]
    return select(*columns).select_from(source)


@lru_cache
def run_by_id(backend: Backend) -> Select[Any]:
    """Return :func:`runs` for the parameter ``id``: PostgreSQL keeps a plan for one id, but not for a list."""
    return runs(backend).where(RUN.c.id == bindparam("id"))


@lru_cache
def runs_by_id(backend: Backend) -> Select[Any]:
    """Return :func:`runs` for the list in the parameter ``ids``."""
    return runs(backend).where(backend.among(RUN.c.id, "ids"))


def readable(backend: Backend, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column as the mapping reads it, with JSON as text."""
    return backend.text(column) if isinstance(column.type, JSONText) else column


def _list(backend: Backend, value: ColumnElement[Any], link: Any) -> ScalarSelect[Any]:
    """Return a run's rows in a link table as the text of a JSON array, in order."""
    ordered = select(value.label("value")).where(link.run_object == RUN.c.number).order_by(link.position)
    values = ordered.correlate(RUN).subquery()
    return select(backend.text(getattr(func, backend.array_function)(values.c.value))).correlate(RUN).scalar_subquery()


def stored_run(row: Row[Any]) -> StoredRun:
    """Return a row of :func:`runs` split into its parts."""
    values = tuple(row)
    parts: dict[str, dict[str, Any] | None] = _NO_PARTS.copy()
    for member, names, first, end in _PLACES:
        if values[first] is not None:
            parts[member] = dict(zip(names, values[first:end], strict=True))
    tools, file_ids, calls = values[_LISTS:]
    return StoredRun(
        values[: len(COLUMNS)],
        parts,
        wire.loads(tools) if tools else [],
        wire.loads(file_ids) if file_ids else [],
        [wire.loads(call) for call in wire.loads(calls)] if calls else [],
    )


def _places() -> Iterator[tuple[str, list[str], int, int]]:
    """Return each member with its columns and their range of positions in a row of :func:`runs`."""
    first = len(COLUMNS)
    for member, table in _PARTS.items():
        names = table.columns.keys()
        yield member, names, first, first + len(names)
        first += len(names)


_PLACES = tuple(_places())
_LISTS = max(end for _, _, _, end in _PLACES)
_NO_PARTS = dict.fromkeys(_PARTS)


# --- the view --------------------------------------------------------------------------------------------------------


NUMBERS = tuple(column.name for column in RUNS.c if isinstance(column.type, BigInteger | Number))
"""The columns by which rows can be sorted: numbers have the same order on all databases, texts do not."""


class Order(NamedTuple):
    """The order of the rows of the view, and their maximum number."""

    newest_first: bool
    sort: Column[Any] | None
    """The rows with the greatest value of this column come first."""
    limit: int | None


def order(newest_first: bool, sort: str | None = None, limit: int | None = None) -> Order:
    """Check the arguments of :meth:`RunRepository.rows`. Raise :class:`ConfigurationError`."""
    if limit is not None and (type(limit) is not int or limit < 1):
        raise InvalidArgument(argument="limit", reason=f"is {limit!r}, expected an integer of at least 1")
    column = None if sort is None else RUNS.c[known_names("sort", [sort], NUMBERS)[0]]
    return Order(newest_first, column, limit)


def rows(
    backend: Backend, columns: Iterable[Column[Any]], where: Sequence[ColumnElement[bool]], order: Order
) -> Select[Any]:
    """Return a SELECT of these columns of the view ``runs``, with JSON as text."""
    source, conditions, keys = of_view(where)
    wanted = [readable(backend, column).label(column.name) for column in columns]
    statement = select(*wanted).select_from(source).where(*conditions)
    if order.sort is not None:
        statement = statement.order_by(order.sort.desc().nulls_last())
    return statement.order_by(*(key.desc() for key in keys) if order.newest_first else keys).limit(order.limit)


def view_columns(names: str | Iterable[str] | None) -> list[Column[Any]]:
    """Return columns of the view ``runs`` by name, all of them by default. Raise :class:`ConfigurationError`."""
    if names is None:
        return list(RUNS.c)
    wanted = known_names("columns", names, RUNS.c.keys())
    if not wanted:
        raise InvalidArgument(
            argument="columns", reason="is empty; give at least one column, or omit it for all columns"
        )
    return [RUNS.c[name] for name in wanted]


def known_names(argument: str, given: str | Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Return one known name or several, without duplicates. Raise :class:`ConfigurationError`."""
    names = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise not_one_of(argument, name, known)
    return tuple(dict.fromkeys(names))


class OfView(NamedTuple):
    """The parts of a SELECT over the view ``runs``."""

    source: FromClause
    conditions: list[ColumnElement[bool]]
    keys: tuple[ColumnElement[Any], ...]
    """The keys of the order."""


def of_view(where: Sequence[ColumnElement[bool]]) -> OfView:
    """Return how to select the rows of the view whose runs meet these conditions on ``run_object``.

    Conditions on plain columns are applied to the columns of the view, which are the same and use the same indexes.
    Other conditions stay on the table, which is joined: that costs one lookup by key for each run.
    """

    def on_view(element: Any, **_: Any) -> Any:
        if element is RUN:
            return RUNS
        return RUNS.c[element.name] if getattr(element, "table", None) is RUN else None

    if all(map(_is_plain, where)):
        conditions = [visitors.replacement_traverse(condition, {}, on_view) for condition in where]
        return OfView(RUNS, conditions, (visitors.replacement_traverse(CREATED, {}, on_view), RUNS.c.id))
    asked = select(RUN.c.id, CREATED.label("created")).where(*where).subquery()
    return OfView(asked.join(RUNS, RUNS.c.id == asked.c.id), [], (asked.c.created, asked.c.id))


def _is_plain(condition: ColumnElement[Any]) -> bool:
    """Return whether a condition refers to columns directly, not in a subquery or in the text of an expression."""
    return not any(
        isinstance(part, SelectBase)
        or (isinstance(part, ColumnClause) and part.is_literal and not part.name.lstrip("-").isdigit())
        for part in visitors.iterate(condition)
    )


# --- order and pages -------------------------------------------------------------------------------------------------


def ordered(statement: Select[Any], *, newest_first: bool) -> Select[Any]:
    """Return a statement ordered by created_at and id; runs without created_at are the oldest."""
    return _ordered(statement, (CREATED, RUN.c.id), newest_first)


def _ordered(statement: Select[Any], keys: Sequence[ColumnElement[Any]], newest_first: bool) -> Select[Any]:
    return statement.order_by(*(key.desc() for key in keys) if newest_first else keys)


def keys() -> Select[Any]:
    """Return a SELECT of the columns of which a cursor consists: created_at and id."""
    return select(RUN.c.created_at, RUN.c.id)


def page(statement: Select[Any], ways: Sequence[Way], *, newest_first: bool, limit: int) -> Select[Any]:
    """Return *statement*, :func:`runs` or :func:`keys`, for the first runs of all ways in the given order.

    Their numbers are found first, so that only short rows are sorted and nothing else is read of other runs.
    """
    place = RUN.c.number, RUN.c.id, CREATED.label("created")
    firsts = [
        _ordered(select(*place).where(*way.conditions), (way.created, way.id), newest_first)
        .limit(limit)
        .correlate(None)
        .subquery()
        for way in ways
    ]
    found: Any = firsts[0]
    if len(firsts) > 1:
        found = union_all(*map(select, firsts)).subquery()
    keys = (found.c.created, found.c.id)
    numbers = select(found.c.number).order_by(*(key.desc() for key in keys) if newest_first else keys).limit(limit)
    return ordered(statement.where(RUN.c.number.in_(numbers)), newest_first=newest_first)


def horizon(conditions: Sequence[ColumnElement[bool]], distance: int, *, newest_first: bool) -> Select[Any]:
    """Return a SELECT of the key of the run at this distance in the order, or of nothing if there are fewer runs."""
    return ordered(select(CREATED).where(*conditions), newest_first=newest_first).offset(distance).limit(1)


def count(ways: Sequence[Way]) -> Select[Any]:
    """Return a SELECT of the number of runs on all ways."""
    counts = [select(func.count()).select_from(RUN).where(*way.conditions).scalar_subquery() for way in ways]
    total: Any = counts[0]
    for further in counts[1:]:
        total = total + further
    return select(total)


def place(run_id: str) -> Select[Any]:
    """Return a SELECT of the place of a run in the order."""
    return select(CREATED).where(RUN.c.id == run_id)


Place = tuple[int, str]
"""The keys of the order: created_at (a number for runs without it, too) and id."""


def after(place: Place, created: ColumnElement[int], *, newest_first: bool) -> ColumnElement[bool]:
    """Return the condition that a run comes after a place in the given order."""
    at, run_id = place
    # Two comparisons, because SQLite uses an index on an expression for them, but not for a comparison of row values.
    if newest_first:
        return and_(at >= created, or_(at > created, RUN.c.id < run_id))
    return and_(at <= created, or_(at < created, RUN.c.id > run_id))


def cursor_of(created: int | None, run_id: str) -> str:
    """Return the cursor for the place after a run."""
    key = wire.encode([-(2**63) if created is None else created, run_id])
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def parse(cursor: str) -> Place:
    """Return the place of a cursor, after which a page begins. Raise :class:`ConfigurationError`."""
    try:
        created, run_id = wire.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if type(created) is int and created in wire.INT64 and isinstance(run_id, str) and wire.is_text(run_id):
            return created, run_id
    except (ValueError, TypeError, RecursionError):
        pass
    raise ConfigurationError(detail=f"{cursor!r} is not a cursor; pass one that an earlier page returned")
