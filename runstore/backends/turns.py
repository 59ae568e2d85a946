"""One thread at a time on a connection that several threads share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, NullPool, Pool, QueuePool

from runstore.errors import ConfigurationError

PATIENCE = 60
"""Seconds for which a thread waits for its turn."""

_KEY = "runstore.turn"
"""Under which a connection keeps its :class:`Turn`, for all repositories on it."""

_pools: WeakKeyDictionary[Pool, Turn] = WeakKeyDictionary()


class Turn:
    """A lock for the time of a transaction. The thread that has it may take it again.

    Unlike an RLock it may be released by another thread: that is what happens to a generator that is handed on.
    """

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._thread: int | None = None
        self._depth = 0
        self._first = threading.get_ident()

    @contextmanager
    def taken(self, *, alone: bool = False) -> Iterator[None]:
        """Wait for the other threads. Raises :class:`ConfigurationError` where one of them does not end.

        *alone*: refuse any thread but the first one.
        """
        thread = threading.get_ident()
        if alone and thread != self._first:
            detail = "the engine gives each thread a database in memory of its own"
            raise ConfigurationError(detail=f"{detail}; make it with runstore.create_engine, or with StaticPool")
        with self._free:
            if not self._free.wait_for(lambda: self._thread in (None, thread), PATIENCE):
                detail = f"another thread has used the one connection of this repository for {PATIENCE} seconds"
                raise ConfigurationError(detail=f"{detail}; make the repository from an engine with a pool")
            self._thread = thread
            self._depth += 1
        try:
            yield
        finally:
            with self._free:
                self._depth -= 1
                if not self._depth:
                    self._thread = None
                    self._free.notify_all()


def turn_of(bind: Engine | Connection, *, alone: bool = False) -> AbstractContextManager[None]:
    """What to hold while a transaction runs: nothing where each thread gets a connection of its own from the pool."""
    pool = bind.engine.pool
    if not isinstance(pool, QueuePool | NullPool):
        return _pools.setdefault(pool, Turn()).taken(alone=alone)
    if isinstance(bind, Connection):
        info: dict[str, Any] = bind.info
        turn: Turn = info.setdefault(_KEY, Turn())
        return turn.taken()
    return nullcontext()
