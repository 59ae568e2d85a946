"""A query written by the user, executed by SQLite in a separate process: :mod:`sqlite_answer`."""

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
from typing import Any, NamedTuple

from runstore import waiting
from runstore.backends import parameters as given
from runstore.backends import sqlite_answer
from runstore.backends.base import Clock, QueryRows
from runstore.backends.parameters import Parameter
from runstore.errors import DatabaseFailure, QueryRefused, QueryTimeout

_NO_QUERY = re.compile(
    r"near .*: syntax error|incomplete input|unrecognized token.*|not authorized.*|vtable constructor failed.*",
    re.DOTALL,
)
"""Messages without an error code of their own, about text that is not SQL and about functions that are forbidden."""


class Query(NamedTuple):
    """A query, and where to run it."""

    uri: str
    """The URI of the file."""
    statement: str
    parameters: dict[str, Parameter]
    patience: float
    """The time in seconds for which the query waits for a lock."""


_MISMATCHES = {"MissingParameterError": given.missing, "UnusedParameterError": given.unused}
"""The errors about the parameter whose name is their message."""


@contextmanager
def answered(query: Query, place: str, clock: Clock) -> Iterator[QueryRows]:
    """Return the answer to one query.

    The process is killed at the end in any case. Raise the errors of :meth:`Backend.ask` and those of the driver.
    """
    process = subprocess.Popen(
        [os.fsdecode(get_executable()), "-I", "-S", sqlite_answer.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        process_group=0,  # Ctrl-C interrupts only the parent process
    )
    with process, selectors.DefaultSelector() as selector:
        try:
            answering = _Answering(process, selector, place, clock)
            question = marshal.dumps((*query, clock.limit))
            waiting.in_thread(lambda: answering.send(question), stop=process.kill)
            columns = answering.receive("columns")
            if not columns:
                raise QueryRefused(place=place, reason="the query is empty")
            yield QueryRows(tuple(columns), answering.rows())
        finally:
            process.kill()


class _Answering:
    """A process that answers a query, and the messages to and from it."""

    def __init__(
        self, process: subprocess.Popen[bytes], selector: selectors.BaseSelector, place: str, clock: Clock
    ) -> None:
        assert process.stdin
        assert process.stdout
        self._process, self._to, self._from = process, process.stdin, process.stdout
        self._selector = selector
        self._selector.register(self._from, selectors.EVENT_READ)
        self._place, self._clock = place, clock

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Return the rows as they arrive."""
        while batch := self.receive("rows"):
            self.send(b" ")  # request the next batch, which is computed while this one is read
            yield from batch
            del batch  # before the next batch is received

    def send(self, data: bytes) -> None:
        """Send data; if the process has ended, :meth:`receive` reports it."""
        with suppress(BrokenPipeError), memoryview(data) as view:
            sent = 0
            while sent < len(data):
                sent += self._to.write(view[sent:]) or 0

    def receive(self, expected: str) -> Any:
        """Return the content of a message of this kind; raise the error that another message contains."""
        with self._clock.running():
            message = waiting.in_thread(
                lambda: marshal.loads(self._read(int.from_bytes(self._read(8)))), stop=self._process.kill
            )
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
                raise DatabaseFailure(place=self._place, reason="the process that ran the query ended unexpectedly")
            data += more
        return data

    def _failure(self, kind: str, code: int | None, message: str) -> Exception:
        if kind in _MISMATCHES:
            return _MISMATCHES[kind](message)
        if kind == "ProgrammingError" and "has no name" in message:
            return QueryRefused(place=self._place, reason="a parameter has no name; write it as :name")
        if kind in ("Warning", "ProgrammingError"):  # two statements, before and since Python 3.12
            return QueryRefused(place=self._place, reason=message.rstrip(".").lower())
        if code == sqlite3.SQLITE_AUTH or (code == sqlite3.SQLITE_ERROR and _NO_QUERY.fullmatch(message)):
            return QueryRefused(place=self._place, reason=message)
        if code == sqlite3.SQLITE_TOOBIG or kind == "RowTooLargeError":
            most = sqlite_answer.LARGEST // 2**20
            return DatabaseFailure(place=self._place, reason=f"the query returns a value or row of over {most} MiB")
        if code == sqlite3.SQLITE_NOMEM or kind == "MemoryError":
            most = sqlite_answer.HEAP // 2**20
            return DatabaseFailure(place=self._place, reason=f"the query needs more than {most} MiB of memory")
        error: sqlite3.Error = getattr(sqlite3, kind)(message)
        if code is not None:
            error.sqlite_errorcode = code
        return error
