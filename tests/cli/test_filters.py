"""Filters as options of commands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy.engine import URL

from runstore import ConfigurationError, RunRepository
from tests.helpers.commands import invoke, shown


@pytest.mark.slow
def test_every_filter_is_an_option_of_list_and_export(url: URL) -> None:
    run: dict[str, Any] = {
        "id": "a",
        "object": "thread.run",
        "created_at": 100,
        "started_at": 101,
        "failed_at": 110,
        "thread_id": "t",
        "assistant_id": "s",
        "model": "m",
        "status": "failed",
        "metadata": {"team": "a=b"},
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "file_ids": ["x"],
        "last_error": {"code": "c"},
        "incomplete_details": {"reason": "r"},
        "usage": {"total_tokens": 5},
    }
    with RunRepository.open(url) as runs:
        runs.save_many([run, {"id": "b", "object": "thread.run", "required_action": {}}])
    options = [
        *("--id a", "--thread t", "--assistant s", "--model m", "--status failed", "--metadata-key team"),
        *("--tool-type function", "--function f", "--file x", "--error-code c", "--incomplete-reason r"),
        *("--metadata team=a=b", "--created-from 100", "--created-before 101", "--started-from 101"),
        *("--started-before 102", "--finished-from 1970-01-01", "--finished-before 7d", "--tokens-min 5"),
        *("--tokens-max 5", "--seconds-min 10", "--seconds-max 10", "--no-requires-action"),
    ]
    for option in options:
        done = invoke("list", "--db", shown(url), *option.split(" "))
        assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["a"], option
    everything = " ".join(options).split(" ")
    done = invoke("export", "--db", shown(url), *everything)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["a"], done.output
    assert invoke("list", "--db", shown(url), "--metadata", "team").exit_code == 2
    for short, long in (("--since", "--created-from"), ("--until", "--created-before")):
        listed = [invoke("list", "--db", shown(url), option, "101").stdout for option in (short, long)]
        assert listed[0] == listed[1]
    assert invoke("list", "--db", shown(url), "-n", "1").stdout.count("\n") == 1
    two = invoke("list", "--db", shown(url), "--metadata", "team=a", "--metadata", "team=b")
    assert (two.exit_code, "'team' is given two values, but no run has both" in two.stderr) == (2, True)
    assert isinstance(invoke("list", "--db", shown(url), "--created-from", "x").exception, ConfigurationError)
