"""The options that select runs, made from the table of filters and shared by all commands that select runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.completion import one_of
from runstore.cli.help import FILTERS_GROUP, Option
from runstore.cli.output import T, note
from runstore.cli.values import Integer, Pair
from runstore.cli.zones import chosen
from runstore.errors import RunStoreError
from runstore.query.criteria import FILTERS, Criterion, Kind
from runstore.statuses import STATUSES
from runstore.suggestions import did_you_mean

if TYPE_CHECKING:
    from runstore.repository import RunRepository


def _pairs(_: click.Context, parameter: click.Parameter, values: tuple[tuple[str, str], ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in values:
        if found.setdefault(key, value) != value:
            raise click.BadParameter(f"{key!r} is given two values, but no run has both", param=parameter)
    return found


_OF_KIND: dict[Kind, dict[str, Any]] = {
    Kind.ONE_OF: {"multiple": True},
    Kind.ALL_OF: {"multiple": True},
    Kind.PAIRS: {"type": Pair("KEY=VALUE"), "multiple": True, "callback": _pairs},
    Kind.TIME: {},
    Kind.NUMBER: {"type": Integer()},
    Kind.YES_OR_NO: {"default": None},
}
"""The arguments of click.option for each kind of filter."""

_OF_NAME: dict[str, dict[str, Any]] = {"status": {"shell_complete": one_of(lambda: STATUSES)}}


def _option(name: str, criterion: Criterion) -> Callable[[Any], Any]:
    settings = {**_OF_KIND[criterion.kind], **_OF_NAME.get(name, {})}
    return click.option(
        criterion.option,
        *filter(None, [criterion.short]),
        name,
        cls=Option,
        group=FILTERS_GROUP,
        metavar=criterion.metavar or None,
        help=criterion.help,
        **settings,
    )


def filter_options(command: Callable[..., T]) -> Callable[..., T]:
    """Add these options to a command, which receives them as *where* for the methods of RunRepository."""

    @wraps(command)
    def with_where(**arguments: Any) -> T:
        given = {name: arguments.pop(name) for name in FILTERS}
        where = {name: value for name, value in given.items() if value not in (None, (), {})}
        return command(where=where, **arguments)

    for name, criterion in reversed(FILTERS.items()):
        with_where = _option(name, criterion)(with_where)
    return with_where


@contextmanager
def opened(db: str | None, where: Mapping[str, Any], **options: Any) -> Iterator[RunRepository]:
    """Open the archive from which a filter selects runs, with the zone of --tz, and warn about statuses of no run.

    A server may have statuses of its own, so they are not errors. *options* are those of :meth:`RunRepository.open`.
    """
    from runstore.repository import RunRepository

    with RunRepository.open(db, tz=chosen(), **options) as archive:
        if doubtful := [status for status in where.get("status", ()) if status not in STATUSES]:
            _warn(archive, doubtful)
        yield archive


def _warn(archive: RunRepository, statuses: list[str]) -> None:
    with suppress(RunStoreError):  # if the archive cannot be read, the command itself reports that, or waits
        for status in statuses:
            if not archive.count(status=status):
                documented = f"no run has the status {status!r}; the documented statuses are {', '.join(STATUSES)}"
                note(f"runstore: {documented}{did_you_mean(status, STATUSES)}")
