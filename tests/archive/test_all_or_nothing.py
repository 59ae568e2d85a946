"""All or nothing: a batch is stored completely or not at all, and concurrent writers lose nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, event, select, text
from sqlalchemy.engine import URL

from runstore import repository
from runstore.backends import Transaction, create_engine
from runstore.errors import ConfigurationError, DatabaseFailure, DigestClash
from runstore.mapping import INSTRUCTIONS, RUN, TOOL
from runstore.repository import RunRepository
from runstore.save import saver, writer
from runstore.save.writer import Outcome
from tests.helpers.comparison import compact, contents, difference
from tests.helpers.runs import full
from tests.helpers.threads import in_threads
from tests.helpers.traps import disarm, fail_on

# --- one writer ------------------------------------------------------------------------------------------------------


def test_a_bad_run_is_rejected_alone(runs: RunRepository) -> None:
    batch: list[Any] = [full("a"), '{"id":"b","x":NaN}', full("c"), "{", {"id": 7}, full("d"), {"object": "list"}]
    report = runs.save_many(batch)
    assert str(report) == "3 inserted, 0 updated, 0 unchanged, 0 stale, 0 conflict, 3 rejected, 1 skipped (1 list)"
    assert [run["id"] for run in runs.iterate()] == ["a", "c", "d"]
    assert [rejection.where for rejection in report.rejections] == ["run 2", "run 4", "run 5"]


@pytest.mark.parametrize("table", ["run_object", "run_object_file_ids", "run_tool_call_object"])
def test_a_failure_in_the_middle_of_a_batch_stores_nothing_of_it(
    engine: Engine, runs: RunRepository, table: str
) -> None:
    runs.save(full("before"), observed_at=1)
    before = contents(engine, without=())
    fail_on(engine, table, "run_7")
    try:
        batch = [full("before", status="completed"), *(full(f"run_{n}", instructions=f"prompt {n}") for n in range(9))]
        with pytest.raises(DatabaseFailure, match="the trap is sprung"):
            runs.save_many(batch)
        assert contents(engine, without=()) == before
        # The same repository continues, and does not treat as stored what was rolled back.
        assert runs.save_many(batch[:7]).inserted == 6
        assert runs.load("run_5")["instructions"] == "prompt 5"
    finally:
        disarm(engine, table)
    report = runs.save_many(batch)
    assert (report.inserted, report.unchanged) == (3, 7)
    assert not difference(batch[-1], runs.load("run_8"))


def test_batches_before_a_failure_stay_and_the_same_save_again_completes_them(
    engine: Engine, runs: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver, "BATCH", 3)
    batch = [full(f"run_{n}") for n in range(8)]
    fail_on(engine, "run_object", "run_4")
    try:
        with pytest.raises(DatabaseFailure):
            runs.save_many(batch)
        assert [run["id"] for run in runs.iterate()] == ["run_0", "run_1", "run_2"]
    finally:
        disarm(engine, "run_object")
    report = runs.save_many(batch)
    assert (report.inserted, report.unchanged) == (5, 3)
    assert list(runs.iterate()) == batch


def test_records_that_are_not_stored_fill_a_batch_too(runs: RunRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a thousand of the largest ones would be in memory before the first one is reported."""
    monkeypatch.setattr(saver, "BATCH_BYTES", 1000)
    read = 0

    def records() -> Iterator[bytes]:
        nonlocal read
        for n in range(20):
            read += 1
            yield compact({"id": n, "object": "thread.run" if n % 2 else "thread.message", "text": "x" * 400})

    behind: list[int] = []
    report = runs.save_many(records(), on_rejected=lambda rejection: behind.append(read - len(behind)))
    assert (report.rejected, report.skipped) == (10, 10)
    assert behind[0] <= 6


def test_what_an_iterable_gave_before_it_failed_is_stored(runs: RunRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saver, "BATCH", 2)

    def broken() -> Any:
        yield from (full(f"run_{n}") for n in range(5))
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        runs.save_many(broken())
    assert runs.count() == 5
    assert not difference(full("run_4"), runs.load("run_4"))


def test_a_digest_clash_is_loud_and_stores_nothing(engine: Engine, runs: RunRepository) -> None:
    runs.save(full("a"), observed_at=1)
    with engine.begin() as connection:
        connection.execute(INSTRUCTIONS.update().values(digest=b"\x00" * 32))
    before = contents(engine, without=())
    other = RunRepository(engine)
    for _ in range(2):
        with pytest.raises(DigestClash, match=r"two different values .* in run_object_instructions"):
            other.save_many([full("b"), {"id": "c"}])
    assert contents(engine, without=()) == before
    assert other.save({"id": "c"}) is Outcome.INSERTED


# --- in the caller's transaction -------------------------------------------------------------------------------------


