"""The views over runs: the same names, columns and values on every backend, whatever is stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy
from hypothesis import given
from sqlalchemy import Engine, select, text

from runstore import RunRepository, wire
from runstore.errors import RunRejected
from runstore.prices import Price
from runstore.schema import views
from runstore.wire.spelling import spellings
from tests.helpers import strategies
from tests.helpers.comparison import empty
from tests.helpers.paths import SAMPLES

FIRST, LAST = -62135510400, 253402214399
"""0001-01-02 to 9999-12-30."""
TERMINAL_TIME = {
    "completed": "completed_at",
    "incomplete": "completed_at",
    "failed": "failed_at",
    "cancelled": "cancelled_at",
    "expired": "expires_at",
}


def a_run(run_id: str, **members: Any) -> dict[str, Any]:
    return {"id": run_id, "object": "thread.run", **members}


def rows(engine: Engine, view: Any, **where: Any) -> list[dict[str, Any]]:
    """Rows of a view, in the order of its columns."""
    statement = select(view).where(*(view.c[name] == value for name, value in where.items()))
    with engine.connect() as connection:
        found = [dict(row._mapping) for row in connection.execute(statement)]
    return sorted(found, key=lambda row: [str(value) for value in row.values()])


def only(engine: Engine, run: dict[str, Any], *columns: str) -> Any:
    """The values of these columns of ``runs`` after saving the run."""
    RunRepository(engine).save(run)
    [row] = rows(engine, views.RUNS, id=run["id"])
    return row[columns[0]] if len(columns) == 1 else tuple(row[column] for column in columns)


# --- the views themselves --------------------------------------------------------------------------------------------


def test_the_live_views_have_the_columns_of_their_models(engine: Engine) -> None:
    live = sqlalchemy.inspect(engine)
    for view in views.VIEWS:
        found = [column["name"] for column in live.get_columns(view.name)]
        assert found == [column.name for column in view.columns], view.name
        assert all(column.comment for column in view.columns)


def tables_read(engine: Engine, statement: str) -> set[str]:
    """Names of the run tables in the plan of a statement."""
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        plan = " ".join(str(row[-1]) for row in connection.execute(text(explain + statement)))
    aliases = {"sqlite": {"r": "run_object", "u": "run_completion_usage", "i": "run_object_instructions"}}
    words = set(plan.replace("(", " ").replace(")", " ").split())
    known = {"run_object", "run_completion_usage", "run_object_instructions", "run_object_last_error", "model_price"}
    known |= {"truncation_object", "function_object", "run_object_assistant_object_tools_inner"}
    found = {aliases.get(engine.dialect.name, {}).get(word, word) for word in words}
    return found & (known | {"e", "d", "t", "c", "n", "f", "l", "p"})


def test_a_query_over_runs_reads_only_the_tables_it_names_columns_of(engine: Engine) -> None:
    assert tables_read(engine, "SELECT id, status, finished_at, created_day FROM runs") == {"run_object"}
    found = tables_read(engine, "SELECT id, total_tokens FROM runs")
    assert found == {"run_object", "run_completion_usage"}


# --- runs ------------------------------------------------------------------------------------------------------------


def in_calendar(seconds: Any) -> bool:
    return seconds is not None and FIRST <= seconds <= LAST


def moment(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if in_calendar(seconds) else None


def between(earlier: Any, later: Any) -> int | None:
    return later - earlier if in_calendar(earlier) and in_calendar(later) else None


def number(value: Any) -> Any:
    """A float that an integer column would alter is stored in extra."""
    return None if isinstance(value, float) and value.is_integer() and abs(value) <= 2**63 else value


def string(value: Any, *path: str) -> str | None:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def cached(usage: dict[str, Any]) -> int | None:
    for name in ("prompt_tokens_details", "prompt_token_details"):
        details = usage.get(name)
        found = details.get("cached_tokens") if isinstance(details, dict) else None
        if type(found) is int and abs(found) < 10**18:
            return found
    return None


def tool_choice(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    kind, name = string(value, "type") or "object" if value.get("type") != "" else "", string(value, "function", "name")
    return kind if name is None else f"{kind}:{name}"


def response_format(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    kind, name = string(value, "type"), string(value, "json_schema", "name")
    return f"{kind}:{name}" if kind == "json_schema" and name is not None else "object" if kind is None else kind


def truncation(value: Any) -> str | None:
    if value is None:
        return None
    kind = string(value, "type")
    kind = "object" if kind is None else kind
    last = value.get("last_messages")
    return f"{kind}:{last}" if type(last) is int else kind


def calls(run: dict[str, Any]) -> list[Any] | None:
    """Tool calls of the documented form; None where the action is of another one."""
    action = run.get("required_action") or {}
    outputs = action.get("submit_tool_outputs")
    if not isinstance(outputs, dict) or list(outputs) != ["tool_calls"] or not isinstance(outputs["tool_calls"], list):
        return None
    for call in outputs["tool_calls"]:
        function = call.get("function", {}) if isinstance(call, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict):
            return None
        values = (call.get("id"), call.get("type"), function.get("name"), function.get("arguments"))
        if not all(value is None or isinstance(value, str) for value in values):
            return None
    found: list[Any] = outputs["tool_calls"]
    return found


def expected(run: dict[str, Any]) -> dict[str, Any]:
    """The row of ``runs``, except source, price and runstore's own times."""
    run = wire.loads(wire.canonical(json.dumps(run).encode(), "$"))
    created = run.get("created_at")
    day = moment(created)
    usage, error = run.get("usage") or {}, run.get("last_error") or {}
    finished = run.get(TERMINAL_TIME[run["status"]]) if run.get("status") in TERMINAL_TIME else None
    times = {f"{name}_time": moment(run.get(f"{name}_at")) for name in ("created", "started", "expires", "cancelled")}
    plain: tuple[str, ...] = (
        "id",
        "object",
        "created_at",
        "thread_id",
        "assistant_id",
        "status",
        "expires_at",
        "started_at",
    )
    plain += ("cancelled_at", "failed_at", "completed_at", "model", "instructions", "metadata", "max_prompt_tokens")
    plain += ("max_completion_tokens", "parallel_tool_calls")
    return {
        **{name: run.get(name) for name in plain},
        **times,
        "temperature": number(run.get("temperature")),
        "top_p": number(run.get("top_p")),
        "failed_time": moment(run.get("failed_at")),
        "completed_time": moment(run.get("completed_at")),
        "finished_at": finished,
        "finished_time": moment(finished),
        "queue_seconds": between(created, run.get("started_at")),
        "run_seconds": between(run.get("started_at"), finished),
        "total_seconds": between(created, finished),
        "created_hour": day and f"{day.year:04}-{day:%m-%dT%H}",
        "created_day": day and f"{day.year:04}-{day:%m-%d}",
        "created_week": day and f"{day.isocalendar().year:04}-W{day.isocalendar().week:02}",
        "created_month": day and f"{day.year:04}-{day:%m}",
        **{name: usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")},
        "cached_tokens": cached(usage),
        "error_code": error.get("code"),
        "error_message": error.get("message"),
        "incomplete_reason": (run.get("incomplete_details") or {}).get("reason"),
        "tool_choice": tool_choice(run.get("tool_choice")),
        "response_format": response_format(run.get("response_format")),
        "truncation": truncation(run.get("truncation_strategy")),
        "tool_count": len(run.get("tools") or ()),
        "file_count": len(run.get("file_ids") or ()),
        "pending_tool_calls": len(calls(run) or ()),
        "cost": None,
        "currency": None,
    }


def check(engine: Engine, saved: list[dict[str, Any]]) -> None:
    """All views can be read completely, and ``runs`` has the values that Python computes from the runs."""
    empty(engine)
    RunRepository(engine).save_many(saved)
    for view in views.VIEWS:
        rows(engine, view)
    found = {row["id"]: row for row in rows(engine, views.RUNS)}
    assert found.keys() == {run["id"] for run in saved}
    for run in saved:
        row = found[run["id"]]
        for column, value in expected(run).items():
            assert row[column] == value, (column, run)
    pairs = {(row["run_id"], row["key"]): row["value"] for row in rows(engine, views.RUN_METADATA)}
    for run in saved:
        for key, value in (run.get("metadata") or {}).items():
            told = value if isinstance(value, str) else wire.canonical(json.dumps(value).encode(), "$").decode()
            shown = pairs.pop((run["id"], key))
            # SQLite finds no fraction under a key that JSON escapes, and spells the number in its own way.
            assert shown == told or (isinstance(value, float) and wire.encode(key) != f'"{key}"'.encode())
    assert not pairs


HOSTILE = [
    a_run("years", created_at=LAST + 1, started_at=FIRST - 1, completed_at=2**63 - 1, status="completed"),
    a_run("edges", created_at=FIRST, started_at=0, completed_at=LAST, status="completed"),
    a_run("far", created_at=-(2**63), started_at=2**63 - 1, cancelled_at=-1, status="cancelled"),
    a_run("no tokens", usage={}),
    a_run("much", usage={"prompt_tokens": 2**63 - 1, "completion_tokens": 2**63 - 1, "total_tokens": -(2**63)}),
    a_run("cached", usage={"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0}}),
    a_run("singular", usage={"prompt_tokens": 9, "prompt_token_details": {"cached_tokens": 4}}),
    a_run("no number", usage={"prompt_tokens_details": {"cached_tokens": "4"}}),
    a_run("no object", usage={"prompt_tokens_details": [4], "prompt_token_details": {"cached_tokens": 10**18}}),
    a_run("fraction", usage={"prompt_tokens_details": {"cached_tokens": 4.5}}),
    a_run("huge", usage={"prompt_tokens_details": {"cached_tokens": 1e300}}),
    a_run("deep", metadata={"a": {"b": [1.50, {}]}, "n": None, "t": True, "i": -7, "f": 0.30000000000000004}),
    a_run("odd keys", metadata={"": "", "a.b": 1e-7, 'a"b': "x", "a\\b": "y", "$": 1e300, "é\n": "\u2028", "[0]": 5}),
    a_run("strings", tool_choice="auto", response_format="auto", truncation_strategy={"type": "auto"}),
    a_run("objects", tool_choice={"type": "code_interpreter"}, response_format={"type": "text"}),
    a_run("named", tool_choice={"type": "function", "function": {"name": "get_weather"}}),
    a_run("schema", response_format={"type": "json_schema", "json_schema": {"name": "Answer", "schema": {}}}),
    a_run("no name", response_format={"type": "json_schema", "json_schema": ["name"]}, tool_choice={}),
    a_run("last", truncation_strategy={"type": "last_messages", "last_messages": 10}),
    a_run("empty", truncation_strategy={}, tool_choice='a"b', response_format="\\"),
    a_run("expired", status="expired", created_at=100, expires_at=700),
    a_run("incomplete", status="incomplete", created_at=100, started_at=101, completed_at=110),
    a_run("contradiction", status="failed", created_at=100, completed_at=110),
    a_run("action", required_action={"type": 5, "submit_tool_outputs": {"tool_calls": [1, None, {"id": 5}]}}),
    a_run("actions", required_action={"a": {"tool_calls": {}}, "b": {"tool_calls": [[]]}, "c": [], "d": "x"}),
]


def test_no_stored_value_makes_a_view_fail_and_the_values_are_the_same_on_all_databases(engine: Engine) -> None:
    check(engine, HOSTILE)


def test_the_samples_are_in_the_views_as_they_are(engine: Engine) -> None:
    check(engine, list({run["id"]: run for run in strategies.real_forms()}.values()))


@pytest.mark.slow
@strategies.examples(15)
@given(saved=strategies.batches())
def test_runs_of_any_form_are_in_the_views_as_they_are(engine: Engine, saved: list[dict[str, Any]]) -> None:
    check(engine, saved)


@pytest.mark.slow
@strategies.examples(15)
@given(run=strategies.mutilated())
def test_mutilated_runs_do_not_make_a_view_fail(engine: Engine, run: dict[str, Any]) -> None:
    empty(engine)
    report = RunRepository(engine).save_many([run])
    for view in views.VIEWS:
        rows(engine, view)
    if report.inserted:
        assert len(rows(engine, views.RUNS)) == 1


@pytest.mark.parametrize("year", [1, 4, 999, 1969, 1970, 2000, 2004, 2009, 2010, 2015, 2020, 2021, 2026, 9998])
def test_weeks_are_those_of_iso_8601_at_the_turn_of_every_year(engine: Engine, year: int) -> None:
    seconds = [
        int(datetime(year, 1, 3, 12, tzinfo=UTC).timestamp()) + day * 86400 for day in (*range(12), *range(355, 367))
    ]
    RunRepository(engine).save_many(a_run(f"{second}", created_at=second) for second in seconds)
    for row in rows(engine, views.RUNS):
        week = moment(row["created_at"]).isocalendar()  # type: ignore[union-attr]
        assert row["created_week"] == f"{week.year:04}-W{week.week:02}"


def test_sums_beyond_64_bits_are_right_on_postgresql_and_an_error_of_sqlite_can_be_had_around(engine: Engine) -> None:
    usage = {"prompt_tokens": 2**63 - 1, "completion_tokens": 1, "total_tokens": 2**63 - 1}
    RunRepository(engine).save_many(a_run(str(n), usage=usage) for n in range(3))
    function = "total" if engine.dialect.name == "sqlite" else "sum"
    with engine.connect() as connection:
        total = connection.execute(text(f"SELECT {function}(total_tokens) FROM runs")).scalar_one()
    assert float(total) == 3.0 * (2**63 - 1)


# --- the other views -------------------------------------------------------------------------------------------------


def test_tools_and_files_stand_in_the_order_of_the_run(engine: Engine) -> None:
    function = {"type": "function", "function": {"name": "f", "description": "Does.", "strict": True}}
    RunRepository(engine).save(
        a_run("a", tools=[{"type": "retrieval"}, function, "odd", function], file_ids=["y", "x", "y"])
    )
    found = rows(engine, views.RUN_TOOLS)
    assert [
        (row["position"], row["type"], row["function_name"], row["description"], row["strict"]) for row in found
    ] == [
        (0, "retrieval", None, None, None),
        (1, "function", "f", "Does.", True),
        (2, None, None, None, None),
        (3, "function", "f", "Does.", True),
    ]
    assert found[1]["tool_id"] == found[3]["tool_id"]
    assert [(row["run_id"], row["position"], row["file_id"]) for row in rows(engine, views.RUN_FILES)] == [
        ("a", 0, "y"),
        ("a", 1, "x"),
        ("a", 2, "y"),
    ]


def an_action(*names: str) -> dict[str, Any]:
    called = [
        {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": "{}"}} for name in names
    ]
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": called}}


def test_tool_calls_are_those_a_run_waits_for_and_those_of_its_earlier_snapshots(engine: Engine) -> None:
    runs = RunRepository(engine)
    runs.save(a_run("a", status="requires_action", required_action=an_action("f", "g")), observed_at=1_000_000)
    runs.save(a_run("a", status="in_progress", required_action=None), observed_at=2_000_000)
    runs.save(a_run("a", status="requires_action", required_action=an_action("h")), observed_at=3_000_000)
    approval = {"id": "call_m", "type": "mcp", "name": "m", "arguments": "[]", "server_label": "s"}
    runs.save(
        a_run("b", required_action={"type": "submit_tool_approval", "submit_tool_approval": {"tool_calls": [approval]}})
    )
    found = [
        (
            row["run_id"],
            row["position"],
            row["call_id"],
            row["type"],
            row["function_name"],
            row["arguments"],
            row["pending"],
        )
        for row in rows(engine, views.RUN_TOOL_CALLS)
    ]
    assert found == [
        ("a", 0, "call_f", "function", "f", "{}", False),
        ("a", 0, "call_h", "function", "h", "{}", True),
        ("a", 1, "call_g", "function", "g", "{}", False),
        ("b", 0, "call_m", "mcp", "m", "[]", True),
    ]
    times = {row["function_name"]: row["observed_time"] for row in rows(engine, views.RUN_TOOL_CALLS, run_id="a")}
    assert times == {name: datetime.fromtimestamp(second, UTC) for name, second in (("f", 1), ("g", 1), ("h", 3))}


def test_changes_are_the_snapshots_in_their_order_with_the_status_before(engine: Engine) -> None:
    runs = RunRepository(engine)
    for second, status in ((5, "completed"), (1, "queued"), (2, "in_progress"), (9, "cancelling")):
        runs.save(a_run("a", status=status, model="m" if second > 1 else "old"), observed_at=second * 1_000_000 + 7)
    found = rows(engine, views.RUN_CHANGES)
    assert [
        (row["position"], row["status"], row["previous_status"], row["observed_at"], row["is_current"]) for row in found
    ] == [
        (0, "queued", None, 1_000_007, False),
        (1, "in_progress", "queued", 2_000_007, False),
        (2, "cancelling", "in_progress", 9_000_007, False),
        (3, "completed", "cancelling", 5_000_007, True),
    ]
    assert found[0]["observed_time"] == datetime.fromtimestamp(1, UTC)
    assert found[0]["members"] == {"model": "old", "status": "queued"}
    assert found[3]["members"] is None


# --- findings --------------------------------------------------------------------------------------------------------

GOOD = json.loads((SAMPLES / "v2_2024_08.json").read_text(encoding="utf-8"))
LONG = "x" * 600
FINDINGS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"object": ""}, "object", "$.object", 'unknown object ""'),
    ({"object": None}, "object", "$.object", "is null"),
    ({"status": "paused"}, "status", "$.status", 'unknown status "paused"'),
    ({"created_at": None}, "null", "$.created_at", "may not be null"),
    ({"instructions": None}, "null", "$.instructions", "may not be null"),
    ({"tools": None}, "null", "$.tools", "may not be null"),
    (
        {"status": "completed", "completed_at": None},
        "timestamp",
        "$.completed_at",
        "is null or absent in a run that is completed",
    ),
    (
        {"required_action": an_action("f")},
        "required_action",
        "$.required_action",
        "is present in a run whose status is",
    ),
    ({"status": "requires_action"}, "required_action", "$.required_action", "is null or absent in a run that requires"),
    ({"status": "queued"}, "usage", "$.usage", "is present in a run that has not ended"),
    ({"usage": {"total_tokens": 1, "prompt_tokens": 1}}, "usage", "$.usage.completion_tokens", "is null or absent"),
    ({"last_error": {"code": "oops", "message": ""}}, "last_error", "$.last_error.code", 'unknown code "oops"'),
    (
        {"incomplete_details": {"reason": "x"}},
        "incomplete_details",
        "$.incomplete_details.reason",
        'unknown reason "x"',
    ),
    ({"metadata": {str(n): "" for n in range(17)}}, "metadata", "$.metadata", "17 pairs, expected at most 16"),
    ({"metadata": {"k" * 65: ""}}, "metadata", "$.metadata." + "k" * 65, "a key of 65 characters"),
    ({"metadata": {"k": LONG}}, "metadata", "$.metadata.k", "a value of 600 characters"),
    ({"metadata": {"k": 5}}, "metadata", "$.metadata.k", "the value is not a string"),
    ({"tools": [{"type": "code_interpreter"}] * 129}, "tools", "$.tools", "129 tools, expected at most 128"),
    ({"tools": [{"type": "code_interpreter"}] * 21, "file_ids": []}, "tools", "$.tools", "21 tools"),
    ({"tools": [{"type": "mcp"}]}, "tools", "$.tools[0].type", 'unknown type "mcp"'),
    (
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        "tools",
        "$.tools[0].function.name",
        '"a b" is no',
    ),
    ({"file_ids": ["f"] * 21}, "file_ids", "$.file_ids", "21 files, expected at most 20"),
    ({"instructions": "x" * 256_001}, "instructions", "$.instructions", "256001 characters"),
    ({"temperature": 2.1}, "temperature", "$.temperature", "expected 0 to 2"),
    ({"top_p": -0.1}, "top_p", "$.top_p", "expected 0 to 1"),
    ({"max_prompt_tokens": 16}, "max_prompt_tokens", "$.max_prompt_tokens", "16, expected at least 256"),
    ({"truncation_strategy": {"type": "x"}}, "truncation_strategy", "$.truncation_strategy.type", 'unknown type "x"'),
    (
        {"truncation_strategy": {"type": "last_messages", "last_messages": 0}},
        "truncation_strategy",
        "$.truncation_strategy.last_messages",
        "0, expected at least 1",
    ),
    ({"tool_choice": "any"}, "tool_choice", "$.tool_choice", 'unknown ""any""'),
    ({"tool_choice": {"type": "mcp"}}, "tool_choice", "$.tool_choice.type", 'unknown type "mcp"'),
    ({"response_format": "text"}, "response_format", "$.response_format", 'unknown ""text""'),
    ({"response_format": {}}, "response_format", "$.response_format.type", "is null, absent or not a string"),
    ({"tools": [{"type": "retrieval"}] * 21}, "tools", "$.tools", "21 tools"),
    ({"created_at": 1724238017000}, "timestamp", "$.created_at", "1724238017000 is beyond the year 9999"),
]
TYPES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"started_at": "2024-08-21T11:00:18"}, "type", "$.started_at", "is a string, expected an integer"),
    ({"created_at": 1724238017.5}, "type", "$.created_at", "is a number, expected an integer"),
    ({"metadata": []}, "type", "$.metadata", "is an array, expected an object"),
    ({"tool_choice": 5}, "type", "$.tool_choice", "is a number, expected a string or an object"),
    ({"tools": {}}, "type", "$.tools", "is an object, expected an array"),
    ({"tools": ["code_interpreter"]}, "type", "$.tools[0]", "is a string, expected an object"),
    ({"parallel_tool_calls": "true"}, "type", "$.parallel_tool_calls", "is a string, expected a boolean"),
    ({"temperature": True}, "type", "$.temperature", "is a boolean, expected a number"),
    (
        {"usage": {"prompt_tokens": "1", "completion_tokens": 1, "total_tokens": 2}},
        "type",
        "$.usage.prompt_tokens",
        "is a string, expected an integer",
    ),
    ({"parallel_tool_calls": None}, "null", "$.parallel_tool_calls", "may not be null"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}},
        "response_format",
        "$.response_format.json_schema.name",
        '"a b" is not a valid function name',
    ),
    (
        {"tools": [{"type": "file_search", "file_search": {"max_num_results": 51}}]},
        "tools",
        "$.tools[0].file_search.max_num_results",
        "expected 1 to 50",
    ),
]
"""What only the text of a run tells."""


