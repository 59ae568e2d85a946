"""The process that answers one query: a function of SQLite's can be stopped in no other way than by killing it.

It is started for each query, so it imports nothing but what it needs of Python's own. :mod:`sqlite_query` starts it,
sends what it shall do, and reads messages: their length in eight bytes, then a tuple in Python's ``marshal``.
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
"""Bytes that a value, and all values of a row together, may have: as many as a record of an import."""

HEAP = 256 * 2**20
"""Bytes of memory that SQLite may take."""

ROWS = 1000
"""Rows that are sent at a time."""

BYTES = 2**20
"""Bytes after which they are sent, also when they are fewer."""

PAUSE = 0.2
"""Seconds after which they are sent, also when they are fewer."""

_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}

_TABLE_FUNCTIONS = {"json_each", "json_tree"}
"""Those that may be read; others, where the library has them, look into pages, statements and files."""

_FUNCTIONS = {"load_extension", "fts3_tokenizer", "fts5", "readfile", "writefile", "edit", "lsmode", "sqlite_log"}
"""Those that may not be called: they load code, give addresses, touch files or programs."""


class RowTooLargeError(Exception):
    """Of a row that nobody could hold."""


def main() -> None:
    """Answer, a batch ahead of what is asked for."""
    uri, statement, seconds, patience = marshal.load(sys.stdin.buffer)
    _limit(seconds)
    try:
        rows = _Rows(uri, statement, patience)
        _reply("columns", rows.columns)
        for batch in rows.batches():
            _reply("rows", batch)
            if not sys.stdin.buffer.read(1):
                return
        _reply("rows", [])
    except (sqlite3.Error, sqlite3.Warning, MemoryError, RowTooLargeError) as error:
        _reply("error", type(error).__name__, getattr(error, "sqlite_errorcode", None), str(error))


def _reply(*message: Any) -> None:
    data = marshal.dumps(message)
    sys.stdout.buffer.write(len(data).to_bytes(8) + data)
    sys.stdout.buffer.flush()


def _limit(seconds: float) -> None:
    """End also where nobody is there any more to end us."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if seconds < 10**9:
        most = math.ceil(seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))


class _Rows:
    """The query on a connection that cannot write: read only, and under an authorizer that allows queries alone."""

    def __init__(self, uri: str, statement: str, patience: float) -> None:
        self._size = 0
        driver = sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None)
        for setting in ("query_only = ON", "cache_size = -32768", f"hard_heap_limit = {HEAP}"):
            driver.execute(f"PRAGMA {setting}")
        driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
        # When such a table is first used SQLite asks the authorizer for more than reading it.
        driver.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')")
        modules = {name for (name,) in driver.execute("PRAGMA module_list")} - _TABLE_FUNCTIONS
        self._hidden = modules - {name for (name,) in driver.execute("SELECT name FROM sqlite_master")}
        driver.text_factory = self._text
        driver.set_authorizer(self._allowed)
        self._cursor = driver.execute(statement)
        self.columns = [column[0] for column in self._cursor.description or ()]

    def _allowed(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        allowed = action in _READING
        if action == sqlite3.SQLITE_FUNCTION:
            allowed = (second or "").lower() not in _FUNCTIONS
        elif action == sqlite3.SQLITE_READ:
            allowed = (first or "").lower() not in self._hidden
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    def _text(self, text: bytes) -> str:
        """Counted before it is decoded, which may make four times of it."""
        self._count(len(text))
        return str(text, "utf-8", "replace")

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > LARGEST:
            raise RowTooLargeError

    def batches(self) -> Iterator[list[Any]]:
        """The rows, as many at a time as make few messages and are soon there."""
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