@pytest.fixture
def own_table(engine: Engine) -> Any:
    """A table of the caller next to those of the archive."""
    table = sqlalchemy.Table("own", sqlalchemy.MetaData(), sqlalchemy.Column("x", sqlalchemy.Integer))
    table.create(engine)
    yield table
    table.drop(engine)


def test_the_callers_rollback_leaves_nothing(engine: Engine, own_table: sqlalchemy.Table) -> None:
    before = contents(engine)
    with engine.connect() as connection:
        with connection.begin() as transaction:
            connection.execute(own_table.insert().values(x=1))
            runs = RunRepository(connection)
            assert runs.save(full("a")) is Outcome.INSERTED
            assert runs.load("a")["status"] == "queued"
            transaction.rollback()
        assert contents(engine) == before
        # What was rolled back is not remembered as stored.
        with connection.begin():
            assert runs.save(full("a")) is Outcome.INSERTED
    assert not difference(full("a"), RunRepository(engine).load("a"))


def test_the_callers_commit_keeps_runs_together_with_rows_of_its_own(
    engine: Engine, own_table: sqlalchemy.Table
) -> None:
    with engine.begin() as connection:
        runs = RunRepository(connection)
        runs.save(full("a"))
        connection.execute(own_table.insert().values(x=1))
        assert runs.save_many([full("a", status="completed"), full("b")]).updated == 1
    with engine.connect() as connection:
        assert connection.execute(select(own_table.c.x)).scalars().all() == [1]
    assert [run["id"] for run in RunRepository(engine).iterate()] == ["a", "b"]


def test_a_failed_batch_in_the_callers_transaction_leaves_the_rest_of_it(
    engine: Engine, own_table: sqlalchemy.Table
) -> None:
    fail_on(engine, "run_object_file_ids", "bad")
    try:
        with engine.begin() as connection:
            connection.execute(own_table.insert().values(x=1))
            runs = RunRepository(connection)
            runs.save(full("a"))
            with pytest.raises(DatabaseFailure, match="the trap is sprung"):
                runs.save_many([full("b", instructions="new"), full("bad", instructions="new")])
            assert runs.save(full("c", instructions="new")) is Outcome.INSERTED
    finally:
        disarm(engine, "run_object_file_ids")
    archive = RunRepository(engine)
    assert [run["id"] for run in archive.iterate()] == ["a", "c"]
    assert archive.load("c")["instructions"] == "new"
    with engine.connect() as connection:
        assert connection.execute(select(own_table.c.x)).scalars().all() == [1]


def test_everything_works_inside_the_callers_transaction(engine: Engine) -> None:
    with engine.begin() as connection:
        runs = RunRepository(connection)
        runs.save_many([full(f"run_{n}", thread_id="t", created_at=n) for n in range(5)])
        runs.save(full("run_0", thread_id="t", created_at=0, status="completed"))
        assert [run["id"] for run in runs.find(thread_id="t", limit=2).runs] == ["run_4", "run_3"]
        assert [run["id"] for run in runs.iterate()] == [f"run_{n}" for n in range(5)]
        assert len(runs.changes("run_0")) == 1
        assert runs.delete("run_1") == 1
        assert runs.count() == 4
    assert RunRepository(engine).count() == 4


# --- settings of the caller's engine ---------------------------------------------------------------------------------


