"""All that differs between the databases: one small interface, nothing about runs."""

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
from runstore.backends.base import Answer, Backend, Clock, Row, expect, schema_of
from runstore.backends.postgresql import PostgreSQL
from runstore.backends.sqlite import SQLite
from runstore.backends.transaction import Transaction
from runstore.errors import ConfigurationError, DatabaseFailure, DatabaseUnreachable, NotAnArchive

__all__ = [
    "Answer",
    "Backend",
    "Clock",
    "Row",
    "Transaction",
    "backend_of",
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

_WITHOUT_LOG = {
    sqlite3.SQLITE_READONLY_DIRECTORY,
    sqlite3.SQLITE_READONLY_CANTINIT,
    sqlite3.SQLITE_READONLY_CANTLOCK,
}
"""What SQLite says where it cannot make the log of a file, or not use it."""


def backend_of(bind: Engine | Connection) -> Backend:
    """The backend of an engine or connection; :class:`ConfigurationError` for a database or driver without one."""
    if bind.dialect.is_async:
        detail = "this engine or connection is asynchronous; make an engine with runstore.create_engine of the same URL"
        raise ConfigurationError(detail=detail)
    return _backend(bind.dialect.name, bind.dialect.driver)


def is_same_archive(connection: Connection, engine: Engine) -> bool:
    """Whether a connection that names no schema, or the right one, leads to the database of an engine."""
    named = schema_of(connection)
    return _database(connection.engine) == _database(engine) and named in (None, schema_of(engine))


def _database(engine: Engine) -> tuple[object, ...]:
    """Databases in memory are told by their pools."""
    url = engine.url
    database = url.database if url.get_backend_name() != "sqlite" else config.sqlite_file(url) or id(engine.pool)
    return url.get_backend_name(), url.host, url.port, database


def create_engine(place: str | os.PathLike[str] | URL | None = None, *, schema: str | None = None) -> Engine:
    """An engine with the settings that runstore's promises rest on: foreign keys, durable commits.

    Takes what :meth:`RunRepository.open` takes: a database URL or the path of a SQLite file; None asks the environment.
    *schema* is the PostgreSQL schema of the archive, as ``?schema=`` in the URL and RUNSTORE_SCHEMA say it.
    """
    url = config.database_url(place, schema)
    return _backend(url.get_backend_name(), url.get_driver_name()).create_engine(url)


def _backend(*key: str) -> Backend:
    if key not in _BACKENDS:
        known = ", ".join(f"{name}+{driver}" for name, driver in _BACKENDS)
        raise ConfigurationError(detail=f"runstore has no backend for {key[0]}+{key[1]}; it has {known}")
    return _BACKENDS[key]


@contextmanager
def translated(bind: Engine | Connection) -> Iterator[None]:
    """Raise the errors of drivers as ours: what the server said, without the statement and its values."""
    try:
        yield
    except (DBAPIError, psycopg.Error, sqlite3.Error) as error:
        _spare_values(error)
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        place = config.shown(bind.engine.url)
        if isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise NotAnArchive(place=place, reason="it is no SQLite database") from error
        code = getattr(cause, "sqlite_errorcode", 0)
        if (code & 0xFF == sqlite3.SQLITE_CANTOPEN or code in _WITHOUT_LOG) and Path(place).is_file():
            hint = "copy the file to where it can or, if nothing writes to it, name it with ?immutable=1 in a URL"
            reason = f"SQLite cannot make its log next to it, which it needs also to read; {hint}"
            raise DatabaseFailure(place=place, reason=reason) from error
        said = cause.diag.message_primary if isinstance(cause, psycopg.Error) else None
        reason = said or str(cause).strip().splitlines()[0]
        if isinstance(bind, Connection) and backend_of(bind).is_retryable(cause):
            reason = f"{reason}; another one was in the way: roll this transaction back and begin it again"
        kind = DatabaseUnreachable if backend_of(bind).is_unreachable(cause) else DatabaseFailure
        raise kind(place=place, reason=reason) from error
    except PoolTimeout as error:
        reason = (
            "no connection of the engine's pool became free in time; give it a larger pool (each iteration that is not "
            "at its end holds a connection), or read to the end first"
        )
        raise DatabaseFailure(place=config.shown(bind.engine.url), reason=reason) from error


def _spare_values(error: BaseException | None) -> None:
    """Leave of what drivers say the first line, in tracebacks too: DETAIL and CONTEXT behind it quote the row."""
    while error is not None:
        if isinstance(error, DBAPIError | psycopg.Error) and error.args:
            error.args = (str(error.args[0]).partition("\n")[0],)
        error = error.__cause__ or error.__context__
