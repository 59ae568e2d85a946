"""All rows of runs, table by table, in ranges of numbers, for code that has to see rows rather than runs.

A range covers all numbers between two runs, so that it includes rows whose run is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, select

from runstore.backends import Transaction
from runstore.mapping import CHILD_TABLES, COLUMNS, RUN
from runstore.query.queries import readable
from runstore.save.history import CHANGE

RUN_TABLES = (*CHILD_TABLES, CHANGE)
"""Tables whose key begins with a run's number; a table comes after those to which it refers."""

SIZE = 1000
"""Maximum number of runs in a range."""

NUMBER = COLUMNS["number"]
"""The position of the number in a row of run_object."""

Row = tuple[Any, ...]
"""Values in the order of the table's columns; JSON as its text."""


class Range(NamedTuple):
    """The rows of the runs in a range of numbers."""

    runs: list[Row]
    """Rows of run_object, ordered by number."""
    rows: dict[Table, list[Row]]
    """Rows of :data:`RUN_TABLES`, ordered by key."""


def ranges(transaction: Transaction) -> Iterator[Range]:
    """Return the whole archive in ranges, as the current transaction sees it."""
    low: int | None = None
    while True:
        runs = _rows(transaction, RUN, (RUN.c.number,), _between(RUN.c.number, low, None), SIZE)
        # There may be rows without a run after the last run.
        high = runs[-1][NUMBER] if len(runs) == SIZE else None
        rows = {
            table: _rows(transaction, table, table.primary_key.columns, _between(table.c.run_object, low, high))
            for table in RUN_TABLES
        }
        yield Range(runs, rows)
        if high is None:
            return
        low = high


def _between(column: ColumnElement[Any], low: int | None, high: int | None) -> list[ColumnElement[bool]]:
    return [*([column > low] if low is not None else ()), *([column <= high] if high is not None else ())]


def _rows(
    transaction: Transaction,
    table: Table,
    order: Iterable[ColumnElement[Any]],
    conditions: list[ColumnElement[bool]],
    limit: int | None = None,
) -> list[Row]:
    statement = select(*[readable(transaction.backend, column) for column in table.columns])
    statement = statement.where(*conditions).order_by(*order).limit(limit)
    return [tuple(row) for row in transaction.execute(statement)]
