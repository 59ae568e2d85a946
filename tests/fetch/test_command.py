"""The command: what it refuses, what it prints, and its exit codes."""

from __future__ import annotations

import builtins
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from runstore import RunRepository
from runstore.fetch import server
from tests.helpers.api import API, Answer, api_run, error
from tests.helpers.commands import Cli, Terminal, counts

pytestmark = pytest.mark.slow

KEY = "sk-a-key-that-nobody-sees"
LAST = "messages and run steps were not fetched: runstore archives runs only\n"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_KEY", KEY)


def at(api: API, *options: object) -> tuple[object, ...]:
    return ("fetch", "--db", "runs.db", "--base-url", api.url, "--api-key-env", "SERVER_KEY", "--wait", "0", *options)


def test_it_fetches_and_prints_the_counts_of_an_import(cli: Cli, api: API) -> None:
    api.add(*(api_run(number) for number in range(3)), api_run(9, "thread_b", status="queued"))
    done = cli(*at(api, "--thread", "thread_a", "--thread", "thread_b", "--source", "prod"))
    assert done == (0, counts(inserted=4), f"2 threads fetched; 1 run has not ended\n{LAST}")
    again = cli(*at(api, "--thread", "thread_a", "--source", "prod"))
    assert again == (0, counts(unchanged=1), f"1 thread fetched\n{LAST}")
    assert json.loads(cli("db", "status", "--db", "runs.db").out)["fetched_threads"] == 2
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in api.requests)


def test_threads_come_from_a_file_from_standard_input_and_from_the_server(cli: Cli, api: API, tmp_path: Path) -> None:
    api.add(*(api_run(number, f"thread_{number}") for number in range(5)))
    (tmp_path / "threads.txt").write_text("\ufeff# ours\nthread_0\r\n\n  thread_1  \n", encoding="utf-8")
    done = cli(*at(api, "--threads-from", "threads.txt", "--threads-from", "-"), stdin="thread_2\nthread_0\n")
    assert done.out == counts(inserted=3)
    assert cli(*at(api, "--all-threads")).out == counts(inserted=2, unchanged=3)
    assert cli(*at(api, "--threads-from", "-")) == (0, "", "no threads to fetch\n")


def test_threads_that_fail_are_listed_and_the_exit_code_is_6(cli: Cli, api: API) -> None:
    api.add(api_run(1))
    names = [option for number in range(25) for option in ("--thread", f"thread_{number:02}")]
    done = cli(*at(api, "--thread", "thread_a", "--jobs", 1, *names))
    assert (done.code, done.out) == (6, counts(inserted=1))
    lines = done.err.splitlines()
    assert lines[0] == "failed: thread_00: /threads/thread_00/runs: status 404: there is none"
    assert lines[20:] == [
        "... and 5 more",
        "1 thread fetched; 25 failed; run the same fetch again to retry",
        LAST.rstrip(),
    ]
    as_json = cli(*at(api, "--thread", "thread_00", "--log-format", "json"))
    first = json.loads(as_json.err.splitlines()[0])
    assert (first["level"], first["thread"]) == ("warning", "thread_00")


def test_runs_that_cannot_be_stored_are_written_to_a_file(cli: Cli, api: API, tmp_path: Path) -> None:
    api.add(api_run(1), api_run(2, metadata={"key": "\0"}))
    done = cli(*at(api, "--thread", "thread_a", "--rejects", "rejects.jsonl"))
    assert (done.code, done.out) == (6, counts(inserted=1, rejected=1))
    assert done.err.startswith("rejected: thread_a run_0002: $.metadata.key: has the character U+0000")
    assert json.loads((tmp_path / "rejects.jsonl").read_text().splitlines()[1]) == api_run(2, metadata={"key": "\0"})


def test_a_server_that_cannot_be_reached_is_exit_code_7(cli: Cli, api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TRIES", 2)
    done = cli("fetch", "--db", "runs.db", "--base-url", "http://127.0.0.1:1/v1", "--thread", "thread_a")
    assert (done.code, done.out) == (7, "")
    assert done.err == "runstore: http://127.0.0.1:1/v1: cannot be reached: [Errno 111] Connection refused\n"


def test_a_key_that_is_not_accepted_is_exit_code_1(cli: Cli, api: API) -> None:
    api.instead = lambda *_: error(401, f"Incorrect API key provided: {KEY}")
    done = cli(*at(api, "--thread", "thread_a"))
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"runstore: {api.url}: the server does not accept the key (status 401: Incorrect API key provided: ***); "
        "check the key and its permissions\n"
    )


def test_what_a_server_answers_is_harmless_on_a_terminal(terminal: Terminal, api: API) -> None:
    api.instead = lambda *_: Answer(
        404, "<title>\x1b]0;owned\x07 \u202e</title>".encode(), {"Content-Type": "text/html"}
    )
    code, seen = terminal(*at(api, "--thread", "thread_a"))
    assert code == 6
    assert "status 404: <title>" in seen
    assert "\x1b]0;" not in seen
    assert "\u202e" not in seen


