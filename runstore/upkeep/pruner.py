"""Deletion of runs, and of the shared rows that nothing refers to any more.

The rows that belong to a run are deleted with it. The rows that it shared with other runs (prompts, tools and so on)
are collected afterwards, so that no writer has to wait. Races with writers are avoided as follows:

- A writer that has inserted a run, but not committed yet, holds locks on the shared rows to which the run refers.
  Locked rows are skipped.
- Other rows are locked first and checked again after that, so that transactions committed in between are seen. A writer
  that comes later waits, gets a foreign-key error, forgets which rows are stored, and writes the row again.

Key layouts are kept: there are only dozens of them, and nothing else records the order of keys in earlier snapshots.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Connection,
    Select,
    Table,
    TableClause,
    and_,
    column,
    delete,
    exists,
    false,
    func,
    inspect,
    select,
    true,
)
from sqlalchemy.exc import IntegrityError

from runstore.amounts import counted
from runstore.backends import Backend, Transaction, schema_of
from runstore.errors import RunHeld
from runstore.mapping import FUNCTION, INSTRUCTIONS, RUN, SHAPE, SHARED_TABLES, TOOL, TOOLS
from runstore.save.history import CHANGE
from runstore.schema import TABLES
from runstore.upkeep.walk import RUN_TABLES

BATCH = 1000
"""Runs or shared rows that are deleted in one transaction."""

COLLECTED = tuple(table for table in reversed(SHARED_TABLES) if table is not SHAPE)
"""Shared tables in the order in which they are collected: a table comes before those to which it refers."""

Shared = dict[Table, set[int]]
"""Ids of shared rows."""


class Pruned(NamedTuple):
    """What was deleted, or would be deleted."""

    runs: int = 0
    snapshots: int = 0
    """Earlier snapshots of these runs."""
    shared: int = 0
    """Shared values to which nothing refers any more."""
    bytes: int = 0
    """Size of the values, without indexes and the overhead of the database; known for a forecast only."""

    def __str__(self) -> str:
        counts = (self.runs, "run"), (self.snapshots, "earlier snapshot"), (self.shared, "shared value")
        return ", ".join(counted(number, noun) for number, noun in counts)


# --- runs ------------------------------------------------------------------------------------------------------------


class Choice(Protocol):
    """A selection of the runs to delete; false if it selects none."""

    def __bool__(self) -> bool:
        """Return whether it can select runs."""

    def after(self, transaction: Transaction, last: str | None, limit: int) -> tuple[list[str], str | None]:
        """Return some of the selected runs after *last*, and the id after which to continue; None at the end."""

    def of(self, transaction: Transaction, ids: Sequence[str]) -> list[str]:
        """Return the selected ones of these runs."""

    def as_conditions(self, transaction: Transaction) -> Sequence[ColumnElement[bool]]:
        """Return conditions that exactly the selected runs meet."""


@dataclass(frozen=True)
class Newest:
    """Selects the runs whose newest snapshot meets all conditions, or none if there are no conditions."""

    conditions: Sequence[ColumnElement[bool]]

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def after(self, transaction: Transaction, last: str | None, limit: int) -> tuple[list[str], str | None]:
        """Return the next selected runs, and the last id."""
        ids = next_runs(transaction, self.conditions, last, limit)
        return ids, ids[-1] if ids else None

    def of(self, transaction: Transaction, ids: Sequence[str]) -> list[str]:
        """Return the selected ones of these runs, ordered by id."""
        statement = (
            select(RUN.c.id).where(transaction.backend.among(RUN.c.id, "ids"), *self.conditions).order_by(RUN.c.id)
        )
        return list(transaction.execute(statement, {"ids": list(ids)}).scalars())

    def as_conditions(self, transaction: Transaction) -> Sequence[ColumnElement[bool]]:
        """Return the conditions."""
        return self.conditions


def next_runs(
    transaction: Transaction, conditions: Sequence[ColumnElement[bool]], after: str | None, limit: int
) -> list[str]:
    """Return the ids of the first runs after *after* that meet all conditions."""
    bounds = [] if after is None else [RUN.c.id > after]
    statement = select(RUN.c.id).where(*conditions, *bounds).order_by(RUN.c.id).limit(limit)
    return list(transaction.execute(statement).scalars())


def delete_runs(
    transaction: Transaction, run_ids: Iterable[str], choice: Choice | None = None
) -> tuple[Pruned, Shared]:
    """Delete the selected ones of these runs, or all of them; return the result and the shared rows that they used.

    Only the shared tables with an index on the references are considered; the other tables have few rows.
    """
    backend = transaction.backend
    # Runs are locked in the order of their ids, as by writers, to avoid deadlocks.
    locked = select(RUN.c.id, RUN.c.number).where(backend.among(RUN.c.id, "ids")).order_by(RUN.c.id).with_for_update()
    runs: dict[str, int] = dict(map(tuple, transaction.execute(locked, {"ids": list(run_ids)})))
    # Because of a snapshot saved since these ids were read, a run may no longer be selected. This needs another
    # statement: after a wait for a lock, PostgreSQL rereads the locked row, but not the rows of other tables.
    if choice is not None and runs:
        runs = {run_id: runs[run_id] for run_id in choice.of(transaction, list(runs))}
    if not runs:
        return Pruned(), {}
    numbers = {"numbers": list(runs.values())}
    chosen = backend.among(RUN.c.number, "numbers")
    prompts = select(RUN.c.instructions_id).distinct().where(chosen, RUN.c.instructions_id.is_not(None))
    tools = select(TOOLS.c.assistant_object_tools_inner).distinct().where(backend.among(TOOLS.c.run_object, "numbers"))
    snapshots = select(func.count()).select_from(CHANGE).where(backend.among(CHANGE.c.run_object, "numbers"))
    used = {
        INSTRUCTIONS: set(transaction.execute(prompts, numbers).scalars()),
        TOOL: set(transaction.execute(tools, numbers).scalars()),
    }
    earlier = transaction.execute(snapshots, numbers).scalar_one()
    try:
        with transaction.connection.begin_nested():
            deleted = transaction.execute(delete(RUN).where(chosen), numbers).rowcount
    except IntegrityError as error:
        if (holder := _holder(transaction.connection, runs)) is None:
            raise
        raise RunHeld(id=holder[0], table=holder[1]) from error
    transaction.expect(RUN, deleted, len(runs), "deleted")
    # The database deletes the rows that belong to a run by cascading, without reporting their number.
    left = transaction.execute(_select_left(backend), numbers).one()
    for table, count in zip(RUN_TABLES, left, strict=True):
        transaction.expect(table, 0, count, "deleted")
    return Pruned(deleted, earlier), used


@lru_cache
def _select_left(backend: Backend) -> Select[Any]:
    """Return a SELECT of the number of rows in each table that belong to these runs."""
    counts = (
        select(func.count()).select_from(table).where(backend.among(table.c.run_object, "numbers"))
        for table in RUN_TABLES
    )
    return select(*(count.scalar_subquery() for count in counts))


def _holder(connection: Connection, runs: Mapping[str, int]) -> tuple[str, str] | None:
    """Return a run to which a row of an application's table refers, and the table, or None if there is no such run.

    The runs are given by their ids, with their numbers.
    """
    schema = schema_of(connection)
    ids_by: dict[str, dict[Any, str]] = {
        "id": {run_id: run_id for run_id in runs},
        "number": {number: run_id for run_id, number in runs.items()},
    }
    for (_, name), keys in inspect(connection).get_multi_foreign_keys(schema).items():
        for key in keys:
            (referred, *others), referring_to = key["referred_columns"], key["referred_table"]
            if name in TABLES or referring_to != RUN.name or others or referred not in ids_by:
                continue
            referring: ColumnClause[Any] = column(key["constrained_columns"][0])
            values = list(ids_by[referred])
            for start in range(0, len(values), 500):
                found = select(referring).select_from(TableClause(name, referring, schema=schema))
                held = connection.scalar(found.where(referring.in_(values[start : start + 500])).limit(1))
                if held is not None:
                    return ids_by[referred][held], name
    return None


# --- shared rows -----------------------------------------------------------------------------------------------------


def collect(transaction: Transaction, candidates: Shared) -> int:
    """Delete these shared rows if nothing refers to them, and the functions to which only they referred."""
    deleted = 0
    left = {table: set(ids) for table, ids in candidates.items()}
    for table in COLLECTED:
        if not (ids := left.get(table)):
            continue
        among, free = transaction.backend.among(table.c.id, "ids"), unused(table)
        lock = select(table.c.id).where(among, free).order_by(table.c.id).with_for_update(skip_locked=True)
        locked = {"ids": list(transaction.execute(lock, {"ids": sorted(ids)}).scalars())}
        if "function" in table.columns:
            functions = select(table.c.function).where(among, table.c.function.is_not(None))
            left.setdefault(FUNCTION, set()).update(transaction.execute(functions, locked).scalars())
        deleted += transaction.execute(delete(table).where(among, free), locked).rowcount
    return deleted


def next_unused(transaction: Transaction, table: Table, after: int, limit: int) -> list[int]:
    """Return the ids of the first rows of a shared table after *after* to which nothing refers."""
    statement = select(table.c.id).where(table.c.id > after, unused(table)).order_by(table.c.id).limit(limit)
    return list(transaction.execute(statement).scalars())


def unused(table: Table, kept: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Return the condition that nothing refers to a row of a shared table.

    With *kept*, return the condition that nothing would refer to it if only these runs, and what they use, were kept.
    """
    return and_(*(_unused_by(column, table, kept) for column in _REFERENCES[table]))


