"""SQLite, through Python's own driver."""

from __future__ import annotations

import sqlite3
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from contextvars import ContextVar
from functools import lru_cache, reduce
from itertools import chain, islice
from operator import add
from pathlib import Path
from threading import Event
from typing import Any

import sqlalchemy
from sqlalchemy import (
    JSON,
    ColumnClause,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Integer,
    LargeBinary,
    Pool,
    Select,
    SingletonThreadPool,
    StaticPool,
    Table,
    TableClause,
    Text,
    UnaryExpression,
    cast,
    column,
    event,
    exists,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.operators import custom_op

from runstore import config, waiting, wire
from runstore.backends import awaited, sqlite_file, sqlite_query, turns
from runstore.backends.base import HALF, Backend, Clock, JSONTest, QueryRows, Row, expect, insert_into, named
from runstore.backends.parameters import Parameters
from runstore.errors import ConfigurationError, QueryTimeout

_CALENDAR = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m"}
"""Formats of strftime."""

BUSY_SECONDS = 60
"""Seconds for which a connection waits for another connection's transaction."""

BUSY_STEP = 200
"""Milliseconds for which it waits at a time."""

STEPS = 10_000
"""Number of SQLite's instructions after which it checks the time limit: they take less than a millisecond."""

VALUES = 16_000
"""Maximum number of values in one INSERT."""

_PASSING = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,  # another writer inserted the same run, which the next try finds
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,  # a prune deleted a shared row that this process remembers as stored
}


_ONLY_READS = "runstore.only_reads"
"""Key in the info of a connection: whether it has query_only."""

_only_reads: ContextVar[bool] = ContextVar(_ONLY_READS, default=False)
"""Whether the code that connects only reads."""


