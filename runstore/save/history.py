"""The earlier snapshots of a run: a chain in which each is stored as the difference from the next newer one.

A difference consists of members with their values, and the keys that only the newer snapshot has. The chain depends
only on the set of snapshots, not on the order in which they were saved, or how often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec import Raw
from sqlalchemy import bindparam, select

from runstore import wire
from runstore.backends import Transaction
from runstore.errors import RunNotFound
from runstore.mapping import RUN, Order, differences, order, table_of
from runstore.query import queries
from runstore.schema import RunObjectChange

CHANGE = table_of(RunObjectChange)

Texts = dict[str, Raw]
"""The canonical text of each member of a run."""


class Change(NamedTuple):
    """An earlier snapshot of a run."""

    observed_at: int
    """When the run was last observed in this state (Unix microseconds)."""
    status: str | None
    digest: bytes
    members: dict[str, Any]
    """The members whose value differs in the next newer snapshot, with their value in this one."""
    absent: list[str]
    """The members that the next newer snapshot has and this one does not."""


class Observed(NamedTuple):
    """A snapshot of a run."""

    observed_at: int
    """When the run was last observed in this state (Unix microseconds)."""
    run: dict[str, Any]
    """The run; the order of the keys is recorded for the newest snapshot only."""


@dataclass(slots=True)
class Past:
    """A snapshot that is not the newest."""

    digest: bytes
    observed_at: int
    status: str | None
    texts: Texts

    @property
    def order(self) -> Order:
        """The order of this snapshot. Of two snapshots, the one with the greater order is the newer."""
        return order(self.status, self.observed_at, self.digest)


@dataclass(slots=True)
class Revised:
    """A run whose history changes."""

    digest: bytes
    """The digest of the newest snapshot, which the tables will hold."""
    texts: Texts
    before: Texts | None
    """The members of the snapshot that the tables held before; None for a new run."""
    added: list[Past]


def write(transaction: Transaction, runs: Mapping[int, Revised]) -> set[int]:
    """Add snapshots to the history of runs, given by their numbers, whose rows must be locked.

    Return the numbers of the runs whose history has changed.
    """
    if not runs:
        return set()
    kept: dict[int, dict[bytes, tuple[Any, ...]]] = {number: {} for number in runs}
    for row in stored(transaction, sorted(number for number in runs if runs[number].before is not None)):
        kept[row[0]][row[1]] = row
    gone, new = [], []
    for number, run in sorted(runs.items()):
        rows = kept[number]
        chain = _chain(number, run, unfold(rows.values(), run.before or {}))
        gone += [(number, digest) for digest, row in rows.items() if chain.get(digest) != row]
        new += [row for digest, row in chain.items() if rows.get(digest) != row]
    deleted = transaction.delete(CHANGE, ("run_object", "digest"), gone)
    transaction.expect(CHANGE, deleted, len(gone), "deleted")
    transaction.insert(CHANGE, new)
    return {number for number, *_ in (*gone, *new)}


def stored(transaction: Transaction, numbers: Sequence[int]) -> Iterable[tuple[Any, ...]]:
    """Return the stored history rows of the runs with these numbers."""
    if not numbers:
        return []
    statement = select(*[queries.readable(transaction.backend, column) for column in CHANGE.columns])
    statement = statement.where(transaction.backend.among(CHANGE.c.run_object, "numbers"))
    return map(tuple, transaction.execute(statement, {"numbers": numbers}))


def unfold(rows: Iterable[tuple[Any, ...]], newer: Texts) -> list[Past]:
    """Return the snapshots that stored history rows represent, given the members of the newest snapshot."""
    found = []
    pasts = [
        (Past(digest, observed, status, {}), members, absent) for _, digest, observed, status, members, absent in rows
    ]
    for past, members, absent in sorted(pasts, key=lambda row: row[0].order, reverse=True):
        missing = wire.loads(absent) if absent else ()
        past.texts = {key: text for key, text in newer.items() if key not in missing}
        past.texts |= wire.members(members.encode(), "members")
        newer = past.texts
        found.append(past)
    return found


def _chain(number: int, run: Revised, kept: list[Past]) -> dict[bytes, tuple[Any, ...]]:
    """Return the history rows for all snapshots of a run, by digest."""
    pasts: dict[bytes, Past] = {}
    for past in (*kept, *run.added):
        known = pasts.setdefault(past.digest, past)
        known.observed_at = max(known.observed_at, past.observed_at)
    pasts.pop(run.digest, None)
    newer = run.texts
    rows: dict[bytes, tuple[Any, ...]] = {}
    for past in sorted(pasts.values(), key=lambda past: past.order, reverse=True):
        members, absent = differences(past.texts, newer)
        # Sorted by key, so that the row does not depend on how the snapshot was obtained.
        text = wire.encode(dict(sorted(members.items()))).decode()
        missing = wire.encode(sorted(absent)).decode() if absent else None
        rows[past.digest] = (number, past.digest, past.observed_at, past.status, text, missing)
        newer = past.texts
    return rows


def changes(transaction: Transaction, run_id: str) -> list[Change]:
    """Return the snapshots of a run except the newest, oldest first. Raises :class:`RunNotFound`."""
    columns = [queries.readable(transaction.backend, column) for column in CHANGE.columns]
    known = select(RUN.c.number).where(RUN.c.id == bindparam("id"))
    statement = select(*columns).where(CHANGE.c.run_object == known.scalar_subquery())
    rows = transaction.execute(statement, {"id": run_id}).all()
    if not rows and transaction.execute(known, {"id": run_id}).first() is None:
        raise RunNotFound(id=run_id)
    found = [
        Change(
            observed_at,
            status,
            digest,
            wire.loads(members),
            wire.loads(absent) if absent else [],
        )
        for _, digest, observed_at, status, members, absent in rows
    ]
    return sorted(found, key=lambda change: order(change.status, change.observed_at, change.digest))


def snapshots(transaction: Transaction, run_id: str, newest: dict[str, Any]) -> list[Observed]:
    """Return all snapshots of a stored run, oldest first, given the newest one."""
    observed_at = transaction.execute(select(RUN.c.observed_at).where(RUN.c.id == run_id)).scalar_one()
    found = [Observed(observed_at, newest)]
    for change in reversed(changes(transaction, run_id)):
        same = {key: value for key, value in found[-1].run.items() if key not in change.absent}
        found.append(Observed(change.observed_at, same | change.members))
    return found[::-1]
