"""SQLite, through Python's own driver."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import reduce
from itertools import chain, islice
from operator import add
from pathlib import Path
from threading import Event
from typing import Any

import sqlalchemy
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Pool,
    Select,
    SingletonThreadPool,
    StaticPool,
    Table,
    Text,
    UnaryExpression,
    cast,
    event,
    exists,
    func,
    literal_column,
    select,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.operators import custom_op

from runstore import config, wire
from runstore.backends import sqlite_file, sqlite_query, turns
from runstore.backends.base import HALF, Answer, Backend, Clock, JSONTest, Row, expect, insert_into, named
from runstore.errors import ConfigurationError

BUSY_SECONDS = 60
"""How long a connection waits for another one's transaction."""

BUSY_STEP = 200
"""Milliseconds of it at a time."""

VALUES = 16_000
"""Values that one INSERT has at most."""

_PASSING = {
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,  # another writer inserted the same run: the next try finds it
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,  # a prune took a shared row that this process had seen
}


class SQLite(Backend):
    """One file, one writer at a time; readers see the last commit (write-ahead log)."""

    array_function = "json_group_array"
    tuple_function = "json_array"
    placeholder = "?"

    def create_engine(self, url: URL) -> Engine:
        """An engine whose connections keep foreign keys and reach the disk before a commit returns."""
        arguments: dict[str, Any] = {"timeout": BUSY_SECONDS}
        pool: type[Pool] | None = None
        if config.sqlite_file(url) is None:
            # Else each thread would have a database of its own.
            pool = StaticPool
            arguments["check_same_thread"] = False
        engine = sqlalchemy.create_engine(url, connect_args=arguments, poolclass=pool, hide_parameters=True)
        event.listen(engine, "connect", _set_up)
        sqlite_file.guard(engine)
        return engine

    def set_isolation(self, connection: Connection, *, write: bool) -> None:
        """Nothing to do: SQLite has one isolation."""

    def exclusive(self, bind: Engine | Connection) -> AbstractContextManager[None]:
        """Refuses an engine that gives each thread a database in memory of its own where a second thread comes."""
        if isinstance(bind.engine.pool, SingletonThreadPool) and config.sqlite_file(bind.engine.url) is None:
            return turns.turn_of(bind, alone=True)
        return turns.turn_of(bind)

    def begin_own(
        self, connection: Connection, *, write: bool, whole: bool = False, abandoned: Event | None = None
    ) -> None:
        """As any other: a file has neither roles nor settings of theirs."""
        self._begin(connection, write, abandoned or Event())

    def begin(self, connection: Connection, *, write: bool) -> None:
        """As one of ours."""
        self._begin(connection, write, Event())

    def _begin(self, connection: Connection, write: bool, abandoned: Event) -> None:
        """Begin: Python's driver does it only before a statement that writes, too late for a savepoint or a snapshot.

        A writer takes the lock at once: a reader's transaction that turns into a writer's fails when another one wrote
        in between, and waiting does not help it. Raises :class:`ConfigurationError` where foreign keys are off, for
        ``autocommit=True`` and for a file that was in use at a fork, :class:`DatabaseFailure` where it was deleted.
        """
        file = sqlite_file.of(connection)
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        if getattr(driver, "autocommit", False) is True:  # Python 3.12: neither commit nor rollback does anything
            raise ConfigurationError(
                detail="this SQLite connection was made with autocommit=True, so that nothing it stores is committed; "
                "make the engine with runstore.create_engine, or without autocommit"
            )
        if not driver.in_transaction and write:
            _take_lock(driver, abandoned)
            file.locked()
        elif not driver.in_transaction:
            driver.execute("BEGIN")
        if not write:
            return
        file.writer = threading.get_ident()
        self.check_encoding(connection)
        if not driver.execute("PRAGMA foreign_keys").fetchone()[0]:
            raise ConfigurationError(
                detail="this SQLite connection does not check foreign keys; make the engine with "
                "runstore.create_engine, or execute 'PRAGMA foreign_keys=ON' on each connection"
            )

    def check_encoding(self, connection: Connection) -> None:
        """A file may be in UTF-16, which orders ids otherwise: archives are compared in that order."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        encoding = driver.execute("PRAGMA encoding").fetchone()[0]
        if encoding != "UTF-8":
            place = config.shown(connection.engine.url)
            hint = "put the archive into a new file; runstore copy takes the runs of an older one there"
            detail = f"{place} keeps text in {encoding}, whose order is another one than that of UTF-8"
            raise ConfigurationError(detail=f"{detail}; {hint}")

    def insert(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Many rows a statement: Python waits for each one to end, and another thread of it may go on meanwhile."""
        sent, inserted = _insert(connection, table, rows)
        expect(connection, table, inserted, sent, "inserted")

    def insert_missing(self, connection: Connection, table: Table, rows: Iterable[Row]) -> int:
        """In the same way."""
        return _insert(connection, table, rows, " ON CONFLICT DO NOTHING")[1]

    def among(self, column: ColumnElement[Any], values: str | list[str]) -> ColumnElement[bool]:
        """The list travels as one JSON array."""
        listed = func.json_each(self.list_of(values, JSON())).table_valued("value")
        return column.in_(select(listed.c.value))

    @contextmanager
    def ask(self, engine: Engine, statement: str, clock: Clock) -> Iterator[Answer]:
        """In a process of its own, on a connection that opens the file to read only and is allowed nothing but queries.

        So neither PRAGMA nor ATTACH, COMMIT or load_extension is even prepared, and whatever a query does, it ends.
        """
        file = config.sqlite_file(engine.url)
        if file is None:
            raise ConfigurationError(detail="a database in memory cannot be opened to read only; copy it to a file")
        uri = config.sqlite_uri(engine.url, file, mode="ro")
        with sqlite_query.answered(uri, statement, BUSY_SECONDS, config.shown(engine.url), clock) as answer:
            yield answer

    def sum_in_halves(self, column: ColumnElement[Any]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """Each half alone, for sum() fails beyond 64 bits. Floor and rest, also of a negative number."""
        high, low = column.op(">>")(literal_column("32")), column.op("&")(literal_column(str(HALF - 1)))
        return func.sum(high), func.sum(low)

    def materialized(self, statement: Select[Any]) -> Select[Any]:
        """A LIMIT keeps it apart: merged with the aggregates, it would be looked up anew for each of them."""
        return statement.limit(-1)

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """With a plus before it, which SQLite finds in no index: it knows nothing of how often values occur."""
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)

    def probe(self, column: ColumnElement[Any], values: Select[Any]) -> ColumnElement[bool]:
        """Said to be met by next to no row: after an ANALYZE SQLite could rather read the whole table."""
        return func.likelihood(column.in_(values), literal_column("0.0001"))

    def has_pair(self, document: ColumnElement[Any], key: str, value: str) -> JSONTest:
        """Looking for the text first: to parse takes ten times as long."""
        pairs = func.json_each(document).table_valued("key", "value", "type")
        found = exists().where(pairs.c.key == key, pairs.c.type == "text", pairs.c.value == value)
        return _contains(document, wire.encode(key) + b":" + wire.encode(value)) & found, None

    def has_key(self, document: ColumnElement[Any], key: str) -> JSONTest:
        """In the same way."""
        pairs = func.json_each(document).table_valued("key")
        return _contains(document, wire.encode(key) + b":") & exists().where(pairs.c.key == key), None

    def sum_of_digests(self, connection: Connection, column: ColumnElement[Any]) -> ColumnElement[str]:
        """By a function of Python's: SQLite adds no more than 64 bits."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.create_aggregate("runstore_sum", 1, _Sum)  # type: ignore[arg-type]  # typeshed wants an int
        return func.runstore_sum(column, type_=Text)

    def analyze(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Nothing to do: our statements say which way to go, and statistics would be a second opinion."""

    def serialize_writers(self, connection: Connection) -> None:
        """Nothing to do: there is one writer at a time."""

    def row_bytes(self, table: Table) -> ColumnElement[int]:
        """Of the values alone."""
        sizes = [func.coalesce(func.length(cast(column, LargeBinary)), 0) for column in table.columns]
        return reduce(add, sizes)

    def vacuum(self, connection: Connection, tables: Iterable[Table]) -> None:
        """To the disk: the whole file is written anew, which takes its size of free space beside it."""
        connection.exec_driver_sql("VACUUM")

    def enable_wal(self, engine: Engine) -> None:
        """By a log: the file keeps this setting, which cannot be made inside a transaction.

        While another one writes SQLite refuses it at once, whatever time a connection is set to wait.
        """
        end = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                with engine.connect() as connection:
                    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            except DBAPIError as error:
                if not self.is_retryable(error) or time.monotonic() > end:
                    raise
                time.sleep(BUSY_STEP / 1000)
            else:
                return

    def copy_file(self, connection: Connection, path: Path) -> None:
        """At one go: nobody's commit makes it begin again."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        with closing(sqlite3.connect(path)) as target:
            driver.backup(target)

    def integrity_errors(self, connection: Connection) -> list[str]:
        """Pages, rows and indexes that do not fit each other."""
        found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        return [] if found == ["ok"] else [str(line) for line in found]

    def is_retryable(self, error: BaseException) -> bool:
        """Whether another connection held the file for longer than we wait, or changed what we had seen of it."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", 0)
        return code in _PASSING or code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _take_lock(driver: sqlite3.Connection, abandoned: Event) -> None:
    """Begin as the one writer, waiting as long as the connection is set to, but a moment at a time.

    While SQLite waits Python answers no signal: an interrupt would have to wait as well.
    """
    ((patience,),) = driver.execute("PRAGMA busy_timeout")
    deadline = time.monotonic() + patience / 1000
    driver.execute(f"PRAGMA busy_timeout = {min(patience, BUSY_STEP)}")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                over = time.monotonic() >= deadline or abandoned.is_set()
                if over or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
            else:
                return
    finally:
        driver.execute(f"PRAGMA busy_timeout = {patience}")


def _insert(connection: Connection, table: Table, rows: Iterable[Row], otherwise: str = "") -> tuple[int, int]:
    """Gives how many rows there were and how many went in."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    name, size = named(table, connection), max(1, VALUES // len(table.columns))
    rows = iter(rows)
    sent = inserted = 0
    while some := list(islice(rows, size)):
        sent += len(some)
        while some:
            # Of few sizes, for the driver remembers prepared statements by their text.
            part = len(some) if len(some) == size else 1 << (len(some).bit_length() - 1)
            statement = insert_into(name, table, "?", part) + otherwise
            inserted += driver.execute(statement, tuple(chain.from_iterable(some[:part]))).rowcount
            del some[:part]
    return sent, inserted


def _contains(document: ColumnElement[Any], text: bytes) -> ColumnElement[bool]:
    return func.instr(cast(document, Text), text.decode()) > 0


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
