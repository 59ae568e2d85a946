"""The one write path: a batch of looks, settled against what is stored and written in a fixed number of statements.

Of several looks at one run one is the newest and stands in the tables. The others are its history, a chain: each is
kept as what differs from the next newer one (members with their values, and the keys that only the newer one has). The
chain is a function of the set of looks, so it does not matter in which order or how often they were saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import Raw
from sqlalchemy import Connection, Select, Table, bindparam, select, update

from runstore import queries, wire
from runstore.backends import Backend
from runstore.errors import ConfigurationError, DigestClash
from runstore.mapping import (
    CHILD_TABLES,
    COLUMNS,
    MEMBER_TABLES,
    RANKS,
    RUN,
    RUN_NAMES,
    SHARED_TABLES,
    Look,
    SharedRow,
    differences,
    table_of,
)
from runstore.schema import RunObjectChange

CHANGE = table_of(RunObjectChange)
_ARCHIVED_AT, _OBSERVED_AT = COLUMNS["archived_at"], COLUMNS["observed_at"]
_MOVE = update(RUN).where(RUN.c.id == bindparam("run_id")).values(observed_at=bindparam("seen_at"))

Seen = dict[Table, set[int]]
"""Ids of shared rows, by table."""

Texts = dict[str, Raw]
"""Canonical text of each member of a run."""

POLICIES = ("newest", "replace", "keep", "error")
"""What ``on_conflict`` takes."""


class Outcome(StrEnum):
    """What became of one look at a run."""

    INSERTED = "inserted"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STALE = "stale"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    SKIPPED = "skipped"


class Verdict(NamedTuple):
    """An outcome and, for a conflict, its reason."""

    outcome: Outcome
    reason: str = ""


_INSERTED = (Verdict(Outcome.INSERTED),)
UNCHANGED = Verdict(Outcome.UNCHANGED)


class _Head(NamedTuple):
    """The stored look at a run, as far as saving needs it."""

    id: str
    digest: bytes
    observed_at: int
    archived_at: int
    status: str | None
    thread_id: str | None
    assistant_id: str | None
    created_at: int | None

    @property
    def order(self) -> tuple[int, int, bytes]:
        return RANKS.get(self.status or "", 0), self.observed_at, self.digest

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.thread_id, self.assistant_id, self.created_at


@dataclass(slots=True)
class _Settled:
    """What a batch makes of one run."""

    stored: _Head | None
    newest: Look | _Head | None
    observed_at: int = 0
    """The latest time at which the newest look was seen."""
    late: list[Look] = field(default_factory=list)
    """Looks of the batch that are not the newest."""
    verdicts: list[Verdict] = field(default_factory=list)


def write(
    connection: Connection,
    backend: Backend,
    looks: Sequence[Look],
    *,
    policy: str,
    now: int,
    seen: Seen,
    there: Known | None,
    texts_of: Callable[[Connection, list[str]], dict[str, Texts]],
) -> tuple[list[Verdict], Seen]:
    """Write a batch inside the transaction at hand.

    *seen* holds the shared rows known to be stored; *there* is what is known of these runs (None: it is asked for),
    *texts_of* reads the members of stored runs. Gives a verdict for each look, in order, and the shared rows that are
    stored once the transaction is committed. A run that is not in *there*, but stored, is an error of the database.
    """
    groups: dict[str, list[Look]] = {}
    for look in looks:
        groups.setdefault(look.id, []).append(look)
    if there is None:
        there = known(connection, backend, list(groups))
    verdicts: dict[str, Iterator[Verdict]] = {}
    fresh: list[Look] = []
    unclear: list[str] = []
    for run_id, group in groups.items():
        stored = there.get(run_id)
        if stored is None and len(group) == 1:
            fresh += group
            verdicts[run_id] = iter(_INSERTED)
        elif stored is not None and all(stored.covers(look.digest, look.observed_at) for look in group):
            verdicts[run_id] = repeat(UNCHANGED)
        else:
            unclear.append(run_id)
    # Decided under a lock, for another writer may have been here since.
    heads = _heads(connection, backend, sorted(there.keys() & unclear))
    settled = {run_id: _settle(heads.get(run_id), groups[run_id], policy) for run_id in unclear}
    for run_id, run in settled.items():
        verdicts[run_id] = iter(run.verdicts)
        if run.stored is None and isinstance(run.newest, Look):
            fresh.append(run.newest)

    changed = [run.newest for run in settled.values() if run.stored and isinstance(run.newest, Look)]
    # Of an earlier look only the shape: it alone knows the order of the keys, which is part of the look's digest.
    shapes = [look.shared[-1] for run in settled.values() for look in run.late]
    rows = (*(row for look in (*fresh, *changed) for row in look.shared), *shapes)
    shared = write_shared(connection, backend, rows, seen)
    _insert(connection, backend, sorted(fresh, key=attrgetter("id")), now)
    _update(connection, backend, settled, texts_of)
    return [next(verdicts[look.id]) for look in looks], shared


# --- deciding --------------------------------------------------------------------------------------------------------


class Stored(NamedTuple):
    """The stored look at a run, as far as it takes to see that another one is the same."""

    digest: bytes
    observed_at: int

    def covers(self, digest: bytes, observed_at: int) -> bool:
        """Whether a look with this digest, seen at this time, says nothing new."""
        return digest == self.digest and observed_at <= self.observed_at


Known = dict[str, Stored]
"""By run."""


def known(connection: Connection, backend: Backend, ids: list[str]) -> Known:
    """Those of these runs that are stored."""
    rows = connection.execute(_select_known(backend), {"ids": ids}).all()  # all at one go: one by one takes longer
    return {run_id: Stored(digest, observed_at) for run_id, digest, observed_at in rows}


@lru_cache
def _select_known(backend: Backend) -> Select[Any]:
    return select(RUN.c.id, RUN.c.digest, RUN.c.observed_at).where(backend.among(RUN.c.id, "ids"))


def _heads(connection: Connection, backend: Backend, ids: list[str]) -> dict[str, _Head]:
    """The stored looks at these runs, locked in the order of their ids."""
    if not ids:
        return {}
    return {row[0]: _Head(*row) for row in connection.execute(_select_heads(backend), {"ids": ids})}


@lru_cache
def _select_heads(backend: Backend) -> Select[Any]:
    statement = select(*(RUN.c[name] for name in _Head._fields)).where(backend.among(RUN.c.id, "ids"))
    return statement.order_by(RUN.c.id).with_for_update()


def _settle(stored: _Head | None, looks: Iterable[Look], policy: str) -> _Settled:
    run = _Settled(stored, stored, stored.observed_at if stored else 0)
    for look in looks:
        newest = run.newest
        if newest is None:
            verdict = Verdict(Outcome.INSERTED)
        elif differs := _different_run(newest, look):
            run.verdicts.append(Verdict(Outcome.CONFLICT, differs))
            continue
        elif look.digest == newest.digest:
            run.observed_at = max(run.observed_at, look.observed_at)
            if isinstance(newest, Look):
                newest.observed_at = newest.row[_OBSERVED_AT] = run.observed_at
            run.verdicts.append(UNCHANGED)
            continue
        elif policy == "error":
            run.verdicts.append(Verdict(Outcome.CONFLICT, "differs from the stored look, and on_conflict is 'error'"))
            continue
        elif policy == "replace" or (policy == "newest" and look.order > _order(newest, run.observed_at)):
            verdict = Verdict(Outcome.UPDATED)
        else:
            run.late.append(look)
            run.verdicts.append(Verdict(Outcome.STALE))
            continue
        if isinstance(newest, Look):
            run.late.append(newest)
        elif newest is not None:
            run.stored = newest._replace(observed_at=run.observed_at)  # this batch may have seen it again
        run.newest, run.observed_at = look, look.observed_at
        run.verdicts.append(verdict)
    return run


def _order(newest: Look | _Head, observed_at: int) -> tuple[int, int, bytes]:
    rank, _, digest = newest.order
    return rank, observed_at, digest


def _different_run(one: Look | _Head, other: Look) -> str:
    """Why two looks cannot be looks at the same run; empty where they can."""
    for name, left, right in zip(
        ("thread_id", "assistant_id", "created_at"), one.identity, other.identity, strict=True
    ):
        if left is not None and right is not None and left != right:
            return f"its {name} differs from that of an earlier look with this id; it is another run"
    return ""


def check_policy(policy: str) -> None:
    """Raise :class:`ConfigurationError` for what is no ``on_conflict``."""
    if policy not in POLICIES:
        raise ConfigurationError(detail=f"on_conflict is {policy!r}; expected one of {', '.join(POLICIES)}")


# --- writing ---------------------------------------------------------------------------------------------------------


def write_shared(connection: Connection, backend: Backend, rows: Iterable[SharedRow], seen: Seen) -> Seen:
    """Insert shared rows not seen before, table by table in the order of their ids; where one was there, see which."""
    unseen: dict[Table, dict[int, SharedRow]] = {table: {} for table in SHARED_TABLES}

    def gather(row: SharedRow) -> None:
        if row.id in seen.get(row.table, ()):
            return
        if row.id not in unseen[row.table]:
            for referred in row.refers:
                gather(referred)
            unseen[row.table][row.id] = row
        elif unseen[row.table][row.id].digest != row.digest:
            raise DigestClash(id=row.id, table=row.table.name)

    # Looks of a batch have most rows in common, being made of the same texts.
    for row in {id(row): row for row in rows}.values():
        gather(row)
    for table, found in unseen.items():
        if not found:
            continue
        ids = sorted(found)
        if backend.insert_missing(connection, table, [found[shared_id].values for shared_id in ids]) == len(ids):
            continue
        for shared_id, digest in connection.execute(_select_digests(backend, table), {"ids": ids}):
            if found[shared_id].digest != digest:
                raise DigestClash(id=shared_id, table=table.name)
    return {table: set(found) for table, found in unseen.items() if found}


@lru_cache
def _select_digests(backend: Backend, table: Table) -> Select[Any]:
    return select(table.c.id, table.c.digest).where(backend.among(table.c.id, "ids"))


def _insert(connection: Connection, backend: Backend, looks: Sequence[Look], now: int) -> None:
    children: dict[Table, list[Look]] = {table: [] for table in CHILD_TABLES}
    for look in looks:
        look.row[_ARCHIVED_AT] = now
        for table in look.children:
            children[table].append(look)
    backend.insert(connection, RUN, [look.row for look in looks])
    for table, having in children.items():
        backend.insert(connection, table, _rows(table, having))


def _rows(table: Table, looks: Iterable[Look]) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(look.rows(table) for look in looks)


def _update(
    connection: Connection,
    backend: Backend,
    settled: dict[str, _Settled],
    texts_of: Callable[[Connection, list[str]], dict[str, Texts]],
) -> None:
    """Bring stored runs to their newest look, and the history of all runs to the looks that came."""
    changed = {
        run_id: run for run_id, run in settled.items() if run.late or (run.stored and run.newest is not run.stored)
    }
    if not changed:
        _move(connection, settled)
        return
    before = texts_of(connection, sorted(run_id for run_id, run in changed.items() if run.stored))
    rows = []
    children: dict[Table, list[Look]] = {table: [] for table in CHILD_TABLES}
    for run_id, run in sorted(changed.items()):
        if run.stored is None or not isinstance(run.newest, Look):
            continue
        run.newest.row[_ARCHIVED_AT] = run.stored.archived_at
        rows.append(run.newest.row)
        unlike = run.newest.unlike.union(RUN_NAMES.of(before[run_id]).values())
        for member, tables in MEMBER_TABLES.items():
            if member in unlike or before[run_id].get(member) != run.newest.members.get(member):
                for table in tables:
                    children[table].append(run.newest)
    backend.update(connection, RUN, rows)
    for table, looks in children.items():
        backend.delete(connection, table, ("run_object",), [(look.id,) for look in looks])
        backend.insert(connection, table, _rows(table, looks))
    _move(connection, settled)
    _write_history(connection, backend, changed, before)


def _move(connection: Connection, settled: dict[str, _Settled]) -> None:
    """Move observed_at on where the stored look was seen again later."""
    moved = [
        {"run_id": run.stored.id, "seen_at": run.observed_at}
        for run in settled.values()
        if run.stored and run.newest is run.stored and run.observed_at > run.stored.observed_at
    ]
    if moved:
        connection.execute(_MOVE, moved)


# --- history ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Past:
    """A look of the past."""

    digest: bytes
    observed_at: int
    status: str | None
    texts: Texts

    @property
    def order(self) -> tuple[int, int, bytes]:
        return RANKS.get(self.status or "", 0), self.observed_at, self.digest


def replace_by_hand(
    connection: Connection, backend: Backend, look: Look, texts_of: Callable[[Connection, list[str]], dict[str, Texts]]
) -> None:
    """Keep the stored look at a run, which somebody else is about to replace by *look*, as history."""
    head = _heads(connection, backend, [look.id]).get(look.id)
    if head and head.digest != look.digest:
        _write_history(connection, backend, {look.id: _Settled(head, look)}, texts_of(connection, [look.id]))


def _write_history(
    connection: Connection, backend: Backend, changed: dict[str, _Settled], before: dict[str, Texts]
) -> None:
    statement = select(*[queries.readable(backend, column) for column in CHANGE.columns])
    statement = statement.where(backend.among(CHANGE.c.run_object, "ids"))
    kept: dict[str, dict[bytes, tuple[Any, ...]]] = {run_id: {} for run_id in changed}
    with_history = sorted(run_id for run_id, run in changed.items() if run.stored)
    if with_history:
        for found in connection.execute(statement, {"ids": with_history}):
            kept[found[0]][found[1]] = tuple(found)
    gone, new = [], []
    for run_id, run in sorted(changed.items()):
        chain = _chain(run, unfold(kept[run_id].values(), before.get(run_id, {})), before.get(run_id, {}))
        for digest, row in kept[run_id].items():
            if chain.get(digest) != row:
                gone.append((run_id, digest))
        new += [row for digest, row in chain.items() if kept[run_id].get(digest) != row]
    backend.delete(connection, CHANGE, ("run_object", "digest"), gone)
    backend.insert(connection, CHANGE, new)


def unfold(rows: Iterable[tuple[Any, ...]], newer: Texts) -> list[Past]:
    """The looks that stored history rows stand for, given the look above them."""
    found = []
    looks = [
        (Past(digest, observed, status, {}), members, absent) for _, digest, observed, status, members, absent in rows
    ]
    for past, members, absent in sorted(looks, key=lambda look: look[0].order, reverse=True):
        missing = wire.loads(absent) if absent else ()
        past.texts = {key: text for key, text in newer.items() if key not in missing}
        past.texts |= wire.members(members.encode(), "members")
        newer = past.texts
        found.append(past)
    return found


def _chain(run: _Settled, past: list[Past], before: Texts) -> dict[bytes, tuple[Any, ...]]:
    """The history rows that a run's looks make, by digest."""
    assert run.newest is not None
    if run.stored and run.newest is not run.stored:
        past.append(Past(run.stored.digest, run.stored.observed_at, run.stored.status, before))
    past += [Past(look.digest, look.observed_at, look.status, look.members) for look in run.late]
    looks: dict[bytes, Past] = {}
    for look in past:
        known = looks.setdefault(look.digest, look)
        known.observed_at = max(known.observed_at, look.observed_at)
    looks.pop(run.newest.digest, None)
    newer = run.newest.members if isinstance(run.newest, Look) else before
    run_id = run.newest.id
    rows: dict[bytes, tuple[Any, ...]] = {}
    for look in sorted(looks.values(), key=lambda look: look.order, reverse=True):
        members, absent = differences(look.texts, newer)
        # In the order of the keys: the same whichever way the look was come by.
        text = wire.encode(dict(sorted(members.items()))).decode()
        missing = wire.encode(sorted(absent)).decode() if absent else None
        rows[look.digest] = (run_id, look.digest, look.observed_at, look.status, text, missing)
        newer = look.texts
    return rows
