"""Every block of the pages is executed and prints what the page shows, or it is listed as one that is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from runstore import config
from tests.docs.pages import ARCHIVE, FENCE, NOT_RUN, PAGES, Page, commands, not_run, same
from tests.docs.picture import PICTURE, drawn, words
from tests.helpers.paths import ROOT
from tests.helpers.servers import SERVER, database, server

EXECUTED = {"console", "python", "text"}
READ = {"sql", "sh", "py", "yaml", "ini", "toml", "csv", "json", "mermaid", "crontab"}
"""Languages of blocks that are there to be read; of some of them other tests read them too."""


@pytest.fixture(scope="module")
def databases() -> Iterator[ExitStack]:
    """What the pages of this process have asked for."""
    with ExitStack() as stack:
        yield stack


@cache
def running(stack: ExitStack) -> URL:
    return config.database_url(SERVER) if SERVER else stack.enter_context(server(18))


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_blocks_of_a_page_print_what_it_shows(path: Path, databases: ExitStack, tmp_path: Path) -> None:
    Page(path, tmp_path, lambda: databases.enter_context(database(running(databases), "docs"))).run()


@pytest.mark.slow
def test_the_picture_shows_what_the_commands_print() -> None:
    assert words(drawn()) == words(PICTURE.read_text("utf-8")), "python -m tests.docs --write draws it"


def test_the_blocks_that_are_not_executed_are_listed() -> None:
    assert not_run() == NOT_RUN.read_text("utf-8"), "python -m tests.docs --write renews the list"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_is_of_a_language_that_is_executed_or_only_read(path: Path) -> None:
    assert {language for _, language, _ in FENCE.findall(path.read_text("utf-8"))} <= EXECUTED | READ


def test_a_console_is_taken_apart() -> None:
    block = "$ cat > a <<'E'\n> b\n>\n> E\n$ cat a\nb\n\nmore > b\n"
    assert list(commands(block)) == [("cat > a <<'E'\nb\n\nE", ""), ("cat a", "b\n\nmore > b")]
    assert same("one ... three", "one two three")
    assert not same("one\ntwo", "two\none")
    assert same("one\ntwo", "two\none", several=True)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(
        "```console\n$ x=1; echo $x\n2\n```\n\n```console\n$ echo $x; (exit 3); echo $?\n```\n\n"
        "```python\nprint('a')\n```\n\n```text\nb\n```\n\n<!-- skip: next -->\n```console\n$ false\nnothing\n```\n"
    )
    return path


def nowhere() -> URL:
    raise AssertionError(f"no block has {ARCHIVE}")


def test_a_wrong_output_fails(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(AssertionError, match=r"line 1, .*\nexpected:\n.*\n2\n\ngot:\n.*\n1"):
        Page(page, folder, nowhere).run()


@pytest.mark.slow
def test_outputs_are_renewed_in_the_page(page: Path, tmp_path: Path) -> None:
    for folder in (tmp_path / "first", tmp_path / "second"):
        folder.mkdir()
        renewed = Page(page, folder, nowhere, write=True)
        renewed.run()
        renewed.write()
    assert renewed.renewed == []
    assert page.read_text() == (
        "```console\n$ x=1; echo $x\n1\n```\n\n```console\n$ echo $x; (exit 3); echo $?\n1\n3\n```\n\n"
        "```python\nprint('a')\n```\n\n```text\na\n```\n\n<!-- skip: next -->\n```console\n$ false\nnothing\n```\n"
    )
