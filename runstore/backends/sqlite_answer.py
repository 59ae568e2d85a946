"""The process that answers one query, because some functions of SQLite can be stopped only by killing the process.

It is started for each query, so it imports only a few modules of the standard library. :mod:`sqlite_query` starts it,
sends the query and reads messages: the length in eight bytes, then a tuple in Python's ``marshal`` format.
"""

from __future__ import annotations

import marshal
import math
import sqlite3
import sys
import time
from collections.abc import Iterator
from typing import Any

LARGEST = 64 * 2**20
"""Maximum bytes of a value, and of all values of a row together: the default limit for a record of an import."""

HEAP = 256 * 2**20
"""Maximum bytes of memory that SQLite may use."""

ROWS = 1000
"""Maximum rows in a message."""

BYTES = 2**20
"""Bytes after which a message is sent, even with fewer rows."""

PAUSE = 0.2
"""Seconds after which a message is sent, even with fewer rows."""

_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}

_TABLE_FUNCTIONS = {"json_each", "json_tree"}
"""The table-valued functions that may be used; others, if SQLite has them, read pages, statements and files."""

_FUNCTIONS = {"load_extension", "fts3_tokenizer", "fts5", "readfile", "writefile", "edit", "lsmode", "sqlite_log"}
"""The functions that may not be called: they load code, return addresses, or access files or programs."""


class RowTooLargeError(Exception):
    """Raised for a row that is larger than :data:`LARGEST`."""


class MissingParameterError(Exception):
    """Raised for a parameter of the query that has no value."""


class UnusedParameterError(Exception):
    """Raised for a value that is not a parameter of the query."""


_REPORTED = (
    *(sqlite3.Error, sqlite3.Warning, MemoryError),
    *(RowTooLargeError, MissingParameterError, UnusedParameterError),
)


def main() -> None:
    """Answer the query, one batch ahead of the reader."""
    uri, statement, parameters, patience, seconds = marshal.load(sys.stdin.buffer)
    _limit(seconds)
    try:
        rows = _Rows(uri, statement, parameters, patience)
        _reply("columns", rows.columns)
        for batch in rows.batches():
            _reply("rows", batch)
            if not sys.stdin.buffer.read(1):
                return
        _reply("rows", [])
    except _REPORTED as error:
        _reply("error", type(error).__name__, getattr(error, "sqlite_errorcode", None), str(error))


def _reply(*message: Any) -> None:
    data = marshal.dumps(message)
    sys.stdout.buffer.write(len(data).to_bytes(8) + data)
    sys.stdout.buffer.flush()


def _limit(seconds: float) -> None:
    """Limit the CPU time, in case the parent process is no longer there to kill this one."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if seconds < 10**9:
        most = math.ceil(seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))


class _Formatter:
    """The function printf, which returns NULL in SQLite if the result is too large; here, that is an error."""

    def __init__(self) -> None:
        self._driver = sqlite3.connect(":memory:")
        self._driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)

    def __call__(self, *arguments: Any) -> Any:
        given = ", ".join("?" * len(arguments))
        ((text,),) = self._driver.execute(f"SELECT printf({given})", arguments)
        if text is None and arguments and arguments[0] is not None:
            # An empty result is NULL, too, but not with a character before it.
            ((longer,),) = self._driver.execute(f"SELECT printf('x' || {given})", arguments)
            if longer is None:
                raise OverflowError  # which Python's driver reports as SQLITE_TOOBIG
        return text


class _Parameters(dict[str, Any]):
    """The values that the driver binds; it looks up the name of each parameter of the query."""

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__(given)
        self.unused = dict.fromkeys(given)

    def __getitem__(self, name: str) -> Any:
        self.unused.pop(name, None)
        return super().__getitem__(name)

    def __missing__(self, name: str) -> Any:
        raise MissingParameterError(name)


class _Rows:
    """The query on a connection that cannot write: it is read-only, and its authorizer allows only queries."""

    def __init__(self, uri: str, statement: str, parameters: dict[str, Any], patience: float) -> None:
        self._size = 0
        driver = sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None)
        for setting in ("query_only = ON", "cache_size = -32768", f"hard_heap_limit = {HEAP}"):
            driver.execute(f"PRAGMA {setting}")
        driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
        formatter = _Formatter()
        for name in ("printf", "format"):
            driver.create_function(name, -1, formatter, deterministic=True)
        # When such a function is first used, SQLite asks the authorizer for more than reading it.
        driver.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')")
        modules = {name for (name,) in driver.execute("PRAGMA module_list")} - _TABLE_FUNCTIONS
        self._hidden = modules - {name for (name,) in driver.execute("SELECT name FROM sqlite_master")}
        driver.text_factory = self._text
        driver.set_authorizer(self._allowed)
        given = _Parameters(parameters)
        self._cursor = driver.execute(statement, given)
        for name in given.unused:
            raise UnusedParameterError(name)
        self.columns = [column[0] for column in self._cursor.description or ()]

    def _allowed(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        allowed = action in _READING
        if action == sqlite3.SQLITE_FUNCTION:
            allowed = (second or "").lower() not in _FUNCTIONS
        elif action == sqlite3.SQLITE_READ:
            allowed = (first or "").lower() not in self._hidden
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    def _text(self, text: bytes) -> str:
        """Decode a text after counting its bytes: the decoded string may take four times as much."""
        self._count(len(text))
        return str(text, "utf-8", "replace")

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > LARGEST:
            raise RowTooLargeError

    def batches(self) -> Iterator[list[Any]]:
        """Return the rows in batches, large enough for few messages and small enough to arrive soon."""
        batch, sent, total = [], time.monotonic(), 0
        for row in self._cursor:
            for value in row:
                if type(value) is bytes:
                    self._count(len(value))
            batch.append(row)
            total += self._size
            self._size = 0
            if len(batch) == ROWS or total >= BYTES or time.monotonic() - sent > PAUSE:
                yield batch
                batch, sent, total = [], time.monotonic(), 0
        if batch:
            yield batch


if __name__ == "__main__":
    main()
