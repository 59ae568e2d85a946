"""One bar of what happened one after the other."""

from __future__ import annotations

from runstore.charts.data import Chart
from runstore.charts.drawing import LINE, add, canvas, legend, legend_lines, text_of, tip
from runstore.charts.scale import width

WIDTH = 480
"""Half of that of other charts, so that it can be read on a phone."""

HEIGHT = 26


def spans(chart: Chart) -> str:
    """Return a bar whose parts are the values of the series, the first from the left.

    The chart has one label. A value stands in its part if there is room for it.
    """
    coloured = [(series, colour) for series, colour in chart.coloured() if series.values[0] is not None]
    total = sum(max(series.values[0] or 0, 0) for series, _ in coloured) or 1
    top = legend_lines(coloured) * LINE + 8
    svg = canvas(chart, top + HEIGHT, WIDTH)
    svg.set("class", "chart spans")
    legend(svg, coloured)
    x = 0.0
    for series, colour in coloured:
        value = series.values[0] or 0
        wide = max(value, 0) / total * WIDTH
        text = chart.written(value)
        bar = add(svg, "rect", kind=f"bar c{colour}", x=x, y=top, width=max(wide, 1), height=HEIGHT)
        tip(bar, series.name, text)
        if width(text) + 8 < wide:
            add(svg, "text", text, x=x + wide / 2, y=top + HEIGHT / 2 + 4, text_anchor="middle", kind=f"on c{colour}")
        x += wide
    return text_of(svg)
