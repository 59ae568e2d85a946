"""The page of a query in SQL."""

from __future__ import annotations

import shlex
from itertools import islice
from typing import Any, NamedTuple

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from runstore.errors import DatabaseFailure, DatabaseUnreachable, InvalidArgument, QueryRefused, RunStoreError
from runstore.formats import Column
from runstore.repository import RunRepository
from runstore.schema.views import VIEWS
from runstore.web import parameters
from runstore.web.asking import Archive
from runstore.web.pages import download
from runstore.web.pages.rendering import Site, page
from runstore.web.parameters import Parameter
from runstore.web.refusals import Refusal

MOST_ROWS = 200
"""Rows of the page."""

KNOWN = {"query": Parameter({"type": "string"}, "One query.", lambda _, text: text)}

EXAMPLES = (
    ("Runs by model", "SELECT model, count(*) AS runs\nFROM runs\nGROUP BY model\nORDER BY runs DESC"),
    (
        "Errors of each day",
        "SELECT created_day, error_code, count(*) AS runs\nFROM runs\nWHERE error_code IS NOT NULL\n"
        "GROUP BY created_day, error_code\nORDER BY created_day DESC",
    ),
    (
        "The slowest threads",
        "SELECT thread_id, sum(total_seconds) AS seconds, count(*) AS runs\nFROM runs\n"
        "WHERE total_seconds IS NOT NULL\nGROUP BY thread_id\nORDER BY seconds DESC\nLIMIT 20",
    ),
)


FAILURES = (QueryRefused, DatabaseFailure, InvalidArgument)
"""The errors of a query."""


class Answered(NamedTuple):
    """The answer to a query, or why there is none."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool
    error: str | None


async def answer(archive: Archive, site: Site, request: Request) -> Response:
    """Return the page."""
    query = parameters.read(request.scope["query_string"], KNOWN).get("query", "").strip()
    foreign = bool(query) and _is_foreign(request)
    found = await archive.query(lambda runs, timeout: _ask(runs, query, timeout)) if query and not foreign else None
    return page(
        site,
        request.scope,
        "sql.html",
        status=400 if found and found.error else 200,
        query=query,
        foreign=foreign,
        found=found,
        most_rows=MOST_ROWS,
        timeout=archive.timeout,
        views=VIEWS,
        examples=EXAMPLES,
        is_number=lambda value: isinstance(value, int | float) and not isinstance(value, bool),
        command=f"runstore sql {shlex.quote(query)}",
    )


async def csv(archive: Archive, _: Site, request: Request) -> Response:
    """Return the answer as CSV."""
    query = parameters.read(request.scope["query_string"], KNOWN).get("query", "").strip()
    if _is_foreign(request):
        raise Refusal(403, "A query from a link on another site is not run.", "cross_site")

    def write(runs: RunRepository, timeout: float) -> Any:
        try:
            with runs.sql(query, timeout=timeout) as found:
                columns = [Column(name) for name in found.columns]
                return download.csv(columns, found.rows, "runstore sql --format csv")
        except FAILURES as error:
            raise Refusal(400, _reason(error), "query_failed") from error

    return download.answer(await archive.query(write), "query.csv")


def _ask(runs: RunRepository, query: str, timeout: float) -> Answered:
    try:
        with runs.sql(query, timeout=timeout) as found:
            rows = list(islice(found.rows, MOST_ROWS + 1))
            return Answered(found.columns, rows[:MOST_ROWS], len(rows) > MOST_ROWS, None)
    except FAILURES as error:
        return Answered((), [], more=False, error=_reason(error))


def _reason(error: RunStoreError) -> str:
    """Return what the database reports, without where it is. Raise the error if it is not that of the query."""
    if isinstance(error, DatabaseUnreachable):
        raise error
    if isinstance(error, InvalidArgument):
        return "this page has no values for parameters such as :name; use runstore sql"
    return str(error.fields.get("reason", error))


def _is_foreign(request: Request) -> bool:
    """Return whether another site has sent the visitor here: its link may show a query, but not run it."""
    return Headers(scope=request.scope).get("sec-fetch-site", "none") not in ("none", "same-origin")
