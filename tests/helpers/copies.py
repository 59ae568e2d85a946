"""New SQLite archives as copies of one that was migrated: the migrations compute for a quarter of a second."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine

from runstore import config, migrate


def migrated(file: Path) -> Path:
    """Create an empty archive in a file, without a log."""
    with migrate.engine(config.database_url(file)) as engine:
        migrate.upgrade(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


class Copies:
    """Takes the place of :func:`migrate.create`, which makes the archives that a copy cannot be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._original = folder / "original.db"
        self._create = migrate.create

    def create(self, engine: Engine) -> None:
        """Create the tables in a new database."""
        file = config.sqlite_file(engine.url)
        if file is not None and not engine.url.query:
            if not self._original.exists():
                migrated(self._original)
            copy = shutil.copyfile(self._original, self._folder / uuid.uuid4().hex)
            # Another thread may create the file at the same time: a link appears whole, and replaces nothing.
            with suppress(OSError):
                os.link(copy, file)
                copy.unlink()
                return
        self._create(engine)
