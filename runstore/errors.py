"""Every error that runstore raises.

The ``message`` of each class is a template; the arguments, which are kept in ``fields``, fill it in. The docstrings
describe when an error is raised. Messages never use them, because ``python -OO`` removes docstrings.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import ClassVar

from runstore.suggestions import did_you_mean

Place = str | os.PathLike[str]
"""An archive, database or file as messages show it: without passwords."""


class RunStoreError(Exception):
    """Base class of all errors. Raised itself, with *detail* as its message, where no subclass fits."""

    message: ClassVar[str] = "{detail}"
    """The template of the message, with the names of fields in braces."""

    exit_code: ClassVar[int] = 1
    """The exit status of the command line after this error."""

    advice: ClassVar[str] = ""
    """The end of the message that states what to do; empty if that depends on the reason."""

    fields: dict[str, object]
    """The arguments, by name."""

    def __init__(self, *, detail: str) -> None:
        self._fill(detail=detail)

    def _fill(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.message.format(**fields) + self.advice)

    @property
    def state(self) -> str:
        """The message without the advice, for a process that is waiting for somebody else to act."""
        return str(self).removesuffix(self.advice)

    def with_fields(self, **fields: object) -> RunStoreError:
        """Return a copy of this error in which the given fields are replaced."""
        return _rebuild(type(self), self.fields | fields)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.fields)


def _rebuild(kind: type[RunStoreError], fields: dict[str, object]) -> RunStoreError:
    error = kind.__new__(kind)
    error._fill(**fields)
    return error


class ConfigurationError(RunStoreError):
    """Raised for an argument, option, environment variable or connection setting that cannot be used."""

    exit_code = 2


class InvalidArgument(ConfigurationError):
    """Raised for an *argument* whose value cannot be used; *reason* contains the value and what was expected.

    The command line replaces the name of the argument by that of its option.
    """

    message = "{argument} {reason}"

    def __init__(self, *, argument: str, reason: str) -> None:
        self._fill(argument=argument, reason=reason)

    @property
    def argument(self) -> str:
        """The name of the argument."""
        return str(self.fields["argument"])


def no_such(what: str, name: object, known: Collection[str], hint: str = "") -> ConfigurationError:
    """Return the error for an unknown name. It lists the known names and suggests the closest one."""
    return ConfigurationError(
        detail=f"there is no {what} {name!r}; expected one of {', '.join(known)}{hint}{did_you_mean(name, known)}"
    )


def not_one_of(argument: str, value: object, known: Collection[str]) -> InvalidArgument:
    """Return the error for an argument that takes one or more of the known names."""
    names = ", ".join(known)
    return InvalidArgument(
        argument=argument, reason=f"is {value!r}, expected one or more of {names}{did_you_mean(value, known)}"
    )


class RunRejected(RunStoreError):
    """Raised for a run that an archive cannot keep exactly; no part of it is stored.

    *path* is the place in the run's JSON, such as ``$.usage.total_tokens``; *reason* states what is wrong there and
    what was expected.
    """

    message = "{path}: {reason}"

    def __init__(self, *, path: str, reason: str) -> None:
        self._fill(path=path, reason=reason)

    @property
    def path(self) -> str:
        """The place in the run's JSON, such as ``$.usage.total_tokens``."""
        return str(self.fields["path"])

    @property
    def reason(self) -> str:
        """What is wrong there, and what was expected."""
        return str(self.fields["reason"])


class NotARun(RunStoreError):
    """Raised for an object that is not a run; *reason* states how that was recognized."""

    message = "{reason}; an archive stores only thread.run objects"

    def __init__(self, *, reason: str, kind: str = "object that is not a run") -> None:
        self._fill(reason=reason, kind=kind)

    @property
    def kind(self) -> str:
        """The kind under which reports count the object, such as ``thread.message`` or ``object without id``."""
        return str(self.fields["kind"])


class RunConflict(RunStoreError):
    """Raised for a snapshot that cannot belong to the stored run with the same *id*; the stored run is kept."""

    message = "run {id}: {reason}"

    def __init__(self, *, id: str, reason: str) -> None:  # noqa: A002
        self._fill(id=id, reason=reason)


class RunNotFound(RunStoreError):
    """Raised when a run is requested by an *id* that the archive does not contain."""

    message = "run {id} is not in this archive"
    exit_code = 3

    def __init__(self, *, id: str) -> None:  # noqa: A002
        self._fill(id=id)


class ArchiveMissing(RunStoreError):
    """Raised by every operation except saving and ``db upgrade`` if the SQLite file does not exist."""

    message = "there is no archive at {place}"
    advice = "; 'runstore import' or 'runstore db upgrade' creates it"
    exit_code = 3

    def __init__(self, *, place: Place) -> None:
        self._fill(place=place)


class NotAnArchive(RunStoreError):
    """Raised for a file or database that is not a complete archive; it is left unchanged."""

    message = "{place} is not a runstore archive: {reason}"

    def __init__(self, *, place: Place, reason: str) -> None:
        self._fill(place=place, reason=reason)


class SchemaBehind(RunStoreError):
    """Raised if the schema is missing or at a revision earlier than *expected*; *found* describes its state."""

    message = "the schema of {place} {found}, this runstore expects revision {expected}"
    advice = "; run 'runstore db upgrade'"
    exit_code = 4

    def __init__(self, *, place: Place, found: str, expected: str) -> None:
        self._fill(place=place, found=found, expected=expected)


class SchemaNewer(RunStoreError):
    """Raised if this code does not know the revision of the schema, or must not use that revision as requested."""

    message = (
        "the schema of {place} is at revision {found}, newer than the {expected} of this runstore; upgrade runstore"
    )
    exit_code = 5

    def __init__(self, *, place: Place, found: str, expected: str | None) -> None:
        self._fill(place=place, found=found, expected=expected)


