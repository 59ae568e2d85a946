"""The pages for developers refer to existing files and methods."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runstore.backends.base import Backend
from tests.helpers.paths import ROOT

PAGES = sorted((ROOT / "docs" / "develop").rglob("*.md"))
FILES = [
    f"/{path.relative_to(ROOT)}"
    for name in ("runstore", "migrations", "tests", "benchmarks")
    for path in (ROOT / name).rglob("*")
]


def test_the_page_on_backends_has_every_part_of_the_interface() -> None:
    text = (ROOT / "docs" / "develop" / "adding-a-backend.md").read_text("utf-8")
    table = text.partition("## What is behind the interface")[2].partition("## What is not")[0]
    listed = {name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)}
    declared = {*vars(Backend), *Backend.__annotations__}
    assert listed == {name for name in declared if not name.startswith("_")}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_file_that_a_page_names_is_there(path: Path) -> None:
    for name in re.findall(r"`([\w/]+\.(?:py|mako|txt))`", path.read_text("utf-8")):
        assert any(file.endswith(f"/{name}") for file in FILES), name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_method_of_a_backend_that_a_page_names_is_there(path: Path) -> None:
    for name in re.findall(r"`Backend\.(\w+)`", path.read_text("utf-8")):
        assert hasattr(Backend, name)
