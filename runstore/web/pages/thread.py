"""The page of a thread."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runstore import charts
from runstore.charts import Chart, Series
from runstore.query.pages import RowPage
from runstore.repository import RunRepository
from runstore.web.asking import Archive
from runstore.web.pages import links, requests, shown
from runstore.web.pages.rendering import Site, page
from runstore.web.pages.run_list import COLUMNS, place
from runstore.web.parameters import CURSOR, PAGE
from runstore.web.refusals import no_thread

TOTALS = ("runs", "failed", "total_tokens", "cost", "currency", "seconds_mean")

MOST_BARS = 100


async def answer(archive: Archive, site: Site, request: Request) -> Response:
    """Return the page. Raises :class:`Refusal` for a thread of which no run is stored."""
    thread = request.path_params["thread"]
    asked = requests.read(site, request, {"limit": PAGE["limit"], "cursor": CURSOR})
    columns = (*COLUMNS, "queue_seconds", "run_seconds")

    def find(runs: RunRepository) -> tuple[RowPage, dict[str, Any]]:
        wanted = place(asked.values) | {"newest_first": False}
        found = runs.find_rows(columns, **wanted, thread_id=thread)
        return found, next(iter(runs.stats(columns=TOTALS, thread_id=thread)), {})

    found, totals = await archive.ask(find)
    if not totals.get("runs"):
        raise no_thread(thread)
    rows = [dict(zip(columns, row, strict=True)) for row in found.rows]
    pairs = [("thread_id", thread)]
    return page(
        site,
        request.scope,
        "thread.html",
        thread=thread,
        rows=rows,
        totals=totals,
        chart=_chart(rows),
        next=found.next and links.query_of([*links.without(asked.pairs), ("cursor", found.next)]),
        first=links.query_of([]) if "cursor" in asked.values else None,
        csv="runs.csv" + links.query_of(pairs),
        json="v1/runs" + links.query_of([*pairs, ("order", "asc")]),
        command=links.command("list", pairs, {"--oldest-first": True}),
    )


def _chart(rows: list[dict[str, Any]]) -> str | None:
    """Return the seconds of each run, one after the other."""
    timed = [row for row in rows if row["total_seconds"] is not None][:MOST_BARS]
    if len(timed) < 2:
        return None
    queued = [max(row["queue_seconds"] or 0, 0) for row in timed]
    running = [max(row["total_seconds"] - wait, 0) for row, wait in zip(timed, queued, strict=True)]
    labels = [shown.moment(row["created_at"])[5:16] for row in timed]
    series = [Series("queued", queued, 5), Series("in progress", running, 1)]
    text = f"Seconds of {len(timed)} runs, in the order of their creation."
    return charts.bars(Chart("seconds", "Seconds of each run", text, labels, series, shown.duration))
