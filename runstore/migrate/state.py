"""The state of a database: an archive at some revision, no archive yet, or something else, which is not touched."""

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

REVISION = "0010"
"""The revision that this code needs, the newest in ``migrations/versions``. Revisions are numbered in order."""

VERSION_TABLE = "runstore_version"
"""The table with the revision of an archive. It is our own, because other services may use the same database."""

READERS = "readable_by"
"""Column of the version table: the first and the last revision whose code can read the tables, as ``0002..0003``. With
it, older code knows whether it can use a revision that it does not know."""

WRITERS = "writable_by"
"""Column of the version table: the same for code that may write, because it leaves the same rows as the last revision's
own code."""

LAST_IMPORT = "last_import"
"""Column of the version table: the time at which an import last ended (Unix microseconds)."""

VIEWS = ("RunObject", "RunObjectAssistantObjectToolsInner", "RunObjectFileIds", *views.metadata.tables)
"""The views that the migrations create."""

_NAMES = set(TABLES)

PAUSE = 1.0
"""Seconds between two checks of :func:`wait`."""

VERSION = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String),
    Column(READERS, String(32)),
    Column(WRITERS, String(32)),
    Column(LAST_IMPORT, BigInteger),
)
"""The version table, which has one row. Revision 0007 has added the last two columns."""

_NUMBERED = re.compile(r"\d{4}")
_log = logging.getLogger("runstore")


@contextmanager
def at_archive(connection: Connection) -> Iterator[str | None]:
    """Work on the archive of a connection, whatever the settings of its session are.

    Yield the PostgreSQL schema of the archive, or the one in which it would be created. Raise
    :class:`ConfigurationError` if there is no such schema.
    """
    backend = backend_of(connection)
    schema = backend.home(connection, VERSION_TABLE)
    with backend.borrowed(connection, schema, write=False):
        yield schema


def current(connection: Connection) -> str | None:
    """Return the revision of a database, or None if it has no runstore schema.

    Raise :class:`NotAnArchive` if the version table was not written by runstore's migrations.
    """
    with at_archive(connection):
        return revision_of(connection)


def check(connection: Connection, *, write: bool = True, exact: bool = False, views: bool = True) -> str | None:
    """Check that this code can read and, with *write*, write the archive. Return its PostgreSQL schema.

    Raise :class:`SchemaBehind` or :class:`SchemaNewer`. Raise :class:`NotAnArchive` if there are tables without a
    revision, or a revision without its tables (or, with *views*, its views). Unless *exact*, a schema newer than
    :data:`REVISION` is accepted if it declares that this code can use it. That is logged as a warning, and so is row
    level security that hides rows from this role.
    """
    with at_archive(connection) as schema:
        _check(connection, write, exact)
        if views and revision_of(connection) == REVISION and (missing := missing_views(connection, VIEWS)):
            raise _not_whole(connection, REVISION, missing)
        if hiding := backend_of(connection).tables_with_hidden_rows(connection, TABLES.values()):
            place, names = config.shown(connection.engine.url), ", ".join(hiding)
            _log.warning(
                "%s: row level security hides rows of %s from this role; results may be incomplete", place, names
            )
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
        "the schema of %s is at revision %s, newer than the %s of this runstore; this runstore can read%s",
        *(place, at, REVISION, " and write it" if writers else " it, but not write to it"),
    )


# --- on a connection that has the schema -----------------------------------------------------------------------------


def revision_of(connection: Connection) -> str | None:
    """Return the result of :func:`current`."""
    if not sqlalchemy.inspect(connection).has_table(VERSION_TABLE, schema_of(connection)):
        return None
    revisions = connection.execute(select(VERSION.c.version_num)).scalars().all()
    strange = [revision for revision in revisions if not _NUMBERED.fullmatch(revision)]
    if strange or len(revisions) > 1:
        held = ", ".join(map(repr, strange or revisions))
        place = config.shown(connection.engine.url)
        raise NotAnArchive(place=place, reason=f"{VERSION_TABLE} contains {held}, which is not a revision of runstore")
    return revisions[0] if revisions else None


def recognise(connection: Connection) -> str | None:
    """Return the revision of a complete archive, or None if there is no archive. Raise :class:`NotAnArchive`."""
    while True:
        at = revision_of(connection)
        try:
            _refuse_half(connection, at)
        except NotAnArchive:
            # If another process has migrated between our statements, check again.
            if revision_of(connection) == at:
                raise
        else:
            return at


def _refuse_half(connection: Connection, at: str | None) -> None:
    """Raise :class:`NotAnArchive` if there are tables without a revision, or a revision without its tables."""
    if at is None:
        _refuse_strangers(connection)
        return
    tables = set(sqlalchemy.inspect(connection).get_table_names(schema_of(connection)))
    # An earlier revision lacks the tables that later ones added, but every revision has the first table.
    expected = _NAMES if at == REVISION else {"run_object"}
    if missing := sorted(expected - tables):
        raise _not_whole(connection, at, missing)


