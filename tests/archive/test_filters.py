"""Filters: each finds the right runs, alone and combined, in pages and in one pass, by an index."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from runstore import ConfigurationError, RunNotFound, RunRepository
from runstore.query import criteria, filters
from runstore.schema import Base
from tests.helpers.filter_cases import CASES, DAY, RUNS, T, save
from tests.helpers.runs import a_run, ids, pages


def in_order(found: list[dict[str, Any]]) -> list[str]:
    return ids(sorted(found, key=lambda run: (-(2**63) if run["created_at"] is None else run["created_at"], run["id"])))


@pytest.mark.slow
@pytest.mark.parametrize("few", [0, 20, 1500], ids=["walking", "both", "fetching"])
def test_a_filter_finds_the_same_runs_whichever_way_they_are_come_by(
    runs: RunRepository, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(filters, "FEW", few)
    monkeypatch.setattr(filters, "HORIZON", 30)
    monkeypatch.setattr(filters, "MANY", 2 * few)
    save(runs, RUNS)
    for where, meets in CASES:
        expected = in_order([run for run in RUNS if meets(run)])
        assert ids(runs.iterate(**where)) == expected, where
        assert runs.count(**where) == len(expected), where
        assert ids(runs.find(limit=1000, **where).runs) == expected[::-1], where
        found = [run_id for page in pages(runs, limit=7, newest_first=False, **where) for run_id in page]
        assert found[:70] == expected[:70], where


def test_an_archive_without_irregular_runs_finds_the_same(runs: RunRepository) -> None:
    regular = [run for run in RUNS if run["id"] not in ("run_050", "run_051", "run_052", "run_053")]
    runs.save_many(regular)
    for where, meets in CASES:
        if {"started_from", "started_before", "finished_from", "finished_before"} & where.keys():
            expected = in_order([run for run in regular if meets(run)])
            assert ids(runs.iterate(**where)) == expected
            assert ids(runs.find(limit=1000, newest_first=False, **where).runs) == expected
            assert runs.count(**where) == len(expected)


@pytest.mark.slow
def test_a_filter_means_the_same_runs_to_all_that_take_one(runs: RunRepository) -> None:
    assert {name for where, _ in CASES for name in where} == criteria.FILTERS.keys()
    save(runs, RUNS, observed_at=2)
    runs.save_many([{**run, "status": "queued", "note": "earlier"} for run in RUNS[::7]], observed_at=1)
    for where, meets in CASES:
        expected = {str(run["id"]) for run in RUNS if meets(run)}
        assert {run_id for (run_id,) in runs.rows("id", **where)} == expected, where
        assert sum(row["runs"] for row in runs.stats("status", **where)) == len(expected), where
        assert runs.fingerprint(**where).runs == len(expected), where
        assert sum(found.runs for found in runs.fingerprints_by_day(**where).values()) == len(expected), where
        assert {finding.run_id for finding in runs.findings(**where)} <= expected, where
        if where == {"metadata": {}}:
            expected = set()  # without a condition no run is deleted
        forecast = runs.forecast(**where)
        assert forecast.runs == len(expected), where
        deleted = runs.prune(**where)
        assert deleted == forecast._replace(bytes=0), where
        assert runs.count() == len(RUNS) - len(expected)
        save(runs, (run for run in RUNS if run["id"] in expected), observed_at=2)


def test_the_source_of_a_run_is_that_of_its_newest_snapshot(runs: RunRepository) -> None:
    runs.save(a_run("a", status="queued"), source="eu", observed_at=1)
    runs.save(a_run("a", status="queued"), source="us", observed_at=2)  # the same snapshot, seen again
    assert runs.count(source="eu") == 1
    runs.save(a_run("a", status="completed"), source="us", observed_at=3)
    runs.save(a_run("a", status="failed"), source="eu", observed_at=2)
    assert (runs.count(source="eu"), runs.count(source="us")) == (0, 1)
    runs.save(a_run("b"))
    runs.save(a_run("c"), source="")
    assert ids(runs.find(source="").runs) == ["c"]
    assert runs.stats("source", columns="runs") == [{"source": name, "runs": 1} for name in (None, "", "us")]


def test_no_filter_is_passed_over(runs: RunRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter without conditions would select all runs, and a prune would delete them."""
    assert criteria.FILTERS.keys() == filters.MAKERS.keys()
    runs.save_many(RUNS[:3])
    monkeypatch.setitem(criteria.FILTERS, "colour", criteria.FILTERS["model"])
    asked: tuple[Callable[..., object], ...] = (runs.prune, runs.forecast, runs.count, runs.find, runs.fingerprint)
    for ask in asked:
        with pytest.raises(KeyError, match="colour"):
            ask(colour="red", model="gpt-4o")
    assert runs.count() == 3

    class Filter(criteria.Filter, total=False):
        colour: str | None

    with pytest.raises(TypeError, match="the filter colour has no Criterion"):
        criteria.criteria_of(Filter)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"created_from": "7 days"}, "created_from is '7 days', expected Unix seconds, a datetime or date"),
    ({"metadata": "a=b"}, "metadata is 'a=b', expected a mapping of strings to strings"),
    ({"metadata": {"a": 5}}, "metadata contains 'a': 5, expected strings"),
    ({"metadata_key": [5]}, "metadata_key is 5, expected a string"),
    ({"metadata_key": 5}, "metadata_key is 5, expected a string"),
    ({"total_tokens_min": "5"}, "total_tokens_min is '5', expected an integer"),
    ({"total_seconds_max": 1.5}, "total_seconds_max is 1.5, expected an integer"),
    ({"requires_action": 1}, "requires_action is 1, expected True or False"),
    ({"after": "a", "cursor": "b"}, "after is given together with a cursor, and both set the beginning of the page"),
]


