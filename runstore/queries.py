"""Runs as SELECTs: the one statement that reads them, filters, order and pages."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypedDict

from sqlalchemy import Column, ColumnElement, Row, Select, and_, bindparam, func, or_, select
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import ScalarSelect

from runstore import wire
from runstore.backends import Backend
from runstore.errors import ConfigurationError
from runstore.mapping import BELONGS, CALLS, COLUMNS, FILES, REQUIRED_ACTION, RUN, SHARED, TOOLS, StoredRun
from runstore.schema.base import JSONText
from runstore.schema.run import created_order
from runstore.schema.views import RUNS

_PARTS = {"required_action": REQUIRED_ACTION, **BELONGS}
CREATED = created_order()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHOICE = SHARED["tool_choice"][1]


class Filter(TypedDict, total=False):
    """Which runs: all conditions hold, None is no condition. Times are Unix seconds or datetimes (naive ones UTC)."""

    thread_id: str | Iterable[str] | None
    assistant_id: str | Iterable[str] | None
    status: str | Iterable[str] | None
    created_from: int | datetime | None
    """created_at is this or later."""
    created_before: int | datetime | None
    """created_at is earlier than this."""


def conditions(where: Filter) -> list[ColumnElement[bool]]:
    """A filter as SQL. Raises :class:`ConfigurationError` for a name or a value that is none of a filter's."""
    found: list[ColumnElement[bool]] = []
    for name, wanted in where.items():
        if wanted is None:
            continue
        if name in ("created_from", "created_before"):
            bound = _seconds(name, wanted)
            found += [bound <= CREATED if name == "created_from" else bound > CREATED, RUN.c.created_at.is_not(None)]
        elif name in Filter.__annotations__:
            values = _texts(name, wanted)
            found.append(RUN.c[name] == values[0] if len(values) == 1 else RUN.c[name].in_(values))
        else:
            known = ", ".join(Filter.__annotations__)
            raise ConfigurationError(detail=f"there is no filter {name!r}; there are {known}")
    return found


def _texts(name: str, wanted: Any) -> list[str]:
    values = [wanted] if isinstance(wanted, str) else list(wanted) if isinstance(wanted, Iterable) else [wanted]
    for value in values:
        if not isinstance(value, str):
            raise ConfigurationError(detail=f"{name} is {value!r}, expected a string or several")
    return [value for value in values if wire.is_text(value)]


