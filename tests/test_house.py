"""The house: imports point one way, and SQL is made of the schema's own names and parameters only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "runstore"

ORDER = [
    *("errors", "statuses", "times", "files", "masking", "pace", "config"),
    *("wire", "redact", "sources", "schema", "mapping", "backends", "migrate"),
    *("prices", "query", "save", "upkeep", "formats"),
    *("repository", "orm", "cli"),
]
"""A module imports only what stands before it."""

AGAINST = {("sessions.py", "orm")}
"""The one exception: whoever imports a model has its sessions write runs through the mapping."""


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] in {*ORDER, *FILES}]


FILES = {f"{name}.py" for name in ORDER}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and part of runstore of each import, also of those inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "runstore":
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("runstore."):
            yield node.lineno, str(node.module).split(".")[1]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            yield from ((node.lineno, name[1]) for name in names if name[0] == "runstore" and len(name) > 1)


def test_every_module_has_its_place_in_the_house() -> None:
    found = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert found - {"__init__", "__main__", "__pycache__", "migrations"} - {"py.typed"} == set(ORDER)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_towards_the_top_of_the_house(path: Path) -> None:
    place = ORDER.index(part_of(path))
    against = [
        f"{path.name}:{line} imports {name}"
        for line, name in imports(path)
        if ORDER.index(name) > place and (path.name, name) not in AGAINST
    ]
    assert not against


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_backends_and_migrations_know_which_database_it_is(path: Path) -> None:
    if part_of(path) in ("backends", "schema"):  # a column's type differs between the two
        return
    text = path.read_text()
    named = [line for line in text.splitlines() if "dialect.name" in line]
    assert not named or part_of(path) == "migrate"
    assert "create_all" not in text


def test_text_of_sql_is_put_together_in_one_module_of_names_alone() -> None:
    """ruff's S608 finds SQL made of strings; where it is silenced, only table and column names are put in."""
    silenced = [path for path in PACKAGE.rglob("*.py") if "noqa: S608" in path.read_text()]
    assert [path.relative_to(PACKAGE).as_posix() for path in silenced] == ["backends/base.py"]
