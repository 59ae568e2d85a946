"""Pages of runs, and the choice of the way to find them, for which the database counts first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import ge, gt, le, lt
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, select

from runstore import wire
from runstore.backends import Transaction
from runstore.errors import InvalidArgument, RunNotFound
from runstore.mapping import COLUMNS, RUN, StoredRun
from runstore.query import filters, queries
from runstore.query.filters import Way
from runstore.query.reader import Reader

Bound = Callable[[ColumnElement[int]], ColumnElement[bool]]
"""A function that returns a condition on created_at."""

Key = tuple[int | None, str]
"""created_at and id of a run, of which a cursor consists."""

T = TypeVar("T")


class Page(NamedTuple):
    """A page of runs."""

    runs: list[dict[str, Any]]
    next: str | None
    """The cursor of the next page; None on the last one."""


class RowPage(NamedTuple):
    """A page of rows."""

    rows: list[Any]
    """Named tuples."""
    next: str | None
    """The cursor of the next page; None on the last one."""


class RunText(NamedTuple):
    """A run as its canonical text, with the values that a program needs without parsing it."""

    id: str
    thread_id: str | None
    digest: bytes
    """Two runs with the same digest have the same text."""
    text: bytes


class TextPage(NamedTuple):
    """Some of the runs that were asked for, as canonical texts."""

    runs: list[RunText]
    next: str | None
    """The cursor of the next page; None on the last one."""
    has_more: bool
    """Whether there are more runs in the direction of the request: with *before* alone, before these."""


class Request(NamedTuple):
    """The request for a page."""

    wanted: filters.Where
    newest_first: bool
    limit: int
    begin: queries.Place | None
    """The place of a cursor, after which the page begins."""
    after: str | None
    before: str | None


def request(
    wanted: filters.Where, newest_first: bool, limit: int, cursor: str | None, after: str | None, before: str | None
) -> Request:
    """Return the arguments of a caller, checked. Raise :class:`InvalidArgument`."""
    if type(limit) is not int or limit < 1:
        raise InvalidArgument(argument="limit", reason=f"is {limit!r}, expected an integer of at least 1")
    if cursor is not None and after is not None:
        reason = "is given together with a cursor, and both set the beginning of the page; give only one of them"
        raise InvalidArgument(argument="after", reason=reason)
    begin = queries.parse(cursor) if cursor is not None else None
    return Request(wanted, newest_first, limit, begin, after, before)


class Found(NamedTuple):
    """A page of stored runs."""

    runs: list[tuple[StoredRun, bytes]]
    """With their canonical texts, in order."""
    next: str | None
    has_more: bool

    def as_texts(self) -> TextPage:
        """Return the page with its runs as texts."""
        return TextPage([run_text(run, text) for run, text in self.runs], self.next, self.has_more)


def run_text(run: StoredRun, text: bytes) -> RunText:
    """Return a stored run as its text."""
    return RunText(run.row[COLUMNS["id"]], run.row[COLUMNS["thread_id"]], bytes(run.row[COLUMNS["digest"]]), text)


def find(transaction: Transaction, reader: Reader, asked: Request) -> Found:
    """Return the runs of a page with their canonical texts, in order, and the cursor of the next page.

    Raise :class:`RunNotFound` if the run of *after* or *before* does not exist.
    """

    def read(page: Select[Any]) -> list[tuple[StoredRun, bytes]]:
        return list(reader.texts(transaction, page))

    def key(run: tuple[StoredRun, bytes]) -> Key:
        row = run[0].row
        return row[COLUMNS["created_at"]], row[COLUMNS["id"]]

    return Found(*_page(transaction, asked, _Columns(queries.runs(transaction.backend), read, key)))


def find_ids(transaction: Transaction, asked: Request) -> tuple[list[str], str | None]:
    """Return the ids of the runs of the page that :func:`find` returns, and the cursor of the next page.

    No other column of the runs is read than those of the conditions and of the order, so that a role can use this that
    may read only some of the columns.
    """

    def read(page: Select[Any]) -> list[Key]:
        return [(created, run_id) for created, run_id in transaction.execute(page)]

    found, following, _ = _page(transaction, asked, _Columns(queries.keys(), read, lambda key: key))
    return [run_id for _, run_id in found], following


def newest(
    transaction: Transaction, wanted: filters.Where, columns: Sequence[ColumnElement[Any]], limit: int
) -> list[tuple[Any, ...]]:
    """Return these columns of the newest runs that meet the conditions."""

    def read(page: Select[Any]) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in transaction.execute(page)]

    # Only a page has a cursor, for which a run needs a key.
    read_columns = _Columns(select(*columns).select_from(RUN), read, lambda _: (None, ""))
    return _read(transaction, read_columns, wanted, [], newest_first=True, limit=limit)


class _Columns(NamedTuple, Generic[T]):
    """What is read of each run of a page."""

    statement: Select[Any]
    read: Callable[[Select[Any]], list[T]]
    """Execute the statement for some runs."""
    key: Callable[[T], Key]
    """Return created_at and id of a run that was read."""


def _page(transaction: Transaction, asked: Request, columns: _Columns[T]) -> tuple[list[T], str | None, bool]:
    """Return the runs of a page in order, the cursor of the next page, and whether there are more runs."""
    begin = asked.begin if asked.after is None else _place_of(transaction, asked.after)
    places = [(begin, asked.newest_first)] if begin else []
    if asked.before is not None:
        places.append((_place_of(transaction, asked.before), not asked.newest_first))
    backwards = asked.before is not None and begin is None
    newest_first = asked.newest_first is not backwards
    found = _read(
        transaction, columns, asked.wanted, places, newest_first=newest_first, limit=min(asked.limit, 2**31) + 1
    )
    has_more = len(found) > asked.limit
    found = found[: asked.limit]
    if backwards:
        found.reverse()
    if not found or (not has_more and asked.before is None):
        return found, None, has_more
    return found, queries.cursor_of(*columns.key(found[-1])), has_more


def _place_of(transaction: Transaction, run_id: str) -> queries.Place:
    """Return the place of a run in the order. Raise :class:`RunNotFound`."""
    created = transaction.execute(queries.place(run_id)).scalar() if wire.is_text(run_id) else None
    if created is None:
        raise RunNotFound(id=run_id)
    return created, run_id


def _read(
    transaction: Transaction,
    columns: _Columns[T],
    wanted: filters.Where,
    places: list[tuple[queries.Place, bool]],
    *,
    newest_first: bool,
    limit: int,
) -> list[T]:
    """Return the first runs after all places, in at most five statements; see :mod:`runstore.query.filters`."""

    def after(created: ColumnElement[int]) -> list[ColumnElement[bool]]:
        return [queries.after(place, created, newest_first=newest) for place, newest in places]

    def read(ways: list[Way], limit: int, *bounds: Bound) -> list[T]:
        ways = [
            way._replace(conditions=[*way.conditions, *after(way.created), *(bound(way.created) for bound in bounds)])
            for way in ways
        ]
        return columns.read(queries.page(columns.statement, ways, newest_first=newest_first, limit=limit))

    choice = chosen(transaction, wanted, filters.FEW, last=False)
    if not choice.walks:
        return read(choice.ways, limit)
    region = [*wanted.bounds, *after(filters.CREATED)]
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
    """Return the conditions of one SELECT for all runs; several ways would have to be sorted before the first run."""
    ways = chosen(transaction, wanted, most).ways
    return ways[0].conditions if len(ways) == 1 else wanted.tests()


def chosen(transaction: Transaction, wanted: filters.Where, most: int, *, last: bool = True) -> filters.Chosen:
    """Return the choice of :func:`filters.choose`, after the database has counted up to *most* index entries."""
    asked = filters.questions(wanted, most)
    answers = transaction.execute(select(*asked)).one() if asked else ()
    return filters.choose(transaction.backend, wanted, answers, most, last=last)
