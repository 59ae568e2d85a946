"""Saving inside the caller's transaction, through a view of a long-lived repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session, sessionmaker

from runstore import ConfigurationError, RunObject, RunRepository, create_engine
from tests.helpers.runs import waiting_run
from tests.helpers.statements import counted


def test_a_view_asks_no_more_than_the_repository_itself(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run("run_0"))
    runs.save(waiting_run("run_1"))
    with counted(engine) as own:
        runs.save(waiting_run("run_2"))
    with counted(engine) as in_view, engine.begin() as connection:
        runs.on(connection).save(waiting_run("run_3"))
    with counted(engine) as in_session, Session(engine) as session:
        runs.on(session).save(waiting_run("run_4"))
        session.commit()
    # A savepoint, and its release.
    assert len(in_view) <= len(own) + 4
    assert len(in_session) <= len(own) + 4
    assert runs.count() == 5
    assert list(runs.verify()) == []


def test_what_a_committed_view_has_stored_is_known_to_the_next_one(runs: RunRepository, engine: Engine) -> None:
    counts = []
    for number in range(3):
        with counted(engine) as statements, engine.begin() as connection:
            runs.on(connection).save(waiting_run(f"run_{number}"))
        counts.append(len(statements))
    assert counts[0] > counts[1] == counts[2]


@pytest.mark.parametrize("savepoint", [False, True])
def test_what_is_rolled_back_is_not_known_to_be_stored(runs: RunRepository, engine: Engine, savepoint: bool) -> None:
    runs.save({"id": "run_0", "object": "thread.run"})
    with engine.connect() as connection:
        outer = connection.begin()
        if savepoint:
            inner = connection.begin_nested()
            runs.on(connection).save(waiting_run("run_1"))
            inner.rollback()
            outer.commit()
        else:
            runs.on(connection).save(waiting_run("run_1"))
            outer.rollback()
    assert runs.count() == 1
    with engine.begin() as connection:
        assert runs.on(connection).save(waiting_run("run_2")) == "inserted"
    assert runs.save(waiting_run("run_3")) == "inserted"
    assert list(runs.verify()) == []


def test_what_a_prune_has_deleted_is_stored_again(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run("run_1"))
    elsewhere = RunRepository(engine)
    elsewhere.delete("run_1")
    elsewhere.prune()
    with engine.begin() as connection:
        view = runs.on(connection)
        assert view.save(waiting_run("run_2")) == "inserted"
        assert view.save(waiting_run("run_3")) == "inserted"
    assert runs.load("run_3") == waiting_run("run_3")
    assert list(runs.verify()) == []


def test_a_view_of_a_session_commits_with_it(runs: RunRepository, engine: Engine) -> None:
    with sessionmaker(engine)() as session:
        runs.on(session).save(waiting_run("run_1"))
        assert session.scalars(select(RunObject.id)).all() == ["run_1"]
        session.rollback()
        assert runs.count() == 0
        runs.on(session).save(waiting_run("run_1"))
        run = session.get_one(RunObject, "run_1")
        run.status = "completed"
        session.commit()
    assert runs.load("run_1") == waiting_run("run_1", status="completed")


def test_a_view_is_of_the_same_archive(runs: RunRepository, engine: Engine, tmp_path: Path) -> None:
    other = create_engine(tmp_path / "other.db")
    with other.connect() as connection, pytest.raises(ConfigurationError, match="is to a different database"):
        runs.on(connection)
    other.dispose()
    with engine.connect() as connection:
        with pytest.raises(ConfigurationError, match="is to a different database"):
            RunRepository(connection).on(connection)
        with pytest.raises(ConfigurationError, match="pass an engine to RunRepository"):
            runs.on(engine)  # type: ignore[arg-type]


OTHERS: dict[str, Callable[[], Any]] = {
    r"RunRepository.open\(\.\.\.\) takes a URL or a path": lambda: "runs.db",
    r"RunRepository\(engine\)\.on\(session\)": Session,
    "synchronous and cannot use AsyncEngine; use AsyncRunRepository": type("AsyncEngine", (), {}),
    "not sessionmaker": sessionmaker,
    "not NoneType": lambda: None,
}


@pytest.mark.parametrize("message", OTHERS)
def test_what_is_no_engine_is_refused_with_the_right_call(message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        RunRepository(OTHERS[message]())


def test_the_engine_behind_an_asynchronous_one_is_refused_outside_a_task() -> None:
    engine = sqlalchemy.create_engine("postgresql+psycopg_async:///x")
    with pytest.raises(ConfigurationError, match=r"use AsyncRunRepository, or await connection\.run_sync"):
        RunRepository(engine).count()


@pytest.mark.parametrize("nth", range(12))
def test_an_interrupt_of_any_statement_arrives_at_the_caller(runs: RunRepository, engine: Engine, nth: int) -> None:
    runs.save(waiting_run("run_0"))
    executed = 0

    def interrupt(*_: Any) -> None:
        nonlocal executed
        executed += 1
        if executed == nth + 1:
            raise KeyboardInterrupt

    with engine.connect() as connection:
        event.listen(connection, "after_cursor_execute", interrupt)
        try:
            RunRepository(connection).save(waiting_run("run_1"))
        except KeyboardInterrupt:
            connection.rollback()
        else:
            assert executed <= nth
    assert [run["id"] for run in runs.iterate()] == ["run_0"]
    assert list(runs.verify()) == []
