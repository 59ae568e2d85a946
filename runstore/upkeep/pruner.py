"""Deleting runs, and the shared rows that nothing refers to any more.

A run takes with it what belongs to it. What it shared with others (prompts, tools ...) is collected afterwards, so that
no writer has to wait for it, and without racing one:

- A writer that has inserted a run which refers to a shared row, and not committed yet, holds a lock on that row. Locked
  rows are passed over.
- Rows that nobody has locked are locked first and looked at again after that: what committed in between is seen, and
  who comes later waits, meets a foreign-key error, forgets what it has seen and writes the row anew.

Shapes are kept: they are dozens, and the order of the keys of earlier snapshots stands in them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

from runstore.backends import Backend, Transaction, schema_of
from runstore.errors import RunHeld
from runstore.mapping import FUNCTION, INSTRUCTIONS, RUN, SHAPE, SHARED_TABLES, TOOL, TOOLS
from runstore.save.history import CHANGE
from runstore.schema import TABLES
from runstore.upkeep.walk import RUN_TABLES

BATCH = 1000
"""Runs, or shared rows, that are deleted in one transaction."""

COLLECTED = tuple(table for table in reversed(SHARED_TABLES) if table is not SHAPE)
"""Shared tables in the order in which they are collected: what refers comes before what it refers to."""

Shared = dict[Table, set[int]]
"""Ids of shared rows."""


class Pruned(NamedTuple):
    """What was deleted, or would be."""

    runs: int = 0
    snapshots: int = 0
    """Earlier snapshots of these runs."""
    shared: int = 0
    """Shared rows that nothing refers to any more."""
    bytes: int = 0
    """What the rows hold, without indexes and the database's own overhead; counted beforehand only."""

    def __str__(self) -> str:
        return f"{self.runs} runs, {self.snapshots} earlier snapshots, {self.shared} shared rows"


# --- runs ------------------------------------------------------------------------------------------------------------


class Choice(Protocol):
    """Which runs are to be deleted; false where that is none."""

    def __bool__(self) -> bool:
        """Whether it chooses any."""

    def after(self, transaction: Transaction, last: str | None, limit: int) -> tuple[list[str], str | None]:
        """Some of the chosen runs behind *last*, and behind which one to go on; None where there are no more."""

    def of(self, transaction: Transaction, ids: Sequence[str]) -> list[str]:
        """Those of these runs that are chosen."""

    def as_conditions(self, transaction: Transaction) -> Sequence[ColumnElement[bool]]:
        """What holds of the chosen runs alone."""


@dataclass(frozen=True)
class Newest:
    """Chooses the runs whose newest snapshot meets all conditions; without any, none."""

    conditions: Sequence[ColumnElement[bool]]

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def after(self, transaction: Transaction, last: str | None, limit: int) -> tuple[list[str], str | None]:
        """The next ones."""
        ids = next_runs(transaction, self.conditions, last, limit)
        return ids, ids[-1] if ids else None

    def of(self, transaction: Transaction, ids: Sequence[str]) -> list[str]:
        """In the order of the ids."""
        statement = (
            select(RUN.c.id).where(transaction.backend.among(RUN.c.id, "ids"), *self.conditions).order_by(RUN.c.id)
        )
        return list(transaction.execute(statement, {"ids": list(ids)}).scalars())

    def as_conditions(self, transaction: Transaction) -> Sequence[ColumnElement[bool]]:
        """As they were given."""
        return self.conditions


def next_runs(
    transaction: Transaction, conditions: Sequence[ColumnElement[bool]], after: str | None, limit: int
) -> list[str]:
    """The ids of the first runs behind *after* that meet all conditions."""
    behind = [] if after is None else [RUN.c.id > after]
    statement = select(RUN.c.id).where(*conditions, *behind).order_by(RUN.c.id).limit(limit)
    return list(transaction.execute(statement).scalars())


def delete_runs(
    transaction: Transaction, run_ids: Iterable[str], choice: Choice | None = None
) -> tuple[Pruned, Shared]:
    """Delete those of these runs that are chosen, or all of them, and tell which shared rows they used.

    Of the shared tables only those that an index leads to; rows of the others are few.
    """
    runs = transaction.backend.among(RUN.c.id, "ids")
    # In the order of their ids, as writers lock them: two that meet wait for one another, not both.
    locked = select(RUN.c.id).where(runs).order_by(RUN.c.id).with_for_update()
    ids = {"ids": list(transaction.execute(locked, {"ids": list(run_ids)}).scalars())}
    # A snapshot that came since these ids were read may have made a run one that is to stay. In a statement of its own:
    # of one that has waited for a lock PostgreSQL brings the locked row up to date, not those of other tables.
    if choice is not None and ids["ids"]:
        ids = {"ids": choice.of(transaction, ids["ids"])}
    if not ids["ids"]:
        return Pruned(), {}
    prompts = select(RUN.c.instructions_id).distinct().where(runs, RUN.c.instructions_id.is_not(None))
    tools = (
        select(TOOLS.c.assistant_object_tools_inner)
        .distinct()
        .where(transaction.backend.among(TOOLS.c.run_object, "ids"))
    )
    snapshots = select(func.count()).select_from(CHANGE).where(transaction.backend.among(CHANGE.c.run_object, "ids"))
    used = {
        INSTRUCTIONS: set(transaction.execute(prompts, ids).scalars()),
        TOOL: set(transaction.execute(tools, ids).scalars()),
    }
    earlier = transaction.execute(snapshots, ids).scalar_one()
    try:
        with transaction.connection.begin_nested():
            deleted = transaction.execute(delete(RUN).where(runs), ids).rowcount
    except IntegrityError as error:
        if (holder := _holder(transaction.connection, ids["ids"])) is None:
            raise
        raise RunHeld(id=holder[0], table=holder[1]) from error
    transaction.expect(RUN, deleted, len(ids["ids"]), "deleted")
    # What a run takes with it is the database's to delete, which reports no number of it.
    for table, count in zip(RUN_TABLES, transaction.execute(_select_left(transaction.backend), ids).one(), strict=True):
        transaction.expect(table, 0, count, "deleted")
    return Pruned(deleted, earlier), used