def test_a_connection_that_does_not_check_foreign_keys_is_refused(url: URL) -> None:
    if url.get_backend_name() != "sqlite":
        pytest.skip("foreign keys always hold on PostgreSQL")
    plain = sqlalchemy.create_engine(url)
    with pytest.raises(ConfigurationError, match="foreign_keys=ON"):
        RunRepository(plain).save(full("a"))
    with plain.begin() as connection, pytest.raises(ConfigurationError, match="foreign_keys=ON"):
        RunRepository(connection).save(full("a"))
    assert RunRepository(plain).count() == 0

    event.listen(plain, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
    plain.dispose()
    assert RunRepository(plain).save(full("a")) is Outcome.INSERTED
    plain.dispose()


def test_a_connection_that_commits_each_statement_is_refused_or_made_whole(engine: Engine) -> None:
    runs = RunRepository(engine.execution_options(isolation_level="AUTOCOMMIT"))
    fail_on(engine, "run_object_file_ids", "bad")
    try:
        with pytest.raises((ConfigurationError, DatabaseFailure)):
            runs.save_many([full("a"), full("bad")])
    finally:
        disarm(engine, "run_object_file_ids")
    assert RunRepository(engine).count() == 0


# --- several writers -------------------------------------------------------------------------------------------------


def test_threads_may_save_overlapping_runs_through_one_repository(
    engine: Engine, runs: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver, "BATCH", 20)
    statuses = ("queued", "in_progress", "completed")
    dumps = [[full(f"run_{n}", status=status, instructions=f"p{n % 7}") for n in range(60)] for status in statuses]
    reports = in_threads(
        *(lambda dump=dump, at=at: runs.save_many(dump, observed_at=at * 1000) for at, dump in enumerate(dumps)),
        lambda: runs.save_many(reversed(dumps[2]), observed_at=9000),
    )
    assert sum(report.inserted for report in reports) == 60
    assert all(report.complete for report in reports)
    assert list(runs.iterate()) == sorted(dumps[2], key=lambda run: str(run["id"]))
    assert {len(runs.changes(f"run_{n}")) for n in range(60)} == {2}


def test_engines_of_their_own_may_save_the_same_new_runs_at_once(url: URL) -> None:
    engines = [create_engine(url) for _ in range(3)]
    dump = [full(f"run_{n}", instructions=f"prompt {n}", tools=[{"type": "t", "n": n}]) for n in range(150)]
    reports = in_threads(*(lambda engine=engine: RunRepository(engine).save_many(dump) for engine in engines))
    assert sum(report.inserted for report in reports) == 150
    assert sum(report.unchanged for report in reports) == 300
    for engine in engines:
        engine.dispose()


@pytest.mark.parametrize("stored_before", [False, True])
def test_what_another_writer_does_between_asking_and_writing_is_seen(
    engine: Engine, runs: RunRepository, monkeypatch: pytest.MonkeyPatch, stored_before: bool
) -> None:
    batch = [full(f"run_{n}", status="completed") for n in range(saver.FEW_RUNS + 2)]
    other, asked = RunRepository(engine), writer.known
    if stored_before:
        other.save_many([full("run_1"), full("run_2")], observed_at=1)

    def known(transaction: Transaction, ids: list[str]) -> writer.Known:
        found = asked(transaction, ids)
        monkeypatch.setattr(writer, "known", asked)
        transaction.connection.rollback()  # otherwise SQLite would block the other writer
        if stored_before:
            other.delete("run_1")
        else:
            other.save_many([batch[1], full("run_2")], observed_at=1)
        return found

    monkeypatch.setattr(writer, "known", known)
    report = runs.save_many(batch, observed_at=1)
    assert (report.inserted, report.updated, report.unchanged) == (
        (len(batch) - 1, 1, 0) if stored_before else (len(batch) - 2, 1, 1)
    )
    assert list(runs.iterate()) == sorted(batch, key=itemgetter("id"))
    assert list(runs.verify()) == []


def test_a_prompt_that_another_process_collected_is_written_again(engine: Engine, url: URL) -> None:
    runs = RunRepository(engine)
    runs.save(full("a"))
    other = create_engine(url)
    assert RunRepository(other).delete("a") == 1
    other.dispose()
    # This repository has cached the prompt and the tools, which have been deleted.
    assert runs.save(full("b")) is Outcome.INSERTED
    assert not difference(full("b"), runs.load("b"))


def test_a_prompt_that_another_transaction_uses_is_not_collected(engine: Engine, url: URL) -> None:
    runs = RunRepository(engine)
    runs.save(full("a"))
    deleted: list[Any] = []
    other = create_engine(url)
    with other.connect() as connection:
        transaction = connection.begin()
        RunRepository(connection).save(full("b"))
        thread = threading.Thread(target=lambda: deleted.append(runs.delete("a")))
        thread.start()
        time.sleep(0.3)
        transaction.commit()
    thread.join(30)
    other.dispose()
    assert deleted == [1]
    assert not difference(full("b"), runs.load("b"))
    with engine.connect() as connection:
        assert len(connection.execute(select(TOOL.c.id)).all()) == 2


def test_readers_see_whole_runs_while_a_writer_changes_them(runs: RunRepository) -> None:
    forms = [full("a", status=status, n=status, usage={"total_tokens": n}) for n, status in enumerate(("x", "y"))]
    runs.save(forms[0], observed_at=1)

    def write() -> None:
        for moment in range(2, 40):
            runs.save(forms[moment % 2], observed_at=moment)

    def read() -> None:
        for _ in range(60):
            assert runs.load("a") in forms

    in_threads(write, read, read)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["find", "iterate", "iterate_json", "stats", "rows", "sql"])
