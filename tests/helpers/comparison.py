"""What tests compare: JSON values to the order of their keys, archives to the last row."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Engine, select

from runstore.backends import backend_of
from runstore.mapping import RUN
from runstore.query import queries
from runstore.schema import Base


def difference(expected: Any, found: Any, path: str = "$") -> str:
    """The first place in which two JSON values differ, empty if they do not.

    Keys have the same order at every level, numbers are equal by value, and a boolean is not a number.
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        if list(expected) != list(found):
            return f"{path}: keys {list(found)} instead of {list(expected)}"
        return next(filter(None, (difference(expected[key], found[key], f"{path}.{key}") for key in expected)), "")
    if isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            return f"{path}: {len(found)} elements instead of {len(expected)}"
        pairs = enumerate(zip(expected, found, strict=True))
        return next(filter(None, (difference(*pair, f"{path}[{place}]") for place, pair in pairs)), "")
    number = (int, float)
    alike = type(expected) is type(found) or (type(expected) in number and type(found) in number)
    return "" if alike and expected == found else f"{path}: {found!r} instead of {expected!r}"


def compact(value: Any) -> bytes:
    """JSON text without needless spaces and escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def empty(engine: Engine) -> None:
    """Delete everything, including shared values."""
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())


def contents(engine: Engine, without: Collection[str] = ("archived_at",)) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables of an archive, with JSON as text, except these columns.

    Rows that belong to a run have its id instead of its number, which differs between archives.
    """
    backend = backend_of(engine)
    found = {}
    with engine.connect() as connection:
        ids = dict(map(tuple, connection.execute(select(RUN.c.number, RUN.c.id))))
        for table in Base.metadata.sorted_tables:
            columns = [column for column in table.columns if column.name not in (*without, "number")]
            rows = connection.execute(select(*[queries.readable(backend, column) for column in columns]))
            found[table.name] = sorted(
                ((ids[row[0]], *row[1:]) if "run_object" in table.columns else tuple(row) for row in rows), key=repr
            )
    return found
