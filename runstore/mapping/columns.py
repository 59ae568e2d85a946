"""Which member of a run stands where, and how a member of one JSON type is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Any, NamedTuple

from msgspec import Raw
from sqlalchemy import Boolean, Column, Table, Text
from sqlalchemy.types import TypeEngine

from runstore import wire
from runstore.schema import (
    AssistantObjectToolsInner,
    AssistantsApiResponseFormatOption,
    AssistantsApiToolChoiceOption,
    Base,
    FunctionObject,
    RunCompletionUsage,
    RunObject,
    RunObjectAssistantObjectToolsInner,
    RunObjectFileIds,
    RunObjectIncompleteDetails,
    RunObjectInstructions,
    RunObjectLastError,
    RunObjectRequiredAction,
    RunObjectShape,
    RunToolCallObject,
    TruncationObject,
)
from runstore.schema.base import JSONText, KeyString, Number


def table_of(model: type[Base]) -> Table:
    """The table of a model."""
    assert isinstance(model.__table__, Table)
    return model.__table__


RUN = table_of(RunObject)
TOOLS = table_of(RunObjectAssistantObjectToolsInner)
FILES = table_of(RunObjectFileIds)
CALLS = table_of(RunToolCallObject)
REQUIRED_ACTION = table_of(RunObjectRequiredAction)
TOOL = table_of(AssistantObjectToolsInner)
FUNCTION = table_of(FunctionObject)
INSTRUCTIONS = table_of(RunObjectInstructions)
SHAPE = table_of(RunObjectShape)

SHARED: dict[str, tuple[str, Table]] = {
    "instructions": ("instructions_id", INSTRUCTIONS),
    "truncation_strategy": ("truncation_strategy", table_of(TruncationObject)),
    "tool_choice": ("tool_choice", table_of(AssistantsApiToolChoiceOption)),
    "response_format": ("response_format", table_of(AssistantsApiResponseFormatOption)),
}
"""Member of a run -> column of run_object that holds the key, table of the shared rows."""

BELONGS: dict[str, Table] = {
    "last_error": table_of(RunObjectLastError),
    "incomplete_details": table_of(RunObjectIncompleteDetails),
    "usage": table_of(RunCompletionUsage),
}
"""Member of a run -> table that has one row for it, its documented members in columns."""

OWN = ("extra", "shape", "digest", "observed_at", "archived_at", "source")
"""runstore's own columns of run_object."""

COLUMNS = {column.name: place for place, column in enumerate(RUN.columns)}
"""Column of run_object -> its place in a row."""

SHARED_TABLES = (FUNCTION, TOOL, *(table for _, table in SHARED.values()), SHAPE)
"""In the order in which rows are written: what is referred to comes first."""

CHILD_TABLES = (REQUIRED_ACTION, CALLS, *BELONGS.values(), TOOLS, FILES)
"""Tables of what belongs to a run, what is referred to first."""

MEMBER_TABLES: dict[str, tuple[Table, ...]] = {
    **{member: (table,) for member, table in BELONGS.items()},
    "required_action": (REQUIRED_ACTION, CALLS),
    "tools": (TOOLS,),
    "file_ids": (FILES,),
}
"""Member of a run -> the tables in which it has rows of its own."""

RANKS = {"cancelling": 1} | dict.fromkeys(("cancelled", "failed", "completed", "expired", "incomplete"), 2)
"""How far a status is on the way of a run; every other one, also a missing one, is 0."""


# --- reading values of one JSON type ---------------------------------------------------------------------------------

Reader = Callable[[bytes, str, int], tuple[Any, bytes]]


def _object(raw: bytes, path: str, depth: int) -> tuple[Any, bytes]:
    if raw[:1] != b"{":
        raise wire.expected("an object", raw, path)
    spelled = wire.canonical(raw, path, depth)
    return spelled.decode(), spelled


_READERS: tuple[tuple[type[TypeEngine[Any]], Reader], ...] = (
    (KeyString, wire.indexed),
    (JSONText, _object),
    (Number, wire.number),
    (Text, wire.text),
    (Boolean, wire.boolean),
)


