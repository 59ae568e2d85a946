"""The options that say which runs: one set for all commands that take a filter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

import click

from runstore.cli.output import T

_SEVERAL = (
    ("--thread", "thread_id", "ID", "Runs of this thread (may be repeated, as the next two)."),
    ("--assistant", "assistant_id", "ID", "Runs of this assistant."),
    ("--status", "status", "STATUS", "Runs of this status."),
)
_TIMES = (
    ("--created-from", "created_from", "Runs created then or later: ISO 8601, or an age as 12h, 90d."),
    ("--created-before", "created_before", "Runs created earlier."),
)
_AGES = {"h": 3600, "d": 86_400, "w": 7 * 86_400}


def _moment(_: click.Context, parameter: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        if text[-1:] in _AGES and text[:-1].isdigit():
            return datetime.now(UTC) - timedelta(seconds=int(text[:-1]) * _AGES[text[-1]])
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        reason = f"{text!r} is no time; expected 2024-05-31, 2024-05-31T12:00:00Z or an age as 90d"
        raise click.BadParameter(reason, param=parameter) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def filter_options(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command these options; it gets them as *where*, for the methods of RunRepository that take a filter."""

    @wraps(command)
    def with_where(**arguments: Any) -> T:
        given = {name: arguments.pop(name) for _, name, *_ in (*_SEVERAL, *_TIMES)}
        return command(where={name: value for name, value in given.items() if value}, **arguments)

    for flag, name, text in reversed(_TIMES):
        with_where = click.option(flag, name, metavar="TIME", callback=_moment, help=text)(with_where)
    for flag, name, metavar, text in reversed(_SEVERAL):
        with_where = click.option(flag, name, metavar=metavar, multiple=True, help=text)(with_where)
    return with_where
