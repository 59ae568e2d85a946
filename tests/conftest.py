"""One engine fixture for both databases, so that no test omits one of them.

The schema is the one that the migrations create.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from runstore import config, migrate
from runstore.repository import RunRepository
from runstore.schema import Base
from tests.helpers import servers
from tests.helpers.copies import Copies, migrated

pytest_plugins = ["tests.helpers.commands"]

# The tests ignore the archives in the environment of the developer's shell.
for name in ("RUNSTORE_DATABASE_URL", "RUNSTORE_MIGRATIONS_URL", "RUNSTORE_SCHEMA", "RUNSTORE_TZ", "DATABASE_URL"):
    os.environ.pop(name, None)

CHOSEN = os.environ.get("RUNSTORE_TEST_BACKENDS", "sqlite,postgresql" if servers.SERVER else "sqlite,postgresql-18")
BACKENDS = CHOSEN.split(",")
"""Of ``sqlite``, ``postgresql-18`` and ``postgresql-16``; ``postgresql`` is the server that was named."""


settings.register_profile("fast")
settings.register_profile("full")


def pytest_configure(config: pytest.Config) -> None:
    """The test command makes a sixth of the examples of each property; any other choice of tests makes all."""
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
    elif servers.SERVER:
        yield config.database_url(servers.SERVER)
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
def copies(tmp_path_factory: pytest.TempPathFactory) -> Copies:
    """Creates SQLite archives."""
    return Copies(tmp_path_factory.mktemp("copies"))


@pytest.fixture(autouse=True)
def copied(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let repositories and commands in this process copy the SQLite archives that they create."""
    monkeypatch.setattr(migrate, "create", copies.create)


@pytest.fixture(scope="session")
def template(server: URL | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A migrated database, of which the others are copies."""
    if server is None:
        yield config.database_url(migrated(tmp_path_factory.mktemp("sqlite") / "template.db"))
        return
    with servers.database(server, "template") as url:
        with migrate.engine(url) as engine:
            migrate.upgrade(engine)
        yield url


@pytest.fixture
def own_url(server: URL | None, template: URL, tmp_path: Path) -> Iterator[URL]:
    """An empty archive in a database that no other test uses, for changes to a whole database."""
    if server is None:
        copy = tmp_path / "runs.db"
        shutil.copy(str(template.database), copy)
        yield config.database_url(copy)
        return
    with servers.database(server, "own", str(template.database)) as url:
        yield url


@pytest.fixture(scope="session")
def used(server: URL | None, template: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on an archive that tests use in turn.

    To compile its statements takes a test longer than to execute them, and an engine keeps them compiled.
    """
    with ExitStack() as stack:
        url = config.database_url(tmp_path_factory.mktemp("archive") / "runs.db")
        if server is not None:
            url = stack.enter_context(servers.database(server, "runs", str(template.database)))
        yield stack.enter_context(migrate.engine(url))


@pytest.fixture(scope="session")
def emptied(used: Engine, template: URL) -> Iterator[Callable[[], None]]:
    """Empties the archive that tests use in turn, which is faster than to create one."""
    if used.dialect.name == "sqlite":
        file = Path(str(used.url.database))

        def copy() -> None:
            for path in file.parent.iterdir():
                path.unlink()
            shutil.copy(str(template.database), file)

        yield copy
        return
    emptying = [f'DELETE FROM "{table.name}"' for table in reversed(Base.metadata.sorted_tables)]
    emptying.append(f"UPDATE {migrate.VERSION_TABLE} SET last_import = NULL")
    with servers.connected(used.url) as connection:

        def delete() -> None:
            connection.execute("; ".join(emptying))  # one message: a test that has stored little waits for little

        yield delete


@pytest.fixture
def url(used: Engine, emptied: Callable[[], None]) -> URL:
    """An empty archive."""
    emptied()
    return used.url


@pytest.fixture
def engine(url: URL, used: Engine) -> Iterator[Engine]:
    """An engine on an empty archive."""
    yield used
    used.dispose()


@pytest.fixture
def runs(engine: Engine) -> RunRepository:
    """A repository on an empty archive."""
    return RunRepository(engine)
