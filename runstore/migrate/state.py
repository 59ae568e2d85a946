"""What a database is: an archive at some revision, none yet, or something else that is left alone."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import sqlalchemy
from sqlalchemy import BigInteger, Column, Connection, Engine, MetaData, String, Table, select

from runstore import config
from runstore.backends import backend_of, schema_of, sqlite_file, translated
from runstore.backends.patience import Patience
from runstore.errors import (
    ArchiveMissing,
    ConfigurationError,
    DatabaseUnreachable,
    NotAnArchive,
    SchemaBehind,
    SchemaNewer,
)
from runstore.schema import TABLES, views

REVISION = "0008"
"""The revision this code is written for, the newest under ``migrations/versions``. Revisions are numbered in order."""

VERSION_TABLE = "runstore_version"
"""Where the revision of a database stands: a table of our own, for the database may be shared with other services."""

READERS = "readable_by"
"""Column of the version table that the migrations add: the first and the last revision whose code can read the tables,
as ``0002..0003``. So code that does not know a revision yet knows whether it only added something."""

WRITERS = "writable_by"
"""The same for code that may write: it leaves the rows that the last revision's own code would leave."""

LAST_IMPORT = "last_import"
"""Column of the version table: when an import last ended (Unix microseconds)."""

VIEWS = ("RunObject", "RunObjectAssistantObjectToolsInner", "RunObjectFileIds", *views.metadata.tables)
"""The views that the migrations make."""

_NAMES = set(TABLES)

PAUSE = 1.0
"""Seconds between two looks of :func:`wait`."""

VERSION = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String),
    Column(READERS, String(32)),
    Column(WRITERS, String(32)),
    Column(LAST_IMPORT, BigInteger),
)
"""All of its columns: revision 0007 has added the last two. One row."""

_NUMBERED = re.compile(r"\d{4}")
_log = logging.getLogger("runstore")


@contextmanager
def at_archive(connection: Connection) -> Iterator[str | None]:
    """Work on the archive of a connection, whatever the settings of its session are.

    Gives the PostgreSQL schema that it is in or, where there is none yet, would be made in. Raises
    :class:`ConfigurationError` where there is no such schema.
    """
    backend = backend_of(connection)
    schema = backend.home(connection, VERSION_TABLE)
    with backend.borrowed(connection, schema, write=False):
        yield schema


def current(connection: Connection) -> str | None:
    """The revision a database is at; None where it has no runstore schema.

    Raises :class:`NotAnArchive` where its version table is none that our migrations have written.
    """
    with at_archive(connection):
        return revision_of(connection)


def check(connection: Connection, *, write: bool = True, exact: bool = False, views: bool = True) -> str | None:
    """Raise unless this code can read and, with *write*, write the archive; gives its PostgreSQL schema.

    :class:`SchemaBehind` or :class:`SchemaNewer`; :class:`NotAnArchive` where tables of ours stand without a revision
    or a revision without its tables (or, with *views*, its views). A newer schema than that of :data:`REVISION` will do
    where it says so of this code, unless *exact*; that is logged as a warning, as is a database that hides rows of it
    from this role.
    """
    with at_archive(connection) as schema:
        _check(connection, write, exact)
        if views and revision_of(connection) == REVISION and (missing := missing_views(connection, VIEWS)):
            raise _not_whole(connection, REVISION, missing)
        if hiding := backend_of(connection).tables_with_hidden_rows(connection, TABLES.values()):
            place, names = config.shown(connection.engine.url), ", ".join(hiding)
            _log.warning("%s: row level security hides rows of %s: what is found may not be all", place, names)
    return schema


def _check(connection: Connection, write: bool, exact: bool) -> None:
    at, place = recognise(connection), config.shown(connection.engine.url)
    if at is None:
        raise SchemaBehind(place=place, found="does not exist yet", expected=REVISION)
    if at < REVISION:
        raise SchemaBehind(place=place, found=f"is at revision {at}", expected=REVISION)
    if at == REVISION:
        return
    readers, writers = _allowed(connection, at)
    if exact or not (writers if write else readers):
        raise SchemaNewer(place=place, found=at, expected=REVISION)
    _log.warning(
        "the schema of %s is at revision %s, newer than the %s of this runstore: it can be read%s",
        *(place, at, REVISION, " and written" if writers else ", not written"),
    )


# --- on a connection that names the schema ---------------------------------------------------------------------------