def _not_whole(connection: Connection, at: str, missing: list[str]) -> NotAnArchive:
    return NotAnArchive(
        place=config.shown(connection.engine.url),
        reason=f"it is incomplete: {VERSION_TABLE} contains revision {at}, but {_some(missing)} "
        f"{'is' if len(missing) == 1 else 'are'} missing; nothing was changed; restore a backup, or create a new "
        "archive with 'runstore db upgrade' in an empty database or schema",
    )


def missing_views(connection: Connection, expected: Iterable[str]) -> list[str]:
    """Return the expected views that do not exist."""
    return sorted(set(expected).difference(sqlalchemy.inspect(connection).get_view_names(schema_of(connection))))


def _allowed(connection: Connection, at: str) -> tuple[bool, bool]:
    """Return whether a newer schema declares that this code can read it, and that this code may write to it."""
    columns = sqlalchemy.inspect(connection).get_columns(VERSION_TABLE, schema_of(connection))
    existing = {column["name"] for column in columns}

    def allowed_by(name: str) -> bool:
        return name in existing and _is_within(connection.scalar(select(VERSION.c[name])), at)

    readers = allowed_by(READERS)
    return readers, readers and allowed_by(WRITERS)


def _is_within(span: str | None, at: str) -> bool:
    """Return whether :data:`REVISION` is in a span of revisions, which must end with the current one, *at*."""
    first, _, last = (span or "").partition("..")
    # If somebody has changed the revision by hand, the span is still that of the former revision.
    return last == at and bool(_NUMBERED.fullmatch(first)) and first <= REVISION


def _refuse_strangers(connection: Connection) -> None:
    """Raise :class:`NotAnArchive` if a database without a revision has tables or views with runstore's names."""
    inspector, schema = sqlalchemy.inspect(connection), schema_of(connection)
    existing = {*inspector.get_table_names(schema), *inspector.get_view_names(schema)}
    if strangers := sorted(existing & {*_NAMES, *VIEWS}):
        raise NotAnArchive(
            place=config.shown(connection.engine.url),
            reason=f"it contains {_some(strangers)}, but no table {VERSION_TABLE}; nothing was changed; use another "
            "database or PostgreSQL schema (if it is an archive whose revision was lost, record the revision with "
            "'runstore db stamp REVISION')",
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def is_new(engine: Engine) -> bool:
    """Return whether this is a SQLite file that does not exist yet, or a SQLite database without any table."""
    if engine.dialect.name != "sqlite":
        return False
    file = config.sqlite_file(engine.url)
    if file is not None and (not sqlite_file.is_there(file) or file.stat().st_size == 0):
        if not file.parent.is_dir():
            raise ConfigurationError(
                detail=f"{file.name} cannot be created: the directory {file.parent} does not exist"
            )
        return True
    require(engine)
    with engine.connect() as connection:
        return not connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").scalar()


def require(engine: Engine) -> None:
    """Raise :class:`ArchiveMissing` if the SQLite file does not exist, because connecting would create it.

    Raise :class:`NotAnArchive` if the file is a single byte, which SQLite would turn into a database. SQLite itself
    refuses other files that are not databases. The file must not be opened here: closing it would release the locks of
    this process's other connections, and with them the log that they write to.
    """
    file = config.sqlite_file(engine.url)
    if file is not None and not sqlite_file.is_there(file):
        raise ArchiveMissing(place=file)
    if file is not None and file.stat().st_size == 1:
        raise NotAnArchive(place=file, reason="it is not a SQLite database")


def reach(engine: Engine, seconds: float) -> None:
    """Wait at most *seconds* until the database server accepts a connection.

    Raise :class:`DatabaseUnreachable` after that time, and any other :class:`DatabaseFailure` immediately.
    """

    def connect() -> None:
        with translated(engine), engine.connect():
            pass

    if engine.dialect.name != "sqlite":  # connecting would create a missing file
        Patience(seconds).until_reached(connect)


def wait(engine: Engine, seconds: float) -> str | None:
    """Wait until :func:`check` succeeds, and return the revision: for processes that have to start after a migration.

    The function waits for a server that does not answer yet, and for a schema that is missing or behind. Raise the last
    error after *seconds*. Raise errors that waiting cannot resolve immediately: :class:`SchemaNewer`,
    :class:`NotAnArchive`, and a :class:`DatabaseFailure` such as that of a wrong password.
    """
    end = time.monotonic() + seconds
    is_logged = False
    while True:
        try:
            require(engine)
            with translated(engine), engine.connect() as connection:
                check(connection)
                return current(connection)
        except (ArchiveMissing, DatabaseUnreachable, SchemaBehind) as obstacle:
            if time.monotonic() + PAUSE > end:
                raise
            if not is_logged:
                is_logged = True
                _log.warning("waiting (at most %g seconds): %s", seconds, obstacle.state)
        time.sleep(PAUSE)
