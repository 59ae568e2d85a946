"""stats: rows in every format, and a table on a terminal."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from sqlalchemy.engine import URL

from runstore import RunRepository
from runstore.prices import Price
from tests.helpers.commands import Cli, Terminal, shown
from tests.helpers.counted import expected, made


def test_the_command_writes_json_lines_and_csv(runs: RunRepository, url: URL, cli: Cli) -> None:
    given = made(60)
    runs.save_many(given)
    db = ("--db", shown(url))
    lines = cli("stats", *db, "--by", "status", "--by", "model").out.splitlines()
    assert [json.loads(line) for line in lines] == expected(given, "status", "model")
    table = cli("stats", *db, "--by", "tool", "--columns", "failed,runs", "--format", "csv", "--model", "gpt-4o").out
    rows = expected([run for run in given if run["model"] == "gpt-4o"], "tool")
    assert table == "tool,failed,runs\r\n" + "".join(
        f"{row['tool'] or ''},{row['failed']},{row['runs']}\r\n" for row in rows
    )
    top = cli("stats", *db, "--by", "thread", "--sort", "runs", "--limit", "1", "--format", "json")
    assert json.loads(top.out) == [max(expected(given, "thread"), key=lambda row: row["runs"])]
    assert cli("stats", *db, "--by", "status,model").out == cli("stats", *db, "--by", "status", "--by", "model").out
    assert cli("stats", *db, "--by", "color").code == 2
    assert cli("stats", *db, "--sort", "color").code == 2


def test_a_terminal_gets_a_table_with_bars(tmp_path: Any, terminal: Terminal) -> None:
    with RunRepository.open(tmp_path / "runstore.db") as runs:
        for number, (model, tokens) in enumerate([("small", 250_000), ("large\x1b[31m", 1_000_000), (None, 0)]):
            runs.save({"id": str(number), "created_at": 5, "model": model, "usage": {"total_tokens": tokens}})
    code, seen = terminal("stats", "--by", "model")
    assert code == 0
    assert f"1,000,000  {'█' * 16} " in seen
    assert f"250,000  {'█' * 4} " in seen
    assert "large\\x1b[31m" in seen
    assert "\x1b[31m" not in seen
    assert "currency" not in seen
    assert "the cost of 3 runs is not known; 'runstore prices missing' lists the models" in seen
    _, plain = terminal("stats", "--by", "model", "--sort", "runs", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert "#" * 16 in plain
    _, one = terminal("stats")
    assert "1,250,000" in one


def test_a_table_cuts_no_number_and_no_name_where_the_terminal_is_narrow(tmp_path: Path, terminal: Terminal) -> None:
    with RunRepository.open(tmp_path / "runstore.db") as runs:
        for number, model in enumerate(("gpt-4-1106-preview", "gpt-4-turbo")):
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 1_234_567 // (number + 1)}
            runs.save({"id": str(number), "created_at": 5, "model": model, "usage": usage})
        runs.set_prices([Price("gpt*", 0, 1000, None, 250, "EUR")])
    seen = {}
    for columns in ("200", "80", "60", "30"):
        code, text = terminal("stats", "--by", "model", "--by", "month", COLUMNS=columns)
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


def test_pivot_prints_a_column_for_each_value_and_top_adds_up_the_others(
    runs: RunRepository, url: URL, cli: Cli
) -> None:
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000}
    for number, (month, model, status) in enumerate([
        *((1, "a", "completed"), (1, "a", "failed"), (1, "b", "completed"), (2, "c", "completed"), (2, None, "failed")),
        *((3, "a", "completed"), (3, "d", "queued")),
    ]):  # fmt: skip
        created = int(datetime(2024, month, 5, tzinfo=UTC).timestamp())
        runs.save({"id": str(number), "created_at": created, "model": model, "status": status, "usage": usage})
    runs.set_prices(
        [Price("a", 0, 2, None, 2, "USD"), Price("b", 0, 1, None, 1, "USD"), Price("c", 0, 3, None, 3, "EUR")]
    )
    command = ("stats", "--db", shown(url), "--by", "month", "--pivot", "model")
    found = [json.loads(line) for line in cli(*command, "--columns", "runs").out.splitlines()]
    assert found == [
        {"month": "2024-01", "a": 2, "b": 1, "c": None, "d": None, "none": None},
        {"month": "2024-02", "a": None, "b": None, "c": 1, "d": None, "none": 1},
        {"month": "2024-03", "a": 1, "b": None, "c": None, "d": 1, "none": None},
    ]
    top = cli(*command, "--top", "1", "--csv")
    assert top.out.splitlines() == [
        *("month,a,other", "2024-01,2000000,1000000", "2024-02,,2000000", "2024-03,1000000,1000000")
    ]
    cost = cli(*command, "--columns", "cost", "--csv")
    assert cost.out.splitlines() == [
        "month,a (USD),c (EUR),b (USD)",
        *("2024-01,4,,1", "2024-02,,3,", "2024-03,2,,"),
    ]
    assert cost.err == "the cost of 2 runs is not known; 'runstore prices missing' lists the models without a price\n"
    cost = cli(*command, "--columns", "cost", "--top", "1", "--csv", "--limit", "1")
    assert cost.out.splitlines() == ["month,a (USD),other (EUR),other (USD)", "2024-01,4,,1"]
    rates = cli(*command, "--columns", "failure_rate", "--top", "2", "--csv")
    assert rates.out.splitlines()[:2] == ["month,a,b", "2024-01,0.5,0.0"]
    assert rates.err == "3 columns with fewer runs omitted, because failure_rate cannot be added up\n"
    total = cli("stats", "--db", shown(url), "--pivot", "status", "--columns", "runs")
    assert json.loads(total.out) == {"completed": 4, "failed": 2, "queued": 1}
    for wrong in (["--columns", "runs,cost"], ["--sort", "runs"], ["--columns", "currency"], ["--by", "model"]):
        assert cli(*command, *wrong).code == 2, wrong
    refused = cli("stats", "--db", shown(url), "--pivot", "modle")
    assert refused.err.startswith("runstore: --pivot is 'modle', expected")


def test_top_prints_the_rows_with_the_greatest_values(runs: RunRepository, url: URL, cli: Cli) -> None:
    runs.save_many({"id": str(n), "created_at": 5, "model": model} for n, model in enumerate("abbccc"))
    command = ("stats", "--db", shown(url), "--by", "model", "--columns", "runs", "--top", "2")
    assert [json.loads(line) for line in cli(*command).out.splitlines()] == [
        {"model": "c", "runs": 3},
        {"model": "b", "runs": 2},
    ]
    assert cli(*command, "--limit", "1").code == 2


def test_a_pivoted_table_fits_the_terminal(tmp_path: Path, terminal: Terminal) -> None:
    with RunRepository.open(tmp_path / "runstore.db") as runs:
        for number, model in enumerate(("gpt-4-1106-preview", "gpt-4-turbo\x1b[31m", None)):
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 1_234_567 // (number + 1)}
            runs.save({"id": str(number), "created_at": 5, "model": model, "usage": usage})
    for columns in ("120", "30"):
        code, text = terminal("stats", "--by", "month", "--pivot", "model", "--tz", "Asia/Tokyo", COLUMNS=columns)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
        assert code == 0
        assert max(map(cell_len, lines)) <= int(columns)
        assert "1,234,567" in text
        assert "\x1b[31m" not in text
        assert ("row 1" in text) == (columns == "30")
