"""A query of the user's on a SQLite file, answered by a process of its own: :mod:`sqlite_answer`."""

from __future__ import annotations

import marshal
import os
import re
import selectors
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.spawn import get_executable
from typing import Any

from runstore.backends import sqlite_answer
from runstore.backends.base import Answer, Clock
from runstore.errors import DatabaseFailure, QueryRefused, QueryTimeout

_NO_QUERY = re.compile(
    r"near .*: syntax error|incomplete input|unrecognized token.*|not authorized.*|vtable constructor failed.*",
    re.DOTALL,
)
"""What SQLite says, without a code of its own, of text that is not SQL and of functions that may not be used."""


@contextmanager
def answered(uri: str, statement: str, patience: float, place: str, clock: Clock) -> Iterator[Answer]:
    """The answer to one query on the file of a URI, which waits *patience* seconds for a lock.

    However it is left, the process is killed. Raises what :meth:`Backend.ask` raises, and errors of the driver's.
    """
    process = subprocess.Popen(
        [os.fsdecode(get_executable()), "-I", "-S", sqlite_answer.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        process_group=0,  # Ctrl-C is for us to answer
    )
    with process, selectors.DefaultSelector() as selector:
        try:
            answering = _Answering(process, selector, place, clock)
            answering.send(marshal.dumps((uri, statement, clock.limit, patience)))
            columns = answering.receive("columns")
            if not columns:
                raise QueryRefused(place=place, reason="there is no statement")
            yield Answer(tuple(columns), answering.rows())
        finally:
            process.kill()


class _Answering:
    """A process that answers, and the messages between it and us."""

    def __init__(
        self, process: subprocess.Popen[bytes], selector: selectors.BaseSelector, place: str, clock: Clock
    ) -> None:
        assert process.stdin
        assert process.stdout
        self._to, self._from = process.stdin, process.stdout
        self._selector = selector
        self._selector.register(self._from, selectors.EVENT_READ)
        self._place, self._clock = place, clock

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """As they come."""
        while batch := self.receive("rows"):
            self.send(b" ")  # the next ones are looked for while these are read
            yield from batch
            del batch  # before there are others

    def send(self, data: bytes) -> None:
        """Write; a process that has ended is found by the one who reads."""
        with suppress(BrokenPipeError), memoryview(data) as view:
            sent = 0
            while sent < len(data):
                sent += self._to.write(view[sent:]) or 0

    def receive(self, expected: str) -> Any:
        """What a message of this kind says. Raises what another one says."""
        with self._clock.running():
            message = marshal.loads(self._read(int.from_bytes(self._read(8))))
        if message[0] == expected:
            return message[1]
        raise self._failure(*message[1:])

    def _read(self, size: int) -> bytearray:
        data = bytearray()
        while len(data) < size:
            left = self._clock.remaining()
            if left <= 0:
                raise QueryTimeout(place=self._place, seconds=self._clock.limit)
            if not self._selector.select(min(left, 3600)):
                continue
            more = os.read(self._from.fileno(), size - len(data))
            if not more:
                raise DatabaseFailure(place=self._place, reason="the process that answers the query has ended")
            data += more
        return data

    def _failure(self, kind: str, code: int | None, said: str) -> Exception:
        if kind in ("Warning", "ProgrammingError"):  # two statements, before and since Python 3.12
            return QueryRefused(place=self._place, reason=said.rstrip(".").lower())
        if code == sqlite3.SQLITE_AUTH or (code == sqlite3.SQLITE_ERROR and _NO_QUERY.fullmatch(said)):
            return QueryRefused(place=self._place, reason=said)
        if code == sqlite3.SQLITE_TOOBIG or kind == "RowTooLargeError":
            most = sqlite_answer.LARGEST // 2**20
            return DatabaseFailure(place=self._place, reason=f"the query makes a value or row of more than {most} MiB")
        if code == sqlite3.SQLITE_NOMEM or kind == "MemoryError":
            most = sqlite_answer.HEAP // 2**20
            return DatabaseFailure(place=self._place, reason=f"the query takes more than {most} MiB of memory")
        error: sqlite3.Error = getattr(sqlite3, kind)(said)
        if code is not None:
            error.sqlite_errorcode = code
        return error
