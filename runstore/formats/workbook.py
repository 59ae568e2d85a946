"""Rows as a workbook of Excel, with one sheet."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from runstore.errors import ConfigurationError
from runstore.formats.columns import Column, Row, typed
from runstore.formats.csv_text import FORMULA
from runstore.formats.extras import imported
from runstore.formats.values import rounded

MOST_ROWS = 1_048_576
"""Maximum rows of a sheet, with the header."""

LONGEST = 32_767
"""Maximum length of a text in a cell, in UTF-16 code units."""

DIGITS = 15
"""Digits of a number that Excel keeps."""

FIRST_DAY = datetime(1900, 3, 1, tzinfo=UTC)
"""The first day that all spreadsheets count alike; Excel has no days before 1900, and a 29 February in that year."""

NARROWEST, WIDEST = 8, 50
"""Widths of columns in characters."""

FORMATS = {"integer": "0", "amount": "0.00########", "time": 'yyyy-mm-dd hh:mm:ss" UTC"'}
"""How Excel shows the values of a kind; others as it chooses."""

_TIME_WIDTH = 24


def write_workbook(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write a workbook with a header that stays in view.

    It is assembled in a temporary directory, so that nothing is written to *file* if the rows do not fit.
    """
    xlsxwriter = imported("xlsxwriter", "xlsx", "xlsx")
    with TemporaryDirectory() as folder:
        path = Path(folder, "runs.xlsx")
        try:
            with (
                # Its rows are not held in memory, but in a file of that directory.
                closing(xlsxwriter.Workbook(path, {"constant_memory": True, "tmpdir": folder})) as workbook,
                typed(columns, rows) as (known, values),
            ):
                _Sheet(workbook, known).write(values)
        except xlsxwriter.exceptions.FileCreateError as error:
            raise error.args[0] from None  # the OSError, for example of a full disk
        with path.open("rb") as assembled:
            shutil.copyfileobj(assembled, file)


class _Sheet:
    """The sheet of a workbook."""

    def __init__(self, workbook: Any, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._sheet = workbook.add_worksheet("runstore")
        self._heading = workbook.add_format({"bold": True})
        self._plain = workbook.add_format()
        # Without it, a text such as =1+1 would become a formula when the cell is edited.
        self._quoted = workbook.add_format({"quote_prefix": True})
        shown = {kind: workbook.add_format({"num_format": text}) for kind, text in FORMATS.items()}
        self._formats = [shown.get(column.kind) for column in columns]
        self._widths = [len(column.name) + 2 for column in columns]

    def write(self, rows: Iterable[Row]) -> None:
        """Write the header and the rows."""
        for place, column in enumerate(self._columns):
            self._text(0, place, column.name, self._heading)
        number = 0
        for number, row in enumerate(rows, 1):
            if number == MOST_ROWS:
                detail = (
                    f"a sheet of Excel holds at most {MOST_ROWS - 1:,} rows below its header; select fewer rows, or "
                    "write CSV or Parquet"
                )
                raise ConfigurationError(detail=detail)
            for place, value in enumerate(row):
                if value is not None:
                    self._cell(number, place, value)
        self._sheet.freeze_panes(1, 0)
        self._sheet.autofilter(0, 0, number, len(self._columns) - 1)
        for place, width in enumerate(self._widths):
            self._sheet.set_column(place, place, max(NARROWEST, min(width, WIDEST)))

    def _cell(self, row: int, place: int, value: Any) -> None:
        kind = self._columns[place].kind
        shown = self._formats[place]
        if isinstance(value, bool):
            self._sheet.write_boolean(row, place, value)
        elif isinstance(value, datetime) and value >= FIRST_DAY:
            self._sheet.write_datetime(row, place, value.astimezone(UTC).replace(tzinfo=None), shown)
            self._widths[place] = max(self._widths[place], _TIME_WIDTH)
        elif isinstance(value, int) and abs(value) < 10**DIGITS:
            self._sheet.write_number(row, place, value, shown)
            self._widths[place] = max(self._widths[place], len(str(value)) + 1)
        elif isinstance(value, float):
            if isfinite(value):
                self._sheet.write_number(row, place, rounded(value) if kind == "amount" else value, shown)
        else:
            text = value.hex() if isinstance(value, bytes) else str(value)
            self._text(row, place, text, self._quoted if text.startswith(FORMULA) else None)

    def _text(self, row: int, place: int, text: str, shown: Any) -> None:
        text = _fitting(text)
        self._widths[place] = max(self._widths[place], len(text) + 1)
        if text.startswith("<r>") and text.endswith("</r>"):
            # XlsxWriter takes such a string for XML of its own, and would not escape it.
            self._sheet.write_rich_string(row, place, "<r>", self._plain, text[3:], shown or self._plain)
        else:
            self._sheet.write_string(row, place, text, shown)


def _fitting(text: str) -> str:
    """Return a text that fits into a cell; the end of a longer one is replaced by a mark."""
    if len(text) * 2 <= LONGEST or len(units := text.encode("utf-16-le")) <= LONGEST * 2:
        return text
    mark = f" [cut: the text has {len(text):,} characters]"
    return units[: (LONGEST - len(mark)) * 2].decode("utf-16-le", "ignore") + mark
