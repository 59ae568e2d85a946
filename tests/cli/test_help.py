"""Help: it lists every command, and loads no database library."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.helpers.commands import Cli, Result, env

COMMANDS = [
    *("import", "fetch", "export", "show", "list", "stats", "report", "prompts", "sql", "serve", "lint", "prices"),
    *("verify", "fingerprint", "diff", "delete", "prune", "backup", "copy", "db", "completion"),
]


LOADED = """
import sys
sys.argv = ["runstore", "--help"]
try:
    from runstore.cli import main
    main()
finally:
    heavy = {"sqlalchemy", "alembic", "psycopg", "rich", "msgspec", "json"} & set(sys.modules)
    print("loaded:", *sorted(heavy))
"""


def test_help_lists_all_commands_and_loads_no_database() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOADED], env=env(), capture_output=True, encoding="utf-8", timeout=30, check=True
    )
    assert not {"sqlalchemy", "alembic", "psycopg", "rich", "msgspec"} & set(ended.stdout.splitlines()[-1].split())
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\w", ended.stdout, re.MULTILINE)
    assert "Exit codes: 0 success" in ended.stdout


@pytest.mark.parametrize(
    "command",
    [[name] for name in COMMANDS]
    + [["db", name] for name in ("upgrade", "current", "check")]
    + [["prices", name] for name in ("import", "list", "missing", "template", "remove")],
)
def test_every_command_has_help(cli: Cli, command: list[str]) -> None:
    for option in ("--help", "-h"):
        result = cli(*command, option)
        assert (result.code, result.err) == (0, "")
        assert result.out.startswith(f"Usage: runstore {' '.join(command)} ")
    assert "--db" in result.out or command in (["db"], ["prices"], ["diff"], ["copy"], ["completion"])


def test_python_m_runstore_is_the_command(process: Callable[..., Result]) -> None:
    from importlib.metadata import version

    result = process("--version")
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith(f" {version('runstore')}\n")
