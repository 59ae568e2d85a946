"""Horizontal bars, one for each group."""

from __future__ import annotations

from runstore.charts.data import Chart
from runstore.charts.drawing import LINE, WIDTH, add, canvas, labelled, legend, legend_lines, text_of, tip
from runstore.charts.scale import GLYPH, width

LABEL = 240
"""Maximum width of the names of the groups."""

BAR = 26
"""Height of a bar with the space around it."""


def rows(chart: Chart) -> str:
    """Return a chart with a bar for each label from left to right, in which the series follow one another.

    The total stands behind each bar. Negative values have no bar.
    """
    coloured = chart.coloured()
    columns = list(zip(*(series.values for series, _ in coloured), strict=True))
    totals = [sum(max(value or 0, 0) for value in column) for column in columns]
    texts = [
        "" if all(value is None for value in column) else chart.written(sum(filter(None, column))) for column in columns
    ]
    top = legend_lines(coloured) * LINE + 8
    svg = canvas(chart, top + BAR * max(len(chart.labels), 1))
    legend(svg, coloured)
    left = min(max((width(label or "(empty)") for label in chart.labels), default=0), LABEL) + 2 * GLYPH
    room = WIDTH - left - max(map(width, texts), default=0) - 2 * GLYPH
    longest = max(totals, default=0) or 1
    for number, (label, column, text) in enumerate(zip(chart.labels, columns, texts, strict=True)):
        y = top + BAR * number
        labelled(svg, label or "(empty)", LABEL, x=left - GLYPH, y=y + BAR / 2 + 4, text_anchor="end", kind="label")
        x = float(left)
        for (series, colour), value in zip(coloured, column, strict=True):
            if value is None or value <= 0:
                continue
            wide = max(value / longest * room, 0.5)
            bar = add(svg, "rect", kind=f"bar c{colour}", x=x, y=y + 4, width=wide, height=BAR - 8)
            tip(bar, label, series.name, chart.written(value))
            x += wide
        add(svg, "text", text, x=x + GLYPH, y=y + BAR / 2 + 4, kind="value")
    return text_of(svg)
