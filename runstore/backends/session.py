"""The settings of a transaction on PostgreSQL, which override those of the server, the role and the application.

The most important one is the ``search_path``. PostgreSQL looks up functions, operators, types and tables in its schemas
and, of several functions, calls the one whose argument types fit best. A role that may create objects in one of these
schemas could therefore have its code executed by everybody who uses the archive. Our statements qualify the names of
tables, and everything else is looked up in ``pg_catalog`` alone.

All settings are local to a transaction, because the session belongs to a pooler or to the caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

import psycopg
from psycopg import generators
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import Connection

from runstore import config
from runstore.backends import awaited
from runstore.backends.base import borrowed_in_schema, quoted
from runstore.errors import ConfigurationError

SAFE_PATH = "pg_catalog, pg_temp"
"""pg_temp is listed last, because PostgreSQL searches it first if it is not listed."""

_REPORTED = {
    b"client_encoding": "UTF8",
    b"standard_conforming_strings": "on",  # else psycopg would escape bytes in a COPY twice
    b"DateStyle": "ISO",  # psycopg reads no other format
    b"TimeZone": "UTC",
}
"""Settings whose changes the server reports to libpq, so that reading them costs no round trip."""

_HOME = """SELECT coalesce(
    (SELECT n.nspname FROM pg_catalog.pg_class AS c
     JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(%s)),
    pg_catalog.current_schema())"""
"""All names are qualified, because this query runs under the search_path of the session."""


_PLANTED = """
SELECT planted.what, r.rolname
FROM (
    SELECT 'function ' || p.oid::regprocedure::text AS what, p.proowner AS owner, p.pronamespace AS place
    FROM pg_proc AS p
    WHERE EXISTS (SELECT FROM pg_proc AS c
                  WHERE c.proname = p.proname AND c.pronamespace = 'pg_catalog'::regnamespace)
    UNION ALL
    SELECT 'operator ' || o.oid::regoperator::text, o.oprowner, o.oprnamespace
    FROM pg_operator AS o
    WHERE EXISTS (SELECT FROM pg_operator AS c
                  WHERE c.oprname = o.oprname AND c.oprnamespace = 'pg_catalog'::regnamespace)
) AS planted
JOIN pg_namespace AS n ON n.oid = planted.place
JOIN pg_roles AS r ON r.oid = planted.owner
WHERE n.nspname = %(schema)s AND NOT r.rolsuper AND r.rolname <> current_user
ORDER BY 1
LIMIT 1
"""


def driver_of(connection: Connection) -> psycopg.Connection:
    """Return the driver's connection."""
    return awaited.postgresql(connection.connection.driver_connection)


def home(connection: Connection, table: str) -> str | None:
    """Return the schema in which the search_path finds a table, else the one in which it would be created."""
    name: str | bytes | None = connection.exec_driver_sql(_HOME, (quoted(table),)).scalar()
    return name.decode() if isinstance(name, bytes) else name  # bytes if the client encoding is SQL_ASCII


def refuse_encoding(connection: Connection) -> None:
    """Raise :class:`ConfigurationError` if the encoding of the database cannot hold every text."""
    encoding = driver_of(connection).info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            detail=f"{config.shown(connection.engine.url)}: the encoding of the database is {encoding}, which cannot "
            "hold every run; use a database created with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )


def refuse_planted(driver: psycopg.Connection, schema: str) -> None:
    """Raise :class:`ConfigurationError` if the schema holds a function or operator with a name of PostgreSQL's own.

    If its argument types fitted better, it would be executed with the rights of this session. The check runs under
    :data:`SAFE_PATH`, before the schema is added to the search_path. Objects of superusers and of this role, such as
    those of an extension, are trusted.
    """
    planted = driver.execute(_PLANTED, {"schema": schema}).fetchone()
    if planted is not None:
        raise ConfigurationError(
            detail="the schema {} contains the {} of the role {}, which could be called instead of PostgreSQL's own; "
            "drop it, or use a schema in which no other role may create objects (--schema)".format(schema, *planted)
        )