def _seconds(name: str, time: Any) -> int:
    if isinstance(time, datetime):
        aware = time if time.tzinfo else time.replace(tzinfo=UTC)
        # created_at has whole seconds: from 10.5, and before 10.5, is from and before 11.
        time = -((EPOCH - aware) // timedelta(seconds=1))
    if type(time) is not int:
        raise ConfigurationError(detail=f"{name} is {time!r}, expected Unix seconds or a datetime")
    return max(wire.INT64[0], min(time, wire.INT64[-1]))


@lru_cache
def runs(backend: Backend) -> Select[Any]:
    """Everything of runs in one statement, so that no reader sees half a run; :func:`stored_run` takes its rows."""
    columns: list[ColumnElement[Any]] = [readable(backend, column) for column in RUN.columns]
    source: Any = RUN
    for member, table in _PARTS.items():
        source = source.outerjoin(table, table.c.run_object == RUN.c.id)
        columns += [readable(backend, column).label(f"{member}_{column.name}") for column in table.columns]
    # As text: SQLite forgets that a value is JSON when it sorts it.
    call = backend.text(
        getattr(func, backend.tuple_function)(*[readable(backend, column) for column in list(CALLS.columns)[2:]])
    )
    columns += [
        _list(backend, TOOLS.c.assistant_object_tools_inner, TOOLS.c),
        _list(backend, FILES.c.file_ids, FILES.c),
        _list(backend, call, CALLS.c),
    ]
    return select(*columns).select_from(source)


@lru_cache
def run_by_id(backend: Backend) -> Select[Any]:
    """:func:`runs` with the id of the parameter ``id``: PostgreSQL keeps a plan for one id, not for a list."""
    return runs(backend).where(RUN.c.id == bindparam("id"))


@lru_cache
def runs_by_id(backend: Backend) -> Select[Any]:
    """:func:`runs` with the ids of the parameter ``ids``, built once."""
    return runs(backend).where(backend.among(RUN.c.id, "ids"))


def readable(backend: Backend, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as the mapping wants it: JSON as its text."""
    return backend.text(column) if isinstance(column.type, JSONText) else column


def _list(backend: Backend, value: ColumnElement[Any], link: Any) -> ScalarSelect[Any]:
    """A run's rows of a link table as the text of a JSON array, in order."""
    ordered = select(value.label("value")).where(link.run_object == RUN.c.id).order_by(link.position)
    values = ordered.correlate(RUN).subquery()
    return select(backend.text(getattr(func, backend.array_function)(values.c.value))).correlate(RUN).scalar_subquery()


def stored_run(row: Row[Any]) -> StoredRun:
    """A row of :func:`runs` in its parts."""
    values = tuple(row)
    parts: dict[str, dict[str, Any] | None] = {}
    for member, names, first, end in _PLACES:
        parts[member] = None if values[first] is None else dict(zip(names, values[first:end], strict=True))
    tools, file_ids, calls = (wire.loads(text.encode()) if text else [] for text in values[_LISTS:])
    return StoredRun(values[: len(COLUMNS)], parts, tools, file_ids, [wire.loads(call.encode()) for call in calls])


def _places() -> Iterator[tuple[str, list[str], int, int]]:
    """Member, its columns and where they stand in a row of :func:`runs`."""
    first = len(COLUMNS)
    for member, table in _PARTS.items():
        names = table.columns.keys()
        yield member, names, first, first + len(names)
        first += len(names)


_PLACES = tuple(_places())
_LISTS = _PLACES[-1][-1]


# --- the view --------------------------------------------------------------------------------------------------------


def rows(
    backend: Backend, columns: Sequence[str] | None, where: Iterable[ColumnElement[bool]], *, newest_first: bool
) -> Select[Any]:
    """These columns of the view ``runs`` (default: all), JSON as its text. Raises :class:`ConfigurationError`."""
    wanted = view_columns(columns)
    keys = on_view((CREATED, RUN.c.id))
    statement = select(*(readable(backend, column).label(column.name) for column in wanted)).where(*on_view(where))
    return statement.order_by(*(key.desc() for key in keys) if newest_first else keys)


def view_columns(names: Sequence[str] | None) -> list[Column[Any]]:
    """Columns of the view ``runs`` by name. Raises :class:`ConfigurationError` for another name."""
    for name in names or ():
        if name not in RUNS.c:
            raise ConfigurationError(detail=f"runs have no column {name!r}; there are {', '.join(RUNS.c.keys())}")
    return list(RUNS.c) if names is None else [RUNS.c[name] for name in names]


def on_view(conditions: Iterable[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    """Conditions on ``run_object`` as those on the view, whose columns of the same names are the same."""

    def replaced(element: Any, **_: Any) -> Any:
        if element is RUN:
            return RUNS
        return RUNS.c[element.name] if getattr(element, "table", None) is RUN else None

    return [visitors.replacement_traverse(condition, {}, replaced) for condition in conditions]


# --- order and pages -------------------------------------------------------------------------------------------------


def ordered(statement: Select[Any], *, newest_first: bool) -> Select[Any]:
    """By created_at and id; runs without created_at are the oldest."""
    keys = (CREATED, RUN.c.id)
    return statement.order_by(*(key.desc() for key in keys) if newest_first else keys)


def after(cursor: str, *, newest_first: bool) -> ColumnElement[bool]:
    """The runs behind a cursor in the given order."""
    created, run_id = _parse(cursor)
    # Spelled out, because SQLite uses an index on an expression for a comparison, not for one of row values.
    if newest_first:
        return and_(created >= CREATED, or_(created > CREATED, RUN.c.id < run_id))
    return and_(created <= CREATED, or_(created < CREATED, RUN.c.id > run_id))


def cursor_of(created: int | None, run_id: str) -> str:
    """The cursor that points behind a run."""
    key = wire.encode([-(2**63) if created is None else created, run_id])
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def _parse(cursor: str) -> tuple[int, str]:
    try:
        created, run_id = wire.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if type(created) is int and created in wire.INT64 and isinstance(run_id, str) and wire.is_text(run_id):
            return created, run_id
    except (ValueError, TypeError, RecursionError):
        pass
    raise ConfigurationError(detail=f"{cursor!r} is no cursor; pass on the 'next' of an earlier page")