class RunsWouldBeDeleted(RunStoreError):
    """Raised by a downgrade that would delete all *runs* of an archive without permission to do so."""

    message = (
        "{place}: the downgrade would delete all runs ({runs}); to allow it, pass --yes, in Python delete_runs=True, "
        "or to alembic -x delete-runs=yes"
    )
    exit_code = 2

    def __init__(self, *, place: Place, runs: int) -> None:
        self._fill(place=place, runs=runs)

    @property
    def runs(self) -> int:
        """The number of runs that would be deleted."""
        return int(str(self.fields["runs"]))


class MigrationBlocked(RunStoreError):
    """Raised if other sessions blocked a migration for longer than its limits allow."""

    message = "{place} could not be migrated: {reason}"

    def __init__(self, *, place: Place, reason: str) -> None:
        self._fill(place=place, reason=reason)


class SharedRowChanged(RunStoreError):
    """Raised when a session commits a change to row *id* of *table*, which other runs may share."""

    message = "row {id} of {table} is shared by several runs and cannot be changed; give the run another value instead"

    def __init__(self, *, table: str, id: int) -> None:  # noqa: A002
        self._fill(table=table, id=id)


class DigestClash(RunStoreError):
    """Raised if two different values have the same shared id; no run of the batch is stored."""

    message = (
        "two different values have the shared id {id} in {table}; no run of this batch was stored; please report this"
    )

    def __init__(self, *, id: int, table: str) -> None:  # noqa: A002
        self._fill(id=id, table=table)


class ArchiveDamaged(RunStoreError):
    """Raised if the rows of the run *id* were changed outside runstore, so that they no longer form a run."""

    message = "run {id} cannot be rebuilt from its rows: {reason}"

    def __init__(self, *, id: str, reason: str) -> None:  # noqa: A002
        self._fill(id=id, reason=reason)


class BackupFailed(RunStoreError):
    """Raised if a backup could not be written to *place* or differs from the archive; the backup is removed."""

    message = "no backup was made at {place}: {reason}"

    def __init__(self, *, place: Place, reason: str) -> None:
        self._fill(place=place, reason=reason)


class DatabaseFailure(RunStoreError):
    """Raised for an error of the database or its driver; *reason* is its message without values of rows."""

    message = "{place}: {reason}"

    def __init__(self, *, place: Place, reason: str) -> None:
        self._fill(place=place, reason=reason)


class DatabaseUnreachable(DatabaseFailure):
    """Raised if the database server cannot be reached, or can no longer be reached; a later attempt may succeed.

    The server refuses or closes connections, has no free connection, is starting or stopping, or does not answer in
    time, or its host is not found. A wrong password or a missing database raises :class:`DatabaseFailure` itself.
    """

    exit_code = 7


class ServerUnreachable(RunStoreError):
    """Raised by a fetch if *server* cannot be reached, or answers no request any longer; a later fetch continues."""

    message = "{server}: {reason}"
    exit_code = 7

    def __init__(self, *, server: str, reason: str) -> None:
        self._fill(server=server, reason=reason)


class ServerRefused(RunStoreError):
    """Raised by a fetch if *server* refuses its key, or leads elsewhere; no other request would succeed."""

    message = "{server}: {reason}"

    def __init__(self, *, server: str, reason: str) -> None:
        self._fill(server=server, reason=reason)


class FetchFailed(RunStoreError):
    """Raised for an answer of a server that cannot be used; *what* was asked for.

    The fetch of other threads continues, and a later fetch asks again.
    """

    message = "{what}: {reason}"

    def __init__(self, *, what: str, reason: str, status: int | None = None, may_pass: bool = False) -> None:
        self._fill(what=what, reason=reason, status=status, may_pass=may_pass)

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer; None if it was not the reason."""
        status = self.fields["status"]
        return status if isinstance(status, int) else None

    @property
    def may_pass(self) -> bool:
        """Whether the server did not answer, or asked to try again later."""
        return bool(self.fields["may_pass"])


class QueryRefused(RunStoreError):
    """Raised for a user's query that is not a single read-only query."""

    message = "{place}: {reason}; expected one read-only query (SELECT, VALUES or WITH)"
    exit_code = 2

    def __init__(self, *, place: Place, reason: str) -> None:
        self._fill(place=place, reason=reason)


class QueryTimeout(RunStoreError):
    """Raised if a query of a user, or of a repository that only reads, ran for longer than *seconds*."""

    message = "{place}: the query was stopped after {seconds:g} s; narrow the query or raise the timeout"

    def __init__(self, *, place: Place, seconds: float) -> None:
        self._fill(place=place, seconds=seconds)


class RunChanged(RunStoreError):
    """Raised if a session flushes changes to the run *id* that another transaction has changed since it was read."""

    message = "run {id} was changed after this session read it; roll back or expire the run, then make the change again"

    def __init__(self, *, id: str) -> None:  # noqa: A002
        self._fill(id=id)


class PastTheMapping(RunStoreError):
    """Raised for a statement of a session (*what*) that would change rows of a run without the rest of the run.

    *instead* states what to do instead.
    """

    message = "{what} would damage runs: {instead}"

    def __init__(self, *, what: str, instead: str) -> None:
        self._fill(what=what, instead=instead)


class RunHeld(RunStoreError):
    """Raised if the run *id* cannot be deleted because a row of the application's *table* refers to it."""

    message = "run {id} was not deleted: a row of table {table} refers to it; delete that row or make its key SET NULL"

    def __init__(self, *, id: str, table: str) -> None:  # noqa: A002
        self._fill(id=id, table=table)
