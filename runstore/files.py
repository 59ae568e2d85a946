"""Files that appear only when complete, and that nobody can read who cannot read the archive they come from."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

BESIDE = ("", "-journal", "-wal", "-shm")
"""The suffixes of the files that SQLite keeps next to a database, and of the database itself."""

_LONGEST = 255
"""The maximum length of a file name, in bytes."""


@contextmanager
def complete_file(path: Path, *, archive: Path | None = None, replace: bool = True) -> Iterator[BinaryIO]:
    """Write a new file next to *path*. When the block ends, rename it to *path*; if the block fails, remove it.

    Until then the file has an unpredictable name, ``.NAME.RANDOM.part``, which is the ``name`` of the yielded file
    object. If *replace* is false, an existing file raises :class:`FileExistsError`.

    The new file takes the mode and group of the file that it replaces, or else of *archive*; if root runs this, it
    takes the owner too. It grants nobody more than both of these files grant. If there is neither, the umask applies.
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
            error.filename = str(path)  # the name that the user passed
            raise

    try:
        with open(partial, "xb", opener=opener) as file:
            _take_after(file.fileno(), models, allowed if replaced else None)
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not replace:
            path.touch(exist_ok=False)  # only one process succeeds, so replacing the file below loses nothing
        try:
            partial.replace(path)
        except OSError as error:
            error.filename, error.filename2 = str(path), None
            raise
        _sync_folder(path.parent)
    finally:
        for suffix in BESIDE:
            with suppress(OSError):  # the file does not exist, or the error being raised explains why
                Path(f"{partial}{suffix}").unlink()


def partial_name(name: str) -> str:
    """Return an unpredictable name for a file that will become *name*. It contains as much of *name* as fits."""
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
    """Give a new file the owner and group of the first model, and only those group rights that every model grants."""
    if models and os.fstat(file).st_gid != models[0].st_gid:
        with suppress(OSError):  # this process is not a member of the group
            os.fchown(file, -1, models[0].st_gid)
    if models and os.geteuid() == 0:
        with suppress(OSError):  # the file system has no owners
            os.fchown(file, models[0].st_uid, -1)
    made = os.fstat(file)
    mode = stat.S_IMODE(made.st_mode if mode is None else mode) & 0o777
    for model in models:
        if model.st_gid != made.st_gid:  # the model treats members of this group as others
            mode &= ~0o070 | (model.st_mode & 0o007) << 3
    if mode != stat.S_IMODE(made.st_mode):
        os.fchmod(file, mode)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power failure, if the file system supports that."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
