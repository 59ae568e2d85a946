"""A query written by the user, executed by PostgreSQL."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from psycopg.types.string import StrDumper, TextLoader
from sqlalchemy import Engine

from runstore import config
from runstore.backends import awaited, session
from runstore.backends.base import Clock, QueryRows, approximate_bytes, quoted, schema_of
from runstore.backends.parameters import Parameters, numbered
from runstore.errors import QueryRefused, QueryTimeout

NAME = "runstore_sql"
"""The name of the cursor."""

MOST_ROWS = 1000
"""Maximum rows of one FETCH."""

MOST_BYTES = 8 * 2**20
"""Approximate maximum bytes of the rows held at a time; one row is held whatever its size."""

_SETTINGS = {
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",  # a backslash in a query is a backslash
    "TimeZone": "UTC",  # like the days and hours of the views
    "DateStyle": "ISO",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "1",  # floats are exact
    "cursor_tuple_fraction": "1",  # plan for all rows rather than for the first ones
    "idle_in_transaction_session_timeout": "0",  # the reader may take any time
}

_REFUSED = (
    psycopg.errors.SyntaxError,  # not a query, or two statements
    psycopg.errors.ProtocolViolation,  # a numbered parameter, which has no value
    psycopg.errors.FeatureNotSupported,  # a WITH that changes data
    psycopg.errors.InvalidCursorDefinition,  # SELECT INTO
    psycopg.errors.ReadOnlySqlTransaction,  # FOR UPDATE, nextval, a function that writes
)


@contextmanager
def answer(engine: Engine, statement: str, parameters: Parameters, clock: Clock) -> Iterator[QueryRows]:
    """Return the rows of a cursor in a READ ONLY transaction; no statement that a cursor accepts can end it.

    DECLARE accepts only a query, and the extended protocol only one statement, so that the server never executes a
    COMMIT, SET, COPY, DO or EXPLAIN ANALYZE. What a function does outside the database, such as ending a session or
    reading a file, is limited by the rights of the role.

    Names are looked up in pg_catalog and in the schema of the archive, whatever the search_path of the session is.
    """
    statement, values = numbered(statement, parameters)
    schema = schema_of(engine)
    assert schema is not None
    pooled = engine.raw_connection()
    driver = awaited.postgresql(pooled.driver_connection)
    pooled.detach()  # no setting made by the query may return to the pool
    place = config.shown(engine.url)
    cursor = psycopg.RawServerCursor(driver, NAME)  # its placeholders are those of the server
    cursor.adapters.register_dumper(str, StrDumper)  # as text, and not as whatever the first place of it requires
    rows = None
    try:
        driver.rollback()
        driver.autocommit = False
        driver.read_only = True
        driver.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # SERIALIZABLE may fail
        _set(driver, _SETTINGS | {"search_path": session.SAFE_PATH})
        session.refuse_planted(driver, schema)
        _set(driver, {"search_path": f"{quoted(schema)}, pg_temp"})
        with _refused(place, clock), clock.running():
            _limit(driver, clock)
            cursor.execute(statement.encode(), values or None)
        names = tuple(column.name for column in cursor.description or ())
        rows = _rows(driver, place, clock)
        yield QueryRows(names, rows)
    finally:
        # The connection is closed before the cursor: closing a cursor on an open connection asks the server, under what
        # is left of the time limit.
        if rows is not None:
            rows.close()
        driver.close()
        cursor.close()


def _set(driver: psycopg.Connection[Any], settings: dict[str, str]) -> None:
    calls = ", ".join(f"pg_catalog.set_config('{name}', %s, true)" for name in settings)
    driver.execute(f"SELECT {calls}".encode(), tuple(settings.values()))


def _limit(driver: psycopg.Connection[Any], clock: Clock) -> None:
    """Set the time limit, before each statement because the query could have changed it."""
    _set(driver, {"statement_timeout": str(session.milliseconds(clock.left))})


def _rows(driver: psycopg.Connection[Any], place: str, clock: Clock) -> Generator[tuple[Any, ...]]:
    """Return all rows, fetched a few at a time at first, later about :data:`MOST_BYTES` at a time.

    The rows of one FETCH are received one by one, so that rows larger than those before are not held together either.
    """
    reader = driver.cursor()
    for kind in ("timestamp", "timestamptz"):
        reader.adapters.register_loader(kind, _ISOLoader)
    for kind in ("date", "time", "timetz", "interval", "json", "jsonb"):
        reader.adapters.register_loader(kind, TextLoader)
    asked = fetched = 10
    largest = 1
    while fetched == asked:
        asked, fetched = max(1, min(MOST_ROWS, asked * 4, MOST_BYTES // largest)), 0
        if clock.is_over():
            raise QueryTimeout(place=place, seconds=clock.limit)
        with _refused(place, clock), clock.running():
            _limit(driver, clock)
        stream: Any = reader.stream(f"FETCH {asked} FROM {NAME}".encode())
        with closing(stream):
            while True:
                rows, room = [], MOST_BYTES
                with _refused(place, clock), clock.running():
                    while room > 0 and (row := next(stream, None)) is not None:
                        rows.append(row)
                        largest = max(largest, size := approximate_bytes(row))
                        room -= size
                fetched += len(rows)
                yield from rows
                if room > 0:
                    break


@contextmanager
def _refused(place: str, clock: Clock) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        if clock.is_over():
            raise QueryTimeout(place=place, seconds=clock.limit) from error
        raise
    except _REFUSED as error:
        raise QueryRefused(place=place, reason=str(error.diag.message_primary)) from error


class _ISOLoader(TextLoader):
    """Loads a timestamp as text in ISO 8601 and UTC, because a datetime is limited to the years 1 to 9999."""

    def load(self, data: Any) -> Any:
        text = str(super().load(data)).replace(" ", "T", 1)
        return f"{text[:-3]}Z" if text.endswith("+00") else text
