"""The page of an assistant's prompts: their versions, and what each changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from runstore.errors import RunNotFound
from runstore.query.edits import Piece, changes
from runstore.query.prompts import Version
from runstore.web import parameters
from runstore.web.asking import Archive
from runstore.web.pages import links
from runstore.web.pages.rendering import Site, page
from runstore.web.parameters import Parameter, within
from runstore.web.refusals import Refusal, shown

MOST_RUNS = 5_000
"""Runs that are counted: in a large archive they are far apart, and PostgreSQL reads a page for each."""

AT_ONCE = 20
"""Versions of a page."""

MOST_ALIKE = 10
"""Prompts of a version whose texts are shown."""

KNOWN = {"page": Parameter({"type": "integer"}, "The page.", within(1, 1000))}


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
        found = await archive.ask(lambda runs: runs.prompts(assistant, limit=MOST_RUNS))
    except RunNotFound:
        message = f"No assistant found with id {shown(assistant)}: the archive has no run of this assistant."
        raise Refusal(404, message, "assistant_not_found") from None
    number = values.get("page", 1)
    start = (number - 1) * AT_ONCE
    versions = found.versions
    listed = [
        Shown(
            len(versions) - place,
            versions[place],
            None
            if site.hide_text or place + 1 == len(versions)
            else changes(versions[place + 1].text or "", versions[place].text or ""),
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
