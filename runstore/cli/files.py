"""Files that commands write: they appear when they are complete, and are never the archive itself."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import click

from runstore.cli.help import OUTPUT_GROUP, Option
from runstore.cli.output import Terminal, is_terminal
from runstore.files import BESIDE, complete_file

ARCHIVE = "runstore.archive"
"""Key in the context of a command for the SQLite file of its archive; output files get the same mode."""

STDOUT, STDERR = 1, 2
"""File descriptors."""


def in_a_folder(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Refuse, before the work begins, a file that cannot be created."""
    if path == Path():
        raise click.BadParameter("the name of the file is missing")
    if path is not None and _descriptor(path) is None and not path.parent.is_dir():
        raise click.BadParameter(f"{path.parent} is not a directory")
    return path


def _output(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    path = in_a_folder(context, parameter, path)
    return None if path is not None and _descriptor(path) == STDOUT else path


output_option = click.option(
    "-o",
    "--output",
    cls=Option,
    group=OUTPUT_GROUP,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_output,
    help="Write to this file, which appears when it is complete. [default: -, standard output]",
)


def spare_the_archive(db: str | None, *paths: Path | None) -> None:
    """Raise a usage error if a file to be written or read is a file of the archive: its log holds commits.

    Reading such a file is dangerous too: closing it would release the locks that this process holds on it.
    """
    from runstore import config

    archive = config.sqlite_file(config.database_url(db))
    click.get_current_context().meta[ARCHIVE] = archive
    if archive is None:
        return
    own = [Path(f"{os.path.realpath(archive)}{suffix}") for suffix in BESIDE]
    for path in paths:
        if path and any(_is_same(path, part) for part in own):
            raise click.UsageError(f"{path} is a file of the archive itself; choose another file")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist, or is a dangling link
        return os.path.realpath(one) == str(other)


@contextmanager
def output_file(path: Path | None) -> Iterator[BinaryIO]:
    """Open the file to write to; None is standard output. An error, such as a full disk, carries its name."""
    try:
        with _opened(path) as file:
            yield file
    except OSError as error:
        error.filename = error.filename or path or "standard output"
        raise


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    number = STDOUT if path is None else _descriptor(path)
    if path is None or number == STDOUT:
        yield cast(BinaryIO, Terminal()) if is_terminal() else sys.stdout.buffer
        sys.stdout.flush()
    elif number is not None:
        with open(os.dup(number), "wb") as file:
            yield file
    elif path.exists() and not path.is_file():  # a pipe or device
        with path.open("wb") as file:
            yield file
    else:
        target = Path(os.path.realpath(path))  # a link remains a link
        if target.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        with complete_file(target, archive=click.get_current_context().meta.get(ARCHIVE)) as file:
            yield file


def _descriptor(path: Path) -> int | None:
    """Return the file descriptor that a path stands for; unlike a named file, it is written to without replacing it."""
    if str(path) in ("-", "/dev/stdout"):
        return STDOUT
    if str(path) == "/dev/stderr":
        return STDERR
    found = re.fullmatch(r"(?:/dev|/proc/self)/fd/(\d{1,9})", str(path))
    return int(found[1]) if found else None
