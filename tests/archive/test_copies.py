"""One number proves an archive; copies and backups equal the archive, to the last row."""

from __future__ import annotations

import random
import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text

from runstore import migrate
from runstore.backends import create_engine
from runstore.backends.sqlite import SQLite
from runstore.connections import Connections
from runstore.errors import ArchiveMissing, BackupFailed, ConfigurationError, DatabaseFailure, SchemaBehind
from runstore.mapping import RUN, digest_of
from runstore.repository import RunRepository
from runstore.sources import Record
from runstore.upkeep import fingerprint, walk
from runstore.upkeep.walk import RUN_TABLES
from tests.helpers.comparison import compact, contents, empty
from tests.helpers.runs import full, stored
from tests.helpers.strategies import examples
from tests.helpers.traps import disarm, fail_on

DAY = 86_400


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RunRepository]:
    """Another SQLite archive, which does not exist yet."""
    with RunRepository.open(tmp_path / "other.db") as made:
        yield made


def snapshots(count: int, seed: int = 1) -> list[tuple[dict[str, Any], int]]:
    """Snapshots of this number of runs, three of each, in random order."""
    found = [
        (stored(f"run_{n}", status=status, day=n % 5), 1000 * moment + n)
        for moment, status in enumerate(("queued", "in_progress", "completed"))
        for n in range(count)
    ]
    random.Random(seed).shuffle(found)
    return found


def save(runs: RunRepository, found: list[tuple[dict[str, Any], int]]) -> None:
    for snapshot, observed_at in found:
        runs.save(snapshot, observed_at=observed_at, source="here")


# --- fingerprint -----------------------------------------------------------------------------------------------------


def test_the_fingerprint_is_the_sum_of_the_digests(engine: Engine, runs: RunRepository) -> None:
    assert (str(runs.fingerprint()), runs.fingerprint().runs) == ("0" * 64, 0)
    runs.save_many([{"id": f"r{n}", "created_at": n * DAY, "object": ""} for n in range(50)])
    with engine.connect() as connection:
        digests = connection.execute(RUN.select().with_only_columns(RUN.c.digest)).scalars().all()
    assert runs.fingerprint() == (50, sum(map(int.from_bytes, digests)) % 2**256)
    only = runs.fingerprint(created_from=3 * DAY, created_before=5 * DAY)
    assert only.runs == 2


def test_the_same_runs_have_the_same_number_everywhere(runs: RunRepository, other: RunRepository) -> None:
    save(runs, snapshots(20, seed=1))
    save(other, snapshots(20, seed=2))
    assert runs.fingerprint() == other.fingerprint()
    assert list(runs.differences(other)) == []
    other.save(stored("run_3", status="failed", day=3), observed_at=10**9)
    assert runs.fingerprint() != other.fingerprint()


def test_a_digest_counts_in_full_and_each_run_once(engine: Engine, runs: RunRepository) -> None:
    runs.save_many([{"id": "a"} | {"object": ""}, {"id": "b", "object": ""}])
    digests = {"a": b"\xff" * 32, "b": b"\x00" * 31 + b"\x02"}
    with engine.begin() as connection:
        for run_id, digest in digests.items():
            connection.execute(RUN.update().where(RUN.c.id == run_id).values(digest=digest))
    assert runs.fingerprint() == (2, 1)


def test_days_end_at_midnight_utc_also_before_1970(runs: RunRepository, other: RunRepository) -> None:
    moments = [-(2**63), -DAY - 1, -DAY, -1, 0, DAY - 1, DAY, 2**63 - 1, None]
    for archive in (runs, other):
        archive.save_many([{"id": f"r{n}", "object": "", "created_at": at} for n, at in enumerate(moments)])
    days = runs.fingerprints_by_day()
    assert days == other.fingerprints_by_day()
    assert {day: found.runs for day, found in days.items()} == {
        None: 1,
        -(2**63) // DAY: 1,
        -2: 1,
        -1: 2,
        0: 2,
        1: 1,
        (2**63 - 1) // DAY: 1,
    }
    assert sum(found.sum for found in days.values()) % 2**256 == runs.fingerprint().sum
    other.delete([f"r{n}" for n in range(len(moments))])
    assert len(list(runs.differences(other))) == len(moments)


