"""A page of runs, and the way that leads to it: the database is asked before one is chosen."""

from __future__ import annotations

from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select

from runstore import wire
from runstore.backends import Transaction
from runstore.errors import RunNotFound
from runstore.mapping import StoredRun
from runstore.query import filters, queries
from runstore.query.filters import Way
from runstore.query.reader import Reader

Bound = Callable[[ColumnElement[int]], ColumnElement[bool]]
"""What holds for created_at."""


class Page(NamedTuple):
    """Some of the runs that were asked for."""

    runs: list[dict[str, Any]]
    next: str | None
    """The cursor of the next page; None on the last one."""


def place_of(transaction: Transaction, run_id: str) -> queries.Place:
    """Where a run stands in the order. Raises :class:`RunNotFound`."""
    created = transaction.execute(queries.place(run_id)).scalar() if wire.is_text(run_id) else None
    if created is None:
        raise RunNotFound(id=run_id)
    return created, run_id


def page(
    transaction: Transaction,
    reader: Reader,
    wanted: filters.Where,
    places: list[tuple[queries.Place, bool]],
    *,
    newest_first: bool,
    limit: int,
) -> list[tuple[StoredRun, bytes]]:
    """The first runs behind all places, in at most five statements: :mod:`runstore.query.filters` says which way."""

    def behind(created: ColumnElement[int]) -> list[ColumnElement[bool]]:
        return [queries.behind(place, created, newest_first=newest) for place, newest in places]

    def read(ways: list[Way], limit: int, *bounds: Bound) -> list[tuple[StoredRun, bytes]]:
        ways = [
            way._replace(conditions=[*way.conditions, *behind(way.created), *(bound(way.created) for bound in bounds)])
            for way in ways
        ]
        statement = queries.page(transaction.backend, ways, newest_first=newest_first, limit=limit)
        return list(reader.texts(transaction, statement))

    choice = chosen(transaction, wanted, filters.FEW, last=False)
    if not choice.walks:
        return read(choice.ways, limit)
    region = [*wanted.bounds, *behind(filters.CREATED)]
    end = transaction.execute(queries.horizon(region, filters.HORIZON, newest_first=newest_first)).scalar()
    if end is None:
        return read(choice.ways, limit)
    near, far = (ge, lt) if newest_first else (le, gt)
    found = read(choice.ways, limit, lambda created: near(created, end))
    if len(found) >= limit:
        return found
    choice = chosen(transaction, wanted, filters.MANY)
    return found + read(choice.ways, limit - len(found), lambda created: far(created, end))


def conditions(transaction: Transaction, wanted: filters.Where, most: int) -> list[ColumnElement[bool]]:
    """Of one SELECT for all runs: ways side by side would have to be sorted before the first run is given."""
    ways = chosen(transaction, wanted, most).ways
    return ways[0].conditions if len(ways) == 1 else wanted.tests()


def chosen(transaction: Transaction, wanted: filters.Where, most: int, *, last: bool = True) -> filters.Chosen:
    """The way that :func:`filters.choose` takes once the database has counted *most* index entries at most."""
    asked = filters.questions(wanted, most)
    answers = transaction.execute(select(*asked)).one() if asked else ()
    return filters.choose(transaction.backend, wanted, answers, most, last=last)
