"""Help, hints and completion, for users who do not know a name or have mistyped it."""

from __future__ import annotations

import shlex
from typing import Any

import click
import pytest
from click.shell_completion import get_completion_class

from runstore.cli import COMMANDS, runstore
from runstore.cli.completion import VARIABLE
from runstore.cli.help import FILTERS_GROUP, GROUPS, Command, Group, first_sentence
from runstore.query import statistics
from runstore.query.criteria import FILTERS
from runstore.schema.views import RUNS
from runstore.statuses import STATUSES
from runstore.upkeep.lint import RULES
from tests.helpers.commands import commands


def context_of(command: click.Command, **settings: Any) -> click.Context:
    """The context of a command as the command line makes it: the names of --help stay with the command once asked."""
    return click.Context(command, **runstore.context_settings, **settings)


def completed(*words: str) -> list[str]:
    """The completions of the last of these words."""
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
        options = [*filter(None, [criterion.option.partition("/")[0], criterion.short])]
        for command in taken:
            (found,) = (parameter for parameter in command.params if parameter.name == name)
            assert (found.opts, getattr(found, "group", "")) == (options, FILTERS_GROUP)


# --- completion ------------------------------------------------------------------------------------------------------


def test_a_shell_completes_commands_options_and_values_of_a_fixed_set() -> None:
    assert completed("") == list(COMMANDS)
    assert completed("ex") == ["export"]
    assert completed("db", "up") == ["upgrade"]
    assert completed("list", "--met") == ["--metadata", "--metadata-key"]
    assert completed("list", "--status", "") == list(STATUSES)
    assert completed("stats", "--status", "failed", "--status", "c") == ["cancelling", "cancelled", "completed"]
    assert completed("list", "--format", "") == ["table", "jsonl", "json", "csv", "parquet", "xlsx"]
    assert completed("list", "--columns", "") == ["all", *RUNS.c.keys()]
    assert completed("export", "--columns", "id,model,i") == ["id,model,instructions", "id,model,incomplete_reason"]
    assert completed("stats", "--columns", "runs,seconds_p") == [f"runs,seconds_p{n}" for n in (50, 95, 99)]
    assert completed("stats", "--by", "") == list(statistics.BY)
    assert completed("stats", "--sort", "run") == ["runs"]
    assert completed("lint", "--rule", "") == list(RULES)
    assert completed("import", "--on-conflict", "r") == ["replace"]
    assert completed("list", "--db", "ru") == completed("diff", "ru") == completed("copy", "a", "ru") == ["ru"]
    assert completed("completion", "") == ["bash", "zsh", "fish"]
