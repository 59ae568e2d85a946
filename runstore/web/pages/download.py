"""Rows as CSV files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from starlette.responses import Response, StreamingResponse

from runstore import formats
from runstore.formats import Column
from runstore.web.pages.rendering import HEADERS
from runstore.web.refusals import Refusal

MOST_ROWS = 100_000
"""Maximum number of rows of a file; it is complete or refused."""

_IN_MEMORY = 2**20
_PIECE = 2**16


def csv(columns: Sequence[Column], rows: Iterable[Sequence[Any]], command: str) -> BinaryIO:
    """Return a file of these rows, which is whole before its first byte is sent, so that no client delays the database.

    Raises :class:`Refusal` for more rows than :data:`MOST_ROWS`, with the command that has no such limit.
    """
    file = cast(BinaryIO, SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115  # closed when it has been sent
    rows = iter(rows)
    try:
        formats.write("csv", file, columns, islice(rows, MOST_ROWS))
        if next(rows, None) is not None:
            message = f"The file would have more than {MOST_ROWS:,} rows. The command {command} writes all of them."
            raise Refusal(413, message, "too_many_rows")
    except BaseException:
        file.close()
        raise
    return file


def answer(file: BinaryIO, name: str) -> Response:
    """Return a file as an answer, to be saved under this name."""
    size = file.tell()
    file.seek(0)

    def pieces() -> Iterator[bytes]:
        with file:
            while piece := file.read(_PIECE):
                yield piece

    headers = {
        **HEADERS,
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(size),
    }
    return StreamingResponse(pieces(), headers=headers, media_type="text/csv; charset=utf-8")
