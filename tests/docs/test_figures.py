"""The tables of figures in the pages are those of the published JSON, which the commands that measure write."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import MEASURES
from tests.docs import figures
from tests.faults.__main__ import faults
from tests.faults.places import BACKENDS, Place

PAGES = {path.name: path.read_text("utf-8") for path in sorted(figures.PAGES.glob("*.md"))}


def test_the_pages_show_the_published_figures() -> None:
    made = figures.published()
    for name, text in PAGES.items():
        assert figures.with_tables(text, made) == text, f"{name}: python -m tests.docs.figures renews its tables"
    marked = [name for text in PAGES.values() for name in re.findall(r"<!-- figures: (\w+) -->", text)]
    assert sorted(marked) == sorted(made)


def test_what_is_measured_has_a_row() -> None:
    assert {*figures.RATIOS, "queries", "index_cost"} == set(MEASURES)
    everywhere = {backend: Place.__new__(Place) for backend in BACKENDS}
    assert {name.partition(",")[0] for name, _ in faults(everywhere, 1, 1, "")} == set(figures.FAULTS)


def measured(value: float, *, unique: float = 0) -> dict[str, Any]:
    """What ``python -m benchmarks --json`` writes."""
    pages = {"unit": "ms", "model, first page": [value], "metadata, first page": [9.0], "errors by code, tables": [1.0]}
    ratios = {
        "import_vs_blob": {"value": value, "measured": {}, "room": {}},
        "import_vs_dlt": {"value": None, "measured": {}, "room": {}},
        "queries": {"value": 1, "measured": pages, "room": {}},
        "index_cost": {"value": 1, "measured": {}, "room": {"ix_run_object_model": 61.2}},
    }
    return {
        "measured_on": "2026-11-26",
        "revision": "0004",
        "machine": {"cpu": "x", "cores": 2, "memory_gb": 25.0, "commit_ms": 0.2, "python": "3.11.7", "system": "y"},
        "setting": {"runs": 100, "unique_percent": unique, "repeat": 3},
        "backends": {"sqlite": {"settings": {}, "ratios": ratios}},
    }


def test_several_measurements_become_ranges() -> None:
    found = figures.published_benchmarks([measured(1.2345), measured(1.5), measured(0.4, unique=50)])
    assert found["ratios"] == {"import_vs_blob": {"sqlite": [1.23, 1.5]}}
    assert found["unique"] == {"0": {"sqlite": [1.23, 1.5]}, "50": {"sqlite": [0.4, 0.4]}}
    assert found["questions"] == {figures.PAGE: {"sqlite": [1.23, 1.5]}, figures.RARE: {"sqlite": [9.0, 9.0]}}
    assert found["indexes"] == {"ix_run_object_model": {"sqlite": [61.2, 61.2]}}
    made = figures.tables(found, {"faults": [{"name": "kills, sqlite", "results": {"runs lost": 0}}]})
    assert "| 50 % |  | 0.4 |\n" in made["unique"]
    assert made["faults"].endswith("| runs lost: 0 |\n")


@pytest.mark.parametrize("kind", ["benchmarks", "faults"])
def test_published_files_have_no_paths(kind: str) -> None:
    text = Path(figures.DATA, f"{kind}.json").read_text("utf-8")
    assert json.loads(text)["measured_on"]
    assert not re.search(r"/(tmp|home|work|root|var)\b", text)
