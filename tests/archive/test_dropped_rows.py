"""A trigger, rule or policy that drops rows without an error: only what was done is reported as done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, Table

from runstore import connections
from runstore.errors import DatabaseFailure
from runstore.mapping import CHILD_TABLES, FUNCTION, RUN, SHARED_TABLES
from runstore.prices import PRICE, Price
from runstore.repository import RunRepository
from runstore.save.history import CHANGE
from tests.helpers.comparison import contents
from tests.helpers.runs import full, stored

DROPPED = r"of \d+ rows? of {} (was|were) {}, because a trigger, a rule or a row security policy"


@pytest.fixture
def drop(engine: Engine) -> Any:
    """Make the database drop rows of a table without an error, on INSERT, UPDATE or DELETE."""
    tables = []

    def arm(operation: str, table: str) -> None:
        tables.append(table)
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql(
                    f"CREATE TRIGGER dropping BEFORE {operation} ON {table} BEGIN SELECT RAISE(IGNORE); END"
                )
            else:
                connection.exec_driver_sql(
                    "CREATE FUNCTION dropping() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
                )
                connection.exec_driver_sql(
                    f"CREATE TRIGGER dropping BEFORE {operation} ON {table} FOR EACH ROW EXECUTE FUNCTION dropping()"
                )

    def disarm() -> None:
        with engine.begin() as connection:
            while tables:
                of_table = "" if engine.dialect.name == "sqlite" else f"ON {tables[-1]}"
                connection.exec_driver_sql(f"DROP TRIGGER dropping {of_table}")
                if of_table:
                    connection.exec_driver_sql("DROP FUNCTION dropping")
                tables.pop()

    arm.disarm = disarm  # type: ignore[attr-defined]
    yield arm
    disarm()


Drop = Any


def refused(
    engine: Engine, drop: Drop, operation: str, table: Table, work: Callable[[], object], said: str = DROPPED
) -> None:
    """The work fails with a clear error and changes nothing; without the trigger it is done."""
    before = contents(engine, without=())
    drop(operation, table.name)
    done = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}[operation]
    with pytest.raises(DatabaseFailure, match=said.format(table.name, done)):
        work()
    assert contents(engine, without=()) == before
    drop.disarm()
    work()
    assert contents(engine, without=()) != before


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("table", [RUN, *CHILD_TABLES, *SHARED_TABLES], ids=lambda table: str(table.name))
def test_a_new_run_whose_rows_are_dropped_is_not_stored(
    engine: Engine, runs: RunRepository, drop: Drop, table: Table, count: int
) -> None:
    new = [stored(f"run_{n}", status=f"s{n}") for n in range(count)]
    refused(engine, drop, "INSERT", table, lambda: runs.save_many(new, observed_at=1))
    assert [runs.load(run["id"]) for run in new] == new


@pytest.mark.parametrize("table", [RUN, *CHILD_TABLES, CHANGE], ids=lambda table: str(table.name))
def test_a_newer_snapshot_whose_rows_are_dropped_changes_nothing(
    engine: Engine, runs: RunRepository, drop: Drop, table: Table
) -> None:
    runs.save({"id": "a", "object": "thread.run"}, observed_at=1)
    operation = "UPDATE" if table is RUN else "INSERT"
    refused(engine, drop, operation, table, lambda: runs.save(stored("a"), observed_at=2))
    assert list(runs.verify()) == []


@pytest.mark.parametrize("table", CHILD_TABLES, ids=lambda table: str(table.name))
def test_rows_that_a_newer_snapshot_has_no_more_are_deleted_or_nothing_is(
    engine: Engine, runs: RunRepository, drop: Drop, table: Table
) -> None:
    runs.save(stored("a"), observed_at=1)
    newer = {"id": "a", "object": "thread.run", "thread_id": "thread_1", "status": "completed"}
    refused(engine, drop, "DELETE", table, lambda: runs.save(newer, observed_at=2))
    assert runs.load("a") == newer
    assert list(runs.verify()) == []


@pytest.mark.parametrize(("operation", "table"), [("INSERT", CHANGE), ("DELETE", CHANGE), ("UPDATE", RUN)])
def test_a_late_snapshot_is_put_in_its_place_or_nothing_is_changed(
    engine: Engine, runs: RunRepository, drop: Drop, operation: str, table: Table
) -> None:
    for status, at in (("queued", 1), ("completed", 9)):
        runs.save(full("a", status=status), observed_at=at)
    refused(engine, drop, operation, table, lambda: runs.save(full("a", status="in_progress", n=1), observed_at=5))
    assert [change.status for change in runs.changes("a")] == ["queued", "in_progress"]


def test_a_later_time_is_noted_or_refused(engine: Engine, runs: RunRepository, drop: Drop) -> None:
    runs.save(full("a"), observed_at=1)
    refused(engine, drop, "UPDATE", RUN, lambda: runs.save(full("a"), observed_at=5))


@pytest.mark.slow
@pytest.mark.parametrize("table", [RUN, *CHILD_TABLES, CHANGE], ids=lambda table: str(table.name))
@pytest.mark.parametrize("how", ["delete", "prune"])
def test_a_run_is_deleted_with_all_its_rows_or_not_at_all(
    engine: Engine, runs: RunRepository, drop: Drop, table: Table, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.save(stored("a", status="queued"), observed_at=1)
    runs.save(stored("a", status="failed"), observed_at=2)
    monkeypatch.setattr(connections, "TRIES", 1)
    work: Callable[[], object] = partial(runs.delete, "a") if how == "delete" else partial(runs.prune, status="failed")
    # SQLite itself deletes the rows that belong to a run.
    by_itself = engine.dialect.name == "sqlite" and table is not RUN
    refused(engine, drop, "DELETE", table, work, "FOREIGN KEY constraint failed" if by_itself else DROPPED)
    assert runs.count() == 0


def test_a_copy_and_prices_are_stored_or_refused(
    engine: Engine, runs: RunRepository, drop: Drop, tmp_path: Any
) -> None:
    with RunRepository.open(tmp_path / "other.db") as other:
        other.save_many([full(f"run_{n}") for n in range(9)])
        refused(engine, drop, "INSERT", FUNCTION, lambda: other.copy_to(runs))
        other.save_many([full(f"run_{n}", status="completed") for n in range(9)])
        refused(engine, drop, "UPDATE", RUN, lambda: other.copy_to(runs))
    price = Price("m", 0, 1.5, None, 2.25, "USD")
    refused(engine, drop, "INSERT", PRICE, lambda: runs.set_prices([price]))
    assert runs.prices() == [price]


def test_a_rule_and_a_policy_that_drop_rows_are_refused_too(engine: Engine, runs: RunRepository) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has neither")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE RULE dropping AS ON INSERT TO run_object_file_ids DO INSTEAD NOTHING")
    try:
        with pytest.raises(DatabaseFailure, match=DROPPED.format("run_object_file_ids", "inserted")):
            runs.save(full("a"))
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP RULE dropping ON run_object_file_ids")
    assert runs.count() == 0
