"""The parts of a report: charts, tables with the same numbers, and notes that state why one is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from runstore import charts, shown
from runstore.charts import Chart, Series
from runstore.query.statistics import METADATA
from runstore.report.figures import Figures, Row

Clean = Callable[[str], str]
"""Returns a text of a run without what a report must not show."""

LONGEST_NAME = 60
"""Maximum length of a name: charts repeat names, and a report should remain small."""

LONGEST_HEAD = 24
"""Maximum length of a name in the header of a column."""

MOST_TIMES = 120
"""Maximum number of days, weeks or months in a chart and its table."""

HEIGHT = 190
"""Height of a chart over time: three such charts and the numbers above them fit on one printed page."""

NO_RUNS = "There are no runs."

MOST_CODES = 6

OUTCOMES: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("completed", ("completed",), 3),
    ("failed", ("failed",), 6),
    ("expired", ("expired",), 2),
    ("incomplete", ("incomplete",), 4),
    ("cancelled", ("cancelled",), 8),
    ("not ended", ("queued", "in_progress", "requires_action", "cancelling"), 1),
    ("other", ("other_status",), 7),
)
"""The outcomes of runs, each with its statuses and the colour that these have on the pages of ``serve``."""


class Table(NamedTuple):
    """A table whose columns hold numbers, except the first ones."""

    head: list[str]
    rows: list[list[str]]
    texts: int = 1
    """The number of columns at the beginning that hold texts."""


class Block(NamedTuple):
    """A part of the report."""

    title: str
    svg: str | None = None
    table: Table | None = None
    note: str = ""
    command: str = ""
    """The command that adds what is missing."""


def money(value: float, currency: str | None) -> str:
    """Return an amount for an axis."""
    return f"{charts.compact(value)} {shown.shortened(currency, 8)}" if currency else charts.compact(value)


def cost(figures: Figures, clean: Clean) -> Block:
    """Return the cost of each week by model or another group, or the tokens if costs are unknown or cannot be added."""
    note, command, measure, title = "", "", "cost", "Cost"
    group = shown.shortened(clean(figures.by.removeprefix(METADATA)), LONGEST_HEAD)
    if not figures.now["runs"]:
        return Block(f"{title} by {figures.week} and {group}", note=NO_RUNS)
    if not figures.has_cost:
        measure, title = "total_tokens", "Tokens"
        if figures.currencies:
            names = ", ".join(shown.shortened(clean(name), 8) for name in figures.currencies[:8])
            note = f"The costs are in several currencies ({names}) and cannot be added. The chart shows tokens."
        else:
            note = "No price is known for any of these runs. The chart shows tokens. To import prices:"
            command = "runstore prices import prices.csv"
    currency = figures.now["currency"]
    labels = _labels(figures.week, figures.by_week_and_group)
    series = _series(figures, measure, labels, group, clean)
    title = f"{title} by {figures.week} and {group}"
    if not any(value for each in series for value in each.values):
        return Block(title, note=note or "No run has tokens.", command=command)

    def written(value: float | None) -> str:
        if value is None:
            return shown.NONE
        return shown.money(value, None) if measure == "cost" else shown.number(int(value))

    unit = f" in {shown.shortened(clean(currency), 8)}" if measure == "cost" and currency else ""
    chart = Chart(
        "cost",
        title,
        f"Stacked bars, one for each {figures.week}, {_range(labels)}. The table below contains the numbers.",
        labels,
        series,
        (lambda value: money(value, clean(currency))) if unit else charts.compact,
        HEIGHT,
    )
    groups = [each for each, _ in chart.coloured()]
    several = len(groups) > 1
    rows = [
        [label, *(written(each.values[place]) for each in groups), *([written(_sum(groups, place))] if several else [])]
        for place, label in enumerate(labels)
    ]
    head = [
        _of_time(figures.week) + unit,
        *(shown.shortened(each.name, LONGEST_HEAD) for each in groups),
        *(["Total"] if several else []),
    ]
    return Block(title, charts.bars(chart), Table(head, rows), note, command)


def _series(figures: Figures, measure: str, labels: Sequence[str], group: str, clean: Clean) -> list[Series]:
    found: dict[str, dict[str, float]] = {}
    for row in figures.by_week_and_group:
        if row[measure] is not None:
            name = f"no {group}" if row[figures.by] is None else row[figures.by]
            found.setdefault(name, {})[_label(figures.week, row[figures.week])] = float(row[measure])
    return [
        Series(shown.shortened(clean(name), LONGEST_NAME) or "(empty)", [of_group.get(label) for label in labels])
        for name, of_group in sorted(found.items())
    ]


def _sum(groups: Iterable[Series], place: int) -> float:
    return sum(each.values[place] or 0 for each in groups)


def outcomes(figures: Figures) -> Block:
    """Return the number of runs of each day by outcome."""
    title = f"Runs by {figures.day} and outcome"
    labels = _labels(figures.day, figures.by_day)
    rows = {_label(figures.day, row[figures.day]): row for row in figures.by_day}
    counts = {
        name: [sum(rows[label][status] for status in statuses) if label in rows else 0 for label in labels]
        for name, statuses, _ in OUTCOMES
    }
    series = [Series(name, counts[name], colour) for name, _, colour in OUTCOMES if any(counts[name])]
    if not series:
        return Block(title, note=NO_RUNS)
    chart = Chart(
        "outcomes",
        title,
        f"Stacked bars, one for each {figures.day}, {_range(labels)}. The table below contains the numbers.",
        labels,
        series,
        height=HEIGHT,
        whole=True,
    )
    head = [_of_time(figures.day), *(each.name.capitalize() for each in series), "Runs"]
    body = [
        [
            label,
            *(shown.number(int(each.values[place] or 0)) for each in series),
            shown.number(int(_sum(series, place))),
        ]
        for place, label in enumerate(labels)
    ]
    return Block(title, charts.bars(chart), Table(head, body))


def durations(figures: Figures) -> Block:
    """Return the percentiles of the time from creation to end, for each day."""
    title = f"Time from creation to end, by {figures.day}"
    labels = _labels(figures.day, figures.by_day)
    rows = {_label(figures.day, row[figures.day]): row for row in figures.by_day}
    series = [
        Series(name, [rows[label][f"seconds_{name}"] if label in rows else None for label in labels], colour)
        for name, colour in (("p50", 1), ("p95", 6))
    ]
    if all(value is None for each in series for value in each.values):
        return Block(title, note="No run has ended at a known time.")
    chart = Chart(
        "durations",
        title,
        f"Two lines, {_range(labels)}: the time within which half of the runs of the {figures.day} "
        "ended, and 95 percent of them. The table below contains the numbers.",
        labels,
        series,
        shown.duration,
        HEIGHT,
        unit=_unit_of([value for each in series for value in each.values if value is not None]),
    )
    body = [
        [label, *(shown.duration(each.values[place]) for each in series)]
        for place, label in enumerate(labels)
        if any(each.values[place] is not None for each in series)
    ]
    return Block(title, charts.lines(chart), Table([_of_time(figures.day), "p50", "p95"], body))


def _unit_of(seconds: Iterable[float]) -> int:
    """Return the unit of the numbers on the axis, in seconds: a day, an hour, a minute or a second."""
    longest = max(map(abs, seconds))
    return next((unit for unit in (86_400, 3600, 60) if longest > 2 * unit), 1)


def failures(figures: Figures, clean: Clean) -> Block:
    """Return the number of failed runs by error code."""
    title = "Failed runs by error code"
    found = [row for row in figures.by_error if row["failed"]]
    total = sum(row["failed"] for row in found)
    if not found:
        return Block(title, note="No run failed." if figures.now["runs"] else NO_RUNS)
    names = ["no code" if row["error"] is None else shown.shortened(clean(row["error"]), LONGEST_NAME) for row in found]
    counts = [row["failed"] for row in found]
    if len(found) > MOST_CODES:
        rest = len(found) - MOST_CODES + 1
        names = [*names[: MOST_CODES - 1], f"{rest:,} other codes"]
        counts = [*counts[: MOST_CODES - 1], sum(counts[MOST_CODES - 1 :])]
    description = f"A bar for each of {len(names)} codes. The table below contains the numbers."
    chart = Chart("failures", title, description, names, [Series("failed", counts, 6)])
    body = [
        [name or "(empty)", shown.number(count), f"{count / total:.1%}"]
        for name, count in zip(names, counts, strict=True)
    ]
    return Block(title, charts.rows(chart), Table(["Error code", "Failed runs", "Share"], body))


def slowest(figures: Figures) -> Block:
    """Return the threads whose runs took longest."""
    if not figures.slowest:
        return Block("Slowest threads", note="No run has ended at a known time in a thread.")
    body = [
        [
            shown.shortened(row["thread"]),
            shown.duration(row["seconds_p95"]),
            shown.duration(row["seconds_p50"]),
            shown.number(row["runs"]),
        ]
        for row in figures.slowest
    ]
    return Block("Slowest threads", None, Table(["Thread", "p95", "p50", "Runs"], body))


def most_expensive(figures: Figures, clean: Clean) -> Block:
    """Return the runs that cost most, or the runs with the most tokens if costs cannot be compared."""
    title = "Most expensive runs" if figures.has_cost else "Runs with the most tokens"
    if not figures.most_expensive:
        return Block(title, note="No run has tokens.")
    unit = f" ({shown.shortened(clean(figures.now['currency']), 8)})" if figures.has_cost else ""
    head = ["Run", "Model", *([f"Cost{unit}"] if figures.has_cost else []), "Tokens"]
    body = [
        [
            shown.shortened(row["id"]),
            shown.NONE if row["model"] is None else shown.shortened(clean(row["model"]), 28),
            *([shown.money(row["cost"])] if figures.has_cost else []),
            shown.number(row["total_tokens"]),
        ]
        for row in figures.most_expensive
    ]
    return Block(title, None, Table(head, body, texts=2))


# --- times -----------------------------------------------------------------------------------------------------------


def _labels(unit: str, rows: Iterable[Row]) -> list[str]:
    present = sorted({row[unit] for row in rows if row[unit] is not None})
    labels = [_label(unit, text) for text in charts.filled(unit, present)][-MOST_TIMES:]
    return [*labels, *(["no day"] if any(row[unit] is None for row in rows) else [])]


def _label(unit: str, text: str | None) -> str:
    """Return the label of a day or month; the label of a week is its Monday."""
    if text is None:
        return "no day"
    if unit != "week":
        return text
    year, _, week = text.partition("-W")
    try:
        return date.fromisocalendar(int(year), int(week), 1).isoformat()
    except ValueError:
        return text


def _range(labels: Sequence[str]) -> str:
    return f"from {labels[0]} to {labels[-1]}" if len(labels) > 1 else labels[0]


def _of_time(unit: str) -> str:
    return "Week from" if unit == "week" else unit.capitalize()
