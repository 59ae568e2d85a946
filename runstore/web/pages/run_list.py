"""The page of runs that meet filters, with what narrows them further."""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from runstore import formats
from runstore.errors import RunNotFound
from runstore.query import facets, queries
from runstore.query.facets import Facets
from runstore.query.pages import RowPage
from runstore.repository import RunRepository
from runstore.schema.views import RUNS
from runstore.web.asking import Archive
from runstore.web.pages import download, links, requests
from runstore.web.pages.rendering import Site, page
from runstore.web.parameters import CURSOR, OF_FILTERS, PAGE
from runstore.web.refusals import bad_parameter, shown

COUNTED_BY_TEXT = 500
"""Runs that facets count in a search for a text, which looks at all runs."""

LIMIT = 50
"""Runs of a page, unless the URL has another number."""

MOST_VALUES = 8
"""Values of a facet that are shown at once; the others are folded."""

COLUMNS = ("id", "created_at", "status", "model", "total_tokens", "cost", "currency", "total_seconds", "thread_id",
           "error_code", "pending_tool_calls")  # fmt: skip

FACET_NAMES = {
    "status": "Status",
    "model": "Model",
    "assistant_id": "Assistant",
    "source": "Source",
    "error_code": "Error",
}

KNOWN = {**PAGE, "cursor": CURSOR, **OF_FILTERS}


class Value(NamedTuple):
    """A value of a facet."""

    text: str | None
    runs: int
    query: str | None
    """The query of the page with this value, or without it if it is chosen; None for runs without a value."""
    chosen: bool


class Facet(NamedTuple):
    """A facet as the page shows it."""

    name: str
    values: list[Value]
    folded: list[Value]


def place(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``find_rows`` for a page."""
    if "cursor" in asked and "after" in asked:
        raise bad_parameter("cursor", "Both 'cursor' and 'after' set the beginning of the page; give only one of them.")
    return {
        "limit": asked.get("limit", LIMIT),
        "newest_first": asked.get("order", "desc") == "desc",
        **{name: asked.get(name) for name in ("cursor", "after", "before")},
    }


async def answer(archive: Archive, site: Site, request: Request) -> Response:
    """Return the page."""
    asked = requests.read(site, request, KNOWN)

    def find(runs: RunRepository) -> tuple[RowPage, dict[str, Facets]]:
        try:
            found = runs.find_rows(COLUMNS, **place(asked.values), **asked.where)
        except RunNotFound as error:
            name = "after" if error.fields["id"] == asked.values.get("after") else "before"
            raise bad_parameter(
                name, f"There is no run {shown(asked.values[name])} in this list.", "run_not_found"
            ) from None
        is_whole = found.next is None and not asked.values.keys() & links.PLACES
        # A text has no index: the runs that have it are looked for once, if there are few.
        where: dict[str, Any] = {"id": [row[0] for row in found.rows]} if is_whole else asked.where
        limit = COUNTED_BY_TEXT if "text" in where else facets.LIMIT
        counts = dict.fromkeys(facets.FACETS, runs.facets(limit=limit, **where))
        for name in facets.FACETS & asked.where.keys():  # the values that could be chosen instead
            others = {key: value for key, value in asked.where.items() if key != name}
            counts[name] = runs.facets(name, limit=limit, **others)
        return found, counts

    found, counts = await archive.ask(find)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in found.rows]
    filters = links.of_filters(asked.pairs)
    newest_first = asked.values.get("order", "desc") == "desc"
    counted = next((counts[name] for name in facets.FACETS if name not in asked.where), None)
    moved = bool(asked.values.keys() & links.PLACES)
    return page(
        site,
        request.scope,
        "runs.html",
        rows=rows,
        currency=currency_of(rows),
        counted=counted,
        facets=[_facet(name, counts[name], asked) for name in facets.FACETS],
        inexact=not all(each.complete for each in counts.values()),
        chips=[(links.said(*pair), links.query_of(links.without_value(asked.pairs, *pair))) for pair in filters],
        values=asked.values,
        carried=[pair for pair in filters if pair[0] not in ("text", "created_from", "created_before")],
        newest_first=newest_first,
        other_order=links.query_of(links.replaced(asked.pairs, order="asc" if newest_first else "desc")),
        next=found.next and links.query_of([*links.without(asked.pairs), ("cursor", found.next)]),
        before=links.query_of([*links.without(asked.pairs), ("before", rows[0]["id"])]) if moved and rows else None,
        first=links.query_of(links.without(asked.pairs)) if moved else None,
        periods=links.periods(asked.pairs),
        all_time=links.query_of(links.without(asked.pairs, "created_from", "created_before")),
        given={name: value for name, value in asked.pairs if name in ("created_from", "created_before", "text")},
        csv="runs.csv" + links.query_of(filters),
        json="v1/runs" + links.query_of([*asked.pairs, *([] if "limit" in asked.values else [("limit", str(LIMIT))])]),
        stats="stats" + links.query_of(filters),
        command=links.command("list", asked.pairs, _options(asked.values)),
        filtered=bool(filters),
    )


def currency_of(rows: list[dict[str, Any]]) -> str | None:
    """Return the currency of all costs, or None if there are several or none."""
    known = {row["currency"] for row in rows if row["cost"] is not None}
    return known.pop() if len(known) == 1 else None


def _options(values: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {"--limit": values.get("limit", LIMIT)}
    options |= {f"--{name}": values[name] for name in ("cursor", "after", "before") if name in values}
    return options | ({"--oldest-first": True} if values.get("order") == "asc" else {})


def _facet(name: str, found: Facets, asked: requests.Asked) -> Facet:
    chosen = asked.where.get(name, [])
    values = []
    for text, runs in found.values[name]:
        if text is None:
            values.append(Value(None, runs, None, chosen=False))
        elif text in chosen:
            query = links.query_of(links.without_value(asked.pairs, name, text))
            values.append(Value(text, runs, query, chosen=True))
        else:
            query = links.query_of([*links.without(asked.pairs), (name, text)])
            values.append(Value(text, runs, query, chosen=False))
    missing = [text for text in chosen if text not in {value.text for value in values}]
    for text in missing:
        query = links.query_of(links.without_value(asked.pairs, name, text))
        values.append(Value(text, 0, query, chosen=True))
    values.sort(key=lambda value: not value.chosen)
    most = max(MOST_VALUES, len(chosen))
    return Facet(FACET_NAMES[name], values[:most], values[most:])


async def csv(archive: Archive, site: Site, request: Request) -> Response:
    """Return all runs that meet the filters as CSV, the newest first."""
    asked = requests.read(site, request, OF_FILTERS)
    hidden = (*formats.LONG_TEXTS, "error_message") if site.hide_text else formats.LONG_TEXTS
    names = [column.name for column in RUNS.c if column.name not in hidden]
    columns = [formats.column_of(column) for column in queries.view_columns(names)]
    command = links.command("export", asked.pairs, {"--columns": ",".join(names), "--format": "csv"})
    file = await archive.ask(
        lambda runs: download.csv(columns, runs.rows(names, newest_first=True, **asked.where), command)
    )
    return download.answer(file, "runs.csv")
