"""Commands as people and programs start them: in this process, in one of their own, on a terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from click import testing
from sqlalchemy.engine import URL

from runstore.cli import COMMANDS, logs, main, runstore
from tests.helpers.paths import ROOT

COMMAND = [sys.executable, "-m", "runstore"]
EXAMPLE_COUNTS = "39 inserted, 8 updated, 0 unchanged, 1 stale, 0 conflict, 0 rejected, 1 skipped (1 thread.message)\n"
"""What an import of the example dump prints."""
NOT_ARCHIVED = "runstore archives runs only, not messages or run steps\n"
"""What it prints to standard error, because the dump has a message."""
SECRET = "s3cr3t"


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


Cli = Callable[..., Result]
"""What the fixture :func:`cli` gives."""


def counts(**expected: int) -> str:
    """What an import prints that has done this."""
    names = ("inserted", "updated", "unchanged", "stale", "conflict", "rejected", "skipped")
    assert set(expected) <= set(names)
    skipped = f" ({expected['skipped']} thread.message)" if expected.get("skipped") else ""
    return ", ".join(f"{expected.get(name, 0)} {name}" for name in names) + skipped + "\n"


def lines(*runs: dict[str, Any]) -> str:
    """These runs as JSON Lines, as an export writes them."""
    return "".join(f"{json.dumps(run, ensure_ascii=False, separators=(',', ':'))}\n" for run in runs)


def shown(url: URL) -> str:
    """A URL as a command takes it."""
    return url.render_as_string(hide_password=False)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Run a command in this process, in an empty folder, without database URLs in the environment."""
    monkeypatch.delenv("RUNSTORE_DATABASE_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*args: object, stdin: str | bytes = "", encoding: str = "utf-8") -> Result:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        out = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
        err = io.TextIOWrapper(io.BytesIO(), encoding, "backslashreplace", write_through=True)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["runstore", *map(str, args)])
            # click would take the name of the program from "python -m pytest".
            patch.setattr(sys.modules["__main__"], "__package__", None)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as ended:
                main()
        result = Result(
            int(ended.value.code or 0),
            out.buffer.getvalue().decode(),
            err.buffer.getvalue().decode(),
        )
        check(result)
        return result

    return run


def check(result: Result) -> None:
    """What holds of every command."""
    assert "Traceback" not in result.err
    assert "internal error" not in result.err
    assert SECRET not in result.out + result.err
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.err)
    if result.code in (1, 3, 4, 5, 7):
        assert re.search(r'^runstore: |"level": "error"|^\d+ findings?$', result.err, re.MULTILINE)
    if result.code == 2:
        assert result.err


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., Result]:
    """Run a command in a process of its own."""

    def run(*args: object, stdin: bytes = b"", shell: str = "", **environment: str) -> Result:
        command = shlex.join([*COMMAND, *map(str, args)])
        ended = subprocess.run(
            ["bash", "-c", f"{shell.format(command=command)}" if shell else command],
            input=stdin,
            cwd=tmp_path,
            env=env(**environment),
            capture_output=True,
            timeout=60,
            check=False,
        )
        result = Result(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
        check(result)
        return result

    return run


def env(**more: str) -> dict[str, str]:
    """The environment of a command: this checkout, and no archive."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


LIMITED = """
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
runpy.run_module("runstore", run_name="__main__", alter_sys=True)
"""


def limited(folder: Path, limit: int, *args: object, stdin: str = "") -> Result:
    """A command in a process that can write no file larger than *limit* bytes."""
    command = [sys.executable, "-c", LIMITED, str(limit), *map(str, args)]
    ended = subprocess.run(
        command, cwd=folder, env=env(), input=stdin, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    result = Result(ended.returncode, ended.stdout, ended.stderr)
    check(result)
    return result


Terminal = Callable[..., tuple[int, str]]
"""What the fixture :func:`terminal` gives."""


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """Run a command in this process on a terminal; its exit code and what a person sees, on stdout and stderr."""

    def run(*args: object, **environment: str) -> tuple[int, str]:
        controller, terminal = pty.openpty()
        seen = bytearray()

        def read() -> None:
            with suppress(OSError):  # the other end is closed
                while piece := os.read(controller, 65536):
                    seen.extend(piece)

        reading = threading.Thread(target=read)
        reading.start()
        encoding = environment.get("PYTHONIOENCODING", "utf-8")
        with monkeypatch.context() as patch, ExitStack() as stack:
            patch.chdir(tmp_path)
            for name in ("RUNSTORE_DATABASE_URL", "DATABASE_URL"):
                patch.delenv(name, raising=False)
            for name, value in ({"TERM": "xterm-256color", "COLUMNS": "200"} | environment).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["runstore", *map(str, args)])
            patch.setattr(sys.modules["__main__"], "__package__", None)
            patch.setattr(sys, "stdin", stack.enter_context(os.fdopen(os.dup(terminal), encoding=encoding)))
            patch.setattr(sys, "stdout", stack.enter_context(os.fdopen(os.dup(terminal), "w", encoding=encoding)))
            lacking = "backslashreplace"
            error = os.fdopen(os.dup(terminal), "w", encoding=encoding, errors=lacking)
            patch.setattr(sys, "stderr", stack.enter_context(error))
            with pytest.raises(SystemExit) as ended:
                main()
        os.close(terminal)
        reading.join()
        os.close(controller)
        return int(ended.value.code or 0), seen.decode()

    return run


def on_a_terminal(folder: Path, *args: object, **environment: str) -> tuple[int, str]:
    """The same of a command in a process of its own, whose terminal it is."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(folder)
        environment = {"TERM": "xterm-256color", "COLUMNS": "200"} | environment
        os.execve(COMMAND[0], [*COMMAND, *map(str, args)], env(**environment))
    seen = b""
    try:
        while select.select([terminal], [], [], 30)[0] and (piece := os.read(terminal, 65536)):
            seen += piece
    except OSError:
        pass  # the other end is closed
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


def invoke(*arguments: str) -> testing.Result:
    """A command without what surrounds it: its exception is in the result."""
    logs.set_up()
    return testing.CliRunner().invoke(runstore, arguments)


def in_bash(folder: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What bash makes of a script in which R is the command; its pipes fail where any part of them fails."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; R={shlex.quote(shlex.join(COMMAND))}; {script}"],
        cwd=folder,
        env=env(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )


def db(url: URL) -> str:
    """The option that names an archive, for bash."""
    return f"--db {shlex.quote(url.render_as_string(hide_password=False))}"


def commands() -> Iterator[tuple[list[str], click.Command]]:
    context = click.Context(runstore)
    for name in COMMANDS:
        command = runstore.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from (([name, inner], found) for inner, found in command.commands.items())
        else:
            yield [name], command
