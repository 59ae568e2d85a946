"""A copy of a SQLite archive that is in use, as it stands at one moment."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from runstore import config, fingerprint
from runstore.backends import create_engine
from runstore.errors import BackupFailed, ConfigurationError
from runstore.fingerprint import Fingerprint, Side


def backup(side: Side, path: Path) -> Fingerprint:
    """Copy the archive to a new file, which appears when it is complete and proved; gives the fingerprint of both.

    Raises :class:`ConfigurationError` where the file is there already (a log beside it would belong to another file)
    and for a database that is no file, :class:`BackupFailed` where the copy is not the same.
    """
    if config.sqlite_file(side.connection.engine.url) is None:
        detail = "only a SQLite file can be backed up so; use pg_dump, or 'runstore copy' to a SQLite file"
        raise ConfigurationError(detail=detail)
    partial = path.with_name(f"{path.name}.part")
    for taken in (path, Path(f"{path}-wal")):
        if taken.exists():
            raise ConfigurationError(detail=f"{taken} is there already; a backup makes a new file")
    _clear(partial)
    try:
        # The transaction at hand sees one state; the copy is made of it.
        expected = fingerprint.of_runs(side), fingerprint.of_history(side)
        try:
            side.backend.copy_file(side.connection, partial)
        except sqlite3.Error as error:  # on the disk of the copy most likely: the archive has been read for the number
            raise BackupFailed(place=path, reason=str(error)) from error
        engine = create_engine(partial)
        try:
            with engine.connect() as connection:
                copy = Side(connection, side.backend)
                if damage := side.backend.inner_damage(connection):
                    raise BackupFailed(place=path, reason=damage[0])
                if (fingerprint.of_runs(copy), fingerprint.of_history(copy)) != expected:
                    raise BackupFailed(place=path, reason="it has another fingerprint than the archive")
        finally:
            engine.dispose()
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.rename(path)
    finally:
        _clear(partial)
    return expected[0]


def _clear(partial: Path) -> None:
    """Away with an unfinished copy and what SQLite keeps beside it: the next one must not take it for its own."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{partial}{suffix}").unlink(missing_ok=True)
