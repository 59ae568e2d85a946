"""Where each member of a run is stored."""

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
    """Return the table of a model."""
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
"""For each shared member of a run, the column of run_object with its key, and the table of its rows."""

BELONGS: dict[str, Table] = {
    "last_error": table_of(RunObjectLastError),
    "incomplete_details": table_of(RunObjectIncompleteDetails),
    "usage": table_of(RunCompletionUsage),
}
"""For each of these members of a run, the table with one row for it, whose columns are its documented members."""

OWN = ("extra", "shape", "digest", "observed_at", "archived_at", "source", "number")
"""The columns of run_object that runstore adds."""

OBJECTS = tuple(column.name for column in RUN.columns if isinstance(column.type, JSONText) and column.name not in OWN)
"""The members of a run whose column holds the text of a JSON object."""

COLUMNS = {column.name: place for place, column in enumerate(RUN.columns)}
"""The position of each column of run_object in a row."""

SHARED_TABLES = (FUNCTION, TOOL, *(table for _, table in SHARED.values()), SHAPE)
"""The shared tables in the order in which rows are written: referenced tables come first."""

LINK_TABLES = (TOOLS, FILES)

CHILD_TABLES = (REQUIRED_ACTION, CALLS, *BELONGS.values(), *LINK_TABLES)
"""The tables with rows that belong to a run; referenced tables come first."""

MEMBER_TABLES: dict[str, tuple[Table, ...]] = {
    **{member: (table,) for member, table in BELONGS.items()},
    "required_action": (REQUIRED_ACTION, CALLS),
    "tools": (TOOLS,),
    "file_ids": (FILES,),
}
"""The tables in which a member of a run has rows."""


IN_ROW: dict[str, tuple[int, Reader]] = {
    name: (place, reader_of(RUN.columns[name]))
    for name, place in COLUMNS.items()
    if name not in (*OWN, *(column for column, _ in SHARED.values()))
}
"""The members stored in run_object itself (scalars and texts of objects), with position and reader."""


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
    """A null list, which no row represents."""


_KINDS = {
    **dict.fromkeys(IN_ROW, Kind.SCALAR),
    **dict.fromkeys(OBJECTS, Kind.OBJECT),  # those columns of the row that are not scalars
    **dict.fromkeys(SHARED, Kind.SHARED),
    **dict.fromkeys(BELONGS, Kind.BELONGS),
    "tools": Kind.TOOLS,
    "file_ids": Kind.FILE_IDS,
    "required_action": Kind.REQUIRED_ACTION,
}


def kind_of(key: str) -> Kind:
    """Return how the member of this name is stored."""
    return _KINDS.get(key, Kind.EXTRA)


PARTS = {member: Part.of(table) for member, table in BELONGS.items()}
CALL = Part({"id": CALLS.c.id, "type": CALLS.c.type}, "function")
CALL_FUNCTION = Part({"name": CALLS.c.function_name, "arguments": CALLS.c.function_arguments})

RUN_NAMES = Names(_KINDS)
ACTION_NAMES = Names(("type", "submit_tool_outputs"))
OUTPUTS_NAMES = Names(("tool_calls",))
