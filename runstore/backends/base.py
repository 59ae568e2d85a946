"""The interface of a backend."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from threading import Event
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Select,
    Table,
    bindparam,
    cast,
    func,
    literal_column,
)
from sqlalchemy import Text as SQLText
from sqlalchemy.engine import URL
from sqlalchemy.types import TypeEngine

from runstore import config
from runstore.amounts import counted
from runstore.backends import turns
from runstore.backends.parameters import Parameters
from runstore.errors import DatabaseFailure, QueryRefused

Row = Sequence[Any]
"""Values in the order of the table's columns; JSON as its text."""

JSONTest = tuple[ColumnElement[bool], ColumnElement[bool] | None]
"""A condition to test one row, and an equivalent condition that uses an index, if the database can have one."""


HALF = 2**32
"""The value of one unit in the upper half of a 64-bit integer."""


class QueryRows(NamedTuple):
    """The result of a query written by the user."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]
    """Rows, fetched while they are iterated. Numbers are exact, bytes are bytes, and times and JSON are text."""


_EXPLAIN = re.compile(r"(?is)(?:\s|;|--[^\n]*(?:\n|$)|/\*.*?\*/)*+explain\b")
"""Blanks and comments, and the word. They are matched in one way only: trying others would take exponential time."""


def refuse_explain(statement: str, place: str) -> None:
    """Raise :class:`QueryRefused` for an EXPLAIN, which is not a query on PostgreSQL, while SQLite would answer it."""
    if _EXPLAIN.match(statement):
        reason = "EXPLAIN is not a query (for the plan of one, use psql or sqlite3)"
        raise QueryRefused(place=place, reason=reason)


class Clock:
    """The time that a database may still spend on a query; the time between fetches is not counted."""

    def __init__(self, seconds: float) -> None:
        self.limit = self.left = seconds
        self._deadline = float("inf")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time for as long as the database works."""
        started = time.monotonic()
        self._deadline = started + self.left
        try:
            yield
        finally:
            self.left -= time.monotonic() - started
            self._deadline = float("inf")

    def remaining(self) -> float:
        """Return the seconds that are left, also while the database works."""
        return min(self.left, self._deadline - time.monotonic())

    def is_over(self) -> bool:
        """Return whether the time is up."""
        return self.remaining() <= 0


