"""The page of an assistant's prompts: their versions, and what each changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from runstore.errors import RunNotFound
from runstore.query.prompts import Version
from runstore.web import parameters
from runstore.web.asking import Archive
from runstore.web.pages import links
from runstore.web.pages.rendering import Site, page
from runstore.web.parameters import Parameter, within
from runstore.web.refusals import Refusal, shown

AT_ONCE = 20
"""Versions of a page."""

MOST_ALIKE = 10
"""Prompts of a version whose texts are shown."""

MOST_WORDS = 3000
"""Words up to which two prompts are compared word by word, else line by line."""

AROUND = 12
"""Words that are shown before and after a change."""

_WORDS = re.compile(r"\s*\S+|\s+$")
_LINES = re.compile(r"[^\n]*\n|[^\n]+$")

KNOWN = {"page": Parameter({"type": "integer"}, "The page.", within(1, 1000))}


class Piece(NamedTuple):
    """A part of a comparison: same, added, removed, or left out."""

    kind: str
    text: str


class Shown(NamedTuple):
    """A version as the page shows it."""

    number: int
    version: Version
    changes: list[Piece] | None
    """What differs from the version before; None for the first."""
    runs: str
    """The query of its runs."""


async def answer(archive: Archive, site: Site, request: Request) -> Response:
    """Return the page. Raises :class:`Refusal` for an assistant of which no run is stored."""
    assistant = request.path_params["assistant"]
    values = parameters.read(request.scope["query_string"], KNOWN)
    try:
        found = await archive.ask(lambda runs: runs.prompts(assistant))
    except RunNotFound:
        message = f"No assistant found with id {shown(assistant)}: the archive has no run of it."
        raise Refusal(404, message, "assistant_not_found") from None
    number = values.get("page", 1)
    start = (number - 1) * AT_ONCE
    versions = found.versions
    listed = [
        Shown(
            len(versions) - place,
            versions[place],
            None if site.hide_text or place + 1 == len(versions) else changes(versions[place + 1], versions[place]),
            links.query_of([("assistant_id", assistant), *_times(versions[place])]),
        )
        for place in range(start, min(start + AT_ONCE, len(versions)))
    ]
    return page(
        site,
        request.scope,
        "prompts.html",
        assistant=assistant,
        found=found,
        listed=listed,
        most_alike=MOST_ALIKE,
        next=links.query_of([("page", str(number + 1))]) if start + AT_ONCE < len(versions) else None,
        first=links.query_of([]) if number > 1 else None,
        of_assistant=links.query_of([("assistant_id", assistant)]),
    )


def _times(version: Version) -> Iterator[tuple[str, str]]:
    if version.first is not None and version.last is not None:
        yield "created_from", str(version.first)
        yield "created_before", str(version.last + 1)


def changes(before: Version, after: Version) -> list[Piece]:
    """Return how a version differs from the one before, with some words around each change."""
    old, new = before.text or "", after.text or ""
    cut = _WORDS if len(old) + len(new) < MOST_WORDS * 10 else _LINES
    first, second = cut.findall(old), cut.findall(new)
    if len(first) + len(second) > MOST_WORDS:
        first, second = _LINES.findall(old), _LINES.findall(new)
    found = []
    for kind, start, end, new_start, new_end in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if kind == "equal":
            found += _around(first[start:end], is_first=start == 0, is_last=end == len(first))
            continue
        if removed := "".join(first[start:end]):
            found.append(Piece("removed", removed))
        if added := "".join(second[new_start:new_end]):
            found.append(Piece("added", added))
    return found


def _around(words: list[str], *, is_first: bool, is_last: bool) -> list[Piece]:
    """Return what did not change, without its middle, or without its end that is far from a change."""
    head = [] if is_first else words[:AROUND]
    tail = [] if is_last else words[len(words) - AROUND :]
    if len(head) + len(tail) >= len(words):
        return [Piece("same", "".join(words))]
    pieces = [Piece("same", "".join(head)), Piece("left", " … "), Piece("same", "".join(tail))]
    return [piece for piece in pieces if piece.text]
