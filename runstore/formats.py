"""Rows as JSON Lines, JSON, CSV and Parquet, written to a file as they are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any, BinaryIO, NamedTuple

import msgspec
import sqlalchemy
from sqlalchemy import Boolean, Integer

from runstore import wire
from runstore.backends import approximate_bytes
from runstore.errors import ConfigurationError
from runstore.schema.base import JSONText, Number
from runstore.schema.views import Moment

BATCH = 1000
"""Maximum number of rows that are converted to Arrow arrays at a time."""

GROUP_BYTES = 32 * 2**20
"""Bytes of rows after which fewer are converted, and of Arrow arrays after which a row group of Parquet is written."""

SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Characters that begin a formula in a spreadsheet; the last four are full-width forms."""

FORMULA = (*SIGNS, "\t", "\r", "\n")
"""Characters with which a text may be interpreted as a formula."""

Row = Sequence[Any]


class Column(NamedTuple):
    """The name of a column and the kind of its values."""

    name: str
    kind: str = "any"
    """integer, number, flag, time (an aware datetime), text, json (as text), or any if the kind is unknown."""


def column_of(column: sqlalchemy.Column[Any]) -> Column:
    """Return the description of a column of a table or view."""
    for kind, name in ((Boolean, "flag"), (Integer, "integer"), (Number, "number"), (Moment, "time")):
        if isinstance(column.type, kind):
            return Column(column.name, name)
    return Column(column.name, "json" if isinstance(column.type, JSONText) else "text")


def write(form: str, file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write rows in one of :data:`FORMATS`; at most one batch of rows is held in memory.

    Raise :class:`ConfigurationError` for an unknown format, and for Parquet if pyarrow is missing or the kind of a
    column is ``any``.
    """
    if form not in FORMATS:
        raise ConfigurationError(detail=f"there is no format {form!r}; the formats are {', '.join(FORMATS)}")
    FORMATS[form](file, columns, rows)


# --- JSON ------------------------------------------------------------------------------------------------------------

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode


def _jsonl(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    write_texts("jsonl", file, _objects(columns, rows))


def _json(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    write_texts("json", file, _objects(columns, rows))


def write_texts(form: str, file: BinaryIO, texts: Iterable[bytes]) -> None:
    """Write texts of JSON, one per line; ``json`` makes them one array."""
    if form == "jsonl":
        for text in texts:
            file.write(text)
            file.write(b"\n")
        return
    before = b"["
    for text in texts:
        file.write(before + b"\n" + text)
        before = b","
    file.write(b"[]\n" if before == b"[" else b"\n]\n")


def _objects(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[bytes]:
    names = distinct([column.name for column in columns])
    jsons = [name for name, column in zip(names, columns, strict=True) if column.kind == "json"]
    for row in rows:
        found = dict(zip(names, map(_plain, row), strict=True))
        for name in jsons:
            if found[name] is not None:
                found[name] = msgspec.Raw(found[name].encode())
        yield _encode(found)


def distinct(names: Sequence[str]) -> list[str]:
    """Return unique names for columns, because SQL allows duplicates: the second ``id`` becomes ``id_2``."""
    found: dict[str, None] = {}
    for name in names:
        number, new = 1, name
        while new in found:
            number += 1
            new = f"{name}_{number}"
        found[new] = None
    return list(found)


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: bytes in hexadecimal, null for NaN, all digits of a large integer."""
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is int:
        return value if value in wire.INT64 else Decimal(value)
    if kind is bytes:
        return value.hex()
    if kind in (float, Decimal):
        return value if isfinite(value) else None
    if kind is list:
        return [_plain(each) for each in value]
    return value


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write RFC 4180 in UTF-8; NULL is an empty field, and an empty text is ``""``."""
    file.write(_line([column.name for column in columns]))
    for row in rows:
        file.write(_line(row))


def _line(row: Row) -> bytes:
    cells = [_cell(value) for value in row]
    if cells == [""]:
        cells = ['""']  # an empty line would not be a row
    return f"{','.join(cells)}\r\n".encode()


_INSIDE = re.compile(f'([;\t\r\n]"*)(?=[{re.escape("".join(SIGNS))}])')
"""Places where a cell may begin in a spreadsheet that splits at other characters, and treats our quotes as text."""

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_SPECIAL = re.compile(r'[",\r\n]|^ | $|^$')


def _cell(value: Any) -> str:
    value = _plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    text = value if isinstance(value, str) else _encode(value).decode()
    text = harmless(text)
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def harmless(text: str) -> str:
    """Return a text in which no spreadsheet sees a formula: an apostrophe precedes everything that begins like one.

    A formula can begin at the start of the text, and after a semicolon, tab or line break. A plain number is returned
    unchanged.
    """
    text = _INSIDE.sub(r"\1'", text)
    return f"'{text}" if text.startswith(FORMULA) and not _NUMBER.fullmatch(text) else text


# --- Parquet ---------------------------------------------------------------------------------------------------------


def _parquet(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write Parquet; the schema depends on the kinds of the columns only, so that files of the same columns agree."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigurationError(detail="Parquet needs pyarrow: pip install 'runstore[parquet]'") from None
    types = {
        "integer": pyarrow.int64(),
        "number": pyarrow.float64(),
        "flag": pyarrow.bool_(),
        "time": pyarrow.timestamp("us", tz="UTC"),
        "text": pyarrow.string(),
        "json": pyarrow.string(),
    }
    if untyped := [column.name for column in columns if column.kind not in types]:
        raise ConfigurationError(detail=f"Parquet needs a type for each column; these have none: {', '.join(untyped)}")
    schema = pyarrow.schema([(column.name, types[column.kind]) for column in columns])
    numbers = [place for place, column in enumerate(columns) if column.kind == "number"]
    rows = iter(rows)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        group: list[Any] = []
        while batch := _batch(rows):
            values = [list(column) for column in zip(*batch, strict=True)]
            for place in numbers:  # Arrow does not convert integers to doubles
                values[place] = [None if value is None else float(value) for value in values[place]]
            arrays = [pyarrow.array(column, field.type) for column, field in zip(values, schema, strict=True)]
            group.append(pyarrow.record_batch(arrays, schema))
            if sum(part.nbytes for part in group) >= GROUP_BYTES:
                writer.write_table(pyarrow.Table.from_batches(group, schema))
                group = []
        if group:
            writer.write_table(pyarrow.Table.from_batches(group, schema))


def _batch(rows: Iterator[Row]) -> list[Row]:
    """Return the next rows, whose number and bytes are limited; one row is returned whatever its size."""
    batch: list[Row] = []
    room = GROUP_BYTES
    while room > 0 and len(batch) < BATCH and (row := next(rows, None)) is not None:
        batch.append(row)
        room -= approximate_bytes(row)
    return batch


FORMATS: dict[str, Callable[[BinaryIO, Sequence[Column], Iterable[Row]], None]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _csv,
    "parquet": _parquet,
}
"""The function that writes each format."""
