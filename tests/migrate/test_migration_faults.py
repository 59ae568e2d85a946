"""Failures of migrations in deployments. Each fault really happens: processes are killed, disks are full."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from runstore import DatabaseFailure, MigrationBlocked, RunRepository, RunStoreError, config, create_engine, migrate
from tests.helpers.catalog import catalog
from tests.helpers.commands import shown
from tests.helpers.deployed import Later, admin, environment, revision_of, runstore, tables_of
from tests.helpers.interruptions import killed_at, small_disk, small_disk_of_server
from tests.helpers.main_jobs import everything_works
from tests.helpers.paths import SAMPLES

HEAD = migrate.REVISION
RUN = {"id": "run_1", "object": "thread.run", "status": "queued", "tools": [{"type": "code_interpreter"}], "usage": {}}

INDEX = """
with op.get_context().autocommit_block():
    op.create_index('ix_run_object_model', 'run_object', ['model'], postgresql_concurrently=True, if_not_exists=True)
"""
NO_INDEX = """
op.drop_index('ix_run_object_model', 'run_object', if_exists=True)
"""


@pytest.fixture
def later(tmp_path: Path) -> Later:
    return Later(tmp_path)


@pytest.fixture
def postgresql_url(empty_url: URL) -> URL:
    if empty_url.get_backend_name() != "postgresql":
        pytest.skip("a fault of servers")
    return empty_url


@pytest.fixture
def sqlite_file(empty_url: URL) -> Path:
    file = config.sqlite_file(empty_url)
    if file is None:
        pytest.skip("a fault of files")
    return file


# --- many at once ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, "0001"])
def test_ten_at_once_are_one_that_migrates_and_nine_that_wait(empty_url: URL, before: str | None) -> None:
    with migrate.engine(empty_url) as engine:
        if before:
            migrate.upgrade(engine, before)
        command = [sys.executable, "-m", "runstore", "db", "upgrade", "--no-backup"]
        running = [
            subprocess.Popen(command, env=environment(empty_url), stderr=subprocess.PIPE, text=True) for _ in range(10)
        ]
        said = [process.communicate(timeout=120)[1] for process in running]
        assert [process.returncode for process in running] == [0] * 10, said
        moved = f"migrated from revision {before} to {HEAD}" if before else f"schema created at revision {HEAD}"
        assert sum(moved in line for line in said) == 1
        assert sum(f"already at revision {HEAD}" in line for line in said) == 9
        everything_works(RunRepository(engine))


@pytest.mark.slow
def test_at_head_nobody_takes_the_lock(empty_url: URL) -> None:
    with migrate.engine(empty_url) as engine:
        migrate.upgrade(engine)
        with somebody_migrating(engine):
            impatient = config.Limits(turn=0.1)
            assert migrate.upgrade(engine, limits=impatient) == (HEAD, HEAD)
            assert migrate.stamp(engine, HEAD, limits=impatient) == (HEAD, HEAD)
            assert migrate.diff(engine) == []


@contextmanager
def somebody_migrating(engine: Engine) -> Iterator[None]:
    """What another migration holds: the advisory lock, or the file."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            keys = "SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory'"
            seen: set[tuple[int, int]] = set()
            # Each snapshot is in a separate transaction; otherwise an index build would wait for its end.
            with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as watching:
                stop = threading.Event()

                def watch() -> None:
                    while not stop.is_set():
                        seen.update((row[0], row[1]) for row in watching.execute(text(keys)))

                watcher = threading.Thread(target=watch)
                watcher.start()
                migrate.downgrade(engine, "0001")
                migrate.upgrade(engine)
                stop.set()
                watcher.join()
            ((one, two),) = seen
            # An oid has no sign, the argument has.
            statement = text("SELECT pg_advisory_xact_lock(:one, :two)")
            connection.execute(statement, {"one": one, "two": two - 2**32 if two >= 2**31 else two})
        yield
        connection.rollback()


@pytest.mark.slow
def test_who_waits_too_long_for_another_migration_is_told(empty_url: URL, engine: Engine) -> None:
    with migrate.engine(empty_url) as other:
        migrate.upgrade(other)
        if other.dialect.name == "sqlite":
            migrate.downgrade(other, "0001", backup=False)
            locked = pytest.raises(
                MigrationBlocked, match=r"has been writing the file for more than 0\.2 seconds; .* increase"
            )
            with somebody_migrating(other), migrate.engine(empty_url) as waiting, locked:
                migrate.upgrade(waiting, limits=config.Limits(turn=0.2))
            return
        with somebody_migrating(other):
            with other.begin() as connection:
                connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '0001'"))
            with pytest.raises(
                MigrationBlocked, match=r"another migration has been running for more than 0\.2 seconds"
            ):
                migrate.upgrade(other, limits=config.Limits(turn=0.2))


