"""Values that runs share: their rows, found by the digest of their canonical text."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

from msgspec import Raw
from sqlalchemy import Column, Table

from runstore import wire
from runstore.mapping.columns import FUNCTION, INSTRUCTIONS, SHARED_TABLES
from runstore.mapping.values import reader_of
from runstore.schema.base import FUNCTION_NAMES
from runstore.wire.spelling import Names

T = TypeVar("T")


class SharedRow(NamedTuple):
    """A row of a shared table, and the shared rows it refers to."""

    table: Table
    id: int
    digest: bytes
    values: tuple[Any, ...]
    refers: tuple[SharedRow, ...] = ()


def digest_of(text: bytes) -> bytes:
    """BLAKE2b, 32 bytes."""
    return blake2b(text, digest_size=32).digest()


def shared_id(digest: bytes) -> int:
    """The first 63 bits."""
    return int.from_bytes(digest[:8], "big") >> 1


def shared_row(table: Table, text: bytes, path: str, *, as_before: bool = False) -> SharedRow:
    """The shared row of a value, given its canonical text.

    *as_before* gives the row as earlier code made it, which knew neither other spellings nor readings: a shared row is
    never changed. Raises :class:`RunRejected` for an indexed string (type, name of the function) that is too long.
    """
    digest = digest_of(text)
    if table is INSTRUCTIONS:
        return SharedRow(table, shared_id(digest), digest, (shared_id(digest), digest, wire.loads(text)))
    refers: tuple[SharedRow, ...] = ()
    document = text
    value = wire.loads(text)
    members = value if isinstance(value, dict) else {}
    keys = {} if as_before else {name: key for key, name in _NAMES[table].of(members).items()}
    columns: dict[str, Any] = {}
    function = keys.get("function", "function")
    if "function" in table.columns and isinstance(members.get(function), dict):
        called = bytes(wire.members(text, path)[function])
        refers = (shared_row(FUNCTION, called, wire.join(path, function), as_before=as_before),)
        columns["function"] = refers[0].id
        document = wire.encode({**members, function: None})
    for column in table.columns:
        key = keys.get(column.name, column.name)
        if column.name not in columns and (inner := members.get(key)) is not None and not column.foreign_keys:
            columns[column.name] = _column_value(column, inner, wire.join(path, key), as_before)
    columns |= {"id": shared_id(digest), "digest": digest, "document": document.decode()}
    return SharedRow(table, columns["id"], digest, tuple(columns.get(c.name) for c in table.columns), refers)


_NAMES = {
    table: Names(column.name for column in table.columns if column.name not in ("id", "digest", "document"))
    for table in SHARED_TABLES
}


def _column_value(column: Column[Any], value: Any, path: str, as_before: bool) -> Any:
    """What a documented column holds next to the document: the value, of one of another type its reading."""
    raw = wire.encode(value)
    reader = reader_of(column)
    if (found := reader.documented(raw, path, 1)) is not None:
        return found[0]
    return None if as_before else reader.reading(value)


def shared_text(document: str, function: str | None) -> bytes:
    """The canonical text of a shared value from its columns ``document`` and that of its function."""
    if function is None:
        return document.encode()
    members = wire.members(document.encode(), "document")
    key = FUNCTION_NAMES.key_of("function", members) or "function"
    return wire.encode(members | {key: Raw(function)})


class Remembered(dict[bytes, T]):
    """What was made of a text, by the text, in bounded memory: full, it begins anew."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self.room = self.most_bytes = most_bytes
        self._by_length: dict[int, tuple[Raw, T]] = {}
        """The text of a length that was asked for last: to compare a long one takes a tenth of hashing it."""

    def of(self, text: Raw, make: Callable[..., T], *args: Any) -> T:
        """What is remembered of this text, else what *make* makes of it and the *args*."""
        last = self._by_length.get(len(text))
        if last is not None and last[0] == text:
            return last[1]
        copy = bytes(text)
        made = self.get(copy)
        if made is None:
            made = make(copy, *args)
            # What is made of a text holds it again, canonical and decoded, and the last one of its length stands twice.
            self.room -= 4 * len(copy) + 400
            if self.room < 0:
                self.clear()
                self._by_length.clear()
                self.room = self.most_bytes
                return made
            self[copy] = made
        self._by_length[len(copy)] = Raw(copy), made
        return made
