"""What a transaction on PostgreSQL runs under, whatever the server, the role or the application have set.

Names first. PostgreSQL looks up functions, operators, types and tables in the schemas of the ``search_path``, and takes
of several functions the one whose argument types fit best. So whoever may create in one of these schemas could have
code executed by everybody who uses the archive. Our statements name the schema of each table, and for the rest nothing
but PostgreSQL's own schema is searched.

All settings are those of a transaction: behind a pooler, and on a connection of the caller's, the session is not ours.
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
from runstore.backends.base import borrowed_in_schema, quoted
from runstore.errors import ConfigurationError

SAFE_PATH = "pg_catalog, pg_temp"
"""pg_temp is named, because what is not named is searched first."""

_REPORTED = {
    b"client_encoding": "UTF8",
    b"standard_conforming_strings": "on",  # psycopg would escape bytes in a COPY once more
    b"DateStyle": "ISO",  # psycopg reads no other
    b"TimeZone": "UTC",
}
"""What the server tells libpq whenever it changes, so that to look at it costs nothing."""

_HOME = """SELECT coalesce(
    (SELECT n.nspname FROM pg_catalog.pg_class AS c
     JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(%s)),
    pg_catalog.current_schema())"""
"""Every name is qualified: this is asked while the search_path is still the session's."""


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
    """The driver's connection."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def home(connection: Connection, table: str) -> str | None:
    """The schema in which the search_path finds a table, else the one in which it would be made."""
    name: str | bytes | None = connection.exec_driver_sql(_HOME, (quoted(table),)).scalar()
    return name.decode() if isinstance(name, bytes) else name  # bytes where the client's encoding is SQL_ASCII


def refuse_encoding(connection: Connection) -> None:
    """Raise :class:`ConfigurationError` for a database that cannot hold every text."""
    encoding = driver_of(connection).info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            detail=f"{config.shown(connection.engine.url)}: the encoding of the database is {encoding}, which cannot "
            "hold every run; use one made with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )


def refuse_planted(driver: psycopg.Connection, schema: str) -> None:
    """Raise :class:`ConfigurationError` for a function or operator that may be taken for one of PostgreSQL's.

    Asked under :data:`SAFE_PATH`, before names are looked up in that schema too. One whose argument types fit better
    would be executed as the role of this session. What a superuser or this role itself has made, an extension say, is
    trusted.
    """
    planted = driver.execute(_PLANTED, {"schema": schema}).fetchone()
    if planted is not None:
        raise ConfigurationError(
            detail="the schema {} holds the {} of the role {}, which PostgreSQL may take for its own; drop it, or give "
            "the archive a schema in which nobody else may create (--schema)".format(schema, *planted)
        )


def settings(
    driver: psycopg.Connection, *, write: bool, whole: bool = False, limit: float | None = None
) -> Mapping[str, str]:
    """The settings that a transaction of ours needs and the session does not have.

    One that is *whole* is about all rows: an error, rather than fewer rows, where row level security hides some, and
    the session may idle in it while the rows go elsewhere. One with a *limit* cannot write, and each statement has so
    many seconds.
    """
    return _needed(write, whole, limit, tuple(map(driver.pgconn.parameter_status, _REPORTED)))


@lru_cache
def _needed(write: bool, whole: bool, limit: float | None, reported: tuple[bytes | None, ...]) -> Mapping[str, str]:
    needed = {"search_path": SAFE_PATH}
    for (name, wanted), found in zip(_REPORTED.items(), reported, strict=True):
        if (found or b"").partition(b",")[0].decode() != wanted:
            needed[name.decode()] = wanted
    if write:
        needed["array_nulls"] = "on"  # else a NULL in an array becomes the text NULL
    if whole:
        needed |= {"row_security": "off", "idle_in_transaction_session_timeout": "0"}
    if limit is not None:
        needed |= {"transaction_read_only": "on", "statement_timeout": str(milliseconds(limit))}
    return needed


def milliseconds(seconds: float) -> int:
    """A time as PostgreSQL's settings have it: at least one, for none is without limit."""
    return int(min(seconds * 1000 + 1, 2**31 - 1))


def begin(connection: Connection, isolation: str, needed: Mapping[str, str]) -> None:
    """Begin a transaction with these settings, in the round trip that psycopg needs to begin one without them.

    The isolation is said here, whatever the engine or the server has chosen: to set and reset it on the connection
    costs more than the transaction's own BEGIN and COMMIT.
    """
    driver = driver_of(connection)
    commands = [_begin(driver, isolation)]
    commands += [f"SET LOCAL {name} = {value}" for name, value in needed.items()]
    try:
        driver.pgconn.send_query("; ".join(commands).encode())
        results = driver.wait(generators.execute(driver.pgconn))
    except psycopg.OperationalError:
        if driver.closed:
            connection.exec_driver_sql("SELECT 1")  # fails too, and so SQLAlchemy learns that the connection is lost
        raise
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)


def _begin(driver: psycopg.Connection, isolation: str) -> str:
    """What psycopg would say."""
    parts = [f"BEGIN ISOLATION LEVEL {isolation}"]
    if driver.read_only is not None:
        parts.append("READ ONLY" if driver.read_only else "READ WRITE")
    if driver.deferrable is not None:
        parts.append("DEFERRABLE" if driver.deferrable else "NOT DEFERRABLE")
    return " ".join(parts)


@contextmanager
def borrowed(connection: Connection, schema: str | None, needed: Mapping[str, str]) -> Iterator[None]:
    """Work with these settings, and tables in this schema, in a transaction whose caller finds the old ones again.

    After an error of the database the caller rolls back, at least to a savepoint, which brings back the settings too.
    """
    old = ", ".join(f"pg_catalog.current_setting('{name}')" for name in needed)
    new = ", ".join(f"pg_catalog.set_config('{name}', %s, true)" for name in needed)
    with borrowed_in_schema(connection, schema):
        # From left to right: the old settings are read before the new ones are made.
        row = connection.exec_driver_sql(f"SELECT {old}, {new}", tuple(needed.values())).one()
        try:
            yield
        finally:
            if driver_of(connection).pgconn.transaction_status == TransactionStatus.INTRANS:
                connection.exec_driver_sql(f"SELECT {new}", tuple(row[: len(needed)]))