def test_no_reader_sees_half_a_batch(runs: RunRepository, url: URL, method: str) -> None:
    """All runs of a batch change their status together, and a reader sees one status."""

    def save(moment: int) -> None:
        status = f"status {moment}"
        runs.save_many(full(f"run_{n}", status=status, n=n, usage={"total_tokens": n}) for n in range(20))

    def statuses_read() -> list[object]:
        if method == "stats":
            return [row["status"] for row in reader.stats("status")]
        if method == "rows":
            return [status for (status,) in reader.rows("status")]
        if method == "sql":
            with reader.sql("SELECT status FROM runs") as answer:
                return [status for (status,) in answer.rows]
        if method == "iterate_json":
            return [json.loads(text)["status"] for text in reader.iterate_json()]
        return [run["status"] for run in (reader.find(limit=100).runs if method == "find" else reader.iterate())]

    def write() -> None:
        try:
            for moment in range(1, 13):
                save(moment)
        finally:
            written.set()

    def read() -> None:
        while not written.is_set():
            found = statuses_read()
            assert len(found) == (1 if method == "stats" else 20)
            assert len(set(found)) == 1

    written = threading.Event()
    save(0)
    with RunRepository.open(url) as reader:
        in_threads(write, read)


@pytest.mark.slow
def test_two_processes_may_import_the_same_file_at_once(url: URL, tmp_path: Path) -> None:
    dump = tmp_path / "dump.jsonl"
    dump.write_bytes(b"".join(compact(full(f"run_{n}", instructions=f"p{n % 9}")) + b"\n" for n in range(300)))
    counts = import_at_once(url.render_as_string(hide_password=False), dump, 2)
    assert sum(count["inserted"] for count in counts) == 300
    assert sum(count["unchanged"] for count in counts) == 300


def test_no_repository_takes_away_the_locks_of_another_one(backend: str, tmp_path: Path) -> None:
    """If a process opens and closes a file, it loses all locks on the file, including those of SQLite."""
    if backend != "sqlite":
        pytest.skip("a server keeps the locks")
    file = tmp_path / "runs.db"
    with RunRepository.open(file) as first:
        first.save({"id": "a", "object": ""})
        with RunRepository.open(file) as second:
            assert second.save({"id": "b", "object": ""}) == Outcome.INSERTED
        # Only a process that uses the file alone may leave write-ahead mode; otherwise it would delete our log.
        leave = f"import sqlite3; print(*sqlite3.connect({str(file)!r}).execute('PRAGMA journal_mode = DELETE'))"
        alone = subprocess.run([sys.executable, "-c", leave], capture_output=True, text=True, check=False)
        assert "database is locked" in alone.stderr
        assert first.count() == 2


@pytest.mark.slow
def test_processes_may_create_the_same_sqlite_file_at_once(backend: str, tmp_path: Path) -> None:
    if backend != "sqlite":
        pytest.skip("a PostgreSQL database is migrated by its owner")
    dump = tmp_path / "dump.jsonl"
    dump.write_bytes(b"".join(compact(full(f"run_{n}")) + b"\n" for n in range(20)))
    for attempt in range(3):
        counts = import_at_once(str(tmp_path / f"new_{attempt}.db"), dump, 3)
        assert sum(count["inserted"] for count in counts) == 20
        assert sum(count["unchanged"] for count in counts) == 40


def import_at_once(place: str, dump: Path, processes: int) -> list[dict[str, int]]:
    """The counts of this number of processes."""
    command = [sys.executable, "-m", "runstore", "import", "--db", place, str(dump)]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(processes)
    ]
    counts = []
    for process in running:
        said, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        counts.append({name: int(number) for number, name in (part.split() for part in said.strip().split(", "))})
    return counts


@pytest.mark.slow
def test_a_killed_import_leaves_whole_runs_and_the_same_import_completes_it(url: URL, tmp_path: Path) -> None:
    dump = tmp_path / "dump.jsonl"
    forms = [full(f"run_{n:05}", instructions=f"p{n}", metadata={"k": "v" * 200}) for n in range(6000)]
    dump.write_bytes(b"".join(compact(form) + b"\n" for form in forms))
    place = url.render_as_string(hide_password=False)
    process = subprocess.Popen([sys.executable, "-m", "runstore", "import", "--db", place, str(dump)])
    engine = create_engine(url)
    runs = RunRepository(engine)
    deadline = time.monotonic() + 30
    while not runs.count() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    kept = runs.count()
    assert kept in (0, 6000) or kept % saver.BATCH == saver.FIRST_BATCH
    assert list(runs.iterate()) == forms[:kept]
    report = runs.save_many(map(json.dumps, forms))
    assert (report.inserted, report.unchanged) == (6000 - kept, kept)
    with engine.connect() as connection:
        assert connection.execute(select(sqlalchemy.func.count()).select_from(RUN)).scalar() == 6000
        if engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
            assert connection.execute(text("PRAGMA foreign_key_check")).first() is None
    engine.dispose()


def test_a_large_save_leaves_the_planner_informed(
    runs: RunRepository, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "LARGE", 30)
    assert runs.save_many(full(f"run_{n}") for n in range(30)).inserted == 30
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            known = "SELECT reltuples FROM pg_class WHERE oid = 'run_object'::regclass"
            assert connection.execute(text(known)).scalar() == 30
