"""Statistics: what is counted is what Python counts, the same on every database."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from sqlalchemy import Engine, event, text
from sqlalchemy.engine import URL

from runstore import ConfigurationError, RunRepository
from runstore.prices import Price
from runstore.query import statistics
from runstore.statuses import STATUSES
from tests.archive.test_sql import command
from tests.helpers.commands import on_a_terminal, shown

Run = dict[str, Any]
ENDS = {"completed": "completed_at", "incomplete": "completed_at", "failed": "failed_at", "cancelled": "cancelled_at"}
ENDS["expired"] = "expires_at"


def made(count: int = 400, seed: int = 7) -> list[Run]:
    """Runs of every status, some with too little to count."""
    dice = random.Random(seed)
    runs = []
    for number in range(count):
        status = dice.choice([*STATUSES, *["completed"] * 9, "failed", "failed", "odd", None])
        created = dice.choice([None, -(2**62), *(1_700_000_000 + dice.randrange(60 * 86_400) for _ in range(30))])
        run: Run = {"id": f"run_{number:03}", "object": "thread.run", "created_at": created, "status": status}
        run["model"] = dice.choice(["gpt-4o", "gpt-4o-mini", "älter", None])
        run["assistant_id"], run["thread_id"] = f"asst_{dice.randrange(4)}", f"thread_{dice.randrange(20)}"
        if status in ENDS and created is not None and dice.random() < 0.9:
            run[ENDS[status]] = created + dice.choice([0, 1, 5, 5, 60, 3600])
        if status == "failed":
            run["last_error"] = dice.choice([None, {"code": "server_error"}, {"code": "rate_limit_exceeded"}])
        if dice.random() < 0.8:
            tokens = [dice.choice([None, 0, 5, 10**6, 2**62]) for _ in range(3)]
            run["usage"] = dict(zip(("prompt_tokens", "completion_tokens", "total_tokens"), tokens, strict=True))
            if dice.random() < 0.3:
                run["usage"]["prompt_tokens_details"] = {"cached_tokens": dice.randrange(100)}
        names = dice.choices(["find", "book", "pay"], k=dice.randrange(4))
        run["tools"] = [{"type": "function", "function": {"name": name}} for name in names]
        run["tools"] += dice.choices([{"type": "code_interpreter"}, {"type": "file_search"}], k=dice.randrange(3))
        runs.append(run)
    return runs


def time(form: str) -> Callable[[Run], list[str | None]]:
    def groups(run: Run) -> list[str | None]:
        created = run["created_at"]
        if created is None or abs(created) > 2**60:
            return [None]
        moment = datetime.fromtimestamp(created, UTC)
        year, week, _ = moment.isocalendar()
        return [moment.strftime(form) if form else f"{year}-W{week:02}"]

    return groups


def some(values: Iterable[str]) -> list[str | None]:
    return [*dict.fromkeys(values)] or [None]


GROUPS: dict[str, Callable[[Run], list[str | None]]] = {
    "hour": time("%Y-%m-%dT%H"),
    "day": time("%Y-%m-%d"),
    "week": time(""),
    "month": time("%Y-%m"),
    "model": lambda run: [run["model"]],
    "assistant": lambda run: [run["assistant_id"]],
    "thread": lambda run: [run["thread_id"]],
    "status": lambda run: [run["status"]],
    "error": lambda run: [(run.get("last_error") or {}).get("code")],
    "tool": lambda run: some(tool["type"] for tool in run["tools"]),
    "function": lambda run: some(tool["function"]["name"] for tool in run["tools"] if "function" in tool),
}


def pairs_of_tools(run: Run) -> list[tuple[str | None, str | None]]:
    return [*dict.fromkeys((tool["type"], tool.get("function", {}).get("name")) for tool in run["tools"])] or [
        (None, None)
    ]


def expected(runs: Iterable[Run], *by: str) -> list[dict[str, Any]]:
    groups: dict[tuple[str | None, ...], list[Run]] = {}
    for run in runs:
        for names in product(*(GROUPS[name](run) for name in by)):
            groups.setdefault(names, []).append(run)
    ordered = sorted(groups, key=lambda names: [(name is not None, (name or "").encode()) for name in names])
    return [{**dict(zip(by, names, strict=True)), **counted(groups[names])} for names in ordered]


def counted(runs: list[Run]) -> dict[str, Any]:
    statuses = [run["status"] for run in runs]
    ended = sum(status in ENDS for status in statuses)
    seconds = sorted(filter(lambda taken: taken is not None, map(taken_by, runs)))

    def total(read: Callable[[dict[str, Any]], int | None]) -> int | None:
        values = [value for run in runs if (value := read(run.get("usage") or {})) is not None]
        return sum(values) if values else None

    def percentile(percent: int) -> int | None:
        return seconds[ceil(percent * len(seconds) / 100) - 1] if seconds else None

    return {
        "runs": len(runs),
        **{status: statuses.count(status) for status in STATUSES},
        "other_status": sum(status not in STATUSES for status in statuses),
        "failure_rate": statuses.count("failed") / ended if ended else None,
        **{name: total(lambda usage, name=name: usage.get(name)) for name in statistics.TOKENS[:3]},  # type: ignore[misc]
        "cached_tokens": total(lambda usage: usage.get("prompt_tokens_details", {}).get("cached_tokens")),
        "cost": None,
        "currency": None,
        "unpriced": sum((run.get("usage") or {}).get("total_tokens") is not None for run in runs),
        "seconds_mean": sum(seconds) / len(seconds) if seconds else None,
        **{name: percentile(percent) for name, percent in statistics.PERCENTILES.items()},
        "unfinished": len(runs) - len(seconds),
    }


def taken_by(run: Run) -> Any:
    end = run.get(ENDS.get(run["status"], "none"))
    return None if end is None or abs(run["created_at"]) > 2**60 else end - run["created_at"]


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "by",
    [
        (),
        *((name,) for name in GROUPS),
        ("model", "day"),
        ("status", "model"),
        ("function", "month"),
        ("tool", "error"),
    ],
    ids=lambda by: "+".join(by) or "all",
)
def test_every_group_has_the_numbers_that_python_counts(runs: RunRepository, by: tuple[str, ...]) -> None:
    given = made()
    runs.save_many(given)
    assert runs.stats(by) == expected(given, *by)


def test_tools_and_functions_together_count_each_pair_once(runs: RunRepository) -> None:
    given = made()
    runs.save_many(given)
    counts: dict[tuple[str | None, str | None], int] = {}
    for run in given:
        for pair in pairs_of_tools(run):
            counts[pair] = counts.get(pair, 0) + 1
    found = runs.stats(["tool", "function"], columns="runs")
    assert {(row["tool"], row["function"]): row["runs"] for row in found} == counts


@pytest.mark.parametrize("column", statistics.COLUMNS)
def test_a_column_alone_is_what_it_is_among_all(runs: RunRepository, column: str) -> None:
    given = made(120)
    runs.save_many(given)
    whole = [{"model": row["model"], column: row[column]} for row in expected(given, "model")]
    assert runs.stats("model", columns=column) == whole
    assert runs.stats(columns=column) == [{column: counted(given)[column]}]


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


@pytest.mark.parametrize(
    ("where", "meets"),
    [
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
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_a_filter_says_which_runs_are_counted(
    runs: RunRepository, where: dict[str, Any], meets: Callable[[Run], bool]
) -> None:
    given = made()
    runs.save_many(given)
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
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _, __, statement, *___: asked.append(statement))
    runs.stats(["model", "day"], columns=["runs", "total_tokens"], created_from=0)
    (statement,) = [statement for statement in asked if "total_tokens" in statement]
    for other in ("total_seconds", "cost", "prompt_tokens", "status", "row_number"):
        assert other not in statement


def test_what_is_not_asked_is_not_read(runs: RunRepository, engine: Engine, backend: str) -> None:
    runs.save({"id": "run_1", "created_at": 100_000, "model": "gpt-4o"})
    asked: list[tuple[str, Any]] = []
    event.listen(
        engine, "before_cursor_execute", lambda _, __, statement, given, *___: asked.append((statement, given))
    )
    runs.stats(["model", "day"], columns="total_tokens", created_from=100_000, created_before=150_000)
    statement, parameters = next((one, given) for one, given in asked if "total_tokens" in one)
    explain = "EXPLAIN QUERY PLAN " if backend == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        plan = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters))
    assert "run_object_last_error" not in plan
    assert "function_object" not in plan


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_writes_json_lines_and_csv(runs: RunRepository, url: URL) -> None:
    given = made(60)
    runs.save_many(given)
    db = ("--db", shown(url))
    lines = command("stats", *db, "--by", "status", "--by", "model").out.splitlines()
    assert [json.loads(line) for line in lines] == expected(given, "status", "model")
    table = command(
        "stats", *db, "--by", "tool", "--columns", "failed,runs", "--format", "csv", "--model", "gpt-4o"
    ).out
    rows = expected([run for run in given if run["model"] == "gpt-4o"], "tool")
    assert table == "tool,failed,runs\r\n" + "".join(
        f"{row['tool'] or ''},{row['failed']},{row['runs']}\r\n" for row in rows
    )
    top = command("stats", *db, "--by", "thread", "--sort", "runs", "--limit", "1", "--format", "json")
    assert json.loads(top.out) == [max(expected(given, "thread"), key=lambda row: row["runs"])]
    assert command("stats", *db, "--by", "color").code == 2
    assert command("stats", *db, "--sort", "color").code == 2


def test_a_terminal_gets_a_table_with_bars(tmp_path: Any) -> None:
    with RunRepository.open(tmp_path / "runstore.db") as runs:
        for number, (model, tokens) in enumerate([("small", 250_000), ("large\x1b[31m", 1_000_000), (None, 0)]):
            runs.save({"id": str(number), "created_at": 5, "model": model, "usage": {"total_tokens": tokens}})
    code, seen = on_a_terminal(tmp_path, "stats", "--by", "model")
    assert code == 0
    assert f"1,000,000  {'█' * 16} " in seen
    assert f"250,000  {'█' * 4} " in seen
    assert "large\\x1b[31m" in seen
    assert "\x1b[31m" not in seen
    assert "cost" not in seen
    _, plain = on_a_terminal(tmp_path, "stats", "--by", "model", "--sort", "runs", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert "#" * 16 in plain
    _, one = on_a_terminal(tmp_path, "stats")
    assert "1,250,000" in one


def test_a_table_cuts_no_number_and_no_name_where_the_terminal_is_narrow(tmp_path: Path) -> None:
    with RunRepository.open(tmp_path / "runstore.db") as runs:
        for number, model in enumerate(("gpt-4-1106-preview", "gpt-4-turbo")):
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 1_234_567 // (number + 1)}
            runs.save({"id": str(number), "created_at": 5, "model": model, "usage": usage})
        runs.set_prices([Price("gpt*", 0, 1000, None, 250, "EUR")])
    seen = {}
    for columns in ("200", "80", "60", "30"):
        code, text = on_a_terminal(tmp_path, "stats", "--by", "model", "--by", "month", COLUMNS=columns)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
        assert code == 0
        assert max(map(cell_len, lines)) <= int(columns)
        assert "1,234,567" in text
        assert "0.0013" in text  # less than a hundredth of a euro is not nothing
        assert "…" not in text
        seen[columns] = lines
    assert "█" * 16 in seen["200"][1]
    assert seen["80"][0].split() == ["failure", "total", "seconds", "seconds"]
    assert "row 1" in seen["30"][0]
