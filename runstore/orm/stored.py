"""Lock stored runs, and check that they are unchanged since a session read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from msgspec import Raw
from sqlalchemy import false, inspect, update
from sqlalchemy.exc import DBAPIError

from runstore import wire
from runstore.backends import Backend, Transaction
from runstore.errors import RunChanged, RunNotFound
from runstore.mapping import FILES, IN_ROW, RUN, TOOLS, Mapper
from runstore.orm.values import COLUMN_ATTRIBUTES
from runstore.query.reader import Reader
from runstore.save import writer
from runstore.schema import RunObject

_TAKE = update(RUN).where(false()).values(observed_at=RUN.c.observed_at)
"""Starts a write transaction on SQLite. It fails if another transaction has written since this one began to read."""


def stored_id(run: RunObject) -> str | None:
    """Return the id under which a run is stored, or None if the run is new to its session."""
    state = inspect(run)
    return str(state.identity[0]) if state.persistent and state.identity else None


def locked(
    transaction: Transaction,
    reader: Reader,
    stored: Mapping[str, RunObject],
    deleted: Iterable[RunObject],
) -> tuple[dict[str, writer.Head], dict[str, dict[str, Raw]]]:
    """Lock and read stored runs; return their heads and the texts of their members.

    Raises :class:`RunChanged` if a run has changed since the session read it, and :class:`RunNotFound`.
    """
    runs = dict(stored) | {str(stored_id(run)): run for run in deleted}
    if not runs:
        return {}, {}
    with _conflicts(transaction.backend, sorted(runs)):
        transaction.execute(_TAKE)
        heads = writer.heads(transaction, sorted(runs))
        before = {run_id: texts for run_id, (_, texts) in reader.stored(transaction, sorted(stored)).items()}
    for run_id, run in runs.items():
        if run_id not in heads:
            raise RunNotFound(id=run_id)
        digest = inspect(run).dict.get("digest")
        if digest not in (None, heads[run_id].digest) or (digest is None and _is_stale(run, before.get(run_id))):
            raise RunChanged(id=run_id)
    return heads, before


@contextmanager
def _conflicts(backend: Backend, run_ids: list[str]) -> Iterator[None]:
    """Convert the error that the database raises if another transaction was faster."""
    try:
        yield
    except DBAPIError as error:
        if not backend.is_retryable(error):
            raise
        others = f" or another one of {len(run_ids)}" if len(run_ids) > 1 else ""
        raise RunChanged(id=f"{run_ids[0]}{others}") from error


def _is_stale(run: RunObject, stored: Mapping[str, Raw] | None) -> bool:
    """Return whether a run that the session read without its digest differs from the stored one."""
    if stored is None:
        return False
    mapper = Mapper()
    snapshot = mapper.snapshot(mapper.draft(dict(stored)), 0)
    for member, (place, _) in IN_ROW.items():
        history = inspect(run).attrs[COLUMN_ATTRIBUTES[member]].history
        value = snapshot.row[place]
        for read in (*(history.deleted or ()), *(history.unchanged or ())):
            if read != (wire.loads(value) if isinstance(read, dict) and value else value):
                return True
    for links, key, table in (("tool_links", "tool_id", TOOLS), ("file_links", "file_ids", FILES)):
        history = inspect(run).attrs[links].history
        read = sorted(getattr(link, key) for link in (*(history.deleted or ()), *(history.unchanged or ())))
        if links in inspect(run).dict and read != sorted(snapshot.children.get(table, ())):
            return True
    return False
