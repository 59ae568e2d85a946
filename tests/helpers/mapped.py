"""Runs as rows, without a database: the first part of saving."""

from __future__ import annotations

from runstore import wire
from runstore.mapping import Mapper, Snapshot


def mapped(run: object) -> Snapshot:
    """The snapshot of a run in a form that ``save`` accepts."""
    raw = run if isinstance(run, bytes | str) else wire.from_python(run)
    mapper = Mapper()
    return mapper.snapshot(mapper.draft(wire.run_members(raw)), 1)


def text_of(snapshot: Snapshot) -> bytes:
    """Its canonical text."""
    return wire.encode(snapshot.members)
