"""Everything is documented: handwritten pages contain every column, group and exit code."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from runstore import errors
from runstore.query import statistics
from runstore.schema import TABLES
from tests.docs.pages import PAGES
from tests.helpers.paths import ROOT

PROJECT = "https://github.com/runstore/runstore/blob/main/"


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_every_column_and_group_of_the_statistics_is_described() -> None:
    first_cells = " ".join(re.findall(r"^\| (`.*?) \|", text_of("docs/reference/statistics.md"), re.M))
    assert set(re.findall(r"`(\w+)`", first_cells)) == {*statistics.COLUMNS, *statistics.BY}


def test_every_table_and_column_is_described() -> None:
    words = set(re.findall(r"`(?:\w+\.)?(\w+)(?:`|\.)", text_of("docs/reference/tables.md")))
    for table in TABLES.values():
        assert table.name in words
        assert {column.name for column in table.columns} <= words, table.name


def test_every_exit_code_is_described() -> None:
    described = {int(code) for code in re.findall(r"^\| (\d+) \|", text_of("docs/operate/exit-codes.md"), re.M)}
    raised = {kind.exit_code for _, kind in inspect.getmembers(errors, inspect.isclass) if hasattr(kind, "exit_code")}
    assert described == {0, *raised, 6, 130}


def test_the_readme_is_one_page_and_its_links_work_on_a_package_index() -> None:
    text = text_of("README.md")
    assert len(text.splitlines()) <= 150
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert links
    for link in links:
        path = re.sub(r"^https://raw\.githubusercontent\.com/runstore/runstore/main/", PROJECT, link)
        assert path.startswith(PROJECT), link
        assert (ROOT / path.removeprefix(PROJECT)).exists(), link


@pytest.mark.parametrize("path", [path for path in PAGES if "docs" in path.parts], ids=lambda path: path.stem)
def test_every_page_of_the_site_has_one_title(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.M | re.S)
    assert len(re.findall(r"^# ", text, re.M)) == 1