def reader_of(column: Column[Any]) -> Reader:
    """How a member that stands in this column is read and checked."""
    return next((reader for kind, reader in _READERS if isinstance(column.type, kind)), wire.integer)


SCALARS: dict[str, tuple[int, Reader]] = {
    name: (place, reader_of(RUN.columns[name]))
    for name, place in COLUMNS.items()
    if name not in OWN and name not in {column for column, _ in SHARED.values()}
}
"""Member of a run that stands as it is in run_object -> its place in a row, how it is read."""


class Kind(IntEnum):
    """How a member of a run is stored."""

    SCALAR = auto()
    SHARED = auto()
    TOOLS = auto()
    BELONGS = auto()
    REQUIRED_ACTION = auto()
    FILE_IDS = auto()
    EXTRA = auto()
    NULL = auto()
    """A list that is null, which no row says."""


_KINDS = {
    **dict.fromkeys(SCALARS, Kind.SCALAR),
    **dict.fromkeys(SHARED, Kind.SHARED),
    **dict.fromkeys(BELONGS, Kind.BELONGS),
    "tools": Kind.TOOLS,
    "file_ids": Kind.FILE_IDS,
    "required_action": Kind.REQUIRED_ACTION,
}


def kind_of(key: str) -> Kind:
    """How the member of this name is stored."""
    return _KINDS.get(key, Kind.EXTRA)


@dataclass(frozen=True)
class Part:
    """A JSON object whose members stand in columns of one table, the others in its ``extra``."""

    columns: dict[str, tuple[str, Reader]]
    """Member -> column, reader."""

    @staticmethod
    def of(table: Table, **columns: str) -> Part:
        names = columns or {c.name: c.name for c in table.columns if c.name not in ("run_object", "position", "extra")}
        return Part({member: (name, reader_of(table.columns[name])) for member, name in names.items()})

    def read(self, raw: Raw | bytes, path: str, depth: int) -> ReadPart:
        """Refuses documented members of another type."""
        values: dict[str, Any] = {}
        extra: dict[str, bytes] = {}
        texts: dict[str, bytes] = {}
        for key, inner in wire.members(raw, path, depth).items():
            text = bytes(inner)
            if (known := self.columns.get(key)) is None:
                texts[key] = extra[key] = wire.canonical(text, wire.join(path, key), depth + 1)
            elif text == NULL:
                texts[key] = text
            else:
                column, reader = known
                values[column], texts[key] = reader(text, f"{path}.{key}", depth + 1)
        return ReadPart(values, extra, texts)

    def value(self, keys: Iterable[str], values: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
        """The object again, the members that no column holds as raw JSON."""
        return {key: extra[key] if key in extra else values.get(self.columns[key][0]) for key in keys}


class ReadPart(NamedTuple):
    """A JSON object that was read."""

    values: dict[str, Any]
    """By column."""
    extra: dict[str, bytes]
    """Texts of the members that no column holds."""
    texts: dict[str, bytes]
    """Canonical texts of all members, in order."""


NULL = b"null"
PARTS = {member: Part.of(table) for member, table in BELONGS.items()}
CALL = Part.of(CALLS, id="id", type="type")
CALL_FUNCTION = Part.of(CALLS, name="function_name", arguments="function_arguments")


def join_object(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Canonical text of an object from its keys and the texts of its values."""
    return b"{" + b",".join([key_text(key) + text for key, text in members]) + b"}"


class _Keys(dict[str, bytes]):
    def __missing__(self, key: str) -> bytes:
        text = wire.encode(key) + b":"
        if len(self) < 10_000 and len(key) <= 100:
            self[key] = text
        return text


key_text = _Keys().__getitem__


def members_of(extra: str | None) -> dict[str, Raw]:
    """The members in a column ``extra``."""
    return wire.members(extra.encode(), "extra") if extra else {}


def extra_text(extra: dict[str, bytes]) -> str | None:
    """What goes into a column ``extra``."""
    return join_object(extra.items()).decode() if extra else None
