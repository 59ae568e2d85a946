"""The values of columns: as documented, or the unambiguous reading of a value of another JSON type.

A value of another type is stored unchanged in ``extra``, and its column holds its reading, or NULL if it has none. A
value has a reading if nothing must be guessed: an integer, number or boolean in JSON spelling inside a string; or a
time in ISO 8601 or in Unix seconds with a fraction, whose column holds the whole second (UTC if no zone is given).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

from msgspec import Raw
from sqlalchemy import Boolean, Column, Table, Text
from sqlalchemy.types import TypeEngine

from runstore import wire
from runstore.schema.base import JSONText, Key, Number, UnixSeconds
from runstore.wire.spelling import Entry, Names, entries

NULL = Raw(b"null")

# --- readings --------------------------------------------------------------------------------------------------------

_ISO = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)[Tt ](\d\d)(?:(:?)(\d\d)(?:\6(\d\d)(?:[.,]\d+)?)?)?"
    r"(?:[Zz]|([+-])(\d\d)(?::?([0-5]\d))?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _seconds(value: Any) -> int | None:
    if isinstance(value, str):
        if match := _ISO.fullmatch(value):
            return _seconds_of(match)
        value = wire.numeral(value)
        if type(value) is int:
            return value
    return math.floor(value) if type(value) is float and not value.is_integer() else None


def _seconds_of(match: re.Match[str]) -> int | None:
    year, _, month, day, hour, _, minute, second, sign, hours, minutes = match.groups(default="0")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=zone)
    except ValueError:  # not a valid date, time of day or offset
        return None
    return (moment - _EPOCH) // timedelta(seconds=1)


def _integer(value: Any) -> int | None:
    number = _number(value)
    return number if type(number) is int else None


def _number(value: Any) -> int | float | None:
    return wire.numeral(value) if isinstance(value, str) else None


def _boolean(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def _nothing(_: Any) -> None:
    return None


class Reader(NamedTuple):
    """How the values of a column type are read."""

    documented: wire.Reader
    """Reads values of the documented type."""
    reading: Callable[[Any], Any]
    """Returns the reading of a decoded value of another type, or None if it is ambiguous."""


_INTEGER = Reader(wire.integer, _integer)
_READERS: tuple[tuple[type[TypeEngine[Any]], Reader], ...] = (
    (Number, Reader(wire.number, _number)),
    (Text, Reader(wire.text, _nothing)),
    (Boolean, Reader(wire.boolean, _boolean)),
    (JSONText, Reader(wire.document, _nothing)),
)
_KEY = Reader(wire.indexed, _nothing)
_SECONDS = Reader(wire.integer, _seconds)
STRINGS = Reader(wire.strings, _nothing)


def reader_of(column: Column[Any]) -> Reader:
    """Return the reader that reads and checks the member in this column."""
    if column.type is Key:
        return _KEY
    if column.type is UnixSeconds:
        return _SECONDS
    return next((reader for kind, reader in _READERS if isinstance(column.type, kind)), _INTEGER)


def reading(column: Column[Any], text: Raw) -> Any:
    """Return what a column holds if the value itself is stored in ``extra``."""
    value = reader_of(column).reading(wire.loads(bytes(text)))
    return None if _is_large_float(value) else value


def _is_large_float(value: Any) -> bool:
    """Return whether a numeric column would return an integer for this float, which has another spelling."""
    return type(value) is float and value.is_integer() and abs(value) <= 2**63


def read_each(
    keys: Iterable[str],
    readers: Iterable[Reader],
    members: dict[str, Raw],
    extra: dict[str, Raw],
    path: str,
    depth: int,
) -> list[Any]:
    """Read values one by one (None for null). Make the texts canonical; add those that do not fit to *extra*.

    Raises :class:`RunRejected` for a value that cannot be stored.
    """
    values: list[Any] = []
    for key, reader in zip(keys, readers, strict=True):
        if (raw := members[key]) == NULL:
            values.append(None)
            continue
        place = wire.join(path, key)
        found = reader.documented(bytes(raw), place, depth + 1)
        if found is not None and not _is_large_float(found[0]):
            value, spelled = found
        else:
            spelled = wire.canonical(raw, place, depth + 1)
            value = reader.reading(wire.loads(spelled))
            if _is_large_float(value):
                value = None
            extra[key] = Raw(spelled)
        values.append(value)
        members[key] = Raw(spelled)
    return values


# --- objects with a separate table -----------------------------------------------------------------------------------


class Part:
    """A JSON object: some members are stored in the columns of one table, the others in its ``extra``."""

    def __init__(self, columns: Mapping[str, Column[Any]], *others: str) -> None:
        """*others* are documented members that have no column."""
        self.names = Names((*columns, *others))
        self._readers = {member: reader_of(column) for member, column in columns.items()}
        self._at_once = wire.object_at_once({name: reader.documented for name, reader in self._readers.items()})

    @staticmethod
    def of(table: Table) -> Part:
        """Return the part for all columns of a table that hold members."""
        return Part({c.name: c for c in table.columns if c.name not in ("run_object", "position", "extra")})

    def read(self, raw: bytes, path: str, depth: int) -> ReadPart:
        """Read an object. Raises :class:`RunRejected` for a value that cannot be stored."""
        if (values := self._at_once(raw)) is not None:
            return ReadPart(values, {}, tuple(values), raw, True)
        found = wire.members(raw, path, depth)
        keys = tuple(found)
        names = self.names.of(keys)
        known = [key for key in keys if names.get(key, key) in self._readers]
        readers = tuple(self._readers[names.get(key, key)] for key in known)
        extra: dict[str, Raw] = {}
        each = wire.at_once(tuple(reader.documented for reader in readers), [found[key] for key in known])
        if each is None:
            each = read_each(known, readers, found, extra, path, depth)
        for key in keys:
            if key not in known:
                found[key] = extra[key] = Raw(wire.canonical(found[key], wire.join(path, key), depth + 1))
        values = {names.get(key, key): value for key, value in zip(known, each, strict=True)}
        as_documented = not names and extra.keys().isdisjoint(known)
        return ReadPart(values, extra, entries(keys, names), wire.encode(found), as_documented=as_documented)


class ReadPart(NamedTuple):
    """A JSON object that was read."""

    values: dict[str, Any]
    """The members that have a column, by their documented names."""
    extra: dict[str, Raw]
    """The canonical texts of the other members, and of values of another type than documented."""
    keys: tuple[Entry, ...]
    text: bytes
    """The canonical text."""
    as_documented: bool
    """Whether all spellings and types are as documented."""


def members_of(extra: str | None) -> dict[str, Raw]:
    """Return the members in a column ``extra``."""
    return wire.members(extra.encode(), "extra") if extra else {}


def extra_text(extra: dict[str, Raw]) -> str | None:
    """Return the content of a column ``extra``."""
    return wire.encode(extra).decode() if extra else None