def test_a_bad_value_says_what_is_expected(runs: RunRepository) -> None:
    for where, message in BAD:
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            runs.find(**where)


def test_what_no_run_can_hold_is_found_in_none(runs: RunRepository) -> None:
    runs.save_many(RUNS)
    nowhere: list[dict[str, Any]] = [
        {"id": "a\x00"},
        {"metadata": {"team": "\ud800"}},
        {"metadata_key": "\x00"},
        {"file_id": []},
    ]
    for where in nowhere:
        assert runs.count(**where) == 0
        assert runs.find(**where).runs == []


def test_pages_after_and_before_a_run(runs: RunRepository) -> None:
    runs.save_many(a_run(f"run_{n:02}", created_at=T + n // 4, status="ab"[n % 2]) for n in range(20))
    newest = [f"run_{n:02}" for n in range(19, -1, -1)]
    assert ids(runs.find(after="run_15", limit=3).runs) == ["run_14", "run_13", "run_12"]
    assert ids(runs.find(before="run_10", limit=3).runs) == ["run_13", "run_12", "run_11"]
    assert ids(runs.find(after="run_15", before="run_10").runs) == ["run_14", "run_13", "run_12", "run_11"]
    assert ids(runs.find(after="run_15", newest_first=False, limit=2).runs) == ["run_16", "run_17"]
    assert ids(runs.find(before="run_03", newest_first=False, limit=2).runs) == ["run_01", "run_02"]
    assert ids(runs.find(after="run_15", status="a", limit=2).runs) == ["run_14", "run_12"]
    page = runs.find(before="run_10", limit=3)
    assert page.next is not None
    assert ids(runs.find(cursor=page.next, limit=2).runs) == ["run_10", "run_09"]
    assert ids(runs.find(before="run_19").runs) == []
    found: list[str] = []
    while batch := ids(runs.find(limit=6, after=found[-1] if found else None).runs):
        found += batch
    assert found == newest


@pytest.mark.parametrize("side", ["after", "before"])
def test_a_run_that_is_not_there_is_no_place_to_go_on_from(runs: RunRepository, side: str) -> None:
    runs.save(a_run("a"))
    for run_id in ("nowhere", "\x00"):
        with pytest.raises(RunNotFound):
            runs.find(**{side: run_id})  # type: ignore[arg-type]


# --- the way ---------------------------------------------------------------------------------------------------------


def many(engine: Engine) -> None:
    """An archive of several thousand small runs, analysed."""
    numbers = {
        "sqlite": "WITH RECURSIVE g (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM g WHERE n < 19999) SELECT n FROM g",
        "postgresql": "SELECT n FROM generate_series(0, 19999) AS g (n)",
    }[engine.dialect.name]
    if engine.dialect.name == "postgresql":
        # Rows that tests before this one deleted are still in the tables and indexes, and a plan depends on their size.
        with engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(table.name for table in Base.metadata.sorted_tables)}"))
    RunRepository(engine).save(a_run("first", tools=[{"type": "retrieval"}, {"type": "mcp"}], created_at=1))
    digest = {"sqlite": "CAST(n AS BLOB)", "postgresql": "decode(lpad(to_hex(n), 8, '0'), 'hex')"}[engine.dialect.name]
    kind = {"sqlite": "text", "postgresql": "json"}[engine.dialect.name]
    metadata = f"""CAST('{{"number":"' || n || '"}}' AS {kind})"""
    status = "CASE WHEN n % 5000 = 0 THEN 'failed' ELSE 'completed' END"
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO run_object (id, created_at, started_at, completed_at, thread_id, assistant_id, model, "
                "status, metadata, shape, digest, observed_at, archived_at) "
                f"SELECT 'run_' || n, {T} + n * 600, {T} + n * 600 + 1, {T} + n * 600 + n % 40, 'thread_' || (n / 10), "
                f"'asst_' || (n / 100), 'model_' || (n / 200), {status}, {metadata}, "
                f"(SELECT min(id) FROM run_object_shape), {digest}, 0, 0 FROM ({numbers}) q"
            )
        )
        for insert in (
            "run_completion_usage (run_object, total_tokens) SELECT number, created_at % 9973 FROM run_object "
            "WHERE id <> 'first'",
            "run_object_last_error (run_object, code) SELECT number, 'code_' || (created_at % 997) FROM run_object",
            "run_object_incomplete_details (run_object, reason) SELECT number, 'reason_' || created_at FROM run_object",
            f"function_object (id, digest, document, name) SELECT n, {digest}, '{{}}', 'f_' || n FROM ({numbers}) q",
            "assistant_object_tools_inner (id, digest, document, type, function) "
            "SELECT id, digest, document, 'function', id FROM function_object",
            "run_object_required_action (run_object, type) "
            "SELECT number, 'x' FROM run_object WHERE created_at % 997 = 0",
            "run_object_file_ids (run_object, position, file_ids) SELECT number, 0, 'file_' || id FROM run_object",
            "run_object_assistant_object_tools_inner (run_object, position, assistant_object_tools_inner) "
            "SELECT r.number, 0, t.id FROM run_object r JOIN assistant_object_tools_inner t "
            "ON t.type = CASE WHEN r.thread_id LIKE '%77' THEN 'retrieval' ELSE 'mcp' END WHERE r.id <> 'first'",
        ):
            connection.execute(text(f"INSERT INTO {insert}"))
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


