"""No message, log line or repr shows a text that could be a password, wherever it is and however it is spelled."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from runstore import config, migrate
from tests.helpers.commands import Cli, in_bash
from tests.helpers.secret_places import PLACES, SECRET


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_of_a_place_is_shown_by_any_command(cli: Cli, tmp_path: Path, place: str) -> None:
    for command in (
        ("list", "--db", place),
        ("db", "check", "--db", place),
        ("list", place),
        ("import", place),
        (place,),
        ("show", place, "--db", "none.db"),
        ("db", "upgrade", place, "--db", "new.db"),
        ("list", "--limit", place),
        ("list", "--created-from", place, "--db", "new.db"),
        ("copy", place, "new.db", "--patience", "0"),
        ("diff", "new.db", place),
        ("sql", place, "--db", "new.db"),
        ("export", "-o", f"{place}/x", "--db", "new.db"),
        ("stats", "--sort", place, "--db", "new.db"),
        ("import", "/dev/null", "--observed-at", place),
    ):
        result = cli(*command)
        assert result.code, command
        assert SECRET not in result.out + result.err, command
    assert not [path for path in tmp_path.rglob("*") if SECRET in str(path)]


@pytest.mark.slow
def test_escapes_in_the_name_of_a_file_do_not_steer_the_terminal_through_the_log(tmp_path: Path) -> None:
    name = "runs\x9b31m.db"
    with migrate.engine(config.database_url(tmp_path / name)) as engine:
        migrate.upgrade(engine, "0003")
    done = in_bash(tmp_path, f"$R db upgrade --db {shlex.quote(name)}")
    assert "was written to runs\\x9b31m" in done.stderr
    hostile = "runs\x1b[31m\nrunstore: all is well.db"
    refused = in_bash(tmp_path, f"$R db upgrade --db {shlex.quote(hostile)}")
    assert refused.returncode == 2
    for said in (done.stderr, refused.stderr):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]|\nrunstore: all is well", said)
