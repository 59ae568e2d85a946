"""The page of statistics: a chart, and the table that the command stats prints."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from runstore import charts, shown
from runstore.charts import TIMES, Chart, Series, filled
from runstore.formats import Column
from runstore.query import statistics
from runstore.repository import RunRepository
from runstore.web.asking import Archive
from runstore.web.pages import download, links, requests
from runstore.web.pages.rendering import Site, page
from runstore.web.pages.run_list import currency_of
from runstore.web.parameters import OF_FILTERS, STATISTICS, Parameter, choice

MOST_RUNS = 5_000
"""Runs that statistics are computed of if the URL has no time: their time should not grow with the archive."""

MOST_ROWS = 500
"""Rows of the table."""

MOST_BARS = 20
"""Groups of a chart that has no time."""

BOUNDS = ("created_from", "created_before")

SHOWN = ("runs", "failure_rate", "total_tokens", "cost", "currency", "seconds_mean")
"""The columns of the table; the one of the chart is added. Percentiles, which take as long as all others, are not."""

ADDABLE = {name for name, kind in statistics.COLUMNS.items() if kind == "integer"} - {*statistics.PERCENTILES} | {
    "cost"
}
"""Columns whose values may lie on one another."""

LABELS = {
    "runs": "Runs",
    "failure_rate": "Failure rate",
    "total_tokens": "Tokens",
    "prompt_tokens": "Prompt tokens",
    "completion_tokens": "Completion tokens",
    "cached_tokens": "Cached tokens",
    "cost": "Cost",
    "currency": "Currency",
    "unpriced": "Runs without a price",
    "seconds_mean": "Time (mean)",
    "seconds_p50": "Time (p50)",
    "seconds_p95": "Time (p95)",
    "seconds_p99": "Time (p99)",
}

STATUS_COLOURS = {"completed": 3, "failed": 6, "expired": 2, "incomplete": 4, "in_progress": 1, "queued": 5,
                  "requires_action": 7, "cancelled": 8}  # fmt: skip

SHOWABLE = [name for name, kind in statistics.COLUMNS.items() if kind != "text"]

KNOWN: dict[str, Parameter] = {
    "by": STATISTICS["by"],
    "show": choice(SHOWABLE, "The column of the chart."),
    "sort": choice([*statistics.COLUMNS], "The greatest of this column first."),
    "period": choice(["all"], "All runs, however many."),
    **OF_FILTERS,
}


class Found(NamedTuple):
    """The answer of the archive."""

    rows: list[dict[str, Any]]
    since: int | None
    """The time from which runs were counted because there are many."""
    is_empty: bool


def label(name: str) -> str:
    """Return the heading of a column."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


async def answer(archive: Archive, site: Site, request: Request) -> Response:
    """Return the page."""
    asked = requests.read(site, request, KNOWN)
    by: list[str] = list(dict.fromkeys(asked.values.get("by", ())))
    show: str = asked.values.get("show", "runs")
    columns = _columns(show, asked.values.get("sort"))
    sort = asked.values.get("sort")
    is_timed = any(name in asked.where for name in BOUNDS) or "period" in asked.values

    def count(runs: RunRepository) -> Found:
        since = None if is_timed else runs.created_at_of(MOST_RUNS)
        where = asked.where if since is None else asked.where | {"created_from": since}
        if not asked.values.keys() & {"by", "show"}:  # the first visit; of many runs there are some days only
            by.extend(["week" if since is None else "day", "model"])
        rows = runs.stats(by, columns=columns, sort=sort, **where)
        return Found(rows, since, not rows and not runs.find_rows("id", limit=1).rows)

    found = await archive.ask(count)
    pairs = asked.pairs
    if found.since is not None:
        pairs = [*pairs, ("created_from", links.since(found.since))]
    options: dict[str, Any] = {"--by": ",".join(by), "--columns": ",".join(columns)}
    of_rows = links.of_filters(pairs)
    groups = [("by", name) for name in by]
    currency = currency_of(found.rows)
    return page(
        site,
        request.scope,
        "stats.html",
        by=by,
        show=show,
        sort=sort,
        columns=columns,
        rows=found.rows[:MOST_ROWS],
        left_out=max(len(found.rows) - MOST_ROWS, 0),
        is_empty=found.is_empty,
        since=found.since,
        all_time=links.query_of(links.replaced(links.without(asked.pairs, *BOUNDS), period="all")),
        chart=_chart(found.rows, by, show, currency) if found.rows else None,
        unpriced=sum(row.get("unpriced") or 0 for row in found.rows) if show == "cost" else 0,
        label=label,
        written=partial(_written, currency=None),
        is_number=lambda name: statistics.COLUMNS.get(name) in ("integer", "number"),
        times=TIMES,
        groups=[name for name in statistics.BY if name not in TIMES],
        showable=SHOWABLE,
        carried=[pair for pair in links.of_filters(asked.pairs) if pair[0] not in BOUNDS],
        given=dict(asked.pairs),
        chips=[
            (links.said(*pair), links.query_of(links.without_value(asked.pairs, *pair)))
            for pair in links.of_filters(asked.pairs)
        ],
        sorted_by=lambda name: links.query_of(links.replaced(asked.pairs, sort=name)),
        unsorted=links.query_of(links.without(asked.pairs, "sort")),
        periods=links.periods(links.without(asked.pairs, "period")),
        csv="stats.csv" + links.query_of([*groups, ("show", show), *([("sort", sort)] if sort else []), *of_rows]),
        json="v1/stats"
        + links.query_of([
            *groups, *(("columns", name) for name in columns), *([("sort", sort)] if sort else []), ("limit", "1000"),
            *of_rows,
        ]),
        command=links.command("stats", pairs, options | ({"--sort": sort} if sort else {})),
        runs="runs" + links.query_of(of_rows),
    )  # fmt: skip