def revision_of(connection: Connection) -> str | None:
    """What :func:`current` gives."""
    if not sqlalchemy.inspect(connection).has_table(VERSION_TABLE, schema_of(connection)):
        return None
    revisions = connection.execute(select(VERSION.c.version_num)).scalars().all()
    strange = [revision for revision in revisions if not _NUMBERED.fullmatch(revision)]
    if strange or len(revisions) > 1:
        held = ", ".join(map(repr, strange or revisions))
        place = config.shown(connection.engine.url)
        raise NotAnArchive(place=place, reason=f"{VERSION_TABLE} holds {held}, which is no revision of runstore's")
    return revisions[0] if revisions else None


def recognise(connection: Connection) -> str | None:
    """The revision of an archive that is whole; None where there is nothing of ours. Raises :class:`NotAnArchive`."""
    while True:
        at = revision_of(connection)
        try:
            _refuse_half(connection, at)
        except NotAnArchive:
            # Somebody may have migrated between our statements: then it is looked at again.
            if revision_of(connection) == at:
                raise
        else:
            return at


def _refuse_half(connection: Connection, at: str | None) -> None:
    """Raise :class:`NotAnArchive` where there are tables without a revision, or a revision without its tables."""
    if at is None:
        _refuse_strangers(connection)
        return
    tables = set(sqlalchemy.inspect(connection).get_table_names(schema_of(connection)))
    # Tables that a later revision has added are missing in an earlier one; no revision is without the first.
    expected = _NAMES if at == REVISION else {"run_object"}
    if missing := sorted(expected - tables):
        raise _not_whole(connection, at, missing)


def _not_whole(connection: Connection, at: str, missing: list[str]) -> NotAnArchive:
    return NotAnArchive(
        place=config.shown(connection.engine.url),
        reason=f"it is not whole: {VERSION_TABLE} says {at}, but there is no {_some(missing)}; nothing was "
        "changed; restore it from a backup, or let 'runstore db upgrade' make one in an empty database or schema",
    )


def missing_views(connection: Connection, expected: Iterable[str]) -> list[str]:
    """Those of these views that are not there."""
    return sorted(set(expected).difference(sqlalchemy.inspect(connection).get_view_names(schema_of(connection))))


def _allowed(connection: Connection, at: str) -> tuple[bool, bool]:
    """Whether a newer schema says that this code can read it, and that it may write it."""
    columns = sqlalchemy.inspect(connection).get_columns(VERSION_TABLE, schema_of(connection))
    there = {column["name"] for column in columns}

    def said_in(name: str) -> bool:
        return name in there and _is_within(connection.scalar(select(VERSION.c[name])), at)

    readers = said_in(READERS)
    return readers, readers and said_in(WRITERS)


def _is_within(span: str | None, at: str) -> bool:
    """Whether code of :data:`REVISION` is among the revisions of a span, which must end with the one *at* hand."""
    first, _, last = (span or "").partition("..")
    # Somebody may have changed the revision by hand: what is said holds for the revision it was said of.
    return last == at and bool(_NUMBERED.fullmatch(first)) and first <= REVISION


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
    if file is not None and (not sqlite_file.is_there(file) or file.stat().st_size == 0):
        if not file.parent.is_dir():
            raise ConfigurationError(detail=f"there is no folder {file.parent}, in which {file.name} could be made")
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
    if file is not None and not sqlite_file.is_there(file):
        raise ArchiveMissing(place=file)
    if file is not None and file.stat().st_size == 1:
        raise NotAnArchive(place=file, reason="it is no SQLite database")


def reach(engine: Engine, seconds: float) -> None:
    """Return when the server of the database takes a connection, which is waited for at most so many seconds.

    Raises :class:`DatabaseUnreachable`, and at once any other :class:`DatabaseFailure`.
    """

    def connect() -> None:
        with translated(engine), engine.connect():
            pass

    if engine.dialect.name != "sqlite":  # a file is there or not, and to connect would make it
        Patience(seconds).until_reached(connect)


def wait(engine: Engine, seconds: float) -> str | None:
    """Return the revision when :func:`check` lets pass: for what must not start before the migration is done.

    A server that does not answer yet and a schema that is missing or behind are waited for. Raises what stands in the
    way after *seconds*, and at once what no waiting mends: :class:`SchemaNewer`, :class:`NotAnArchive`, a
    :class:`DatabaseFailure` such as that of a wrong password.
    """
    end = time.monotonic() + seconds
    is_told = False
    while True:
        try:
            require(engine)
            with translated(engine), engine.connect() as connection:
                check(connection)
                return current(connection)
        except (ArchiveMissing, DatabaseUnreachable, SchemaBehind) as obstacle:
            if time.monotonic() + PAUSE > end:
                raise
            if not is_told:
                is_told = True
                _log.warning("waiting, %g seconds at most: %s", seconds, obstacle)
        time.sleep(PAUSE)
