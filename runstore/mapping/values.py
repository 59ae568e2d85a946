"""What values are in their columns: as documented, or the one clear reading of a value of another JSON type.

A value of another type is kept as it came in ``extra``, and its column holds its reading, NULL where it has none. There
is one reading where nothing has to be guessed: an integer, a number or a boolean as JSON spells it, in a string; a time
in ISO 8601, of which the column holds the second it lies in (UTC if it names no zone), as of Unix seconds with a
fraction.
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
    except ValueError:  # no day of the calendar, no time of a day, no offset
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
    """How a value that stands in a column of one type is read."""

    documented: wire.Reader
    """Of a value of the documented type."""
    reading: Callable[[Any], Any]
    """What a plain value of another type says; None where that is not clear."""


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
    """How a member that stands in this column is read and checked."""
    if column.type is Key:
        return _KEY
    if column.type is UnixSeconds:
        return _SECONDS
    return next((reader for kind, reader in _READERS if isinstance(column.type, kind)), _INTEGER)


def reading(column: Column[Any], text: Raw) -> Any:
    """What a column holds next to a value that stands in ``extra``."""
    value = reader_of(column).reading(wire.loads(bytes(text)))
    return None if _is_large_float(value) else value


def _is_large_float(value: Any) -> bool:
    """Whether a numeric column would give the integer that the float equals, and that is spelled otherwise."""
    return type(value) is float and value.is_integer() and abs(value) <= 2**63


def read_each(
    keys: Iterable[str],
    readers: Iterable[Reader],
    members: dict[str, Raw],
    extra: dict[str, Raw],
    path: str,
    depth: int,
) -> list[Any]:
    """Values read one by one, None of null; the texts become canonical, those that do not fit go to *extra* too.

    Raises :class:`RunRejected` for what cannot be kept.
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


# --- objects with a table of their own -------------------------------------------------------------------------------


class Part:
    """A JSON object whose members stand in columns of one table, the others in its ``extra``."""

    def __init__(self, columns: Mapping[str, Column[Any]], *others: str) -> None:
        """*others* are documented members without a column."""
        self.names = Names((*columns, *others))
        self._readers = {member: reader_of(column) for member, column in columns.items()}
        self._at_once = wire.object_at_once({name: reader.documented for name, reader in self._readers.items()})

    @staticmethod
    def of(table: Table) -> Part:
        """Of all columns of a table that hold members."""
        return Part({c.name: c for c in table.columns if c.name not in ("run_object", "position", "extra")})

    def read(self, raw: bytes, path: str, depth: int) -> ReadPart:
        """Raises :class:`RunRejected` for what cannot be kept."""
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
        as_ever = not names and extra.keys().isdisjoint(known)
        return ReadPart(values, extra, entries(keys, names), wire.encode(found), as_ever=as_ever)


class ReadPart(NamedTuple):
    """A JSON object that was read."""

    values: dict[str, Any]
    """Of the members that have a column, by their documented names."""
    extra: dict[str, Raw]
    """Canonical texts of the others, and of values of another type than documented."""
    keys: tuple[Entry, ...]
    text: bytes
    """Canonical."""
    as_ever: bool
    """Whether all spellings and types are the documented ones."""


def members_of(extra: str | None) -> dict[str, Raw]:
    """The members in a column ``extra``."""
    return wire.members(extra.encode(), "extra") if extra else {}


def extra_text(extra: dict[str, Raw]) -> str | None:
    """What goes into a column ``extra``."""
    return wire.encode(extra).decode() if extra else None
