"""runstore archives assistant runs in PostgreSQL or SQLite and gives them back exactly as they came.

>>> from runstore import RunRepository
>>> with RunRepository.open("runs.db") as runs:
...     runs.save({"id": "run_1", "object": "thread.run", "status": "queued"})
...     runs.load("run_1")
<Outcome.INSERTED: 'inserted'>
{'id': 'run_1', 'object': 'thread.run', 'status': 'queued'}
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runstore.backends import (
        Answer,
        create_engine,
    )
    from runstore.errors import (
        ArchiveDamaged,
        ArchiveMissing,
        ConfigurationError,
        DatabaseFailure,
        DatabaseUnreachable,
        DigestClash,
        MigrationBlocked,
        NotAnArchive,
        NotARun,
        PastTheMapping,
        QueryRefused,
        QueryTimeout,
        RunChanged,
        RunConflict,
        RunHeld,
        RunNotFound,
        RunRejected,
        RunStoreError,
        RunsWouldBeDeleted,
        SchemaBehind,
        SchemaNewer,
        SharedRowChanged,
    )
    from runstore.repository import (
        Change,
        Page,
        RunRepository,
    )
    from runstore.save.saver import (
        Rejection,
        SaveReport,
    )
    from runstore.save.writer import (
        Outcome,
    )
    from runstore.schema import (
        AssistantObjectToolsInner,
        AssistantsApiResponseFormatOption,
        AssistantsApiToolChoiceOption,
        Base,
        FunctionObject,
        ModelPrice,
        RunCompletionUsage,
        RunObject,
        RunObjectAssistantObjectToolsInner,
        RunObjectChange,
        RunObjectFileIds,
        RunObjectIncompleteDetails,
        RunObjectInstructions,
        RunObjectLastError,
        RunObjectRequiredAction,
        RunObjectShape,
        RunToolCallObject,
        TruncationObject,
    )

__all__ = [
    "Answer",
    "ArchiveDamaged",
    "ArchiveMissing",
    "AssistantObjectToolsInner",
    "AssistantsApiResponseFormatOption",
    "AssistantsApiToolChoiceOption",
    "Base",
    "Change",
    "ConfigurationError",
    "DatabaseFailure",
    "DatabaseUnreachable",
    "DigestClash",
    "FunctionObject",
    "MigrationBlocked",
    "ModelPrice",
    "NotARun",
    "NotAnArchive",
    "Outcome",
    "Page",
    "PastTheMapping",
    "QueryRefused",
    "QueryTimeout",
    "Rejection",
    "RunChanged",
    "RunCompletionUsage",
    "RunConflict",
    "RunHeld",
    "RunNotFound",
    "RunObject",
    "RunObjectAssistantObjectToolsInner",
    "RunObjectChange",
    "RunObjectFileIds",
    "RunObjectIncompleteDetails",
    "RunObjectInstructions",
    "RunObjectLastError",
    "RunObjectRequiredAction",
    "RunObjectShape",
    "RunRejected",
    "RunRepository",
    "RunStoreError",
    "RunToolCallObject",
    "RunsWouldBeDeleted",
    "SaveReport",
    "SchemaBehind",
    "SchemaNewer",
    "SharedRowChanged",
    "TruncationObject",
    "create_engine",
]

_MODULES = ("errors", "save.writer", "save.saver", "repository", "backends", "schema")
"""Where these names live."""


def __getattr__(name: str) -> Any:
    """Import a name when it is asked for: the command line answers --help without loading a database."""
    if name == "__version__":
        return version("runstore")
    if name in __all__:
        for module in _MODULES:
            if hasattr(found := import_module(f"runstore.{module}"), name):
                return getattr(found, name)
    raise AttributeError(f"module 'runstore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
