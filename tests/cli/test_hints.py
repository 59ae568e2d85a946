"""Hints: what a user is told who has mistyped a name or has no runs yet."""

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
