"""The interface of a backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Connection, Engine, Table, cast
from sqlalchemy import Text as SQLText
from sqlalchemy.engine import URL

Row = Sequence[Any]
"""Values in the order of the table's columns; JSON as its text."""


class Backend(ABC):
    """What runstore asks of a database beyond SQLAlchemy. Rows go to the driver as they are, past its types."""

    array_function: ClassVar[str]
    """Aggregate that makes a JSON array of rows."""

    tuple_function: ClassVar[str]
    """Function that makes a JSON array of its arguments."""

    is_server: ClassVar[bool]
    """Whether another process does the work, so that Python can do something else meanwhile."""

    placeholder: ClassVar[str]
    """How the driver spells a parameter."""

    @abstractmethod
    def create_engine(self, url: URL) -> Engine:
        """An engine with the settings that runstore's promises rest on."""

    @abstractmethod
    def begin(self, connection: Connection, *, write: bool) -> None:
        """Make sure that the driver is in the transaction that SQLAlchemy has begun, and that foreign keys hold."""

    @abstractmethod
    def insert(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Insert new rows as they are made; an existing key is an error."""

    @abstractmethod
    def among(self, column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
        """Whether *column* is one of a list of any length, given as the one parameter of that name."""

    @abstractmethod
    def is_passing(self, error: BaseException) -> bool:
        """Whether the same batch can succeed when it is tried again: deadlock, serialization, a race for a key."""

    def snapshot(self, engine: Engine) -> Engine:
        """The engine for reading, whose transactions see one state of the archive from their first statement on."""
        return engine

    @abstractmethod
    def sum_of_digests(self, connection: Connection, column: ColumnElement[Any]) -> ColumnElement[str]:
        """Aggregate: the sum of digests of 32 bytes, each a number with the highest byte first, in decimal."""

    @abstractmethod
    def row_bytes(self, table: Table) -> ColumnElement[int]:
        """How many bytes a row of the table holds, about."""

    @abstractmethod
    def queue_up(self, connection: Connection) -> None:
        """Wait for all others that have queued up, and let those who do it later wait for this transaction."""

    def is_lost(self, error: BaseException) -> bool:
        """Whether the database cannot be reached, so that the same may go well on a new connection."""
        return False

    @abstractmethod
    def give_back(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Give back the space of deleted rows, on a connection that commits each statement."""

    def copy_file(self, connection: Connection, path: Path) -> None:
        """Copy the whole database, as the transaction at hand sees it, to a new file."""
        raise NotImplementedError

    def inner_damage(self, connection: Connection) -> list[str]:
        """What the database finds wrong with itself."""
        return []

    def insert_missing(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert the rows whose key is not there yet."""
        self._run_many(connection, f"{insert_into(table, self.placeholder)} ON CONFLICT DO NOTHING", rows)

    def update(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Set all columns of existing rows, found by the first column."""
        self._run_many(connection, _update(table, self.placeholder), [(*row[1:], row[0]) for row in rows])

    def delete(self, connection: Connection, table: Table, columns: tuple[str, ...], keys: Iterable[Row]) -> None:
        """Delete the rows that have these values in these columns."""
        self._run_many(connection, _delete(table, columns, self.placeholder), list(keys))

    @staticmethod
    def _run_many(connection: Connection, statement: str, rows: Sequence[Row]) -> None:
        if len(rows) == 1:
            connection.exec_driver_sql(statement, tuple(rows[0]))
        elif rows:
            connection.exec_driver_sql(statement, [tuple(row) for row in rows])

    @staticmethod
    def text(column: ColumnElement[Any]) -> ColumnElement[str]:
        """A column's value as text, unparsed."""
        return cast(column, SQLText)


# Statements for the driver. Only names of the schema's own tables and columns stand in them; values are parameters.


def quoted(*names: str) -> str:
    """Names as SQL has them, with commas between."""
    return ", ".join(f'"{name}"' for name in names)


@lru_cache
def insert_into(table: Table, placeholder: str) -> str:
    """The statement that inserts one row."""
    values = ", ".join([placeholder] * len(table.columns))
    return f"INSERT INTO {quoted(table.name)} ({quoted(*table.columns.keys())}) VALUES ({values})"  # noqa: S608


@lru_cache
def _update(table: Table, placeholder: str) -> str:
    key, *others = table.columns.keys()
    sets = ", ".join(f"{quoted(column)} = {placeholder}" for column in others)
    return f"UPDATE {quoted(table.name)} SET {sets} WHERE {quoted(key)} = {placeholder}"  # noqa: S608


@lru_cache
def _delete(table: Table, columns: tuple[str, ...], placeholder: str) -> str:
    match = " AND ".join(f"{quoted(column)} = {placeholder}" for column in columns)
    return f"DELETE FROM {quoted(table.name)} WHERE {match}"  # noqa: S608
