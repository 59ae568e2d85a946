"""PostgreSQL, through psycopg 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy import ARRAY, ColumnElement, Connection, Engine, Table, any_, bindparam
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from runstore.backends.base import Backend, Row

_PASSING = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "23505",  # another writer inserted the same run: the next try finds it
    "23503",  # a prune took a shared row that this process had seen
}


class PostgreSQL(Backend):
    """A server; many writers at a time."""

    array_function = "json_agg"
    tuple_function = "json_build_array"
    placeholder = "%s"

    def create_engine(self, url: URL) -> Engine:
        """An engine with psycopg's defaults, named in the server's list of sessions."""
        url = url.update_query_dict({"application_name": "runstore"}) if "application_name" not in url.query else url
        return sqlalchemy.create_engine(url)

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Nothing to do: psycopg begins with the first statement, and foreign keys always hold."""

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert with COPY."""
        if not rows:
            return
        preparer = connection.dialect.identifier_preparer
        columns = ", ".join(preparer.quote(column.name) for column in table.columns)
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {preparer.format_table(table)} ({columns}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def among(self, column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
        """The list travels as one array."""
        return column == any_(bindparam(parameter, type_=ARRAY(column.type)))

    def is_passing(self, error: BaseException) -> bool:
        """By SQLSTATE."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(cause, psycopg.Error) and cause.sqlstate in _PASSING
