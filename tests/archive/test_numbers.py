"""The number of a run: given in the order of arrival, never twice, and of no meaning outside the archive."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from runstore import RunRepository, config, migrate
from runstore.mapping import RUN
from runstore.query.queries import view_columns
from runstore.schema import RunObject
from tests.helpers.runs import stored


def numbers(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return dict(map(tuple, connection.execute(select(RUN.c.id, RUN.c.number))))


@pytest.fixture
def other(tmp_path: object) -> Iterator[RunRepository]:
    with RunRepository.open(config.database_url(f"sqlite:///{tmp_path}/other.db")) as runs:
        yield runs


def test_numbers_ascend_in_the_order_of_arrival(engine: Engine, runs: RunRepository) -> None:
    for run_id in ("z", "a", "m"):
        runs.save(stored(run_id))
    runs.save_many([stored(f"run_{n}") for n in range(30)])
    found = numbers(engine)
    assert sorted(found, key=found.__getitem__)[:3] == ["z", "a", "m"]
    assert len({*found.values()}) == 33


def test_the_number_of_a_run_stays_whatever_is_saved(engine: Engine, runs: RunRepository) -> None:
    runs.save(stored("a", status="queued"), observed_at=1)
    before = numbers(engine)
    runs.save(stored("a", status="completed"), observed_at=3)
    runs.save(stored("a", status="in_progress"), observed_at=2)
    with Session(engine) as session:
        session.get_one(RunObject, "a").model = "other"
        session.commit()
    assert numbers(engine) == before
    assert list(runs.verify()) == []


def test_the_number_of_a_deleted_run_is_not_given_again(engine: Engine, runs: RunRepository) -> None:
    runs.save_many([stored("a"), stored("b")])
    last = max(numbers(engine).values())
    runs.delete("a")
    runs.delete("b")
    runs.save(stored("c"))
    assert numbers(engine)["c"] > last


def test_numbers_are_not_compared_copied_or_exported(engine: Engine, runs: RunRepository, other: RunRepository) -> None:
    for n in (3, 1, 2):
        runs.save(stored(f"run_{n}"))
    other.save(stored("run_0"))
    other.delete("run_0")
    other.save(stored("run_2"))
    before = runs.fingerprint()
    assert runs.copy_to(other).complete
    assert other.fingerprint() == before
    assert list(other.iterate_json()) == list(runs.iterate_json())
    assert list(other.verify()) == []
    assert all("number" not in json.loads(text) for text in runs.iterate_json())
    assert "number" not in [column.name for column in view_columns(None)]


def test_runs_of_a_session_get_numbers_too(engine: Engine, runs: RunRepository) -> None:
    runs.save(stored("a"))
    with Session(engine) as session:
        session.add_all([RunObject(id="b", object="thread.run", file_ids=["f"]), RunObject(id="c", tools=[])])
        session.commit()
        assert session.get_one(RunObject, "b").number > session.get_one(RunObject, "a").number
    assert runs.load("b")["file_ids"] == ["f"]
    assert len({*numbers(engine).values()}) == 3


def test_a_run_that_takes_the_place_of_a_deleted_one_in_a_flush_takes_its_number(
    engine: Engine, runs: RunRepository
) -> None:
    runs.save(stored("a"))
    before = numbers(engine)
    with Session(engine) as session:
        session.delete(session.get_one(RunObject, "a"))
        session.add(RunObject(id="a", object="thread.run", file_ids=["f", "g"]))
        session.commit()
    assert numbers(engine) == before
    assert runs.load("a")["file_ids"] == ["f", "g"]
    assert list(runs.verify()) == []


def test_the_database_numbers_what_plain_sql_inserts(own_url: URL) -> None:
    with migrate.engine(own_url) as engine:
        RunRepository(engine).save(stored("a"))
        columns = ", ".join(f'"{name}"' for name in RUN.columns.keys() if name not in ("id", "number"))  # noqa: SIM118
        with engine.begin() as connection:
            connection.exec_driver_sql(
                f"INSERT INTO run_object (id, {columns}) SELECT 'b', {columns} FROM run_object WHERE id = 'a'"
            )
        RunRepository(engine).save(stored("c"))
        found = numbers(engine)
        assert found["a"] < found["b"] < found["c"]
