"""Help, hints and completion: what a user is told who does not know yet, or has mistyped."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import get_completion_class
from sqlalchemy.engine import URL

from runstore import RunRepository, config
from runstore.cli import COMMANDS, runstore
from runstore.cli.completion import VARIABLE
from runstore.cli.help import FILTERS_GROUP, GROUPS, Command, Group, first_sentence
from runstore.query import statistics
from runstore.query.criteria import FILTERS
from runstore.schema.views import RUNS
from runstore.statuses import STATUSES
from runstore.upkeep.lint import RULES
from tests.test_cli import Cli, a_run, cli, env, shown

__all__ = ["cli"]


def context_of(command: click.Command, **settings: Any) -> click.Context:
    """The context of a command as the command line makes it: the names of --help stay with the command once asked."""
    return click.Context(command, **runstore.context_settings, **settings)


def commands() -> Iterator[tuple[list[str], click.Command]]:
    context = click.Context(runstore)
    for name in COMMANDS:
        command = runstore.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from (([name, inner], found) for inner, found in command.commands.items())
        else:
            yield [name], command


def completed(*words: str) -> list[str]:
    """What a shell is given for the last of these words."""
    shell = get_completion_class("bash")
    return [
        item.value for item in shell(runstore, {}, "runstore", VARIABLE).get_completions(list(words[:-1]), words[-1])
    ]


def whole(text: str) -> str:
    return " ".join(text.split())


# --- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [50, 80, 200])
def test_no_description_of_a_command_is_cut_off(width: int) -> None:
    for group in (runstore, *(runstore.get_command(click.Context(runstore), name) for name in ("db", "prices"))):
        assert isinstance(group, click.Group)
        context = context_of(group, terminal_width=width)
        told = whole(group.get_help(context))
        assert "..." not in told.partition("Commands:")[2]
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert isinstance(command, Command | Group)
            assert f" {name} {first_sentence(command.help)}" in told


def test_the_options_of_every_command_stand_in_groups_and_an_example_at_the_end() -> None:
    for words, command in commands():
        assert isinstance(command, Command), words
        context = context_of(command, info_name=" ".join(["runstore", *words]))
        told = command.get_help(context)
        headings = [line for line in told.splitlines() if line[:1].strip() and not line.startswith("Usage:")]
        shown = [f"{group}:" for group in GROUPS]
        assert [heading for heading in headings if heading in shown] == sorted(headings[:-1], key=shown.index), words
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert f" {parameter.opts[-1]}" in told, words
        assert headings[-1] in ("Example:", "Examples:"), words
        assert told.endswith("".join(f"\n  {line}" for line in command.example.splitlines())), words


def test_the_examples_are_what_the_commands_take(monkeypatch: pytest.MonkeyPatch) -> None:
    for words, command in commands():
        assert isinstance(command, Command)
        for line in command.example.splitlines():
            given = shlex.split(line.rpartition("| ")[2])
            if given[:1] == ["eval"]:
                given = shlex.split(given[1].strip("$()"))
            assert given[: 1 + len(words)] == ["runstore", *words]
            for parameter in command.params:  # files of an example need not be there
                if isinstance(parameter.type, click.Path):
                    monkeypatch.setattr(parameter.type, "exists", False)
            command.make_context("x", given[1 + len(words) :]).close()


def test_help_names_all_statuses_groups_and_columns() -> None:
    told = {" ".join(words): whole(command.get_help(context_of(command))) for words, command in commands()}
    assert ", ".join(STATUSES) in told["list"]
    assert ", ".join(statistics.COLUMNS) in told["stats"]
    *groups, last = statistics.BY
    assert f"{', '.join(groups)} or {last}" in told["stats"]


def test_every_filter_is_an_option() -> None:
    taken = [command for words, command in commands() if words[0] in ("list", "export", "stats", "lint", "prune")]
    for name, criterion in FILTERS.items():
        option = criterion.option.partition("/")[0]
        for command in taken:
            (found,) = (parameter for parameter in command.params if parameter.name == name)
            assert (found.opts, getattr(found, "group", "")) == ([option], FILTERS_GROUP)


# --- hints -----------------------------------------------------------------------------------------------------------


def test_a_mistyped_name_is_told_with_the_nearest_one(cli: Cli) -> None:
    cli("import", "-", stdin='{"id": "a", "object": "thread.run"}')
    for given, meant in (
        (["lst"], "'list'"),
        (["db", "statsu"], "'status'"),
        (["list", "--tread", "x"], "'--thread'"),
        (["list", "--columns", "id,modle"], "'model'"),
        (["export", "--format", "csv", "--columns", "total_token"], "'total_tokens'"),
        (["stats", "--by", "modle"], "'model'"),
        (["stats", "--columns", "rnus"], "'runs'"),
        (["stats", "--sort", "totaltokens"], "'total_tokens'"),
        (["lint", "--rule", "secrt"], "'secret'"),
    ):
        result = cli(*given)
        assert (result.code, result.out) == (2, "")
        assert re.search(rf"[Dd]id you mean {meant}\?", result.err), given
    assert "did you mean" not in cli("list", "--columns", "nothing_like_it").err


def test_a_status_that_no_run_has_is_told_with_those_that_there_are(cli: Cli, url: URL, runs: RunRepository) -> None:
    runs.save_many([a_run("a", status="paused"), a_run("b", status="completed")])
    for status, warning in (
        ("paused", ""),  # of a server's own
        ("failed", ""),  # documented, and none has it
        (
            "faild",
            "runstore: no run has the status 'faild'; the documented statuses are queued, in_progress, "
            "requires_action, cancelling, cancelled, failed, completed, incomplete, expired; did you mean 'failed'?\n",
        ),
    ):
        result = cli("list", "--db", shown(url), "--status", status, "--status", "completed")
        assert (result.code, result.err) == (0, warning)
        assert len(result.out.splitlines()) == 1 + (status == "paused")
    for command in (["stats"], ["export"], ["prune", "--dry-run"], ["lint"], ["fingerprint"]):
        result = cli(*command, "--db", shown(url), "--status", "faild")
        assert result.code == 0
        assert result.err.count("did you mean 'failed'?\n") == 1
    assert cli("list", "--status", "faild").code == 3
    assert not Path("runstore.db").exists()


def test_an_empty_archive_says_what_to_do(cli: Cli, url: URL, runs: RunRepository, empty_url: URL) -> None:
    assert (
        cli("list", "--db", shown(url)).err == "the archive has no runs yet; import some with 'runstore import FILE'\n"
    )
    assert cli("list", "--db", shown(url), "--model", "m").err == ""
    runs.save(a_run("a"))
    assert cli("list", "--db", shown(url)).err == ""
    if not config.sqlite_file(empty_url):
        assert "create it with 'runstore db upgrade'" in cli("db", "current", "--db", shown(empty_url)).err


# --- completion ------------------------------------------------------------------------------------------------------


def test_a_shell_completes_commands_options_and_values_of_a_fixed_set() -> None:
    assert completed("") == list(COMMANDS)
    assert completed("ex") == ["export"]
    assert completed("db", "up") == ["upgrade"]
    assert completed("list", "--met") == ["--metadata", "--metadata-key"]
    assert completed("list", "--status", "") == list(STATUSES)
    assert completed("stats", "--status", "failed", "--status", "c") == ["cancelling", "cancelled", "completed"]
    assert completed("list", "--format", "") == ["table", "jsonl", "json", "csv", "parquet"]
    assert completed("list", "--columns", "") == RUNS.c.keys()
    assert completed("export", "--columns", "id,model,i") == ["id,model,instructions", "id,model,incomplete_reason"]
    assert completed("stats", "--columns", "runs,seconds_p") == [f"runs,seconds_p{n}" for n in (50, 95, 99)]
    assert completed("stats", "--by", "") == list(statistics.BY)
    assert completed("stats", "--sort", "run") == ["runs"]
    assert completed("lint", "--rule", "") == list(RULES)
    assert completed("import", "--on-conflict", "r") == ["replace"]
    assert completed("list", "--db", "ru") == completed("diff", "ru") == completed("copy", "a", "ru") == ["ru"]
    assert completed("completion", "") == ["bash", "zsh", "fish"]


def test_completion_prints_the_script_of_a_shell(cli: Cli) -> None:
    for shell in ("bash", "zsh", "fish"):
        result = cli("completion", shell)
        assert result.code == 0
        assert f"{VARIABLE}={shell}_complete" in result.out
        assert result.out.endswith("\n")
    result = cli("completion", "tcsh")
    assert (result.code, "'tcsh' is not one of 'bash', 'zsh', 'fish'" in result.err) == (2, True)


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
