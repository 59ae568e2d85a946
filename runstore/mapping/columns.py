"""Which member of a run stands where."""

from __future__ import annotations

from enum import IntEnum, auto

from sqlalchemy import Table

from runstore.mapping.values import Part, Reader, reader_of
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
from runstore.schema.base import JSONText
from runstore.wire.spelling import Names


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


IN_ROW: dict[str, tuple[int, Reader]] = {
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


PARTS = {member: Part.of(table) for member, table in BELONGS.items()}
CALL = Part({"id": CALLS.c.id, "type": CALLS.c.type}, "function")
CALL_FUNCTION = Part({"name": CALLS.c.function_name, "arguments": CALLS.c.function_arguments})

RUN_NAMES = Names(_KINDS)
ACTION_NAMES = Names(("type", "submit_tool_outputs"))
OUTPUTS_NAMES = Names(("tool_calls",))
