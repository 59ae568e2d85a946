"""A transaction of an archive: the connection it runs on, together with the backend of its database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, Table

from runstore.backends import awaited
from runstore.backends.base import Backend, Row, expect


@dataclass(frozen=True, slots=True)
class Transaction:
    """What all code that reads or writes runs works on: the connection executes statements, the backend writes rows."""

    connection: Connection
    backend: Backend

    def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[*tuple[Any, ...]]:
        """Execute a statement of SQLAlchemy's."""
        return self.connection.execute(statement, parameters)

    @contextmanager
    def selected(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        options: Mapping[str, Any] | None = None,
    ) -> Iterator[CursorResult[*tuple[Any, ...]]]:
        """Execute a SELECT, whose rows may remain in the database until this ends; *options* are execution options."""
        result = self.connection.execute(statement, parameters, execution_options=options)
        try:
            yield result
        finally:
            awaited.close(result, self.connection)

    def numbers(self, table: Table, keys: Sequence[str]) -> Sequence[int]:
        """Return a number for each new row of a table: :meth:`Backend.numbers`."""
        return self.backend.numbers(self.connection, table, keys)

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert new rows: :meth:`Backend.insert`."""
        self.backend.insert(self.connection, table, rows)

    def insert_each(self, tables: Iterable[tuple[Table, Iterable[Row]]]) -> None:
        """Insert new rows of several tables, in this order."""
        self.backend.insert_each(self.connection, tables)

    def insert_missing(self, table: Table, rows: Sequence[Row]) -> int:
        """Insert the rows whose key is not stored yet and return their number: :meth:`Backend.insert_missing`."""
        return self.backend.insert_missing(self.connection, table, rows)

    def update(self, table: Table, keys: tuple[str, ...], rows: Sequence[Row]) -> None:
        """Set all columns of stored rows except *keys*: :meth:`Backend.update`."""
        self.backend.update(self.connection, table, keys, rows)

    def delete(self, table: Table, columns: tuple[str, ...], keys: Iterable[Row]) -> int:
        """Delete rows by the values of *columns* and return their number: :meth:`Backend.delete`."""
        return self.backend.delete(self.connection, table, columns, keys)

    def expect(self, table: Table, done: int, sent: int, what: str) -> None:
        """Raise :class:`DatabaseFailure` if the database silently skipped some of the rows."""
        expect(self.connection, table, done, sent, what)
