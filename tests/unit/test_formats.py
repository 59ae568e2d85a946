"""Rows in every format can be read back unchanged, and execute nothing in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from runstore import ConfigurationError, formats
from runstore.formats import Column

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


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_json_has_every_value_exactly() -> None:
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


def test_columns_of_one_name_are_told_apart() -> None:
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
        # As read by a program that does not understand our quotes, which are in the middle of what it treats as a cell.
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
    with pytest.raises(ConfigurationError, match="the formats are jsonl, json, csv, parquet"):
        written("xml", ["a"])
