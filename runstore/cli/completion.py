"""runstore completion, and the values that a shell completes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem, get_completion_class

from runstore.cli.help import Command

VARIABLE = "_RUNSTORE_COMPLETE"
"""By which the script of a shell asks for completions: click looks for it by the name of the command."""

Completer = Callable[[click.Context, click.Parameter, str], list["CompletionItem[str]"]]


def one_of(known: Callable[[], Iterable[str]]) -> Completer:
    """Completes one of these names, which are imported when a shell asks."""

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        return [CompletionItem(name) for name in known() if name.startswith(incomplete)]

    return complete


def file_or_url(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Leaves it to the shell to complete the path of a file."""
    return [CompletionItem(incomplete, type="file")]


def several_of(known: Callable[[], Iterable[str]]) -> Completer:
    """Completes the last of names with commas between, each of which stands there once."""

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        before, comma, last = incomplete.rpartition(",")
        there = before.split(",")
        names = (name for name in known() if name.startswith(last) and name not in there)
        return [CompletionItem(f"{before}{comma}{name}") for name in names]

    return complete


@click.command("completion", cls=Command, example='eval "$(runstore completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print the script by which a shell completes commands, options, statuses, formats and columns.

    \b
    bash: eval "$(runstore completion bash)" in ~/.bashrc
    zsh:  eval "$(runstore completion zsh)" in ~/.zshrc, after compinit
    fish: runstore completion fish > ~/.config/fish/completions/runstore.fish
    """
    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(context.find_root().command, {}, "runstore", VARIABLE).source(), nl=False)
