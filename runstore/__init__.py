"""runstore archives assistant runs in PostgreSQL or SQLite and returns them exactly as they came.

>>> from runstore import RunRepository
>>> with RunRepository.open("runs.db") as runs:
...     runs.save({"id": "run_1", "object": "thread.run", "status": "queued"})
...     runs.load("run_1")
<Outcome.INSERTED: 'inserted'>
{'id': 'run_1', 'object': 'thread.run', 'status': 'queued'}
"""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the names of the table below, for tools that do not run the code
    # isort: off
    from runstore.answers import Answer as Answer, ArrowStream as ArrowStream, Statistics as Statistics
    from runstore.asynchronous import (
        AsyncAnswer as AsyncAnswer,
        AsyncRunRepository as AsyncRunRepository,
        create_async_engine as create_async_engine,
    )
    from runstore.backends import create_engine as create_engine
    from runstore.errors import (
        ArchiveDamaged as ArchiveDamaged,
        ArchiveMissing as ArchiveMissing,
        BackupFailed as BackupFailed,
        ConfigurationError as ConfigurationError,
        DatabaseFailure as DatabaseFailure,
        DatabaseUnreachable as DatabaseUnreachable,
        DigestClash as DigestClash,
        FetchFailed as FetchFailed,
        InvalidArgument as InvalidArgument,
        MigrationBlocked as MigrationBlocked,
        NotAnArchive as NotAnArchive,
        NotARun as NotARun,
        PastTheMapping as PastTheMapping,
        QueryRefused as QueryRefused,
        QueryTimeout as QueryTimeout,
        RunChanged as RunChanged,
        RunConflict as RunConflict,
        RunHeld as RunHeld,
        RunNotFound as RunNotFound,
        RunRejected as RunRejected,
        RunStoreError as RunStoreError,
        RunsWouldBeDeleted as RunsWouldBeDeleted,
        SchemaBehind as SchemaBehind,
        SchemaNewer as SchemaNewer,
        ServerRefused as ServerRefused,
        ServerUnreachable as ServerUnreachable,
        SharedRowChanged as SharedRowChanged,
    )
    from runstore.prices import MissingPrice as MissingPrice, Price as Price
    from runstore.query.criteria import Filter as Filter
    from runstore.query.pages import Page as Page, RowPage as RowPage, RunText as RunText, TextPage as TextPage
    from runstore.repository import RunRepository as RunRepository
    from runstore.save.history import Change as Change, Observed as Observed
    from runstore.save.saver import Rejection as Rejection, SaveReport as SaveReport
    from runstore.save.writer import Outcome as Outcome
    from runstore.schema import (
        AssistantObjectToolsInner as AssistantObjectToolsInner,
        AssistantsApiResponseFormatOption as AssistantsApiResponseFormatOption,
        AssistantsApiToolChoiceOption as AssistantsApiToolChoiceOption,
        Base as Base,
        FetchedThread as FetchedThread,
        FunctionObject as FunctionObject,
        ModelPrice as ModelPrice,
        RunCompletionUsage as RunCompletionUsage,
        RunObject as RunObject,
        RunObjectAssistantObjectToolsInner as RunObjectAssistantObjectToolsInner,
        RunObjectChange as RunObjectChange,
        RunObjectFileIds as RunObjectFileIds,
        RunObjectIncompleteDetails as RunObjectIncompleteDetails,
        RunObjectInstructions as RunObjectInstructions,
        RunObjectLastError as RunObjectLastError,
        RunObjectRequiredAction as RunObjectRequiredAction,
        RunObjectShape as RunObjectShape,
        RunToolCallObject as RunToolCallObject,
        TruncationObject as TruncationObject,
    )
    from runstore.sources import Record as Record
    from runstore.upkeep.copier import Copied as Copied
    from runstore.upkeep.fingerprint import Difference as Difference, Fingerprint as Fingerprint, Where as Where
    from runstore.upkeep.lint import Finding as Finding
    from runstore.upkeep.pruner import Pruned as Pruned
    from runstore.upkeep.verify import Damage as Damage

_NAMES = {
    "answers": ("Answer", "ArrowStream", "Statistics"),
    "asynchronous": ("AsyncAnswer", "AsyncRunRepository", "create_async_engine"),
    "backends": ("create_engine",),
    "errors": (
        "ArchiveDamaged",
        "ArchiveMissing",
        "BackupFailed",
        "ConfigurationError",
        "DatabaseFailure",
        "DatabaseUnreachable",
        "DigestClash",
        "FetchFailed",
        "InvalidArgument",
        "MigrationBlocked",
        "NotARun",
        "NotAnArchive",
        "PastTheMapping",
        "QueryRefused",
        "QueryTimeout",
        "RunChanged",
        "RunConflict",
        "RunHeld",
        "RunNotFound",
        "RunRejected",
        "RunStoreError",
        "RunsWouldBeDeleted",
        "SchemaBehind",
        "SchemaNewer",
        "ServerRefused",
        "ServerUnreachable",
        "SharedRowChanged",
    ),
    "prices": ("MissingPrice", "Price"),
    "query.criteria": ("Filter",),
    "query.pages": ("Page", "RowPage", "RunText", "TextPage"),
    "repository": ("RunRepository",),
    "save.history": ("Change", "Observed"),
    "save.saver": ("Rejection", "SaveReport"),
    "save.writer": ("Outcome",),
    "schema": (
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
    ),
    "sources": ("Record",),
    "upkeep.copier": ("Copied",),
    "upkeep.fingerprint": ("Difference", "Fingerprint", "Where"),
    "upkeep.lint": ("Finding",),
    "upkeep.pruner": ("Pruned",),
    "upkeep.verify": ("Damage",),
}
"""The names that users import, by the module that defines them."""

_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_HOMES)

logging.getLogger("runstore").addHandler(logging.NullHandler())  # silent unless the application configures logging


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that ``runstore --help`` does not load a database driver."""
    if name == "__version__":
        return version("runstore")
    if name in _HOMES:
        return getattr(import_module(f"runstore.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'runstore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
