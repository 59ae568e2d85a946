"""Migrations that wait, are interrupted, or lose their lock or the object that they wait for."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL

from runstore import DatabaseFailure, MigrationBlocked, RunRepository, SchemaNewer, config, migrate
from runstore.backends.base import in_schema
from runstore.migrate import safety
from tests.helpers.catalog import catalog
from tests.helpers.deployed import Later, admin, environment, revision_of

HEAD = migrate.REVISION
NO_LIMITS = config.Limits(0, 0, 0)

# Unlike a background job of a shell, the child process must not ignore the interrupt.
COMMAND = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from runstore.cli import main; main()"
)


@contextmanager
def our_turn(engine: Engine) -> Iterator[Connection]:
    """What keeps other migrations waiting, and a connection to change the archive in the meantime."""
    schema = "public" if engine.dialect.name == "postgresql" else None
    with in_schema(engine, schema).connect() as connection:
        if schema is None:
            safety.take_file(connection, NO_LIMITS)
            yield connection
            connection.commit()
        else:
            with safety.turn(connection, NO_LIMITS):
                yield connection
                connection.commit()


def start_upgrade(url: URL) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", COMMAND, "db", "upgrade", "--no-backup"]
    return subprocess.Popen(command, env=environment(url), stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_who_waits_says_so_and_can_be_interrupted(empty_url: URL) -> None:
    with migrate.engine(empty_url) as engine:
        migrate.upgrade(engine, "0001")
        with our_turn(engine):
            waiting = start_upgrade(empty_url)
            assert waiting.stderr
            assert "waiting (at most 600 seconds): another" in waiting.stderr.readline()
            began = time.monotonic()
            waiting.send_signal(signal.SIGINT)
            said = waiting.communicate(timeout=60)[1]
        assert (waiting.returncode, time.monotonic() - began < 10) == (130, True), said
        assert "interrupted" in said
        assert revision_of(engine) == "0001"
        assert migrate.upgrade(engine, backup=False) == ("0001", HEAD)


@pytest.mark.slow
def test_older_code_that_waited_for_a_newer_version_finds_its_schema_newer(
    empty_url: URL, caplog: pytest.LogCaptureFixture
) -> None:
    found: list[BaseException] = []

    def upgrade() -> None:
        with migrate.engine(empty_url) as older:
            try:
                migrate.upgrade(older, backup=False)
            except BaseException as error:
                found.append(error)

    with migrate.engine(empty_url) as engine:
        migrate.upgrade(engine, "0001")
        waiting = threading.Thread(target=upgrade)
        with our_turn(engine) as connection, caplog.at_level(logging.WARNING, "runstore"):
            waiting.start()
            while "waiting" not in caplog.text:
                assert waiting.is_alive()
                time.sleep(0.05)
            connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9001'"))
        waiting.join(60)
        assert [type(error) for error in found] == [SchemaNewer]
        assert "is at revision 9001, newer than the" in str(found[0])


# --- servers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def postgresql_url(empty_url: URL) -> URL:
    if empty_url.get_backend_name() != "postgresql":
        pytest.skip("SQLite has no sessions")
    return empty_url


def ended(url: URL, which: str) -> None:
    """Terminate sessions that meet this condition as soon as there is one, as an administrator would."""
    statement = (
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}' "
        f"AND pid <> pg_backend_pid() AND {which}"
    )
    with admin(url) as server:
        deadline = time.monotonic() + 60
        while not server.execute(text(statement)).all():
            assert time.monotonic() < deadline
            time.sleep(0.05)


BUILDING = "query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"


@contextmanager
def index_build_in_the_way_of(engine: Engine) -> Iterator[None]:
    """At 0002, with an open transaction that has written: an index build waits for its end."""
    migrate.upgrade(engine)
    RunRepository(engine).save({"id": "run_1"})
    migrate.downgrade(engine, "0002")
    with engine.connect() as writing:
        writing.execute(text("UPDATE run_object SET model = 'm'"))
        yield
        writing.rollback()
    # The invalid index is built again.
    assert migrate.upgrade(engine) == ("0002", HEAD)
    assert migrate.diff(engine) == []
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")) == 0


@pytest.mark.slow
def test_an_interrupt_in_an_index_build_is_one(postgresql_url: URL) -> None:
    with migrate.engine(postgresql_url) as engine, index_build_in_the_way_of(engine):
        building = start_upgrade(postgresql_url)
        with admin(postgresql_url) as server:
            while not server.scalar(text(f"SELECT count(*) FROM pg_stat_activity WHERE {BUILDING}")):
                assert building.poll() is None
                time.sleep(0.05)
        building.send_signal(signal.SIGINT)
        said = building.communicate(timeout=60)[1]
        assert (building.returncode, "interrupted" in said) == (130, True), said


@pytest.mark.slow
def test_an_index_build_that_the_server_ends_says_so(postgresql_url: URL) -> None:
    with migrate.engine(postgresql_url) as engine, index_build_in_the_way_of(engine):
        ending = threading.Thread(target=ended, args=(postgresql_url, BUILDING))
        ending.start()
        with pytest.raises(DatabaseFailure, match="terminating connection due to administrator command"):
            migrate.upgrade(engine)
        ending.join()


@pytest.mark.slow
def test_without_the_lock_nothing_is_committed(postgresql_url: URL, tmp_path: Path) -> None:
    later = Later(tmp_path)
    later.add("op.create_table('first', sa.Column('id', sa.Integer))\nop.execute('SELECT pg_sleep(3)')")
    with migrate.engine(postgresql_url) as engine:
        migrate.upgrade(engine)
        before = catalog(engine)
        idle = "state = 'idle in transaction' AND query LIKE '%idle_in_transaction_session_timeout%'"
        ending = threading.Thread(target=ended, args=(postgresql_url, idle))
        ending.start()
        with pytest.raises(MigrationBlocked, match="the session that holds its lock was ended"):
            later.upgrade(engine)
        ending.join()
        assert (revision_of(engine), catalog(engine)) == (HEAD, before)
        later.upgrade(engine)
        assert revision_of(engine) == later.head


@pytest.mark.slow
def test_a_locked_table_is_told_at_each_try(
    postgresql_url: URL, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    later = Later(tmp_path)
    later.add("op.add_column('run_object', sa.Column('later', sa.Integer))")
    with migrate.engine(postgresql_url) as engine:
        migrate.upgrade(engine)
        with engine.connect() as reading, caplog.at_level(logging.WARNING, "runstore"):
            reading.execute(text("SELECT * FROM run_object"))
            with pytest.raises(MigrationBlocked):
                later.upgrade(engine, limits=config.Limits(lock=0.05))
    said = [record.getMessage().partition("(")[2] for record in caplog.records]
    assert said == [f"try {n} of 5)" for n in range(1, 5)]
