"""Copy of a whole archive to another one, on SQLite or PostgreSQL, row by row rather than by saving runs again.

The copy therefore includes history, source, observed_at and archived_at, but not the numbers of runs: the target gives
them its own. The source is read in one transaction. The target is written one range of runs at a time: committed ranges
are kept, and a repeated copy continues after them.

If both archives hold a run, the target receives the state that it would have if all snapshots of both archives had been
saved there: each snapshot has the later of its two observed_at, the newer of the two newest snapshots is the current
one, and all others are its history. archived_at and source of the target are kept. If the newest snapshots of the two
archives cannot belong to the same run, the run in the target is not changed and the id is reported.
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
from runstore.upkeep.walk import NUMBER, RUN_TABLES, Range, Row, ranges

BATCH = 500
"""Shared rows that are copied at a time; prompts can be long."""

OTHERS = tuple(t for t in TABLES.values() if t not in {RUN, *RUN_TABLES, *SHARED_TABLES})
"""Tables whose rows do not belong to runs."""

T = TypeVar("T")


class Target(Protocol):
    """The target of a copy."""

    def __call__(self, work: Callable[[Transaction], T]) -> T:
        """Return the result of *work* in a transaction, which is tried again if another writer interferes."""


@dataclass
class Copied:
    """The result of a copy, and its verification."""

    inserted: int = 0
    replaced: int = 0
    """Number of runs of which the source had a snapshot, or a later observation, that the target did not have."""
    unchanged: int = 0
    ahead: set[str] = field(default_factory=set)
    """Runs of which the target had a snapshot, or a later observation, that the source did not have; some of them may
    be replaced as well."""
    conflicts: set[str] = field(default_factory=set)
    """Ids with different runs in the two archives."""
    missing: list[Difference] = field(default_factory=list)
    """Runs that differ after the copy for another reason: somebody changed them, or the copy failed."""
    source: tuple[Fingerprint, Fingerprint] = (fingerprint.NOTHING, fingerprint.NOTHING)
    """The fingerprints of the runs and of their history."""
    target: tuple[Fingerprint, Fingerprint] = (fingerprint.NOTHING, fingerprint.NOTHING)

    @property
    def complete(self) -> bool:
        """Whether the target holds each run of the source, with at least its snapshots."""
        return not self.conflicts and not self.missing

    def __str__(self) -> str:
        counts = f"{self.inserted} inserted, {self.replaced} replaced, {self.unchanged} unchanged"
        return f"{counts}, {len(self.ahead)} ahead, {len(self.conflicts)} conflict"


def copy(source: Transaction, target: Target, progress: Callable[[int], None]) -> Copied:
    """Copy everything, and call *progress* with the number of runs since its last call."""

    def add(tables: Iterable[Table]) -> None:
        for table in tables:
            for rows in _batches(source, table):
                target(_Work(source, partial(_add, table=table, rows=rows)))

    add(SHARED_TABLES)
    report = Copied()
    for part in ranges(source):
        done = target(_Work(source, partial(_write, source=source, part=part)))
        report.inserted += done.inserted
        report.replaced += done.replaced
        report.unchanged += done.unchanged
        report.ahead |= done.ahead
        report.conflicts |= done.conflicts
        progress(len(part.runs))
    add(OTHERS)  # how far threads were fetched is true only if their runs are there
    return report


def prove(source: Transaction, target: Transaction, report: Copied) -> None:
    """Compare the fingerprints of both archives, and their runs if the fingerprints differ."""
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
    """Work on the target in one transaction.

    If it is tried again, it inserts all shared rows again: a prune may have deleted those that no run refers to yet.
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
    """Return all rows of a table in batches."""
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
    stored = writer.heads(transaction, [row[0] for row in part.runs])
    seen = select(CHANGE.c.run_object, CHANGE.c.digest, CHANGE.c.observed_at)
    seen = seen.where(transaction.backend.among(CHANGE.c.run_object, "numbers"))
    numbers = {"numbers": [head.number for head in stored.values()]}
    theirs = _seen(stored.values(), transaction.execute(seen, numbers).all() if stored else [])
    ours = _seen(map(_head, part.runs), (row[:3] for row in part.rows[CHANGE]))
    both: list[_Both] = []
    for row in part.runs:
        run_id = row[0]
        if run_id not in stored:
            done.inserted += 1
            continue
        run = _Both(row, _head(row), ours[run_id], stored[run_id], theirs[run_id])
        if writer.different_run(run.stored, run.head):
            done.conflicts.add(run_id)
            continue
        if run.has_more:
            both.append(run)
        if run.lacks:
            done.ahead.add(run_id)
        done.unchanged += not run.has_more and not run.lacks
    done.replaced = len(both)
    _insert(transaction, part, [row for row in part.runs if row[0] not in stored])
    if both:
        _merge(transaction, source, part, both)
    return done


