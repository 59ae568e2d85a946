"""Commands under other settings of Python: without docstrings and assertions, with warnings as errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.commands import COMMAND, env
from tests.helpers.paths import EXAMPLES, ROOT

RUN = b'{"id":"run_1","object":"thread.run"}'


def python(folder: Path, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, args)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_without_docstrings_and_assertions_everything_works(tmp_path: Path) -> None:
    def runstore(*args: object, code: int = 0) -> str:
        done = python(tmp_path, "-OO", "-m", "runstore", *args)
        assert done.returncode == code, done.stderr
        assert "internal error" not in done.stderr
        return done.stdout + done.stderr

    assert "no archive at runstore.db" in runstore("list", code=3)
    assert "39 inserted" in runstore("import", EXAMPLES)
    assert "run nowhere is not in this archive" in runstore("show", "nowhere", code=3)
    assert "makes no sense" not in runstore("verify")
    assert "expected one of" in runstore("stats", "--sort", "nothing", code=2)
    assert "only reads" in runstore("sql", "DROP TABLE run_object", code=2)
    with_docstrings = python(tmp_path, "-m", "runstore", "db", "history").stdout
    assert runstore("db", "history") == with_docstrings
    assert runstore("db", "diff")
    assert runstore("copy", "runstore.db", "copy.db")
    assert runstore("db", "downgrade", "base", "--no-backup", "--yes")
    assert runstore("db", "upgrade")


EVERY = f"""
import shlex, sys
from runstore.cli import main

for line in '''
import {EXAMPLES} --rejects rejects
export -o out
export --redact
export --format parquet -o out.parquet
export --format csv
list --format table
show 17
stats --by day --format table
sql "SELECT count(*) FROM runs"
sql --schema --format table
lint
verify
fingerprint --by day
backup copy.db
copy runstore.db other.db
diff runstore.db other.db
prune --status failed --yes --vacuum
prices list
db status
db status --json
db check
db diff
db wait
db history
db sql
db sql --backend postgresql
db downgrade 0003 --no-backup
db upgrade
'''.strip().splitlines():
    sys.argv = ["runstore", *shlex.split(line)]
    try:
        main()
    except SystemExit as ended:
        print("ENDED", ended.code, line, file=sys.stderr, flush=True)
"""


def test_every_command_works_where_warnings_are_errors(tmp_path: Path) -> None:
    done = python(tmp_path, "-W", "error", "-c", EVERY)
    codes = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("ENDED")]
    assert len(codes) == 28, done.stderr
    assert set(codes) - {"1"} <= {"None", "0"}, done.stderr
    assert codes.count("1") == 1, done.stderr  # lint finds something
    assert "internal error" not in done.stderr
    assert "Warning" not in done.stderr


@pytest.mark.slow
def test_no_command_leaves_a_warning(tmp_path: Path) -> None:
    """Of connections, files or processes that are not closed; a stranger may run Python with -W error."""
    for args in (
        ("import", "-"),
        ("list",),
        ("show", "run_1"),
        ("export",),
        ("stats",),
        ("sql", "SELECT 1"),
        ("lint",),
        ("verify",),
        ("fingerprint",),
        ("diff", "runstore.db", "runstore.db"),
        ("backup", "copy.db"),
        ("copy", "runstore.db", "other.db"),
        ("prune", "--status", "none", "--yes"),
        ("db", "upgrade"),
        ("db", "check"),
        ("db", "status"),
        ("db", "diff"),
        ("db", "history"),
    ):
        line = [COMMAND[0], "-W", "error", *COMMAND[1:], *args]
        ended = subprocess.run(line, input=RUN, env=env(), cwd=tmp_path, capture_output=True, check=False)
        assert ended.returncode == (args[0] == "lint"), (args, ended.stderr)  # which finds what the run leaves out
        assert b"Warning" not in ended.stderr, (args, ended.stderr)
