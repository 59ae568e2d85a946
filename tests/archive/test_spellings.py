"""All three spellings of members, and values of other types than documented: kept as they came, read where clear."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from sqlalchemy import Engine, select, text

from runstore import RunObject, RunRepository
from runstore.errors import RunConflict, RunRejected
from runstore.mapping import CHILD_TABLES, COLUMNS, RUN
from runstore.save.writer import Outcome
from runstore.schema import views
from runstore.wire.spelling import spellings
from tests.helpers.comparison import compact, difference, empty
from tests.helpers.strategies import BUILT_IN, DOCUMENTED, examples, respelled
from tests.helpers.strategies import runs as any_runs

FULL: dict[str, Any] = {
    **BUILT_IN,
    "started_at": 1700000001,
    "incomplete_details": {"reason": "max_prompt_tokens"},
    "truncation_strategy": {"type": "last_messages", "last_messages": 10},
    "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"aB": {}, "Type": 1}}},
    "usage": {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 4},
    },
    "metadata": {"threadId": "x", "team_name": "y"},
    "temperature": 0.5,
    "top_p": 1,
    "max_prompt_tokens": 256,
    "max_completion_tokens": 257,
    "parallel_tool_calls": True,
}
FREE = ("metadata", "parameters", "schema")
"""Members whose keys are the user's own."""


def in_spelling(value: Any, place: int) -> Any:
    """A run with all documented names in camelCase (0) or PascalCase (1)."""
    if isinstance(value, list):
        return [in_spelling(inner, place) for inner in value]
    if not isinstance(value, dict):
        return value
    return {spellings(key)[place]: inner if key in FREE else in_spelling(inner, place) for key, inner in value.items()}


CAMEL, PASCAL = in_spelling(FULL, 0), in_spelling(FULL, 1)
SPELLINGS = {"camel": CAMEL, "pascal": PASCAL}


def rows(engine: Engine, source: Any, without: tuple[str, ...] = ()) -> list[Any]:
    with engine.connect() as connection:
        found = connection.execute(select(*[column for column in source.c if column.name not in without]))
        return sorted((tuple(row) for row in found), key=repr)


@pytest.mark.parametrize("run", SPELLINGS.values(), ids=SPELLINGS)
def test_members_in_another_spelling_fill_the_columns_tables_links_and_views(
    engine: Engine, runs: RunRepository, run: dict[str, Any]
) -> None:
    runs.save(FULL, observed_at=1)
    own = ("shape", "digest", "extra", "archived_at", "number")
    tables = [table for table in CHILD_TABLES if table.name != "run_completion_usage"]  # its extra is as it came
    linked = [column for column in COLUMNS if RUN.c[column].foreign_keys]
    expected = [rows(engine, RUN, (*own, *linked)), *(rows(engine, table, ("run_object",)) for table in tables[:-2])]
    shown = {view.name: rows(engine, view, ("archived_at", "archived_time", "tool_id")) for view in views.VIEWS}
    empty(engine)
    archive = RunRepository(engine)
    assert archive.save(run, observed_at=1) is Outcome.INSERTED
    assert not difference(run, archive.load("run_a"))
    assert [
        rows(engine, RUN, (*own, *linked)),
        *(rows(engine, table, ("run_object",)) for table in tables[:-2]),
    ] == expected
    for view in views.VIEWS:
        assert rows(engine, view, ("archived_at", "archived_time", "tool_id")) == shown[view.name], view.name
    assert rows(engine, RUN, tuple(name for name in COLUMNS if name != "extra")) == [(None,)]
    assert archive.save(compact(run), observed_at=1) is Outcome.UNCHANGED
    assert list(archive.verify()) == []
    wanted: dict[str, Any] = {
        "thread_id": "thread_a", "status": "requires_action", "metadata": {"team_name": "y"}, "function_name": "f",
        "file_id": "file_a", "error_code": "server_error", "incomplete_reason": "max_prompt_tokens",
        "total_tokens_min": 11, "requires_action": True, "created_from": 1700000000,
    }  # fmt: skip
    for name, value in wanted.items():
        assert archive.count(**{name: value}) == 1, name