# --- differences -----------------------------------------------------------------------------------------------------


def test_diff_names_every_run_and_reads_no_equal_part(
    engine: Engine, runs: RunRepository, other: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "FEW", 20)
    monkeypatch.setattr(fingerprint, "PARTS", 4)
    dump = [{"id": f"run_{n:04}", "object": "", "created_at": n // 400 * DAY} for n in range(1200)]
    runs.save_many(dump)
    other.save_many(random.Random(1).sample(dump, len(dump)))
    other.delete(["run_0003", "run_0555"])
    other.save({**dump[700], "model": "m"}, on_conflict="replace")
    other.save({"id": "run_new", "object": ""})
    moved = {"id": "run_moved", "object": ""}
    runs.save({**moved, "created_at": 0})
    other.save({**moved, "created_at": 2 * DAY})
    compared: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if re.match(r"SELECT \S*run_object\.id, \S*run_object\.digest\s", statement):
            compared.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    assert sorted(runs.differences(other)) == [
        ("run_0003", "only in the first"),
        ("run_0555", "only in the first"),
        ("run_0700", "differs"),
        ("run_moved", "differs"),
        ("run_new", "only in the second"),
    ]
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        read = [len(connection.exec_driver_sql(*asked).all()) for asked in compared]
    assert 0 < sum(read) <= 6 * 20


# --- copy ------------------------------------------------------------------------------------------------------------


def test_a_copy_there_and_back_is_the_same_to_the_last_row(
    engine: Engine, runs: RunRepository, other: RunRepository, tmp_path: Path
) -> None:
    save(runs, snapshots(30))
    runs.save({"id": "number", "object": "", "temperature": 0.1, "top_p": 2**53 + 1, "parallel_tool_calls": True})
    report = runs.copy_to(other)
    assert str(report) == "31 inserted, 0 replaced, 0 unchanged, 0 ahead, 0 conflict"
    assert report.complete
    assert report.source == report.target
    target = create_engine(tmp_path / "other.db")
    assert contents(target, without=()) == contents(engine, without=())
    before = contents(engine, without=())
    runs.delete([f"run_{n}" for n in range(30)])
    assert other.copy_to(runs).inserted == 30
    assert contents(engine, without=()) == before
    assert list(runs.verify()) == list(other.verify()) == []
    target.dispose()


def test_an_interrupted_copy_goes_on(
    engine: Engine, runs: RunRepository, other: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "SIZE", 4)
    save(other, snapshots(10))
    fail_on(engine, "run_object_file_ids", "run_5")
    try:
        with pytest.raises(DatabaseFailure, match="the trap is sprung"):
            other.copy_to(runs)
    finally:
        disarm(engine, "run_object_file_ids")
    assert runs.count() == 4
    assert list(runs.verify()) == []
    report = other.copy_to(runs)
    assert str(report) == "6 inserted, 0 replaced, 4 unchanged, 0 ahead, 0 conflict"
    assert report.source == report.target


def test_a_prune_of_the_target_takes_nothing_from_a_copy(
    runs: RunRepository, other: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shared rows are copied before the runs that refer to them; until then, nothing refers to them."""
    monkeypatch.setattr(walk, "SIZE", 4)
    save(other, snapshots(10))
    retried = Connections.retried
    collected: list[int] = []

    def after_a_prune(self: Connections, work: Any, **options: Any) -> Any:
        if len(collected) < 20:  # before each table and each range of runs
            with monkeypatch.context() as pruning:
                pruning.setattr(Connections, "retried", retried)
                collected.append(runs.prune().shared)
        return retried(self, work, **options)

    monkeypatch.setattr(Connections, "retried", after_a_prune)
    report = other.copy_to(runs)
    assert sum(collected) > 10
    assert str(report) == "10 inserted, 0 replaced, 0 unchanged, 0 ahead, 0 conflict"
    assert report.source == report.target
    assert list(runs.verify()) == []


def test_a_copy_brings_what_the_source_has_seen_since_and_takes_nothing_back(
    runs: RunRepository, other: RunRepository
) -> None:
    first, later = stored("a", status="queued"), stored("a", status="completed")
    for archive in (runs, other):
        archive.save_many([first, stored("b", status="queued"), stored("c", status="queued")], observed_at=1)
    runs.save(later, observed_at=2)
    other.save(stored("b", status="completed"), observed_at=2)
    runs.save(stored("c", status="failed"), observed_at=2)
    other.save(stored("c", status="completed"), observed_at=3)
    report = runs.copy_to(other)
    assert str(report) == "0 inserted, 2 replaced, 0 unchanged, 2 ahead, 0 conflict"
    assert (report.ahead, report.missing, report.complete) == ({"b", "c"}, [], True)
    assert [other.load(run_id)["status"] for run_id in "abc"] == ["completed"] * 3
    assert [change.status for change in other.changes("a")] == ["queued"]
    assert [change.status for change in other.changes("c")] == ["queued", "failed"]
    assert list(other.verify()) == []


def test_a_copy_of_a_snapshot_that_both_have_keeps_the_later_time(runs: RunRepository, other: RunRepository) -> None:
    for archive, times in ((runs, (3, 9)), (other, (5, 7))):
        archive.save_many([full("newest"), stored("earlier", status="queued")], observed_at=times[0])
        archive.save(stored("earlier", status="completed"), observed_at=times[1])
    for source, target in ((runs, other), (other, runs)):
        assert source.copy_to(target).complete
    for archive in (runs, other):
        with archive.sql("SELECT id, observed_at FROM run_object ORDER BY id") as answer:
            seen = list(answer.rows)
        assert seen == [("earlier", 9), ("newest", 5)]
        assert [change.observed_at for change in archive.changes("earlier")] == [6]


def test_different_runs_of_one_id_are_left_alone_and_named(runs: RunRepository, other: RunRepository) -> None:
    runs.save_many([full("a", thread_id="one"), stored("b")], observed_at=9)
    other.save(full("a", thread_id="two"), observed_at=1)
    report = runs.copy_to(other)
    assert str(report) == "1 inserted, 0 replaced, 0 unchanged, 0 ahead, 1 conflict"
    assert (report.conflicts, report.missing, report.complete) == ({"a"}, [], False)
    assert other.load("a")["thread_id"] == "two"


def test_a_copy_of_a_run_that_was_put_in_place_by_hand_is_the_newer_of_both(
    runs: RunRepository, other: RunRepository
) -> None:
    for archive in (runs, other):
        archive.save(stored("a", status="completed"), observed_at=2)
        archive.save(stored("a", status="queued"), observed_at=1)
    runs.save(stored("a", status="queued"), observed_at=1, on_conflict="replace")
    report = runs.copy_to(other)
    assert (str(report), report.complete) == ("0 inserted, 0 replaced, 0 unchanged, 1 ahead, 0 conflict", True)
    assert other.copy_to(runs).replaced == 1
    assert runs.load("a") == other.load("a") == stored("a", status="completed")


SNAPSHOTS = st.lists(
    st.tuples(
        st.sampled_from(["run_a", "run_b"]),
        st.sampled_from([None, "queued", "requires_action", "cancelling", "completed", "failed"]),
        st.integers(0, 2),
        st.integers(1, 4),
    ),
    max_size=6,
)
"""Snapshots of few runs by id, status, variant and time: that two archives have the same one is likely."""


def _snapshot(run_id: str, status: str | None, variant: int) -> dict[str, Any]:
    run = full(run_id, status=status, tools=[{"type": f"t{variant}"}], file_ids=["f"] * variant)
    if variant == 1:
        run["usage"] = None
    elif variant == 2:
        run["required_action"] = {"type": "other"}
        run = dict(reversed(run.items()))
    return run


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Engine]]:
    """Two other archives, in SQLite, for many examples."""
    folder = tmp_path_factory.mktemp("others")
    one, other = create_engine(folder / "one.db"), create_engine(folder / "other.db")
    for engine in (one, other):
        migrate.upgrade(engine)
    yield one, other
    for engine in (one, other):
        engine.dispose()


@pytest.mark.slow
@examples(40)
@given(ours=SNAPSHOTS, theirs=SNAPSHOTS, there=st.booleans())
def test_a_copy_is_as_if_all_snapshots_of_both_were_saved(
    engine: Engine, others: tuple[Engine, Engine], ours: Any, theirs: Any, there: bool
) -> None:
    for each in (engine, *others):
        empty(each)
    source, target = (engine, others[0]) if there else (others[0], engine)
    for archive, found in ((source, ours), (target, theirs), (others[1], ours + theirs)):
        RunRepository(archive).save_many(Record(compact(_snapshot(*of)), "here", at) for *of, at in found)
    report = RunRepository(source).copy_to(RunRepository(target))
    assert report.complete
    wanted, found = contents(others[1]), contents(target)
    for table in (RUN, *RUN_TABLES):
        assert found[table.name] == wanted[table.name]
    assert list(RunRepository(target).verify()) == []
    again = RunRepository(source).copy_to(RunRepository(target))
    assert (again.inserted, again.replaced) == (0, 0)
    assert RunRepository(target).copy_to(RunRepository(source)).complete
    assert contents(source)[RUN.name] == wanted[RUN.name]


def test_a_copy_is_of_one_moment_while_others_write(engine: Engine, runs: RunRepository, other: RunRepository) -> None:
    runs.save_many([{"id": f"run_{n:03}", "object": ""} for n in range(200)])
    writer = RunRepository(engine)
    thread = threading.Thread(target=lambda: [writer.save({"id": f"new_{n}", "object": ""}) for n in range(50)])

    def begin(_: int) -> None:
        if thread.ident is None:
            thread.start()
            thread.join()

    report = runs.copy_to(other, progress=begin)
    assert report.source == report.target
    assert other.count() == 200


def test_only_a_new_file_is_made_for_a_copy(runs: RunRepository, empty_url: Any, tmp_path: Path) -> None:
    with RunRepository.open(tmp_path / "nowhere.db") as nowhere, pytest.raises(ArchiveMissing):
        nowhere.copy_to(runs)
    with RunRepository.open(empty_url) as empty:
        if empty_url.get_backend_name() == "postgresql":
            with pytest.raises(SchemaBehind):
                runs.copy_to(empty)


# --- backup ----------------------------------------------------------------------------------------------------------


def test_a_backup_is_of_one_moment_and_proved(
    engine: Engine, runs: RunRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(runs, snapshots(20))
    target = tmp_path / "backup.db"
    if engine.dialect.name == "postgresql":
        with pytest.raises(ConfigurationError, match="pg_dump"):
            runs.backup(target)
        return
    before = runs.fingerprint()
    copy_file = SQLite.copy_file

    def meanwhile(self: Any, connection: Any, path: Path) -> None:
        RunRepository(engine).save({"id": "later", "object": ""})
        copy_file(self, connection, path)

    monkeypatch.setattr(SQLite, "copy_file", meanwhile)
    assert runs.backup(target) == before != runs.fingerprint()
    copy = create_engine(target)
    with copy.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM run_object")).scalar() == 20
    copy.dispose()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("backup")) == ["backup.db"]
    with pytest.raises(ConfigurationError, match="already exists"):
        runs.backup(target)


def test_a_backup_that_is_not_the_archive_is_none(
    engine: Engine, runs: RunRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine.dialect.name == "postgresql":
        pytest.skip("it has no backup of this kind")
    save(runs, snapshots(5))
    copy_file = SQLite.copy_file

    def damaged(self: Any, connection: Any, path: Path) -> None:
        copy_file(self, connection, path)
        with sqlite3.connect(path) as copy:
            copy.execute("UPDATE run_object SET digest = ? WHERE id = 'run_1'", (digest_of(b"x"),))
        copy.close()

    monkeypatch.setattr(SQLite, "copy_file", damaged)
    with pytest.raises(BackupFailed, match="fingerprint"):
        runs.backup(tmp_path / "backup.db")
    assert not list(tmp_path.glob("backup*"))
