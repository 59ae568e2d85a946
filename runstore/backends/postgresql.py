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
    Answer,
    Backend,
    Clock,
    JSONTest,
    Row,
    expect,
    insert_arrays,
    insert_into,
    named,
    quoted,
    schema_of,
)
from runstore.errors import ConfigurationError, DatabaseFailure
from runstore.masking import HARMLESS
from runstore.schema.base import Number
from runstore.schema.run import JSONTerms

FEW_ROWS = 4

_PASSING = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "23505",  # another writer inserted the same run: the next try finds it
    "23503",  # a prune took a shared row that this process had seen
    "55P03",  # another transaction held a lock for longer than the lock_timeout of this role
}

_ENDED = {
    "25P03",  # idle_in_transaction_session_timeout
    "57P05",  # idle_session_timeout, of a connection that lay in the pool
}

_QUEUE = int.from_bytes(b"run tail")
"""Advisory lock of writers that were hindered again and again."""


class PostgreSQL(Backend):
    """A server; many writers at a time."""

    array_function = "json_agg"
    tuple_function = "json_build_array"
    placeholder = "%s"

    def create_engine(self, url: URL) -> Engine:
        """An engine with psycopg's defaults, named in the server's list of sessions; it waits 10 s for a connection.

        Of the URL's query ``schema`` and ``prepare_threshold`` are ours. The schema is put into every statement, not
        into the session, which behind a pooler is not ours alone.
        """
        defaults = {"application_name": "runstore", "connect_timeout": "10"}
        arguments: dict[str, Any] = {name: value for name, value in defaults.items() if name not in url.query}
        arguments["client_encoding"] = "UTF8"  # from the start: SQLAlchemy reads texts before a transaction is ours
        if "prepare_threshold" in url.query:
            arguments["prepare_threshold"] = _threshold(str(url.query["prepare_threshold"]))
        # What may be secret goes past the URL, for the repr of an engine masks no more than the password's own place.
        private = url.query.keys() - HARMLESS
        arguments |= {name: url.query[name] for name in private}
        url = url.difference_update_query(private)
        schema = config.schema_of(url)
        options = {"schema_translate_map": {None: schema}} if schema else {}
        # No values of runs in tracebacks.
        engine = sqlalchemy.create_engine(
            url,
            connect_args=arguments,
            execution_options=options,
            hide_parameters=True,
            use_native_hstore=False,  # looked for with each first connection, on the search_path of the session
        )
        event.listen(engine, "do_connect", _leave_schema)
        return engine

    def set_isolation(self, connection: Connection, *, write: bool) -> None:
        """Not an option of the engine: one that it has already would win."""
        connection.execution_options(isolation_level=_isolation(write=write))

    def begin_own(
        self, connection: Connection, *, write: bool, whole: bool = False, abandoned: Event | None = None
    ) -> None:
        """Isolation and settings travel with the BEGIN: they cost no round trip. There is nothing to wait for."""
        if write:
            self.check_encoding(connection)
        needed = session.settings(session.driver_of(connection), write=write, whole=whole)
        session.begin(connection, _isolation(write=write), needed)

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Nothing to do: psycopg begins with the first statement, and foreign keys always hold.

        Raises :class:`ConfigurationError` where it does not begin at all, for half a batch could stay behind, and for a
        database that cannot hold every text.
        """
        if write and session.driver_of(connection).autocommit:
            raise ConfigurationError(detail="this connection commits each statement alone; make it without AUTOCOMMIT")
        if write:
            self.check_encoding(connection)

    @contextmanager
    def borrowed(
        self, connection: Connection, schema: str | None, *, write: bool, whole: bool = False
    ) -> Iterator[None]:
        """Two statements more, one at each end."""
        needed = session.settings(session.driver_of(connection), write=write, whole=whole)
        with session.borrowed(connection, schema, needed):
            yield

    def home(self, connection: Connection, table: str) -> str | None:
        """Where none is named it is where the search_path finds the table, and that need not be its first schema."""
        if (schema := schema_of(connection) or session.home(connection, table)) is None:
            detail = "the role's search_path names no schema that exists; name one with --schema or RUNSTORE_SCHEMA"
            raise ConfigurationError(detail=detail)
        return schema

    def tables_with_hidden_rows(self, connection: Connection, tables: Iterable[Table]) -> list[str]:
        """Where row level security is active for this role."""
        found = connection.execute(
            text(
                "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
                "WHERE n.nspname = :schema AND c.relname = ANY(:names) AND row_security_active(c.oid) ORDER BY 1"
            ),
            {"schema": schema_of(connection), "names": [table.name for table in tables]},
        )
        return list(found.scalars())

    def check_encoding(self, connection: Connection) -> None:
        """The server has said it when the connection was made."""
        session.refuse_encoding(connection)

    def insert(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Insert with COPY, or a row at a time where COPY's own round trips would cost more than the rows."""
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
        """In one statement, a column an array: a statement a row would keep Python busy while the server waits."""
        name = named(table, connection)
        if len(rows) <= FEW_ROWS:
            statement = f"{insert_into(name, table, self.placeholder)} ON CONFLICT DO NOTHING"
            return self._run_many(connection, statement, _exact(rows))
        # An array has one type.
        arrays = [
            [None if value is None else Decimal(str(value)) for value in values]
            if isinstance(column.type, Number)
            else list(values)
            for column, values in zip(table.columns, zip(*rows, strict=True), strict=True)
        ]
        return connection.exec_driver_sql(insert_arrays(name, table, _types(table)), tuple(arrays)).rowcount

    def update(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """A statement a row, sent without waiting for one another."""
        super().update(connection, table, _exact(rows))

    def among(self, column: ColumnElement[Any], values: str | list[str]) -> ColumnElement[bool]:
        """Keys travel as JSON, for an array is quoted element by element; how many they are the planner is not told.

        Told of a thousand it would rather read a table of some ten thousand rows. The values of a filter are an array:
        how often they occur decides about the plan.
        """
        if not isinstance(values, str):
            return column == any_(self.list_of(values, ARRAY(column.type)))
        keys = func.json_array_elements_text(self.list_of(values, JSON()), type_=Text)
        return self.probe(column, select(cast(keys, column.type)))

    def ask(self, engine: Engine, statement: str, clock: Clock) -> AbstractContextManager[Answer]:
        """A cursor in a READ ONLY transaction."""
        return cursor.answer(engine, statement, clock)

    def joined_by_key(self, table: Table, condition: ColumnElement[bool]) -> tuple[FromClause, ColumnElement[bool]]:
        """By its key, for each run: of tables without statistics the planner would read all rows for each one."""
        return select(table).where(condition).offset(literal_column("0")).lateral(), true()

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

    def serialize_writers(self, connection: Connection) -> None:
        """No lock on a table: that would deadlock with those who write beside the queue."""
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_QUEUE,))

    def is_unreachable(self, error: BaseException) -> bool:
        """By what the server or libpq said."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(cause, psycopg.Error) and outage.is_meant(cause)

    def is_disconnect(self, error: BaseException) -> bool:
        """Also where the server ended a session because it idled."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        return self.is_unreachable(error) or (isinstance(cause, psycopg.Error) and cause.sqlstate in _ENDED)

    def vacuum(self, connection: Connection, tables: Iterable[Table]) -> None:
        """To the tables, for new rows: VACUUM FULL would give it to the disk, but keeps everybody out meanwhile.

        Raises :class:`DatabaseFailure` for a table that is not this role's: PostgreSQL skips it with a warning.
        """
        driver, said = session.driver_of(connection), []

        def hear(notice: psycopg.errors.Diagnostic) -> None:
            if notice.severity_nonlocalized == "WARNING":
                said.append(str(notice.message_primary))

        driver.add_notice_handler(hear)
        try:
            for table in tables:
                connection.exec_driver_sql(f"VACUUM (ANALYZE) {named(table, connection)}")
        finally:
            driver.remove_notice_handler(hear)
        if said:
            raise DatabaseFailure(place=config.shown(connection.engine.url), reason=said[0])

    def analyze(self, connection: Connection, tables: Iterable[Table]) -> None:
        """From a sample of each table: a second at most. The server would come round to it by itself, but later."""
        connection.exec_driver_sql(f"ANALYZE {', '.join(named(table, connection) for table in tables)}")

    def is_retryable(self, error: BaseException) -> bool:
        """By SQLSTATE."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(cause, psycopg.Error) and cause.sqlstate in _PASSING


def _isolation(*, write: bool) -> str:
    """In READ COMMITTED a reader could see a run, but not its prompt that is deleted after that."""
    return "READ COMMITTED" if write else "REPEATABLE READ"


@lru_cache
def _types(table: Table) -> tuple[str, ...]:
    types = (column.type.compile(dialect=postgresql.dialect()) for column in table.columns)  # type: ignore[no-untyped-call]
    return tuple(kind.partition(" COLLATE ")[0] for kind in types)


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
