"""Every error runstore raises.

The text of an error is the ``message`` of its class, filled in from the arguments, which are in ``fields``. Docstrings
say when an error is raised; no text is made of them, for ``python -OO`` drops them.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import ClassVar

Place = str | os.PathLike[str]
"""An archive, database or file as messages name it: without passwords."""


class RunStoreError(Exception):
    """Base of all errors; raised itself for what no class below describes. *detail* is the message."""

    message: ClassVar[str] = "{detail}"
    """The text of the error, with the names of fields in braces."""

    exit_code: ClassVar[int] = 1
    """What the command line ends with."""

    fields: dict[str, object]
    """The arguments by name."""

    def __init__(self, *, detail: str) -> None:
        self._fill(detail=detail)

    def _fill(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.message.format(**fields))

    def with_fields(self, **fields: object) -> RunStoreError:
        """The same error with other values of its fields."""
        return _rebuild(type(self), self.fields | fields)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.fields)


def _rebuild(kind: type[RunStoreError], fields: dict[str, object]) -> RunStoreError:
    error = kind.__new__(kind)
    error._fill(**fields)
    return error


class ConfigurationError(RunStoreError):
    """Raised for an argument, option, variable or setting of a connection that cannot be used."""

    exit_code = 2


def no_such(what: str, name: object, known: Collection[str]) -> ConfigurationError:
    """The error for a name that is none of the known ones, with those and the nearest of them."""
    return ConfigurationError(
        detail=f"there is no {what} {name!r}; there are {', '.join(known)}{did_you_mean(name, known)}"
    )


def not_one_of(argument: str, value: object, known: Collection[str]) -> ConfigurationError:
    """The error for an argument whose values are names."""
    names = ", ".join(known)
    return ConfigurationError(
        detail=f"{argument} is {value!r}, expected one or more of {names}{did_you_mean(value, known)}"
    )


def did_you_mean(name: object, known: Collection[str]) -> str:
    """The end of a message that names the nearest of the known names; empty where none is near."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1) if isinstance(name, str) else []
    return f"; did you mean {near[0]!r}?" if near else ""


class RunRejected(RunStoreError):
    """Raised for a run that an archive cannot keep exactly; nothing of it is stored.

    *path* is where in the run's JSON, as ``$.usage.total_tokens``; *reason* what is wrong there and what was expected.
    """

    message = "{path}: {reason}"

    def __init__(self, *, path: str, reason: str) -> None:
        self._fill(path=path, reason=reason)

    @property
    def path(self) -> str:
        """Where in the run's JSON, as ``$.usage.total_tokens``."""
        return str(self.fields["path"])

    @property
    def reason(self) -> str:
        """What is wrong there and what was expected."""
        return str(self.fields["reason"])


class NotARun(RunStoreError):
    """Raised for an object of another kind; *reason* says how it was recognised."""

    message = "{reason}; an archive keeps only thread.run objects"

    def __init__(self, *, reason: str, kind: str = "object that is not a run") -> None:
        self._fill(reason=reason, kind=kind)

    @property
    def kind(self) -> str:
        """What it is, as reports count it: ``thread.message``, ``object without id``."""
        return str(self.fields["kind"])


class RunConflict(RunStoreError):
    """Raised for a snapshot that cannot be of the stored run with its *id*; the stored run stays."""

    message = "run {id}: {reason}"

    def __init__(self, *, id: str, reason: str) -> None:  # noqa: A002
        self._fill(id=id, reason=reason)


class RunNotFound(RunStoreError):
    """Raised when a run is asked for by an *id* that the archive does not have."""

    message = "run {id} is not in this archive"
    exit_code = 3

    def __init__(self, *, id: str) -> None:  # noqa: A002
        self._fill(id=id)


class ArchiveMissing(RunStoreError):
    """Raised by everything but saving and ``db upgrade`` when the SQLite file does not exist."""

    message = "there is no archive at {place}; 'runstore import' or 'runstore db upgrade' creates it"
    exit_code = 3

    def __init__(self, *, place: Place) -> None:
        self._fill(place=place)


class NotAnArchive(RunStoreError):
    """Raised for a file or database that is not an archive, or not a whole one; it is left as it is."""

    message = "{place} is not a runstore archive: {reason}"

    def __init__(self, *, place: Place, reason: str) -> None:
        self._fill(place=place, reason=reason)


class SchemaBehind(RunStoreError):
    """Raised when the schema is at an earlier revision than *expected*, or not there yet; *found* says which."""

    message = "the schema of {place} {found}, this runstore expects revision {expected}; run 'runstore db upgrade'"
    exit_code = 4

    def __init__(self, *, place: Place, found: str, expected: str) -> None:
        self._fill(place=place, found=found, expected=expected)


