"""The schema of a database: which revision it is at, and bringing it to another, through Alembic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy import Connection, Engine, String, column, select, table
from sqlalchemy.engine import URL

from runstore import config
from runstore.backends import create_engine
from runstore.errors import ArchiveMissing, NotAnArchive, SchemaBehind, SchemaNewer

if TYPE_CHECKING:
    from alembic.config import Config

REVISION = "0001"
"""The revision this code is written for, the newest under ``migrations/versions``. Revisions are numbered in order."""

VERSION_TABLE = "runstore_version"
"""Where the revision of a database stands: a table of our own, for the database may be shared with other services."""

_version = table(VERSION_TABLE, column("version_num", String))


def scripts() -> Path:
    """The folder of the migrations: inside the package where it is installed, beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def current(connection: Connection) -> str | None:
    """The revision a database is at; None where it has no runstore schema."""
    if not sqlalchemy.inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.execute(select(_version.c.version_num)).scalar()
    return revision


def check(connection: Connection) -> None:
    """Raise unless the database is at :data:`REVISION`.

    :class:`SchemaBehind` or :class:`SchemaNewer`, :class:`NotAnArchive` where tables of ours stand without a revision.
    """
    place = config.shown(connection.engine.url)
    found = current(connection)
    if found == REVISION:
        return
    if found is None:
        if sqlalchemy.inspect(connection).has_table("run_object"):
            raise NotAnArchive(place=place, reason=f"it has a table run_object but no {VERSION_TABLE}")
        raise SchemaBehind(place=place, found="does not exist yet", expected=REVISION)
    if found < REVISION:
        raise SchemaBehind(place=place, found=f"is at revision {found}", expected=REVISION)
    raise SchemaNewer(place=place, found=found, expected=REVISION)


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

    :class:`NotAnArchive` where it is something else: of a few bytes SQLite would make a database, whatever they are.
    """
    file = config.sqlite_file(engine.url)
    if file is not None and not file.exists():
        raise ArchiveMissing(place=file)
    if file is not None and file.is_file() and file.stat().st_size:
        with file.open("rb") as content:
            if not content.read(16).startswith(b"SQLite format 3"):
                raise NotAnArchive(place=file, reason="it is no SQLite database")


@contextmanager
def engine(url: URL) -> Iterator[Engine]:
    """An engine for the time of a migration."""
    made = create_engine(url)
    try:
        yield made
    finally:
        made.dispose()


def upgrade(engine: Engine, revision: str = "head") -> tuple[str | None, str | None]:
    """Bring the database to a revision (default: the newest), creating a SQLite file that does not exist.

    All of it is one transaction. Gives the revisions before and after. Raises :class:`SchemaNewer` where the database
    is newer than this code, :class:`NotAnArchive` where tables of our names stand without a revision.
    """
    file = config.sqlite_file(engine.url)
    if file is not None and is_new(engine):
        with engine.connect() as connection:
            # Readers beside a writer; the file keeps this setting, and it cannot be made inside a transaction.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    with engine.connect() as connection:
        with suppress(SchemaBehind):
            check(connection)
        found = current(connection)
        connection.rollback()
        _command("upgrade", connection, revision)
        return found, current(connection)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database back to an earlier revision, or to ``base``: without any runstore table."""
    with engine.connect() as connection:
        _command("downgrade", connection, revision)


def _command(name: str, connection: Connection, revision: str) -> None:
    from alembic import command

    settings = alembic_config()
    settings.attributes["connection"] = connection
    getattr(command, name)(settings, revision)


def alembic_config() -> Config:
    """Alembic's configuration without an ini file."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings
