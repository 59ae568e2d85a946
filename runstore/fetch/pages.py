"""Answers of a server, taken apart without changing a byte of the runs, and pages in their order.

A page is asked for with the id of a run after which it begins. Servers exist whose pages leave out the other runs of
that run's second. Therefore each page begins after the last run *of an earlier second*, and so repeats the runs of the
last second of the page before. No run is lost on such servers, and a page that does not repeat them is recognized as
incomplete. Only if all runs of a page share one second, the next page has to begin after its last run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from runstore.errors import FetchFailed
from runstore.wire.finder import UNREADABLE

LIMIT = 100
"""Runs of a page, the most that the API allows."""

MOST_PAGES = 10_000
"""Maximum number of pages of one listing in one fetch: a server may never come to an end."""

SHOWN = 200
"""Maximum number of characters of an answer that a message repeats."""

_members = msgspec.json.Decoder(dict[str, Raw]).decode
_elements = msgspec.json.Decoder(list[Raw]).decode


class Item(NamedTuple):
    """A run, or a thread, as the server sent it."""

    id: str
    created_at: float | None
    status: str | None
    raw: bytes


class Page(NamedTuple):
    """A page of a list."""

    items: list[Item]
    has_more: bool


class Step(NamedTuple):
    """What a page adds."""

    new: list[Item]
    """The items that the page before did not have."""
    cursor: str | None
    """Everything up to this item is in this page or one before; None if the pages have no order."""
    has_more: bool
    is_ordered: bool
    """Whether the pages so far are in the order that was asked for."""


class _Signs(msgspec.Struct):
    """The members that a fetch looks at."""

    id: str
    created_at: Any = None
    status: Any = None


_signs = msgspec.json.Decoder(_Signs).decode


def shown(text: bytes | str) -> str:
    """Return the beginning of an answer for a message: in one line, without control characters."""
    begin = text[: 4 * SHOWN].decode(errors="replace") if isinstance(text, bytes) else text
    line = " ".join(begin.split())
    line = "".join(c if c.isprintable() else "\ufffd" for c in line)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."


def item(raw: bytes, what: str) -> Item:
    """Return one object. Raises :class:`FetchFailed` if it has no id."""
    try:
        signs = _signs(raw)
    except UNREADABLE:
        raise FetchFailed(what=what, reason=f"the answer has no object with an id: {shown(raw)}") from None
    time = signs.created_at if isinstance(signs.created_at, int | float) else None
    return Item(signs.id, time, signs.status if isinstance(signs.status, str) else None, raw)


def page(raw: bytes, what: str) -> Page:
    """Return a page. Raises :class:`FetchFailed` for any other answer."""
    try:
        members = _members(raw)
        objects = _elements(members["data"])
    except KeyError:
        raise FetchFailed(what=what, reason=f'the answer is no page: it has no "data": {shown(raw)}') from None
    except UNREADABLE as error:
        raise FetchFailed(what=what, reason=f"the answer is not JSON, or no page ({error}): {shown(raw)}") from None
    items = [item(bytes(each), what) for each in objects]
    # Some servers leave has_more out.
    has_more = bytes(members["has_more"]) == b"true" if "has_more" in members else len(items) >= LIMIT
    return Page(items, has_more)


def in_turn(ask: Callable[[str | None], Page], after: str | None, *, ascending: bool, what: str) -> Iterator[Step]:
    """Yield what each page adds, from the one after this item to the last one.

    Raises :class:`FetchFailed` if the server leads in a circle, or if its pages lose runs.
    """
    asked: set[str | None] = set()
    before: list[Item] = []
    cursor = after
    is_ordered = repeats = True
    for _ in range(MOST_PAGES):
        asked.add(after)
        found = ask(after)
        seen, ids = {one.id for one in before}, {one.id for one in found.items}
        new = [one for one in found.items if one.id not in seen]
        is_ordered = is_ordered and _are_ordered([*before[-1:], *new], ascending=ascending)
        if is_ordered and repeats and before and before[-1].id not in ids:
            lost = f"the page after {_named(after)} lacks {_named(before[-1].id)}, which the page before it had"
            raise FetchFailed(what=what, reason=f"{lost}: this server's pages lose runs")
        has_more = found.has_more and bool(found.items)  # SDKs take an empty page for the end too
        if has_more and not new:
            # Some servers state by mistake that more follows; after the last item they have none.
            if before and repeats and before[-1].id not in asked:
                after, repeats = before[-1].id, False
                continue
            nothing = f"the page after {_named(after)} has nothing new, and is not the last"
            raise FetchFailed(what=what, reason=f"{nothing}: the server leads in a circle")
        overlap = _before_the_last_second(found.items) if is_ordered else None
        last = found.items[-1].id if found.items else after
        if not is_ordered:
            cursor = None
        elif overlap or has_more:
            cursor = overlap or last
        yield Step(new, cursor, has_more, is_ordered)
        if not has_more:
            return
        before, after, repeats = found.items, overlap or last, overlap is not None
        if after in asked:
            raise FetchFailed(what=what, reason=f"the server leads in a circle: {_named(after)} comes again")
    raise FetchFailed(what=what, reason=f"there are more than {MOST_PAGES:,} pages; fetch again to continue")


def _before_the_last_second(items: list[Item]) -> str | None:
    """Return the last item with another time than the last one."""
    if not items or items[-1].created_at is None:
        return None
    return next((one.id for one in reversed(items) if one.created_at not in (None, items[-1].created_at)), None)


def _are_ordered(items: list[Item], *, ascending: bool) -> bool:
    times = [one.created_at for one in items if one.created_at is not None]
    return times == sorted(times, reverse=not ascending)


def _named(id: str | None) -> str:  # noqa: A002
    return "the beginning" if id is None else shown(id)