async def csv(archive: Archive, site: Site, request: Request) -> Response:
    """Return the table as CSV."""
    asked = requests.read(site, request, KNOWN)
    by: list[str] = list(dict.fromkeys(asked.values.get("by", ())))
    sort = asked.values.get("sort")
    names = _columns(asked.values.get("show", "runs"), sort)
    columns = [Column(name, kind) for name, kind in (dict.fromkeys(by, "text") | statistics.COLUMNS).items()
               if name in (*by, *names)]  # fmt: skip
    command = links.command("stats", asked.pairs, {"--by": ",".join(by), "--format": "csv"})
    file = await archive.ask(
        lambda runs: download.csv(
            columns,
            (
                [row[column.name] for column in columns]
                for row in runs.stats(by, columns=names, sort=sort, **asked.where)
            ),
            command,
        )
    )
    return download.answer(file, "stats.csv")


def _columns(show: str, sort: str | None) -> list[str]:
    wanted = [*SHOWN, *(["unpriced"] if show == "cost" else []), show, *([sort] if sort else [])]
    return [name for name in statistics.COLUMNS if name in wanted]


def _written(name: str, value: Any, currency: str | None = None) -> str:
    """Return a value of a column as text."""
    if value is None:
        return shown.NONE
    if name == "failure_rate":
        return f"{value:.1%}"
    if name == "cost":
        return shown.money(value, currency)
    if name.startswith("seconds"):
        return shown.duration(value) if isinstance(value, int) else f"{value:,.1f} s"
    return shown.number(value) if isinstance(value, int | float | Decimal) else str(value)


def _tick(name: str, currency: str | None) -> Callable[[float], str]:
    if name == "failure_rate":
        return lambda value: f"{value:.0%}"
    if name == "cost":
        return lambda value: f"{charts.compact(value)} {currency}" if currency else charts.compact(value)
    return shown.duration if name.startswith("seconds") else charts.compact


# --- the chart -------------------------------------------------------------------------------------------------------


def _chart(rows: list[dict[str, Any]], by: list[str], show: str, currency: str | None) -> str | None:
    """Return bars or lines over time if there is a time among the groups, else a bar for each of the largest groups."""
    time = next((name for name in by if name in TIMES), None)
    others = [name for name in by if name != time]
    title = label(show) + "".join(f" by {name}" if not place else f" and {name}" for place, name in enumerate(by))
    values: dict[str, dict[str, float | None]] = {}
    for row in rows:
        at = _text(row[time]) if time else _named(row, by[:1])
        series = _named(row, others if time else by[1:])
        value = row[show]
        of_series = values.setdefault(series, {})
        known = of_series.get(at)
        of_series[at] = known if value is None else float(value) + (known or 0 if show in ADDABLE else 0)
    present = list(dict.fromkeys(at for of_series in values.values() for at in of_series))
    if time:
        labels = filled(time, sorted(present))
    else:
        size = {at: sum(abs(each.get(at) or 0) for each in values.values()) for at in present}
        labels = sorted((at for at in present if size[at]), key=lambda at: -size[at])[:MOST_BARS]
    colours = STATUS_COLOURS if "status" in by else {}
    series_of = [
        Series(name or label(show), [each.get(at) for at in labels], colours.get(name))
        for name, each in sorted(values.items())
    ]
    if not any(value for series in series_of for value in series.values):
        return None
    chart = Chart("stats", title, _described(title, labels, series_of), labels, series_of, _tick(show, currency))
    if not time:
        return charts.rows(chart) if show in ADDABLE or len(series_of) == 1 else None
    return charts.bars(chart) if show in ADDABLE else charts.lines(chart)


def _named(row: dict[str, Any], names: list[str]) -> str:
    return " · ".join(_text(row[name]) for name in names)


def _text(value: Any) -> str:
    return "none" if value is None else str(value)


def _described(title: str, labels: list[str], series: list[Series]) -> str:
    parts = [f"{title}, from {labels[0]} to {labels[-1]}" if len(labels) > 1 else f"{title}: {labels[0]}"]
    if len(series) > 1:
        parts.append(f"{len(series)} groups: {', '.join(one.name[:40] for one in series[:8])}")
    return ". ".join(parts) + ". The table after the chart has the same numbers."
