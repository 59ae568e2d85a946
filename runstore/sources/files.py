"""Files, folders and streams: their text goes to the splitter, what comes of it are records."""

from __future__ import annotations

import itertools
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from runstore.sources import unpacking
from runstore.sources.splitter import Record, Splitter

MAX_RECORD_BYTES = 64 << 20
_NAMES, _PACKED = (".json", ".jsonl", ".ndjson", ".sse", ".txt"), ("", ".gz", ".bz2", ".xz", ".zip", ".zst")
_SUFFIXES = tuple(name + packed for name in _NAMES for packed in _PACKED)

log = logging.getLogger(__name__)


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
        if not inside:
            log.warning("%s: no file in it has a name that ends in %s", path, ", ".join(_NAMES))
        found.update(dict.fromkeys(sorted(inside)))
    return list(found)


def read_file(
    path: Path,
    *,
    observed_at: int | None = None,
    progress: Callable[[int], None] | None = None,
    max_record_bytes: int = MAX_RECORD_BYTES,
    exported: bool = False,
) -> Iterator[Record]:
    """The records of a file; a file that cannot be opened or read gives a record with an error.

    `observed_at` (microseconds since the Unix epoch) is the file's modification time unless given;
    `progress` is called with the number of bytes of the file read since its last call. `exported` says that
    runstore has written the file: each object in it is a run, also one that does not say so, and no run is
    looked for inside another.
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
            stream,
            str(path),
            observed_at=start,
            progress=progress,
            max_record_bytes=max_record_bytes,
            exported=exported,
        )


def read_stream(
    stream: BinaryIO,
    name: str,
    *,
    observed_at: int,
    progress: Callable[[int], None] | None = None,
    max_record_bytes: int = MAX_RECORD_BYTES,
    exported: bool = False,
) -> Iterator[Record]:
    """The records of an open binary stream called `name`, the first one observed at `observed_at` (microseconds).

    No error in the input is raised: each gives one record with an error. `exported` is as in `read_file`.
    """
    clock = itertools.count(observed_at)
    for document, chunks in unpacking.texts(stream, name, progress or (lambda size: None)):
        splitter, told = Splitter(chunks, document, clock, max_record_bytes, exported=exported), False
        for record in splitter.records():
            told = told or record.kind is None
            yield record
        if not told:
            log.warning("%s: no run in it", document)
        if splitter.streams:
            log.warning("%s: the stream of events ends before its run does", document)
