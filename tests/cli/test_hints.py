"""Hints for users who have mistyped a name or have no runs yet."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy.engine import URL

from runstore import RunRepository, config
from tests.helpers.commands import Cli, shown
from tests.helpers.runs import a_run


def test_a_mistyped_name_is_told_with_the_nearest_one(cli: Cli) -> None:
    cli("import", "-", stdin='{"id": "a", "object": "thread.run"}')
    for given, meant in (
        (["lst"], "'list'"),
        (["db", "statsu"], "'status'"),
        (["list", "--tread", "x"], "'--thread'"),
        (["list", "--columns", "id,modle"], "'model'"),
        (["export", "--format", "csv", "--columns", "total_token"], "'total_tokens'"),
        (["stats", "--by", "modle"], "'model'"),
        (["stats", "--columns", "rnus"], "'runs'"),
        (["stats", "--sort", "totaltokens"], "'total_tokens'"),
        (["lint", "--rule", "secrt"], "'secret'"),
    ):
        result = cli(*given)
        assert (result.code, result.out) == (2, "")
        assert re.search(rf"[Dd]id you mean {meant}\?", result.err), given
    assert "did you mean" not in cli("list", "--columns", "nothing_like_it").err


def test_an_argument_that_cannot_be_used_is_told_by_its_option(cli: Cli) -> None:
    cli("import", "-", stdin='{"id": "a", "object": "thread.run"}')
    for command, given, message in (
        (["list"], ["--created-from", "abc"], "--created-from is 'abc', expected Unix seconds"),
        (["prune"], ["--finished-before", "abc"], "--finished-before is 'abc', expected Unix seconds"),
        (["list"], ["--columns", ","], "--columns is '', expected one or more of"),
        (["stats"], ["--by", "x"], "--by is 'x', expected one or more of"),
        (["stats"], ["--sort", "x"], "--sort is 'x', expected one of the columns"),
        (["import", "-"], ["--observed-at", "x"], "--observed-at is 'x', expected Unix seconds"),
        (["list"], ["--cursor", "a", "--after", "b"], "--after is given together with a cursor"),
    ):
        result = cli(*command, *given)
        assert (result.code, result.out) == (2, "")
        assert message in result.err, given


def test_a_value_that_is_not_possible_is_told_with_those_that_are(cli: Cli) -> None:
    for given, message in (
        (["fingerprint", "--by", "week"], "'--by': 'week' is not supported; expected day\n"),
        (
            ["list", "--format", "jsnl"],
            "'jsnl' is not supported; expected one of table, jsonl, json, csv, parquet, xlsx;",
        ),
        (["stats", "--limit", "x"], "'--limit' / '-n': 'x' is not an integer of at least 1\n"),
        (["list", "--limit", "0"], "'--limit' / '-n': '0' is not an integer of at least 1\n"),
        (["list", "--tokens-min", "x"], "'--tokens-min': 'x' is not an integer\n"),
        (["serve", "--port", "65536"], "'--port': '65536' is not an integer from 0 to 65535\n"),
        (["sql", "--timeout", "nan"], "'nan' is not a number of seconds greater than 0, such as 30 or 0.5\n"),
        (["db", "wait", "--timeout", "-1"], "'-1' is not a number of seconds of at least 0, such as 30 or 0.5\n"),
    ):
        result = cli(*given)
        assert (result.code, result.out) == (2, "")
        assert message in result.err, given


def test_a_status_that_no_run_has_is_told_with_those_that_there_are(cli: Cli, url: URL, runs: RunRepository) -> None:
    runs.save_many([a_run("a", status="paused"), a_run("b", status="completed")])
    for status, warning in (
        ("paused", ""),  # of a server's own
        ("failed", ""),  # documented, and none has it
        (
            "faild",
            "runstore: no run has the status 'faild'; the documented statuses are queued, in_progress, "
            "requires_action, cancelling, cancelled, failed, completed, incomplete, expired; did you mean 'failed'?\n",
        ),
    ):
        result = cli("list", "--db", shown(url), "--status", status, "--status", "completed")
        assert (result.code, result.err) == (0, warning)
        assert len(result.out.splitlines()) == 1 + (status == "paused")
    for command in (["stats"], ["export"], ["prune", "--dry-run"], ["lint"], ["fingerprint"]):
        result = cli(*command, "--db", shown(url), "--status", "faild")
        assert result.code == 0
        assert result.err.count("did you mean 'failed'?\n") == 1
    assert cli("list", "--status", "faild").code == 3
    assert not Path("runstore.db").exists()


def test_an_empty_archive_says_what_to_do(cli: Cli, url: URL, runs: RunRepository, empty_url: URL) -> None:
    assert (
        cli("list", "--db", shown(url)).err == "the archive has no runs yet; import some with 'runstore import FILE'\n"
    )
    assert cli("list", "--db", shown(url), "--model", "m").err == ""
    runs.save(a_run("a"))
    assert cli("list", "--db", shown(url)).err == ""
    if not config.sqlite_file(empty_url):
        assert "create it with 'runstore db upgrade'" in cli("db", "current", "--db", shown(empty_url)).err
