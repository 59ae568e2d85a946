"""Help texts: options in groups, examples, and descriptions of commands that are not truncated."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import click

from runstore.errors import InvalidArgument
from runstore.suggestions import closest

OPTIONS_GROUP = "Options"
OUTPUT_GROUP = "Output"
FILTERS_GROUP = "Filters (a run must meet all of them)"
DATABASE_GROUP = "Database"
GROUPS = (OPTIONS_GROUP, OUTPUT_GROUP, FILTERS_GROUP, DATABASE_GROUP)
"""The groups in the order in which the help lists them."""


class Option(click.Option):
    """An option in a group of the help."""

    def __init__(self, *args: Any, group: str = OPTIONS_GROUP, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group


class Command(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse the options; the error for an unknown one suggests the closest name."""
        try:
            return super().parse_args(context, args)
        except click.NoSuchOption as error:
            raise _no_such_option(error, self.get_params(context)) from None

    def invoke(self, context: click.Context) -> Any:
        """Run the command; the error for an argument of a function contains the name of the option instead."""
        try:
            return super().invoke(context)
        except InvalidArgument as error:
            names = {parameter.name: parameter.opts[0] for parameter in self.get_params(context)}
            raise error.with_fields(argument=names.get(error.argument, error.argument)) from error

    def get_short_help_str(self, limit: int = 0) -> str:
        """Return the first sentence in full: the list of commands wraps it."""
        return first_sentence(self.help)

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        records: dict[str, list[tuple[str, str]]] = {group: [] for group in GROUPS}
        for parameter in self.get_params(context):
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context)) is not None:
                records[getattr(parameter, "group", OPTIONS_GROUP)].append(record)
        for group, found in records.items():
            if found:
                with formatter.section(group):
                    formatter.write_dl(found)

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples unwrapped: somebody who copies a line needs all of it."""
        lines = self.example.splitlines()
        with formatter.section("Example" if len(lines) == 1 else "Examples"):
            for line in lines:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class Group(click.Group):
    """A group of commands whose help ends with examples."""

    command_class = Command

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command."""
        try:
            return super().parse_args(context, args)
        except click.NoSuchOption as error:
            hint = " Put the options of a command after its name."
            raise _no_such_option(error, self.get_params(context), hint) from None

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; the error for an unknown one suggests the closest name."""
        try:
            return super().resolve_command(context, args)
        except click.NoSuchCommand as error:
            name = error.command_name
            message = f"No such command {name!r}.{_suggestion(name, self.list_commands(context))}"
            raise click.NoSuchCommand(name, message, ctx=context) from None

    def get_short_help_str(self, limit: int = 0) -> str:
        """Return the first sentence."""
        return first_sentence(self.help)


def _no_such_option(
    error: click.NoSuchOption, parameters: Iterable[click.Parameter], hint: str = ""
) -> click.NoSuchOption:
    """Return the error for an unknown option with *hint* and the closest name; click suggests distant names too."""
    known = [name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)]
    name = error.option_name
    suggestion = _suggestion(name, [option for option in known if option.startswith("--")])
    return click.NoSuchOption(name, f"No such option {name!r}.{hint}{suggestion}", ctx=error.ctx)


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = closest(name, known)
    return f" Did you mean {near!r}?" if near else ""


def first_sentence(text: str | None) -> str:
    """Return the first sentence of a command's help, without its full stop."""
    paragraph = " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())
    return re.split(r"(?<=[^.])\.(?:\s|$)", paragraph, maxsplit=1)[0]
