"""Files that commands write: complete when they appear, and never the archive itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import click

from runstore.cli.output import Terminal, is_terminal


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


def spare_the_archive(db: str | None, *paths: Path | None) -> None:
    """A usage error where a file to be written or read is the archive itself, or a part of it: its log holds commits.

    To read it is no better: closing it would take away the locks that this process has on it.
    """
    from runstore import config

    archive = config.sqlite_file(config.database_url(db))
    if archive is None:
        return
    own = {Path(f"{os.path.realpath(archive)}{suffix}") for suffix in ("", "-wal", "-shm", "-journal")}
    for path in paths:
        real = Path(os.path.realpath(path or ""))
        if path and (own & {real, _partial(real)} or any(_same(real, part) for part in own)):
            raise click.UsageError(f"{path} is the archive itself, or would be written over it")


def _same(path: Path, other: Path) -> bool:
    """Whether two names lead to one file, as hard links do."""
    return path.exists() and other.exists() and path.samefile(other)


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
        yield cast(BinaryIO, Terminal()) if is_terminal() else sys.stdout.buffer
        sys.stdout.flush()
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
