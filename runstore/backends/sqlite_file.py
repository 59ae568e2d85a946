"""The file behind a SQLite connection: whether it is still the one that was opened, and what a fork means to it.

SQLite keeps account in memory, for the whole process, of the locks that it holds on a file. A forked process has this
account but not the locks: it takes what it reads for protected, and its parent takes away the log that it writes to. So
a forked process must not use a file that was open at the fork, not even through a connection of its own. Therefore
connections that are not in use are closed before the fork, and both processes open the file again; a file that is in
use at that moment is refused in the forked process.
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
from runstore.errors import ConfigurationError, DatabaseFailure

_KEY = "runstore.file"
"""Under which a connection keeps its :class:`OpenFile`."""

Identity = tuple[int, int]
"""Device and inode."""

_inherited: set[Identity] = set()
"""The files that were open when this process was forked."""


class OpenFile:
    """What a connection has opened. Its path may lead to another file by now, or to none."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        # What the URL says need not be what the application has opened with a creator of its own.
        (path,) = (path for _, name, path in driver.execute("PRAGMA database_list") if name == "main")
        self._driver = driver
        self._process = os.getpid()
        self._path = path
        self._file = _identity(path)
        self._log: Identity | None = None
        self.writer: int | None = None
        """The thread that wrote last."""
        _files.add(self)

    def check(self) -> None:
        """Raise where a fork forbids to use it, or what is written to it would be lost."""
        if self._process != os.getpid() or self._file in _inherited:
            raise ConfigurationError(detail=_forked(self._path))
        for path, opened in ((self._path, self._file), (self._log_path, self._log)):
            if opened is not None and (found := _identity(path)) != opened:
                raise DatabaseFailure(place=path, reason=_gone(found))

    def locked(self) -> None:
        """The connection has taken the write lock: from now on the log stays as long as the connection."""
        if self._log is None:
            self._log = _identity(self._log_path)

    def leave(self) -> None:
        """In a forked process: see to it that the connection does nothing, not even when its owner gives it up.

        To roll back or to close it would take the transaction that goes on in the parent out of the common log.
        """
        kept: object = self._driver
        # One that another thread was using may be locked for ever.
        if self.writer == threading.get_ident():
            with suppress(sqlite3.Error):  # it was closed
                if self._driver.in_transaction:
                    kept = self._driver.execute("VALUES (1), (2)")  # nothing is closed while a query is not at its end
                    self._driver.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))

    @property
    def is_memory_of_another(self) -> bool:
        """Whether it is a database in memory of another process, this one's copy of which is not that database."""
        return not self._path and self._process != os.getpid()

    @property
    def _log_path(self) -> str:
        return f"{self._path}-wal"


class _Guard:
    """Stands before the new connections of an engine."""

    def __init__(self, url: URL) -> None:
        file = config.sqlite_file(url)
        self._path = str(file.absolute()) if file else ""
        self._immutable = url.query.get("immutable") == "1"
        self.opened: OpenFile | None = None

    def __call__(self, *_: object) -> None:
        if self._immutable and (log := Path(f"{self._path}-wal")).exists() and log.stat().st_size:
            hint = "open it without immutable=1 once, where it can be written"
            raise ConfigurationError(detail=f"the log {log} has what immutable=1 would leave out; {hint}")
        if self.opened and self.opened.is_memory_of_another:
            raise ConfigurationError(detail=_forked(""))
        if not self._path or not (_inherited or self.opened):
            return
        found = _identity(self._path)
        if found in _inherited:
            raise ConfigurationError(detail=_forked(self._path))
        if self.opened and found is None:  # SQLite would make a new, empty one
            raise DatabaseFailure(place=self._path, reason=_gone(found))


_engines: WeakKeyDictionary[Engine, _Guard] = WeakKeyDictionary()
_files: WeakSet[OpenFile] = WeakSet()


def of(connection: Connection) -> OpenFile:
    """The file that a connection has opened, after :meth:`OpenFile.check`."""
    file: OpenFile | None = connection.info.get(_KEY)
    if file is None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        file = connection.info[_KEY] = OpenFile(driver)
        guard(connection.engine).opened = file
    file.check()
    return file


def guard(engine: Engine) -> _Guard:
    """See to it that the engine opens no file that it must not open, and has none open at a fork that it does not use.

    A new connection raises :class:`ConfigurationError` for a file that was open at the fork that made this process,
    :class:`DatabaseFailure` for one that was deleted after it was used.
    """
    if engine not in _engines:
        _engines[engine] = made = _Guard(engine.url)
        event.listen(engine, "do_connect", made)
    return _engines[engine]


def is_there(path: Path) -> bool:
    """Whether there is a file. Raises :class:`ConfigurationError` where a file of SQLite cannot be."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(detail=f"{path}: {error.strerror}") from error
    if stat.S_ISDIR(found.st_mode):
        raise ConfigurationError(detail=f"{path} is a folder; name the file in it, as {path / config.DEFAULT}")
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(detail=f"{path} is a pipe or a device; an archive is a file")
    return True


def _identity(path: str) -> Identity | None:
    with suppress(OSError, ValueError):
        found = os.stat(path)
        return found.st_dev, found.st_ino
    return None


def _gone(found: Identity | None) -> str:
    what = "deleted or moved away" if found is None else "replaced by another file"
    return f"it was {what} while the archive was open, so nothing more is written; open the archive again"


def _forked(path: str) -> str:
    hint = "before the fork, end the transaction or iteration and close connections that runstore did not make"
    what = f"{path or 'the database in memory'} was in use when this process was forked"
    return f"{what}, and SQLite cannot go on in both processes; {hint}"


def _close_idle() -> None:
    """Before a fork. Connections that are in use are not in their pool, and stay open.

    The pool is kept: one that is given up keeps what comes back to it until the garbage collector comes by.
    """
    for engine in list(_engines):
        if isinstance(engine.pool, QueuePool):
            engine.pool.dispose()


def _note_inherited() -> None:
    """After a fork, in the new process: the system is asked, for others than runstore open SQLite files too."""
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