class SchemaNewer(RunStoreError):
    """Raised when the schema is at a revision that this code does not know, or may not use as asked."""

    message = (
        "the schema of {place} is at revision {found}, newer than the {expected} of this runstore; upgrade runstore"
    )
    exit_code = 5

    def __init__(self, *, place: Place, found: str, expected: str | None) -> None:
        self._fill(place=place, found=found, expected=expected)


class RunsWouldBeDeleted(RunStoreError):
    """Raised by a downgrade that would delete the *runs* of an archive, and is not allowed to."""

    message = (
        "{place}: the downgrade would delete all runs ({runs}); allow it with --yes, in Python with delete_runs=True, "
        "for alembic with -x delete-runs=yes"
    )
    exit_code = 2

    def __init__(self, *, place: Place, runs: int) -> None:
        self._fill(place=place, runs=runs)

    @property
    def runs(self) -> int:
        """How many."""
        return int(str(self.fields["runs"]))


class MigrationBlocked(RunStoreError):
    """Raised when others were in the way of a migration for longer than the limits allow."""

    message = "{place} could not be migrated: {reason}"

    def __init__(self, *, place: Place, reason: str) -> None:
        self._fill(place=place, reason=reason)


class SharedRowChanged(RunStoreError):
    """Raised by the commit of a session that changes row *id* of *table*, to which other runs may refer."""

    message = "row {id} of {table} is shared by many runs and cannot be changed; give the run another value instead"

    def __init__(self, *, table: str, id: int) -> None:  # noqa: A002
        self._fill(table=table, id=id)


class DigestClash(RunStoreError):
    """Raised when the digests of two different values begin alike; nothing of the batch is stored."""

    message = (
        "two different values have the shared id {id} in {table}: nothing of this batch was stored; please report it"
    )

    def __init__(self, *, id: int, table: str) -> None:  # noqa: A002
        self._fill(id=id, table=table)


class ArchiveDamaged(RunStoreError):
    """Raised when the rows of the run *id* do not make a run: somebody or something has changed them."""

    message = "run {id} cannot be put together: {reason}"

    def __init__(self, *, id: str, reason: str) -> None:  # noqa: A002
        self._fill(id=id, reason=reason)


class BackupFailed(RunStoreError):
    """Raised when the backup could not be written to *place*, or differs from the archive; it is removed."""

    message = "no backup was made at {place}: {reason}"

    def __init__(self, *, place: Place, reason: str) -> None:
        self._fill(place=place, reason=reason)


class DatabaseFailure(RunStoreError):
    """Raised for what the database or its driver refuses; *reason* is what it said, without values of rows."""

    message = "{place}: {reason}"

    def __init__(self, *, place: Place, reason: str) -> None:
        self._fill(place=place, reason=reason)


class DatabaseUnreachable(DatabaseFailure):
    """Raised when the database server cannot be reached, or not any more; later the same may go well.

    It refuses or ends connections, has no room for another one, is starting or stopping, does not answer in time, or
    its host is not found. A wrong password or a missing database is a plain :class:`DatabaseFailure`.
    """

    exit_code = 7


class QueryRefused(RunStoreError):
    """Raised for a query of the user's that is not one query which only reads."""

    message = "{place}: {reason}; expected one query that only reads (SELECT, VALUES or WITH)"
    exit_code = 2

    def __init__(self, *, place: Place, reason: str) -> None:
        self._fill(place=place, reason=reason)


class QueryTimeout(RunStoreError):
    """Raised when the database worked on a query of the user's, or for a reader with a limit, longer than *seconds*."""

    message = "{place}: the query took longer than {seconds:g} s and was stopped; ask for less or allow more time"

    def __init__(self, *, place: Place, seconds: float) -> None:
        self._fill(place=place, seconds=seconds)


class RunChanged(RunStoreError):
    """Raised by the flush of a session that changes the run *id*, which another transaction has changed since."""

    message = "run {id} was changed after this session read it; roll back or expire the run, refresh it and try again"

    def __init__(self, *, id: str) -> None:  # noqa: A002
        self._fill(id=id)


class PastTheMapping(RunStoreError):
    """Raised for a statement of a session (*what*) that would change rows of runs alone; *instead* says what to do."""

    message = "{what} would leave runs damaged: {instead}"

    def __init__(self, *, what: str, instead: str) -> None:
        self._fill(what=what, instead=instead)


class RunHeld(RunStoreError):
    """Raised when the run *id* cannot be deleted, because a row of the application's *table* refers to it."""

    message = (
        "run {id} was not deleted: a row of the table {table} refers to it; delete that row, or make its key SET NULL"
    )

    def __init__(self, *, id: str, table: str) -> None:  # noqa: A002
        self._fill(id=id, table=table)
