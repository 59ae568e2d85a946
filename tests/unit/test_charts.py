"""Charts: labelled, described, inside their edges, without anything that a document's policy would block."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from runstore import charts
from runstore.charts import Chart, Series
from runstore.charts.scale import shortened, step_of_labels, ticks, width

SVG = "{http://www.w3.org/2000/svg}"
KINDS = [charts.bars, charts.rows, charts.lines]


def chart(labels: int, series: int, value: Callable[[int, int], float | None] = lambda s, n: s + n + 1) -> Chart:
    made = [Series(f"series {s}", [value(s, n) for n in range(labels)]) for s in range(series)]
    return Chart("c", "Runs by day", "As described.", [f"2026-01-{n + 1:02}" for n in range(labels)], made)


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


@pytest.mark.parametrize("draw", KINDS)
@pytest.mark.parametrize(("labels", "series"), [(0, 0), (1, 1), (3, 2), (60, 3), (400, 8), (30, 40)])
def test_a_chart_stays_inside_its_edges(draw: Callable[[Chart], str], labels: int, series: int) -> None:
    svg = parsed(draw(chart(labels, series)))
    _, _, right, bottom = map(float, svg.attrib["viewBox"].split())
    for rect in svg.iter(f"{SVG}rect"):
        x, y, wide, high = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= -0.01
        assert x + wide <= right + 0.01
        assert y + high <= bottom + 0.01
    for text in svg.iter(f"{SVG}text"):
        half = width(text.text or "") * {"middle": 0.5, "end": 1.0}.get(text.get("text-anchor", ""), 0)
        assert float(text.attrib["x"]) - half >= -1
        assert 0 <= float(text.attrib["y"]) <= bottom


@pytest.mark.parametrize("draw", KINDS)
def test_a_chart_is_labelled_for_those_who_do_not_see_it(draw: Callable[[Chart], str]) -> None:
    svg = parsed(draw(chart(3, 2)))
    assert svg.attrib["role"] == "img"
    named = [svg.find(f".//*[@id='{name}']") for name in svg.attrib["aria-labelledby"].split()]
    assert [each is not None and each.text for each in named] == ["Runs by day", "As described."]


@pytest.mark.parametrize("draw", KINDS)
def test_texts_are_escaped_and_nothing_needs_inline_styles(draw: Callable[[Chart], str]) -> None:
    evil = "</svg><script>alert(1)</script>\x00\u202e\"'"
    text = draw(Chart("c", evil, evil, [evil, "b"], [Series(evil, [1, 2]), Series("b", [3, None])]))
    parsed(text)
    assert "<script" not in text
    assert "style" not in text
    assert not re.search(r"[\x00\u202e]", text)


def test_the_same_data_gives_the_same_bytes_in_other_order_of_size() -> None:
    assert charts.bars(chart(5, 12)) == charts.bars(chart(5, 12))


def test_series_beyond_the_colours_are_gathered() -> None:
    shown = chart(2, 40).coloured()
    assert [colour for _, colour in shown] == [1, 2, 3, 4, 5, 6, 7, 8]
    last, _ = shown[-1]
    assert last.name == "33 others"
    assert last.values == [sum(range(1, 34)), sum(range(2, 35))]
    assert len(chart(2, 8).coloured()) == 8
    fixed = Chart("c", "", "", ["a"], [Series("x", [1]), Series("failed", [1], 6), Series("y", [1])])
    assert [colour for _, colour in fixed.coloured()] == [1, 6, 2]


def test_negative_values_lie_below_zero() -> None:
    svg = parsed(charts.bars(chart(2, 2, lambda s, n: -5 if s else 10)))
    up, down = (float(rect.attrib["y"]) for rect in list(svg.iter(f"{SVG}rect"))[2:4])
    zero = next(line for line in svg.iter(f"{SVG}line") if line.attrib["class"] == "zero")
    assert up < float(zero.attrib["y1"]) == down


@pytest.mark.parametrize("high", [0, 0.003, 1, 7, 999, 12_345, 10**9, 2.0**70])
def test_ticks_are_round_and_enclose_the_values(high: float) -> None:
    found = ticks(0, high)
    assert found[0] == 0
    assert found[-1] >= high
    assert 2 <= len(found) <= 8
    assert len({charts.compact(value) for value in found}) == len(found)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (9999, "9,999"), (12_345, "12.3k"), (2_000_000, "2M"), (3.5e9, "3.5B"), (0.1031, "0.103"),
     (-12_345, "-12.3k"), (1e18, "1.0e+18"), (2.5, "2.5")],
)  # fmt: skip
def test_numbers_are_short(value: float, text: str) -> None:
    assert charts.compact(value) == text


def test_a_text_that_is_cut_has_a_sign_of_it() -> None:
    assert shortened("short", 100) == "short"
    cut = shortened("x" * 1000, 100)
    assert cut.endswith("…")
    assert width(cut) <= 100
    assert width(shortened("漢字" * 50, 100)) <= 100


def test_labels_do_not_touch() -> None:
    assert step_of_labels(["2026-01-01"], 200) == 1
    assert step_of_labels(["2026-01-01"], 10) > 7
