"""The interface of a backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
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

    placeholder: ClassVar[str]
    """How the driver spells a parameter."""

    @abstractmethod
    def create_engine(self, url: URL) -> Engine:
        """An engine with the settings that runstore's promises rest on."""

    @abstractmethod
    def begin(self, connection: Connection, *, write: bool) -> None:
        """Make sure that the driver is in the transaction that SQLAlchemy has begun, and that foreign keys hold."""

    @abstractmethod
    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert many new rows; an existing key is an error."""

    @abstractmethod
    def among(self, column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
        """Whether *column* is one of a list of any length, given as the one parameter of that name."""

    @abstractmethod
    def is_passing(self, error: BaseException) -> bool:
        """Whether the same batch can succeed when it is tried again: deadlock, serialization, a race for a key."""

    def insert_missing(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert the rows whose key is not there yet."""
        self._run_many(connection, f"{self._insert_into(connection, table)} ON CONFLICT DO NOTHING", rows)

    def update(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Set all columns of existing rows, found by the first column."""
        name = connection.dialect.identifier_preparer.quote
        key, *others = [name(column.name) for column in table.columns]
        sets = ", ".join(f"{column} = {self.placeholder}" for column in others)
        # Only names of the schema's own tables and columns are put into the text; values are parameters.
        statement = f"UPDATE {_table(connection, table)} SET {sets} WHERE {key} = {self.placeholder}"  # noqa: S608
        self._run_many(connection, statement, [(*row[1:], row[0]) for row in rows])

    def delete(self, connection: Connection, table: Table, columns: Sequence[str], keys: Iterable[Row]) -> None:
        """Delete the rows that have these values in these columns."""
        name = connection.dialect.identifier_preparer.quote
        match = " AND ".join(f"{name(column)} = {self.placeholder}" for column in columns)
        self._run_many(connection, f"DELETE FROM {_table(connection, table)} WHERE {match}", list(keys))  # noqa: S608

    def _insert_into(self, connection: Connection, table: Table) -> str:
        name = connection.dialect.identifier_preparer.quote
        columns = ", ".join(name(column.name) for column in table.columns)
        values = ", ".join([self.placeholder] * len(table.columns))
        return f"INSERT INTO {_table(connection, table)} ({columns}) VALUES ({values})"  # noqa: S608

    @staticmethod
    def _run_many(connection: Connection, statement: str, rows: Sequence[Row]) -> None:
        if rows:
            connection.exec_driver_sql(statement, [tuple(row) for row in rows])

    @staticmethod
    def text(column: ColumnElement[Any]) -> ColumnElement[str]:
        """A column's value as text, unparsed."""
        return cast(column, SQLText)


def _table(connection: Connection, table: Table) -> str:
    return connection.dialect.identifier_preparer.format_table(table)
