"""All of an archive to another one, of the same or the other kind: the rows as they stand, nothing is saved anew.

So history, source, observed_at and archived_at come along. The source is read in one transaction, the target is written
a range of runs at a time: what was committed stays, and the same copy again goes on from there. A run that is in the
target already is

- left alone if it is the same, or if the target has seen more of it (all looks of the source are among its own);
- replaced if the source has seen more of it;
- left alone and named if each of the two has a look that the other has not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection, Table, select

from runstore import fingerprint
from runstore.backends import Backend
from runstore.errors import DigestClash
from runstore.fingerprint import Difference, Fingerprint, Side
from runstore.mapping import COLUMNS, RUN, SHARED_TABLES
from runstore.queries import readable
from runstore.schema import TABLES
from runstore.walk import CHANGE, RUN_TABLES, Range, Row, ranges

BATCH = 500
"""Shared rows that are copied at a time: prompts can be long."""

OTHERS = tuple(t for t in TABLES.values() if t not in {RUN, *RUN_TABLES, *SHARED_TABLES})
"""Tables that hold nothing of runs."""

_HEAD = ("id", "digest", "observed_at", "archived_at", "source")

T = TypeVar("T")


class Target(Protocol):
    """Where the copy goes."""

    def __call__(self, work: Callable[[Connection], T]) -> T:
        """What *work* gives in a transaction, which is tried again where another writer was in the way."""


@dataclass
class Copied:
    """What became of the runs of the source, and the proof."""

    inserted: int = 0
    replaced: int = 0
    """Runs of which the source had seen more."""
    unchanged: int = 0
    ahead: set[str] = field(default_factory=set)
    """Runs of which the target had seen more."""
    conflicts: set[str] = field(default_factory=set)
    """Runs of which each had a look that the other had not."""
    missing: list[Difference] = field(default_factory=list)
    """Runs that differ for another reason at the end: somebody changes them, or the copy failed."""
    source: tuple[Fingerprint, Fingerprint] = (fingerprint.NOTHING, fingerprint.NOTHING)
    """Of the runs and of their earlier looks."""
    target: tuple[Fingerprint, Fingerprint] = (fingerprint.NOTHING, fingerprint.NOTHING)

    @property
    def complete(self) -> bool:
        """Whether each run of the source is in the target as it is in the source, or with more looks."""
        return not self.conflicts and not self.missing

    def __str__(self) -> str:
        counts = f"{self.inserted} inserted, {self.replaced} replaced, {self.unchanged} unchanged"
        return f"{counts}, {len(self.ahead)} ahead, {len(self.conflicts)} conflict"


def copy(source: Side, backend: Backend, target: Target, progress: Callable[[int], None]) -> Copied:
    """Copy everything; *backend* is the target's, *progress* is called with the number of runs since its last call."""
    for table in (*SHARED_TABLES, *OTHERS):
        for rows in _batches(source, table):
            target(_Work(source, backend, partial(_add, backend=backend, table=table, rows=rows)))
    report = Copied()
    for part in ranges(*source):
        done = target(_Work(source, backend, partial(_write, backend=backend, part=part)))
        report.inserted += done.inserted
        report.replaced += done.replaced
        report.unchanged += done.unchanged
        report.ahead |= done.ahead
        report.conflicts |= done.conflicts
        progress(len(part.runs))
    return report


def prove(source: Side, target: Side, report: Copied) -> None:
    """Compare both ends by their fingerprints, and run by run where they differ."""
    report.source = fingerprint.of_runs(source), fingerprint.of_history(source)
    report.target = fingerprint.of_runs(target), fingerprint.of_history(target)
    if report.source != report.target:
        explained = report.ahead | report.conflicts
        report.missing = [
            difference
            for difference in fingerprint.differences(source, target)
            if difference.where != "only in the second" and difference.run not in explained
        ]


@dataclass
class _Work(Generic[T]):
    """What is done to the target in one transaction.

    Tried again it brings all shared rows once more: until a run refers to them a prune takes them for unused.
    """

    source: Side
    backend: Backend
    work: Callable[[Connection], T]
    tried: bool = False

    def __call__(self, connection: Connection) -> T:
        if self.tried:
            for table in SHARED_TABLES:
                for rows in _batches(self.source, table):
                    _add(connection, self.backend, table, rows)
        self.tried = True
        return self.work(connection)


def _batches(source: Side, table: Table) -> Iterator[list[Row]]:
    """All rows of a table."""
    columns = [readable(source.backend, column) for column in table.columns]
    (key,) = table.primary_key.columns if len(table.primary_key.columns) == 1 else (None,)
    statement = select(*columns).order_by(*table.primary_key.columns)
    if key is None:
        yield [tuple(row) for row in source.connection.execute(statement)]
        return
    rows = source.connection.execute(statement.limit(BATCH)).all()
    place = list(table.columns).index(key)
    while rows:
        yield [tuple(row) for row in rows]
        rows = source.connection.execute(statement.where(key > rows[-1][place]).limit(BATCH)).all()


def _add(connection: Connection, backend: Backend, table: Table, rows: list[Row]) -> None:
    backend.insert_missing(connection, table, rows)
    if table in SHARED_TABLES:
        digests = {row[0]: row[1] for row in rows}
        statement = select(table.c.id, table.c.digest).where(backend.among(table.c.id, "ids"))
        for shared_id, digest in connection.execute(statement, {"ids": list(digests)}):
            if digests[shared_id] != digest:
                raise DigestClash(id=shared_id, table=table.name)


def _write(connection: Connection, backend: Backend, part: Range) -> Copied:
    done = Copied()
    ids = {"ids": [row[0] for row in part.runs]}
    heads = select(*(RUN.c[name] for name in _HEAD)).where(backend.among(RUN.c.id, "ids"))
    there = {row[0]: tuple(row) for row in connection.execute(heads.order_by(RUN.c.id).with_for_update(), ids)}
    looks = select(CHANGE.c.run_object, CHANGE.c.digest, CHANGE.c.observed_at)
    looks = looks.where(backend.among(CHANGE.c.run_object, "ids"))
    theirs = _looks(connection.execute(looks, {"ids": list(there)}).all() if there else [])
    ours = _looks([row[:3] for row in part.rows[CHANGE]])
    chosen, gone = set(), []
    for row in part.runs:
        run_id = row[0]
        if run_id not in there:
            done.inserted += 1
            chosen.add(run_id)
            continue
        head = tuple(row[COLUMNS[name]] for name in _HEAD)
        here, target = ours.get(run_id, {}), theirs.get(run_id, {})
        seen_here, seen_there = {head[1], *here}, {there[run_id][1], *target}
        if (head, here) == (there[run_id], target):
            done.unchanged += 1
        elif seen_there <= seen_here:
            done.replaced += 1
            chosen.add(run_id)
            gone.append((run_id,))
        elif seen_here <= seen_there:
            done.ahead.add(run_id)
        else:
            done.conflicts.add(run_id)
    backend.delete(connection, RUN, ("id",), gone)
    backend.insert(connection, RUN, [row for row in part.runs if row[0] in chosen])
    for table in RUN_TABLES:
        backend.insert(connection, table, [row for row in part.rows[table] if row[0] in chosen])
    return done


def _looks(rows: Any) -> dict[str, dict[bytes, int]]:
    """Earlier looks by run and digest: when they were last seen."""
    found: dict[str, dict[bytes, int]] = {}
    for run_id, digest, observed_at in rows:
        found.setdefault(run_id, {})[digest] = observed_at
    return found