def settings(
    driver: psycopg.Connection, *, write: bool, whole: bool = False, limit: float | None = None
) -> Mapping[str, str]:
    """Return the settings that a transaction needs and the session does not have.

    A *whole* transaction needs all rows: if row level security hides some of them, PostgreSQL raises an error rather
    than returning fewer rows. It may also idle while its rows are written elsewhere. A transaction with a *limit* is
    read-only, and each of its statements may run for so many seconds.
    """
    return _needed(write, whole, limit, tuple(map(driver.pgconn.parameter_status, _REPORTED)))


@lru_cache
def _needed(write: bool, whole: bool, limit: float | None, reported: tuple[bytes | None, ...]) -> Mapping[str, str]:
    needed = {"search_path": SAFE_PATH}
    for (name, wanted), found in zip(_REPORTED.items(), reported, strict=True):
        if (found or b"").partition(b",")[0].decode() != wanted:
            needed[name.decode()] = wanted
    if write:
        needed["array_nulls"] = "on"  # else a NULL in an array would become the text NULL
    if whole:
        needed |= {"row_security": "off", "idle_in_transaction_session_timeout": "0"}
    if limit is not None:
        needed |= {"transaction_read_only": "on", "statement_timeout": str(milliseconds(limit))}
    return needed


def milliseconds(seconds: float) -> int:
    """Return a time limit in the unit of PostgreSQL's settings: at least 1, because 0 means no limit."""
    return int(min(seconds * 1000 + 1, 2**31 - 1))


def begin(connection: Connection, isolation: str, needed: Mapping[str, str]) -> None:
    """Begin a transaction with these settings, in the one round trip that BEGIN needs anyway.

    The isolation level is part of the BEGIN: setting and resetting it on the connection would cost more than the BEGIN
    and the COMMIT of the transaction.
    """
    driver = driver_of(connection)
    commands = [_begin(driver, isolation)]
    commands += [f"SET LOCAL {name} = {value}" for name, value in needed.items()]
    try:
        driver.pgconn.send_query("; ".join(commands).encode())
        results = driver.wait(generators.execute(driver.pgconn))
    except psycopg.OperationalError:
        if driver.closed:
            connection.exec_driver_sql("SELECT 1")  # fails too, so that SQLAlchemy notices that the connection is lost
        raise
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)


def _begin(driver: psycopg.Connection, isolation: str) -> str:
    """Return the statement that psycopg would send."""
    parts = [f"BEGIN ISOLATION LEVEL {isolation}"]
    if driver.read_only is not None:
        parts.append("READ ONLY" if driver.read_only else "READ WRITE")
    if driver.deferrable is not None:
        parts.append("DEFERRABLE" if driver.deferrable else "NOT DEFERRABLE")
    return " ".join(parts)


@contextmanager
def borrowed(connection: Connection, schema: str | None, needed: Mapping[str, str]) -> Iterator[None]:
    """Work in a caller's transaction with these settings and the tables of this schema, and restore the old settings.

    After an error of the database, the caller rolls back, at least to a savepoint, which restores the settings too.
    """
    old = ", ".join(f"pg_catalog.current_setting('{name}')" for name in needed)
    new = ", ".join(f"pg_catalog.set_config('{name}', %s, true)" for name in needed)
    with borrowed_in_schema(connection, schema):
        # PostgreSQL evaluates from left to right: it reads the old settings before it makes the new ones.
        row = connection.exec_driver_sql(f"SELECT {old}, {new}", tuple(needed.values())).one()
        try:
            yield
        finally:
            # An interrupt or a lost connection has invalidated the connection, and with it the settings.
            if (
                not connection.invalidated
                and driver_of(connection).pgconn.transaction_status == TransactionStatus.INTRANS
            ):
                connection.exec_driver_sql(f"SELECT {new}", tuple(row[: len(needed)]))
