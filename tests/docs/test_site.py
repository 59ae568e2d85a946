"""The site as it is built: without a warning, and with everything that it takes from the code."""

from __future__ import annotations

import html
import inspect
import re
import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from sphinx.util.inventory import InventoryFile

import runstore
from runstore import errors
from runstore.query.criteria import FILTERS
from runstore.schema import views
from tests.helpers.commands import commands
from tests.helpers.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("site")]

Site = Callable[[str], str]
"""The words of a page, as a reader sees them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--builder", "html", "--fail-on-warning", "--keep-going", "--quiet"]
    built = subprocess.run(
        [*command, ROOT / "docs", folder], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300, check=False
    )
    assert (built.returncode, built.stderr) == (0, "")
    return str(folder)


@pytest.fixture
def site(folder: str) -> Site:
    def words(page: str) -> str:
        with open(f"{folder}/{page}.html", encoding="utf-8") as file:
            _, _, article = file.read().partition("<article")
        return re.sub(r"\s*\n\s*", "\n", html.unescape(re.sub(r"<[^>]+>", "", article)))

    return words


def test_every_name_that_users_import_is_described(folder: str) -> None:
    with open(f"{folder}/objects.inv", "rb") as file:
        found = InventoryFile.load(file, "", lambda base, place: place)
    described = {name for kind, names in found.items() if kind.startswith("py:") for name in names}
    assert {f"runstore.{name}" for name in runstore.__all__} <= described


def test_every_command_option_and_argument_is_described(folder: str) -> None:
    with open(f"{folder}/reference/commands.html", encoding="utf-8") as file:
        places = set(re.findall(r'id="([^"]+)"', file.read()))
    for words, command in commands():
        name = "-".join(["runstore", *words])
        assert name in places
        for parameter in command.params:
            if isinstance(parameter, click.Argument):
                argument = parameter.human_readable_name.strip("[]").replace(":", "-")
                assert f"cmdoption-{name}-arg-{argument}" in places
            elif not {"--log-level", "--log-format"} & set(parameter.opts):
                for option in (*parameter.opts, *parameter.secondary_opts):
                    assert f"cmdoption-{name}-{option.lstrip('-')}" in places


def test_every_filter_is_described(site: Site) -> None:
    words = site("reference/filters")
    for name, criterion in FILTERS.items():
        assert f"\n{name}\n" in words
        assert criterion.option in words
        assert criterion.help in words


def test_every_column_of_the_views_is_described(site: Site) -> None:
    words = site("reference/views")
    for view in views.VIEWS:
        assert f"\n{view.name}" in words
        for column in view.columns:
            assert column.comment
            assert re.search(rf"\n{column.name}\n{re.escape(column.comment)}\n", words), f"{view.name}.{column.name}"


def test_every_error_is_described_with_its_message_and_exit_code(site: Site) -> None:
    words = site("reference/errors")
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.RunStoreError):
            _, found, rest = words.partition(f"\nexception runstore.{name}(")
            assert found, name
            described = rest.partition("exception runstore.")[0]
            assert f"Message{kind.message}{kind.advice}\nExit code{kind.exit_code}\n" in described
