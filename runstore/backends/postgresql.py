"""PostgreSQL, through psycopg 3."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import chain, islice
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Numeric,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from runstore.backends.base import Backend, Row, insert_into, quoted
from runstore.errors import ConfigurationError

FEW_ROWS = 4

_PASSING = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "23505",  # another writer inserted the same run: the next try finds it
    "23503",  # a prune took a shared row that this process had seen
}

_LOST = {
    "57P01",  # admin shutdown, or the database was dropped
    "57P02",  # crash shutdown
    "57P03",  # starting up, recovering or shutting down
}

_QUEUE = int.from_bytes(b"run tail")
"""Advisory lock of writers that were hindered again and again."""


class PostgreSQL(Backend):
    """A server; many writers at a time."""

    array_function = "json_agg"
    tuple_function = "json_build_array"
    is_server = True
    placeholder = "%s"

    def create_engine(self, url: URL) -> Engine:
        """An engine with psycopg's defaults, named in the server's list of sessions; it waits 10 s for a connection."""
        defaults = {"application_name": "runstore", "connect_timeout": "10"}
        arguments = {name: value for name, value in defaults.items() if name not in url.query}
        # No values of runs in tracebacks.
        return sqlalchemy.create_engine(url, connect_args=arguments, hide_parameters=True)

    def snapshot(self, engine: Engine) -> Engine:
        """Else each statement sees the state of its own moment: a run, but not its prompt deleted meanwhile."""
        return engine.execution_options(isolation_level="REPEATABLE READ")

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Nothing to do: psycopg begins with the first statement, and foreign keys always hold.

        Raises :class:`ConfigurationError` where it does not begin at all: half a batch could stay behind.
        """
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        if write and driver.autocommit:
            raise ConfigurationError(detail="this connection commits each statement alone; make it without AUTOCOMMIT")

    def insert(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Insert with COPY, or a row at a time where COPY's own round trips would cost more than the rows."""
        rows = iter(rows)
        first = list(islice(rows, FEW_ROWS + 1))
        if len(first) <= FEW_ROWS:
            self._run_many(connection, insert_into(table, self.placeholder), _exact(first))
            return
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        statement = f"COPY {quoted(table.name)} ({quoted(*table.columns.keys())}) FROM STDIN"
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in chain(first, rows):
                copy.write_row(row)

    def update(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """A statement a row, sent without waiting for one another."""
        super().update(connection, table, _exact(rows))

    def among(self, column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
        """The list travels as one array."""
        return column == any_(bindparam(parameter, type_=ARRAY(column.type)))

    def sum_of_digests(self, connection: Connection, column: ColumnElement[Any]) -> ColumnElement[str]:
        """In pieces of 32 bits: PostgreSQL adds bigints several times faster than numerics."""
        total: ColumnElement[Any] = literal_column("0", Numeric)
        for first in range(0, 32, 4):
            piece = sum(
                cast(func.get_byte(column, literal_column(str(first + n))), BigInteger)
                * literal_column(str(256 ** (3 - n)))
                for n in range(4)
            )
            total = total * literal_column(str(2**32)) + func.coalesce(func.sum(piece), 0)
        return cast(total, Text)

    def row_bytes(self, table: Table) -> ColumnElement[int]:
        """As PostgreSQL stores it, compressed."""
        return func.pg_column_size(table.table_valued(), type_=BigInteger)

    def queue_up(self, connection: Connection) -> None:
        """No lock on a table: that would deadlock with those who write beside the queue."""
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_QUEUE,))

    def is_lost(self, error: BaseException) -> bool:
        """By SQLSTATE where the server still said one; without one libpq found the connection gone or refused."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(cause, psycopg.OperationalError):
            return False
        return cause.sqlstate is None or cause.sqlstate in _LOST or cause.sqlstate.startswith("08")

    def give_back(self, connection: Connection, tables: Iterable[Table]) -> None:
        """To the tables, for new rows: VACUUM FULL would give it to the disk, but keeps everybody out meanwhile."""
        for table in tables:
            connection.exec_driver_sql(f"VACUUM (ANALYZE) {quoted(table.name)}")

    def is_passing(self, error: BaseException) -> bool:
        """By SQLSTATE."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(cause, psycopg.Error) and cause.sqlstate in _PASSING


def _exact(rows: Sequence[Row]) -> list[Row]:
    """Floats as decimals: a float parameter becomes a numeric of 15 digits, unlike the text that COPY sends."""
    return [[Decimal(repr(value)) if isinstance(value, float) else value for value in row] for row in rows]