def test_the_documented_spelling_has_the_column_where_both_occur(engine: Engine, runs: RunRepository) -> None:
    both = {
        "id": "a",
        "ThreadId": "pascal",
        "threadId": "camel",
        "thread_id": "snake",
        "Status": "failed",
        "status": None,
        "Usage": {"totalTokens": 1},
        "usage": {"TotalTokens": 2, "total_tokens": 3},
        "modelName": "x",
        "Model": "first",
        "fileIDs": ["f"],
    }
    runs.save(both)
    assert not difference(both, runs.load("a"))
    assert only(engine, "thread_id", "status", "model", "total_tokens") == ("snake", None, "first", 3)
    assert list(runs.verify()) == []
    with pytest.raises(RunConflict, match="thread_id"):
        runs.save({"id": "a", "ThreadId": "pascal", "threadId": "camel"})


def only(engine: Engine, *columns: str) -> tuple[Any, ...]:
    with engine.connect() as connection:
        return tuple(connection.execute(select(*[views.RUNS.c[column] for column in columns])).one())


def test_a_run_in_another_spelling_is_another_snapshot_of_the_run(runs: RunRepository) -> None:
    runs.save(FULL, observed_at=1)
    camel = CAMEL | {"createdAt": "2023-11-14T22:13:20.000Z"}
    assert runs.save(camel, observed_at=2) is Outcome.UPDATED
    assert runs.save(PASCAL, observed_at=3) is Outcome.UPDATED
    assert runs.save(camel, observed_at=2) is Outcome.STALE
    assert not difference(PASCAL, runs.load("run_a"))
    assert [change.status for change in runs.changes("run_a")] == ["requires_action"] * 2
    assert list(runs.verify()) == []
    with pytest.raises(RunRejected):
        runs.save(FULL | {"id": 5})
    with pytest.raises(RunConflict, match="created_at"):
        runs.save(FULL | {"created_at": 1}, observed_at=4)


@pytest.mark.parametrize("first", [FULL, CAMEL, PASCAL], ids=["snake", "camel", "pascal"])
@pytest.mark.parametrize("second", [FULL, CAMEL, PASCAL], ids=["snake", "camel", "pascal"])
def test_rows_follow_from_one_spelling_to_another_and_from_members_to_none(
    engine: Engine, runs: RunRepository, first: dict[str, Any], second: dict[str, Any]
) -> None:
    later = {"id": "run_a", "status": "completed", "ended": True}
    for seen_at, run in enumerate((first, second, later), 1):
        runs.save(run, observed_at=seen_at)
        assert not difference(run, runs.load("run_a"))
        assert list(runs.verify()) == []
    with engine.connect() as connection:
        assert not [t.name for t in CHILD_TABLES if connection.execute(select(t)).first() is not None]


def test_calls_of_earlier_snapshots_are_found_in_every_spelling(engine: Engine, runs: RunRepository) -> None:
    for number, run in enumerate((FULL, CAMEL, PASCAL)):
        runs.save({key: f"run_{number}" if key in ("id", "Id") else value for key, value in run.items()}, observed_at=1)
        runs.save({"id": f"run_{number}", "status": "completed"}, observed_at=2)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT function_name, arguments, pending FROM run_tool_calls")).all()
    assert [tuple(row) for row in found] == [("f", "{}", False)] * 3


# --- values of other types -------------------------------------------------------------------------------------------

