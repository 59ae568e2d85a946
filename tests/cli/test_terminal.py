"""A terminal: control characters in runs do not reach it, and what a person sees there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.helpers.commands import (
    SECRET,
    Cli,
    Terminal,
    lines,
    on_a_terminal,
)
from tests.helpers.paths import EXAMPLES
from tests.helpers.runs import a_run

ESCAPES = "\x1b[31mred\x1b]0;title\x07\x9b5m\r\b\x7f\u202e\u2028"


EVIL = f"run{ESCAPES}[bold]"


ALLOWED = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[hl]|\x1b\[[0-9]*[AK]|\x1b\[2K|\r")
"""What rich and the line discipline themselves write."""


@pytest.fixture
def evil(cli: Cli, tmp_path: Path) -> Path:
    """An archive of runs whose text would steer a terminal."""
    run = a_run(EVIL, created_at=10, status=f"done{ESCAPES}", model=ESCAPES, thread_id=f"[red]t{ESCAPES}")
    more = [a_run("far", created_at=2**62), a_run("none", created_at=None, usage={"total_tokens": 5})]
    assert cli("import", "-", stdin=lines(run, *more)).code == 0
    return tmp_path


def test_control_characters_are_neutralised_in_messages(cli: Cli, evil: Path) -> None:
    assert "\\x1b[31mred" in cli("show", f"nowhere{ESCAPES}").err
    (evil / "bad\x1b[31m.json").write_text(
        lines(a_run("y") | {"id": 5}, a_run(EVIL, thread_id="x"), a_run("x", status=[ESCAPES]))
    )
    result = cli("import", "bad\x1b[31m.json")
    assert result.code == 6
    assert "rejected: bad\\x1b[31m.json:1: $.id" in result.err
    for message in (cli("list", "--db", EVIL), cli("export", "--db", f"{EVIL}://user:{SECRET}@host/db")):
        assert message.err.isprintable() or message.err[:-1].isprintable()


def test_control_characters_are_neutralised_in_list_and_show_on_a_terminal(evil: Path, terminal: Terminal) -> None:
    listed = terminal("list")
    for code, seen in (listed, terminal("show", EVIL)):
        assert code == 0
        left = ALLOWED.sub("", seen)
        assert all(c.isprintable() or c == "\n" for c in left), repr(left)
        assert "\x1b[31m" not in seen
        assert "red" in left
    _, seen = listed
    assert "1970-01-01 00:00:10" in seen
    assert str(2**62) in seen
    assert "\\x1b[31mred" in seen
    assert "[bold]" in seen


@pytest.mark.parametrize("form", ["jsonl", "json", "csv"])
@pytest.mark.parametrize("command", ["list", "export"])
def test_control_characters_are_neutralised_in_any_format_on_a_terminal(
    evil: Path, command: str, form: str, terminal: Terminal
) -> None:
    code, seen = terminal(command, "--format", form)
    assert code == 0
    assert all(c.isprintable() or c == "\n" for c in seen.replace("\r\n", "\n")), repr(seen)
    assert "\\u001b[31mred" in seen


def test_on_a_terminal_show_prints_json_that_is_equal_to_the_run(cli: Cli, evil: Path, terminal: Terminal) -> None:
    _, seen = terminal("show", EVIL)
    assert json.loads(seen) == json.loads(cli("show", EVIL).out)


def test_in_a_pipe_list_and_show_give_the_text_as_it_is(cli: Cli, evil: Path) -> None:
    assert json.loads(cli("show", EVIL).out)["id"] == EVIL
    assert [json.loads(line)["id"] for line in cli("list").out.split("\n")[:-1]] == ["far", EVIL, "none"]


def test_a_terminal_that_lacks_characters_shows_a_list_all_the_same(evil: Path, terminal: Terminal) -> None:
    code, seen = terminal("list", PYTHONIOENCODING="ascii")
    assert code == 0
    assert "\\x1b[31mred" in seen


@pytest.mark.slow
def test_an_import_on_a_terminal_shows_its_progress_and_ends_with_the_counts(evil: Path) -> None:
    (evil / "more.jsonl").write_text(lines(a_run("more"), {"id": 5, "object": "thread.run"}))
    code, seen = on_a_terminal(evil, "import", EXAMPLES, "more.jsonl")
    assert code == 6
    assert "rejected: more.jsonl:2: $.id: expected a string, found number" in seen
    assert "40 runs archived from 51 records: 8 newer snapshots replaced stored ones" in seen
    assert "Traceback" not in seen
