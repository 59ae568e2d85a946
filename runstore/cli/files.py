"""Files that commands write: complete when they appear, and never the archive itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click


def in_a_folder(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Say so before the work begins where a file cannot be made."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"{path.parent} is no folder")
    return path


output_option = click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=in_a_folder,
    help="Write to a file, which appears when it is complete. [default: standard output]",
)


def spare_the_archive(db: str | None, path: Path | None) -> None:
    """A usage error where a file to be written is the archive itself, or a part of it: its log holds commits."""
    from runstore import config

    archive = config.sqlite_file(config.database_url(db))
    if not path or not archive:
        return
    written = {path.resolve(), _partial(path.resolve())}
    if written & {Path(f"{archive.resolve()}{end}") for end in ("", "-wal", "-shm", "-journal")}:
        raise click.UsageError(f"{path} would be written over the archive itself")


@contextmanager
def output_file(path: Path | None) -> Iterator[BinaryIO]:
    """The file to write to; None is standard output. An error says on which: "no space left on device"."""
    try:
        with _opened(path) as file:
            yield file
    except OSError as error:
        error.filename = error.filename or path or "standard output"
        raise


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists() and not path.is_file():  # a pipe or device
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()  # a link, as /dev/stdout, stays one
    partial = _partial(path)
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    """What a file is called until it is complete."""
    return path.with_name(f"{path.name}.part")
