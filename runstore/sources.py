"""Reading run records from files and streams: JSON, JSON Lines, arrays, list pages, SSE, gzip.

The form is told by the content, value by value, so one file may mix forms. Input is only split into
records here; whether a record is a valid run is decided elsewhere. Nothing is dropped in silence: bytes
that cannot be made a record come out as a `Record` whose `error` says why, and reading goes on at the
next line that begins a value. Memory use is bounded by the size of the largest record, not of the input.
"""

from __future__ import annotations

import itertools
import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from runstore.splitter import CHUNK, SHOWN, Record, Splitter

__all__ = ["MAX_RECORD_BYTES", "Record", "find_files", "read_file", "read_stream"]

MAX_RECORD_BYTES = 64 << 20
_SUFFIXES = tuple(name + gz for name in (".json", ".jsonl", ".ndjson", ".sse", ".txt") for gz in ("", ".gz"))
_GZIP = b"\x1f\x8b"


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The files to read for `paths`: each named file, and in place of a directory what it holds, sorted.

    In directories, at any depth, regular files named .json, .jsonl, .ndjson, .sse or .txt (or one of these
    with .gz) are taken; hidden names and symbolic links are not. A folder that cannot be listed and a path
    that does not exist stay in the result, so that `read_file` reports them. No file is listed twice.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            found[path] = None
            continue
        inside: list[Path] = []
        unlisted: list[OSError] = []
        for folder, folders, names in os.walk(path, onerror=unlisted.append):
            folders[:] = [name for name in folders if not name.startswith(".")]
            files = (Path(folder, name) for name in names if not name.startswith("."))
            inside += (f for f in files if f.name.lower().endswith(_SUFFIXES) and f.is_file() and not f.is_symlink())
        inside += (Path(error.filename) for error in unlisted)
        found.update(dict.fromkeys(sorted(inside)))
    return list(found)


def read_file(
    path: Path,
    *,
    observed_at: int | None = None,
    progress: Callable[[int], None] | None = None,
    max_record_bytes: int = MAX_RECORD_BYTES,
) -> Iterator[Record]:
    """The records of a file; a file that cannot be opened or read gives a record with an error.

    `observed_at` (microseconds since the Unix epoch) is the file's modification time unless given;
    `progress` is called with the number of bytes of the file read since its last call.
    """
    try:
        stream = path.open("rb", buffering=0)
    except OSError as error:
        now = time.time_ns() // 1000 if observed_at is None else observed_at
        yield Record(b"", f"{path}:1", now, error=error.strerror or str(error))
        return
    with stream:
        start = os.fstat(stream.fileno()).st_mtime_ns // 1000 if observed_at is None else observed_at
        yield from read_stream(
            stream, str(path), observed_at=start, progress=progress, max_record_bytes=max_record_bytes
        )


def read_stream(
    stream: BinaryIO,
    name: str,
    *,
    observed_at: int,
    progress: Callable[[int], None] | None = None,
    max_record_bytes: int = MAX_RECORD_BYTES,
) -> Iterator[Record]:
    """The records of an open binary stream called `name`, the first one observed at `observed_at` (microseconds).

    No error in the input is raised: each gives one record with an error.
    """
    chunks = _chunks(stream, progress or (lambda size: None))
    return Splitter(chunks, name, itertools.count(observed_at), max_record_bytes).records()


def _chunks(stream: BinaryIO, progress: Callable[[int], None]) -> Iterator[bytes]:
    """The content of the stream, decompressed; raises OSError, EOFError or zlib.error behind the last good byte."""

    # What a pipe holds now, rather than wait until it holds a whole chunk.
    read_some = getattr(stream, "read1", stream.read)

    def read(size: int = CHUNK) -> bytes:
        data = read_some(size)
        if data:
            progress(len(data))
        return data or b""

    head = b""
    while len(head) < len(_GZIP) and (data := read(SHOWN)):
        head += data
    if head.startswith(_GZIP):
        yield from _gunzip(head, lambda: read(SHOWN))
    else:
        yield head
        yield from iter(read, b"")


def _gunzip(data: bytes, read: Callable[[], bytes]) -> Iterator[bytes]:
    """Decompress the gzip members that begin with `data` and go on with what `read` gives."""
    while data:
        inflate = zlib.decompressobj(wbits=31)
        while not inflate.eof:
            if not data and not (data := read()):
                yield inflate.flush()
                raise EOFError
            before = inflate.copy()
            try:
                yield inflate.decompress(data, CHUNK)
            except zlib.error:  # the failed call has swallowed the good bytes before the damage: do it in small steps
                for i in range(len(data)):
                    yield before.decompress(data[i : i + 1])
                raise
            data = inflate.unconsumed_tail
        data = inflate.unused_data.lstrip(b"\0")  # members may be padded
        while len(data) < len(_GZIP) and (more := read()):
            data = (data + more).lstrip(b"\0")
        if data and not data.startswith(_GZIP):
            raise OSError("something else follows the compressed data")
