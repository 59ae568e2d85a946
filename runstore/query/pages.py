"""A page of runs, and the way that leads to it: the database is asked before one is chosen."""

from __future__ import annotations

from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select

from runstore import wire
from runstore.backends import Transaction
from runstore.errors import ConfigurationError, RunNotFound
from runstore.mapping import COLUMNS, StoredRun
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


class RowPage(NamedTuple):
    """Some of the rows that were asked for."""

    rows: list[tuple[Any, ...]]
    next: str | None
    """The cursor of the next page; None on the last one."""


class Request(NamedTuple):
    """Which page is asked for."""

    wanted: filters.Where
    newest_first: bool
    limit: int
    begin: queries.Place | None
    """Of a cursor: the page begins after this place."""
    after: str | None
    before: str | None


def request(
    wanted: filters.Where, newest_first: bool, limit: int, cursor: str | None, after: str | None, before: str | None
) -> Request:
    """Check what a caller asks for. Raises :class:`ConfigurationError`."""
    if type(limit) is not int or limit < 1:
        raise ConfigurationError(detail=f"limit is {limit!r}, expected an integer, at least 1")
    if cursor is not None and after is not None:
        raise ConfigurationError(detail="cursor and after both say where the page begins; give one of them")
    begin = queries.parse(cursor) if cursor is not None else None
    return Request(wanted, newest_first, limit, begin, after, before)


def find(transaction: Transaction, reader: Reader, asked: Request) -> tuple[list[tuple[StoredRun, bytes]], str | None]:
    """The runs of a page with their canonical texts, in order, and the cursor of the next page.

    Raises :class:`RunNotFound` for the id of *after* or *before*.
    """
    begin = asked.begin if asked.after is None else _place_of(transaction, asked.after)
    places = [(begin, asked.newest_first)] if begin else []
    if asked.before is not None:
        places.append((_place_of(transaction, asked.before), not asked.newest_first))
    backwards = asked.before is not None and begin is None
    newest_first = asked.newest_first is not backwards
    found = _read(
        transaction, reader, asked.wanted, places, newest_first=newest_first, limit=min(asked.limit, 2**31) + 1
    )
    has_more = len(found) > asked.limit
    found = found[: asked.limit]
    if backwards:
        found.reverse()
    if not found or (not has_more and asked.before is None):
        return found, None
    last = found[-1][0].row
    return found, queries.cursor_of(last[COLUMNS["created_at"]], last[COLUMNS["id"]])


def _place_of(transaction: Transaction, run_id: str) -> queries.Place:
    """Where a run stands in the order. Raises :class:`RunNotFound`."""
    created = transaction.execute(queries.place(run_id)).scalar() if wire.is_text(run_id) else None
    if created is None:
        raise RunNotFound(id=run_id)
    return created, run_id


def _read(
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
