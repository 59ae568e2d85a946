"""Help texts: options in groups, examples, and descriptions of commands that are not truncated."""

from __future__ import annotations

import inspect
import re
from typing import Any

import click

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

    def get_short_help_str(self, limit: int = 0) -> str:
        """Return the first sentence."""
        return first_sentence(self.help)


def first_sentence(text: str | None) -> str:
    """Return the first sentence of a command's help, without its full stop."""
    paragraph = " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())
    return re.split(r"(?<=[^.])\.(?:\s|$)", paragraph, maxsplit=1)[0]
