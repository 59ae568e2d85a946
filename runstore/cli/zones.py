"""The option --tz, and the time zone in which a command reads dates and prints times."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from runstore import zones
from runstore.cli.completion import one_of
from runstore.cli.help import Option
from runstore.errors import InvalidArgument

ZONE = "runstore.zone"
"""Key in the context of a command for its time zone."""

VARIABLE = "RUNSTORE_TZ"

C = TypeVar("C", bound=Callable[..., Any])


def _names() -> Iterable[str]:
    from zoneinfo import available_timezones

    return [zones.LOCAL, *sorted(available_timezones())]


def _remember(context: click.Context, _: click.Parameter, name: str | None) -> None:
    try:
        context.meta[ZONE] = zones.named(name)
    except InvalidArgument as error:
        source = context.get_parameter_source("tz")
        raise error.with_fields(argument=VARIABLE if source is ParameterSource.ENVIRONMENT else "--tz") from None


def tz_option(of: str) -> Callable[[C], C]:
    """Return a decorator that adds --tz to a command; *of* is what the zone applies to."""
    return click.option(
        "--tz",
        cls=Option,
        metavar="ZONE",
        envvar=VARIABLE,
        show_envvar=True,
        expose_value=False,
        callback=_remember,
        shell_complete=one_of(_names),
        help=f"The time zone of {of}: a name such as Europe/Berlin, or local for that of this machine. [default: UTC]",
    )


def chosen() -> tzinfo:
    """Return the time zone of the command, which is UTC for a command without the option."""
    zone: tzinfo = click.get_current_context().meta.get(ZONE, UTC)
    return zone
