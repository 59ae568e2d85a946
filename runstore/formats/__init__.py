"""Rows as JSON Lines, JSON, CSV, Parquet and workbooks of Excel, written to a file as they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

from runstore.errors import ConfigurationError
from runstore.formats.columns import LONG_TEXTS, Column, Row, column_of, distinct
from runstore.formats.csv_text import write_csv
from runstore.formats.json_text import write_array, write_lines, write_texts
from runstore.formats.parquet_file import write_parquet
from runstore.formats.workbook import write_workbook

__all__ = ["FORMATS", "LONG_TEXTS", "Column", "Row", "column_of", "distinct", "write", "write_texts"]

FORMATS: dict[str, Callable[[BinaryIO, Sequence[Column], Iterable[Row]], None]] = {
    "jsonl": write_lines,
    "json": write_array,
    "csv": write_csv,
    "parquet": write_parquet,
    "xlsx": write_workbook,
}
"""The function that writes each format."""


def write(form: str, file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write rows in one of :data:`FORMATS`.

    At most one batch of rows is held in memory. Formats with types need the kinds of the columns; where these are
    unknown, the rows are read before the first one is written. Raise :class:`ConfigurationError` for an unknown format,
    for one whose package is missing, and for more rows than the format holds.
    """
    if form not in FORMATS:
        raise ConfigurationError(detail=f"there is no format {form!r}; the formats are {', '.join(FORMATS)}")
    FORMATS[form](file, columns, rows)
