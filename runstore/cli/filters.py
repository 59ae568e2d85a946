"""The options that say which runs: one set for all commands that take a filter."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from runstore.cli.output import T

_SEVERAL = (
    ("--id", "id", "ID", "Runs of this id (may be repeated, as all that name a value)."),
    ("--thread", "thread_id", "ID", "Runs of this thread."),
    ("--assistant", "assistant_id", "ID", "Runs of this assistant."),
    ("--model", "model", "MODEL", "Runs of this model."),
    ("--status", "status", "STATUS", "Runs of this status."),
    ("--metadata-key", "metadata_key", "KEY", "Runs with this key in metadata; repeated: with all of them."),
    ("--tool-type", "tool_type", "TYPE", "Runs that were given a tool of this type."),
    ("--function", "function_name", "NAME", "Runs that were given a function of this name."),
    ("--file", "file_id", "ID", "Runs that were given this file."),
    ("--error-code", "error_code", "CODE", "Runs with this code in last_error."),
    ("--incomplete-reason", "incomplete_reason", "REASON", "Runs with this reason in incomplete_details."),
)
_TIMES = (
    (
        "--created-from",
        "created_from",
        "Runs created then or later: ISO 8601, Unix seconds, or an age as 12h, 7d.",
    ),
    ("--created-before", "created_before", "Runs created earlier."),
    ("--started-from", "started_from", "Runs started then or later."),
    ("--started-before", "started_before", "Runs started earlier."),
    ("--finished-from", "finished_from", "Runs that ended then or later."),
    ("--finished-before", "finished_before", "Runs that ended earlier."),
)
_NUMBERS = (
    ("--tokens-min", "total_tokens_min", "Runs with so many total tokens or more."),
    ("--tokens-max", "total_tokens_max", "Runs with so many total tokens or fewer."),
    ("--seconds-min", "total_seconds_min", "Runs that took so many seconds or more, from creation to end."),
    ("--seconds-max", "total_seconds_max", "Runs that took so many seconds or fewer."),
)


def _pairs(_: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in values:
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r} is no pair; expected KEY=VALUE", param=parameter)
        if found.setdefault(key, value) != value:
            raise click.BadParameter(f"{key!r} has two values; no run has both", param=parameter)
    return found


_OPTIONS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    *(
        (name, click.option(flag, name, metavar=metavar, multiple=True, help=text))
        for flag, name, metavar, text in _SEVERAL
    ),
    (
        "metadata",
        click.option(
            "--metadata",
            "metadata",
            metavar="KEY=VALUE",
            multiple=True,
            callback=_pairs,
            help="Runs with this pair in metadata; repeated: with all of them.",
        ),
    ),
    *((name, click.option(flag, name, metavar="TIME", help=text)) for flag, name, text in _TIMES),
    *((name, click.option(flag, name, metavar="N", type=int, help=text)) for flag, name, text in _NUMBERS),
    (
        "requires_action",
        click.option(
            "--requires-action/--no-requires-action",
            "requires_action",
            default=None,
            help="Runs with a required_action, or without one.",
        ),
    ),
)


def filter_options(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command these options; it gets them as *where*, for the methods of RunRepository that take a filter."""

    @wraps(command)
    def with_where(**arguments: Any) -> T:
        given = {name: arguments.pop(name) for name, _ in _OPTIONS}
        where = {name: value for name, value in given.items() if value not in (None, (), {})}
        return command(where=where, **arguments)

    for _, option in reversed(_OPTIONS):
        with_where = option(with_where)
    return with_where