# --- killed ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_holder_killed_in_any_revision_leaves_no_half_schema(empty_url: URL, later: Later) -> None:
    if empty_url.get_backend_name() == "postgresql":
        later.add(INDEX, NO_INDEX)
    made = "op.create_table('later', sa.Column('id', sa.Integer))\nop.create_index('ix_later_id', 'later', ['id'])"
    later.add(made, "op.drop_table('later')")

    revisions = [step.revision for step in migrate.history()] + sorted(path.stem for path in later.folder.glob("9*.py"))
    with migrate.engine(empty_url) as engine:
        for earlier, revision in zip(["base", *revisions], revisions, strict=False):
            at = None if earlier == "base" else earlier
            before = catalog(engine)
            for _ in range(2):  # the first time it makes the version table too, and finds what a downgrade leaves out
                counted = killed_at(0, later, empty_url, "upgrade", revision)
                assert counted.returncode == 0, counted.stderr
                after = catalog(engine)
                later.downgrade(engine, earlier, backup=False)
            statements = int(counted.stdout.splitlines()[-1])
            for place in sorted({1, statements // 2, statements}):
                killed = killed_at(place, later, empty_url, "upgrade", revision)
                assert killed.returncode == -signal.SIGKILL, killed.stderr
                # The server ends the transaction of the dead client a moment later.
                deadline = time.monotonic() + 20
                while catalog(engine) not in (before, after) and time.monotonic() < deadline:
                    time.sleep(0.1)
                assert revision_of(engine) == at
                again = killed_at(0, later, empty_url, "upgrade", revision)
                assert again.returncode == 0, again.stderr
                assert catalog(engine) == after
                later.downgrade(engine, earlier, backup=False)
            later.upgrade(engine, revision, backup=False)
            # The way back is one transaction on every backend.
            assert killed_at(2, later, empty_url, "downgrade", earlier).returncode == -signal.SIGKILL
            assert (revision_of(engine), catalog(engine)) == (revision, after)
        assert revision_of(engine) == revisions[-1]


@pytest.mark.slow
def test_the_lock_of_a_killed_holder_is_free(postgresql_url: URL, later: Later) -> None:
    later.add("op.execute('SELECT pg_sleep(60)')")
    with migrate.engine(postgresql_url) as engine:
        migrate.upgrade(engine)
        holder = later.start(postgresql_url, "upgrade", "head")
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        with admin(postgresql_url) as server:
            while not server.scalar(text(locks)):
                assert holder.poll() is None
                time.sleep(0.05)
        holder.kill()
        holder.communicate()
        began = time.monotonic()
        assert migrate.downgrade(engine, "0001", limits=config.Limits(turn=30)) == (HEAD, "0001")
        assert time.monotonic() - began < 20


@pytest.mark.slow
def test_an_index_left_invalid_is_built_anew(postgresql_url: URL, later: Later) -> None:
    with migrate.engine(postgresql_url) as engine:
        migrate.upgrade(engine)
        RunRepository(engine).save(RUN)
        with engine.begin() as connection:
            connection.execute(text("DROP INDEX ix_run_object_status"))
        with engine.connect() as writing:
            # An open transaction that has written keeps an index build waiting; it is ended in the middle.
            writing.execute(text("UPDATE run_object SET model = 'm'"))
            building = threading.Thread(target=build, args=(postgresql_url,))
            building.start()
            with admin(postgresql_url) as server:
                find = (
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"
                )
                while not server.execute(text(find)).all():
                    time.sleep(0.05)
            building.join()
        invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        with engine.connect() as connection:
            assert connection.scalar(text(invalid)) == 1
        later.add(
            "with op.get_context().autocommit_block():\n"
            "    op.create_index('ix_run_object_status', 'run_object', ['status'], "
            "postgresql_concurrently=True, if_not_exists=True)"
        )
        later.upgrade(engine)
        with engine.connect() as connection:
            assert connection.scalar(text(invalid)) == 0
            assert connection.scalar(text("SELECT to_regclass('ix_run_object_status')")) is not None


def build(url: URL) -> None:
    """Build an index concurrently until it is interrupted."""
    engine = create_engine(url).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, pytest.raises(sqlalchemy.exc.OperationalError):
        connection.execute(text("CREATE INDEX CONCURRENTLY ix_run_object_status ON run_object (status)"))
    engine.dispose()


# --- in the way of others, and others in the way ---------------------------------------------------------------------

COLUMN = "op.add_column('run_object', sa.Column('later', sa.Integer))"


@pytest.mark.slow
def test_a_long_transaction_stops_the_migration_and_not_production(postgresql_url: URL, later: Later) -> None:
    later.add("op.create_table('first', sa.Column('id', sa.Integer))")
    later.add(COLUMN)
    with migrate.engine(postgresql_url) as engine:
        migrate.upgrade(engine)
        runs = RunRepository(engine)
        runs.save(RUN)
        with engine.connect() as reading:
            reading.execute(text("SELECT * FROM run_object"))
            slowest = 0.0
            stop = threading.Event()

            def production() -> None:
                nonlocal slowest
                while not stop.is_set():
                    began = time.monotonic()
                    runs.load("run_1")
                    slowest = max(slowest, time.monotonic() - began)

            worker = threading.Thread(target=production)
            worker.start()
            with pytest.raises(
                MigrationBlocked, match=r"locked by another transaction for 0\.3 seconds, 5 times.*9001"
            ):
                later.upgrade(engine, limits=config.Limits(lock=0.3))
            stop.set()
            worker.join()
            assert slowest < 3
        # Completed revisions remain; the others can be run later.
        assert revision_of(engine) == "9001"
        later.upgrade(engine)
        assert revision_of(engine) == "9002"


@pytest.mark.slow
def test_a_lock_that_is_given_back_in_time_is_got_by_a_later_try(postgresql_url: URL, later: Later) -> None:
    later.add(COLUMN)
    with migrate.engine(postgresql_url) as engine:
        migrate.upgrade(engine)
        with engine.connect() as reading:
            reading.execute(text("SELECT * FROM run_object"))
            timer = threading.Timer(1, reading.rollback)
            timer.start()
            later.upgrade(engine, limits=config.Limits(lock=0.2))
            timer.join()
        assert revision_of(engine) == "9001"


@pytest.mark.slow
def test_a_statement_that_takes_too_long_is_ended_and_changes_nothing(postgresql_url: URL, later: Later) -> None:
    later.add("op.create_table('half', sa.Column('id', sa.Integer))\nop.execute('SELECT pg_sleep(30)')")
    with migrate.engine(postgresql_url) as engine:
        migrate.upgrade(engine)
        before = catalog(engine)
    ended = later.alembic(postgresql_url, "upgrade", "head", RUNSTORE_STATEMENT_TIMEOUT="0.3")
    assert ended.returncode
    assert "statement timeout" in ended.stdout
    with migrate.engine(postgresql_url) as engine:
        assert revision_of(engine) == HEAD
        assert catalog(engine) == before


@pytest.mark.slow
def test_an_index_build_has_no_limits_and_waits_for_nobody_of_ours(postgresql_url: URL, later: Later) -> None:
    later.add(INDEX, NO_INDEX)
    with admin(postgresql_url) as server:
        server.execute(text(f"ALTER DATABASE {postgresql_url.database} SET lock_timeout = '50ms'"))
    for schema in (None, "elsewhere"):
        with migrate.engine(config.database_url(postgresql_url, schema)) as engine:
            migrate.upgrade(engine)
            RunRepository(engine).save(RUN)
            place = f"{schema}." if schema else ""
            with engine.connect() as writing:
                writing.execute(text(f"UPDATE {place}run_object SET model = 'm'"))
                timer = threading.Timer(1, writing.rollback)
                timer.start()
                later.upgrade(engine, limits=config.Limits(lock=0.1, statement=0.1))
                timer.join()
            assert f"{schema or 'public'}.ix_run_object_model" in tables_of(engine)
            later.downgrade(engine, HEAD)
            with engine.connect() as connection:
                # Nothing is left behind in the session.
                assert connection.scalar(text("SHOW lock_timeout")) == "50ms"
                assert connection.scalar(text("SHOW statement_timeout")) == "0"
                assert connection.scalar(text("SHOW search_path")) == '"$user", public'


# --- files -----------------------------------------------------------------------------------------------------------

# A batch operation creates the table again and copies its rows, so the views have to be dropped and created again.
REMADE = """
views = {name: sql for name, sql in op.get_bind().execute(sa.text(
    "SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY rowid")).all()}
for name in reversed(list(views)):
    op.execute(f'DROP VIEW "{name}"')
with op.batch_alter_table('run_object', table_kwargs={'sqlite_autoincrement': True}) as batch:
    batch.alter_column('model', new_column_name='model', nullable=True, existing_type=sa.Text(), type_=sa.String(99))
for sql in views.values():
    op.execute(sa.text(sql.replace(':', '\\\\:')))
"""


def filled(file: Path, runs: int) -> dict[str, int]:
    """Create an archive with this number of runs and their children in SQL; return the number of rows of each table."""
    with migrate.engine(config.database_url(file)) as engine:
        migrate.upgrade(engine)
        RunRepository(engine).save(RUN)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        columns = [row[1] for row in connection.execute("PRAGMA table_info(run_object)")][1:-1]
        numbers = f"WITH RECURSIVE n(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < {runs}) "
        connection.execute(
            f"INSERT INTO run_object SELECT 'run_' || n, {', '.join(columns)}, n "
            f"FROM ({numbers} SELECT n FROM n), (SELECT * FROM run_object WHERE id = 'run_1')"
        )
        for table in ("run_completion_usage", "run_object_assistant_object_tools_inner"):
            others = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")][1:]
            connection.execute(
                f"INSERT INTO {table} SELECT r.number, {', '.join(f'c.{name}' for name in others)} "
                f"FROM run_object r, {table} c WHERE c.run_object = 1 AND r.number <> 1"
            )
        connection.commit()
    return counted(file)


def counted(file: Path) -> dict[str, int]:
    with closing(sqlite3.connect(file)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1").fetchall()
        found = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for (name,) in names}
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchone() is None
        return found


@pytest.mark.parametrize("runs", [1000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_table_that_is_made_anew_keeps_every_child_row(sqlite_file: Path, later: Later, runs: int) -> None:
    later.add(REMADE)
    before = filled(sqlite_file, runs)
    assert before["run_object"] == before["run_completion_usage"] == runs
    with migrate.engine(config.database_url(sqlite_file)) as engine:
        views = sqlalchemy.inspect(engine).get_view_names()
        later.upgrade(engine)
        assert counted(sqlite_file) == before
        assert sqlalchemy.inspect(engine).get_view_names() == views
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            made = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'run_object'"))
            assert "model VARCHAR(99)" in str(made)
            assert "AUTOINCREMENT" in str(made)
    (backup,) = sqlite_file.parent.glob(f"{sqlite_file.name}.{HEAD}.*.backup")
    assert counted(backup) == before
    with RunRepository.open(backup) as kept:
        assert kept.load("run_1") == RUN


def test_a_backup_is_made_of_an_archive_only_and_not_where_it_is_not_wanted(sqlite_file: Path) -> None:
    def backups() -> int:
        return len(list(sqlite_file.parent.glob("*.backup*")))

    with migrate.engine(config.database_url(sqlite_file)) as engine:
        migrate.upgrade(engine, "0001")
        assert backups() == 0
        migrate.upgrade(engine, backup=False)
        assert backups() == 0
        migrate.upgrade(engine)
        assert backups() == 0
        migrate.downgrade(engine, "0001")
        assert backups() == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
@pytest.mark.parametrize("backup", [True, False])
def test_a_full_disk_leaves_the_old_file_whole(sqlite_file: Path, later: Later, tmp_path: Path, backup: bool) -> None:
    later.add(REMADE)
    before = filled(sqlite_file, 20_000)
    room = sqlite_file.stat().st_size
    with small_disk(tmp_path / "disk", round(room * 1.3)) as disk:
        file = Path(shutil.copy(sqlite_file, disk / "runs.db"))
        with migrate.engine(config.database_url(file)) as engine:
            with pytest.raises(RunStoreError, match="disk is full"):
                later.upgrade(engine, backup=backup)
            assert revision_of(engine) == HEAD
        assert counted(file) == before
        assert sorted(path.name for path in disk.iterdir()) == ["runs.db"]
        with RunRepository.open(file) as runs:
            assert runs.load("run_1") == RUN


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
def test_a_full_disk_of_the_server_leaves_the_old_schema_whole(postgresql_url: URL, later: Later) -> None:
    later.add(
        "op.create_table('large', sa.Column('t', sa.Text))\n"
        "op.execute('INSERT INTO large SELECT repeat(md5(n::text), 9) FROM generate_series(1, 200000) n')"
    )
    with migrate.engine(postgresql_url) as engine:
        migrate.upgrade(engine)
        RunRepository(engine).save(RUN)
        before = catalog(engine)
    with small_disk_of_server(postgresql_url, 30_000_000), migrate.engine(postgresql_url) as engine:
        with pytest.raises(DatabaseFailure, match="No space left on device"):
            later.upgrade(engine)
        assert revision_of(engine) == HEAD
        assert catalog(engine) == before
        assert RunRepository(engine).load("run_1") == RUN


@pytest.mark.slow
def test_a_file_that_may_only_be_read_is_left_as_it_is(sqlite_file: Path) -> None:
    with migrate.engine(config.database_url(sqlite_file)) as engine:
        migrate.upgrade(engine, "0001")
    with closing(sqlite3.connect(sqlite_file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    content = sqlite_file.read_bytes()
    refused = runstore(None, "db", "upgrade", "--db", f"sqlite:///file:{sqlite_file}?mode=ro&uri=true")
    assert refused.returncode == 1
    assert "attempt to write a readonly database" in refused.stderr
    assert sqlite_file.read_bytes() == content
    assert [path.name for path in sqlite_file.parent.iterdir()] == [sqlite_file.name]


# --- poolers ---------------------------------------------------------------------------------------------------------

BOUNCER = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")


@pytest.fixture
def pooled(postgresql_url: URL, tmp_path: Path) -> Iterator[URL]:
    """The database through PgBouncer in transaction mode, with three connections in total."""
    import socket

    if BOUNCER is None:
        pytest.skip("needs pgbouncer (Debian: apt-get install pgbouncer)")
    with admin(postgresql_url) as server:
        data = Path(str(server.scalar(text("SHOW data_directory"))))
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = str(postgresql_url.query.get("host") or postgresql_url.host)
    lines = [
        "[databases]",
        f"* = host={place} port={postgresql_url.port or 5432} user={postgresql_url.username}",
        "[pgbouncer]",
        *("listen_addr = 127.0.0.1", f"listen_port = {port}", "unix_socket_dir =", "auth_type = any"),
        *("pool_mode = transaction", "default_pool_size = 3", "max_client_conn = 100"),
    ]
    if os.geteuid() == 0:
        lines.append(f"user = {data.owner()}")
    settings = tmp_path / "pgbouncer.ini"
    settings.write_text("\n".join(lines) + "\n")
    bouncer = subprocess.Popen([BOUNCER, str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = postgresql_url.difference_update_query(["host"]).set(host="127.0.0.1", port=port)
        url = url.update_query_dict({"prepare_threshold": "none"})
        engine = create_engine(url)
        deadline = time.monotonic() + 20
        while True:
            try:
                with engine.connect():
                    break
            except sqlalchemy.exc.OperationalError:
                assert bouncer.poll() is None, "pgbouncer has ended"
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        engine.dispose()
        yield url
    finally:
        bouncer.terminate()
        bouncer.wait()


@pytest.mark.slow
def test_everything_but_migrations_goes_through_a_pooler(pooled: URL, postgresql_url: URL) -> None:
    done = runstore(pooled, "db", "upgrade", RUNSTORE_MIGRATIONS_URL=shown(postgresql_url))
    assert done.returncode == 0, done.stderr
    for command in (
        ("import", SAMPLES),
        ("list",),
        ("export",),
        ("db", "status"),
        ("db", "wait"),
    ):
        done = runstore(pooled, *command)
        assert done.returncode == 0, done.stderr
    with RunRepository.open(pooled) as runs:
        assert runs.delete([run["id"] for run in runs.iterate()]) == 5
        everything_works(runs)
    at_once(lambda number: many_saves(pooled, number), 6)
    with RunRepository.open(pooled) as runs:
        assert runs.count() == 10 + 6 * 40


def many_saves(url: URL, number: int) -> None:
    with RunRepository.open(url) as runs:
        for n in range(40):
            runs.save({"id": f"{number}-{n}", "tools": [{"n": n}], "thread_id": "t"})
            assert runs.load(f"{number}-{n}")["tools"] == [{"n": n}]
            if n % 8 == 0:
                assert sum(1 for _ in runs.iterate(thread_id="t")) > n


def at_once(work: Callable[[int], None], workers: int) -> None:
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.slow
def test_a_migration_through_a_pooler_is_as_safe_and_leaves_no_state_to_others(pooled: URL, later: Later) -> None:
    url = config.database_url(pooled, "archive")
    command = [sys.executable, "-m", "runstore", "db", "upgrade"]
    running = [subprocess.Popen(command, env=environment(url), stderr=subprocess.PIPE, text=True) for _ in range(6)]
    said = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 6, said
    assert sum("schema created at revision" in line for line in said) == 1
    later.add(INDEX, NO_INDEX)
    with migrate.engine(url) as engine:
        later.upgrade(engine)
        assert "archive.ix_run_object_model" in tables_of(engine)
        later.downgrade(engine, HEAD)
        everything_works(RunRepository(engine))
    for _ in range(6):
        with migrate.engine(pooled) as engine, engine.connect() as connection:
            shown_settings = [connection.scalar(text(f"SHOW {name}")) for name in ("lock_timeout", "search_path")]
            assert shown_settings == ["0", '"$user", public']
            assert connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")) == 0
