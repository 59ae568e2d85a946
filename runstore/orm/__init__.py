"""Writes through the ORM: the runs of a session go through the same mapping as those of the repository.

Before a flush, each new or changed :class:`RunObject` is converted to JSON and mapped, which checks it and computes its
key layout and digest. A stored run is locked and read first: only the changed parts change, a change by others since
the session read the run is a conflict, and the replaced snapshot goes into the history. Shared values (tools, prompts
...) receive the key of their value. :mod:`runstore.schema.sessions` calls this module for every session.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session

from runstore import migrate, wire
from runstore.backends import Transaction, backend_of
from runstore.errors import RunConflict
from runstore.mapping import RUN, Mapper, Snapshot
from runstore.orm.adoption import Adoption, row_of
from runstore.orm.changes import Changes
from runstore.orm.rows import put
from runstore.orm.stored import locked, stored_id
from runstore.orm.touched import follow_keys, sorted_out
from runstore.orm.values import MEMBERS, new_run
from runstore.query.reader import Reader
from runstore.save import writer
from runstore.schema import Base, FunctionObject, RunObject
from runstore.schema.base import Shared
from runstore.schema.sessions import connection_of

_CHECKED: WeakKeyDictionary[Engine, str | None] = WeakKeyDictionary()
"""The engines whose database is known to be an archive at this code's revision, with its PostgreSQL schema."""


def before_flush(session: Session, touched: Sequence[Base]) -> None:
    """Map the runs of a flush, given those of its objects that are of our models.

    Raises :class:`RunChanged`, :class:`RunConflict`, :class:`PastTheMapping`, :class:`SharedRowChanged`, and the errors
    of saving a run.
    """
    connection = connection_of(session)
    transaction = Transaction(connection, backend_of(connection))
    transaction.backend.begin(connection, write=True)
    if connection.engine not in _CHECKED:
        _CHECKED[connection.engine] = migrate.check(connection, views=False)
    # Not during the flush itself, since the session may also flush rows of the application's tables.
    with transaction.backend.borrowed(connection, _CHECKED[connection.engine], write=True):
        _prepare(session, transaction, touched)


def _prepare(session: Session, transaction: Transaction, touched: Sequence[Base]) -> None:
    """Write the rows that the runs need, and set the attributes that the session cannot set."""
    runs, deleted, parts = sorted_out(session, touched)
    loose: list[Any] = [item for item in touched if item in session.new and isinstance(item, Shared)]
    for run in runs:
        follow_keys(session, run)
    mapper, now = Mapper(), time.time_ns() // 1000
    stored = {run_id: run for run in runs if (run_id := stored_id(run)) is not None}
    heads, before = locked(transaction, Reader(), stored, deleted)
    snapshots: list[tuple[RunObject, Snapshot, set[str]]] = []
    for run in runs:
        if run.id in stored:
            texts = before[run.id]
            changes = Changes(transaction.connection, run, parts.get(run, ()), texts)
            snapshot = _snapshot(mapper, wire.encode(changes.members()), run, now, changes.names)
            if reason := writer.different_run(heads[run.id], snapshot):
                raise RunConflict(id=run.id, reason=reason)
            members = {name for name in MEMBERS if texts.get(name) != snapshot.members.get(name)}
            members |= changes.members_changed
        else:
            snapshot, members = _snapshot(mapper, wire.from_python(new_run(run)), run, now), set(MEMBERS)
        snapshots.append((run, snapshot, members))
    rows = {shared: row_of(shared) for shared in loose}
    shared_rows = [row for _, snapshot, _ in snapshots for row in (*snapshot.shared, snapshot.shape)]
    shared_rows += rows.values()
    writer.write_shared(transaction, shared_rows, {})
    new = [snapshot.id for _, snapshot, _ in snapshots if snapshot.id not in heads]
    numbers = dict(zip(new, transaction.numbers(RUN, new), strict=True)) if new else {}
    adoption = Adoption(session, rows)
    for shared in sorted(loose, key=lambda shared: not isinstance(shared, FunctionObject)):
        adoption.persistent(shared)
    replacing = [snapshot for _, snapshot, _ in snapshots if snapshot.id in stored]
    writer.replace_by_hand(transaction, replacing, heads, before)
    for run, snapshot, members in snapshots:
        adoption.adopt(run)
        head = heads.get(run.id)  # also of a run that this flush deletes, whose row becomes that of the new run
        put(run, snapshot, members, head, numbers[run.id] if head is None else head.number, now)


def may_delete(session: Session) -> None:
    """Ensure that deleting a run also deletes the rows that belong to it. Raises :class:`ConfigurationError`."""
    connection = connection_of(session)
    backend_of(connection).begin(connection, write=True)


def _snapshot(
    mapper: Mapper, text: bytes, run: RunObject, now: int, names: Mapping[str, str] | None = None
) -> Snapshot:
    """Return the snapshot of a run; *names* maps keys of a stored run to documented names."""
    # An object that is new to the session may be a copy of a stored run (make_transient), observed earlier.
    seen_at = now if inspect(run).persistent else run.observed_at or now
    return mapper.snapshot(mapper.draft(wire.run_members(text), names), seen_at, run.source)
