"""How far the threads of a server were fetched: one row for each thread, which the next fetch continues from."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from runstore.backends import Transaction
from runstore.mapping import table_of
from runstore.schema import FetchedThread

FETCHED = table_of(FetchedThread)
KEY = ("server", "source", "thread_id")


class Fetched(NamedTuple):
    """How far a thread was fetched."""

    server: str
    """Base URL of the server."""
    source: str
    """The source that is stored with the runs; empty if there is none."""
    thread_id: str
    cursor: str | None = None
    """All runs up to this one are stored; None: the next fetch reads all."""
    created_from: int | None = None
    """Runs created before this time were left out (Unix seconds); None if none were."""
    done: bool = False
    """Whether the last fetch has reached the last page."""
    failures: int = 0
    """Number of failed fetches since the last one that reached the last page."""
    error: str | None = None
    """Why the last fetch failed; None if it did not."""
    asked_at: int = 0
    """When the server was last asked for runs (Unix microseconds)."""
    completed_at: int | None = None
    """When the last page was last reached (Unix microseconds)."""


def store(transaction: Transaction, state: Fetched) -> None:
    """Store the state of a thread in place of its earlier one."""
    transaction.delete(FETCHED, KEY, [state[: len(KEY)]])
    transaction.insert(FETCHED, [state])


def stored(transaction: Transaction, server: str, source: str, thread_id: str) -> Fetched:
    """Return the state of a thread; that of a thread that was never fetched has no cursor."""
    row = transaction.execute(
        select(FETCHED).where(FETCHED.c.server == server, FETCHED.c.source == source, FETCHED.c.thread_id == thread_id)
    ).one_or_none()
    return Fetched(server, source, thread_id) if row is None else Fetched(*row)


def completed(transaction: Transaction, server: str, source: str) -> set[str]:
    """Return the threads of which the last fetch has reached the last page."""
    statement = select(FETCHED.c.thread_id).where(
        FETCHED.c.server == server, FETCHED.c.source == source, FETCHED.c.done
    )
    return set(transaction.execute(statement).scalars())