def in_camel_case(run: dict[str, Any]) -> dict[str, Any]:
    """A run whose top-level keys have this spelling."""
    return {spellings(key)[0]: value for key, value in run.items()}


def test_a_run_as_documented_has_no_findings(engine: Engine) -> None:
    runs = RunRepository(engine)
    runs.save(GOOD, strict=True)
    assert list(runs.findings()) == []


def test_a_run_as_documented_but_for_its_spelling_has_no_findings(engine: Engine) -> None:
    runs = RunRepository(engine)
    runs.save(in_camel_case(GOOD), strict=True)
    assert list(runs.findings()) == []
    assert rows(engine, views.RUN_FINDINGS) == []


@pytest.mark.parametrize("spell", [dict, in_camel_case])
def test_strict_refuses_what_lint_finds(engine: Engine, spell: Any) -> None:
    runs = RunRepository(engine)
    departing = {
        f"run_{number:03}": (spell({**GOOD, **members}) | {"id": f"run_{number:03}"}, members, rule, path, detail)
        for number, (members, rule, path, detail) in enumerate(FINDINGS + TYPES)
    }
    for run, *_ in departing.values():
        with pytest.raises(RunRejected, match="deviates from the API specification"):
            runs.save(run, strict=True)
    assert runs.save_many(run for run, *_ in departing.values()).inserted == len(departing)
    findings, in_view = list(runs.findings()), rows(engine, views.RUN_FINDINGS)
    for run_id, (_, members, rule, path, detail) in departing.items():
        of_run = [finding for finding in findings if finding.run_id == run_id]
        found = {(finding.rule, finding.path.casefold().replace("_", "")) for finding in of_run}
        assert (rule, path.casefold().replace("_", "")) in found
        # The view reports what columns show, and nothing that lint does not report.
        seen = {(row["rule"], row["path"].casefold().replace("_", "")) for row in in_view if row["run_id"] == run_id}
        assert seen <= found or detail.endswith("expected an object")
        of_text = rule == "type" or (members, rule, path, detail) in TYPES
        assert (rule, path.casefold().replace("_", "")) in seen or of_text


