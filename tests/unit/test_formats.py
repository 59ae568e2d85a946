"""Rows in every format can be read back unchanged, and execute nothing in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest
import xlsxwriter
from pyarrow import parquet

from runstore import ConfigurationError, RunStoreError, formats
from runstore.formats import Column, arrow, csv_text, parquet_file, workbook

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
    assert all(not cell.startswith(csv_text.FORMULA) for row in rows for cell in row)


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r\n"])
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d"])
def test_no_part_of_a_text_is_a_formula_for_who_splits_elsewhere(separator: str, sign: str) -> None:
    for text in (f"a{separator}{sign}HYPERLINK(1)", f'a{separator}"{sign}x"', f"{separator}{sign}x", f"a;;{sign}x"):
        line = written("csv", ["a", "b"], ("first", text)).decode().partition("\r\n")[2]
        # As read by a program that does not understand our quotes, which are in the middle of what it treats as a cell.
        for cell in re.split(r"[;\t\r\n]", line.partition(",")[2].strip()):
            assert not re.match(r'"*[=+\-@\uff1d]', cell)
    assert csv_text.harmless("a; b - c\n\nd=1;e") == "a; b - c\n\nd=1;e"


def test_numbers_in_csv_stay_numbers() -> None:
    numbers = (-5, -0.25, Decimal("-1.50"), "-5", "+49", "-1.5", 2**80)
    assert written("csv", ["n"] * 7, numbers).splitlines()[1] == b"-5,-0.25,-1.50,-5,+49,-1.5,1208925819614629174706176"


def test_cost_in_csv_is_rounded_and_has_no_exponent() -> None:
    costs = [0.1 + 0.2, 1.5e-7, Decimal("0.00001234567890123"), 0.0, -2.5, float("nan"), None, 3]
    lines = written("csv", [Column("cost", "amount"), Column("n", "number")], *[(cost, cost) for cost in costs])
    assert lines.decode().split("\r\n")[1:-1] == [
        *("0.3,0.30000000000000004", "0.00000015,1.5e-07", "0.0000123457,0.00001234567890123"),
        *("0,0.0", "-2.5,-2.5", ",", ",", "3,3"),
    ]


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
    monkeypatch.setattr(parquet_file, "GROUP_BYTES", 50_000)
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


def test_a_number_that_arrow_does_not_hold_is_named_with_its_column() -> None:
    with pytest.raises(RunStoreError, match="a value of total_tokens is outside the range of 64-bit integers"):
        written("parquet", [Column("total_tokens", "integer")], (2**63,))


def test_write_refuses_another_format() -> None:
    with pytest.raises(ConfigurationError, match="the formats are jsonl, json, csv, parquet, xlsx"):
        written("xml", ["a"])


# --- types that are found in values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values", "kind", "found"),
    [
        ("n", [1, None, -(2**63)], "int64", [1, None, -(2**63)]),
        ("n", [Decimal(12), 3], "int64", [12, 3]),  # PostgreSQL's sum() of integers
        ("n", [1, 0.5, None], "double", [1.0, 0.5, None]),
        ("n", [Decimal("0.50"), 2], "double", [0.5, 2.0]),
        ("n", [2**63, 1], "string", ["9223372036854775808", "1"]),
        ("n", [2**53 + 1, 0.5], "string", ["9007199254740993", "0.5"]),
        ("n", [1, "a", b"\xff", True, [1], None], "string", ["1", "a", "ff", "true", "[1]", None]),
        ("n", [1.5, float("nan")], "double", None),
        ("n", [True, None], "bool", [True, None]),
        ("n", [b"\x00\xff", None], "binary", [b"\x00\xff", None]),
        ("n", [[1, None], [2]], "string", ["[1,null]", "[2]"]),
        ("n", [UUID(int=1), None], "string", ["00000000-0000-0000-0000-000000000001", None]),
        ("n", [None, None], "string", [None, None]),
        ("n", [], "string", []),
        ("n", ["2024-05-31 12:00:00"], "string", ["2024-05-31 12:00:00"]),
        ("last_time", ["2024-05-31 12:00:00", None], "timestamp[us, tz=UTC]", [NOON, None]),
        ("last_time", ["2024-05-31T12:00:00Z", "2024-05-31T12:00:00.5"], "timestamp[us, tz=UTC]", None),
        ("last_time", ["2024-05-31 12:00:00", "infinity"], "string", ["2024-05-31 12:00:00", "infinity"]),
        ("last_time", ["2024-13-31 12:00:00"], "string", ["2024-13-31 12:00:00"]),
    ],
)
def test_the_values_of_a_query_give_the_type_of_a_column(
    name: str, values: list[Any], kind: str, found: list[Any] | None
) -> None:
    table = arrow.table([Column(name)], [(value,) for value in values])
    assert str(table.schema.field(name).type) == kind
    if found is not None:
        assert table[name].to_pylist() == found


def test_rows_of_unknown_types_are_held_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runstore.formats.columns.IN_MEMORY", 1000)
    rows = [(n, "x" * 10, None if n % 2 else float(n)) for n in range(5000)]
    table = arrow.table([Column("n"), Column("n"), Column("f")], iter(rows))
    assert table.column_names == ["n", "n_2", "f"]
    assert list(zip(*table.to_pydict().values(), strict=True)) == rows


# --- workbooks -------------------------------------------------------------------------------------------------------


def sheet(columns: list[Column] | list[str], *rows: tuple[Any, ...]) -> Any:
    return openpyxl.load_workbook(io.BytesIO(written("xlsx", columns, *rows))).active


def test_a_workbook_has_real_numbers_and_times_and_a_header_that_stays_in_view() -> None:
    kinds = ("text", "integer", "number", "amount", "flag", "time", "json", "bytes")
    row = ("a", 5, 0.5, 0.1 + 0.2, True, NOON, '{"a":1}', b"\xff")
    found = sheet([Column(f"the_{kind}", kind) for kind in kinds], row, (None,) * len(kinds))
    assert [cell.value for cell in found[1]] == [f"the_{kind}" for kind in kinds]
    assert [cell.value for cell in found[2]] == ["a", 5, 0.5, 0.3, True, NOON.replace(tzinfo=None), '{"a":1}', "ff"]
    assert [cell.data_type for cell in found[2]] == ["s", "n", "n", "n", "b", "d", "s", "s"]
    assert found["F2"].number_format == 'yyyy-mm-dd hh:mm:ss" UTC"'
    assert [cell.value for cell in found[3]] == [None] * len(kinds)
    assert (found.freeze_panes, found["A1"].font.b, found.auto_filter.ref) == ("A2", True, "A1:H3")
    widths = [found.column_dimensions[letter].width for letter in "AF"]
    assert 8 <= widths[0] < widths[1] <= 51


@pytest.mark.parametrize(
    "text",
    [
        *FORMULAS,
        *("http://example.org", "mailto:a@example.org", "internal:Sheet1!A1", "{=1+1}", "1", "1e5", "2024-05-31"),
        *("", " x ", "a\r\nb", "\x1b[31m\x08", "_x0041_", "\ufffe\uffff", "\U0001f600", "&<>\"'"),
        *("<r></r>", "<r>&x</r>", "<r></t></is></c><c r='B2'><f>1+1</f></c><c><is><t></r>"),
    ],
)
def test_a_text_in_a_workbook_is_a_text(text: str) -> None:
    found = sheet([Column(text, "text"), Column("b", "text")], (text, None))
    # openpyxl leaves the escapes of control characters as they are.
    values = [re.sub("_x([0-9A-F]{4})_", lambda code: chr(int(code[1], 16)), cell.value or "") for cell in found["A"]]
    assert [value.replace("\r\n", "\n") for value in values] == [text.replace("\r\n", "\n")] * 2
    assert {cell.data_type for cell in found["A"]} <= {"s", "inlineStr", "n" if text == "" else "s"}
    assert not any(cell.hyperlink for cell in found["A"])
    assert found["B2"].value is None
    assert found["A2"].quotePrefix == text.startswith(csv_text.FORMULA)


def test_numbers_that_excel_would_change_are_texts() -> None:
    numbers = (10**15 - 1, -(10**15), 2**80, float("nan"), float("inf"))
    columns = [Column(f"c{place}", "number" if isinstance(n, float) else "integer") for place, n in enumerate(numbers)]
    assert [cell.value for cell in sheet(columns, numbers)[2]] == [
        *(10**15 - 1, "-1000000000000000", str(2**80)),
        *(None, None),
    ]
    moments = [datetime(1899, 12, 31, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]
    found = sheet([Column("early", "time"), Column("late", "time")], tuple(moments))[2]
    assert [cell.value for cell in found] == ["1899-12-31 00:00:00+00:00", moments[1].replace(tzinfo=None)]


@pytest.mark.parametrize("character", ["x", "\U0001f600"])
def test_a_text_that_is_too_long_for_a_cell_ends_with_a_mark(character: str) -> None:
    units = len(character.encode("utf-16-le")) // 2
    fitting = character * (workbook.LONGEST // units)
    found = sheet([Column("a", "text")], (fitting,), (fitting + "xx",))
    assert found["A2"].value == fitting
    cut = found["A3"].value
    assert cut.startswith(character * 15_000)
    assert cut.endswith(f" [cut: the text has {len(fitting) + 2:,} characters]")
    assert len(cut.encode("utf-16-le")) // 2 <= workbook.LONGEST


def test_more_rows_than_a_sheet_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 4)
    assert sheet(["a"], *[(1,)] * 3).max_row == 4
    file = io.BytesIO()
    with pytest.raises(ConfigurationError, match="at most 3 rows below its header; select fewer rows, or write CSV"):
        formats.write("xlsx", file, [Column("a")], [(1,)] * 4)
    assert file.getvalue() == b""


def test_a_full_disk_is_an_error_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    close = xlsxwriter.Workbook.close

    def full(book: Any) -> None:
        close(book)
        raise xlsxwriter.exceptions.FileCreateError(OSError(28, "No space left on device"))

    monkeypatch.setattr(xlsxwriter.Workbook, "close", full)
    with pytest.raises(OSError, match="No space left on device"):
        written("xlsx", ["a"])


@pytest.mark.parametrize(
    ("module", "ask", "extra"),
    [
        ("xlsxwriter", lambda: written("xlsx", ["a"]), "xlsx"),
        ("pyarrow", lambda: arrow.table([Column("a")], []), "arrow"),
        ("pyarrow", lambda: arrow.schema([]), "arrow"),
        ("pandas", lambda: arrow.frame([Column("a")], []), "pandas"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, ask: Callable[[], object], extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=rf"requires {module}; .* 'runstore\[{extra}\]'"):
        ask()
