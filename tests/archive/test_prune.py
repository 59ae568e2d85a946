"""Prune deletes the chosen runs and the shared values that nothing else uses, and nothing more, while others write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.engine import URL

from runstore import ArchiveDamaged
from runstore.backends import backend_of, create_engine
from runstore.mapping import FUNCTION, INSTRUCTIONS, RUN, SHAPE, SHARED_TABLES, TOOL
from runstore.query.reader import Reader
from runstore.repository import RunRepository
from runstore.upkeep import earlier, pruner
from runstore.upkeep.earlier import AnySnapshot
from runstore.upkeep.pruner import COLLECTED
from runstore.upkeep.walk import RUN_TABLES
from tests.helpers.comparison import contents
from tests.helpers.filter_cases import CASES, FINISHED, RUNS, save
from tests.helpers.runs import full, stored
from tests.helpers.threads import in_threads
from tests.helpers.transactions import transaction


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        tables = (RUN, *RUN_TABLES, *SHARED_TABLES)
        return {t.name: connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables}


def test_prune_deletes_what_was_forecast_and_nothing_else(
    engine: Engine, runs: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruner, "BATCH", 3)
    runs.save_many([stored(f"old_{n}", status="queued", instructions=f"p{n}") for n in range(8)], observed_at=1)
    runs.save_many([stored(f"old_{n}", status="failed", instructions=f"p{n}") for n in range(8)], observed_at=2)
    runs.save({**stored("no_time", status="failed"), "created_at": None})
    before = contents(engine)
    runs.save_many([full("kept", status=None), full("kept_too", instructions="p0", created_at=1_800_000_000)])
    forecast = runs.forecast(status=["failed", "queued"], created_before=1_750_000_000)
    assert (forecast.runs, forecast.snapshots) == (8, 8)
    assert forecast.bytes > 8 * 100
    total = counts(engine)
    steps: list[pruner.Pruned] = []
    done = runs.prune(status=["failed", "queued"], created_before=1_750_000_000, progress=steps.append)
    assert done == forecast._replace(bytes=0)
    assert [step.runs for step in steps[:3]] == [3, 6, 8]
    left = counts(engine)
    assert sum(total[table.name] - left[table.name] for table in SHARED_TABLES) == done.shared
    assert sorted(run["id"] for run in runs.iterate()) == ["kept", "kept_too", "no_time"]
    assert list(runs.verify()) == []
    assert runs.forecast() == runs.prune() == pruner.Pruned()
    assert len(before["run_object"]) == 9


def test_without_a_condition_no_run_is_deleted(engine: Engine, runs: RunRepository) -> None:
    runs.save_many([stored("a"), stored("b", instructions="other")])
    assert runs.prune() == runs.prune(status=None) == pruner.Pruned()
    assert runs.prune(status=[]).runs == 0
    assert runs.count() == 2


EARLIER: list[dict[str, Any]] = [
    {"status": "queued", "metadata": {"user": "42"}, "required_action": {"type": "x"}, "tools": [{"type": "old"}]},
    {"status": "queued", "metadata": {"user": "7"}, "model": "other", "last_error": {"code": "lost"}},
    {"status": "completed", "metadata": {}, "usage": {"total_tokens": 5}},
]


def with_history(runs: RunRepository, run_id: str, snapshots: list[dict[str, Any]], **options: Any) -> None:
    for moment, snapshot in enumerate(snapshots, 1):
        runs.save({**stored(run_id), **snapshot}, observed_at=moment, **options)


ANY: list[tuple[dict[str, Any], bool, bool]] = [
    ({"metadata": {"user": "42"}}, True, False),
    ({"metadata_key": ["user"]}, True, False),
    ({"metadata": {"user": "42"}, "model": "other"}, False, False),  # both hold for no single snapshot
    ({"metadata": {"user": "7"}, "model": "other"}, True, False),
    ({"status": "completed"}, True, True),
    ({"status": "queued", "id": ["changed"]}, True, False),
    ({"status": "queued", "id": "untouched"}, False, False),
    ({"metadata": {"user": "42"}, "source": ["eu"]}, True, False),
    ({"metadata": {"user": "42"}, "source": "us"}, False, False),
    ({"source": "eu"}, True, False),
    ({"tool_type": "old"}, True, False),
    ({"error_code": "lost"}, True, False),
    ({"requires_action": True}, True, True),
    ({"requires_action": False}, False, False),
    ({"total_tokens_min": 5}, True, False),
    ({"total_tokens_min": 6}, False, False),
    ({"created_before": 1}, False, False),
    ({"model": "\x00"}, False, False),
    ({"metadata": {}}, False, False),  # no condition: no run is deleted
    ({}, False, False),
]
"""Conditions, and whether the run that was changed and the one that was not have a snapshot that meets all of them."""


@pytest.mark.slow
def test_any_version_deletes_runs_of_which_a_snapshot_meets_all_conditions(
    runs: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier, "BATCH", 2)
    for where, *gone in ANY:
        with_history(runs, "changed", EARLIER, source="eu")
        runs.save(stored("untouched", status="completed"))
        expected = [name for name, is_gone in zip(("changed", "untouched"), gone, strict=True) if is_gone]
        forecast = runs.forecast(any_version=True, **where)
        assert forecast.runs == len(expected), where
        assert forecast.snapshots == 2 * ("changed" in expected), where
        done = runs.prune(any_version=True, **where)
        assert done == forecast._replace(bytes=0), where
        assert {"changed", "untouched"} - {run["id"] for run in runs.iterate()} == set(expected), where
        runs.delete("changed")
    assert list(runs.verify()) == []


@pytest.mark.slow
def test_an_earlier_snapshot_means_to_a_filter_what_it_meant_when_it_was_the_newest(
    engine: Engine, runs: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run is replaced by an entirely different snapshot, and is found by its earlier one."""
    monkeypatch.setattr(pruner, "BATCH", 70)
    snapshots = [run for run in RUNS if run["status"] in FINISHED][:100]
    save(runs, snapshots, observed_at=1)
    newest = [{"id": run["id"], "object": "thread.run", "status": "completed", "last": True} for run in snapshots]
    save(runs, newest, observed_at=2)
    assert sum(len(runs.changes(run["id"])) for run in snapshots) == len(snapshots)
    for where, meets in CASES:
        if where == {"metadata": {}}:
            continue
        expected = {run["id"] for snapshot in (snapshots, newest) for run in snapshot if found(meets, run)}
        with AnySnapshot(backend_of(engine), Reader(), where) as choice, transaction(engine) as reading:
            assert set(choice.of(reading, sorted(run["id"] for run in snapshots))) == expected, where


