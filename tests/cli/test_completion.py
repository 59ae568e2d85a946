"""The scripts by which shells complete commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from runstore.cli.completion import VARIABLE
from tests.helpers.commands import Cli, env


def test_completion_prints_the_script_of_a_shell(cli: Cli) -> None:
    for shell in ("bash", "zsh", "fish"):
        result = cli("completion", shell)
        assert result.code == 0
        assert f"{VARIABLE}={shell}_complete" in result.out
        assert result.out.endswith("\n")
    result = cli("completion", "tcsh")
    assert (result.code, "'SHELL': 'tcsh' is not supported; expected one of bash, zsh, fish" in result.err) == (2, True)


def test_bash_completes_with_the_script(cli: Cli, tmp_path: Path) -> None:
    """As it does at a key: the function that the script has registered is called for a line."""
    command = tmp_path / "bin" / "runstore"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom runstore.cli import main\nmain()\n")
    command.chmod(0o755)
    (tmp_path / "script").write_text(cli("completion", "bash").out)
    line = "source ./script; COMP_WORDS=(runstore list --status fa); COMP_CWORD=3; compopt() { :; }; "
    line += '_runstore_completion runstore; echo "${COMPREPLY[@]}"'
    ended = subprocess.run(
        ["bash", "-c", line],
        cwd=tmp_path,
        env=env(PATH=f"{command.parent}:/usr/bin:/bin"),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert (ended.stdout, ended.stderr) == ("failed\n", "")
