"""Statistics: what is counted is what Python counts, the same on every database."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from runstore import ConfigurationError, RunRepository
from runstore.query import statistics
from tests.helpers import statements
from tests.helpers.counted import ENDS, GROUPS, Run, counted, expected, made, pairs_of_tools, taken_by

# --- values ----------------------------------------------------------------------------------------------------------


def test_every_group_has_the_numbers_that_python_counts(runs: RunRepository) -> None:
    given = made()
    runs.save_many(given)
    several = [("model", "day"), ("status", "model"), ("function", "month"), ("tool", "error")]
    for by in ((), *((name,) for name in GROUPS), *several):
        assert runs.stats(by) == expected(given, *by), by


def test_tools_and_functions_together_count_each_pair_once(runs: RunRepository) -> None:
    given = made()
    runs.save_many(given)
    counts: dict[tuple[str | None, str | None], int] = {}
    for run in given:
        for pair in pairs_of_tools(run):
            counts[pair] = counts.get(pair, 0) + 1
    found = runs.stats(["tool", "function"], columns="runs")
    assert {(row["tool"], row["function"]): row["runs"] for row in found} == counts


def test_a_column_alone_is_what_it_is_among_all(runs: RunRepository) -> None:
    given = made(120)
    runs.save_many(given)
    groups, whole = expected(given, "model"), counted(given)
    for column in statistics.COLUMNS:
        assert runs.stats("model", columns=column) == [{"model": row["model"], column: row[column]} for row in groups]
        assert runs.stats(columns=column) == [{column: whole[column]}]


def test_sums_beyond_64_bits_are_right(runs: RunRepository) -> None:
    largest, least = 2**63 - 1, -(2**63)
    runs.save_many({"id": str(n), "usage": {"prompt_tokens": largest, "total_tokens": least}} for n in range(9))
    found = runs.stats(columns=["prompt_tokens", "total_tokens"])
    assert found == [{"prompt_tokens": 9 * largest, "total_tokens": 9 * least}]


@pytest.mark.parametrize("size", [1, 2, 3, 19, 20, 21, 99, 100, 101])
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    runs: RunRepository, engine: Engine, backend: str, size: int
) -> None:
    runs.save_many(
        {"id": str(n), "created_at": 0, "completed_at": 2 * n, "status": "completed"} for n in range(size, 0, -1)
    )
    columns = ["seconds_p50", "seconds_p95", "seconds_p99"]
    (found,) = runs.stats(columns=columns)
    assert [found[name] for name in columns] == [2 * ceil(percent * size / 100) for percent in (50, 95, 99)]
    if backend != "sqlite":
        own = "SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY total_seconds) FROM runs"
        with engine.connect() as connection:
            assert connection.execute(text(own)).scalar() == [found[name] for name in columns]


def price(engine: Engine, *rows: tuple[str, str, str]) -> None:
    with engine.begin() as connection:
        for model, amount, currency in rows:
            connection.execute(
                text(
                    "INSERT INTO model_price (model, valid_from, prompt, completion, currency) "
                    f"VALUES (:model, 0, {amount}, {amount}, :currency)"
                ),
                {"model": model, "currency": currency},
            )


def test_cost_is_added_up_by_currency_and_what_has_no_price_is_counted(runs: RunRepository, engine: Engine) -> None:
    usage = {"prompt_tokens": 3000, "completion_tokens": 1000, "total_tokens": 4000}
    for number, model in enumerate(["a", "a", "b", "c", "c"]):
        runs.save({"id": str(number), "model": model, "created_at": 10, "usage": usage})
    runs.save({"id": "without usage", "model": "a", "created_at": 10})
    price(engine, ("a", "2.5", "EUR"), ("b", "0.1", "USD"))
    columns = ["cost", "currency", "unpriced"]
    assert runs.stats("model", columns=columns) == [
        {"model": "a", "cost": pytest.approx(0.02), "currency": "EUR", "unpriced": 0},
        {"model": "b", "cost": pytest.approx(0.0004), "currency": "USD", "unpriced": 0},
        {"model": "c", "cost": None, "currency": None, "unpriced": 2},
    ]
    assert runs.stats(columns=columns) == [{"cost": None, "currency": None, "unpriced": 2}]


def test_an_archive_without_runs_has_one_row_of_nothing_and_no_groups(runs: RunRepository) -> None:
    assert runs.stats() == [counted([])]
    assert runs.stats("day") == []


# --- what is asked ---------------------------------------------------------------------------------------------------


ASKED: list[tuple[dict[str, Any], Callable[[Run], bool]]] = [
    ({"status": "failed"}, lambda run: run["status"] == "failed"),
    ({"status": ["failed", "expired"]}, lambda run: run["status"] in ("failed", "expired")),
    ({"created_from": 1_702_000_000}, lambda run: (run["created_at"] or 0) >= 1_702_000_000),
    ({"finished_from": 1_702_000_000}, lambda run: (run.get(ENDS.get(run["status"], "")) or 0) >= 1_702_000_000),
    ({"function_name": "pay"}, lambda run: {"type": "function", "function": {"name": "pay"}} in run["tools"]),
    (
        {"thread_id": "thread_3", "model": "gpt-4o"},
        lambda run: (run["thread_id"], run["model"]) == ("thread_3", "gpt-4o"),
    ),
    ({"total_seconds_min": 60}, lambda run: (taken_by(run) or 0) >= 60),
    ({"thread_id": "nowhere"}, lambda run: False),
]


def test_a_filter_says_which_runs_are_counted(runs: RunRepository) -> None:
    given = made()
    runs.save_many(given)
    for where, meets in ASKED:
        left = list(filter(meets, given))
        assert runs.stats("model", **where) == expected(left, "model")
        assert runs.stats(["tool", "month"], columns="runs", **where) == [
            {"tool": row["tool"], "month": row["month"], "runs": row["runs"]} for row in expected(left, "tool", "month")
        ]
        ordered = sorted(left, key=lambda run: (run["created_at"] is not None, run["created_at"] or 0, run["id"]))
        assert list(runs.rows(["id"], **where)) == [(run["id"],) for run in ordered]
        assert list(runs.rows(["id"], newest_first=True, **where)) == [(run["id"],) for run in reversed(ordered)]


def test_sort_puts_the_greatest_first_and_limit_keeps_so_many(runs: RunRepository) -> None:
    given = made()
    runs.save_many(given)
    every = expected(given, "thread")
    for column in ("runs", "seconds_p95", "failure_rate"):
        wanted = sorted(every, key=lambda row: (row[column] is None, -(row[column] or 0)))[:5]
        assert runs.stats("thread", sort=column, limit=5) == wanted


def test_rows_can_be_sorted_by_a_number(runs: RunRepository) -> None:
    given = made(60)
    runs.save_many(given)
    every = list(runs.rows(["id", "total_tokens"]))
    wanted = sorted(every, key=lambda row: (row[1] is None, -(row[1] or 0)))
    assert list(runs.rows(["id", "total_tokens"], sort="total_tokens")) == wanted
    assert list(runs.rows(["id", "total_tokens"], sort="total_tokens", limit=3)) == wanted[:3]
    assert (
        list(runs.rows("id", sort="total_tokens", limit=2, thread_id="thread_3"))
        == [
            (run_id,) for run_id, _ in wanted if next(r for r in given if r["id"] == run_id)["thread_id"] == "thread_3"
        ][:2]
    )
    for wrong in ({"sort": "model"}, {"sort": "nothing"}, {"limit": 0}):
        with pytest.raises(ConfigurationError, match="expected"):
            runs.rows("id", **wrong)


def test_what_makes_no_sense_is_a_configuration_error(runs: RunRepository) -> None:
    for arguments in (
        {"by": "color"},
        {"columns": ["runs", "nothing"]},
        {"sort": "nothing"},
        {"columns": ["runs"], "sort": "failed"},
        {"limit": 0},
        {"statuses": "failed"},
        {"status": 5},
    ):
        with pytest.raises(ConfigurationError, match=r"expected|there is no filter"):
            runs.stats(**arguments)
    senseless: list[Any] = [5, None, [["model"]], "nothing"]
    for argument in senseless:
        with pytest.raises(ConfigurationError, match=r"by is .*, expected one or more of hour, day"):
            runs.stats(argument)
        with pytest.raises(ConfigurationError, match="expected one or more of id, object"):
            runs.rows([argument])
    with pytest.raises(ConfigurationError, match="columns is empty"):
        runs.rows([])
    runs.save({"id": "run_1", "model": "m"})
    assert list(runs.rows("id")) == [("run_1",)] == list(runs.rows(name for name in ("id",)))


def test_only_what_is_asked_is_computed(runs: RunRepository, engine: Engine) -> None:
    runs.save_many(made(50))
    with statements.counted(engine) as asked:
        runs.stats(["model", "day"], columns=["runs", "total_tokens"], created_from=0)
    (statement,) = [statement for statement in asked if "total_tokens" in statement]
    for other in ("total_seconds", "cost", "prompt_tokens", "status", "row_number"):
        assert other not in statement


def test_what_is_not_asked_is_not_read(runs: RunRepository, engine: Engine, backend: str) -> None:
    runs.save({"id": "run_1", "created_at": 100_000, "model": "gpt-4o"})
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
        asked.append((statement, given))

    event.listen(engine, "before_cursor_execute", note)
    runs.stats(["model", "day"], columns="total_tokens", created_from=100_000, created_before=150_000)
    event.remove(engine, "before_cursor_execute", note)
    statement, parameters = next((one, given) for one, given in asked if "total_tokens" in one)
    explain = "EXPLAIN QUERY PLAN " if backend == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        plan = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters))
    assert "run_object_last_error" not in plan
    assert "function_object" not in plan


# --- keys of metadata ------------------------------------------------------------------------------------------------


def test_runs_are_grouped_by_the_value_of_a_key_of_metadata(runs: RunRepository) -> None:
    values: list[Any] = [
        *({"customer": "a", "team": "x"}, {"customer": "b"}, {"customer": "a"}, {"customer": "A"}, {"customer": ""}),
        *({"customer": 1}, {"customer": 1.5}, {"customer": True}, {"customer": None}, {"customer": ["a", {"b": 1}]}),
        *({}, None, [], "customer", {"Customer": "a"}),
    ]
    runs.save_many({"id": str(number), "created_at": 5, "metadata": value} for number, value in enumerate(values))
    found = {row["metadata:customer"]: row["runs"] for row in runs.stats("metadata:customer", columns="runs")}
    assert found == {
        None: 5,
        "": 1,
        "A": 1,
        "a": 2,
        "b": 1,
        "1": 1,
        "1.5": 1,
        "true": 1,
        "null": 1,
        '["a",{"b":1}]': 1,
    }
    both = runs.stats(["metadata:customer", "metadata:team", "day"], columns="runs", metadata={"customer": "a"})
    assert both == [
        {"metadata:customer": "a", "metadata:team": None, "day": "1970-01-01", "runs": 1},
        {"metadata:customer": "a", "metadata:team": "x", "day": "1970-01-01", "runs": 1},
    ]


@pytest.mark.parametrize("key", ["%s", "a'b", 'a"b', "a:b", "{}", "ключ", "$.a", "a,b", "", "x" * 300])
def test_any_key_of_metadata_is_a_group(runs: RunRepository, key: str) -> None:
    runs.save({"id": "1", "created_at": 5, "metadata": {key: "yes"}, "completed_at": 9, "status": "completed"})
    assert runs.stats(f"metadata:{key}", columns=["runs", "seconds_p50"]) == [
        {f"metadata:{key}": "yes", "runs": 1, "seconds_p50": 4}
    ]


def test_a_key_that_no_run_can_have_and_an_unknown_group_are_refused(runs: RunRepository) -> None:
    with pytest.raises(ConfigurationError, match="lone surrogate"):
        runs.stats("metadata:\ud800")
    with pytest.raises(ConfigurationError, match="metadata:KEY"):
        runs.stats("customer")
