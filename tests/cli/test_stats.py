"""stats: rows in every format, and a table on a terminal."""

from __future__ import annotations

import json
import re
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
    assert "cost" not in seen
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
