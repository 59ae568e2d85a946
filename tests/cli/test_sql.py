"""sql: results in every format, and the messages about queries that fail."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from runstore import RunRepository
from runstore.schema import Base
from runstore.schema.views import VIEWS
from tests.helpers.commands import COMMAND, Cli, Result, Terminal, env, shown
from tests.helpers.queries import ENDLESS, answering, ask
from tests.helpers.waiting import until


@pytest.fixture
def many(runs: RunRepository) -> RunRepository:
    """An archive of many runs."""
    runs.save_many({"id": f"run_{n:04}", "object": "thread.run", "created_at": n} for n in range(2500))
    return runs


def test_the_command_writes_json_lines_json_and_csv(many: RunRepository, url: URL, tmp_path: Path, cli: Cli) -> None:
    query = "SELECT id, created_at, NULL AS no, '=1+1' AS sum, id FROM runs ORDER BY id LIMIT 2"
    db = ("--db", shown(url))
    expected = [
        {"id": f"run_000{n}", "created_at": n, "no": None, "sum": "=1+1", "id_2": f"run_000{n}"} for n in (0, 1)
    ]
    answered = cli("sql", *db, query)
    assert (answered.code, answered.err) == (0, "")
    assert [json.loads(line) for line in answered.out.splitlines()] == expected
    assert json.loads(cli("sql", *db, "--format", "json", "-", stdin=query.encode()).out) == expected
    assert cli("sql", *db, "--format", "csv", "-o", tmp_path / "a.csv", stdin=query.encode()).code == 0
    assert (tmp_path / "a.csv").read_bytes() == (
        b"id,created_at,no,sum,id\r\nrun_0000,0,,'=1+1,run_0000\r\nrun_0001,1,,'=1+1,run_0001\r\n"
    )


@pytest.mark.slow
def test_the_command_says_what_is_wrong_and_exits_with_a_code(
    many: RunRepository, url: URL, tmp_path: Path, cli: Cli
) -> None:
    db = ("--db", shown(url))
    for code, args in (
        (2, ("DELETE FROM run_object",)),
        (1, ("SELECT nope FROM runs",)),
        (1, (ENDLESS.format("count(*)"), "--timeout", "0.2")),
        (2, ("SELECT 1", "--timeout", "0")),
        (2, ("SELECT 1", "--format", "odt")),
        (2, ("SELECT 1", "--format", "table", "-o", tmp_path / "table.txt")),
    ):
        result = cli("sql", *db, *args)
        assert (result.code, result.out) == (code, ""), args
        assert result.err
        assert "Traceback" not in result.err
    assert cli("sql", "--db", tmp_path / "none.db", "SELECT 1").code == 3
    without_stdin = ["sh", "-c", '"$@" <&-', "sh", *COMMAND, "sql", *db]
    closed = subprocess.run(without_stdin, env=env(), capture_output=True, check=False)
    assert (closed.returncode, b"expected one read-only query" in closed.stderr) == (2, True)
    assert many.count() == 2500
    assert not (tmp_path / "table.txt").exists()


@pytest.mark.slow
def test_no_file_appears_for_a_query_that_fails(many: RunRepository, url: URL, tmp_path: Path, cli: Cli) -> None:
    file = tmp_path / "out.csv"
    file.write_text("as it was")
    result = cli("sql", "--db", shown(url), "--timeout", "0.5", "-o", file, ENDLESS.format("i"))
    assert result.code == 1
    assert file.read_text() == "as it was"
    assert [path for path in tmp_path.iterdir() if path.suffix == ".part"] == []
    if url.get_backend_name() == "sqlite":
        assert cli("sql", "--db", shown(url), "-o", url.database, "SELECT 1").code == 2


def test_parameters_are_numbers_if_they_are_written_so_and_else_texts(many: RunRepository, url: URL, cli: Cli) -> None:
    def ask(query: str, *options: str) -> Result:
        return cli("sql", "--db", shown(url), query, *options)

    found = ask(
        "SELECT count(*) AS n FROM runs WHERE created_at - 1 > :n AND id > :id", "-p", "n=9", "--param", "id=run_1"
    )
    assert (found.code, json.loads(found.out)) == (0, {"n": 1500})
    for text, value in (
        *(("-5", -5), ("0.5", 0.5), ("1e3", 1000.0), ("9223372036854775807", 2**63 - 1)),
        *((each, each) for each in ("007", "+1", "1.", "NaN", "", "a=b", "9223372036854775808", "1e999", "true")),
    ):
        assert json.loads(ask("SELECT :v AS v", "-p", f"v={text}").out) == {"v": value}, text
    assert json.loads(ask("SELECT CAST(:v AS text) AS v", "-p", "v=42").out) == {"v": "42"}
    for query, options, message in (
        ("SELECT :a", (), "--param gives no value for :a, which the query contains"),
        ("SELECT 1", ("-p", "a=1"), "--param gives a value for 'a', but the query does not contain :a"),
        ("SELECT :a", ("-p", "a"), "'a' is not a pair; expected NAME=VALUE"),
        ("SELECT :a", ("-p", "a=1", "-p", "a=2"), "'a' is given two values"),
    ):
        refused = ask(query, *options)
        assert (refused.code, refused.out) == (2, "")
        assert message in refused.err


def test_the_schema_lists_views_and_tables_with_their_columns(url: URL, cli: Cli) -> None:
    listed = [json.loads(line) for line in cli("sql", "--db", shown(url), "--schema").out.splitlines()]
    tables = [*VIEWS, *Base.metadata.tables.values()]
    assert {(row["table"], row["column"]) for row in listed} == {
        (table.name, column.name) for table in tables for column in table.columns
    }
    assert all(row["meaning"] and row["type"] for row in listed)
    with RunRepository.open(url) as archive:
        for table in tables:
            names = ", ".join(f'"{row["column"]}"' for row in listed if row["table"] == table.name)
            ask(archive, f"SELECT {names} FROM {table.name} LIMIT 0")


@pytest.mark.slow
def test_an_interrupt_stops_the_query(many: RunRepository, url: URL) -> None:
    asking = subprocess.Popen(
        [*COMMAND, "sql", "--db", shown(url), ENDLESS.format("count(*)")],
        env=env(),
        stderr=subprocess.PIPE,
        # A background job ignores the signal, and its child processes would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    until(lambda: answering(url, asking.pid))
    started = time.monotonic()
    asking.send_signal(signal.SIGINT)
    _, said = asking.communicate(timeout=10)
    assert asking.returncode == 130
    assert b"interrupted" in said
    assert b"Traceback" not in said
    assert time.monotonic() - started < 5


@pytest.mark.slow
def test_a_terminal_gets_a_table_that_no_value_can_steer(tmp_path: Path, terminal: Terminal) -> None:
    with RunRepository.open(tmp_path / "runstore.db") as runs:
        runs.save_many({"id": f"run_{n}\x1b[31m", "object": "thread.run", "created_at": n} for n in range(1100))
    code, seen = terminal("sql", "SELECT id, created_at, x'00ff' AS bytes, '[b]x' AS m FROM runs ORDER BY 2")
    assert code == 0
    assert "\x1b[31m" not in seen
    assert "run_999\\x1b[31m" in seen
    assert "run_1000\\x1b[31m" not in seen
    assert "00ff" in seen
    assert "[b]x" in seen
    assert "only the first 1000 rows are shown" in seen
    _, block = terminal("sql", "SELECT * FROM runs LIMIT 1")
    assert "row 1" in block
    assert "pending_tool_calls" in block
    _, schema = terminal("sql", "--schema")
    assert "One row per run" in schema
    code, said = terminal("sql")
    assert (code, "the query is missing" in said) == (2, True)
