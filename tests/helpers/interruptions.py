"""Migrations that are killed at one of their statements, and disks that are too small for them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from tests.helpers.deployed import Later, admin, environment

KILLED = """
import os, signal, sys
from sqlalchemy import Engine, event

left = int(sys.argv.pop(1))
made = ("CREATE", "ALTER", "INSERT", "UPDATE", "DROP", "COMMENT", "DELETE")

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *rest):
    global left
    if statement.lstrip().startswith(made):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

from alembic.config import main
try:
    main()
finally:
    print(-left)
"""


def killed_at(statement: int, later: Later, url: URL, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command of Alembic, killed before this one of the statements that change something (from 1 on).

    With 0 it is not killed, and prints the number of these statements as its last line.
    """
    command = [sys.executable, "-c", KILLED, str(statement), "-c", str(later.ini), *arguments]
    return subprocess.run(command, env=environment(url), capture_output=True, text=True, check=False, timeout=120)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of so many bytes."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("needs the right to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def small_disk_of_server(url: URL, size: int) -> Iterator[None]:
    """A file system of so many bytes, to which a database is moved. The database is empty afterwards."""
    with admin(url) as server:
        owner = Path(str(server.scalar(text("SHOW data_directory")))).stat()
    folder = Path("/tmp") / f"disk-{os.getpid()}"  # where the server's user gets
    name = f"small_{os.getpid()}"
    with small_disk(folder, size) as disk:
        os.chown(disk, owner.st_uid, owner.st_gid)
        with admin(url.set(database="postgres")) as server:
            server.execute(text(f"CREATE TABLESPACE {name} LOCATION '{disk}'"))
            server.execute(text(f"ALTER DATABASE {url.database} SET TABLESPACE {name}"))
        try:
            yield
        finally:
            with admin(url.set(database="postgres")) as server:
                server.execute(text(f"DROP DATABASE {url.database} WITH (FORCE)"))
                server.execute(text(f"DROP TABLESPACE {name}"))
                server.execute(text(f"CREATE DATABASE {url.database}"))
    folder.rmdir()
