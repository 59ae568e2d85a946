"""What a database is: an archive at some revision, none yet, or something else that is left alone."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable

import sqlalchemy
from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, select, text

from runstore import config
from runstore.backends import schema_of, translated
from runstore.errors import ArchiveMissing, ConfigurationError, DatabaseFailure, NotAnArchive, SchemaBehind, SchemaNewer
from runstore.schema import TABLES, views

REVISION = "0004"
"""The revision this code is written for, the newest under ``migrations/versions``. Revisions are numbered in order."""

VERSION_TABLE = "runstore_version"
"""Where the revision of a database stands: a table of our own, for the database may be shared with other services."""

READERS = "readable_by"
"""Column of the version table that the migrations add: the first and the last revision whose code can read the tables,
as ``0002..0003``. So code that does not know a revision yet knows whether it only added something."""

VIEWS = ("RunObject", "RunObjectAssistantObjectToolsInner", "RunObjectFileIds", *views.metadata.tables)
"""The views that the migrations make."""

_NAMES = set(TABLES)

PAUSE = 1.0
"""Seconds between two looks of :func:`wait`."""

_version = Table(VERSION_TABLE, MetaData(), Column("version_num", String), Column(READERS, String))
_NUMBERED = re.compile(r"\d{4}")
_log = logging.getLogger("runstore")


def current(connection: Connection) -> str | None:
    """The revision a database is at; None where it has no runstore schema.

    Raises :class:`NotAnArchive` where its version table is none that our migrations have written.
    """
    if not sqlalchemy.inspect(connection).has_table(VERSION_TABLE, schema_of(connection)):
        return None
    revisions = connection.execute(select(_version.c.version_num)).scalars().all()
    strange = [revision for revision in revisions if not _NUMBERED.fullmatch(revision)]
    if strange or len(revisions) > 1:
        found = ", ".join(map(repr, strange or revisions))
        place = config.shown(connection.engine.url)
        raise NotAnArchive(place=place, reason=f"{VERSION_TABLE} holds {found}, which is no revision of runstore's")
    return revisions[0] if revisions else None


def schema_name(connection: Connection) -> str:
    """The PostgreSQL schema an archive is in; where there is none yet, the one it would be made in.

    Where none is named it is where the search_path finds the version table, and that need not be its first schema.
    """
    found = (
        "SELECT coalesce((SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.oid = to_regclass(:name)), current_schema())"
    )
    name = schema_of(connection) or connection.scalar(text(found), {"name": VERSION_TABLE})
    if name is None:
        detail = "the role's search_path names no schema that exists; name one with --schema or RUNSTORE_SCHEMA"
        raise ConfigurationError(detail=detail)
    return str(name)


def check(connection: Connection, *, write: bool = True) -> None:
    """Raise unless the database is at :data:`REVISION`.

    :class:`SchemaBehind` or :class:`SchemaNewer`; :class:`NotAnArchive` where tables of ours stand without a revision
    or a revision without its tables. For reading alone (*write* false) a newer schema will do where it says that it
    has only added to ours; that is logged as a warning.
    """
    found, place = recognise(connection), config.shown(connection.engine.url)
    if found is None:
        raise SchemaBehind(place=place, found="does not exist yet", expected=REVISION)
    if found < REVISION:
        raise SchemaBehind(place=place, found=f"is at revision {found}", expected=REVISION)
    if found == REVISION:
        return
    if write or not _readable(connection, found):
        raise SchemaNewer(place=place, found=found, expected=REVISION)
    _log.warning(
        "the schema of %s is at revision %s, newer than the %s of this runstore: it can be read, not written",
        *(place, found, REVISION),
    )


def recognise(connection: Connection) -> str | None:
    """The revision of an archive that is whole; None where there is nothing of ours. Raises :class:`NotAnArchive`."""
    while True:
        found = current(connection)
        try:
            _refuse_half(connection, found)
        except NotAnArchive:
            # Somebody may have migrated between our statements: then it is looked at again.
            if current(connection) == found:
                raise
        else:
            return found


def _refuse_half(connection: Connection, found: str | None) -> None:
    """Raise :class:`NotAnArchive` where there are tables without a revision, or a revision without its tables."""
    if found is None:
        _refuse_strangers(connection)
        return
    tables = set(sqlalchemy.inspect(connection).get_table_names(schema_of(connection)))
    # Tables that a later revision has added are missing in an earlier one; no revision is without the first.
    expected = _NAMES if found == REVISION else {"run_object"}
    missing = sorted(expected - tables)
    if found == REVISION:
        missing += missing_views(connection, VIEWS)
    if missing:
        raise NotAnArchive(
            place=config.shown(connection.engine.url),
            reason=f"it is not whole: {VERSION_TABLE} says {found}, but there is no {_some(missing)}; nothing was "
            "changed; restore it from a backup, or let 'runstore db upgrade' make one in an empty database or schema",
        )


def missing_views(connection: Connection, expected: Iterable[str]) -> list[str]:
    """Those of these views that are not there."""
    return sorted(set(expected).difference(sqlalchemy.inspect(connection).get_view_names(schema_of(connection))))


def _readable(connection: Connection, found: str) -> bool:
    """Whether a newer schema says that this code can read it."""
    columns = sqlalchemy.inspect(connection).get_columns(VERSION_TABLE, schema_of(connection))
    if READERS not in {column["name"] for column in columns}:
        return False
    readers = connection.execute(select(_version.c[READERS])).scalar()
    first, _, last = (readers or "").partition("..")
    # Somebody may have changed the revision by hand: what is said holds for the revision it was said of.
    return last == found and bool(_NUMBERED.fullmatch(first)) and first <= REVISION


def _refuse_strangers(connection: Connection) -> None:
    """Raise :class:`NotAnArchive` where a database without a revision has tables or views of our names."""
    inspector, schema = sqlalchemy.inspect(connection), schema_of(connection)
    existing = {*inspector.get_table_names(schema), *inspector.get_view_names(schema)}
    if strangers := sorted(existing & {*_NAMES, *VIEWS}):
        raise NotAnArchive(
            place=config.shown(connection.engine.url),
            reason=f"it has {_some(strangers)}, but no {VERSION_TABLE} says that runstore made them; nothing was "
            "changed, use another database or PostgreSQL schema (if they are an archive whose revision was lost, "
            "'runstore db stamp REVISION' says which it is)",
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def is_new(engine: Engine) -> bool:
    """Whether this is a SQLite file that does not exist yet, or a SQLite database without a single table."""
    if engine.dialect.name != "sqlite":
        return False
    file = config.sqlite_file(engine.url)
    if file is not None and (not file.exists() or file.stat().st_size == 0):
        return True
    require(engine)
    with engine.connect() as connection:
        return not connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").scalar()


def require(engine: Engine) -> None:
    """Raise :class:`ArchiveMissing` where the SQLite file does not exist: connecting would create it.

    :class:`NotAnArchive` where it is a single byte: SQLite would make a database of it. What else is no database it
    says itself. The file must not be opened here to look: to close it again would take away the locks that this
    process's other connections hold on it, and with them the log that they write to.
    """
    file = config.sqlite_file(engine.url)
    if file is not None and not file.exists():
        raise ArchiveMissing(place=file)
    if file is not None and file.stat().st_size == 1:
        raise NotAnArchive(place=file, reason="it is no SQLite database")


def wait(engine: Engine, seconds: float) -> None:
    """Return when the database is at :data:`REVISION`: for what must not start before the migration is done.

    A server that does not answer yet and a schema that is missing or behind are waited for. Raises what stands in the
    way after *seconds*, and at once what no waiting mends: :class:`SchemaNewer`, :class:`NotAnArchive`.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            require(engine)
            with translated(engine), engine.connect() as connection:
                check(connection)
        except (ArchiveMissing, DatabaseFailure, SchemaBehind):
            if time.monotonic() + PAUSE > end:
                raise
        else:
            return
        time.sleep(PAUSE)
