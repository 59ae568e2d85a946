"""Everything that differs between the databases, behind one interface; this package knows nothing about runs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from runstore import config
from runstore.backends.base import Backend, Clock, QueryRows, Row, approximate_bytes, expect, schema_of
from runstore.backends.parameters import Parameters
from runstore.backends.postgresql import PostgreSQL
from runstore.backends.sqlite import SQLite
from runstore.backends.transaction import Transaction
from runstore.errors import ConfigurationError, DatabaseFailure, DatabaseUnreachable, NotAnArchive

__all__ = [
    "Backend",
    "Clock",
    "Parameters",
    "QueryRows",
    "Row",
    "Transaction",
    "approximate_bytes",
    "backend_of",
    "create_awaited_engine",
    "create_engine",
    "expect",
    "is_same_archive",
    "schema_of",
    "translated",
]

_BACKENDS: dict[tuple[str, str], Backend] = {
    ("postgresql", "psycopg"): PostgreSQL(),
    ("sqlite", "pysqlite"): SQLite(),
}

_ASYNCHRONOUS = {
    ("postgresql", "psycopg_async"): ("postgresql", "psycopg"),
    ("sqlite", "aiosqlite"): ("sqlite", "pysqlite"),
}
"""The drivers that work in tasks, with the ones whose backend they use."""

_WITHOUT_LOG = {
    sqlite3.SQLITE_READONLY_DIRECTORY,
    sqlite3.SQLITE_READONLY_CANTINIT,
    sqlite3.SQLITE_READONLY_CANTLOCK,
}
"""The error codes of SQLite if it cannot create or use the write-ahead log of a file."""


def backend_of(bind: Engine | Connection) -> Backend:
    """Return the backend of an engine or connection.

    Raise :class:`ConfigurationError` if there is no backend for its database or driver.
    """
    return _backend(bind.dialect.name, bind.dialect.driver, bind.engine.url)


def is_same_archive(connection: Connection, engine: Engine) -> bool:
    """Return whether a connection leads to the database of an engine, and to its schema if the connection has one."""
    named = schema_of(connection)
    return _database(connection.engine) == _database(engine) and named in (None, schema_of(engine))


def _database(engine: Engine) -> tuple[object, ...]:
    """Return what identifies a database: for one in memory, its pool."""
    url = engine.url
    database = url.database if url.get_backend_name() != "sqlite" else config.sqlite_file(url) or id(engine.pool)
    return url.get_backend_name(), url.host, url.port, database


def create_engine(
    place: str | os.PathLike[str] | URL | None = None, *, schema: str | None = None, connections: int | None = None
) -> Engine:
    """Return an engine with the settings that runstore's promises depend on: foreign keys and durable commits.

    *place* is a database URL or the path of a SQLite file, as in :meth:`RunRepository.open`; if it is None, the
    environment is used. *schema* is the PostgreSQL schema of the archive, an alternative to ``?schema=`` in the URL and
    to RUNSTORE_SCHEMA. *connections* is the size of the connection pool, by default SQLAlchemy's.
    """
    url = config.database_url(place, schema)
    return _backend(url.get_backend_name(), url.get_driver_name(), url).create_engine(url, connections)


def create_awaited_engine(
    place: str | os.PathLike[str] | URL | None = None, *, schema: str | None = None, connections: int | None = None
) -> Engine:
    """Return the same engine with an asynchronous driver, to be used in tasks."""
    written = config.chosen(place)
    url = config.database_url(written, schema)
    if "+asyncpg:" in str(written)[:30]:
        raise _of_asyncpg(url)
    backend = _backend(url.get_backend_name(), url.get_driver_name(), url)
    drivers = {ours: f"{name}+{driver}" for (name, driver), ours in _ASYNCHRONOUS.items()}
    url = url.set(drivername=drivers[url.get_backend_name(), url.get_driver_name()])
    try:
        return backend.create_engine(url, connections)
    except ImportError as error:
        needed = f"asynchronous engines require {error.name}, which is not installed"
        detail = f"{needed}; install it with: pip install 'runstore[async]'"
        raise ConfigurationError(detail=detail) from error


def _backend(name: str, driver: str, url: URL) -> Backend:
    key = _ASYNCHRONOUS.get((name, driver), (name, driver))
    if driver == "asyncpg":
        raise _of_asyncpg(url)
    if key not in _BACKENDS:
        known = ", ".join(f"{name}+{driver}" for name, driver in _BACKENDS)
        raise ConfigurationError(
            detail=f"runstore does not support {name} (with the driver {driver}); it supports {known}, and "
            "paths of SQLite files"
        )
    return _BACKENDS[key]


def _of_asyncpg(url: URL) -> ConfigurationError:
    place = config.shown(url).replace("postgresql://", "postgresql+psycopg://", 1)
    return ConfigurationError(
        detail=f"runstore does not support the driver asyncpg; psycopg is asynchronous too: use the URL {place}"
    )


@contextmanager
def translated(bind: Engine | Connection) -> Iterator[None]:
    """Translate the errors of drivers into runstore's, with the message of the server but no statement or values."""
    try:
        yield
    except (DBAPIError, psycopg.Error, sqlite3.Error) as error:
        _spare_values(error)
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        place = config.shown(bind.engine.url)
        if isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise NotAnArchive(place=place, reason="it is not a SQLite database") from error
        code = getattr(cause, "sqlite_errorcode", 0)
        if (code & 0xFF == sqlite3.SQLITE_CANTOPEN or code in _WITHOUT_LOG) and Path(place).is_file():
            hint = "copy the file to a writable directory or, if nothing writes to it, use a URL with ?immutable=1"
            reason = f"SQLite cannot create its log next to the file, which it needs even to read; {hint}"
            raise DatabaseFailure(place=place, reason=reason) from error
        message = cause.diag.message_primary if isinstance(cause, psycopg.Error) else None
        reason = message or str(cause).strip().splitlines()[0]
        if isinstance(bind, Connection) and backend_of(bind).is_retryable(cause):
            reason = f"{reason}; another transaction interfered: roll this one back and try it again"
        kind = DatabaseUnreachable if backend_of(bind).is_unreachable(cause) else DatabaseFailure
        raise kind(place=place, reason=reason) from error
    except PoolTimeout as error:
        reason = (
            "no connection of the engine's pool became free in time; enlarge the pool (each unfinished iteration holds "
            "a connection), or finish the iterations first"
        )
        raise DatabaseFailure(place=config.shown(bind.engine.url), reason=reason) from error


def _spare_values(error: BaseException | None) -> None:
    """Reduce the messages of drivers to their first line, in tracebacks too: DETAIL and CONTEXT quote the row."""
    while error is not None:
        if isinstance(error, DBAPIError | psycopg.Error) and error.args:
            error.args = (str(error.args[0]).partition("\n")[0],)
        error = error.__cause__ or error.__context__
