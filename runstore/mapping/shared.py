"""Values that runs share: their rows, found by the digest of their canonical text."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

from msgspec import Raw
from sqlalchemy import Boolean, Column, Table, Text

from runstore import wire
from runstore.mapping.columns import FUNCTION, INSTRUCTIONS
from runstore.schema.base import JSONText, Key

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


def shared_row(table: Table, text: bytes, path: str) -> SharedRow:
    """The shared row of a value, given its canonical text.

    Raises :class:`RunRejected` for an indexed string (type, name of the function) that is too long.
    """
    digest = digest_of(text)
    if table is INSTRUCTIONS:
        return SharedRow(table, shared_id(digest), digest, (shared_id(digest), digest, wire.loads(text)))
    refers: tuple[SharedRow, ...] = ()
    document = text
    value = wire.loads(text)
    documented = value if isinstance(value, dict) else {}
    columns: dict[str, Any] = {}
    if "function" in table.columns and isinstance(documented.get("function"), dict):
        place = wire.join(path, "function")
        refers = (shared_row(FUNCTION, bytes(wire.members(text, path)["function"]), place),)
        columns["function"] = refers[0].id
        document = wire.encode({**documented, "function": None})
    for column in table.columns:
        inner = documented.get(column.name)
        if column.name not in columns and inner is not None and not column.foreign_keys:
            columns[column.name] = _column_value(column, inner, wire.join(path, column.name))
    columns |= {"id": shared_id(digest), "digest": digest, "document": document.decode()}
    return SharedRow(table, columns["id"], digest, tuple(columns.get(c.name) for c in table.columns), refers)


def _column_value(column: Column[Any], value: Any, path: str) -> Any:
    """What a documented column holds beside the document: the value where it is of the documented type, else NULL."""
    if column.type is Key:
        return wire.indexed(wire.encode(value), path)[0] if isinstance(value, str) else None
    match column.type:
        case Text():
            return value if isinstance(value, str) else None
        case JSONText():
            return wire.encode(value).decode() if isinstance(value, dict) else None
        case Boolean():
            return value if isinstance(value, bool) else None
        case _:
            return value if type(value) is int else None


def shared_text(document: str, function: str | None) -> bytes:
    """The canonical text of a shared value from its columns ``document`` and that of its function."""
    if function is None:
        return document.encode()
    return wire.encode(wire.members(document.encode(), "document") | {"function": Raw(function)})


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