class Backend(ABC):
    """What runstore needs of a database beyond SQLAlchemy. Rows bypass the types of SQLAlchemy."""

    array_function: ClassVar[str]
    """The aggregate function that returns rows as a JSON array."""

    tuple_function: ClassVar[str]
    """The function that returns its arguments as a JSON array."""

    placeholder: ClassVar[str]
    """The driver's placeholder for a parameter."""

    @abstractmethod
    def create_engine(self, url: URL, connections: int | None = None) -> Engine:
        """Return an engine with the settings that runstore's promises depend on, and a pool of so many connections."""

    def reserved(self, engine: Engine) -> AbstractContextManager[None]:
        """Return the context in which an engine connects for a transaction with a limit."""
        return nullcontext()

    @abstractmethod
    def set_isolation(self, connection: Connection, *, write: bool) -> None:
        """Set the isolation of all transactions on a connection, overriding the engine and the server.

        A transaction that reads sees one state of the archive from its first statement on. In a transaction that
        writes, each statement sees everything committed before it, so that rows read under a lock are current.
        """

    @abstractmethod
    def begin_own(
        self,
        connection: Connection,
        *,
        write: bool,
        whole: bool = False,
        limit: float | None = None,
        abandoned: Event | None = None,
    ) -> None:
        """Begin a transaction of runstore's own, with the isolation of :meth:`set_isolation` and the settings it needs.

        They override the settings of the engine, the role and the server. A *whole* transaction needs all rows, and
        fails if the database would hide some of them from this role. A transaction with a *limit* is read-only, and
        runs inside :meth:`limited`. If the method has to wait for a lock, it gives up when *abandoned* is set.
        """

    @abstractmethod
    def limited(self, connection: Connection, seconds: float) -> AbstractContextManager[None]:
        """Return the context in which a transaction with a limit runs.

        It raises :class:`QueryTimeout` if a statement (on SQLite, the transaction) was stopped after so many seconds.
        """

    @abstractmethod
    def begin(self, connection: Connection, *, write: bool) -> None:
        """Make sure that the driver is in the caller's transaction, and that foreign keys are enforced."""

    def exclusive(self, bind: Engine | Connection) -> AbstractContextManager[None]:
        """Return what to hold during a transaction, because several threads may share one connection."""
        return turns.turn_of(bind)

    @abstractmethod
    def check_encoding(self, connection: Connection) -> None:
        """Raise :class:`ConfigurationError` if the encoding of the database is not UTF-8."""

    @staticmethod
    def pool_options(connections: int | None) -> dict[str, int]:
        """Return the arguments of SQLAlchemy's engine for a pool of so many connections."""
        return {} if connections is None else {"pool_size": connections, "max_overflow": 0}

    @contextmanager
    def borrowed(
        self, connection: Connection, schema: str | None, *, write: bool, whole: bool = False
    ) -> Iterator[None]:
        """Work in a caller's transaction with the settings of :meth:`begin_own`, on the tables of this schema.

        The settings of the connection are restored afterwards; after an error, by the rollback to the savepoint around
        this block.
        """
        yield

    def home(self, connection: Connection, table: str) -> str | None:
        """Return the schema that holds a table, or the schema in which it would be created; None on SQLite.

        Raise :class:`ConfigurationError` if there is no such schema.
        """
        return None

    def tables_with_hidden_rows(self, connection: Connection, tables: Iterable[Table]) -> list[str]:
        """Return the names of the tables whose rows the database partly hides from this role."""
        return []

    @abstractmethod
    def numbers(self, connection: Connection, table: Table, keys: Sequence[str]) -> Sequence[int]:
        """Return a number for each new row of a table, given the keys of the rows; no number is returned twice.

        On one machine, the numbers ascend in the order in which transactions ask for them.
        """

    @abstractmethod
    def insert(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Insert new rows while they are produced. An existing key and a row that the database drops are errors."""

    def insert_each(self, connection: Connection, tables: Iterable[tuple[Table, Iterable[Row]]]) -> None:
        """Insert new rows of several tables, in this order."""
        for table, rows in tables:
            self.insert(connection, table, rows)

    @abstractmethod
    def insert_missing(self, connection: Connection, table: Table, rows: Sequence[Row]) -> int:
        """Insert the rows whose key does not exist yet, and return their number."""

    @abstractmethod
    def among(self, column: ColumnElement[Any], values: str | list[str]) -> ColumnElement[bool]:
        """Return the condition that *column* is in a list of any length.

        The list is one parameter: *values* is its name, or the texts themselves.
        """

    @abstractmethod
    def ask(
        self, engine: Engine, statement: str, parameters: Parameters, clock: Clock
    ) -> AbstractContextManager[QueryRows]:
        """Return the answer to one query written by the user, on a separate connection that cannot write.

        Raise :class:`QueryRefused` if the statement is not exactly one query, :class:`InvalidArgument` if *parameters*
        are not those of the query, and :class:`QueryTimeout`.
        """

    def joined_by_key(self, table: Table, condition: ColumnElement[bool]) -> tuple[FromClause, ColumnElement[bool]]:
        """Return what to join, and on what, to find the row of a table that meets a condition on its key."""
        return table, condition

    @abstractmethod
    def probe(self, column: ColumnElement[Any], values: Select[Any]) -> ColumnElement[bool]:
        """Return the condition that *column* is one of a few values of a SELECT, which the database evaluates first."""

    @abstractmethod
    def has_pair(self, document: ColumnElement[Any], key: str, value: str) -> JSONTest:
        """Return the condition that a JSON object has this string as the value of this key."""

    @abstractmethod
    def has_key(self, document: ColumnElement[Any], key: str) -> JSONTest:
        """Return the condition that a JSON object has this key."""

    @abstractmethod
    def contains(self, column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
        """Return the condition that a column, JSON as its text, contains a text in upper or lower case.

        Only ASCII letters may have another case: for others, databases and locales differ.
        """

    @abstractmethod
    def is_retryable(self, error: BaseException) -> bool:
        """Return whether the same batch can succeed on another try, as after a deadlock or a race for a key."""

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the column for a condition that should not use an index, if the database cannot decide that."""
        return column

    @abstractmethod
    def materialized(self, statement: Select[Any], *, amounts: bool) -> Select[Any]:
        """Return a SELECT over a view for aggregation: each value is computed once, however many aggregates read it.

        *amounts*: whether it has the costs of runs, of which each is a query of the prices.
        """

    @abstractmethod
    def calendar(self, seconds: ColumnElement[int], unit: str) -> ColumnElement[str]:
        """Return the hour, day, week or month of Unix seconds as text, spelled as in the view ``runs``."""

    def sum_in_halves(self, column: ColumnElement[Any]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """Return two aggregates, *high* and *low*, for the exact sum of 64-bit integers.

        The sum is *high* times :data:`HALF` plus *low*; both are NULL if there are no values.
        """
        return literal_column("0"), func.sum(column)

    @abstractmethod
    def sum_of_digests(self, connection: Connection, column: ColumnElement[Any]) -> ColumnElement[str]:
        """Return the aggregate for the sum of digests, as a decimal; a digest is a big-endian number of 32 bytes."""

    @abstractmethod
    def row_bytes(self, table: Table) -> ColumnElement[int]:
        """Return the approximate size of a row of the table in bytes."""

    @abstractmethod
    def serialize_writers(self, connection: Connection) -> None:
        """Wait for all transactions that have called this before; later callers wait for this transaction."""

    def is_unreachable(self, error: BaseException) -> bool:
        """Return whether the database cannot be reached, or no longer, so that the same may succeed later."""
        return False

    def is_disconnect(self, error: BaseException) -> bool:
        """Return whether the database cannot be reached or the connection is lost, so that a new one may succeed."""
        return False

    @abstractmethod
    def vacuum(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Reclaim the space of deleted rows, on a connection that commits each statement."""

    @abstractmethod
    def check_vacuum(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Raise :class:`DatabaseFailure` if this role may not vacuum one of the tables."""

    def enable_wal(self, engine: Engine) -> None:
        """Set up a new file so that it can be read while another connection writes to it."""
        raise NotImplementedError

    def copy_file(self, connection: Connection, path: Path) -> None:
        """Copy the whole database, as the current transaction sees it, to a new file."""
        raise NotImplementedError

    def integrity_errors(self, connection: Connection) -> list[str]:
        """Return the errors that the database finds in its own structures."""
        return []

    @abstractmethod
    def analyze(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Update the statistics of the query planner, if the database uses any."""

    def update(self, connection: Connection, table: Table, keys: tuple[str, ...], rows: Sequence[Row]) -> None:
        """Set all columns of existing rows except *keys*, by the first of which the rows are found."""
        names = table.columns.keys()
        values = itemgetter(*(names.index(name) for name in names if name not in keys), names.index(keys[0]))
        statement = _update(named(table, connection), table, keys, self.placeholder)
        updated = self._run_many(connection, statement, list(map(values, rows)))
        expect(connection, table, updated, len(rows), "updated")

    def delete(self, connection: Connection, table: Table, columns: tuple[str, ...], keys: Iterable[Row]) -> int:
        """Delete the rows with these values in these columns, and return their number."""
        return self._run_many(connection, _delete(named(table, connection), columns, self.placeholder), list(keys))

    @staticmethod
    def _run_many(connection: Connection, statement: str, rows: Sequence[Row]) -> int:
        """Execute a statement for each row, and return the number of affected rows."""
        if not rows:
            return 0
        values = tuple(rows[0]) if len(rows) == 1 else [tuple(row) for row in rows]
        return connection.exec_driver_sql(statement, values).rowcount

    @staticmethod
    def list_of(values: str | list[str], kind: TypeEngine[Any]) -> BindParameter[Any]:
        """Return the one parameter of :meth:`among`."""
        if isinstance(values, str):
            return bindparam(values, type_=kind)
        return bindparam("values", values, type_=kind, unique=True)

    @staticmethod
    def text(column: ColumnElement[Any]) -> ColumnElement[str]:
        """Return a column's value as unparsed text."""
        return cast(column, SQLText)


def expect(connection: Connection, table: Table, done: int, sent: int, what: str) -> None:
    """Raise :class:`DatabaseFailure` if the database silently skipped some of the rows."""
    if done != sent:
        raise DatabaseFailure(
            place=config.shown(connection.engine.url),
            reason=f"only {done} of {counted(sent, 'row')} of {table.name} {'was' if done == 1 else 'were'} {what}, "
            "because a trigger, a rule or a row security policy of the database dropped the others; this batch changed "
            "nothing",
        )


def schema_of(bind: Engine | Connection) -> str | None:
    """Return the PostgreSQL schema of the tables, or None if it is found by the search_path."""
    schema: str | None = (bind.get_execution_options().get("schema_translate_map") or {}).get(None)
    return schema


def in_schema(engine: Engine, schema: str | None) -> Engine:
    """Return the engine with its statements directed to the tables of this schema."""
    return engine if schema == schema_of(engine) else engine.execution_options(**_translation(engine, schema))


@contextmanager
def borrowed_in_schema(connection: Connection, schema: str | None) -> Iterator[None]:
    """Direct the statements on a caller's connection to this schema, and restore the connection afterwards."""
    if schema is None:
        yield
        return
    before = connection.get_execution_options().get("schema_translate_map")
    connection.execution_options(**_translation(connection, schema))
    try:
        yield
    finally:
        connection.execution_options(schema_translate_map=before)


def _translation(bind: Engine | Connection, schema: str | None) -> dict[str, Any]:
    known = bind.get_execution_options().get("schema_translate_map") or {}
    return {"schema_translate_map": {**known, None: schema}}


def approximate_bytes(row: Iterable[Any]) -> int:
    """Return the approximate size of a row in memory, for batches that are bounded by bytes."""
    return sum(map(_bytes_of, row))


def _bytes_of(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    return approximate_bytes(value) if isinstance(value, list | tuple) else 50


# Statements for the driver. They contain only the quoted names of our own tables and columns, and of their schema;
# values are parameters.


def quoted(*names: str) -> str:
    """Return names quoted for SQL and separated by commas."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def named(table: Table, connection: Connection) -> str:
    """Return the qualified name of a table for the driver; SQLAlchemy translates it in its own statements."""
    schema = schema_of(connection)
    return f"{quoted(schema)}.{quoted(table.name)}" if schema else quoted(table.name)


@lru_cache
def insert_into(name: str, table: Table, placeholder: str, rows: int = 1) -> str:
    """Return the statement that inserts this number of rows."""
    row = ", ".join([placeholder] * len(table.columns))
    values = ", ".join([f"({row})"] * rows)
    return f"INSERT INTO {name} ({quoted(*table.columns.keys())}) VALUES {values}"  # noqa: S608


@lru_cache
def insert_arrays(name: str, table: Table, types: tuple[str, ...]) -> str:
    """Return the statement that inserts missing rows, whose parameters are one array for each column."""
    arrays = ", ".join(f"%b::{kind}[]" for kind in types)
    names = quoted(*table.columns.keys())
    return f"INSERT INTO {name} ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"  # noqa: S608


@lru_cache
def _update(name: str, table: Table, keys: tuple[str, ...], placeholder: str) -> str:
    sets = ", ".join(f"{quoted(column.name)} = {placeholder}" for column in table.columns if column.name not in keys)
    return f"UPDATE {name} SET {sets} WHERE {quoted(keys[0])} = {placeholder}"  # noqa: S608


@lru_cache
def _delete(name: str, columns: tuple[str, ...], placeholder: str) -> str:
    match = " AND ".join(f"{quoted(column)} = {placeholder}" for column in columns)
    return f"DELETE FROM {name} WHERE {match}"  # noqa: S608