def _insert(transaction: Transaction, part: Range, runs: list[Row]) -> None:
    """Insert new runs, under new numbers, with all rows that belong to them."""
    if not runs:
        return
    numbers = transaction.numbers(RUN, [row[0] for row in runs])
    number_of = {row[NUMBER]: number for row, number in zip(runs, numbers, strict=True)}
    transaction.insert(RUN, [_numbered(row, number_of[row[NUMBER]], NUMBER) for row in runs])
    for table in RUN_TABLES:
        rows = part.rows[table]
        transaction.insert(table, [_numbered(row, number_of[row[0]]) for row in rows if row[0] in number_of])


def _numbered(row: Row, number: int, place: int = 0) -> Row:
    return (*row[:place], number, *row[place + 1 :])


def _head(row: Row) -> writer.Head:
    return writer.Head(*(row[COLUMNS[name]] for name in writer.Head._fields))


Seen = dict[bytes, int]
"""The last observation of each snapshot of a run, by its digest."""


def _seen(heads: Iterable[writer.Head], changes: Iterable[Any]) -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    by_number: dict[int, Seen] = {}
    for head in heads:
        found[head.id] = by_number[head.number] = {head.digest: head.observed_at}
    for number, digest, observed_at in changes:
        if number in by_number:
            by_number[number][digest] = observed_at
    return found


@dataclass
class _Both:
    """A run that both archives hold."""

    row: Row
    head: writer.Head
    seen: Seen
    stored: writer.Head
    stored_seen: Seen

    @property
    def is_newer(self) -> bool:
        """Whether the newest snapshot of the source is newer than that of the target."""
        return self.head.digest != self.stored.digest and self.head.order > self.stored.order

    @property
    def has_more(self) -> bool:
        """Whether the source has something that the target does not have."""
        return self.is_newer or _is_more(self.seen, self.stored_seen)

    @property
    def lacks(self) -> bool:
        """Whether the target has something that the source does not have."""
        is_older = self.head.digest != self.stored.digest and not self.is_newer
        return is_older or _is_more(self.stored_seen, self.seen)

    @property
    def observed_at(self) -> int:
        """The last observation of the newest snapshot."""
        newest = self.head if self.is_newer else self.stored
        return max(seen[newest.digest] for seen in (self.seen, self.stored_seen) if newest.digest in seen)


def _is_more(one: Seen, other: Seen) -> bool:
    """Return whether one has a snapshot, or a later observation, that the other does not have."""
    return any(digest not in other or observed_at > other[digest] for digest, observed_at in one.items())


def _merge(transaction: Transaction, source: Transaction, part: Range, runs: list[_Both]) -> None:
    """Merge the snapshots of the source into runs that the target holds too."""
    ids = [run.head.id for run in runs]
    ours = Reader().stored(source, ids)
    if any(run_id not in ours or ours[run_id][0].row != row for run_id, row in ((r.head.id, r.row) for r in runs)):
        raise ConfigurationError(
            detail="a run of the source changed during the copy; copy from a repository that was created from an "
            "engine, or from a connection in REPEATABLE READ"
        )
    theirs = Reader().stored(transaction, ids)
    number_of = {run.head.number: run.stored.number for run in runs}
    changes: dict[int, list[Row]] = {number: [] for number in number_of}
    children: dict[int, dict[Table, list[Row]]] = {number: {table: [] for table in CHILD_TABLES} for number in changes}
    for row in part.rows[CHANGE]:
        if row[0] in changes:
            changes[row[0]].append(row)
    for table in CHILD_TABLES:
        for row in part.rows[table]:
            if row[0] in children:
                children[row[0]][table].append(_numbered(row, number_of[row[0]]))
    replaced = writer.Replaced()
    revised: dict[int, Revised] = {}
    for run in runs:
        texts, (stored, before) = ours[run.head.id][1], theirs[run.head.id]
        added = unfold(changes[run.head.number], texts)
        if run.is_newer:
            values = list(_numbered(run.row, run.stored.number, NUMBER))
            values[COLUMNS["observed_at"]], values[COLUMNS["archived_at"]] = run.observed_at, run.stored.archived_at
            replaced.add(stored, values, children[run.head.number])
            added.append(Past(run.stored.digest, run.stored.observed_at, run.stored.status, before))
            revised[run.stored.number] = Revised(run.head.digest, texts, before, added)
        else:
            added.append(Past(run.head.digest, run.head.observed_at, run.head.status, texts))
            revised[run.stored.number] = Revised(run.stored.digest, before, before, added)
    replaced.write(transaction)
    history.write(transaction, revised)
    writer.touch(transaction, {run.stored.number: run.observed_at for run in runs if not run.is_newer})
