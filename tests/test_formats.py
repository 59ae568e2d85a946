"""Rows in every format: read back they are the rows, in a spreadsheet they run nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from sqlalchemy.engine import URL

from runstore import ConfigurationError, RunRepository, formats
from runstore.formats import Column
from runstore.schema.views import RUNS

from .test_cli import COMMAND, Cli, cli, env, on_a_terminal, shown
from .test_sql import command

__all__ = ["cli"]

NOON = datetime(2024, 5, 31, 12, tzinfo=UTC)
FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "=cmd|' /C calc'!A0",
    "\uff1d1+1",
    "\uff201",
    '=HYPERLINK("http://x")',
]


def written(form: str, columns: list[Column] | list[str], *rows: tuple[Any, ...]) -> bytes:
    file = io.BytesIO()
    described = [column if isinstance(column, Column) else Column(column) for column in columns]
    formats.write(form, file, described, iter(rows))
    return file.getvalue()


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


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_json_has_every_value_exactly(archive: RunRepository) -> None:
    values = (
        2**80,
        Decimal("0.10"),
        Decimal("NaN"),
        float("inf"),
        b"\x00\xff",
        NOON,
        True,
        None,
        "ä\x1b",
        [1, b"\x01"],
    )
    names = [f"c{place}" for place in range(len(values))]
    line = written("jsonl", names, values)
    text = '{"c0":1208925819614629174706176,"c1":0.10,"c2":null,"c3":null,"c4":"00ff","c5":"2024-05-31T12:00:00Z",'
    assert line.decode() == text + '"c6":true,"c7":null,"c8":"ä\\u001b","c9":[1,"01"]}\n'
    assert json.loads(written("json", names, values, values)) == [json.loads(line)] * 2


def test_json_of_nothing_is_an_empty_array_and_no_lines() -> None:
    assert written("json", ["a"]) == b"[]\n"
    assert written("jsonl", ["a"]) == b""
    assert written("csv", ["a", "b"]) == b"a,b\r\n"


def test_columns_of_one_name_are_told_apart(archive: RunRepository) -> None:
    assert formats.distinct(["a", "b", "a", "a_2", "a"]) == ["a", "b", "a_2", "a_2_2", "a_3"]
    assert written("jsonl", ["id", "id"], (1, 2)) == b'{"id":1,"id_2":2}\n'


def test_a_column_of_json_stands_as_json_in_json_and_as_text_elsewhere() -> None:
    column = Column("metadata", "json")
    assert (
        written("jsonl", [column], ('{"b":1.10,"a":2}',), (None,))
        == b'{"metadata":{"b":1.10,"a":2}}\n{"metadata":null}\n'
    )
    assert written("csv", [column], ('{"b":1}',)) == b'metadata\r\n"{""b"":1}"\r\n'


# --- CSV -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_in_csv_begins_as_a_formula(text: str) -> None:
    rows = list(csv.reader(io.StringIO(written("csv", [text], (text,)).decode(), newline="")))
    assert rows[0] == rows[1]
    assert rows[0][0].startswith("'")
    assert rows[0][0].replace("'", "") == text.replace("'", "")
    assert all(not cell.startswith(formats.FORMULA) for row in rows for cell in row)


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r\n"])
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d"])
def test_no_part_of_a_text_is_a_formula_for_who_splits_elsewhere(separator: str, sign: str) -> None:
    for text in (f"a{separator}{sign}HYPERLINK(1)", f'a{separator}"{sign}x"', f"{separator}{sign}x", f"a;;{sign}x"):
        line = written("csv", ["a", "b"], ("first", text)).decode().partition("\r\n")[2]
        # As a program reads it that knows nothing of our quotes: they stand in the middle of what is a cell to it.
        for cell in re.split(r"[;\t\r\n]", line.partition(",")[2].strip()):
            assert not re.match(r'"*[=+\-@\uff1d]', cell)
    assert formats.harmless("a; b - c\n\nd=1;e") == "a; b - c\n\nd=1;e"


def test_numbers_in_csv_stay_numbers() -> None:
    numbers = (-5, -0.25, Decimal("-1.50"), "-5", "+49", "-1.5", 2**80)
    assert written("csv", ["n"] * 7, numbers).splitlines()[1] == b"-5,-0.25,-1.50,-5,+49,-1.5,1208925819614629174706176"


def test_csv_is_quoted_as_rfc_4180_says_and_null_is_not_an_empty_text() -> None:
    row = ("a,b", 'say "no"', "two\r\nlines", "", None, " x", NOON, True, b"\xff", "ä")
    text = written("csv", [f"c{place}" for place in range(10)], row)
    assert text.splitlines(keepends=True)[1:] == [
        b'"a,b","say ""no""","two\r\n',
        'lines","",," x",2024-05-31T12:00:00Z,true,ff,ä\r\n'.encode(),
    ]
    assert written("csv", ["a"], (None,), (1,)) == b'a\r\n""\r\n1\r\n'


