"""SQLite, through Python's own driver."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Table,
    Text,
    bindparam,
    cast,
    event,
    func,
    select,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from runstore.backends.base import Backend, Row, insert_into
from runstore.errors import ConfigurationError

BUSY_SECONDS = 60
"""How long a connection waits for another one's transaction."""


class SQLite(Backend):
    """One file, one writer at a time; readers see the last commit (write-ahead log)."""

    array_function = "json_group_array"
    tuple_function = "json_array"
    is_server = False
    placeholder = "?"

    def create_engine(self, url: URL) -> Engine:
        """An engine whose connections keep foreign keys and reach the disk before a commit returns."""
        engine = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
        event.listen(engine, "connect", _set_up)
        return engine

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Begin: Python's driver does it only before a statement that writes, too late for a savepoint or a snapshot.

        A writer takes the lock at once: a reader's transaction that turns into a writer's fails when another one wrote
        in between, and waiting does not help it. Raises :class:`ConfigurationError` where foreign keys are off.
        """
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        if not driver.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
        if write and not connection.exec_driver_sql("PRAGMA foreign_keys").scalar():
            raise ConfigurationError(
                detail="this SQLite connection does not check foreign keys; make the engine with "
                "runstore.create_engine, or execute 'PRAGMA foreign_keys=ON' on each connection"
            )

    def insert(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Insert with one prepared statement."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.executemany(insert_into(table, self.placeholder), rows)

    def among(self, column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
        """The list travels as one JSON array."""
        values = func.json_each(bindparam(parameter, type_=JSON)).table_valued("value")
        return column.in_(select(values.c.value))

    def sum_of_digests(self, connection: Connection, column: ColumnElement[Any]) -> ColumnElement[str]:
        """By a function of Python's: SQLite adds no more than 64 bits."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.create_aggregate("runstore_sum", 1, _Sum)  # type: ignore[arg-type]  # typeshed wants an int
        return func.runstore_sum(column, type_=Text)

    def queue_up(self, connection: Connection) -> None:
        """Nothing to do: there is one writer at a time."""

    def row_bytes(self, table: Table) -> ColumnElement[int]:
        """Of the values alone."""
        sizes = [func.coalesce(func.length(cast(column, LargeBinary)), 0) for column in table.columns]
        return reduce(add, sizes)

    def give_back(self, connection: Connection, tables: Iterable[Table]) -> None:
        """To the disk: the whole file is written anew, which takes its size of free space beside it."""
        connection.exec_driver_sql("VACUUM")

    def copy_file(self, connection: Connection, path: Path) -> None:
        """At one go: nobody's commit makes it begin again."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        with closing(sqlite3.connect(path)) as target:
            driver.backup(target)

    def inner_damage(self, connection: Connection) -> list[str]:
        """Pages, rows and indexes that do not fit each other."""
        found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        return [] if found == ["ok"] else [str(line) for line in found]

    def is_passing(self, error: BaseException) -> bool:
        """Whether another connection held the file for longer than we wait, or deleted a shared row we had seen."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", 0)
        return code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY or code & 0xFF in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
        )


class _Sum:
    """Adds digests."""

    def __init__(self) -> None:
        self._total = 0

    def step(self, digest: bytes) -> None:
        self._total += int.from_bytes(digest)

    def finalize(self) -> str:
        return str(self._total)


def _set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # A checkpoint copies each page that changed since the last one into the file: every 64 MiB of log (at the usual
    # page size) rather than every 4 MiB, for a bulk load changes the same pages of its indexes again and again.
    settings = ("foreign_keys = ON", "synchronous = FULL", "cache_size = -32768", "temp_store = MEMORY")
    for setting in (*settings, "wal_autocheckpoint = 16384"):
        connection.execute(f"PRAGMA {setting}")
