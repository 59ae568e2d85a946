"""--log-level and --log-format: standard error for collectors, and what neither shows."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.engine import URL

from runstore import config
from runstore.cli import main
from tests.helpers.commands import SECRET, Cli, lines, shown
from tests.helpers.paths import EXAMPLES
from tests.helpers.runs import a_run

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
BAD = lines(a_run("a"), {"id": 5, "object": "thread.run"}, {"object": "thread.message", "id": "msg_1"})


@pytest.fixture(autouse=True)
def levels(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test begins with the log as it is by default, whatever the shell says."""
    for name in ("RUNSTORE_LOG_LEVEL", "RUNSTORE_LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    yield
    logging.getLogger("runstore").setLevel(logging.NOTSET)


def objects(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    for each in found:
        assert list(each)[:3] == ["time", "level", "message"]
        assert re.fullmatch(TIME, each.pop("time"))
    return found


def test_json_has_an_object_a_line_with_what_was_rejected_and_why(cli: Cli, url: URL) -> None:
    place = ("--db", shown(url))
    result = cli("import", "-", *place, "--log-format", "json", "--verbose", stdin=BAD)
    where, reason = "-:2", "$.id: expected a string, found number"
    rejected, skipped = objects(result.err)[:2]
    assert result.code == 6
    assert rejected == {
        "level": "warning",
        "message": f"rejected: {where}: {reason}",
        "outcome": "rejected",
        "where": where,
        "reason": reason,
        "record": '{"id":5,"object":"thread.run"}',
    }
    assert (skipped["level"], skipped["outcome"], skipped["where"]) == ("info", "skipped", "-:3")
    cli("import", "-", *place, stdin=lines(a_run("b", thread_id="1")))
    result = cli("import", "-", *place, "--log-format", "json", stdin=lines(a_run("b", thread_id="2")))
    (conflict,) = objects(result.err)
    assert (conflict["level"], conflict["outcome"], conflict["where"]) == ("warning", "conflict", "-:1")
    assert conflict["message"] == f"conflict: -:1: {conflict['reason']}"


def test_text_has_time_and_level_before_each_line(cli: Cli, url: URL) -> None:
    result = cli("import", "-", "--db", shown(url), "--log-format", "text", stdin=BAD)
    assert re.fullmatch(
        rf"{TIME} WARNING rejected: -:2: \$\.id: expected a string, found number\n"
        rf"{TIME} INFO runstore archives runs only, not messages or run steps\n",
        result.err,
    )
    check = cli("db", "check", "--db", shown(url), "--log-format", "text")
    assert re.fullmatch(rf"{TIME} INFO {re.escape(config.shown(url))}: at revision \d+\n", check.err)


def test_the_options_stand_before_and_after_the_command_and_in_the_environment(
    cli: Cli, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ("--db", shown(url))
    for args in (
        ("--log-format", "json", "db", "check", *place),
        ("db", "--log-format", "json", "check", *place),
        ("db", "check", *place, "--log-format", "JSON"),
        ("--log-format", "text", "db", "check", *place, "--log-format", "json"),
    ):
        assert len(objects(cli(*args).err)) == 1, args
    monkeypatch.setenv("RUNSTORE_LOG_FORMAT", "json")
    monkeypatch.setenv("RUNSTORE_LOG_LEVEL", "debug")
    said = objects(cli("import", "-", *place, stdin=lines(a_run("a"))).err)
    assert [(each["level"], each["message"][:11]) for each in said] == [("debug", "1 snapshots")]
    assert cli("db", "check", *place, "--log-format", "text").err.endswith("\n")
    monkeypatch.setenv("RUNSTORE_LOG_FORMAT", "")
    assert cli("db", "check", *place).err.startswith(config.shown(url))


def test_the_level_chooses_of_the_log_and_not_of_what_commands_say(cli: Cli, url: URL) -> None:
    args = ("import", "-", "--db", shown(url))
    assert cli(*args, "--log-level", "debug", stdin=BAD).err.startswith("runstore: 1 snapshots in ")
    quiet = cli(*args, "--log-level", "error", stdin="").err
    assert quiet == ""
    assert cli(*args, stdin="").err == "runstore: -: no run found\n"
    assert cli(*args, "--log-level", "error", stdin=BAD).err.startswith("rejected: -:2: ")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("list", "--db", "nowhere.db"), {"exit_code": 3}),
        (("list", "--bogus"), {"exit_code": 2, "message": "No such option '--bogus'."}),
        (("bogus",), {"exit_code": 2, "message": "No such command 'bogus'."}),
    ],
)
def test_an_error_is_an_object_with_the_exit_code(cli: Cli, args: tuple[str, ...], said: dict[str, Any]) -> None:
    result = cli("--log-format", "json", *args)
    (told,) = objects(result.err)
    assert told["level"] == "error"
    assert told | said == told
    assert result.code == said["exit_code"]


@pytest.mark.parametrize("name", ["RUNSTORE_LOG_LEVEL", "RUNSTORE_LOG_FORMAT"])
def test_a_variable_that_makes_no_sense_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "bogus")
    result = cli("list")
    assert (result.code, name in result.err) == (2, True)


ESCAPE = "\x1b[31m\u202e\r\n"


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_internal_error_shows_its_traceback_at_debug_and_neither_secrets_nor_escapes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError(f"postgresql://user:{SECRET}@host/db {ESCAPE}")

    monkeypatch.setattr("runstore.repository.RunRepository.open", fails)
    for level in ("debug", "info"):
        monkeypatch.setattr("sys.argv", ["runstore", "list", "--log-format", form, "--log-level", level])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr().err
        assert ended.value.code == 1
        assert SECRET not in said
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", said)
        assert ("in fails" in said) == (level == "debug")
        if form == "json":
            (told,) = objects(said)
            assert ("traceback" in told) == (level == "debug")
            assert told["message"].startswith(
                "internal error; please report it: ZeroDivisionError: postgresql://user:***@"
            )
        elif level == "info":
            assert said.count("\n") == 1


def test_an_interrupt_is_an_object_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("runstore.repository.RunRepository.open", interrupted)
    result = cli("list", "--log-format", "json")
    (told,) = objects(result.err)
    assert (result.code, told["exit_code"], told["message"][:12]) == (130, 130, "interrupted;")


def test_a_source_that_would_steer_a_terminal_is_spelled_in_json_too(cli: Cli) -> None:
    with open(f"evil{ESCAPE.strip()}.jsonl", "w", encoding="utf-8") as file:
        file.write(BAD)
    result = cli("import", ".", "--log-format", "json")
    assert "\\u001b[31m\\u202e" in result.err
    assert objects(result.err)[0]["where"] == f"evil{ESCAPE.strip()}.jsonl:2"


def test_the_default_is_as_ever(cli: Cli) -> None:
    assert cli("import", EXAMPLES).err == "runstore archives runs only, not messages or run steps\n"
    assert cli("show", "nowhere").err == "runstore: run nowhere is not in this archive\n"