# --- Parquet ---------------------------------------------------------------------------------------------------------


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


def test_parquet_is_written_in_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "GROUP_BYTES", 50_000)
    columns = [Column("n", "integer"), Column("t", "text")]
    with (tmp_path / "many.parquet").open("wb") as file:
        formats.write("parquet", file, columns, ((n, "x" * 10) for n in range(20_000)))
    read = parquet.ParquetFile(tmp_path / "many.parquet")
    assert read.metadata.num_row_groups > 3
    assert read.read()["n"].to_pylist() == list(range(20_000))


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"runstore\[parquet\]"):
        written("parquet", [Column("a", "text")])


def test_parquet_refuses_columns_without_a_type_and_write_another_format() -> None:
    with pytest.raises(ConfigurationError, match="these have none: a"):
        written("parquet", ["a"], (1,))
    with pytest.raises(ConfigurationError, match="there are jsonl, json, csv, parquet"):
        written("xml", ["a"])


# --- the commands ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_export_writes_runs_as_they_came_or_the_view(archive: RunRepository, url: URL, tmp_path: Path) -> None:
    db = ("--db", shown(url))
    lines = command("export", *db).out
    assert [json.loads(line) for line in lines.splitlines()] == list(archive.iterate())
    assert json.loads(command("export", *db, "--format", "json").out) == list(archive.iterate())
    chosen = command("export", *db, "--columns", "id,metadata,created_time,temperature", "--status", "completed").out
    assert json.loads(chosen) == {
        "id": "run_1",
        "metadata": {"b": 'ä,"\n', "a": "-1"},
        "created_time": "2024-05-31T12:00:00Z",
        "temperature": 0.7,
    }
    table = list(csv.reader(io.StringIO(command("export", *db, "--format", "csv").out, newline="")))
    assert table[0] == list(RUNS.columns.keys())
    assert [row[0] for row in table[1:]] == ["run_3", "run_1", "run_2"]
    assert dict(zip(table[0], table[2], strict=True))["model"] == "'=1+1"
    file = tmp_path / "runs.parquet"
    assert command("export", *db, "--format", "parquet", "-o", file, "--columns", "model,id") == (0, "", "")
    read = parquet.read_table(file)
    assert read.to_pydict() == {"model": [None, "=1+1", None], "id": ["run_3", "run_1", "run_2"]}


@pytest.mark.slow
def test_the_name_of_a_file_says_its_format_and_format_says_more(archive: RunRepository, url: URL, cli: Cli) -> None:
    place = ("--db", shown(url))
    forms: dict[str, bytes] = {}
    for form in ("jsonl", "json", "csv", "parquet"):
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
    for args in (("stats",), ("lint",), ("sql", "SELECT 1")):
        refused = cli(*args, *place, "-o", "x.parquet")
        assert (refused.code, Path("x.parquet").exists()) == (2, False)
        assert "x.parquet: this command does not write parquet; it writes jsonl, json, csv\n" in refused.err


@pytest.mark.slow
def test_parquet_goes_to_a_pipe_as_well(archive: RunRepository, url: URL) -> None:
    args = [*COMMAND, "export", "--db", shown(url), "--format", "parquet"]
    sent = subprocess.run(args, env=env(), capture_output=True, check=True).stdout
    assert parquet.read_table(io.BytesIO(sent)).num_rows == 3


