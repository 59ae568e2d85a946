"""Files that commands write: complete when they appear, and never the archive itself."""

from __future__ import annotations

import errno
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
    """A usage error where a file to be written or read is the archive itself, or its log.

    To read it is no better: closing it would take away the locks that this process has on it.
    """
    from runstore import config

    if archive := config.sqlite_file(config.database_url(db)):
        own = {Path(f"{archive.resolve()}{suffix}") for suffix in ("", "-wal", "-shm")}
        for path in paths:
            if path and path.resolve() in own:
                raise click.UsageError(f"{path} is the archive itself")


@contextmanager
def output_file(path: Path | None) -> Iterator[BinaryIO]:
    """The file to write to; None is standard output."""
    if path is None:
        if sys.stdout is None:
            raise OSError(errno.EBADF, "standard output is closed")
        yield cast(BinaryIO, Terminal()) if is_terminal() else sys.stdout.buffer
        sys.stdout.flush()
        return
    if path.exists() and not path.is_file():  # a pipe or device
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()  # a link, as /dev/stdout, stays one
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        error.filename = error.filename or path  # "no space left on device": on which
        raise
    finally:
        partial.unlink(missing_ok=True)