SECONDS: dict[Any, int | None] = {
    "2024-08-21T11:00:18": 1724238018,
    "2024-08-21T11:00:18Z": 1724238018,
    "2024-08-21t11:00:18z": 1724238018,
    "2024-08-21T11:00:18.999Z": 1724238018,
    "2024-08-21T11:00:18,5": 1724238018,
    "2024-08-21T11:00:18.1234567+00:00": 1724238018,
    "2024-08-21 13:00:18+02:00": 1724238018,
    "2024-08-21T05:30:18-0530": 1724238018,
    "20240821T110018Z": 1724238018,
    "2024-08-21T11:00": 1724238000,
    "1969-12-31T23:59:59.5Z": -1,
    "0001-01-01T00:00:00+14:00": -62135647200,
    "1724238017": 1724238017,
    "1724238017.5": 1724238017,
    "-1": -1,
    "1e3": 1000,
    1724238017.5: 1724238017,
    -0.5: -1,
    # more than one reading, or none
    "2024-08-21": None,
    "11:00:18": None,
    "21.08.2024 11:00": None,
    "2024-02-30T00:00:00Z": None,
    "2024-08-21T25:00:00Z": None,
    "2024-08-21T23:59:60Z": None,
    "2024-08-21T11:00:18+99:00": None,
    "2024-0821T11:00:18": None,
    "\uff1224-08-21T11:00:18": None,
    "Wed, 21 Aug 2024 11:00:18 GMT": None,
    "1,724,238,017": None,
    "0017": None,
    "+17": None,
    " 17": None,
    "0x11": None,
    "17 ": None,
    "9223372036854775808": None,
    "1e400": None,
    "NaN": None,
    "": None,
    "today": None,
    1e19: None,
    True: None,
}
COUNTS: dict[Any, int | None] = {
    "12": 12, "12.0": 12, "-3": -3, "1e3": 1000, "9223372036854775807": 2**63 - 1,
    "12.5": None, "9223372036854775808": None, "1" * 5000: None, "twelve": None, 12.5: None, 4.611686018427388e18: None,
    False: None, "2024-08-21T11:00:18": None,
}  # fmt: skip
NUMBERS: dict[Any, float | None] = {
    "0.7": 0.7, "1": 1, "1.0": 1, "1e-07": 1e-07, "0.1234567890123456789": None, "4.611686018427388e18": None,
    "inf": None, ".5": None, True: None,
}  # fmt: skip
FLAGS: dict[Any, bool | None] = {"true": True, "false": False, "True": None, "yes": None, 1: None, 0: None}
OTHER_THAN_TEXT: list[Any] = [5, 1.5, True, [], {}, ["a"]]
OTHER_THAN_OBJECTS: list[Any] = [[], "x", '{"a":1}', 5, False]
READINGS: list[tuple[str, Any, Any]] = [
    *(("created_at", value, reading) for value, reading in SECONDS.items()),
    *(("max_prompt_tokens", value, reading) for value, reading in COUNTS.items()),
    *(("temperature", value, reading) for value, reading in NUMBERS.items()),
    *(("parallel_tool_calls", value, reading) for value, reading in FLAGS.items()),
    *((name, value, None) for name in ("thread_id", "status", "model") for value in OTHER_THAN_TEXT),
    *(("metadata", value, None) for value in OTHER_THAN_OBJECTS),
]


def test_a_value_of_another_type_comes_back_and_its_column_holds_its_one_clear_reading(
    engine: Engine, runs: RunRepository
) -> None:
    given = [
        {"id": f"run_{number:03}", (name if number % 2 else spellings(name)[0]): value}
        for number, (name, value, _) in enumerate(READINGS)
    ]
    report = runs.save_many(given, observed_at=1)
    assert (report.inserted, report.complete) == (len(given), True)
    assert runs.save_many(given, observed_at=1).unchanged == len(given)
    with engine.connect() as connection:
        found = {row.id: row._mapping for row in connection.execute(select(RUN))}
    for run, (name, value, reading) in zip(given, READINGS, strict=True):
        assert not difference(run, runs.load(run["id"]))
        column = found[run["id"]][name]
        assert (type(column), column) == (type(reading), reading), (name, value)
    assert list(runs.verify()) == []
    departs = {finding.run_id for finding in runs.findings() if finding.rule == "type"}
    assert departs == {run["id"] for run in given}


OF_ANY_TYPE: list[Any] = ["x", 1.5, 1, True, [], {}, [1, None], {"type": [1]}]


def test_no_type_of_a_documented_member_rejects_a_run(engine: Engine, runs: RunRepository) -> None:
    given = {
        f"{member} {value!r}": {member: value} for member in DOCUMENTED if member != "object" for value in OF_ANY_TYPE
    }
    for value in OF_ANY_TYPE:
        given[f"nested {value!r}"] = {"usage": {"total_tokens": value}, "last_error": {"code": value, "message": value}}
    saved = [{"id": name, **members} for name, members in given.items()]
    for run in saved[:: len(OF_ANY_TYPE) + 1]:  # the others are saved in one batch, which is read in another way
        assert runs.save(run, observed_at=1) is Outcome.INSERTED
    report = runs.save_many(saved, observed_at=1)
    assert (report.rejected, report.inserted + report.unchanged) == (0, len(saved))
    assert runs.save_many(saved, observed_at=1).unchanged == len(saved)
    for run in saved:
        assert not difference(run, runs.load(run["id"]))
    assert list(runs.verify()) == []
    for view in views.VIEWS:
        rows(engine, view)