def test_on_a_terminal_it_ends_with_a_sentence(terminal: Terminal, api: API) -> None:
    api.add(*(api_run(number) for number in range(3)))
    code, seen = terminal(*at(api, "--thread", "thread_a"))
    assert code == 0
    assert "3 runs archived from 1 thread\r\n" in seen
    assert "1 of 1 threads, 3 runs, 0 unfinished" in seen
    _, again = terminal(*at(api, "--thread", "thread_a"))
    assert "no new runs archived from 1 thread: 1 record was already archived\r\n" in again


def test_a_dry_run_counts(cli: Cli, api: API, tmp_path: Path) -> None:
    api.add(*(api_run(number) for number in range(3)))
    done = cli(*at(api, "--thread", "thread_a", "--dry-run"))
    assert (done.code, done.out) == (0, "3 runs of 1 thread would be fetched\n")
    assert not (tmp_path / "runs.db").exists()


def test_the_key_may_come_from_a_file(cli: Cli, api: API, tmp_path: Path) -> None:
    api.add(api_run(1))
    (tmp_path / "key").write_text(f"{KEY}\n")
    options = ("--db", "runs.db", "--base-url", api.url, "--api-key-file", "key", "--thread", "thread_a")
    assert cli("fetch", *options).code == 0
    assert api.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give the URL of the server with --base-url or with --azure-endpoint"),
        (("--base-url", "http://a/v1", "--azure-endpoint", "http://a"), "with --base-url or with --azure-endpoint"),
        (("--base-url", "http://a/v1"), "give threads with --thread or --threads-from, or give --all-threads"),
        (
            ("--base-url", "http://a/v1", "--thread", "t", "--api-version", "1"),
            "--api-version requires --azure-endpoint",
        ),
        (
            ("--base-url", "http://a/v1", "--thread", "t", "--api-key-env", "NONE"),
            "variable NONE does not contain a key",
        ),
        (("--base-url", "http://a/v1", "--thread", "t", "--api-key-env", "BAD"), "variable BAD does not contain a key"),
        (("--base-url", "http://a/v1", "--thread", "t", "--api-key-env", "A", "--api-key-file", "key"), "not with "),
        (("--base-url", "http://a/v1", "--thread", "t", "--header", "Authorization=x"), "Authorization contains a key"),
        (("--base-url", "http://a/v1", "--thread", "t", "--header", "api-key=x"), "api-key contains a key"),
        (("--base-url", "http://a/v1", "--thread", "t", "--header", "x"), "expected NAME=VALUE"),
        (("--base-url", "http://u:s3cr3t@a/v1", "--thread", "t"), "must not contain credentials"),
        (("--base-url", "http://a/v1", "--thread", "t", "--rate", "5"), "'5' is not a rate"),
        (("--base-url", "http://a/v1", "--thread", "t", "--rate", "0/s"), "'0/s' is not a rate"),
        (("--base-url", "http://a/v1", "--thread", "t" * 400), "the id of a thread must be a text of 1 to 300 bytes"),
        (("--base-url", "http://a/v1", "--thread", "t", "--since", "soon"), "--since is 'soon'"),
        (("--base-url", "http://a/v1", "--thread", "t", "--db", "sqlite://"), "an archive in memory would be lost"),
    ],
)
def test_what_makes_no_sense_is_refused(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    monkeypatch.setenv("BAD", "k\u00e9y with\nlines")
    monkeypatch.setenv("A", KEY)
    (tmp_path / "key").write_text(KEY)
    done = cli("fetch", *options)
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.split())
    assert KEY not in done.err


def test_a_key_that_is_sent_without_encryption_is_warned_of(
    cli: Cli, api: API, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "TRIES", 1)
    options = ("--base-url", "http://host.invalid/v1", "--api-key-env", "SERVER_KEY", "--thread", "t")
    done = cli("fetch", "--db", "runs.db", *options)
    assert done.err.startswith("runstore: the key is sent without encryption; use an https:// URL\n")


def test_it_names_the_command_that_installs_what_is_missing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(("runstore.fetch.server", "httpx2")):
            monkeypatch.delitem(sys.modules, name)
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "httpx2":
            raise ModuleNotFoundError("No module named 'httpx2'", name="httpx2")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    done = cli("fetch", "--base-url", "http://a/v1", "--thread", "t")
    assert (done.code, done.err) == (
        2,
        "runstore: the package httpx2 is missing; install it with: pip install 'runstore[fetch]'\n",
    )


def test_runs_of_the_file_are_those_of_the_server(cli: Cli, api: API, tmp_path: Path) -> None:
    api.add(*(api_run(number) for number in range(5)))
    cli(*at(api, "--thread", "thread_a", "--since", "2023-11-14T22:13:22", "--rate", "100/s", "--refresh-unfinished"))
    with RunRepository.open(tmp_path / "runs.db") as runs:
        assert [run["id"] for run in runs.iterate()] == ["run_0002", "run_0003", "run_0004"]
