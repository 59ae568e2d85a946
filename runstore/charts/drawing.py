"""SVG elements, and what all charts have: title, description, legend, axes."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from runstore.charts.data import Chart, Series
from runstore.charts.scale import GLYPH, shortened, ticks, width

WIDTH = 960
LINE = 20
"""Height of a line of text."""

LONGEST_NAME = 200
"""Maximum width of a name in the legend."""


def canvas(chart: Chart, height: float, width: float = WIDTH) -> Element:
    """Return an empty chart with its title and description."""
    svg = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {number(width)} {number(height)}",
            "class": "chart",
            "role": "img",
            "aria-labelledby": f"{chart.id}-title {chart.id}-desc",
        },
    )
    SubElement(svg, "title", {"id": f"{chart.id}-title"}).text = _visible(chart.title)
    SubElement(svg, "desc", {"id": f"{chart.id}-desc"}).text = _visible(chart.description)
    return svg


def add(parent: Element, tag: str, text: str | None = None, **attributes: str | float) -> Element:
    """Add an element; underscores in the names of attributes become hyphens, and ``kind`` is the class."""
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    found = {"class" if name == "kind" else name: number(value) for name, value in named.items()}
    element = SubElement(parent, tag, found)
    element.text = text
    return element


def labelled(parent: Element, text: str, room: float, **attributes: str | float) -> None:
    """Add a text; if it is shortened, the whole of it is shown while the pointer is on it."""
    short = shortened(text, room)
    element = add(parent, "text", short, **attributes)
    if short != text:
        add(element, "title", _visible(text))


def tip(element: Element, *parts: str) -> None:
    """Add the text that is shown while the pointer is on an element."""
    add(element, "title", _visible(": ".join(filter(None, parts))))


def number(value: str | float) -> str:
    """Return an attribute, a number with at most two decimals."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def text_of(svg: Element) -> str:
    """Return the chart as text for a document in HTML."""
    return ElementTree.tostring(svg, encoding="unicode", short_empty_elements=False)


def legend_lines(coloured: Sequence[tuple[Series, int]]) -> int:
    """Return the number of lines of the legend; a single series needs none."""
    return 1 + max(line for line, _ in _places(coloured)) if len(coloured) > 1 else 0


def legend(svg: Element, coloured: Sequence[tuple[Series, int]]) -> None:
    """Draw the names of all series with their colours at the top."""
    if len(coloured) < 2:
        return
    group = add(svg, "g", kind="legend")
    for (series, colour), (line, x) in zip(coloured, _places(coloured), strict=True):
        add(group, "rect", kind=f"c{colour}", x=x, y=line * LINE + 3, width=12, height=12, rx=2)
        labelled(group, series.name or "(empty)", LONGEST_NAME, x=x + 17, y=line * LINE + 13.5)


def _places(coloured: Sequence[tuple[Series, int]]) -> list[tuple[int, float]]:
    places: list[tuple[int, float]] = []
    line, x = 0, 0.0
    for series, _ in coloured:
        room = 17 + min(width(series.name or "(empty)"), LONGEST_NAME) + 2.5 * GLYPH
        if x and x + room > WIDTH:
            line, x = line + 1, 0.0
        places.append((line, x))
        x += room
    return places


def y_axis(svg: Element, chart: Chart, low: float, high: float, top: float, bottom: float) -> tuple[float, list[float]]:
    """Draw horizontal lines with their values; return the left edge of the chart, and the values."""
    values = ticks(low, high)
    texts = [chart.written(value) for value in values]
    left = max(map(width, texts)) + GLYPH
    group = add(svg, "g", kind="axis")
    for value, text in zip(values, texts, strict=True):
        y = place(value, values, top, bottom)
        add(group, "line", kind="zero" if value == 0 else "grid", x1=left, x2=WIDTH, y1=y, y2=y)
        add(group, "text", text, x=left - GLYPH, y=y + 4, text_anchor="end")
    return left, values


def place(value: float, values: Sequence[float], top: float, bottom: float) -> float:
    """Return the vertical place of a value between the first and the last of the axis."""
    return bottom - (value - values[0]) / (values[-1] - values[0]) * (bottom - top)


def x_label(svg: Element, text: str, x: float, y: float) -> None:
    """Draw a label of the horizontal axis, inside the chart also at its edges."""
    half = width(text) / 2
    add(svg, "text", text, x=max(half, min(x, WIDTH - half)), y=y, text_anchor="middle", kind="label")


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
