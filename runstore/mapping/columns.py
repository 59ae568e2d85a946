"""Which member of a run stands where, and how a member of one JSON type is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from runstore.schema.base import JSONText, Key, Number


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

OBJECTS = tuple(column.name for column in RUN.columns if isinstance(column.type, JSONText) and column.name not in OWN)
"""Members of a run whose column holds the text of a JSON object."""

COLUMNS = {column.name: place for place, column in enumerate(RUN.columns)}
"""Column of run_object -> its place in a row."""

SHARED_TABLES = (FUNCTION, TOOL, *(table for _, table in SHARED.values()), SHAPE)
"""In the order in which rows are written: what is referred to comes first."""

LINK_TABLES = (TOOLS, FILES)

CHILD_TABLES = (REQUIRED_ACTION, CALLS, *BELONGS.values(), *LINK_TABLES)
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

_READERS: tuple[tuple[type[TypeEngine[Any]], wire.Reader], ...] = (
    (Number, wire.number),
    (Text, wire.text),
    (Boolean, wire.boolean),
    (JSONText, wire.document),
)


def reader_of(column: Column[Any]) -> wire.Reader:
    """How a member that stands in this column is read and checked."""
    if column.type is Key:
        return wire.indexed
    return next((reader for kind, reader in _READERS if isinstance(column.type, kind)), wire.integer)


IN_ROW: dict[str, tuple[int, wire.Reader]] = {
    name: (place, reader_of(RUN.columns[name]))
    for name, place in COLUMNS.items()
    if name not in (*OWN, *(column for column, _ in SHARED.values()))
}
"""Member of a run that stands in run_object itself, a scalar or the text of an object -> its place, how it is read."""


class Kind(IntEnum):
    """How a member of a run is stored."""

    SCALAR = auto()
    OBJECT = auto()
    SHARED = auto()
    TOOLS = auto()
    BELONGS = auto()
    REQUIRED_ACTION = auto()
    FILE_IDS = auto()
    EXTRA = auto()
    NULL = auto()
    """A list that is null, which no row says."""


_KINDS = {
    **dict.fromkeys(IN_ROW, Kind.SCALAR),
    **dict.fromkeys(OBJECTS, Kind.OBJECT),  # those of the row that are no scalars
    **dict.fromkeys(SHARED, Kind.SHARED),
    **dict.fromkeys(BELONGS, Kind.BELONGS),
    "tools": Kind.TOOLS,
    "file_ids": Kind.FILE_IDS,
    "required_action": Kind.REQUIRED_ACTION,
}


def kind_of(key: str) -> Kind:
    """How the member of this name is stored."""
    return _KINDS.get(key, Kind.EXTRA)


class Part:
    """A JSON object whose members stand in columns of one table, the others in its ``extra``."""

    def __init__(self, columns: Mapping[str, Column[Any]]) -> None:
        self._readers = {member: reader_of(column) for member, column in columns.items()}
        self._at_once = wire.object_at_once(self._readers)

    @staticmethod
    def of(table: Table, **columns: str) -> Part:
        """Of a table's columns, or of those given by the names of the members they hold."""
        names = columns or {c.name: c.name for c in table.columns if c.name not in ("run_object", "position", "extra")}
        return Part({member: table.columns[name] for member, name in names.items()})

    def read(self, raw: bytes, path: str, depth: int) -> ReadPart:
        """Refuses documented members of another type."""
        if (values := self._at_once(raw)) is not None:
            return ReadPart(values, {}, tuple(values), raw)
        found = wire.members(raw, path, depth)
        known = tuple(key for key in found if key in self._readers)
        readers = tuple(map(self._readers.__getitem__, known))
        each = wire.at_once(readers, [found[key] for key in known])
        if each is None:
            each = read_each(known, readers, found, path, depth)
        extra: dict[str, Raw] = {}
        for key, text in tuple(found.items()):
            if key not in self._readers:
                found[key] = extra[key] = Raw(wire.canonical(text, wire.join(path, key), depth + 1))
        return ReadPart(dict(zip(known, each, strict=True)), extra, tuple(found), wire.encode(found))


class ReadPart(NamedTuple):
    """A JSON object that was read."""

    values: dict[str, Any]
    """Of the members that have a column."""
    extra: dict[str, Raw]
    """Canonical texts of the others."""
    keys: tuple[str, ...]
    text: bytes
    """Canonical."""


def read_each(
    keys: Iterable[str], readers: Iterable[wire.Reader], members: dict[str, Raw], path: str, depth: int
) -> list[Any]:
    """Values read one by one, None of null; the texts become canonical. Raises :class:`RunRejected`."""
    values: list[Any] = []
    for key, reader in zip(keys, readers, strict=True):
        if (raw := members[key]) == NULL:
            values.append(None)
            continue
        value, spelled = reader(bytes(raw), wire.join(path, key), depth + 1)
        values.append(value)
        members[key] = Raw(spelled)
    return values


NULL = Raw(b"null")
PARTS = {member: Part.of(table) for member, table in BELONGS.items()}
CALL = Part.of(CALLS, id="id", type="type")
CALL_FUNCTION = Part.of(CALLS, name="function_name", arguments="function_arguments")


def members_of(extra: str | None) -> dict[str, Raw]:
    """The members in a column ``extra``."""
    return wire.members(extra.encode(), "extra") if extra else {}


def extra_text(extra: dict[str, Raw]) -> str | None:
    """What goes into a column ``extra``."""
    return wire.encode(extra).decode() if extra else None