def test_a_value_of_another_type_in_what_happened_and_in_what_is_shared_has_its_reading(
    engine: Engine, runs: RunRepository
) -> None:
    call = {"id": 7, "type": "function", "function": {"name": "f", "arguments": {"city": "Bonn"}}}
    run = {
        "id": "a",
        "usage": {"promptTokens": "12", "completion_tokens": "x", "total_tokens": 12.5},
        "lastError": {"code": 429, "message": "slow down"},
        "truncation_strategy": {"type": "last_messages", "lastMessages": "10"},
        "tools": [{"type": "function", "function": {"name": "f", "strict": "true"}}],
        "required_action": {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}},
    }
    runs.save(run)
    assert not difference(run, runs.load("a"))
    shown = ("prompt_tokens", "completion_tokens", "total_tokens", "error_code", "error_message", "truncation")
    assert only(engine, *shown) == (12, None, None, None, "slow down", "last_messages:10")
    [tool] = rows(engine, views.RUN_TOOLS, ("tool_id",))
    assert tool == ("a", 0, "function", "f", None, True)
    [waiting] = rows(engine, views.RUN_TOOL_CALLS)
    assert waiting[:6] == ("a", 0, None, "function", "f", None)
    assert list(runs.verify()) == []


def test_verify_finds_a_reading_that_the_value_does_not_say(engine: Engine, runs: RunRepository) -> None:
    runs.save({"id": "a", "createdAt": "2024-08-21T11:00:17Z", "usage": {"totalTokens": "5"}, "thread_id": 5})
    changes = [
        "UPDATE run_object SET created_at = 1",
        "UPDATE run_object SET created_at = NULL",
        "UPDATE run_object SET thread_id = '5'",
        "UPDATE run_completion_usage SET total_tokens = 6",
    ]
    for change in changes:
        with engine.connect() as connection, connection.begin() as transaction:
            connection.execute(text(change))
            found = list(RunRepository(connection).verify())
            transaction.rollback()
        assert [damage.run for damage in found] == ["a"], change
    assert list(runs.verify()) == []


def test_a_session_keeps_the_spelling_and_what_it_sets_replaces_a_value_of_another_type(
    engine: Engine, runs: RunRepository
) -> None:
    from sqlalchemy.orm import Session

    run = CAMEL | {"startedAt": "2024-08-21T11:00:18", "usage": {"totalTokens": "5", "x": 1}}
    runs.save(run)
    with Session(engine) as session, session.begin():
        stored = session.get_one(RunObject, "run_a")
        assert stored.usage is not None
        assert (stored.started_at, stored.thread_id, stored.usage.total_tokens) == (1724238018, "thread_a", 5)
        stored.status = "completed"
    run["status"] = "completed"
    assert not difference(run, runs.load("run_a"))
    with Session(engine) as session, session.begin():
        stored = session.get_one(RunObject, "run_a")
        stored.started_at = 7
        assert stored.usage is not None
        stored.usage.total_tokens = 6
    assert not difference(run | {"startedAt": 7, "usage": {"totalTokens": 6, "x": 1}}, runs.load("run_a"))
    assert list(runs.verify()) == []
    with Session(engine) as session:
        session.add(RunObject(id="b", created_at="soon"))
        with pytest.raises(RunRejected, match="expected"):
            session.flush()


# --- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@examples(40)
@given(run=respelled(any_runs()))
def test_runs_in_any_spelling_and_with_any_types_come_back_and_verify(engine: Engine, run: dict[str, Any]) -> None:
    archive = RunRepository(engine)
    try:
        given = copy.deepcopy(run)
        assert archive.save(given, observed_at=1) is Outcome.INSERTED
        assert not difference(run, archive.load(str(run.get("id", run.get("Id")))))
        assert archive.save(json.dumps(run), observed_at=1) is Outcome.UNCHANGED
        assert list(archive.verify()) == []
        for view in views.VIEWS:
            rows(engine, view)
        list(archive.findings())
    finally:
        empty(engine)