@pytest.mark.slow
def test_list_writes_its_page_in_every_format(archive: RunRepository, url: URL, tmp_path: Path) -> None:
    db = ("list", "--db", shown(url), "--limit", "2")
    newest = list(archive.iterate())[:0:-1]
    assert [json.loads(line) for line in command(*db).out.splitlines()] == newest
    assert json.loads(command(*db, "--format", "json").out) == newest
    assert command(*db, "--format", "csv", "--columns", "id,created_day").out == (
        "id,created_day\r\nrun_2,2024-05-31\r\nrun_1,2024-05-31\r\n"
    )
    assert (
        command(*db, "--columns", "model, id", "--oldest-first").out
        == '{"model":null,"id":"run_3"}\n{"model":"=1+1","id":"run_1"}\n'
    )
    assert command(*db, "--format", "parquet", "-o", tmp_path / "page").code == 0
    assert parquet.read_table(tmp_path / "page")["id"].to_pylist() == ["run_2", "run_1"]
    assert command(*db, "--columns", "id", "--model", "nothing") == (0, "", "")


@pytest.mark.slow
def test_a_column_that_is_not_there_is_a_usage_error(archive: RunRepository, url: URL, tmp_path: Path) -> None:
    for name in ("list", "export"):
        result = command(name, "--db", shown(url), "--columns", "id,shape", "-o", tmp_path / "out")
        assert (result.code, "columns is 'shape', expected one or more of id, object" in result.err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_parquet_is_nothing_for_a_terminal(tmp_path: Path) -> None:
    with RunRepository.open(tmp_path / "runstore.db") as runs:
        runs.save({"id": "run_1"})
    code, said = on_a_terminal(tmp_path, "export", "--format", "parquet")
    assert (code, "give a file with -o" in said) == (2, True)
    assert "run_1" in on_a_terminal(tmp_path, "list", "--columns", "id,created_day")[1]


def test_no_output_is_written_over_the_archive_itself(tmp_path: Path) -> None:
    file = tmp_path / "runs.part"
    with RunRepository.open(file) as runs:
        runs.save({"id": "run_1"})
        files = {path: path.read_bytes() for path in tmp_path.iterdir()}
        for args in (("list",), ("export", "--format", "csv"), ("stats",), ("sql", "SELECT 1")):
            assert command(*args, "--db", file, "-o", file).code == 2
        for name in ("runs.part-wal", "runs.part-shm"):
            result = command("export", "--db", file, "-o", tmp_path / name)
            assert (result.code, "is a file of the archive itself" in result.err) == (2, True)
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_said_with_its_place(archive: RunRepository, url: URL) -> None:
    for format_ in ("jsonl", "csv", "parquet"):
        args = ["export", "--db", shown(url), "--format", format_]
        said = command(*args, "-o", "/dev/full")
        assert (said.code, said.out, said.err) == (1, "", "runstore: /dev/full: No space left on device\n")
        with Path("/dev/full").open("wb") as full:
            ended = subprocess.run([*COMMAND, *args], env=env(), stdout=full, stderr=subprocess.PIPE, check=False)
        assert (ended.returncode, ended.stderr) == (1, b"runstore: standard output: No space left on device\n")


@pytest.mark.slow
def test_lint_writes_its_findings_in_every_format(archive: RunRepository, url: URL, tmp_path: Path) -> None:
    db = ("lint", "--db", shown(url), "--id", "run_1")
    found = [finding._asdict() for finding in archive.findings(id="run_1")]
    assert found
    listed = command(*db)
    assert [json.loads(line) for line in listed.out.splitlines()] == found
    assert (listed.code, listed.err) == (1, f"{len(found)} findings\n")
    assert json.loads(command(*db, "--format", "json").out) == found
    assert command(*db, "--format", "csv", "-o", tmp_path / "found.csv").code == 1
    with (tmp_path / "found.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == found
    nothing = command("lint", "--db", shown(url), "--id", "nowhere")
    assert nothing == (0, "", "0 findings\n")
