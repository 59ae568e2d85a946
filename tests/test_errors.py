"""Errors: each has its text and typed arguments, however Python was started, and survives pickling."""

from __future__ import annotations

import inspect
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runstore import cli, errors
from runstore.errors import RunStoreError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RunStoreError)]
CHECKOUT = Path(__file__).parent.parent


def made(kind: type[RunStoreError]) -> RunStoreError:
    """An error of this class with a value for each argument of its constructor."""
    values: dict[str, Any] = {"float": 2.5, "int": 7}
    arguments = {
        name: values.get(str(parameter.annotation), f"<{name}>")
        for name, parameter in inspect.signature(kind).parameters.items()
    }
    return kind(**arguments)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_names_all_its_fields_and_can_be_pickled(kind: type[RunStoreError]) -> None:
    error = made(kind)
    assert error.fields
    for name, value in error.fields.items():
        assert str(value) in str(error) or name == "kind"  # what reports count
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.fields) == (kind, str(error), error.fields)


@pytest.mark.parametrize("kind", KINDS)
def test_the_docstring_of_an_error_says_when_it_is_raised(kind: type[RunStoreError]) -> None:
    assert "raised" in (kind.__doc__ or "").lower()
    assert "{" not in (kind.__doc__ or "")


def python(folder: Path, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, args)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_without_docstrings_and_assertions_everything_works(tmp_path: Path) -> None:
    def runstore(*args: object, code: int = 0) -> str:
        done = python(tmp_path, "-OO", "-m", "runstore", *args)
        assert done.returncode == code, done.stderr
        assert "internal error" not in done.stderr
        return done.stdout + done.stderr

    assert "no archive at runstore.db" in runstore("list", code=3)
    assert "39 inserted" in runstore("import", CHECKOUT / "examples" / "runs.jsonl")
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
import {CHECKOUT / "examples" / "runs.jsonl"} --rejects rejects
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


def test_the_traceback_of_an_internal_error_is_logged_at_debug(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("postgresql://user:s3cr3t@host/db")

    monkeypatch.setattr(cli.Commands, "invoke", fails)
    monkeypatch.setattr(sys, "argv", ["runstore", "list"])
    with caplog.at_level(logging.DEBUG, "runstore"), pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    expected = "runstore: internal error; please report it: ZeroDivisionError: postgresql://user:***@host/db\n"
    assert capsys.readouterr().err == expected
    assert [record.exc_info is not None for record in caplog.records] == [True]
