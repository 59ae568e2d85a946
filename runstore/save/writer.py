"""The only write path: compare a batch of snapshots with the stored ones, and write it in a fixed number of statements.

The newest of the snapshots of a run is stored in the tables. The others are its history (``history.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Select, Table, bindparam, select, update

from runstore.backends import Backend, Row, Transaction
from runstore.connections.seen import Seen
from runstore.errors import DigestClash
from runstore.mapping import (
    CHILD_TABLES,
    COLUMNS,
    MEMBER_TABLES,
    RUN,
    RUN_NAMES,
    SHARED_TABLES,
    Order,
    SharedRow,
    Snapshot,
    StoredRun,
    order,
)
from runstore.query.reader import Reader
from runstore.save import history
from runstore.save.history import Past, Texts
from runstore.save.policy import Policy

_ARCHIVED_AT, _OBSERVED_AT, _NUMBER = COLUMNS["archived_at"], COLUMNS["observed_at"], COLUMNS["number"]
_MOVE = update(RUN).where(RUN.c.number == bindparam("run")).values(observed_at=bindparam("seen_at"))

INSERTS = 3
"""The number of attempts to insert shared rows: a prune may delete an existing row before it is checked."""


class Outcome(StrEnum):
    """The result of saving one snapshot of a run."""

    INSERTED = "inserted"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STALE = "stale"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    SKIPPED = "skipped"


class Verdict(NamedTuple):
    """An outcome and, for a conflict, the reason."""

    outcome: Outcome
    reason: str = ""


_INSERTED = (Verdict(Outcome.INSERTED),)
UNCHANGED = Verdict(Outcome.UNCHANGED)


class Head(NamedTuple):
    """The stored snapshot of a run, reduced to what saving needs."""

    id: str
    number: int
    digest: bytes
    observed_at: int
    archived_at: int
    status: str | None
    thread_id: str | None
    assistant_id: str | None
    created_at: int | None

    @property
    def order(self) -> Order:
        """The order of this snapshot. Of two snapshots of a run, the one with the greater order is the newer."""
        return order(self.status, self.observed_at, self.digest)

    @property
    def identity(self) -> tuple[Any, ...]:
        """thread_id, assistant_id and created_at."""
        return self.thread_id, self.assistant_id, self.created_at


@dataclass(slots=True)
class _Decided:
    """The decision about one run of a batch."""

    stored: Head | None
    newest: Snapshot | Head | None
    observed_at: int = 0
    """The latest time at which the newest snapshot was observed."""
    late: list[Snapshot] = field(default_factory=list)
    """The snapshots of the batch that are not the newest."""
    verdicts: list[Verdict] = field(default_factory=list)


def write(
    transaction: Transaction,
    snapshots: Sequence[Snapshot],
    *,
    policy: Policy,
    now: int,
    seen: Seen,
    stored: Known | None,
    reader: Reader,
) -> tuple[list[Verdict], Seen]:
    """Write a batch inside the current transaction.

    *seen* holds the shared rows that are known to be stored; *stored* is what is known of these runs (None to query
    it); *reader* reads stored runs. Return a verdict for each snapshot, in order, and the shared rows that are stored
    once the transaction is committed. If a run is stored but not in *stored*, the database raises an error.
    """
    groups: dict[str, list[Snapshot]] = {}
    for snapshot in snapshots:
        groups.setdefault(snapshot.id, []).append(snapshot)
    if stored is None:
        stored = known(transaction, list(groups))
    verdicts: dict[str, Iterator[Verdict]] = {}
    fresh: list[Snapshot] = []
    unclear: list[str] = []
    for run_id, group in groups.items():
        head = stored.get(run_id)
        if head is None and len(group) == 1:
            fresh += group
            verdicts[run_id] = iter(_INSERTED)
        elif head is not None and all(head.covers(snapshot.digest, snapshot.observed_at) for snapshot in group):
            verdicts[run_id] = repeat(UNCHANGED)
        else:
            unclear.append(run_id)
    # Decided under a lock, because another writer may have changed these runs in the meantime.
    stored_heads = heads(transaction, sorted(stored.keys() & unclear))
    decided = {run_id: _decide(stored_heads.get(run_id), groups[run_id], policy) for run_id in unclear}
    for run_id, run in decided.items():
        verdicts[run_id] = iter(run.verdicts)
        if run.stored is None and isinstance(run.newest, Snapshot):
            fresh.append(run.newest)

    changed = [run.newest for run in decided.values() if run.stored and isinstance(run.newest, Snapshot)]
    late = [snapshot for run in decided.values() for snapshot in run.late]
    # Earlier snapshots need only their key layout, because the order of the keys is part of the digest.
    rows = [row for snapshot in (*fresh, *changed) for row in snapshot.shared]
    rows += [snapshot.shape for snapshot in (*fresh, *changed, *late)]
    shared = write_shared(transaction, rows, seen)
    _insert(transaction, sorted(fresh, key=attrgetter("id")), now)
    _update(transaction, decided, reader)
    return [next(verdicts[snapshot.id]) for snapshot in snapshots], shared


# --- deciding --------------------------------------------------------------------------------------------------------


class Stored(NamedTuple):
    """The stored snapshot of a run, reduced to what shows whether another snapshot is the same."""

    digest: bytes
    observed_at: int

    def covers(self, digest: bytes, observed_at: int) -> bool:
        """Return whether a snapshot with this digest, observed at this time, adds nothing new."""
        return digest == self.digest and observed_at <= self.observed_at


Known = dict[str, Stored]
"""The stored snapshots by id of the run."""


def known(transaction: Transaction, ids: list[str]) -> Known:
    """Return those of these runs that are stored."""
    statement = _select_known(transaction.backend)
    rows = transaction.execute(statement, {"ids": ids}).all()  # faster than fetching one by one
    return {run_id: Stored(digest, observed_at) for run_id, digest, observed_at in rows}


@lru_cache
def _select_known(backend: Backend) -> Select[Any]:
    return select(RUN.c.id, RUN.c.digest, RUN.c.observed_at).where(backend.among(RUN.c.id, "ids"))


def heads(transaction: Transaction, ids: list[str]) -> dict[str, Head]:
    """Lock these runs in the order of their ids, and return their stored snapshots."""
    if not ids:
        return {}
    return {row[0]: Head(*row) for row in transaction.execute(_select_heads(transaction.backend), {"ids": ids})}


@lru_cache
def _select_heads(backend: Backend) -> Select[Any]:
    statement = select(*(RUN.c[name] for name in Head._fields)).where(backend.among(RUN.c.id, "ids"))
    return statement.order_by(RUN.c.id).with_for_update()


def _decide(stored: Head | None, snapshots: Iterable[Snapshot], policy: Policy) -> _Decided:
    run = _Decided(stored, stored, stored.observed_at if stored else 0)
    for snapshot in snapshots:
        newest = run.newest
        if newest is None:
            verdict = Verdict(Outcome.INSERTED)
        elif differs := different_run(newest, snapshot):
            run.verdicts.append(Verdict(Outcome.CONFLICT, differs))
            continue
        elif snapshot.digest == newest.digest:
            run.observed_at = max(run.observed_at, snapshot.observed_at)
            if isinstance(newest, Snapshot):
                newest.observed_at = newest.row[_OBSERVED_AT] = run.observed_at
            run.verdicts.append(UNCHANGED)
            continue
        elif policy == "error":
            reason = "the snapshot differs from the stored one, and on_conflict is 'error'"
            run.verdicts.append(Verdict(Outcome.CONFLICT, reason))
            continue
        elif policy == "replace" or (
            policy == "newest" and snapshot.order > order(newest.status, run.observed_at, newest.digest)
        ):
            verdict = Verdict(Outcome.UPDATED)
        else:
            run.late.append(snapshot)
            run.verdicts.append(Verdict(Outcome.STALE))
            continue
        if isinstance(newest, Snapshot):
            run.late.append(newest)
        elif newest is not None:
            run.stored = newest._replace(observed_at=run.observed_at)  # this batch may have observed it again
        run.newest, run.observed_at = snapshot, snapshot.observed_at
        run.verdicts.append(verdict)
    return run


def different_run(one: Snapshot | Head, other: Snapshot | Head) -> str:
    """Return why two snapshots cannot be of the same run, or an empty string if they can."""
    for name, left, right in zip(
        ("thread_id", "assistant_id", "created_at"), one.identity, other.identity, strict=True
    ):
        if left is not None and right is not None and left != right:
            return f"a different run with this id is already archived ({name} differs); this record was not stored"
    return ""


# --- writing ---------------------------------------------------------------------------------------------------------


def write_shared(transaction: Transaction, rows: Iterable[SharedRow], seen: Seen) -> Seen:
    """Insert shared rows that are not in *seen*, by table and id. Return the ids of those that are now stored."""
    unseen: dict[Table, dict[int, SharedRow]] = {table: {} for table in SHARED_TABLES}

    # The snapshots of a batch share most row objects, because they were made from the same texts.
    for row in {id(row): row for row in rows}.values():
        _gather(row, seen, unseen)
    for table, found in unseen.items():
        insert_shared(transaction, table, [found[shared_id].values for shared_id in sorted(found)])
    return {table: set(found) for table, found in unseen.items() if found}


def _gather(row: SharedRow, seen: Seen, unseen: dict[Table, dict[int, SharedRow]]) -> None:
    """Add a shared row to *unseen*, after those to which it refers, unless it is in *seen*."""
    if row.id in seen.get(row.table, ()):
        return
    if row.id not in unseen[row.table]:
        for referred in row.refers:
            _gather(referred, seen, unseen)
        unseen[row.table][row.id] = row
    elif unseen[row.table][row.id].digest != row.digest:
        raise DigestClash(id=row.id, table=row.table.name)


def insert_shared(transaction: Transaction, table: Table, rows: Sequence[Row]) -> None:
    """Insert the missing rows of a shared table, and check that the existing ones have the same digest."""
    missing = {row[0]: row for row in rows}
    for _ in range(INSERTS):
        if not missing or transaction.insert_missing(table, list(missing.values())) == len(missing):
            return
        # A transaction that began before a prune (REPEATABLE READ) still sees the rows that the prune deleted, so a row
        # may appear twice.
        statement = _select_digests(transaction.backend, table)
        for shared_id, digest in set(transaction.execute(statement, {"ids": list(missing)})):
            if missing.pop(shared_id)[1] != digest:
                raise DigestClash(id=shared_id, table=table.name)
    transaction.expect(table, len(rows) - len(missing), len(rows), "inserted")


@lru_cache
def _select_digests(backend: Backend, table: Table) -> Select[Any]:
    return select(table.c.id, table.c.digest).where(backend.among(table.c.id, "ids"))


def _insert(transaction: Transaction, snapshots: Sequence[Snapshot], now: int) -> None:
    if not snapshots:
        return
    children: dict[Table, list[Snapshot]] = {table: [] for table in CHILD_TABLES}
    numbers = transaction.numbers(RUN, [snapshot.id for snapshot in snapshots])
    for snapshot, number in zip(snapshots, numbers, strict=True):
        snapshot.row[_ARCHIVED_AT], snapshot.row[_NUMBER] = now, number
        for table in snapshot.children:
            children[table].append(snapshot)
    having = [(table, _rows(table, found)) for table, found in children.items() if found]
    transaction.insert_each([(RUN, [snapshot.row for snapshot in snapshots]), *having])


def _rows(table: Table, snapshots: Iterable[Snapshot]) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(snapshot.rows(table) for snapshot in snapshots)


def _update(transaction: Transaction, decided: dict[str, _Decided], reader: Reader) -> None:
    """Update stored runs to their newest snapshot, and add the other snapshots to the history."""
    changed = {
        run_id: run for run_id, run in decided.items() if run.late or (run.stored and run.newest is not run.stored)
    }
    before = reader.stored(transaction, sorted(run_id for run_id, run in changed.items() if run.stored))
    replaced = Replaced()
    revised: dict[int, history.Revised] = {}
    for run_id, run in sorted(changed.items()):
        stored, texts = before.get(run_id, (None, None))
        added = [
            Past(snapshot.digest, snapshot.observed_at, snapshot.status, snapshot.members) for snapshot in run.late
        ]
        if isinstance(run.newest, Snapshot) and run.stored and stored and texts is not None:
            run.newest.row[_ARCHIVED_AT], run.newest.row[_NUMBER] = run.stored.archived_at, run.stored.number
            unlike = run.newest.unlike.union(RUN_NAMES.of(texts).values())
            changes = [
                name for name in MEMBER_TABLES if name in unlike or texts.get(name) != run.newest.members.get(name)
            ]
            tables = [table for name in changes for table in MEMBER_TABLES[name]]
            replaced.add(stored, run.newest.row, {table: run.newest.rows(table) for table in tables})
            added.append(Past(run.stored.digest, run.stored.observed_at, run.stored.status, texts))
        newest = run.newest.members if isinstance(run.newest, Snapshot) else texts
        assert run.newest is not None
        assert newest is not None
        number = run.newest.row[_NUMBER] if isinstance(run.newest, Snapshot) else run.newest.number
        revised[number] = history.Revised(run.newest.digest, newest, texts, added)
    replaced.write(transaction)
    with_history = history.write(transaction, revised)
    stay = [(run.stored, run.observed_at) for run in decided.values() if run.stored and run.newest is run.stored]
    touched = [
        (head.number, observed_at)
        for head, observed_at in stay
        if head.number in with_history or observed_at > head.observed_at
    ]
    touch(transaction, dict(touched))


class Replaced:
    """Stored runs whose rows will be replaced."""

    def __init__(self) -> None:
        self._runs: list[Row] = []
        self._gone: dict[Table, dict[int, int]] = {table: {} for table in CHILD_TABLES}
        self._new: dict[Table, list[Row]] = {table: [] for table in CHILD_TABLES}

    def add(self, stored: StoredRun, row: Row, children: Mapping[Table, Iterable[Row]]) -> None:
        """Add a stored run, its new row, and its new rows in those tables where they may differ."""
        self._runs.append(row)
        for table, rows in children.items():
            self._new[table] += rows
            if count := stored.count(table):
                self._gone[table][row[_NUMBER]] = count

    def write(self, transaction: Transaction) -> None:
        """Replace the rows in the database."""
        if not self._runs:
            return
        transaction.update(RUN, ("number", "id"), self._runs)
        for table in reversed(CHILD_TABLES):  # referencing rows first, or else they would be deleted by a cascade
            gone = self._gone[table]
            deleted = transaction.delete(table, ("run_object",), [(number,) for number in gone])
            transaction.expect(table, deleted, sum(gone.values()), "deleted")
        for table in CHILD_TABLES:
            transaction.insert(table, self._new[table])


def touch(transaction: Transaction, seen: Mapping[int, int]) -> None:
    """Set the time at which the stored snapshot of each of these runs was last observed, even if it is unchanged.

    The runs are given by their numbers.

    This updates a run even if only its history has changed. Thus the database refuses the lock to a transaction that
    began earlier (REPEATABLE READ), which would otherwise restore the history that it saw.
    """
    if seen:
        moved = [{"run": number, "seen_at": observed_at} for number, observed_at in seen.items()]
        transaction.expect(RUN, transaction.execute(_MOVE, moved).rowcount, len(moved), "updated")


def replace_by_hand(
    transaction: Transaction,
    snapshots: Iterable[Snapshot],
    stored: dict[str, Head],
    before: dict[str, Texts],
) -> None:
    """Move the stored snapshots of runs into the history, before the caller replaces them by the given snapshots.

    *stored* holds their heads, which are locked, and *before* the texts of their members.
    """
    revised: dict[int, history.Revised] = {}
    for snapshot in snapshots:
        head, texts = stored[snapshot.id], before[snapshot.id]
        if head.digest != snapshot.digest:
            past = Past(head.digest, head.observed_at, head.status, texts)
            revised[head.number] = history.Revised(snapshot.digest, snapshot.members, texts, [past])
    history.write(transaction, revised)
