"""Rows as JSON Lines, JSON, CSV and Parquet, written to a file as they come."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from math import isfinite
from typing import Any, BinaryIO, NamedTuple

import msgspec
import sqlalchemy
from sqlalchemy import Boolean, Integer

from runstore import wire
from runstore.errors import ConfigurationError
from runstore.schema.base import JSONText, Number
from runstore.schema.views import Moment

BATCH = 1000
"""Rows that are turned into Arrow arrays at a time."""

GROUP_BYTES = 32 * 2**20
"""Bytes of Arrow arrays that make a row group of Parquet."""

SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a formula of a spreadsheet begins; the last ones are the signs in full width."""

FORMULA = (*SIGNS, "\t", "\r", "\n")
"""How a text begins that a spreadsheet takes for a formula."""

Row = Sequence[Any]


class Column(NamedTuple):
    """The name of a column and what stands in it."""

    name: str
    kind: str = "any"
    """integer, number, flag, time (an aware datetime), text, json (its text), or any where only the values tell."""


def column_of(column: sqlalchemy.Column[Any]) -> Column:
    """A column of a table or view."""
    for kind, name in ((Boolean, "flag"), (Integer, "integer"), (Number, "number"), (Moment, "time")):
        if isinstance(column.type, kind):
            return Column(column.name, name)
    return Column(column.name, "json" if isinstance(column.type, JSONText) else "text")


def write(form: str, file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write rows in one of :data:`FORMATS`; no more than a batch of them is held at a time.

    Raises :class:`ConfigurationError` for another format, and for Parquet where pyarrow is missing or a column's kind
    is ``any``.
    """
    if form not in FORMATS:
        raise ConfigurationError(detail=f"there is no format {form!r}; there are {', '.join(FORMATS)}")
    FORMATS[form](file, columns, rows)


# --- JSON ------------------------------------------------------------------------------------------------------------

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode


def _jsonl(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    write_texts("jsonl", file, _objects(columns, rows))


def _json(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    write_texts("json", file, _objects(columns, rows))


def write_texts(form: str, file: BinaryIO, texts: Iterable[bytes]) -> None:
    """Texts of JSON, a line each: ``jsonl`` alone, ``json`` as one array."""
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
    """Names of columns, of which SQL may have several alike: the second ``id`` becomes ``id_2``."""
    found: dict[str, None] = {}
    for name in names:
        number, new = 1, name
        while new in found:
            number += 1
            new = f"{name}_{number}"
        found[new] = None
    return list(found)


def _plain(value: Any) -> Any:
    """A value that JSON has: bytes in hexadecimal, no NaN, a large integer as the digits it has."""
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
    """RFC 4180, in UTF-8: NULL is empty, an empty text ``""``."""
    file.write(_line([column.name for column in columns]))
    for row in rows:
        file.write(_line(row))


def _line(row: Row) -> bytes:
    cells = [_cell(value) for value in row]
    if cells == [""]:
        cells = ['""']  # a line without anything would be no row
    return f"{','.join(cells)}\r\n".encode()


_INSIDE = re.compile(f'([;\t\r\n]"*)(?=[{re.escape("".join(SIGNS))}])')
"""Where a spreadsheet that does not split at commas alone, and so takes our quotes for text, may see a cell begin."""

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
    """A text of which no spreadsheet takes a part for a formula: an apostrophe stands before what begins like one.

    That is the text, and what follows on a semicolon, tab or line break in it. A plain number stays as it is.
    """
    text = _INSIDE.sub(r"\1'", text)
    return f"'{text}" if text.startswith(FORMULA) and not _NUMBER.fullmatch(text) else text


# --- Parquet ---------------------------------------------------------------------------------------------------------


def _parquet(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """The schema is made of the kinds of the columns alone, so every file of the same columns has the same."""
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
        raise ConfigurationError(detail=f"Parquet needs a type for each column; {', '.join(untyped)} has none")
    schema = pyarrow.schema([(column.name, types[column.kind]) for column in columns])
    numbers = [place for place, column in enumerate(columns) if column.kind == "number"]
    rows = iter(rows)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        group: list[Any] = []
        while batch := list(islice(rows, BATCH)):
            values = [list(column) for column in zip(*batch, strict=True)]
            for place in numbers:  # Arrow makes no double of an integer
                values[place] = [None if value is None else float(value) for value in values[place]]
            arrays = [pyarrow.array(column, field.type) for column, field in zip(values, schema, strict=True)]
            group.append(pyarrow.record_batch(arrays, schema))
            if sum(part.nbytes for part in group) >= GROUP_BYTES:
                writer.write_table(pyarrow.Table.from_batches(group, schema))
                group = []
        if group:
            writer.write_table(pyarrow.Table.from_batches(group, schema))


FORMATS: dict[str, Callable[[BinaryIO, Sequence[Column], Iterable[Row]], None]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _csv,
    "parquet": _parquet,
}
"""The formats by name."""