BY_TOOL = "ix_run_object_assistant_object_tools_inner_tool"
USED: list[tuple[dict[str, Any], *tuple[str, ...]]] = [
    ({}, "ix_run_object_created_at"),
    ({"id": "run_7"}, "pk_run_object"),
    ({"thread_id": "thread_7"}, "ix_run_object_thread_id"),
    ({"assistant_id": "asst_1"}, "ix_run_object_assistant_id"),
    ({"status": "failed"}, "ix_run_object_status"),
    ({"status": ["failed", "completed"]}, "ix_run_object_status"),
    ({"model": "model_1"}, "ix_run_object_model"),
    ({"created_from": T + DAY, "created_before": T + 2 * DAY}, "ix_run_object_created_at"),
    ({"started_from": T + DAY, "started_before": T + 2 * DAY}, "ix_run_object_created_at"),
    ({"finished_before": T + DAY}, "ix_run_object_created_at"),
    ({"started_from": T + DAY}, "ix_run_object_irregular"),
    ({"file_id": "file_run_7"}, "ix_run_object_file_ids_file_ids"),
    ({"tool_type": "retrieval"}, "ix_assistant_object_tools_inner_type", BY_TOOL),
    ({"function_name": "f_7"}, "ix_function_object_name", "ix_assistant_object_tools_inner_function", BY_TOOL),
    ({"error_code": "code_3"}, "ix_run_object_last_error_code"),
    ({"incomplete_reason": "reason_3"}, "ix_run_object_incomplete_details_reason"),
    ({"total_tokens_min": 9970}, "ix_run_completion_usage_total_tokens"),
    ({"total_tokens_min": 5, "total_tokens_max": 6}, "ix_run_completion_usage_total_tokens"),
    ({"total_seconds_min": 100}, "ix_run_object_seconds"),
    ({"total_seconds_max": 0}, "ix_run_object_seconds"),
    ({"requires_action": True}, "uq_run_object_number"),
    ({"requires_action": False}, "ix_run_object_created_at"),
    ({"metadata": {"number": "77"}}, "ix_run_object_metadata"),
    ({"metadata_key": "absent"}, "ix_run_object_metadata"),
]
"""Each filter but source, which has no index, and the indexes that its first page uses."""
OTHERS = {
    "ix_run_object_created": "SQL over the views, which contains created_at",
    "ix_run_object_instructions_id": "prune, which looks for what no run uses",
    "ix_assistants_api_tool_choice_option_function": "prune",
}
"""Indexes that no filter uses, and who does."""


