"""Standard output and standard error of a command, even if nobody reads them any more.

Standard error informs a person about the work: if it cannot be written, the work continues without it. Standard output
is the result: if it cannot be written, the command ends with an error of its own class, because click and rich treat a
broken pipe as a normal end.
"""

from __future__ import annotations

import errno
import os
import select
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any, TextIO

from runstore.errors import RunStoreError


class OutputLost(RunStoreError):
    """Raised when standard output cannot be written, so that the printed result is incomplete."""

    message = "standard output: {reason}"

    def __init__(self, *, reason: str, code: int | None) -> None:
        self._fill(reason=reason, code=code)

    @property
    def reader_left(self) -> bool:
        """Whether the reader of a pipe has closed it, as ``head`` does when it has read enough lines."""
        return self.fields["code"] == errno.EPIPE


class _Output(FileIO):
    _is_lost = False

    def write(self, data: Any, /) -> int:
        """Write, and wait for a slow reader. Raise :class:`OutputLost` only once, because Python flushes on exit."""
        try:
            while not self._is_lost:
                if (written := super().write(data)) is not None:  # None means that the pipe is full
                    return written
                select.select((), (self,), ())
        except OSError as error:
            self._is_lost = True
            raise OutputLost(reason=error.strerror or str(error), code=error.errno) from error
        return len(data)


class _Notes(FileIO):
    def write(self, data: Any, /) -> int:
        """Write if possible; a full pipe that nobody reads must not stop the work."""
        try:
            return super().write(data) or len(data)
        except OSError:
            return len(data)


def set_up() -> None:
    """Replace the standard streams; one that the caller has closed (``<&-``) becomes the null device."""
    for name, mode in (("stdin", "r"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # open until the process exits
    sys.stdout, sys.stderr = _reopened(sys.stdout, _Output), _reopened(sys.stderr, _Notes)


def _reopened(stream: TextIO, kind: type[FileIO]) -> TextIO:
    if not isinstance(stream, TextIOWrapper):
        return stream
    stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character
    try:
        number = stream.fileno()
    except OSError:  # not a stream of the operating system: a test or a program has replaced it
        return stream
    return TextIOWrapper(
        BufferedWriter(kind(number, "w", closefd=False)),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
