"""The tables as SQLAlchemy models that mirror the documented RunObject table.

``docs/reference/tables.md`` lists each name.
"""

from runstore.schema import sessions
from runstore.schema.base import Base
from runstore.schema.configuration import (
    AssistantObjectToolsInner,
    AssistantsApiResponseFormatOption,
    AssistantsApiToolChoiceOption,
    FunctionObject,
    RunObjectInstructions,
    RunObjectShape,
    TruncationObject,
)
from runstore.schema.fetched import FetchedThread
from runstore.schema.outcome import (
    RunCompletionUsage,
    RunObjectChange,
    RunObjectIncompleteDetails,
    RunObjectLastError,
    RunObjectRequiredAction,
    RunToolCallObject,
)
from runstore.schema.price import ModelPrice
from runstore.schema.run import RunObject, RunObjectAssistantObjectToolsInner, RunObjectFileIds

TABLES = sessions.TABLES
"""The tables of an archive by name. The metadata may contain more: applications may derive models from our base."""

__all__ = [
    "TABLES",
    "AssistantObjectToolsInner",
    "AssistantsApiResponseFormatOption",
    "AssistantsApiToolChoiceOption",
    "Base",
    "FetchedThread",
    "FunctionObject",
    "ModelPrice",
    "RunCompletionUsage",
    "RunObject",
    "RunObjectAssistantObjectToolsInner",
    "RunObjectChange",
    "RunObjectFileIds",
    "RunObjectIncompleteDetails",
    "RunObjectInstructions",
    "RunObjectLastError",
    "RunObjectRequiredAction",
    "RunObjectShape",
    "RunToolCallObject",
    "TruncationObject",
]
