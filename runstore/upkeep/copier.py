"""All of an archive to another one, of the same or the other kind: the rows as they stand, nothing is saved again.

So history, source, observed_at and archived_at come along. The source is read in one transaction, the target is written
a range of runs at a time: what was committed stays, and the same copy again goes on from there.

A run that both have becomes in the target what it would be if all snapshots that either has were saved there: of each
one the later observed_at counts, of the two newest ones the newer stands in the tables, all others are its history.
Where it was archived first, and under which source, stays. A run whose newest snapshots in the two archives cannot be
of the same run is left as it is and named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Table, select

from runstore.backends import Transaction
from runstore.errors import ConfigurationError
from runstore.mapping import CHILD_TABLES, COLUMNS, RUN, SHARED_TABLES
from runstore.query.queries import readable
from runstore.query.reader import Reader
from runstore.save import history, writer
from runstore.save.history import CHANGE, Past, Revised, unfold
from runstore.schema import TABLES
from runstore.upkeep import fingerprint
from runstore.upkeep.fingerprint import Difference, Fingerprint, Where
from runstore.upkeep.walk import RUN_TABLES, Range, Row, ranges

BATCH = 500
"""Shared rows that are copied at a time: prompts can be long."""

OTHERS = tuple(t for t in TABLES.values() if t not in {RUN, *RUN_TABLES, *SHARED_TABLES})
"""Tables that hold nothing of runs."""

T = TypeVar("T")


class Target(Protocol):
    """Where the copy goes."""

    def __call__(self, work: Callable[[Transaction], T]) -> T:
        """What *work* gives in a transaction, which is tried again where another writer was in the way."""


@dataclass
class Copied:
    """What became of the runs of the source, and the proof."""

    inserted: int = 0
    replaced: int = 0
    """Runs of which the source had seen something that the target had not: a snapshot, or one at a later time."""
    unchanged: int = 0
    ahead: set[str] = field(default_factory=set)
    """Runs of which the target had seen something that the source had not; some of them may be replaced as well."""
    conflicts: set[str] = field(default_factory=set)
    """Ids under which the two archives have different runs."""
    missing: list[Difference] = field(default_factory=list)
    """Runs that differ for another reason at the end: somebody changes them, or the copy failed."""
    source: tuple[Fingerprint, Fingerprint] = (fingerprint.NOTHING, fingerprint.NOTHING)
    """Of the runs and of their earlier snapshots."""
    target: tuple[Fingerprint, Fingerprint] = (fingerprint.NOTHING, fingerprint.NOTHING)

    @property
    def complete(self) -> bool:
        """Whether each run of the source is in the target as it is in the source, or with more snapshots."""
        return not self.conflicts and not self.missing

    def __str__(self) -> str:
        counts = f"{self.inserted} inserted, {self.replaced} replaced, {self.unchanged} unchanged"
        return f"{counts}, {len(self.ahead)} ahead, {len(self.conflicts)} conflict"


def copy(source: Transaction, target: Target, progress: Callable[[int], None]) -> Copied:
    """Copy everything; *progress* is called with the number of runs since its last call."""
    for table in (*SHARED_TABLES, *OTHERS):
        for rows in _batches(source, table):
            target(_Work(source, partial(_add, table=table, rows=rows)))
    report = Copied()
    for part in ranges(source):
        done = target(_Work(source, partial(_write, source=source, part=part)))
        report.inserted += done.inserted
        report.replaced += done.replaced
        report.unchanged += done.unchanged
        report.ahead |= done.ahead
        report.conflicts |= done.conflicts
        progress(len(part.runs))
    return report


def prove(source: Transaction, target: Transaction, report: Copied) -> None:
    """Compare both ends by their fingerprints, and run by run where they differ."""
    report.source = fingerprint.of_runs(source), fingerprint.of_history(source)
    report.target = fingerprint.of_runs(target), fingerprint.of_history(target)
    if report.source != report.target:
        explained = report.ahead | report.conflicts
        report.missing = [
            difference
            for difference in fingerprint.differences(source, target)
            if difference.where is not Where.SECOND and difference.run not in explained
        ]


@dataclass
class _Work(Generic[T]):
    """What is done to the target in one transaction.

    Tried again it brings all shared rows once more: until a run refers to them a prune takes them for unused.
    """

    source: Transaction
    work: Callable[[Transaction], T]
    tried: bool = False

    def __call__(self, transaction: Transaction) -> T:
        if self.tried:
            for table in SHARED_TABLES:
                for rows in _batches(self.source, table):
                    _add(transaction, table, rows)
        self.tried = True
        return self.work(transaction)


def _batches(source: Transaction, table: Table) -> Iterator[list[Row]]:
    """All rows of a table."""
    columns = [readable(source.backend, column) for column in table.columns]
    (key,) = table.primary_key.columns if len(table.primary_key.columns) == 1 else (None,)
    statement = select(*columns).order_by(*table.primary_key.columns)
    if key is None:
        yield [tuple(row) for row in source.execute(statement)]
        return
    rows = source.execute(statement.limit(BATCH)).all()
    place = list(table.columns).index(key)
    while rows:
        yield [tuple(row) for row in rows]
        rows = source.execute(statement.where(key > rows[-1][place]).limit(BATCH)).all()


def _add(transaction: Transaction, table: Table, rows: list[Row]) -> None:
    if table in SHARED_TABLES:
        writer.insert_shared(transaction, table, rows)
    else:
        transaction.insert_missing(table, rows)


def _write(transaction: Transaction, source: Transaction, part: Range) -> Copied:
    done = Copied()
    there = writer.heads(transaction, [row[0] for row in part.runs])
    seen = select(CHANGE.c.run_object, CHANGE.c.digest, CHANGE.c.observed_at)
    seen = seen.where(transaction.backend.among(CHANGE.c.run_object, "ids"))
    theirs = _seen(there.values(), transaction.execute(seen, {"ids": list(there)}).all() if there else [])
    ours = _seen(map(_head, part.runs), (row[:3] for row in part.rows[CHANGE]))
    both: list[_Both] = []
    for row in part.runs:
        run_id = row[0]
        if run_id not in there:
            done.inserted += 1
            continue
        run = _Both(row, _head(row), ours[run_id], there[run_id], theirs[run_id])
        if writer.different_run(run.stored, run.head):
            done.conflicts.add(run_id)
            continue
        if run.has_more:
            both.append(run)
        if run.lacks:
            done.ahead.add(run_id)
        done.unchanged += not run.has_more and not run.lacks
    done.replaced = len(both)
    transaction.insert(RUN, [row for row in part.runs if row[0] not in there])
    for table in RUN_TABLES:
        transaction.insert(table, [row for row in part.rows[table] if row[0] not in there])
    if both:
        _merge(transaction, source, part, both)
    return done


def _head(row: Row) -> writer.Head:
    return writer.Head(*(row[COLUMNS[name]] for name in writer.Head._fields))


Seen = dict[bytes, int]
"""Snapshots of a run by digest: when each one was last seen."""


def _seen(heads: Iterable[writer.Head], changes: Iterable[Any]) -> dict[str, Seen]:
    found: dict[str, Seen] = {head.id: {head.digest: head.observed_at} for head in heads}
    for run_id, digest, observed_at in changes:
        if run_id in found:
            found[run_id][digest] = observed_at
    return found


@dataclass
class _Both:
    """A run of the source, and what the target has of it."""

    row: Row
    head: writer.Head
    seen: Seen
    stored: writer.Head
    stored_seen: Seen

    @property
    def is_newer(self) -> bool:
        """Whether the source has the newest snapshot, and the target has another one."""
        return self.head.digest != self.stored.digest and self.head.order > self.stored.order

    @property
    def has_more(self) -> bool:
        """Whether the target learns something."""
        return self.is_newer or _is_more(self.seen, self.stored_seen)

    @property
    def lacks(self) -> bool:
        """Whether the source could learn something."""
        is_older = self.head.digest != self.stored.digest and not self.is_newer
        return is_older or _is_more(self.stored_seen, self.seen)

    @property
    def observed_at(self) -> int:
        """When the newest snapshot of both was last seen."""
        newest = self.head if self.is_newer else self.stored
        return max(seen[newest.digest] for seen in (self.seen, self.stored_seen) if newest.digest in seen)


def _is_more(one: Seen, other: Seen) -> bool:
    """Whether one has a snapshot that the other has not, or has it at a later time."""
    return any(digest not in other or observed_at > other[digest] for digest, observed_at in one.items())


def _merge(transaction: Transaction, source: Transaction, part: Range, runs: list[_Both]) -> None:
    """Put what the source has seen of runs into the target, which has them too."""
    ids = [run.head.id for run in runs]
    ours = Reader().stored(source, ids)
    if any(run_id not in ours or ours[run_id][0].row != row for run_id, row in ((r.head.id, r.row) for r in runs)):
        raise ConfigurationError(
            detail="a run of the source changed while it was copied; copy from a repository made from an engine, or "
            "from a connection in REPEATABLE READ"
        )
    theirs = Reader().stored(transaction, ids)
    changes: dict[str, list[Row]] = {run_id: [] for run_id in ids}
    children: dict[str, dict[Table, list[Row]]] = {run_id: {table: [] for table in CHILD_TABLES} for run_id in ids}
    for row in part.rows[CHANGE]:
        if row[0] in changes:
            changes[row[0]].append(row)
    for table in CHILD_TABLES:
        for row in part.rows[table]:
            if row[0] in children:
                children[row[0]][table].append(row)
    replaced = writer.Replaced()
    revised: dict[str, Revised] = {}
    for run in runs:
        run_id = run.head.id
        texts, (stored, before) = ours[run_id][1], theirs[run_id]
        added = unfold(changes[run_id], texts)
        if run.is_newer:
            values = list(run.row)
            values[COLUMNS["observed_at"]], values[COLUMNS["archived_at"]] = run.observed_at, run.stored.archived_at
            replaced.add(stored, values, children[run_id])
            added.append(Past(run.stored.digest, run.stored.observed_at, run.stored.status, before))
            revised[run_id] = Revised(run.head.digest, texts, before, added)
        else:
            added.append(Past(run.head.digest, run.head.observed_at, run.head.status, texts))
            revised[run_id] = Revised(run.stored.digest, before, before, added)
    replaced.write(transaction)
    history.write(transaction, revised)
    writer.touch(transaction, {run.head.id: run.observed_at for run in runs if not run.is_newer})
