"""Lines over time, for values that cannot be added."""

from __future__ import annotations

from runstore.charts.data import Chart
from runstore.charts.drawing import LINE, WIDTH, add, canvas, legend, legend_lines, place, text_of, tip, x_label, y_axis
from runstore.charts.scale import shortened, step_of_labels

HEIGHT = 240
LABEL = 110


def lines(chart: Chart) -> str:
    """Return a chart with a line for each series; a missing value is a gap.

    A series beyond the colours is left out, since a value of several series together would have no meaning.
    """
    coloured = [(series, colour) for series, colour in chart.coloured() if series in chart.series]
    known = [value for series, _ in coloured for value in series.values if value is not None]
    top = legend_lines(coloured) * LINE + 12
    bottom = top + HEIGHT
    svg = canvas(chart, bottom + LINE + 4)
    legend(svg, coloured)
    left, axis = y_axis(svg, chart, min(known, default=0), max(known, default=0), top, bottom)
    room = (WIDTH - left) / max(len(chart.labels), 1)
    places = [left + room * (number + 0.5) for number in range(len(chart.labels))]
    for series, colour in coloured:
        points = [
            None if value is None else (x, place(value, axis, top, bottom))
            for x, value in zip(places, series.values, strict=True)
        ]
        path, pen_is_down = "", False
        for point in points:
            if point is not None:
                path += f"{'L' if pen_is_down else 'M'}{point[0]:.1f} {point[1]:.1f}"
            pen_is_down = point is not None
        if path:
            add(svg, "path", kind=f"line c{colour}", d=path)
        for label, point, value in zip(chart.labels, points, series.values, strict=True):
            if point is not None and value is not None:
                dot = add(svg, "circle", kind=f"dot c{colour}", cx=point[0], cy=point[1], r=3)
                tip(dot, label, series.name, chart.written(value))
    shown = [shortened(label, LABEL) for label in chart.labels]
    for number in range(0, len(shown), step_of_labels(shown, room)):
        x_label(svg, shown[number], places[number], bottom + LINE - 3)
    return text_of(svg)
