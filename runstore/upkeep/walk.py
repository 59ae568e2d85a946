"""All rows of runs, table by table, in ranges of ids, for code that has to see rows rather than runs.

A range covers all ids between two runs, so that it includes rows whose run is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, select

from runstore.backends import Transaction
from runstore.mapping import CHILD_TABLES, RUN
from runstore.query.queries import readable
from runstore.save.history import CHANGE

RUN_TABLES = (*CHILD_TABLES, CHANGE)
"""Tables whose key begins with a run's id; a table comes after those to which it refers."""

SIZE = 1000
"""Maximum number of runs in a range."""

Row = tuple[Any, ...]
"""Values in the order of the table's columns; JSON as its text."""


class Range(NamedTuple):
    """The rows of the runs in a range of ids."""

    runs: list[Row]
    """Rows of run_object, ordered by id."""
    rows: dict[Table, list[Row]]
    """Rows of :data:`RUN_TABLES`, ordered by key."""


def ranges(transaction: Transaction) -> Iterator[Range]:
    """Return the whole archive in ranges, as the current transaction sees it."""
    low: str | None = None
    while True:
        runs = _rows(transaction, RUN, _between(RUN.c.id, low, None), SIZE)
        # There may be rows without a run after the last run.
        high = runs[-1][0] if len(runs) == SIZE else None
        rows = {table: _rows(transaction, table, _between(table.c.run_object, low, high)) for table in RUN_TABLES}
        yield Range(runs, rows)
        if high is None:
            return
        low = high


def _between(column: ColumnElement[Any], low: str | None, high: str | None) -> list[ColumnElement[bool]]:
    return [*([column > low] if low is not None else ()), *([column <= high] if high is not None else ())]


def _rows(
    transaction: Transaction,
    table: Table,
    conditions: list[ColumnElement[bool]],
    limit: int | None = None,
) -> list[Row]:
    statement = select(*[readable(transaction.backend, column) for column in table.columns])
    statement = statement.where(*conditions).order_by(*table.primary_key.columns).limit(limit)
    return [tuple(row) for row in transaction.execute(statement)]
