"""The interface of a backend."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
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
from runstore.backends import turns
from runstore.errors import DatabaseFailure

Row = Sequence[Any]
"""Values in the order of the table's columns; JSON as its text."""

JSONTest = tuple[ColumnElement[bool], ColumnElement[bool] | None]
"""A condition on a row that is at hand, and the same by way of an index where the database can have one."""


HALF = 2**32
"""What the upper half of a 64-bit integer counts."""


class Answer(NamedTuple):
    """What a query of the user's found."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]
    """Fetched as they are asked for. Numbers are exact, bytes are bytes, times and JSON text."""


class Clock:
    """The time that a database may still work on a query; what the reader of its rows does is not counted."""

    def __init__(self, seconds: float) -> None:
        self.limit = self.left = seconds
        self._deadline = float("inf")

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the database works."""
        started = time.monotonic()
        self._deadline = started + self.left
        try:
            yield
        finally:
            self.left -= time.monotonic() - started
            self._deadline = float("inf")

    def remaining(self) -> float:
        """The seconds that are left, also while the database works."""
        return min(self.left, self._deadline - time.monotonic())

    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.remaining() <= 0


class Backend(ABC):
    """What runstore asks of a database beyond SQLAlchemy. Rows go to the driver as they are, past its types."""

    array_function: ClassVar[str]
    """Aggregate that makes a JSON array of rows."""

    tuple_function: ClassVar[str]
    """Function that makes a JSON array of its arguments."""

    placeholder: ClassVar[str]
    """How the driver spells a parameter."""

    @abstractmethod
    def create_engine(self, url: URL) -> Engine:
        """An engine with the settings that runstore's promises rest on."""

    @abstractmethod
    def set_isolation(self, connection: Connection, *, write: bool) -> None:
        """Choose the isolation of all transactions on a connection, whatever the engine or the server has chosen.

        One that reads sees one state of the archive from its first statement on; in one that writes each statement sees
        what was committed before it, so that what is read under a lock is the latest.
        """

    @abstractmethod
    def begin_own(
        self, connection: Connection, *, write: bool, whole: bool = False, abandoned: Event | None = None
    ) -> None:
        """Begin a transaction of ours, with the isolation of :meth:`set_isolation` and the settings that it needs.

        What the engine, the role or the server has set otherwise does not matter. One that is *whole* is about all
        rows, and fails where the database would hide some from this role. Where the beginning has to wait it stops when
        *abandoned* is set: nobody wants the transaction any more.
        """

    @abstractmethod
    def begin(self, connection: Connection, *, write: bool) -> None:
        """Make sure that the driver is in the transaction that a caller has begun, and that foreign keys hold."""

    def exclusive(self, bind: Engine | Connection) -> AbstractContextManager[None]:
        """What to hold while a transaction runs: several threads may share the one connection that there is."""
        return turns.turn_of(bind)

    @abstractmethod
    def check_encoding(self, connection: Connection) -> None:
        """Raise :class:`ConfigurationError` for a database whose encoding is not UTF-8."""

    @contextmanager
    def borrowed(
        self, connection: Connection, schema: str | None, *, write: bool, whole: bool = False
    ) -> Iterator[None]:
        """Work in a caller's transaction with the settings of :meth:`begin_own`, on the tables of this schema.

        The caller finds the connection as before; after an error, once the savepoint around this is rolled back.
        """
        yield

    def home(self, connection: Connection, table: str) -> str | None:
        """The schema with a table of this name; where there is none, the one it would be made in. None without schemas.

        Raises :class:`ConfigurationError` where there should be a schema and is none.
        """
        return None

    def tables_with_hidden_rows(self, connection: Connection, tables: Iterable[Table]) -> list[str]:
        """The names of those of these tables of which the database hides rows from this role."""
        return []

    @abstractmethod
    def insert(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Insert new rows as they are made; an existing key is an error, and so is a row that the database drops."""

    @abstractmethod
    def insert_missing(self, connection: Connection, table: Table, rows: Sequence[Row]) -> int:
        """Insert the rows whose key is not there yet; gives their number."""

    @abstractmethod
    def among(self, column: ColumnElement[Any], values: str | list[str]) -> ColumnElement[bool]:
        """Whether *column* is one of a list of any length, as one parameter: of this name, or these texts."""

    @abstractmethod
    def ask(self, engine: Engine, statement: str, clock: Clock) -> AbstractContextManager[Answer]:
        """The answer to one query of the user's, on a connection of its own that cannot write.

        Raises :class:`QueryRefused` for what is not one query, :class:`QueryTimeout`.
        """

    def joined_by_key(self, table: Table, condition: ColumnElement[bool]) -> tuple[FromClause, ColumnElement[bool]]:
        """What to join, and on what, for the row of a table that meets a condition on its key."""
        return table, condition

    @abstractmethod
    def probe(self, column: ColumnElement[Any], values: Select[Any]) -> ColumnElement[bool]:
        """Whether *column* is one of the few values of a SELECT, which is made first and its rows fetched by a key."""

    @abstractmethod
    def has_pair(self, document: ColumnElement[Any], key: str, value: str) -> JSONTest:
        """Whether a column that holds a JSON object has this key with this string."""

    @abstractmethod
    def has_key(self, document: ColumnElement[Any], key: str) -> JSONTest:
        """Whether a column that holds a JSON object has this key."""

    @abstractmethod
    def is_retryable(self, error: BaseException) -> bool:
        """Whether the same batch can succeed when it is tried again: deadlock, serialization, a race for a key."""

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The column for a condition that is not what to look up an index for, where the database cannot tell."""
        return column

    def materialized(self, statement: Select[Any]) -> Select[Any]:
        """A SELECT over a view, made fit to be aggregated: each value is made once, however many aggregates read it."""
        return statement

    def sum_in_halves(self, column: ColumnElement[Any]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """Aggregates whose *high* times :data:`HALF` and *low* make the exact sum of 64-bit integers, NULL of none."""
        return literal_column("0"), func.sum(column)

    @abstractmethod
    def sum_of_digests(self, connection: Connection, column: ColumnElement[Any]) -> ColumnElement[str]:
        """Aggregate: the sum of digests of 32 bytes, each a number with the highest byte first, in decimal."""

    @abstractmethod
    def row_bytes(self, table: Table) -> ColumnElement[int]:
        """How many bytes a row of the table holds, about."""

    @abstractmethod
    def serialize_writers(self, connection: Connection) -> None:
        """Wait for all others that have queued up, and let those who do it later wait for this transaction."""

    def is_unreachable(self, error: BaseException) -> bool:
        """Whether the database cannot be reached, or not any more, so that the same may go well later."""
        return False

    def is_disconnect(self, error: BaseException) -> bool:
        """Whether that is so, or the connection alone is gone: the same may go well on a new one."""
        return False

    @abstractmethod
    def vacuum(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Give back the space of deleted rows, on a connection that commits each statement."""

    def enable_wal(self, engine: Engine) -> None:
        """Set up a new file so that it can be read while another one writes to it."""
        raise NotImplementedError

    def copy_file(self, connection: Connection, path: Path) -> None:
        """Copy the whole database, as the transaction at hand sees it, to a new file."""
        raise NotImplementedError

    def integrity_errors(self, connection: Connection) -> list[str]:
        """What the database finds wrong with itself."""
        return []

    @abstractmethod
    def analyze(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Bring the planner's statistics up to date, where plans are made of them."""

    def update(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Set all columns of existing rows, found by the first column."""
        statement = _update(named(table, connection), table, self.placeholder)
        updated = self._run_many(connection, statement, [(*row[1:], row[0]) for row in rows])
        expect(connection, table, updated, len(rows), "updated")

    def delete(self, connection: Connection, table: Table, columns: tuple[str, ...], keys: Iterable[Row]) -> int:
        """Delete the rows that have these values in these columns; gives their number."""
        return self._run_many(connection, _delete(named(table, connection), columns, self.placeholder), list(keys))

    @staticmethod
    def _run_many(connection: Connection, statement: str, rows: Sequence[Row]) -> int:
        """Gives how many rows it met."""
        if not rows:
            return 0
        values = tuple(rows[0]) if len(rows) == 1 else [tuple(row) for row in rows]
        return connection.exec_driver_sql(statement, values).rowcount

    @staticmethod
    def list_of(values: str | list[str], kind: TypeEngine[Any]) -> BindParameter[Any]:
        """The one parameter of :meth:`among`."""
        if isinstance(values, str):
            return bindparam(values, type_=kind)
        return bindparam("values", values, type_=kind, unique=True)

    @staticmethod
    def text(column: ColumnElement[Any]) -> ColumnElement[str]:
        """A column's value as text, unparsed."""
        return cast(column, SQLText)


def expect(connection: Connection, table: Table, done: int, sent: int, what: str) -> None:
    """Raise :class:`DatabaseFailure` where the database did not do to all rows what it was told, without an error."""
    if done != sent:
        raise DatabaseFailure(
            place=config.shown(connection.engine.url),
            reason=f"{done} of {sent} rows of {table.name} were {what}: a trigger, a rule or a row security policy of "
            "the database dropped the others; nothing of this batch was stored",
        )


def schema_of(bind: Engine | Connection) -> str | None:
    """The PostgreSQL schema whose tables are meant; None where it is left to the search_path."""
    schema: str | None = (bind.get_execution_options().get("schema_translate_map") or {}).get(None)
    return schema


def in_schema(engine: Engine, schema: str | None) -> Engine:
    """The engine with its statements on the tables of this schema."""
    return engine if schema == schema_of(engine) else engine.execution_options(**_translation(engine, schema))


@contextmanager
def borrowed_in_schema(connection: Connection, schema: str | None) -> Iterator[None]:
    """The same for a connection of the caller's, whose own statements come after."""
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


# Statements for the driver. Only names of the schema's own tables and columns stand in them, and that of the schema
# they are in, quoted; values are parameters.


def quoted(*names: str) -> str:
    """Names as SQL has them, with commas between."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def named(table: Table, connection: Connection) -> str:
    """A table as a statement on this connection has to name it: SQLAlchemy's own statements have it translated."""
    schema = schema_of(connection)
    return f"{quoted(schema)}.{quoted(table.name)}" if schema else quoted(table.name)


@lru_cache
def insert_into(name: str, table: Table, placeholder: str, rows: int = 1) -> str:
    """The statement that inserts so many rows."""
    row = ", ".join([placeholder] * len(table.columns))
    values = ", ".join([f"({row})"] * rows)
    return f"INSERT INTO {name} ({quoted(*table.columns.keys())}) VALUES {values}"  # noqa: S608


@lru_cache
def insert_arrays(name: str, table: Table, types: tuple[str, ...]) -> str:
    """The statement that inserts what is not there yet, given PostgreSQL's type of each column and an array of it."""
    arrays = ", ".join(f"%b::{kind}[]" for kind in types)
    names = quoted(*table.columns.keys())
    return f"INSERT INTO {name} ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"  # noqa: S608


@lru_cache
def _update(name: str, table: Table, placeholder: str) -> str:
    key, *others = table.columns.keys()
    sets = ", ".join(f"{quoted(column)} = {placeholder}" for column in others)
    return f"UPDATE {name} SET {sets} WHERE {quoted(key)} = {placeholder}"  # noqa: S608


@lru_cache
def _delete(name: str, columns: tuple[str, ...], placeholder: str) -> str:
    match = " AND ".join(f"{quoted(column)} = {placeholder}" for column in columns)
    return f"DELETE FROM {name} WHERE {match}"  # noqa: S608
