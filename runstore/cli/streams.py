"""Standard output and standard error of a command, also where nobody reads them any more.

Standard error tells a person how the work goes: where it cannot be written, the work goes on without. Standard output
is what was asked for: where it cannot be written, the command ends with an error of its own class, which neither click
nor rich takes for the end of the work.
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
    """Raised when standard output cannot be written; what was printed is not complete."""

    message = "standard output: {reason}"

    def __init__(self, *, reason: str, code: int | None) -> None:
        self._fill(reason=reason, code=code)

    @property
    def reader_left(self) -> bool:
        """Whether whoever read a pipe has closed it, as ``head`` does when it has enough."""
        return self.fields["code"] == errno.EPIPE


class _Output(FileIO):
    _is_lost = False

    def write(self, data: Any, /) -> int:
        """Write, waiting for a slow reader; raises :class:`OutputLost` once, for Python writes again when it ends."""
        try:
            while not self._is_lost:
                if (written := super().write(data)) is not None:  # None of a full pipe
                    return written
                select.select((), (self,), ())
        except OSError as error:
            self._is_lost = True
            raise OutputLost(reason=error.strerror or str(error), code=error.errno) from error
        return len(data)


class _Notes(FileIO):
    def write(self, data: Any, /) -> int:
        """Write if possible; a full pipe that nobody empties does not stop the work either."""
        try:
            return super().write(data) or len(data)
        except OSError:
            return len(data)


def set_up() -> None:
    """Make the streams those of this module; one that the caller has closed (``<&-``) is empty, or takes everything."""
    for name, mode in (("stdin", "r"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # as long as the process
    sys.stdout, sys.stderr = _reopened(sys.stdout, _Output), _reopened(sys.stderr, _Notes)


def _reopened(stream: TextIO, kind: type[FileIO]) -> TextIO:
    if not isinstance(stream, TextIOWrapper):
        return stream
    stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character
    try:
        number = stream.fileno()
    except OSError:  # not of the operating system: a test or a program has put it there
        return stream
    return TextIOWrapper(
        BufferedWriter(kind(number, "w", closefd=False)),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
