"""How often each value of a filter occurs among runs, to narrow a selection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select

from runstore.backends import Transaction
from runstore.errors import InvalidArgument
from runstore.mapping import BELONGS, RUN
from runstore.query import filters, pages, queries

LIMIT = 5000
"""Maximum number of runs that are counted: reading them takes some 20 ms in an archive of any size."""

_LAST_ERROR = BELONGS["last_error"]

FACETS: dict[str, ColumnElement[Any]] = {
    "status": RUN.c.status,
    "model": RUN.c.model,
    "assistant_id": RUN.c.assistant_id,
    "source": RUN.c.source,
    "error_code": select(_LAST_ERROR.c.code)
    .where(_LAST_ERROR.c.run_object == RUN.c.number)
    .correlate(RUN)
    .scalar_subquery()
    .label("error_code"),
}
"""The filters whose values are counted, with the column of each."""


class Question(NamedTuple):
    """The request for facets."""

    names: tuple[str, ...]
    limit: int


class Facets(NamedTuple):
    """How often the values of some filters occur."""

    runs: int
    """The number of runs that were counted."""
    complete: bool
    """Whether these are all runs that meet the conditions, and not only the newest."""
    values: dict[str, list[tuple[str | None, int]]]
    """For each filter its values, the most frequent first, each with its number of runs; None for runs without one."""


def question(names: str | Iterable[str] | None, limit: int) -> Question:
    """Return the arguments of :meth:`RunRepository.facets`, checked. Raise :class:`ConfigurationError`."""
    if type(limit) is not int or limit < 1:
        raise InvalidArgument(argument="limit", reason=f"is {limit!r}, expected an integer of at least 1")
    return Question(tuple(FACETS) if names is None else queries.known_names("names", names, FACETS), limit)


def answer(transaction: Transaction, asked: Question, where: filters.Where) -> Facets:
    """Return the facets of the newest runs that meet these conditions."""
    found = pages.newest(transaction, where, [FACETS[name] for name in asked.names], asked.limit + 1)
    counted = found[: asked.limit]
    columns = zip(*counted, strict=True) if counted else [()] * len(asked.names)
    values = {name: _by_frequency(column) for name, column in zip(asked.names, columns, strict=True)}
    return Facets(len(counted), len(found) <= asked.limit, values)


def _by_frequency(values: Iterable[str | None]) -> list[tuple[str | None, int]]:
    return sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0] is None, pair[0] or ""))
