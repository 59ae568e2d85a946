"""Commands write runs, rows and findings in every format."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pyarrow import parquet
from sqlalchemy.engine import URL

from runstore import RunRepository, formats
from runstore.query import statistics
from runstore.schema.views import RUNS
from tests.helpers.commands import COMMAND, Cli, Terminal, env, shown

NOON = datetime(2024, 5, 31, 12, tzinfo=UTC)


@pytest.fixture
def archive(runs: RunRepository) -> RunRepository:
    """Runs whose columns have values of every kind, and none."""
    runs.save_many(
        [
            {"id": "run_1", "object": "thread.run", "created_at": int(NOON.timestamp()), "status": "completed",
             "started_at": 2**62, "completed_at": int(NOON.timestamp()) + 30, "model": "=1+1", "temperature": 0.7,
             "parallel_tool_calls": True, "metadata": {"b": "ä,\"\n", "a": "-1"}, "instructions": "Zeile 1\r\nZeile 2",
             "usage": {"prompt_tokens": 2**62, "completion_tokens": 1, "total_tokens": 2}},
            {"id": "run_2", "object": "thread.run", "created_at": int(NOON.timestamp()), "temperature": 2**60},
            {"id": "run_3"},
        ]
    )  # fmt: skip
    return runs


def test_parquet_has_the_same_schema_whatever_the_rows_are(archive: RunRepository, tmp_path: Path) -> None:
    columns = [formats.column_of(column) for column in RUNS.columns]
    files = []
    for name, rows in (("full", list(archive.rows())), ("empty", [])):
        with (tmp_path / name).open("wb") as file:
            formats.write("parquet", file, columns, iter(rows))
        files.append(parquet.read_table(tmp_path / name))
    full, empty = files
    assert full.schema.equals(empty.schema)
    assert full.schema.names == list(RUNS.columns.keys())
    types = {field.name: str(field.type) for field in full.schema}
    for name, kind in (
        ("id", "string"), ("created_at", "int64"), ("created_time", "timestamp[us, tz=UTC]"), ("metadata", "string"),
        ("temperature", "double"), ("cost", "double"), ("parallel_tool_calls", "bool"), ("tool_count", "int64"),
    ):  # fmt: skip
        assert types[name] == kind
    assert full["id"].to_pylist() == ["run_3", "run_1", "run_2"]
    assert full["created_time"].to_pylist() == [None, NOON, NOON]
    assert full["started_time"].to_pylist() == [None, None, None]
    assert full["temperature"].to_pylist() == [None, 0.7, 2**60]
    assert full["parallel_tool_calls"].to_pylist() == [None, True, None]
    assert full["prompt_tokens"].to_pylist() == [None, 2**62, None]
    assert json.loads(full["metadata"].to_pylist()[1]) == {"b": 'ä,"\n', "a": "-1"}
    assert empty.num_rows == 0


def test_export_writes_runs_as_they_came_or_the_view(
    archive: RunRepository, url: URL, tmp_path: Path, cli: Cli
) -> None:
    db = ("--db", shown(url))
    lines = cli("export", *db).out
    assert [json.loads(line) for line in lines.splitlines()] == list(archive.iterate())
    assert json.loads(cli("export", *db, "--format", "json").out) == list(archive.iterate())
    chosen = cli("export", *db, "--columns", "id,metadata,created_time,temperature", "--status", "completed").out
    assert json.loads(chosen) == {
        "id": "run_1",
        "metadata": {"b": 'ä,"\n', "a": "-1"},
        "created_time": "2024-05-31T12:00:00Z",
        "temperature": 0.7,
    }
    table = list(csv.reader(io.StringIO(cli("export", *db, "--format", "csv", "--columns", "all").out, newline="")))
    assert table[0] == list(RUNS.columns.keys())
    assert [row[0] for row in table[1:]] == ["run_3", "run_1", "run_2"]
    assert dict(zip(table[0], table[2], strict=True))["model"] == "'=1+1"
    file = tmp_path / "runs.parquet"
    assert cli("export", *db, "--format", "parquet", "-o", file, "--columns", "model,id") == (0, "", "")
    read = parquet.read_table(file)
    assert read.to_pydict() == {"model": [None, "=1+1", None], "id": ["run_3", "run_1", "run_2"]}


@pytest.mark.slow
def test_the_name_of_a_file_says_its_format_and_format_says_more(archive: RunRepository, url: URL, cli: Cli) -> None:
    place = ("--db", shown(url))
    forms: dict[str, bytes] = {}
    for form in ("jsonl", "json", "csv", "parquet"):  # a workbook has the time at which it was written
        assert cli("export", *place, "--format", form, "-o", "said").code == 0
        forms[form] = Path("said").read_bytes()
    assert len(set(forms.values())) == 4
    for name, form in (
        *((f"runs.{form}", form) for form in forms),
        *(("RUNS.CSV", "csv"), ("runs.old.json", "json"), ("runs.txt", "jsonl"), ("runs.csv.bak", "jsonl")),
        *(("runs", "jsonl"), (".csv", "jsonl")),
    ):
        assert cli("export", *place, "-o", name).code == 0
        assert Path(name).read_bytes() == forms[form], name
        assert cli("export", *place, "-o", name, "--format", "csv").code == 0
        assert Path(name).read_bytes() == forms["csv"], name
    assert cli("stats", *place, "-o", "stats.csv").code == 0
    assert Path("stats.csv").read_text().startswith("runs,")
    assert cli("stats", *place, "--by", "status", "-o", "stats.parquet").code == 0
    written = parquet.read_table("stats.parquet")
    assert written.column_names == ["status", *statistics.COLUMNS]
    assert sum(written.column("runs").to_pylist()) == 3
    refused = cli("lint", *place, "-o", "x.parquet")
    assert (refused.code, Path("x.parquet").exists()) == (2, False)
    assert "x.parquet: this command does not write parquet; it writes jsonl, json, csv\n" in refused.err
    refused = cli("export", *place, "-o", "x.ods")
    assert (refused.code, Path("x.ods").exists(), "does not write ods" in refused.err) == (2, False, True)
    assert cli("export", *place, "-o", "x.ods", "--format", "csv").code == 0


def sheet(file: Path) -> list[tuple[Any, ...]]:
    return list(openpyxl.load_workbook(file).active.values)


def test_a_workbook_has_the_rows_of_the_command(archive: RunRepository, url: URL, tmp_path: Path, cli: Cli) -> None:
    place, file = ("--db", shown(url)), tmp_path / "rows.xlsx"
    without = [name for name in RUNS.columns.keys() if name not in ("instructions", "metadata")]  # noqa: SIM118
    assert cli("export", *place, "-o", file) == (0, "", "")
    head, *rows = sheet(file)
    assert list(head) == without
    run = dict(zip(head, rows[1], strict=True))
    assert (run["id"], run["created_time"], run["model"]) == ("run_1", NOON.replace(tzinfo=None), "=1+1")
    assert (run["parallel_tool_calls"], run["temperature"], run["started_at"]) == (True, 0.7, str(2**62))
    assert cli("list", *place, "--columns", "id,metadata", "--limit", "2", "-o", file).code == 0
    assert sheet(file) == [("id", "metadata"), ("run_2", None), ("run_1", '{"b":"ä,\\"\\n","a":"-1"}')]
    assert cli("stats", *place, "--by", "status", "--columns", "runs,failure_rate", "-o", file).code == 0
    assert sheet(file) == [("status", "runs", "failure_rate"), (None, 2, None), ("completed", 1, 0)]
    query = "SELECT id, created_time, 1 AS one, 0.5 AS half FROM runs WHERE id = 'run_1'"
    assert cli("sql", query, *place, "-o", file).code == 0
    assert sheet(file) == [("id", "created_time", "one", "half"), ("run_1", NOON.replace(tzinfo=None), 1, 0.5)]
    assert cli("sql", "SELECT 1 AS one WHERE 1 = 2", *place, "-o", file).code == 0
    assert sheet(file) == [("one",)]


def test_csv_has_prompts_and_metadata_only_on_request(archive: RunRepository, url: URL, cli: Cli) -> None:
    for command in ("list", "export"):
        args = (command, "--db", shown(url), "--csv")
        usual, everything = cli(*args).out, cli(*args, "--columns", "all").out
        assert ("Zeile" in usual, "ä" in usual) == (False, False)
        assert ("Zeile" in everything, "ä" in everything) == (True, True)
        assert cli(*args, "--columns", "instructions").out.startswith("instructions\r\n")
    assert "instructions" in json.loads(cli("list", "--db", shown(url), "--columns", "all", "--limit", "1").out)


def test_csv_begins_with_a_byte_order_mark_on_request(
    archive: RunRepository, url: URL, tmp_path: Path, cli: Cli
) -> None:
    place, file = ("--db", shown(url)), tmp_path / "rows.csv"
    for args in (("list",), ("export",), ("stats",), ("lint",), ("sql", "SELECT 1 AS one"), ("prices", "missing")):
        cli(*args, *place, "-o", file)
        without = file.read_bytes()
        cli(*args, *place, "-o", file, "--bom")
        assert file.read_bytes() == b"\xef\xbb\xbf" + without, args
    refused = cli("export", *place, "--bom")
    assert (refused.code, refused.out) == (2, "")
    assert "--bom is for CSV, but the format is jsonl" in refused.err


def test_the_answer_of_a_query_becomes_parquet(archive: RunRepository, url: URL, tmp_path: Path, cli: Cli) -> None:
    query = "SELECT id, created_time, sum(completion_tokens) AS tokens, NULL AS none FROM runs GROUP BY 1, 2 ORDER BY 1"
    assert cli("sql", query, "--db", shown(url), "-o", tmp_path / "rows.parquet") == (0, "", "")
    read = parquet.read_table(tmp_path / "rows.parquet")
    assert [str(kind) for kind in read.schema.types] == ["string", "timestamp[us, tz=UTC]", "int64", "string"]
    assert read.to_pylist()[0] == {"id": "run_1", "created_time": NOON, "tokens": 1, "none": None}
    assert cli("sql", "--schema", "--db", shown(url), "-o", tmp_path / "schema.parquet").code == 0
    assert parquet.read_table(tmp_path / "schema.parquet").column_names == ["table", "column", "type", "meaning"]


def test_csv_is_short_for_its_format(archive: RunRepository, url: URL, cli: Cli) -> None:
    place = ("--db", shown(url))
    for args in (("list",), ("export",), ("stats",), ("lint",), ("sql", "SELECT 1 AS one"), ("prices", "missing")):
        short, long = cli(*args, *place, "--csv"), cli(*args, *place, "--format", "csv")
        assert short == long == cli(*args, *place, "--csv", "--format", "csv"), args
        assert short.out
    refused = cli("list", *place, "--csv", "--format", "json")
    assert (refused.code, refused.out) == (2, "")
    assert "'json' contradicts --csv; give only one of them" in refused.err


@pytest.mark.slow
def test_parquet_goes_to_a_pipe_as_well(archive: RunRepository, url: URL) -> None:
    args = [*COMMAND, "export", "--db", shown(url), "--format", "parquet"]
    sent = subprocess.run(args, env=env(), capture_output=True, check=True).stdout
    assert parquet.read_table(io.BytesIO(sent)).num_rows == 3


def test_list_writes_its_page_in_every_format(archive: RunRepository, url: URL, tmp_path: Path, cli: Cli) -> None:
    db = ("list", "--db", shown(url), "--limit", "2")
    newest = list(archive.iterate())[:0:-1]
    assert [json.loads(line) for line in cli(*db).out.splitlines()] == newest
    assert json.loads(cli(*db, "--format", "json").out) == newest
    assert cli(*db, "--format", "csv", "--columns", "id,created_day").out == (
        "id,created_day\r\nrun_2,2024-05-31\r\nrun_1,2024-05-31\r\n"
    )
    assert (
        cli(*db, "--columns", "model, id", "--oldest-first").out
        == '{"model":null,"id":"run_3"}\n{"model":"=1+1","id":"run_1"}\n'
    )
    assert cli(*db, "--format", "parquet", "-o", tmp_path / "page").code == 0
    assert parquet.read_table(tmp_path / "page")["id"].to_pylist() == ["run_2", "run_1"]
    assert cli(*db, "--columns", "id", "--model", "nothing") == (0, "", "")


def test_a_column_that_is_not_there_is_a_usage_error(
    archive: RunRepository, url: URL, tmp_path: Path, cli: Cli
) -> None:
    for name in ("list", "export"):
        result = cli(name, "--db", shown(url), "--columns", "id,shape", "-o", tmp_path / "out")
        assert (result.code, "--columns is 'shape', expected one or more of id, object" in result.err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_parquet_is_nothing_for_a_terminal(tmp_path: Path, terminal: Terminal) -> None:
    with RunRepository.open(tmp_path / "runstore.db") as runs:
        runs.save({"id": "run_1"})
    for form in ("parquet", "xlsx"):
        code, said = terminal("export", "--format", form)
        assert (code, "give a file with -o" in said) == (2, True)
    assert "run_1" in terminal("list", "--columns", "id,created_day")[1]


def test_no_output_is_written_over_the_archive_itself(tmp_path: Path, cli: Cli) -> None:
    file = tmp_path / "runs.part"
    with RunRepository.open(file) as runs:
        runs.save({"id": "run_1"})
        files = {path: path.read_bytes() for path in tmp_path.iterdir()}
        for args in (("list",), ("export", "--format", "csv"), ("stats",), ("sql", "SELECT 1")):
            assert cli(*args, "--db", file, "-o", file).code == 2
        for name in ("runs.part-wal", "runs.part-shm"):
            result = cli("export", "--db", file, "-o", tmp_path / name)
            assert (result.code, "is a file of the archive itself" in result.err) == (2, True)
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_said_with_its_place(archive: RunRepository, url: URL, cli: Cli) -> None:
    for format_ in ("jsonl", "csv", "parquet", "xlsx"):
        args = ["export", "--db", shown(url), "--format", format_]
        said = cli(*args, "-o", "/dev/full")
        assert (said.code, said.out, said.err) == (1, "", "runstore: /dev/full: No space left on device\n")
        with Path("/dev/full").open("wb") as full:
            ended = subprocess.run([*COMMAND, *args], env=env(), stdout=full, stderr=subprocess.PIPE, check=False)
        assert (ended.returncode, ended.stderr) == (1, b"runstore: standard output: No space left on device\n")


def test_lint_writes_its_findings_in_every_format(archive: RunRepository, url: URL, tmp_path: Path, cli: Cli) -> None:
    db = ("lint", "--db", shown(url), "--id", "run_1")
    found = [finding._asdict() for finding in archive.findings(id="run_1")]
    assert found
    listed = cli(*db)
    assert [json.loads(line) for line in listed.out.splitlines()] == found
    assert (listed.code, listed.err) == (1, f"{len(found)} findings\n")
    assert json.loads(cli(*db, "--format", "json").out) == found
    assert cli(*db, "--format", "csv", "-o", tmp_path / "found.csv").code == 1
    with (tmp_path / "found.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == found
    nothing = cli("lint", "--db", shown(url), "--id", "nowhere")
    assert nothing == (0, "", "0 findings\n")