def _unused_by(column: Any, table: Table, kept: ColumnElement[bool] | None) -> ColumnElement[bool]:
    conditions = []
    if kept is not None and column.table is RUN:
        conditions = [kept]
    elif kept is not None and column.table is TOOLS:
        conditions = [exists().where(RUN.c.number == column.table.c.run_object, kept)]
    elif kept is not None:
        conditions = [~unused(column.table, kept)]
    if any(next(iter(index.columns), None) is column for index in column.table.indexes):
        return ~exists().where(column == table.c.id, *conditions)
    # Without an index, each probe would read all runs; but such a column has few distinct values.
    return table.c.id.not_in(select(column).where(column.is_not(None), *conditions).distinct())


_REFERENCES: dict[Table, list[Any]] = {
    table: [key.parent for other in TABLES.values() for key in other.foreign_keys if key.column.table is table]
    for table in COLLECTED
}
"""The columns that refer to each shared table."""


# --- forecast --------------------------------------------------------------------------------------------------------


def forecast(transaction: Transaction, conditions: Sequence[ColumnElement[bool]] | None) -> Pruned:
    """Return what a prune of the runs that meet all conditions would delete; None means shared rows only."""
    runs = snapshots = size = shared = 0
    kept: ColumnElement[bool] = true()
    if conditions is not None:
        chosen = and_(*conditions)
        kept = ~func.coalesce(chosen, false())  # a comparison with NULL is neither true nor false
        for table in (RUN, *RUN_TABLES):
            statement = select(func.count(), func.sum(transaction.backend.row_bytes(table))).select_from(table)
            if table is not RUN:
                statement = statement.join(RUN, RUN.c.number == table.c.run_object)
            count, held = transaction.execute(statement.where(chosen)).one()
            runs, snapshots = (count if table is RUN else runs), (count if table is CHANGE else snapshots)
            size += int(held or 0)
    for table in COLLECTED:
        statement = select(func.count(), func.sum(transaction.backend.row_bytes(table))).where(unused(table, kept))
        count, held = transaction.execute(statement).one()
        shared, size = shared + count, size + int(held or 0)
    return Pruned(runs, snapshots, shared, size)
