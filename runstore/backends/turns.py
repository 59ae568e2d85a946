"""Turns of threads, or of tasks, that share one connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, NullPool, Pool, QueuePool
from sqlalchemy.util.concurrency import await_

from runstore import waiting
from runstore.errors import ConfigurationError

PATIENCE = 60
"""Seconds for which a thread or task waits for its turn."""

_KEY = "runstore.turn"
"""Key in the info of a connection for its :class:`Turn`, which all repositories on the connection share."""

_pools: WeakKeyDictionary[Pool, Turn | TaskTurn] = WeakKeyDictionary()


class Turn:
    """A lock that a thread holds during a transaction, and may take again.

    Unlike an RLock, it may be released by another thread, which happens when a generator is passed to that thread.
    """

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._thread: int | None = None
        self._depth = 0
        self._first = threading.get_ident()

    @contextmanager
    def taken(self, *, alone: bool = False) -> Iterator[None]:
        """Wait for the other threads. Raise :class:`ConfigurationError` if one of them does not finish in time.

        With *alone*, refuse all threads but the first.
        """
        thread = threading.get_ident()
        if alone and thread != self._first:
            detail = "the engine gives each thread a separate database in memory"
            raise ConfigurationError(detail=f"{detail}; create it with runstore.create_engine, or with StaticPool")
        with self._free:
            if not self._free.wait_for(lambda: self._thread in (None, thread), PATIENCE):
                raise _never("thread")
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


class TaskTurn:
    """The same for the tasks of one event loop, which all run in one thread."""

    def __init__(self) -> None:
        self._free = asyncio.Lock()
        self._task: asyncio.Task[Any] | None = None
        self._depth = 0

    @contextmanager
    def taken(self, **_: bool) -> Iterator[None]:
        """Wait for the other tasks. Raise :class:`ConfigurationError` if one of them does not finish in time."""
        task = waiting.current_task()
        if self._task is not task:
            await_(self._wait())
            self._task = task
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self._task = None
                self._free.release()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._free.acquire()
        except TimeoutError:
            raise _never("task") from None


def _never(what: str) -> ConfigurationError:
    detail = f"another {what} has used the only connection of this repository for {PATIENCE} seconds"
    return ConfigurationError(detail=f"{detail}; create the repository from an engine with a pool")


def turn_of(bind: Engine | Connection, *, alone: bool = False) -> AbstractContextManager[None]:
    """Return what to hold during a transaction: nothing if the pool gives each user a connection of its own."""
    pool = bind.engine.pool
    kind = TaskTurn if bind.dialect.is_async else Turn
    if not isinstance(pool, QueuePool | NullPool):
        return _pools.setdefault(pool, kind()).taken(alone=alone)
    if isinstance(bind, Connection):
        info: dict[str, Any] = bind.info
        turn: Turn | TaskTurn = info.setdefault(_KEY, kind())
        return turn.taken()
    return nullcontext()