@pytest.mark.parametrize("tools", [21, 128])
def test_strict_and_lint_allow_128_tools_in_a_run_of_the_second_generation(engine: Engine, tools: int) -> None:
    runs = RunRepository(engine)
    runs.save({**GOOD, "tools": [{"type": "code_interpreter"}] * tools}, strict=True)
    assert list(runs.findings()) == []


def test_every_rule_finds_what_departs_from_the_document(engine: Engine) -> None:
    runs = RunRepository(engine)
    for number, (members, _, _, _) in enumerate(FINDINGS):
        runs.save({**GOOD, **members, "id": f"run_{number:03}"})
    runs.save({key: value for key, value in GOOD.items() if key != "failed_at"} | {"id": "without"})
    found = list(runs.findings())
    for number, (_, rule, path, detail) in enumerate(FINDINGS):
        of_run = [finding for finding in found if finding.run_id == f"run_{number:03}"]
        assert [f for f in of_run if f.rule == rule and f.path == path and f.detail.startswith(detail)], (rule, of_run)
        assert len(of_run) == 1 or rule in ("status", "required_action", "usage")
    assert [finding[1:] for finding in found if finding.run_id == "without"] == [
        ("missing", "$.failed_at", "a required member is absent")
    ]
    assert [finding.rule for finding in runs.findings(id="run_002")][:1] == ["status"]
    assert len(list(runs.findings(model="nowhere"))) == 0


