"""--tz and RUNSTORE_TZ: the zone of dates, of groups and of times in tables."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy.engine import URL

from runstore import RunRepository
from tests.helpers.commands import Cli, Terminal, commands, shown

SEEN = ("2024-10-26T21:59:59Z", "2024-10-26T22:00:00Z", "2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z")
"""The last second of a day in Berlin, the first second of the next day, and a time that the clock shows twice."""


@pytest.fixture
def stored(runs: RunRepository) -> RunRepository:
    runs.save_many(
        {
            "id": f"run_{number}",
            "created_at": int(datetime.fromisoformat(text).timestamp()),
            "assistant_id": "asst_a",
            "instructions": f"Prompt {number}",
        }
        for number, text in enumerate(SEEN)
    )
    return runs


def test_every_command_with_filters_has_the_option() -> None:
    for words, command in commands():
        names = {parameter.name: parameter for parameter in command.params}
        if "created_from" in names or words[0] in ("prompts", "fetch"):
            option = names["tz"]
            assert isinstance(option, click.Option), words
            assert (option.opts, option.envvar) == (["--tz"], "RUNSTORE_TZ")


def test_dates_and_groups_are_in_the_zone_of_the_option_else_of_the_variable(
    stored: RunRepository, url: URL, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("stats", "--db", shown(url), "--by", "day", "--columns", "runs", "--since", "2024-10-27")
    assert json.loads(cli(*command).out) == {"day": "2024-10-27", "runs": 2}
    berlin = {"day": "2024-10-27", "runs": 3}
    assert json.loads(cli(*command, "--tz", "Europe/Berlin").out) == berlin
    monkeypatch.setenv("RUNSTORE_TZ", "Europe/Berlin")
    assert json.loads(cli(*command).out) == berlin
    assert json.loads(cli(*command, "--tz", "utc").out) == {"day": "2024-10-27", "runs": 2}
    assert cli("prune", "--db", shown(url), "--until", "2024-10-27", "--dry-run").err.startswith("would delete: 1 run")
    listed = cli("list", "--db", shown(url), "--since", "2024-10-27", "--columns", "id,created_time,created_day")
    assert json.loads(listed.out.splitlines()[-1]) == {
        "id": "run_1",
        "created_time": "2024-10-26T22:00:00Z",  # JSON stays in UTC
        "created_day": "2024-10-26",
    }
    monkeypatch.setenv("RUNSTORE_TZ", "")
    assert json.loads(cli(*command).out) == {"day": "2024-10-27", "runs": 2}


@pytest.mark.parametrize("command", ["list", "export", "stats", "prune", "prompts", "lint", "fingerprint", "report"])
def test_an_unknown_zone_is_an_error_that_states_where_it_was_given(
    command: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = "is 'Europe/Berln', expected the name of a time zone such as Europe/Berlin, UTC or local"
    result = cli(command, "--tz", "Europe/Berln")
    assert (result.code, result.err) == (2, f"runstore: --tz {end}; did you mean 'Europe/Berlin'?\n")
    monkeypatch.setenv("RUNSTORE_TZ", "Europe/Berln")
    result = cli(command)
    assert (result.code, result.err) == (2, f"runstore: RUNSTORE_TZ {end}; did you mean 'Europe/Berlin'?\n")


def test_tables_print_times_in_the_zone_and_its_name(tmp_path: Path, terminal: Terminal) -> None:
    with RunRepository.open(tmp_path / "runstore.db") as runs:
        for number, text in enumerate(SEEN):
            runs.save({"id": f"run_{number}", "created_at": int(datetime.fromisoformat(text).timestamp())})

    def seen(*words: str) -> list[str]:
        code, text = terminal(*words, COLUMNS="120")
        assert code == 0
        return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]

    assert seen("list", "--tz", "Europe/Berlin")[0].split()[1:3] == ["created", "(Europe/Berlin)"]
    times = [line[7:32].strip() for line in seen("list", "--tz", "Europe/Berlin", "--oldest-first")[1:]]
    assert times == [
        *("2024-10-26 23:59:59", "2024-10-27 00:00:00", "2024-10-27 02:30:00+02:00", "2024-10-27 02:30:00+01:00")
    ]
    assert seen("list")[0].split()[1:3] == ["created", "(UTC)"]
    head, first, *_ = seen("list", "--tz", "Asia/Tokyo", "--oldest-first", "--columns", "created_time,created_hour")
    assert head.split() == ["created_time", "(Asia/Tokyo)", "created_hour"]
    assert first.split() == ["2024-10-27", "06:59:59", "2024-10-26T21"]
    assert seen("stats", "--by", "hour", "--columns", "runs", "--tz", "Europe/Berlin")[0].split() == [
        *("hour", "(Europe/Berlin)", "runs")
    ]
    assert seen("stats", "--by", "hour", "--columns", "runs")[0].split() == ["hour", "runs"]


def test_the_days_of_prompts_and_the_end_of_a_date_are_in_the_zone(stored: RunRepository, url: URL, cli: Cli) -> None:
    command = ("prompts", "--db", shown(url), "--assistant", "asst_a")
    rows: list[dict[str, Any]] = [json.loads(line) for line in cli(*command, "--tz", "Europe/Berlin").out.splitlines()]
    assert [row["first_day"] for row in rows] == ["2024-10-27"] * 3 + ["2024-10-26"]
    assert cli(*command, "--at", "2024-10-26").out == "Prompt 1\n"
    assert cli(*command, "--at", "2024-10-26", "--tz", "Europe/Berlin").out == "Prompt 0\n"
    assert cli(*command, "--at", "2024-10-27T02:30", "--tz", "Europe/Berlin").out == "Prompt 2\n"
    assert cli(*command, "--at", "9999-12-31", "--tz", "Europe/Berlin").out == "Prompt 3\n"
