"""Commands under other settings of Python: without docstrings and assertions, with warnings as errors."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import EXAMPLES, ROOT


def python(folder: Path, *args: object) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, *map(str, args)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


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
db downgrade base --no-backup --yes
db upgrade
'''.strip().splitlines():
    sys.argv = ["runstore", *shlex.split(line)]
    try:
        main()
    except SystemExit as ended:
        print("ENDED", ended.code, line, file=sys.stderr, flush=True)
"""


def codes_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The exit codes of EVERY."""
    assert "internal error" not in done.stderr
    assert "Traceback" not in done.stderr
    codes = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("ENDED")]
    assert len(codes) == EVERY.count("\n", EVERY.index("'''"), EVERY.rindex("'''")) - 1, done.stderr
    return [code for code in codes if code not in ("None", "0")]


@pytest.mark.slow
def test_every_command_works_where_warnings_are_errors(tmp_path: Path) -> None:
    done = python(tmp_path, "-W", "error", "-c", EVERY)
    assert codes_of(done) == ["1"], done.stderr  # lint finds something
    assert "Warning" not in done.stderr


REFUSED = """
list --db nothing.db
show nowhere
stats --sort nothing
sql "DROP TABLE run_object"
"""


@pytest.mark.slow
def test_without_docstrings_and_assertions_everything_works(tmp_path: Path) -> None:
    commands = EVERY.replace("\ndb sql\n", f"{REFUSED}db sql\n")
    assert commands != EVERY
    with_docstrings = python(tmp_path / "with", "-c", commands)
    without = python(tmp_path / "without", "-OO", "-c", commands)
    assert without.returncode == with_docstrings.returncode == 0
    said = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z?|\d{10,}", "NOW", without.stdout + without.stderr)
    assert said == re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z?|\d{10,}", "NOW", with_docstrings.stdout + with_docstrings.stderr)
    messages = ("no archive at nothing.db", "run nowhere is not in this archive", "expected one of", "read-only query")
    for message in messages:
        assert message in said
