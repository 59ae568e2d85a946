"""Backup of a SQLite archive in use, as it is at one moment."""

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
    """Copy the archive to a new file, which appears when it is complete and verified. Return their fingerprint.

    Raise :class:`ConfigurationError` if the file or a log with its name exists, and for a database that is not a file.
    Raise :class:`BackupFailed` if the copy differs.
    """
    source = config.sqlite_file(archive.connection.engine.url)
    if source is None:
        detail = "this command backs up SQLite files only; use pg_dump, or 'runstore copy' to a SQLite file"
        raise ConfigurationError(detail=detail)
    for taken in (path, Path(f"{path}-wal")):
        if taken.exists():
            raise ConfigurationError(detail=f"{taken} already exists; choose a new file for the backup")
    try:
        with complete_file(path, archive=source, replace=False) as file:
            return _copy(archive, Path(file.name), path)
    except FileExistsError as error:
        raise ConfigurationError(detail=f"{path} already exists; choose a new file for the backup") from error


def _copy(archive: Transaction, partial: Path, path: Path) -> Fingerprint:
    # The transaction sees one state of the archive, which is what is copied.
    expected = fingerprint.of_runs(archive), fingerprint.of_history(archive)
    try:
        archive.backend.copy_file(archive.connection, partial)
    except sqlite3.Error as error:  # most likely about the disk of the copy, because the archive has just been read
        raise BackupFailed(place=path, reason=str(error)) from error
    engine = create_engine(partial)
    try:
        with engine.connect() as connection:
            copy = Transaction(connection, archive.backend)
            if damage := archive.backend.integrity_errors(connection):
                raise BackupFailed(place=path, reason=damage[0])
            if (fingerprint.of_runs(copy), fingerprint.of_history(copy)) != expected:
                raise BackupFailed(place=path, reason="the fingerprint of the copy differs from that of the archive")
    finally:
        engine.dispose()
    return expected[0]
