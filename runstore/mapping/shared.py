"""The rows of values that runs share, identified by the digest of their canonical text."""

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
    """A row of a shared table, with the shared rows to which it refers."""

    table: Table
    id: int
    digest: bytes
    values: tuple[Any, ...]
    refers: tuple[SharedRow, ...] = ()


def digest_of(text: bytes) -> bytes:
    """Return the BLAKE2b digest (32 bytes) of a text."""
    return blake2b(text, digest_size=32).digest()


def shared_id(digest: bytes) -> int:
    """Return the first 63 bits of a digest."""
    return int.from_bytes(digest[:8], "big") >> 1


def shared_row(table: Table, text: bytes, path: str, *, as_before: bool = False) -> SharedRow:
    """Return the shared row for a value, given its canonical text.

    With *as_before*, return the row as earlier code wrote it, which knew neither other spellings nor readings; shared
    rows are never changed. Raises :class:`RunRejected` if an indexed string (type, name of the function) is too long.
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
    """Return the content of a documented column: the value, or the reading of a value of another type."""
    raw = wire.encode(value)
    reader = reader_of(column)
    if (found := reader.documented(raw, path, 1)) is not None:
        return found[0]
    return None if as_before else reader.reading(value)


def shared_text(document: str, function: str | None) -> bytes:
    """Return the canonical text of a shared value, given its ``document`` and that of its function."""
    if function is None:
        return document.encode()
    members = wire.members(document.encode(), "document")
    key = FUNCTION_NAMES.key_of("function", members) or "function"
    return wire.encode(members | {key: Raw(function)})


class Remembered(dict[bytes, T]):
    """A cache of results by text, with bounded memory: when it is full, it is cleared."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self.room = self.most_bytes = most_bytes
        self._by_length: dict[int, tuple[Raw, T]] = {}
        """The last requested text of each length. Comparing a long text takes a tenth of the time of hashing it."""

    def of(self, text: Raw, make: Callable[..., T], *args: Any) -> T:
        """Return the cached result for this text, or else the result of *make* for the text and the *args*."""
        last = self._by_length.get(len(text))
        if last is not None and last[0] == text:
            return last[1]
        copy = bytes(text)
        made = self.get(copy)
        if made is None:
            made = make(copy, *args)
            # The result contains the text again, canonical and decoded, and the last text of each length is kept twice.
            size = 4 * len(copy) + 400
            if size > self.most_bytes // 4:
                return made
            self.room -= size
            if self.room < 0:
                self.clear()
                self._by_length.clear()
                self.room = self.most_bytes
                return made
            self[copy] = made
        self._by_length[len(copy)] = Raw(copy), made
        return made
