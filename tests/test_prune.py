"""Prune: what was chosen goes, with what nothing else uses; nothing else does, whoever writes meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.engine import URL

from runstore import pruner
from runstore.backends import create_engine
from runstore.mapping import FUNCTION, INSTRUCTIONS, RUN, SHAPE, SHARED_TABLES, TOOL
from runstore.pruner import COLLECTED
from runstore.repository import RunRepository
from runstore.walk import RUN_TABLES
from tests.comparison import contents
from tests.test_all_or_nothing import full, in_threads
from tests.test_verify import stored


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
    assert (forecast.runs, forecast.looks) == (8, 8)
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
    assert left[SHAPE.name]  # the order of keys of earlier looks stands there alone
    # The same repository goes on: what it had seen it does not take for stored.
    runs.save(stored("again"))
    assert list(runs.verify()) == []


def test_what_only_an_earlier_look_used_is_collected(engine: Engine, runs: RunRepository) -> None:
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
    """Between the choice of a batch and its deletion another writer may have brought a newer look."""
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


def test_collecting_never_takes_what_a_writer_is_about_to_use(url: URL) -> None:
    """Writers and a collector beside each other, over the same few prompts and tools."""
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
