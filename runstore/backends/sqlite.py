"""SQLite, through Python's own driver."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import sqlalchemy
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    Text,
    UnaryExpression,
    bindparam,
    cast,
    event,
    exists,
    func,
    select,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.operators import custom_op

from runstore import wire
from runstore.backends.base import Backend, JSONTest, Row, insert_into, named
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
        engine = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
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
        driver.executemany(insert_into(named(table, connection), table, self.placeholder), rows)

    def among(self, column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
        """The list travels as one JSON array."""
        values = func.json_each(bindparam(parameter, type_=JSON)).table_valued("value")
        return column.in_(select(values.c.value))

    def aside(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """With a plus before it, which SQLite finds in no index: it knows nothing of how often values occur."""
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)

    def probe(self, column: ColumnElement[Any], values: Select[Any]) -> ColumnElement[bool]:
        """SQLite makes the list first wherever the column has an index."""
        return column.in_(values)

    def has_pair(self, document: ColumnElement[Any], key: str, value: str) -> JSONTest:
        """Looking for the text first: to parse takes ten times as long."""
        pairs = func.json_each(document).table_valued("key", "value", "type")
        found = exists().where(pairs.c.key == key, pairs.c.type == "text", pairs.c.value == value)
        return _contains(document, wire.encode(key) + b":" + wire.encode(value)) & found, None

    def has_key(self, document: ColumnElement[Any], key: str) -> JSONTest:
        """In the same way."""
        pairs = func.json_each(document).table_valued("key")
        return _contains(document, wire.encode(key) + b":") & exists().where(pairs.c.key == key), None

    def is_passing(self, error: BaseException) -> bool:
        """Whether another connection held the file for longer than we wait, or deleted a shared row we had seen."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", 0)
        return code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY or code & 0xFF in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
        )


def _contains(document: ColumnElement[Any], text: bytes) -> ColumnElement[bool]:
    return func.instr(cast(document, Text), text.decode()) > 0


def _set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # A checkpoint copies each page that changed since the last one into the file: every 64 MiB of log (at the usual
    # page size) rather than every 4 MiB, for a bulk load changes the same pages of its indexes again and again.
    settings = ("foreign_keys = ON", "synchronous = FULL", "cache_size = -32768", "temp_store = MEMORY")
    for setting in (*settings, "wal_autocheckpoint = 16384"):
        connection.execute(f"PRAGMA {setting}")
