"""One engine fixture over both databases, so that no test forgets one. The schema is the one the migrations build."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from runstore import config, migrate
from runstore.repository import RunRepository
from runstore.schema import Base
from tests import servers

# What a developer's shell says about archives is nothing to the tests.
for name in ("RUNSTORE_DATABASE_URL", "RUNSTORE_MIGRATIONS_URL", "RUNSTORE_SCHEMA", "DATABASE_URL"):
    os.environ.pop(name, None)

SERVER = os.environ.get("RUNSTORE_TEST_POSTGRES_URL")
CHOSEN = os.environ.get("RUNSTORE_TEST_BACKENDS", "sqlite,postgresql" if SERVER else "sqlite,postgresql-18")
BACKENDS = CHOSEN.split(",")
"""Of ``sqlite``, ``postgresql-18`` and ``postgresql-16``; ``postgresql`` is the server that was named."""


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The database at hand."""
    return str(request.param)


@pytest.fixture(scope="session")
def server(backend: str) -> Iterator[URL | None]:
    """A PostgreSQL server of this test run (from the wheel), or the one of RUNSTORE_TEST_POSTGRES_URL."""
    if backend == "sqlite":
        yield None
    elif SERVER:
        yield config.database_url(SERVER)
    else:
        with servers.server(int(backend.rpartition("-")[2])) as url:
            yield url


@pytest.fixture
def empty_url(server: URL | None, tmp_path: Path) -> Iterator[URL]:
    """A database with nothing in it."""
    if server is None:
        yield config.database_url(tmp_path / "empty.db")
        return
    with servers.database(server, "empty") as url:
        yield url


@pytest.fixture(scope="session")
def migrated_url(backend: str, server: URL | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A migrated database, for :func:`url` to hand out empty."""
    with ExitStack() as stack:
        if server is None:
            url = config.database_url(tmp_path_factory.mktemp("sqlite") / "template.db")
        else:
            url = stack.enter_context(servers.database(server, "runs"))
        with migrate.engine(url) as engine:
            migrate.upgrade(engine)
            if server is None:
                with engine.connect() as connection:
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        yield url


@pytest.fixture
def url(migrated_url: URL, tmp_path: Path) -> URL:
    """An empty archive."""
    if file := config.sqlite_file(migrated_url):
        copy = tmp_path / "runs.db"
        shutil.copy(file, copy)
        return config.database_url(copy)
    with migrate.engine(migrated_url) as engine, engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    return migrated_url


@pytest.fixture
def engine(url: URL) -> Iterator[Engine]:
    """An engine on an empty archive."""
    with migrate.engine(url) as made:
        yield made


@pytest.fixture
def runs(engine: Engine) -> RunRepository:
    """A repository on an empty archive."""
    return RunRepository(engine)
