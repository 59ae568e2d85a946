"""Verify finds damage in every table and reports the run, and reports nothing about intact rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from sqlalchemy import Connection, Engine, text

from runstore.mapping import RUN
from runstore.repository import RunRepository
from runstore.upkeep.pruner import COLLECTED
from runstore.upkeep.walk import RUN_TABLES
from tests.helpers.runs import stored
from tests.helpers.strategies import examples
from tests.helpers.strategies import runs as any_runs

HURT = "run_1"
NUMBER = f"(SELECT number FROM run_object WHERE id = '{HURT}')"


@pytest.fixture
def archive(runs: RunRepository) -> RunRepository:
    """Three runs with rows in every table and two earlier snapshots each, and one that shares nothing with them."""
    for moment, status in enumerate(("queued", "in_progress", "completed")):
        runs.save_many([stored(f"run_{n}", status=status, n=moment // 2) for n in range(3)], observed_at=moment * 1000)
    runs.save({"id": "plain", "object": "thread.run", "instructions": "alone"})
    return runs


@contextmanager
def unchecked(engine: Engine) -> Iterator[Connection]:
    """A connection that does not enforce foreign keys."""
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
        connection.commit() if sqlite else None
        yield connection
        connection.commit()
        connection.exec_driver_sql("PRAGMA foreign_keys = ON" if sqlite else "RESET session_replication_role")
        connection.commit()


CHANGED = {
    "run_object": "status = 'failed'",
    "run_object id of a prompt": "instructions_id = (SELECT instructions_id FROM run_object WHERE id = 'plain')",
    "run_object created_at": "created_at = created_at + 1",
    "run_object metadata": """metadata = '{"k":"w"}'""",
    "run_object extra": """extra = '{"reasoning_effort":"low","n":3}'""",
    "run_object stray extra": """extra = '{"reasoning_effort":"low","n":1,"stray":1}'""",
    "run_object stray column": "top_p = 1",
    "run_object temperature": "temperature = 0.25",
    "run_object shape": "shape = (SELECT shape FROM run_object WHERE id = 'plain')",
    "run_object digest": "digest = (SELECT digest FROM run_object WHERE id = 'plain')",
    "run_completion_usage": "total_tokens = 2",
    "run_completion_usage stray column": "prompt_tokens = 0",
    "run_completion_usage stray extra": """extra = '{"stray":1}'""",
    "run_object_last_error": "message = 'No'",
    "run_object_incomplete_details": "reason = NULL",
    "run_object_required_action": "type = NULL",
    "run_tool_call_object": "function_arguments = '{ }'",
    "run_object_file_ids": "file_ids = 'file_x'",
    "run_object_assistant_object_tools_inner": "assistant_object_tools_inner = 5",
    "run_object_change": """members = replace(CAST(members AS text), 'queued', 'queueD')""",
    "run_object_change status": "status = 'expired'",
    "run_object_change digest": "digest = (SELECT digest FROM run_object WHERE id = 'plain')",
    "run_object_change absent": """absent = '["id"]'""",
}


@pytest.mark.parametrize("place", CHANGED)
def test_a_value_changed_by_hand_is_found_and_named_by_run(engine: Engine, archive: RunRepository, place: str) -> None:
    table, change = place.split()[0], CHANGED[place]
    where = f"id = '{HURT}'" if table == "run_object" else f"run_object = {NUMBER}"
    if table == "run_object_change":
        where += " AND status = 'queued'"
        if engine.dialect.name == "postgresql" and "members" in change:
            change = change.replace("'queueD')", "'queueD')::json")
    with unchecked(engine) as connection:
        assert connection.exec_driver_sql(f"UPDATE {table} SET {change} WHERE {where}").rowcount
    found = list(archive.verify())
    assert {finding.run for finding in found} == {HURT}, found


@pytest.mark.parametrize("table", [RUN, *RUN_TABLES], ids=lambda table: table.name)
def test_a_row_taken_away_is_found_and_named_by_run(engine: Engine, archive: RunRepository, table: Any) -> None:
    where = f"id = '{HURT}'" if table is RUN else f"run_object = {NUMBER}"
    position = " AND position = 1" if "position" in table.columns else ""
    newest = " AND status = 'in_progress'" if table.name == "run_object_change" else ""
    with unchecked(engine) as connection:
        number = connection.scalar(text(f"SELECT {NUMBER}"))
        assert connection.execute(text(f"DELETE FROM {table.name} WHERE {where}{position}{newest}")).rowcount
    found = list(archive.verify())
    if table is RUN:  # nothing else knows its id
        assert {str(finding) for finding in found} == {
            f"{other.name}: the table contains rows of run number {number}, which is missing" for other in RUN_TABLES
        }
    else:
        assert {finding.run for finding in found} == {HURT}, found


@pytest.mark.parametrize("table", [table for table in RUN_TABLES if "position" in table.columns], ids=lambda t: t.name)
def test_swapped_and_moved_positions_are_found(engine: Engine, archive: RunRepository, table: Any) -> None:
    of_run = "run_object = (SELECT number FROM run_object WHERE id = :run)"
    move = f"UPDATE {table.name} SET position = :to WHERE {of_run} AND position = :at"
    with unchecked(engine) as connection:
        for at, to in ((0, 9), (1, 0), (9, 1)):
            connection.execute(text(move), {"run": "run_0", "at": at, "to": to})
        last = connection.execute(text(f"SELECT max(position) FROM {table.name}")).scalar()
        connection.execute(text(move), {"run": "run_2", "at": last, "to": 7})
    assert {finding.run for finding in archive.verify()} == {"run_0", "run_2"}


SHARED_CHANGES = {
    "run_object_instructions": "instructions = instructions || ' '",
    "function_object": "document = replace(document, '\"f\"', '\"g\"')",
    "assistant_object_tools_inner": "document = replace(document, 'function', 'functioN')",
    "truncation_object": "document = replace(document, '3', '4')",
    "assistants_api_tool_choice_option": "document = replace(document, 'function', 'functioN')",
    "assistants_api_response_format_option": "document = replace(document, 'json', 'jsom')",
    "run_object_shape": "document = replace(document, 'status', 'statuS')",
}


@pytest.mark.parametrize("table", SHARED_CHANGES)
def test_a_shared_row_changed_by_hand_is_found_and_named_by_each_run(
    engine: Engine, archive: RunRepository, table: str
) -> None:
    with unchecked(engine) as connection:
        assert connection.execute(text(f"UPDATE {table} SET {SHARED_CHANGES[table]}")).rowcount
    found = list(archive.verify())
    assert {"run_0", "run_1", "run_2"} <= {finding.run for finding in found}
    assert any(finding.run is None and finding.table == table for finding in found)


@pytest.mark.parametrize("column", ["type", "digest", "document"])
def test_the_columns_of_a_shared_row_are_those_of_its_value(
    engine: Engine, archive: RunRepository, column: str
) -> None:
    value = {"type": "'x'", "digest": "(SELECT digest FROM run_object WHERE id = 'plain')", "document": "'{'"}[column]
    with unchecked(engine) as connection:
        connection.execute(text(f"UPDATE truncation_object SET {column} = {value}"))
    assert {finding.run for finding in archive.verify()} == {None, "run_0", "run_1", "run_2"}


@pytest.mark.parametrize("table", [*COLLECTED], ids=lambda table: table.name)
def test_a_shared_row_taken_away_is_found_and_named_by_each_run(
    engine: Engine, archive: RunRepository, table: Any
) -> None:
    with unchecked(engine) as connection:
        connection.execute(text(f"DELETE FROM {table.name}"))
    assert {"run_0", "run_1", "run_2"} <= {finding.run for finding in archive.verify()}


def test_damaged_runs_are_a_clear_error_when_they_are_loaded(engine: Engine, archive: RunRepository) -> None:
    from runstore.errors import ArchiveDamaged

    if engine.dialect.name == "sqlite":  # PostgreSQL keeps only JSON in a column of JSON
        with unchecked(engine) as connection:
            connection.execute(text("UPDATE run_object SET extra = '{' WHERE id = 'run_1'"))
        with pytest.raises(ArchiveDamaged, match="run_1"):
            archive.load("run_1")
        assert {finding.run for finding in archive.verify()} == {"run_1"}
    with unchecked(engine) as connection:
        connection.execute(text("UPDATE run_object_shape SET document = '{'"))
    with pytest.raises(ArchiveDamaged, match="run_0"):
        RunRepository(engine).load("run_0")


@examples(40)
@given(found=any_runs())
def test_whatever_was_saved_verifies(runs: RunRepository, found: dict[str, Any]) -> None:
    runs.save_many([found, {**found, "status": "completed"}, dict(reversed(found.items()))], on_conflict="replace")
    assert list(runs.verify()) == []


def test_the_order_of_keys_of_a_snapshot_that_came_late_is_known(archive: RunRepository) -> None:
    late = dict(reversed(stored("run_1", status="queued", late=True).items()))
    archive.save(late, observed_at=1)
    archive.save({"id": "plain", "object": "thread.run", "old": 1, "instructions": "alone", "older": 2}, observed_at=0)
    assert list(archive.verify()) == []
    assert list(archive.verify()) == []
