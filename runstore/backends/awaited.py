"""The connections of asynchronous drivers, used as if they were synchronous by code that runs in a task's greenlet.

SQLAlchemy adapts what it executes itself. This module adapts what runstore executes on the connection of the driver.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.adapt import AdaptersMap
from sqlalchemy import Connection, CursorResult
from sqlalchemy.util.concurrency import await_

T = TypeVar("T")

NoticeHandler = Callable[[psycopg.errors.Diagnostic], None]


class Awaited(psycopg.Connection):
    """A synchronous view of an asynchronous connection of psycopg.

    Both kinds of connection work in the same generators, which yield what has to be waited for. This one leaves the
    waiting, and what a cancellation needs, to the asynchronous connection.
    """

    def __init__(self, driver: psycopg.AsyncConnection) -> None:
        pgconn = driver.pgconn
        handlers = pgconn.notice_handler, pgconn.notify_handler
        super().__init__(pgconn)
        pgconn.notice_handler, pgconn.notify_handler = handlers  # a view must not replace them
        self._asynchronous = driver
        self._autocommit, self._read_only, self._deferrable = driver.autocommit, driver.read_only, driver.deferrable
        self.prepare_threshold = None  # the other connection decides about the names of prepared statements
        self.lock = nullcontext()  # type: ignore[assignment]  # a lock of threads would stop the event loop

    def wait(self, gen: PQGen[RV], *_: Any, **__: Any) -> RV:
        """Let the event loop work while the server does."""
        return await_(self._wait(gen))

    async def _wait(self, gen: PQGen[RV]) -> RV:
        async with self._asynchronous.lock:
            return await self._asynchronous.wait(gen)

    @property
    def adapters(self) -> AdaptersMap:
        """Those of the asynchronous connection."""
        return self._asynchronous.adapters

    def add_notice_handler(self, callback: NoticeHandler) -> None:
        """Notices arrive at the asynchronous connection."""
        self._asynchronous.add_notice_handler(callback)

    def remove_notice_handler(self, callback: NoticeHandler) -> None:
        """Undo :meth:`add_notice_handler`."""
        self._asynchronous.remove_notice_handler(callback)

    def __del__(self, *_: Any) -> None:
        """Leave the connection open: it is not this object's."""


def postgresql(driver: object) -> psycopg.Connection:
    """Return a driver's connection as a synchronous one."""
    if isinstance(driver, psycopg.AsyncConnection):
        return Awaited(driver)
    assert isinstance(driver, psycopg.Connection)
    return driver


def sqlite(connection: Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Return the result of *work* on the driver's connection.

    aiosqlite has a thread for each connection. All the work is done there at once, because each change of threads costs
    more than most statements. Like SQLAlchemy, this uses a method of aiosqlite that it does not document.
    """
    driver: Any = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        return work(driver)
    found: T = await_(driver._execute(lambda: work(driver._conn)))
    return found


def close(result: CursorResult[*tuple[Any, ...]], connection: Connection) -> None:
    """Close a result. If a cancelled task has closed the connection, aiosqlite has closed the cursors, and fails."""
    if not (connection.invalidated and connection.dialect.driver == "aiosqlite"):
        result.close()