# --- cost ------------------------------------------------------------------------------------------------------------


def test_cost_is_that_of_the_whole_name_or_the_longest_beginning_at_the_time_of_the_run(engine: Engine) -> None:
    runs = RunRepository(engine)
    assert (
        runs.set_prices(
            [
                Price("gpt-4*", 0, 30, None, 60, "USD"),
                Price("gpt-4o*", 0, 5, 2.5, 15, "USD"),
                Price("gpt-4o*", 1000, 2.5, 1.25, 10, "USD"),
                Price("gpt-4o-mini", 0, 0.15, None, 0.6, "EUR"),
            ]
        )
        == 4
    )
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 500_000, "total_tokens": 1_500_000}
    of_cache = {**usage, "prompt_tokens_details": {"cached_tokens": 400_000}}
    cases: list[tuple[dict[str, Any], float | None, str | None]] = [
        ({"model": "gpt-4", "created_at": 5, "usage": usage}, 60, "USD"),
        ({"model": "gpt-4o-2024", "created_at": 999, "usage": usage}, 12.5, "USD"),
        ({"model": "gpt-4o-2024", "created_at": 1000, "usage": usage}, 7.5, "USD"),
        ({"model": "gpt-4o", "created_at": 1000, "usage": of_cache}, 0.6 * 2.5 + 0.4 * 1.25 + 5, "USD"),
        ({"model": "gpt-4o-mini", "created_at": 1000, "usage": of_cache}, 0.45, "EUR"),
        ({"model": "gpt-4o-mini-2", "created_at": 1000, "usage": usage}, 7.5, "USD"),
        ({"model": "o1", "created_at": 1000, "usage": usage}, None, None),
        ({"model": "gpt-4", "usage": usage}, None, None),
        ({"model": "gpt-4", "created_at": -1, "usage": usage}, None, None),
        ({"model": "gpt-4", "created_at": 5}, None, "USD"),
        ({"model": "gpt-4", "created_at": 5, "usage": {"prompt_tokens": 5}}, None, "USD"),
        ({"model": "gpt-4", "created_at": 5, "usage": {**usage, "prompt_tokens": 2**63 - 1}}, None, "USD"),
        ({"model": "gpt-4o", "created_at": 5, "usage": {**of_cache, "prompt_tokens": 5}}, None, "USD"),
    ]
    for number, (members, cost, currency) in enumerate(cases):
        found = only(engine, a_run(f"run_{number}", **members), "cost", "currency")
        assert found == (pytest.approx(cost), currency), members
    assert runs.set_prices([Price("gpt-4*", 0, 10, None, 20, "USD")]) == 1
    assert len(runs.prices()) == 4
    assert rows(engine, views.RUNS, id="run_0")[0]["cost"] == pytest.approx(20)
