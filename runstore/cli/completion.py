"""runstore completion, and the values of options that a shell completes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem, get_completion_class

from runstore.cli.help import Command
from runstore.cli.values import Choice

VARIABLE = "_RUNSTORE_COMPLETE"
"""The variable by which the script of a shell requests completions; click derives its name from the command."""

Completer = Callable[[click.Context, click.Parameter, str], list["CompletionItem[str]"]]


def one_of(known: Callable[[], Iterable[str]]) -> Completer:
    """Return a completer for one of these names, which are imported when a shell requests them."""

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        return [CompletionItem(name) for name in known() if name.startswith(incomplete)]

    return complete


def file_or_url(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Leave the completion of a file's path to the shell."""
    return [CompletionItem(incomplete, type="file")]


def several_of(known: Callable[[], Iterable[str]]) -> Completer:
    """Return a completer for the last of several names separated by commas, each given at most once."""

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        before, comma, last = incomplete.rpartition(",")
        given = before.split(",")
        names = (name for name in known() if name.startswith(last) and name not in given)
        return [CompletionItem(f"{before}{comma}{name}") for name in names]

    return complete


@click.command("completion", cls=Command, example='eval "$(runstore completion bash)"')
@click.argument("shell", metavar="SHELL", type=Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print a script that lets a shell complete commands, options, statuses, formats and columns.

    \b
    bash: eval "$(runstore completion bash)" in ~/.bashrc
    zsh:  eval "$(runstore completion zsh)" in ~/.zshrc, after compinit
    fish: runstore completion fish > ~/.config/fish/completions/runstore.fish
    """
    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(context.find_root().command, {}, "runstore", VARIABLE).source(), nl=False)
