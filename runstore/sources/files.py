"""Read records from files, directories and streams by passing their text to the splitter."""

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


class Interrupted(KeyboardInterrupt):
    """The user interrupted the wait for more input."""

    def __init__(self, records: list[Record]) -> None:
        super().__init__()
        self.records = records
        """The records that were complete by then, in an array or page that was not, and what was incomplete."""


def find_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files to read for `paths`: each file itself, and for each directory the files in it, sorted.

    In directories, regular files at any depth are taken whose names end in .json, .jsonl, .ndjson, .sse or .txt,
    optionally followed by a compression suffix. Hidden names and symbolic links are skipped. A directory that cannot be
    listed and a path that does not exist stay in the result, so that `read_file` reports them. No file is listed twice.
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
            log.warning("%s: no file in this directory has a name that ends in %s", path, ", ".join(_NAMES))
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
    """Yield the records of a file. A file that cannot be opened or read yields a record with an error.

    `observed_at` (microseconds since the Unix epoch) defaults to the modification time of the file. `progress` is
    called with the number of bytes read since its last call. With `exported`, the file was written by runstore: each
    object in it is a run, even if it is not marked as one, and is not searched for other runs.
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
    """Yield the records of an open binary stream called `name`; the first was observed at `observed_at` (microseconds).

    Errors in the input are not raised: each yields one record with an error. `exported` is as in `read_file`.

    If the wait for more input is interrupted, `Interrupted` is raised. It has the records that would follow if the
    input ended there, because a consumer that must end at once cannot ask for them.
    """
    clock = itertools.count(observed_at)
    for document, chunks in unpacking.texts(stream, name, progress or (lambda size: None)):
        splitter, has_records = Splitter(chunks, document, clock, max_record_bytes, exported=exported), False
        late: list[Record] = []
        for record in splitter.records():
            if splitter.interrupt is not None:
                late.append(record)
                continue
            has_records = has_records or record.kind is None
            yield record
        if splitter.interrupt is not None:
            # Of an array or page that only lacks its end, nothing is lost, so this is not reported.
            raise Interrupted([each for each in late if each.raw or each.error is None]) from splitter.interrupt
        if not has_records:
            log.warning("%s: no run found", document)
        if splitter.streams:
            log.warning("%s: the event stream ends before its run does", document)
