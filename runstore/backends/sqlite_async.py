"""aiosqlite with fewer changes to the thread of a connection, each of which costs more than most statements.

SQLAlchemy's adapter awaits a new cursor, the execution of its statement, the rows, and the end of the cursor. Here, the
thread executes a statement and fetches its first rows at once, and the rest happens in the thread of the event loop.
"""

from __future__ import annotations

import sqlite3
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import aiosqlite
from aiosqlite.context import contextmanager

FIRST = 100
"""Number of rows that are fetched together with the execution of a statement."""

CHUNK = 64
"""Number of rows that iterating over a cursor fetches at a time, as in :func:`aiosqlite.connect`."""


class Cursor(aiosqlite.Cursor):
    """A cursor that holds the first rows of its statement."""

    _conn: Connection
    _rows: deque[Any] = deque()
    _more = False
    """Whether SQLite may have rows after these."""
    _in_use = False
    """Whether the thread may be using the cursor: a cancelled task leaves it at work."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._in_use = True
        found = await self._conn._execute(fn, *args, **kwargs)
        self._in_use = False
        return found

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Cursor:
        """Execute a statement, and fetch its first rows."""
        self._rows, self._more = await self._execute(self._begin, sql, () if parameters is None else parameters)
        return self

    def _begin(self, sql: str, parameters: Any) -> tuple[deque[Any], bool]:
        self._cursor.execute(sql, parameters)
        rows = deque(self._cursor.fetchmany(FIRST) if self._cursor.description else ())
        return rows, len(rows) == FIRST

    async def fetchone(self) -> Any:
        """Return the next row, or None if there is none."""
        return next(iter(await self.fetchmany(1)), None)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return at most *size* rows, or as many as ``arraysize``."""
        size = self.arraysize if size is None else size
        rows = [self._rows.popleft() for _ in range(min(size, len(self._rows)))]
        if self._more and len(rows) < size:
            wanted = size - len(rows)
            rest = await self._execute(self._cursor.fetchmany, wanted)
            self._more = len(rest) == wanted
            rows += rest
        return rows

    async def fetchall(self) -> list[Any]:
        """Return all remaining rows."""
        rows = list(self._rows)
        if self._more:
            rows += await self._execute(self._cursor.fetchall)
        self._rows, self._more = deque(), False
        return rows

    async def close(self) -> None:
        """Close the cursor. SQLite has nothing to do for one whose rows have all been fetched."""
        if self._more or self._in_use:
            await super().close()
        else:
            self._cursor.close()


class Connection(aiosqlite.Connection):
    """A connection whose cursors are :class:`Cursor`."""

    _was_cancelled = False
    """Whether a cancelled task may have left work to the thread, which has not ended yet."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        except CancelledError:
            self._was_cancelled = True
            raise

    @contextmanager
    async def cursor(self) -> aiosqlite.Cursor:
        """Return a new cursor."""
        return Cursor(self, self._conn.cursor())

    async def rollback(self) -> None:
        """Roll back the transaction, if there is one: the pool rolls back each connection that is returned to it."""
        if self._was_cancelled or self.in_transaction:
            await super().rollback()
            self._was_cancelled = False


def connect(database: str, **options: Any) -> Connection:
    """Return a connection, which has to be awaited, with the options of :func:`sqlite3.connect`."""
    connection = Connection(partial(sqlite3.connect, database, **options), CHUNK)
    connection._thread.daemon = True  # as SQLAlchemy does
    return connection
