"""Every error runstore raises. The docstring of a class is its message; its fields are filled in from the arguments."""

from __future__ import annotations


class RunStoreError(Exception):
    """{detail}"""

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        template = type(self).__doc__ or "{detail}"
        super().__init__(template.format(**fields))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.fields)


def _rebuild(kind: type[RunStoreError], fields: dict[str, object]) -> RunStoreError:
    return kind(**fields)


class ConfigurationError(RunStoreError):
    """{detail}"""


class RunRejected(RunStoreError):
    """{path}: {reason}"""

    @property
    def path(self) -> str:
        """Where in the run's JSON, as ``$.usage.total_tokens``."""
        return str(self.fields["path"])

    @property
    def reason(self) -> str:
        """What is wrong there and what was expected."""
        return str(self.fields["reason"])


class NotARun(RunStoreError):
    """{reason}; an archive keeps only thread.run objects"""

    @property
    def kind(self) -> str:
        """What it is, as reports count it: ``thread.message``, ``object without id``."""
        return str(self.fields.get("kind", "object that is not a run"))


class RunConflict(RunStoreError):
    """run {id}: {reason}"""


class RunNotFound(RunStoreError):
    """run {id} is not in this archive"""


class ArchiveMissing(RunStoreError):
    """there is no archive at {place}; 'runstore import' or 'runstore db upgrade' creates it"""


class NotAnArchive(RunStoreError):
    """{place} is not a runstore archive: {reason}"""


class SchemaBehind(RunStoreError):
    """the schema of {place} {found}, this runstore expects revision {expected}; run 'runstore db upgrade'"""


class SchemaNewer(RunStoreError):
    """the schema of {place} is at revision {found}, newer than the {expected} of this runstore; upgrade runstore"""


class MigrationBlocked(RunStoreError):
    """{place} could not be migrated: {reason}"""


class SharedRowChanged(RunStoreError):
    """row {id} of {table} is shared by many runs and cannot be changed; give the run another value instead"""


class DigestClash(RunStoreError):
    """two different values have the shared id {id} in {table}: nothing of this batch was stored; please report it"""


class ArchiveDamaged(RunStoreError):
    """run {id} cannot be put together: {reason}"""


class BackupFailed(RunStoreError):
    """no backup was made at {place}: {reason}"""


class DatabaseFailure(RunStoreError):
    """{place}: {reason}"""


class QueryRefused(RunStoreError):
    """{place}: {reason}; expected one query that only reads (SELECT, VALUES or WITH)"""


class QueryTimeout(RunStoreError):
    """{place}: the query took longer than {seconds:g} s and was stopped; ask for less or allow more time"""