def plans(engine: Engine, ask: Callable[[], object]) -> list[str]:
    """The plans of all statements that a call executes."""
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        ask()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        return [
            "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters))
            for statement, parameters in sent
            if "runstore_version" not in statement
        ]


SMALL = "_shape|_required_action|_instructions"
LARGE = rf"(run_object(?!{SMALL})|run_completion_usage|function_object|assistant_object_tools_inner)\w*"
SCAN = {
    "sqlite": re.compile(rf"SCAN {LARGE}$", re.MULTILINE),
    "postgresql": re.compile(rf"Seq Scan on {LARGE} "),
}
"""Every row of a table is read, and by no index."""


def spelled(index: str, engine: Engine) -> str:
    """The name in a plan; SQLite stores no name for a key."""
    names = {"pk_run_object": "sqlite_autoindex_run_object_1", "uq_run_object_number": "INTEGER PRIMARY KEY"}
    return names.get(index, index) if engine.dialect.name == "sqlite" else index


@pytest.mark.slow
def test_every_filter_uses_its_indexes_and_no_first_page_scans_a_table(engine: Engine) -> None:
    many(engine)
    runs = RunRepository(engine)
    runs.count()
    for where, *indexes in USED:
        found = "\n".join(plans(engine, lambda where=where: runs.find(**where)))  # type: ignore[misc]
        if engine.dialect.name == "sqlite" and indexes == ["ix_run_object_metadata"]:
            indexes = ["ix_run_object_created_at"]  # there is no index: runs are read in their order
        if not all(spelled(index, engine) in found for index in indexes) or SCAN[engine.dialect.name].search(found):
            pytest.fail(f"{where} should be found by {', '.join(indexes)}, without a scan:\n{found}")


@pytest.mark.slow
def test_the_rows_of_a_page_are_found_by_their_ids(engine: Engine) -> None:
    many(engine)
    runs = RunRepository(engine)
    runs.count()
    *_, of_rows = plans(engine, lambda: runs.find_rows(status="completed", limit=5))
    assert spelled("pk_run_object", engine) in of_rows, of_rows
    assert "SCAN r" not in of_rows


@pytest.mark.slow
def test_statistics_of_a_range_of_days_read_its_runs_alone(engine: Engine) -> None:
    many(engine)
    runs = RunRepository(engine)
    runs.count()
    for by in ("day", ["model", "day"]):
        asked = plans(engine, lambda by=by: runs.stats(by, created_from=T + DAY, created_before=T + 4 * DAY))  # type: ignore[misc]
        for plan in asked:
            assert "ix_run_object_created_at" in plan, plan
            assert not re.search(r"SCAN r$|Seq Scan on run_object ", plan, re.MULTILINE), plan


def test_there_is_no_index_that_nothing_uses() -> None:
    made = {str(index.name) for table in Base.metadata.tables.values() for index in table.indexes}
    served = {index for _, *indexes in USED for index in indexes if not index.startswith(("pk_", "uq_"))}
    assert made == served | OTHERS.keys()


@pytest.mark.slow
def test_sql_over_the_view_finds_a_range_of_created_at_by_an_index(engine: Engine) -> None:
    many(engine)
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    statement = (
        "SELECT created_day, count(*), sum(total_tokens) FROM runs "
        f"WHERE created_at >= {T + DAY} AND created_at < {T + 4 * DAY} GROUP BY created_day"
    )
    with engine.connect() as connection:
        plan = "\n".join(str(row[-1]) for row in connection.execute(text(explain + statement)))
    assert "ix_run_object_created " in plan + " ", plan


def test_the_statements_of_a_page_do_not_grow_with_it(engine: Engine) -> None:
    runs = RunRepository(engine)
    runs.save_many(RUNS)
    runs.find()
    for where in ({}, {"status": "completed"}, {"function_name": "f2"}, {"metadata_key": "x"}):
        runs.find(limit=80, **where)  # type: ignore[arg-type]  # reads what the runs share, which is remembered
        numbers = [len(plans(engine, lambda n=n, where=where: runs.find(limit=n, **where))) for n in (5, 80)]  # type: ignore[misc]
        assert numbers[0] <= numbers[1] <= 4


@pytest.mark.slow
def test_ages_are_before_now(runs: RunRepository) -> None:
    now = datetime.now(UTC)
    for hours in (1, 30, 200):
        runs.save(a_run(f"{hours}h ago", created_at=int((now - timedelta(hours=hours)).timestamp())))
    assert ids(runs.find(created_from="12h").runs) == ["1h ago"]
    assert ids(runs.find(created_before="7d").runs) == ["200h ago"]
