"""Rows and texts as JSON Lines, or as one array of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import msgspec

from runstore.formats.columns import Column, Row, distinct
from runstore.formats.values import encode, plain


def write_lines(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write an object for each row, one on each line."""
    write_texts("jsonl", file, _objects(columns, rows))


def write_array(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write an array with an object for each row."""
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
        found = dict(zip(names, map(plain, row), strict=True))
        for name in jsons:
            if found[name] is not None:
                found[name] = msgspec.Raw(found[name].encode())
        yield encode(found)
