"""PostgreSQL, through psycopg 3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from functools import lru_cache
from itertools import chain, islice
from threading import Event
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Integer,
    Numeric,
    Select,
    Table,
    Text,
    any_,
    cast,
    event,
    func,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from runstore import config
from runstore.backends import cursor, outage, session
from runstore.backends.base import (
    Backend,
    Clock,
    JSONTest,
    QueryRows,
    Row,
    expect,
    insert_arrays,
    insert_into,
    named,
    quoted,
    schema_of,
)
from runstore.backends.parameters import Parameters
from runstore.errors import ConfigurationError, DatabaseFailure, QueryTimeout
from runstore.masking import HARMLESS
from runstore.schema.base import Number
from runstore.schema.run import JSONTerms

_CALENDAR = {"hour": 'YYYY-MM-DD"T"HH24', "day": "YYYY-MM-DD", "week": 'IYYY-"W"IW', "month": "YYYY-MM"}
"""Formats of to_char."""

FEW_ROWS = 4
"""Maximum rows that are inserted by INSERT rather than COPY, or as rows rather than arrays."""

_PASSING = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "23505",  # another writer inserted the same run, which the next try finds
    "23503",  # a prune deleted a shared row that this process remembers as stored
    "55P03",  # another transaction held a lock for longer than the lock_timeout of this role
}

_ENDED = {
    "25P03",  # idle_in_transaction_session_timeout
    "57P05",  # idle_session_timeout, of a connection in the pool
}

_QUEUE = int.from_bytes(b"run tail")
"""The advisory lock of writers that other writers have interrupted repeatedly."""


class PostgreSQL(Backend):
    """A server with many concurrent writers."""

    array_function = "json_agg"
    tuple_function = "json_build_array"
    placeholder = "%s"

    def create_engine(self, url: URL, connections: int | None = None) -> Engine:
        """Return an engine with psycopg's defaults, an application name and a connection timeout of 10 seconds.

        The URL parameters ``schema`` and ``prepare_threshold`` are runstore's own. The schema is put into every
        statement rather than into the session, because a pooler shares the session with other clients.
        """
        defaults = {"application_name": "runstore", "connect_timeout": "10"}
        arguments: dict[str, Any] = {name: value for name, value in defaults.items() if name not in url.query}
        arguments["client_encoding"] = "UTF8"  # SQLAlchemy reads texts before our first transaction
        if "prepare_threshold" in url.query:
            arguments["prepare_threshold"] = _threshold(str(url.query["prepare_threshold"]))
        # Parameters that may be secret are not left in the URL: the repr of an engine masks the password alone.
        private = url.query.keys() - HARMLESS
        arguments |= {name: url.query[name] for name in private}
        url = url.difference_update_query(private)
        schema = config.schema_of(url)
        options = {"schema_translate_map": {None: schema}} if schema else {}
        # hide_parameters keeps the values of runs out of tracebacks.
        engine = sqlalchemy.create_engine(
            url,
            connect_args=arguments,
            execution_options=options,
            hide_parameters=True,
            use_native_hstore=False,  # SQLAlchemy would look it up by the search_path of the session
            **self.pool_options(connections),
        )
        event.listen(engine, "do_connect", _leave_schema)
        return engine

    def set_isolation(self, connection: Connection, *, write: bool) -> None:
        """Set the isolation on the connection: an option of the engine would not override an existing one."""
        connection.execution_options(isolation_level=_isolation(write=write))

    def begin_own(
        self,
        connection: Connection,
        *,
        write: bool,
        whole: bool = False,
        limit: float | None = None,
        abandoned: Event | None = None,
    ) -> None:
        """Send isolation and settings together with the BEGIN, in one round trip. There is no lock to wait for."""
        if write:
            self.check_encoding(connection)
        needed = session.settings(session.driver_of(connection), write=write, whole=whole, limit=limit)
        session.begin(connection, _isolation(write=write), needed)

    @contextmanager
    def limited(self, connection: Connection, seconds: float) -> Iterator[None]:
        """Raise the error: the settings of the transaction enforce the limit."""
        try:
            yield
        except DBAPIError as error:
            if isinstance(error.orig, psycopg.errors.QueryCanceled):
                raise QueryTimeout(place=config.shown(connection.engine.url), seconds=seconds) from error
            raise

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Check the connection: psycopg begins the transaction, and PostgreSQL always enforces foreign keys.

        Raise :class:`ConfigurationError` if each statement is committed by itself, because part of a batch could remain
        stored, and for a database whose encoding cannot hold every text.
        """
        if write and session.driver_of(connection).autocommit:
            raise ConfigurationError(
                detail="this connection commits each statement by itself; create it without AUTOCOMMIT"
            )
        if write:
            self.check_encoding(connection)

    @contextmanager
    def borrowed(
        self, connection: Connection, schema: str | None, *, write: bool, whole: bool = False
    ) -> Iterator[None]:
        """Change the settings and restore them, with one statement each."""
        needed = session.settings(session.driver_of(connection), write=write, whole=whole)
        with session.borrowed(connection, schema, needed):
            yield

    def home(self, connection: Connection, table: str) -> str | None:
        """Return the chosen schema, else the one in which the search_path finds the table, maybe not its first."""
        if (schema := schema_of(connection) or session.home(connection, table)) is None:
            detail = "the role's search_path contains no existing schema; set one with --schema or RUNSTORE_SCHEMA"
            raise ConfigurationError(detail=detail)
        return schema

    def tables_with_hidden_rows(self, connection: Connection, tables: Iterable[Table]) -> list[str]:
        """Return the tables for which row level security is active for this role."""
        found = connection.execute(
            text(
                "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
                "WHERE n.nspname = :schema AND c.relname = ANY(:names) AND row_security_active(c.oid) ORDER BY 1"
            ),
            {"schema": schema_of(connection), "names": [table.name for table in tables]},
        )
        return list(found.scalars())

    def check_encoding(self, connection: Connection) -> None:
        """Check the encoding, which the server has reported when the connection was opened."""
        session.refuse_encoding(connection)

    def numbers(self, connection: Connection, table: Table, keys: Sequence[str]) -> Sequence[int]:
        """Reserve the next numbers of the identity column; those of a transaction that is rolled back are lost."""
        sequence = ".".join(map(quoted, filter(None, (schema_of(connection), f"{table.name}_number_seq"))))
        reserved = "SELECT pg_catalog.nextval(%s::regclass) FROM pg_catalog.generate_series(1, %s)"
        return connection.exec_driver_sql(reserved, (sequence, len(keys))).scalars().all()

    def insert(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Insert with COPY, or row by row if there are so few rows that the round trips of COPY would cost more."""
        rows = iter(rows)
        first = list(islice(rows, FEW_ROWS + 1))
        if not first:
            return
        if len(first) <= FEW_ROWS:
            statement = insert_into(named(table, connection), table, self.placeholder)
            expect(connection, table, self._run_many(connection, statement, _exact(first)), len(first), "inserted")
            return
        driver = session.driver_of(connection)
        statement = f"COPY {named(table, connection)} ({quoted(*table.columns.keys())}) FROM STDIN"
        sent = 0
        with driver.cursor() as copying:
            with copying.copy(statement) as copy:
                for row in chain(first, rows):
                    copy.write_row(row)
                    sent += 1
            expect(connection, table, copying.rowcount, sent, "inserted")

    def insert_missing(self, connection: Connection, table: Table, rows: Sequence[Row]) -> int:
        """Insert in one statement with an array for each column, which costs Python less than one statement a row."""
        name = named(table, connection)
        if len(rows) <= FEW_ROWS:
            statement = f"{insert_into(name, table, self.placeholder)} ON CONFLICT DO NOTHING"
            return self._run_many(connection, statement, _exact(rows))
        # All elements of an array must have one type.
        arrays = [
            [None if value is None else Decimal(str(value)) for value in values]
            if isinstance(column.type, Number)
            else list(values)
            for column, values in zip(table.columns, zip(*rows, strict=True), strict=True)
        ]
        return connection.exec_driver_sql(insert_arrays(name, table, _types(table)), tuple(arrays)).rowcount

    def update(self, connection: Connection, table: Table, keys: tuple[str, ...], rows: Sequence[Row]) -> None:
        """Send one statement for each row, without waiting for the result of the one before."""
        super().update(connection, table, keys, _exact(rows))

    def among(self, column: ColumnElement[Any], values: str | list[str]) -> ColumnElement[bool]:
        """Send keys as JSON: psycopg quotes arrays element by element, and the planner should not know their number.

        If the planner knew that there are a thousand keys, it would scan a table of ten thousand rows. The values of a
        filter are an array, because the plan should depend on how often they occur.
        """
        if not isinstance(values, str):
            return column == any_(self.list_of(values, ARRAY(column.type)))
        keys = func.json_array_elements_text(self.list_of(values, JSON()), type_=Text)
        return self.probe(column, select(cast(keys, column.type)))

    def ask(
        self, engine: Engine, statement: str, parameters: Parameters, clock: Clock
    ) -> AbstractContextManager[QueryRows]:
        """Run the query as a cursor in a READ ONLY transaction."""
        return cursor.answer(engine, statement, parameters, clock)

    def joined_by_key(self, table: Table, condition: ColumnElement[bool]) -> tuple[FromClause, ColumnElement[bool]]:
        """Join LATERAL by key: if tables have no statistics, the planner would scan all rows for each run."""
        return select(table).where(condition).offset(literal_column("0")).lateral(), true()

    def probe(self, column: ColumnElement[Any], values: Select[Any]) -> ColumnElement[bool]:
        """Compare with an array: the planner would turn a subquery into a join, in an order of its own choice."""
        return column == any_(func.array(values.scalar_subquery()))

    def has_pair(self, document: ColumnElement[Any], key: str, value: str) -> JSONTest:
        """Use the index on runstore_json_terms, if there is one, and compare: two pairs may have the same term."""
        name = cast(key, Text)
        test = (func.json_extract_path_text(document, name, type_=Text) == value) & (
            func.json_typeof(func.json_extract_path(document, name), type_=Text) == "string"
        )
        return test, _has_term(document, f"{key}={value}") & test

    def has_key(self, document: ColumnElement[Any], key: str) -> JSONTest:
        """Use the same index."""
        test = func.json_extract_path(document, cast(key, Text)).is_not(None)
        return test, _has_term(document, key) & test

    def calendar(self, seconds: ColumnElement[int], unit: str) -> ColumnElement[str]:
        """Use the time in UTC, whatever the time zone of the session."""
        utc = func.timezone("UTC", func.to_timestamp(seconds))
        return func.to_char(utc, literal_column(f"'{_CALENDAR[unit]}'"), type_=Text)

    def materialized(self, statement: Select[Any], *, amounts: bool) -> Select[Any]:
        """With amounts, add an OFFSET, so that PostgreSQL does not flatten the subquery; else flattening is faster."""
        return statement.offset(literal_column("0")) if amounts else statement

    def contains(self, column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
        """Use the collation C, in which lower() changes ASCII letters only."""
        lower = func.lower(cast(column, Text).collate("C"))
        return func.strpos(lower, func.lower(cast(text, Text).collate("C"))) > 0

    def sum_of_digests(self, connection: Connection, column: ColumnElement[Any]) -> ColumnElement[str]:
        """Add pieces of 32 bits: PostgreSQL adds bigints several times faster than numerics."""
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
        """Return the size as stored, after compression."""
        return func.pg_column_size(table.table_valued(), type_=BigInteger)

    def serialize_writers(self, connection: Connection) -> None:
        """Take an advisory lock: a lock on a table would deadlock with writers outside the queue."""
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_QUEUE,))

    def is_unreachable(self, error: BaseException) -> bool:
        """Decide by the SQLSTATE, or by the message of libpq."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(cause, psycopg.Error) and outage.is_meant(cause)

    def is_disconnect(self, error: BaseException) -> bool:
        """Include sessions that the server has ended because they were idle."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        return self.is_unreachable(error) or (isinstance(cause, psycopg.Error) and cause.sqlstate in _ENDED)

    def vacuum(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Make the space available to new rows: VACUUM FULL would return it to the disk, but locks the tables.

        Raise :class:`DatabaseFailure` if the role may not vacuum a table, which PostgreSQL skips with a warning.
        """
        driver, warnings = session.driver_of(connection), []

        def collect(notice: psycopg.errors.Diagnostic) -> None:
            if notice.severity_nonlocalized == "WARNING":
                warnings.append(str(notice.message_primary))

        driver.add_notice_handler(collect)
        try:
            for table in tables:
                connection.exec_driver_sql(f"VACUUM (ANALYZE) {named(table, connection)}")
        finally:
            driver.remove_notice_handler(collect)
        if warnings:
            raise DatabaseFailure(place=config.shown(connection.engine.url), reason=warnings[0])

    def check_vacuum(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Apply the rules of PostgreSQL: owners of the table or the database may, since PostgreSQL 17 also MAINTAIN."""
        found = connection.execute(
            text(
                "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
                "JOIN pg_database AS d ON d.datname = current_database() "
                "WHERE n.nspname = :schema AND c.relname = ANY(:names) AND NOT (pg_has_role(c.relowner, 'USAGE') "
                "OR pg_has_role(d.datdba, 'USAGE') OR CASE WHEN CAST(current_setting('server_version_num') AS int) "
                ">= 170000 THEN has_table_privilege(c.oid, 'MAINTAIN') ELSE false END) ORDER BY 1"
            ),
            {"schema": schema_of(connection), "names": [table.name for table in tables]},
        )
        if (table := found.scalars().first()) is not None:
            reason = f"this role may not vacuum {table}; the owner of the table may, and autovacuum does it later"
            raise DatabaseFailure(place=config.shown(connection.engine.url), reason=reason)

    def analyze(self, connection: Connection, tables: Iterable[Table]) -> None:
        """Sample each table, which takes at most a second. Autovacuum would do it too, but later."""
        connection.exec_driver_sql(f"ANALYZE {', '.join(named(table, connection) for table in tables)}")

    def is_retryable(self, error: BaseException) -> bool:
        """Decide by the SQLSTATE."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(cause, psycopg.Error) and cause.sqlstate in _PASSING


def _isolation(*, write: bool) -> str:
    """Return the isolation level; in READ COMMITTED, a reader could see a run whose prompt is already deleted."""
    return "READ COMMITTED" if write else "REPEATABLE READ"


@lru_cache
def _types(table: Table) -> tuple[str, ...]:
    types = (column.type.compile(dialect=postgresql.dialect()) for column in table.columns)  # type: ignore[no-untyped-call]
    return tuple(kind.partition(" COLLATE ")[0] for kind in types)


def _has_term(document: ColumnElement[Any], term: str) -> ColumnElement[bool]:
    wanted = array([func.hashtext(cast(term, Text), type_=Integer).bitwise_and(65535)])
    return JSONTerms(document).bool_op("@>")(wanted)


def _leave_schema(_: object, __: object, ___: object, parameters: dict[str, Any]) -> None:
    """Remove the parameter that the driver does not know."""
    parameters.pop("schema", None)


def _threshold(text: str) -> int | None:
    """Return psycopg's prepare_threshold: the executions after which a statement is prepared; None means never."""
    if text.isascii() and text.isdigit():
        return int(text)
    if text.lower() == "none":
        return None
    raise ConfigurationError(detail=f"prepare_threshold in the database URL is {text!r}, expected a number or none")


def _exact(rows: Sequence[Row]) -> list[Row]:
    """Return rows with floats as decimals: PostgreSQL rounds a float parameter to 15 digits, unlike text in a COPY."""
    return [[Decimal(repr(value)) if isinstance(value, float) else value for value in row] for row in rows]
