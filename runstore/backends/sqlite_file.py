"""The file behind a SQLite connection: whether it is still the one that was opened, and what a fork does to it.

SQLite records the locks that it holds on a file in memory, once for the whole process. A forked process inherits the
record but not the locks: it reads without protection, and its parent may delete the log that it writes to. Therefore a
forked process must not use a file that was open at the fork, not even through a new connection. Connections that are
idle are closed before the fork, so that both processes open the file again. A file that is in use at the fork is
refused in the forked process.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
import stat
import threading
from contextlib import suppress
from pathlib import Path
from weakref import WeakKeyDictionary, WeakSet

from sqlalchemy import Connection, Engine, QueuePool, event
from sqlalchemy.engine import URL

from runstore import config
from runstore.backends import awaited
from runstore.errors import ConfigurationError, DatabaseFailure

_KEY = "runstore.file"
"""Key in the info of a connection for its :class:`OpenFile`."""

Identity = tuple[int, int]
"""Device and inode."""

_inherited: set[Identity] = set()
"""The files that were open when this process was forked."""


class OpenFile:
    """The file that a connection has opened. Its path may lead to another file by now, or to none."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        # An application may have opened another file than that of the URL, with a creator of its own.
        (path,) = (path for _, name, path in driver.execute("PRAGMA database_list") if name == "main")
        self._driver = driver
        self._process = os.getpid()
        self._path = path
        self._file = _identity(path)
        self._log: Identity | None = None
        self.writer: int | None = None
        """The last thread that wrote."""
        _files.add(self)

    def check(self) -> None:
        """Raise an error if the file was open at a fork, or if what is written to it would be lost."""
        if self._process != os.getpid() or self._file in _inherited:
            raise ConfigurationError(detail=_forked(self._path))
        for path, opened in ((self._path, self._file), (self._log_path, self._log)):
            if opened is not None and (found := _identity(path)) != opened:
                raise DatabaseFailure(place=path, reason=_gone(found))

    def locked(self) -> None:
        """Note that the connection holds the write lock: from now on, the log exists as long as the connection."""
        if self._log is None:
            self._log = _identity(self._log_path)

    def leave(self) -> None:
        """Make the connection do nothing in a forked process, not even when it is garbage-collected.

        A rollback or a close would remove the transaction that continues in the parent from their common log.
        """
        kept: object = self._driver
        # A connection that another thread was using may be locked for ever.
        if self.writer == threading.get_ident():
            with suppress(sqlite3.Error):  # the connection was closed
                if self._driver.in_transaction:
                    kept = self._driver.execute("VALUES (1), (2)")  # an unfinished query prevents the close
                    self._driver.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))

    @property
    def is_memory_of_another(self) -> bool:
        """Whether it is a copy, made by a fork, of another process's database in memory."""
        return not self._path and self._process != os.getpid()

    @property
    def _log_path(self) -> str:
        return f"{self._path}-wal"


class _Guard:
    """Checks a file before an engine opens a new connection to it."""

    def __init__(self, url: URL) -> None:
        file = config.sqlite_file(url)
        self._path = str(file.absolute()) if file else ""
        self._immutable = url.query.get("immutable") == "1"
        self.opened: OpenFile | None = None

    def __call__(self, *_: object) -> None:
        if self._immutable and (log := Path(f"{self._path}-wal")).exists() and log.stat().st_size:
            hint = "open the archive once without immutable=1, in a writable directory"
            raise ConfigurationError(detail=f"the log {log} contains changes that immutable=1 would ignore; {hint}")
        if self.opened and self.opened.is_memory_of_another:
            raise ConfigurationError(detail=_forked(""))
        if not self._path or not (_inherited or self.opened):
            return
        found = _identity(self._path)
        if found in _inherited:
            raise ConfigurationError(detail=_forked(self._path))
        if self.opened and found is None:  # SQLite would create a new, empty file
            raise DatabaseFailure(place=self._path, reason=_gone(found))


_engines: WeakKeyDictionary[Engine, _Guard] = WeakKeyDictionary()
_files: WeakSet[OpenFile] = WeakSet()


def of(connection: Connection) -> OpenFile:
    """Return the file that a connection has opened, after :meth:`OpenFile.check`."""
    file: OpenFile | None = connection.info.get(_KEY)
    if file is None:
        file = connection.info[_KEY] = awaited.sqlite(connection, OpenFile)
        guard(connection.engine).opened = file
    file.check()
    return file


def guard(engine: Engine) -> _Guard:
    """Check the files of an engine before it opens them, and close its idle connections before a fork.

    A new connection raises :class:`ConfigurationError` if the file was open when this process was forked, and
    :class:`DatabaseFailure` if the file was deleted after it had been used.
    """
    if engine not in _engines:
        _engines[engine] = made = _Guard(engine.url)
        event.listen(engine, "do_connect", made)
    return _engines[engine]


def is_there(path: Path) -> bool:
    """Return whether the file exists. Raise :class:`ConfigurationError` if the path cannot be that of a file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(detail=f"{path}: {error.strerror}") from error
    if stat.S_ISDIR(found.st_mode):
        raise ConfigurationError(detail=f"{path} is a directory; give a file in it, such as {path / config.DEFAULT}")
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(detail=f"{path} is a pipe or a device; an archive must be a regular file")
    return True


def _identity(path: str) -> Identity | None:
    with suppress(OSError, ValueError):
        found = os.stat(path)
        return found.st_dev, found.st_ino
    return None


def _gone(found: Identity | None) -> str:
    what = "deleted or moved away" if found is None else "replaced by another file"
    return f"the file was {what} while the archive was open; open the archive again"


def _forked(path: str) -> str:
    hint = "before the fork, end the transaction or iteration and close connections that runstore did not open"
    what = f"{path or 'the database in memory'} was in use when this process was forked"
    return f"{what}, and SQLite cannot use it in both processes; {hint}"


def _close_idle() -> None:
    """Close idle connections before a fork. Connections in use are not in their pool, and stay open.

    So do those of asynchronous engines, which can be closed only in a task: a forked process cannot use their files.
    The pool itself is kept: a replaced pool would keep returned connections open until it is garbage-collected.
    """
    for engine in list(_engines):
        if isinstance(engine.pool, QueuePool) and not engine.dialect.is_async:
            engine.pool.dispose()


def _note_inherited() -> None:
    """Note the files that are open in a new process after a fork, also those that runstore did not open."""
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    for name in os.listdir(folder):
        with suppress(OSError):
            found = os.fstat(int(name))
            if stat.S_ISREG(found.st_mode):
                _inherited.add((found.st_dev, found.st_ino))
    for file in list(_files):
        file.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_close_idle, after_in_child=_note_inherited)