def found(meets: Callable[[dict[str, Any]], bool], run: dict[str, Any]) -> bool:
    return meets({"metadata": {}, "tools": [], "file_ids": [], "usage": None, **NO_MEMBERS, **run})


NO_MEMBERS = dict.fromkeys(("created_at", "started_at", "thread_id", "assistant_id", "model", *FINISHED.values()))


def test_values_that_can_be_read_once_are_conditions_of_every_snapshot(runs: RunRepository) -> None:
    with_history(runs, "changed", EARLIER)
    with_history(runs, "kept", [{**snapshot, "metadata": {"other": "1"}} for snapshot in EARLIER])
    assert runs.forecast(any_version=True, metadata_key=iter(["user"])).runs == 1
    assert runs.prune(any_version=True, metadata_key=iter(["user"])).runs == 1
    assert [run["id"] for run in runs.iterate()] == ["kept"]


def test_any_version_snapshots_again_at_runs_that_it_has_locked(
    engine: Engine, runs: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the choice and the deletion, a run may have been deleted, and a different run saved under its id."""
    with_history(runs, "again", EARLIER)
    with_history(runs, "gone", EARLIER)
    choose = AnySnapshot.after

    def chosen(*arguments: Any) -> Any:
        ids, last = choose(*arguments)
        if "again" in ids:

            def write() -> None:
                other = RunRepository(engine)
                other.delete("again")
                with_history(other, "again", EARLIER[1:])
                other.save({**stored("gone"), "status": "failed", "metadata": {}}, observed_at=9)

            thread = threading.Thread(target=write)
            thread.start()
            thread.join()
        return ids, last

    monkeypatch.setattr(AnySnapshot, "after", chosen)
    assert runs.prune(any_version=True, metadata={"user": "42"})[:2] == (1, 3)
    assert [run["id"] for run in runs.iterate()] == ["again"]
    assert list(runs.verify()) == []


def test_any_version_fails_where_history_was_changed_by_hand(engine: Engine, runs: RunRepository) -> None:
    """To skip it would leave data that was to be erased."""
    with_history(runs, "changed", EARLIER)
    with engine.begin() as connection:
        connection.execute(text("UPDATE run_object_change SET members = '[]'"))
    with pytest.raises(ArchiveDamaged, match=r"run changed .*an earlier snapshot cannot be rebuilt"):
        runs.prune(any_version=True, metadata={"user": "42"})
    assert runs.count() == 1


def test_a_plain_delete_leaves_only_shared_rows_and_orphans_collects_them(
    engine: Engine, runs: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruner, "BATCH", 2)
    runs.save_many([stored(f"run_{n}", instructions=f"p{n}", tools=[{"type": "t", "n": n}]) for n in range(7)])
    runs.save(stored("run_0", status="completed", instructions="new"))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM run_object"))
    left = counts(engine)
    assert not any(left[table.name] for table in (RUN, *RUN_TABLES))
    expected = sum(left[table.name] for table in COLLECTED)
    assert expected >= 8 + 7 + 4
    assert runs.forecast().shared == runs.prune().shared == expected
    left = counts(engine)
    assert not any(left[table.name] for table in COLLECTED)
    assert left[SHAPE.name]  # the order of keys of earlier snapshots is stored only there
    # The same repository continues, and does not treat the deleted values as stored.
    runs.save(stored("again"))
    assert list(runs.verify()) == []


def test_what_only_an_earlier_snapshot_used_is_collected(engine: Engine, runs: RunRepository) -> None:
    runs.save(full("a", instructions="before", tools=[{"type": "function", "function": {"name": "old"}}]))
    runs.save(full("a", status="completed", instructions="after", tools=[]))
    assert runs.prune().shared == 3
    with engine.connect() as connection:
        assert connection.execute(select(INSTRUCTIONS.c.instructions)).scalars().all() == ["after"]
        assert not connection.execute(select(TOOL.c.id)).all()
        assert not connection.execute(select(FUNCTION.c.id)).all()
    assert list(runs.verify()) == []


def test_a_run_that_is_not_to_go_any_more_stays(
    engine: Engine, runs: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the choice of a batch and its deletion another writer may have brought a newer snapshot."""
    runs.save_many([full("a", status="failed"), full("b", status="failed")], observed_at=1)
    choose = pruner.next_runs

    def chosen(connection: Any, *arguments: Any) -> list[str]:
        found = choose(connection, *arguments)
        if "a" in found:
            thread = threading.Thread(target=RunRepository(engine).save, args=(full("a", status="completed"),))
            thread.start()
            thread.join()
        return found

    monkeypatch.setattr(pruner, "next_runs", chosen)
    assert runs.prune(status="failed").runs == 1
    assert [run["id"] for run in runs.iterate()] == ["a"]


@pytest.mark.slow
def test_collecting_never_takes_what_a_writer_is_about_to_use(url: URL) -> None:
    """Writers and a collector run concurrently, on the same few prompts and tools."""
    engines = [create_engine(url) for _ in range(4)]
    stop = threading.Event()

    def write(engine: Engine, name: str) -> int:
        runs = RunRepository(engine)
        for n in range(60):
            tools = [{"type": "function", "function": {"name": f"f{n % 3}"}}, {"type": f"t{n % 2}"}]
            runs.save(full(f"{name}_{n % 4}", status="queued", instructions=f"p{n % 3}", tools=tools), observed_at=n)
        return runs.count()

    def collect() -> int:
        runs, collected = RunRepository(engines[3]), 0
        while not stop.is_set():
            collected += runs.prune().shared
        return collected

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        in_threads(
            *(
                lambda engine=engine, name=name: write(engine, name)
                for engine, name in zip(engines, "abc", strict=False)
            )
        )
    finally:
        stop.set()
        collector.join()
    runs = RunRepository(engines[0])
    assert runs.count() == 12
    assert list(runs.verify()) == []
    for engine in engines:
        engine.dispose()


def test_rows_that_a_writer_holds_are_passed_over_not_waited_for(engine: Engine, url: URL, runs: RunRepository) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time")
    runs.save_many([full("a"), full("b", instructions="other")])
    other = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM run_object"))
    with other.connect() as connection, connection.begin():
        RunRepository(connection).save(full("c"))  # not committed: holds the prompt and the tools
        assert runs.prune().shared == 1
    assert list(runs.verify()) == []
    assert runs.load("c")["instructions"] == full("c")["instructions"]
    other.dispose()


@pytest.mark.slow
def test_vacuum_gives_the_space_back(engine: Engine, runs: RunRepository, url: URL) -> None:
    runs.save_many([full(f"run_{n}", metadata={"k": "v" * 500}, status="failed") for n in range(2000)])
    statement = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    if engine.dialect.name == "postgresql":
        statement = "SELECT pg_relation_size('run_object')"

    def size() -> int:
        with engine.connect() as connection:
            return int(connection.execute(text(statement)).scalar_one())

    before = size()
    runs.prune(status="failed")
    runs.vacuum()
    assert size() < before / 5