@lru_cache
def _select_left(backend: Backend) -> Select[Any]:
    """How many rows of each table belong to these runs."""
    counts = (
        select(func.count()).select_from(table).where(backend.among(table.c.run_object, "ids")) for table in RUN_TABLES
    )
    return select(*(count.scalar_subquery() for count in counts))


def _holder(connection: Connection, ids: Sequence[str]) -> tuple[str, str] | None:
    """One of these runs to which a row of somebody else's table refers, and the table; None where none does."""
    schema = schema_of(connection)
    for (_, name), keys in inspect(connection).get_multi_foreign_keys(schema).items():
        for key in keys:
            if name in TABLES or key["referred_table"] != RUN.name or key["referred_columns"] != ["id"]:
                continue
            referring: ColumnClause[str] = column(key["constrained_columns"][0])
            for start in range(0, len(ids), 500):
                found = select(referring).select_from(TableClause(name, referring, schema=schema))
                held = connection.scalar(found.where(referring.in_(ids[start : start + 500])).limit(1))
                if held is not None:
                    return str(held), name
    return None


# --- shared rows -----------------------------------------------------------------------------------------------------


def collect(transaction: Transaction, candidates: Shared) -> int:
    """Delete those of these shared rows that nothing refers to, and the functions that only they referred to."""
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
    """The ids of the first rows of a shared table behind *after* that nothing refers to."""
    statement = select(table.c.id).where(table.c.id > after, unused(table)).order_by(table.c.id).limit(limit)
    return list(transaction.execute(statement).scalars())


def unused(table: Table, kept: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Whether nothing refers to a row of a shared table.

    With *kept*, whether nothing would if only these runs were left, and of the shared rows only what they use.
    """
    return and_(*(_unused_by(column, table, kept) for column in _REFERENCES[table]))


def _unused_by(column: Any, table: Table, kept: ColumnElement[bool] | None) -> ColumnElement[bool]:
    conditions = []
    if kept is not None and column.table is RUN:
        conditions = [kept]
    elif kept is not None and column.table is TOOLS:
        conditions = [exists().where(RUN.c.id == column.table.c.run_object, kept)]
    elif kept is not None:
        conditions = [~unused(column.table, kept)]
    if any(next(iter(index.columns), None) is column for index in column.table.indexes):
        return ~exists().where(column == table.c.id, *conditions)
    # Without an index each probe would read all runs; but few values are referred to from such a column.
    return table.c.id.not_in(select(column).where(column.is_not(None), *conditions).distinct())


_REFERENCES: dict[Table, list[Any]] = {
    table: [key.parent for other in TABLES.values() for key in other.foreign_keys if key.column.table is table]
    for table in COLLECTED
}
"""Columns that refer to a shared table."""


# --- what it would be ------------------------------------------------------------------------------------------------


def forecast(transaction: Transaction, conditions: Sequence[ColumnElement[bool]] | None) -> Pruned:
    """What deleting the runs that meet all conditions, and collecting shared rows, would delete; None: no runs."""
    runs = snapshots = size = shared = 0
    kept: ColumnElement[bool] = true()
    if conditions is not None:
        chosen = and_(*conditions)
        kept = ~func.coalesce(chosen, false())  # a comparison with NULL is neither true nor false
        for table in (RUN, *RUN_TABLES):
            statement = select(func.count(), func.sum(transaction.backend.row_bytes(table))).select_from(table)
            if table is not RUN:
                statement = statement.join(RUN, RUN.c.id == table.c.run_object)
            count, held = transaction.execute(statement.where(chosen)).one()
            runs, snapshots = (count if table is RUN else runs), (count if table is CHANGE else snapshots)
            size += int(held or 0)
    for table in COLLECTED:
        statement = select(func.count(), func.sum(transaction.backend.row_bytes(table))).where(unused(table, kept))
        count, held = transaction.execute(statement).one()
        shared, size = shared + count, size + int(held or 0)
    return Pruned(runs, snapshots, shared, size)
