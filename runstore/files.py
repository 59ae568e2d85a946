"""Files that appear when they are complete, and are open to nobody to whom the archive that they come from is not."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

BESIDE = ("", "-journal", "-wal", "-shm")
"""What SQLite adds to the name of a file for those that it keeps next to it."""

_LONGEST = 255
"""Bytes of a file's name."""


@contextmanager
def complete_file(path: Path, *, archive: Path | None = None, replace: bool = True) -> Iterator[BinaryIO]:
    """A new file next to *path*, which takes its name when the block ends well, and is removed when it does not.

    Meanwhile nobody else can know its name, ``.NAME.RANDOM.part``; it is what the file object has as ``name``, for
    those who open it by name. With *replace* false a file that is there already raises :class:`FileExistsError`.

    It has the mode and group of the file that it replaces, else those of *archive*; root gives it the owner too. No
    one may do with it what they may not do with both. Without either its mode is as umask says.
    """
    replaced = _regular(path) if replace else None
    models = [found for found in (replaced, archive and _regular(archive)) if found]
    allowed = 0o777 if replaced else 0o666
    for model in models:
        allowed &= model.st_mode
    partial = path.with_name(partial_name(path.name))

    def opener(name: str, flags: int) -> int:
        try:
            return os.open(name, flags, allowed & 0o666)
        except OSError as error:
            error.filename = str(path)  # the name that the user knows
            raise

    try:
        with open(partial, "xb", opener=opener) as file:
            _take_after(file.fileno(), models, allowed if replaced else None)
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not replace:
            path.touch(exist_ok=False)  # only one can do that; nobody loses a file by what follows
        try:
            partial.replace(path)
        except OSError as error:
            error.filename, error.filename2 = str(path), None
            raise
        _sync_folder(path.parent)
    finally:
        for suffix in BESIDE:
            with suppress(OSError):  # not there, or the error that is under way says why
                Path(f"{partial}{suffix}").unlink()


def partial_name(name: str) -> str:
    """A name that nobody can guess for a file that is to become *name*, of which it has as much as fits."""
    rest = f".{secrets.token_hex(8)}.part"
    room = _LONGEST - len(rest) - len(".-journal")
    return f".{os.fsencode(name)[:room].decode(errors='ignore')}{rest}"


def _regular(path: Path) -> os.stat_result | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _take_after(file: int, models: list[os.stat_result], mode: int | None) -> None:
    """Give a new file the owner and group of the first model, and no group rights that one of the models has not."""
    if models and os.fstat(file).st_gid != models[0].st_gid:
        with suppress(OSError):  # a group of which we are not
            os.fchown(file, -1, models[0].st_gid)
    if models and os.geteuid() == 0:
        with suppress(OSError):  # a file system without owners
            os.fchown(file, models[0].st_uid, -1)
    made = os.fstat(file)
    mode = stat.S_IMODE(made.st_mode if mode is None else mode) & 0o777
    for model in models:
        if model.st_gid != made.st_gid:  # to the model these are others
            mode &= ~0o070 | (model.st_mode & 0o007) << 3
    if mode != stat.S_IMODE(made.st_mode):
        os.fchmod(file, mode)


def _sync_folder(folder: Path) -> None:
    """Make sure that the name outlives a power cut, where the file system can."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
