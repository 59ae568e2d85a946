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
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    event,
    func,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from runstore import config
from runstore.backends.base import Backend, JSONTest, Row, insert_into, named, quoted
from runstore.errors import ConfigurationError
from runstore.schema.run import JSONTerms

FEW_ROWS = 4

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
    is_server = True
    placeholder = "%s"

    def create_engine(self, url: URL) -> Engine:
        """An engine with psycopg's defaults, named in the server's list of sessions.

        Of the URL's query ``schema`` and ``prepare_threshold`` are ours. The schema is put into every statement, not
        into the session, which behind a pooler is not ours alone.
        """
        arguments: dict[str, Any] = {} if "application_name" in url.query else {"application_name": "runstore"}
        if "prepare_threshold" in url.query:
            arguments["prepare_threshold"] = _threshold(str(url.query["prepare_threshold"]))
        schema = config.schema_of(url)
        options = {"schema_translate_map": {None: schema}} if schema else {}
        engine = sqlalchemy.create_engine(url, connect_args=arguments, execution_options=options)
        event.listen(engine, "do_connect", _leave_schema)
        return engine

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
            self._run_many(connection, insert_into(named(table, connection), table, self.placeholder), _exact(first))
            return
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        statement = f"COPY {named(table, connection)} ({quoted(*table.columns.keys())}) FROM STDIN"
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in chain(first, rows):
                copy.write_row(row)

    def update(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """A statement a row, sent without waiting for one another."""
        super().update(connection, table, _exact(rows))

    def among(self, column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
        """The list travels as one array."""
        return column == any_(bindparam(parameter, type_=ARRAY(column.type)))

    def probe(self, column: ColumnElement[Any], values: Select[Any]) -> ColumnElement[bool]:
        """As an array: a subquery would be made a join, and the order of that is the planner's."""
        return column == any_(func.array(values.scalar_subquery()))

    def has_pair(self, document: ColumnElement[Any], key: str, value: str) -> JSONTest:
        """By the index on runstore_json_terms, where the column has one; different pairs may have the same term."""
        name = cast(key, Text)
        test = (func.json_extract_path_text(document, name, type_=Text) == value) & (
            func.json_typeof(func.json_extract_path(document, name), type_=Text) == "string"
        )
        return test, _has_term(document, f"{key}={value}") & test

    def has_key(self, document: ColumnElement[Any], key: str) -> JSONTest:
        """By the same index."""
        test = func.json_extract_path(document, cast(key, Text)).is_not(None)
        return test, _has_term(document, key) & test

    def is_passing(self, error: BaseException) -> bool:
        """By SQLSTATE."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(cause, psycopg.Error) and cause.sqlstate in _PASSING


def _has_term(document: ColumnElement[Any], term: str) -> ColumnElement[bool]:
    wanted = array([func.hashtext(cast(term, Text), type_=Integer).bitwise_and(65535)])
    return JSONTerms(document).bool_op("@>")(wanted)


def _leave_schema(_: object, __: object, ___: object, parameters: dict[str, Any]) -> None:
    """The driver does not know our option."""
    parameters.pop("schema", None)


def _threshold(text: str) -> int | None:
    """psycopg's prepare_threshold: after so many executions a statement is prepared; none is never."""
    if text.isascii() and text.isdigit():
        return int(text)
    if text.lower() == "none":
        return None
    raise ConfigurationError(detail=f"prepare_threshold in the database URL is {text!r}, expected a number or none")


def _exact(rows: Sequence[Row]) -> list[Row]:
    """Floats as decimals: a float parameter becomes a numeric of 15 digits, unlike the text that COPY sends."""
    return [[Decimal(repr(value)) if isinstance(value, float) else value for value in row] for row in rows]