class SQLite(Backend):
    """One file with one writer at a time; readers see the last commit (write-ahead log)."""

    array_function = "json_group_array"
    tuple_function = "json_array"
    placeholder = "?"

    def create_engine(self, url: URL, connections: int | None = None) -> Engine:
        """Return an engine whose connections enforce foreign keys, and whose commits wait for the disk."""
        arguments: dict[str, Any] = {"timeout": BUSY_SECONDS}
        pool: type[Pool] | None = None
        pool_options = self.pool_options(connections)
        if config.sqlite_file(url) is None:
            # With another pool, each thread would have a database in memory of its own.
            pool, pool_options = StaticPool, {}
            arguments["check_same_thread"] = False
        engine = sqlalchemy.create_engine(
            url, connect_args=arguments, poolclass=pool, hide_parameters=True, **pool_options
        )
        event.listen(engine, "connect", _set_up)
        sqlite_file.guard(engine)
        if url.get_driver_name() == "aiosqlite":
            event.listen(engine, "do_connect", _connect)
        return engine

    @contextmanager
    def reserved(self, engine: Engine) -> Iterator[None]:
        """Connect with query_only, which the connection keeps until it is used for other work."""
        if not event.contains(engine.pool, "checkout", _reserve):
            event.listen(engine.pool, "checkout", _reserve)
        token = _only_reads.set(True)
        try:
            yield
        finally:
            _only_reads.reset(token)

    def set_isolation(self, connection: Connection, *, write: bool) -> None:
        """Do nothing: SQLite has one isolation level."""

    def exclusive(self, bind: Engine | Connection) -> AbstractContextManager[None]:
        """Refuse a second thread if the engine gives each thread a database in memory of its own."""
        if isinstance(bind.engine.pool, SingletonThreadPool) and config.sqlite_file(bind.engine.url) is None:
            return turns.turn_of(bind, alone=True)
        return turns.turn_of(bind)

    def begin_own(
        self,
        connection: Connection,
        *,
        write: bool,
        whole: bool = False,
        limit: float | None = None,
        abandoned: Event | None = None,
    ) -> None:
        """Begin a plain transaction: a file has neither roles nor their settings."""
        self._begin(connection, write, abandoned or Event())

    @contextmanager
    def limited(self, connection: Connection, seconds: float) -> Iterator[None]:
        """Install a progress handler, and remove it at the end: a writer may get the connection next."""
        end = time.monotonic() + seconds

        def install(handler: Callable[[], bool] | None) -> None:
            awaited.sqlite(connection, lambda driver: driver.set_progress_handler(handler, STEPS))

        install(lambda: time.monotonic() > end)
        try:
            yield
        except DBAPIError as error:
            if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise QueryTimeout(place=config.shown(connection.engine.url), seconds=seconds) from error
            raise
        finally:
            if not connection.invalidated:  # an interrupt has closed it
                install(None)

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Begin the transaction, if the driver has not begun it yet."""
        self._begin(connection, write, Event())

    def _begin(self, connection: Connection, write: bool, abandoned: Event) -> None:
        """Begin the transaction explicitly: Python's driver begins it too late for a savepoint or a consistent read.

        A writer takes the lock at the beginning: a transaction that reads first and writes later fails, without
        waiting, if another connection has written in between.

        Raise :class:`ConfigurationError` if foreign keys are off, for ``autocommit=True`` and for a file that was in
        use at a fork. Raise :class:`DatabaseFailure` if the file was deleted.
        """
        file = sqlite_file.of(connection)
        url = connection.engine.url
        try:
            awaited.sqlite(connection, lambda driver: _begin(driver, file, url, abandoned, write=write))
        except CancelledError:
            abandoned.set()  # the thread of the connection is still waiting for the lock
            raise

    def check_encoding(self, connection: Connection) -> None:
        """Refuse a file in UTF-16, which sorts ids in another order: archives are compared in the order of ids."""
        awaited.sqlite(connection, lambda driver: _refuse_encoding(driver, connection.engine.url))

    def numbers(self, connection: Connection, table: Table, keys: Sequence[str]) -> Sequence[int]:
        """Continue after the greatest number that was ever given: nobody else writes during this transaction.

        SQLite records that number for a table with AUTOINCREMENT, which a tool that makes the table anew may lose.
        """
        first = (connection.scalar(_select_last(table)) or 0) + 1
        return range(first, first + len(keys))

    def insert(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Insert many rows with each statement: while SQLite executes it, other Python threads can run."""
        self.insert_each(connection, [(table, rows)])

    def insert_each(self, connection: Connection, tables: Iterable[tuple[Table, Iterable[Row]]]) -> None:
        """Insert with one change to the thread of an asynchronous connection."""

        def insert(driver: sqlite3.Connection) -> None:
            for table, rows in tables:
                sent, inserted = _insert(driver, named(table, connection), table, rows)
                expect(connection, table, inserted, sent, "inserted")

        awaited.sqlite(connection, insert)

    def insert_missing(self, connection: Connection, table: Table, rows: Sequence[Row]) -> int:
        """Insert many rows with each statement, and skip existing keys."""
        name = named(table, connection)
        if not rows:
            return 0
        return awaited.sqlite(connection, lambda driver: _insert(driver, name, table, rows, " ON CONFLICT DO NOTHING"))[
            1
        ]

    def among(self, column: ColumnElement[Any], values: str | list[str]) -> ColumnElement[bool]:
        """Send the list as one JSON array."""
        listed = func.json_each(self.list_of(values, JSON())).table_valued("value")
        return column.in_(select(listed.c.value))

    @contextmanager
    def ask(self, engine: Engine, statement: str, parameters: Parameters, clock: Clock) -> Iterator[QueryRows]:
        """Run the query in a separate process, on a read-only connection that allows nothing but queries.

        SQLite refuses to prepare PRAGMA, ATTACH, COMMIT and load_extension there, and any query can be stopped.
        """
        file = config.sqlite_file(engine.url)
        if file is None:
            raise ConfigurationError(detail="a database in memory cannot be opened read-only; copy it to a file")
        uri = config.sqlite_uri(engine.url, file, mode="ro")
        query = sqlite_query.Query(uri, statement, dict(parameters), BUSY_SECONDS)
        with sqlite_query.answered(query, config.shown(engine.url), clock) as answer:
            yield answer

    def sum_in_halves(self, column: ColumnElement[Any]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """Add the halves separately, because sum() fails beyond 64 bits. Negative numbers are split by flooring."""
        high, low = column.op(">>")(literal_column("32")), column.op("&")(literal_column(str(HALF - 1)))
        return func.sum(high), func.sum(low)

    def materialized(self, statement: Select[Any], *, amounts: bool) -> Select[Any]:
        """Add a LIMIT, so that SQLite does not flatten the subquery and look up a value again for each aggregate."""
        return statement.limit(-1)

    def calendar(self, seconds: ColumnElement[int], unit: str) -> ColumnElement[str]:
        """Determine a week by its Thursday, which is in the year of the week."""
        if unit != "week":
            return func.strftime(_CALENDAR[unit], seconds, "unixepoch", type_=Text)
        thursday = seconds, "unixepoch", "-3 days", "weekday 4"
        number = func.printf("%02d", (func.strftime("%j", *thursday, type_=Integer) - 1) // 7 + 1, type_=Text)
        return func.strftime("%Y-W", *thursday, type_=Text) + number

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Prefix the column with a plus, which prevents the use of an index: SQLite has no statistics about values."""
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)

    def probe(self, column: ColumnElement[Any], values: Select[Any]) -> ColumnElement[bool]:
        """Mark the condition as rarely true: after an ANALYZE, SQLite might scan the whole table instead."""
        return func.likelihood(column.in_(values), literal_column("0.0001"))

    def has_pair(self, document: ColumnElement[Any], key: str, value: str) -> JSONTest:
        """Search for the text first, because parsing the JSON takes ten times as long."""
        pairs = func.json_each(document).table_valued("key", "value", "type")
        found = exists().where(pairs.c.key == key, pairs.c.type == "text", pairs.c.value == value)
        return _contains(document, wire.encode(key) + b":" + wire.encode(value)) & found, None

    def has_key(self, document: ColumnElement[Any], key: str) -> JSONTest:
        """Search for the text first."""
        pairs = func.json_each(document).table_valued("key")
        return _contains(document, wire.encode(key) + b":") & exists().where(pairs.c.key == key), None

    def contains(self, column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
        """Use lower(), which changes ASCII letters only."""
        return func.instr(func.lower(cast(column, Text)), func.lower(text)) > 0

    def sum_of_digests(self, connection: Connection, column: ColumnElement[Any]) -> ColumnElement[str]:
        """Add in Python, because SQLite adds at most 64 bits."""
        # typeshed wants an aggregate that returns an int
        awaited.sqlite(connection, lambda driver: driver.create_aggregate("runstore_sum", 1, _Sum))  # type: ignore[arg-type]
        return func.runstore_sum(column, type_=Text)

    def analyze(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Do nothing: our statements determine their plans, and statistics could only change them."""

    def serialize_writers(self, connection: Connection) -> None:
        """Do nothing: SQLite allows one writer at a time."""

    def row_bytes(self, table: Table) -> ColumnElement[int]:
        """Return the size of the values, without overhead."""
        sizes = [func.coalesce(func.length(cast(column, LargeBinary)), 0) for column in table.columns]
        return reduce(add, sizes)

    def vacuum(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Return the space to the disk by rewriting the file, which temporarily needs the same space again."""
        connection.exec_driver_sql("VACUUM")

    def check_vacuum(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Do nothing: who may write the file may rewrite it."""

    def enable_wal(self, engine: Engine) -> None:
        """Switch to a write-ahead log. The file keeps this setting, which cannot be changed inside a transaction.

        While another connection writes, SQLite refuses the change immediately, whatever the busy timeout is.
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
        """Copy in one pass, so that commits of other connections do not restart the copy."""

        def copy(driver: sqlite3.Connection) -> None:
            with closing(sqlite3.connect(path)) as target:
                driver.backup(target)

        awaited.sqlite(connection, copy)

    def integrity_errors(self, connection: Connection) -> list[str]:
        """Return the inconsistencies between pages, rows and indexes."""
        found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        return [] if found == ["ok"] else [str(line) for line in found]

    def is_retryable(self, error: BaseException) -> bool:
        """Return whether another connection held the lock for too long, or changed rows that we had read."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", 0)
        return code in _PASSING or code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _begin(driver: sqlite3.Connection, file: sqlite_file.OpenFile, url: URL, abandoned: Event, *, write: bool) -> None:
    if getattr(driver, "autocommit", False) is True:  # since Python 3.12; commit and rollback then do nothing
        raise ConfigurationError(
            detail="this SQLite connection was opened with autocommit=True, which makes commit and rollback do "
            "nothing; create the engine with runstore.create_engine or create_async_engine, or without autocommit"
        )
    if not driver.in_transaction and write:
        _take_lock(driver, abandoned)
        file.locked()
    elif not driver.in_transaction:
        driver.execute("BEGIN")
    if not write:
        return
    file.writer = threading.get_ident()
    _refuse_encoding(driver, url)
    if not driver.execute("PRAGMA foreign_keys").fetchone()[0]:
        raise ConfigurationError(
            detail="this SQLite connection does not enforce foreign keys; create the engine with "
            "runstore.create_engine or create_async_engine, or execute 'PRAGMA foreign_keys=ON' on each connection"
        )


def _refuse_encoding(driver: sqlite3.Connection, url: URL) -> None:
    encoding = driver.execute("PRAGMA encoding").fetchone()[0]
    if encoding != "UTF-8":
        hint = "use a new file, and copy the runs of an existing archive to it with 'runstore copy'"
        detail = f"{config.shown(url)} stores text in {encoding}, which sorts ids in another order than UTF-8"
        raise ConfigurationError(detail=f"{detail}; {hint}")


def _take_lock(driver: sqlite3.Connection, abandoned: Event) -> None:
    """Begin as the only writer, and wait for the busy timeout of the connection in short steps.

    While SQLite waits, Python handles no signals, so that an interrupt would have to wait as well.
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


def _insert(
    driver: sqlite3.Connection, name: str, table: Table, rows: Iterable[Row], otherwise: str = ""
) -> tuple[int, int]:
    """Insert rows, and return how many there were and how many were inserted."""
    size = max(1, VALUES // len(table.columns))
    rows = iter(rows)
    sent = inserted = 0
    while some := list(islice(rows, size)):
        sent += len(some)
        while some:
            # The parts have few different sizes, because the driver caches prepared statements by their text.
            part = len(some) if len(some) == size else 1 << (len(some).bit_length() - 1)
            statement = insert_into(name, table, "?", part) + otherwise
            inserted += driver.execute(statement, tuple(chain.from_iterable(some[:part]))).rowcount
            del some[:part]
    return sent, inserted


@lru_cache
def _select_last(table: Table) -> Select[Any]:
    name: ColumnClause[str] = column("name")
    last: ColumnClause[int] = column("seq")
    given = select(last).select_from(TableClause("sqlite_sequence", name, last)).where(name == table.name)
    numbers = union_all(given, select(func.max(literal_column("rowid"))).select_from(table)).subquery()
    return select(func.max(numbers.c.seq))


def _contains(document: ColumnElement[Any], text: bytes) -> ColumnElement[bool]:
    return func.instr(cast(document, Text), text.decode()) > 0


class _Sum:
    """The aggregate function that adds digests."""

    def __init__(self) -> None:
        self._total = 0

    def step(self, digest: bytes) -> None:
        self._total += int.from_bytes(digest)

    def finalize(self) -> str:
        return str(self._total)


def _reserve(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
    """Set query_only only where it has another value: after a change, SQLite prepares all statements again."""
    wanted = _only_reads.get()
    if record.info.get(_ONLY_READS, False) != wanted:
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"PRAGMA query_only = {'ON' if wanted else 'OFF'}")
        record.info[_ONLY_READS] = wanted


def _connect(dialect: Dialect, _: ConnectionPoolEntry, arguments: Any, options: Any) -> Any:
    """Connect, although the task is cancelled: aiosqlite would leave the file open until the garbage collector runs."""
    from runstore.backends import sqlite_async

    with waiting.uncancelled():
        return dialect.connect(*arguments, async_creator_fn=sqlite_async.connect, **options)


def _set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # A checkpoint copies each changed page into the file. It happens after 64 MiB of log (at the usual page size)
    # rather than after 4 MiB, because a bulk load changes the same pages of its indexes again and again.
    settings = ("foreign_keys = ON", "synchronous = FULL", "cache_size = -32768", "temp_store = MEMORY")
    for setting in (*settings, "wal_autocheckpoint = 16384"):
        connection.execute(f"PRAGMA {setting}")
