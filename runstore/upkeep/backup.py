"""A copy of a SQLite archive that is in use, as it stands at one moment."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from runstore import config
from runstore.backends import Transaction, create_engine
from runstore.errors import BackupFailed, ConfigurationError
from runstore.files import complete_file
from runstore.upkeep import fingerprint
from runstore.upkeep.fingerprint import Fingerprint


def backup(archive: Transaction, path: Path) -> Fingerprint:
    """Copy the archive to a new file, which appears when it is complete and proved; gives the fingerprint of both.

    Raises :class:`ConfigurationError` where the file is there already (a log beside it would belong to another file)
    and for a database that is no file, :class:`BackupFailed` where the copy is not the same.
    """
    source = config.sqlite_file(archive.connection.engine.url)
    if source is None:
        detail = "only a SQLite file can be backed up so; use pg_dump, or 'runstore copy' to a SQLite file"
        raise ConfigurationError(detail=detail)
    for taken in (path, Path(f"{path}-wal")):
        if taken.exists():
            raise ConfigurationError(detail=f"{taken} is there already; a backup makes a new file")
    try:
        with complete_file(path, archive=source, replace=False) as file:
            return _copy(archive, Path(file.name), path)
    except FileExistsError as error:
        raise ConfigurationError(detail=f"{path} is there already; a backup makes a new file") from error


def _copy(archive: Transaction, partial: Path, path: Path) -> Fingerprint:
    # The transaction at hand sees one state; the copy is made of it.
    expected = fingerprint.of_runs(archive), fingerprint.of_history(archive)
    try:
        archive.backend.copy_file(archive.connection, partial)
    except sqlite3.Error as error:  # on the disk of the copy most likely: the archive has been read for the number
        raise BackupFailed(place=path, reason=str(error)) from error
    engine = create_engine(partial)
    try:
        with engine.connect() as connection:
            copy = Transaction(connection, archive.backend)
            if damage := archive.backend.integrity_errors(connection):
                raise BackupFailed(place=path, reason=damage[0])
            if (fingerprint.of_runs(copy), fingerprint.of_history(copy)) != expected:
                raise BackupFailed(place=path, reason="it has another fingerprint than the archive")
    finally:
        engine.dispose()
    return expected[0]
