"""Stacked bars over time."""

from __future__ import annotations

from runstore.charts.data import Chart
from runstore.charts.drawing import (
    LINE,
    WIDTH,
    add,
    canvas,
    legend,
    legend_lines,
    place,
    text_of,
    tip,
    x_label,
    y_axis,
)
from runstore.charts.scale import shortened, step_of_labels

HEIGHT = 240
WIDEST = 64
"""Maximum width of a bar."""

LABEL = 110
"""Maximum width of a label."""


def bars(chart: Chart) -> str:
    """Return a chart with a bar for each label, in which the series lie on one another; negative values lie below."""
    coloured = chart.coloured()
    columns = list(zip(*(series.values for series, _ in coloured), strict=True))
    ups = [sum(max(value or 0, 0) for value in column) for column in columns]
    downs = [sum(min(value or 0, 0) for value in column) for column in columns]
    top = legend_lines(coloured) * LINE + 12
    bottom = top + HEIGHT
    svg = canvas(chart, bottom + LINE + 4)
    legend(svg, coloured)
    left, values = y_axis(svg, chart, min(downs, default=0), max(ups, default=0), top, bottom)
    room = (WIDTH - left) / max(len(chart.labels), 1)
    wide = min(room * 0.8, WIDEST)
    shown = [shortened(label, LABEL) for label in chart.labels]
    every = step_of_labels(shown, room)
    for number, label in enumerate(chart.labels):
        middle = left + room * (number + 0.5)
        up = down = 0.0
        for (series, colour), value in zip(coloured, columns[number], strict=True):
            if not value:
                continue
            start = up if value > 0 else down
            first, last = place(start, values, top, bottom), place(start + value, values, top, bottom)
            up, down = (up + value, down) if value > 0 else (up, down + value)
            bar = add(
                svg, "rect", kind=f"bar c{colour}", x=middle - wide / 2, width=wide,
                y=min(first, last), height=max(abs(first - last), 0.5),
            )  # fmt: skip
            tip(bar, label, series.name, chart.written(value))
        if number % every == 0:
            x_label(svg, shown[number], middle, bottom + LINE - 3)
    return text_of(svg)
