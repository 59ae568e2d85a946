"""The types of columns, for all formats that have types: known from the schema, or found in the values of a query."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from tempfile import SpooledTemporaryFile
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import Boolean, Integer

from runstore import waiting, wire
from runstore.backends import approximate_bytes
from runstore.formats.values import text_of
from runstore.schema.base import JSONText, Number
from runstore.schema.views import RUNS, Moment

BATCH = 1000
"""Maximum number of rows that are converted at a time."""

BATCH_BYTES = 32 * 2**20
"""Bytes of rows after which fewer are converted."""

IN_MEMORY = 16 * 2**20
"""Bytes of rows with unknown types that are held in memory; more are written to a temporary file."""

LONG_TEXTS = ("instructions", "metadata")
"""Columns of the view ``runs`` that files for spreadsheets contain only on request."""

Row = Sequence[Any]


class Column(NamedTuple):
    """The name of a column and the kind of its values."""

    name: str
    kind: str = "any"
    """integer (64 bits), number, amount (of money), flag, time (an aware datetime), text, json (as text), bytes, or any
    if the kind is known only from the values."""


def column_of(column: sqlalchemy.Column[Any]) -> Column:
    """Return the description of a column of a table or view."""
    if column is RUNS.c.cost:
        return Column(column.name, "amount")
    for kind, name in ((Boolean, "flag"), (Integer, "integer"), (Number, "number"), (Moment, "time")):
        if isinstance(column.type, kind):
            return Column(column.name, name)
    return Column(column.name, "json" if isinstance(column.type, JSONText) else "text")


def distinct(names: Sequence[str]) -> list[str]:
    """Return unique names for columns, because SQL allows duplicates: the second ``id`` becomes ``id_2``."""
    found: dict[str, None] = {}
    for name in names:
        number, new = 1, name
        while new in found:
            number += 1
            new = f"{name}_{number}"
        found[new] = None
    return list(found)


def in_batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield the rows in batches whose number and bytes are limited; one row is returned whatever its size."""
    batch: list[Row] = []
    room = BATCH_BYTES
    for row in rows:
        batch.append(row)
        room -= approximate_bytes(row)
        if room <= 0 or len(batch) == BATCH:
            waiting.breathe()
            yield batch
            batch, room = [], BATCH_BYTES
    if batch:
        yield batch


# --- the rows of a query ---------------------------------------------------------------------------------------------


@contextmanager
def typed(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[tuple[Sequence[Column], Iterable[Row]]]:
    """Yield the columns, none of kind ``any``, with the rows, whose values have the kinds of their columns.

    A kind that is not known is found in the values: all rows are read first, into a temporary file if they are many. A
    column becomes text if its values are of different kinds, or integers that its kind would not hold exactly; decimals
    with a fraction become doubles. A column whose name ends in ``_time``, as in the views, becomes a time if all its
    values are times as the databases print them.
    """
    unknown = {place: _Seen(column.name) for place, column in enumerate(columns) if column.kind == "any"}
    if not unknown:
        yield columns, rows
        return
    with SpooledTemporaryFile(IN_MEMORY) as file:
        batches = 0
        for batch in in_batches(rows):
            for place, seen in unknown.items():
                seen.add(row[place] for row in batch)
            pickle.dump(batch, file, pickle.HIGHEST_PROTOCOL)
            batches += 1
        file.seek(0)
        kinds = {place: seen.kind() for place, seen in unknown.items()}

        def replayed() -> Iterator[Row]:
            for _ in range(batches):
                for row in pickle.load(file):
                    values = list(row)
                    for place, kind in kinds.items():
                        if values[place] is not None:
                            values[place] = _CONVERTED[kind](values[place])
                    yield values

        known = [Column(column.name, kinds.get(place, column.kind)) for place, column in enumerate(columns)]
        yield known, replayed()


class _Seen:
    """What the values of a column have in common."""

    def __init__(self, name: str) -> None:
        self._types: set[type] = set()
        self._fits = True
        self._exact = True
        self._is_time = name.endswith("_time")

    def add(self, values: Iterable[Any]) -> None:
        """Look at some more values."""
        for value in values:
            if value is None:
                continue
            kind = type(value)
            if kind is Decimal and value.as_tuple().exponent == 0:  # such as PostgreSQL's sum() of integers
                kind = int
            self._types.add(kind)
            if kind is int:
                self._fits = self._fits and int(value) in wire.INT64
                self._exact = self._exact and abs(value) <= 2**53
            elif kind is str:
                self._is_time = self._is_time and _time(value) is not None

    def kind(self) -> str:
        """Return the kind of the column."""
        if self._types == {int} and self._fits:
            return "integer"
        if self._types and self._types <= {int, float, Decimal} and self._exact:
            return "number"
        if self._types == {str} and self._is_time:
            return "time"
        (only,) = self._types if len(self._types) == 1 else (str,)
        return {bool: "flag", bytes: "bytes", list: "json"}.get(only, "text")


_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?")


def _time(text: str) -> datetime | None:
    """Return the time (UTC) that a database printed, or None for another text."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


_CONVERTED: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "number": float,
    "flag": bool,
    "bytes": bytes,
    "time": _time,
    "text": text_of,
    "json": text_of,
}
"""The function that converts a value of a query to the value of its kind."""
