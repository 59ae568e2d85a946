"""Runs go from a server into an archive: all of them, as they were sent, and later only what is new."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from runstore import ConfigurationError, FetchFailed, Rejection, RunRepository, ServerRefused, ServerUnreachable
from runstore.fetch import FetchReport, HTTPServer, fetcher, threads
from tests.helpers.api import API, Answer, Done, Request, Run, api_run, error

Fetch = Callable[..., FetchReport]


@pytest.fixture
def fetch(runs: RunRepository, api: API) -> Fetch:
    """Fetch from the server into the archive."""

    def fetched(*ids: str, **options: Any) -> FetchReport:
        api.requests.clear()
        report = threads(HTTPServer(api.url), ids, runs, **{"wait": 0, **options})
        assert report.saved.skipped == 0
        return report

    return fetched


def counts(report: FetchReport) -> tuple[int, int, int, int]:
    return report.threads, report.saved.inserted, report.saved.updated, report.saved.unchanged


def afters(api: API) -> list[str | None]:
    return [request.query.get("after") for request in api.requests]


def answering(status: int, message: str, *paths: str) -> Callable[[Request, BaseHTTPRequestHandler], Answer | None]:
    def instead(request: Request, _: BaseHTTPRequestHandler) -> Answer | None:
        return error(status, message) if any(path in request.path for path in paths) else None

    return instead


# --- what is fetched -------------------------------------------------------------------------------------------------


def test_all_runs_of_the_threads_are_stored_as_they_were_sent(fetch: Fetch, runs: RunRepository, api: API) -> None:
    api.add(*(api_run(number) for number in range(250)), *(api_run(number, "thread_b") for number in range(900, 903)))
    api.texts["run_0007"] = (
        b'{"status": "completed", "id": "run_0007", "object": "thread.run", "created_at": 1700000007, '
        b'"thread_id": "thread_a", "assistant_id": "asst_1", "zz": {"b": null, "a": {}}, "text": "\\u00e9 \xc3\xa9"}'
    )
    assert counts(fetch("thread_a", "thread_b", "thread_a", source="prod")) == (2, 253, 0, 0)
    assert (
        runs.load_json("run_0007").text
        == json.dumps(json.loads(api.texts["run_0007"]), separators=(",", ":"), ensure_ascii=False).encode()
    )
    assert runs.load("run_0249") == api_run(249)
    assert runs.count(source="prod") == 253
    assert api.requests[0].query == {"order": "asc", "limit": "100"}


def test_a_later_fetch_takes_only_what_is_new(fetch: Fetch, api: API) -> None:
    api.add(*(api_run(number) for number in range(250)))
    assert fetch("thread_a").found == 250
    assert fetch("thread_a").found == 1  # the last one, because another one may have followed in its second
    assert afters(api) == ["run_0248"]
    api.add(*(api_run(number) for number in range(250, 253)), api_run(249) | {"id": "run_0249b"})
    assert counts(fetch("thread_a")) == (1, 4, 0, 1)


@pytest.mark.slow
def test_pages_that_skip_the_rest_of_a_second_lose_no_run(runs: RunRepository) -> None:
    with API(most=7, skips=True) as api:
        api.add(*(api_run(number) | {"created_at": number // 3} for number in range(100)))
        assert threads(HTTPServer(api.url), ["thread_a"], runs).saved.inserted == 100
        api.add(*(api_run(number) | {"created_at": number // 3} for number in range(100, 105)))
        assert threads(HTTPServer(api.url), ["thread_a"], runs).saved.inserted == 5


def test_several_threads_are_fetched_at_a_time(fetch: Fetch, api: API) -> None:
    names = [f"thread_{number}" for number in range(12)]
    api.add(*(api_run(number, names[number % 12]) for number in range(60)))
    together = threading.Barrier(4, timeout=20)

    def meet(request: Request, _: BaseHTTPRequestHandler) -> None:
        if len(api.requests) <= 4:
            together.wait()

    api.instead = meet
    assert counts(fetch(*names, jobs=4)) == (12, 60, 0, 0)
    assert counts(fetch(*names, jobs=4))[0] == 12


def test_sources_and_servers_are_told_apart(fetch: Fetch, runs: RunRepository, api: API) -> None:
    api.add(api_run(1), api_run(2))
    for source in ("eu", "us", None):
        assert fetch("thread_a", source=source).found == 2
    assert {runs.fetched(api.url, source, "thread_a").cursor for source in ("eu", "us", "")} == {"run_0001"}
    assert runs.fetched("http://other/v1", "eu", "thread_a").asked_at == 0


def test_the_same_fingerprint_as_that_of_an_archive_in_which_the_runs_were_saved(
    fetch: Fetch, runs: RunRepository, api: API, tmp_path: Path
) -> None:
    api.add(*(api_run(number, tools=[{"type": "code_interpreter"}]) for number in range(20)))
    fetch("thread_a")
    with RunRepository.open(tmp_path / "other.db") as other:
        other.save_many(api.threads["thread_a"])
        assert other.fingerprint() == runs.fingerprint()


# --- runs since some time --------------------------------------------------------------------------------------------


def test_runs_since_a_time_are_read_backwards_to_that_time(fetch: Fetch, runs: RunRepository, api: API) -> None:
    api.add(*(api_run(number) for number in range(500)))
    assert counts(fetch("thread_a", since=1_700_000_000 + 380)) == (1, 120, 0, 0)
    assert len(api.requests) == 2
    # New runs are read forwards from there; omitted runs are read when nothing is to be omitted.
    api.add(api_run(500))
    assert counts(fetch("thread_a", since=1_700_000_000 + 390)) == (1, 1, 0, 1)
    assert (len(api.requests), afters(api)) == (1, ["run_0498"])
    assert counts(fetch("thread_a")) == (1, 380, 0, 121)
    assert runs.fetched(api.url, "", "thread_a").created_from is None
    assert fetch("thread_a").found == 1


def test_runs_between_two_fetches_that_a_time_leaves_out_are_fetched_without_it(fetch: Fetch, api: API) -> None:
    api.add(*(api_run(number) for number in range(10)))
    fetch("thread_a")
    api.add(*(api_run(number) for number in range(10, 20)))
    assert fetch("thread_a", since=1_700_000_000 + 15).saved.inserted == 5
    assert fetch("thread_a").saved.inserted == 5


# --- interruptions and failures --------------------------------------------------------------------------------------


def test_what_was_fetched_before_a_failure_is_noted_and_the_next_fetch_continues(
    fetch: Fetch, runs: RunRepository, api: API
) -> None:
    api.add(*(api_run(number) for number in range(450)))
    api.instead = lambda request, _: error(400, "no more") if len(api.requests) == 3 else None
    report = fetch("thread_a")
    assert (report.threads, report.saved.inserted, report.complete) == (0, 199, False)
    assert report.failed == {"thread_a": "/threads/thread_a/runs: status 400: no more"}
    state = runs.fetched(api.url, "", "thread_a")
    assert (state.done, state.cursor, state.failures, state.error) == (False, "run_0197", 1, report.failed["thread_a"])
    api.instead = lambda *_: None
    assert counts(fetch("thread_a")) == (1, 251, 0, 1)
    assert afters(api)[0] == "run_0197"
    state = runs.fetched(api.url, "", "thread_a")
    assert (state.done, state.failures, state.error) == (True, 0, None)
    assert state.completed_at == state.asked_at


def test_threads_that_are_not_complete_come_first(fetch: Fetch, api: API) -> None:
    api.add(*(api_run(number, f"thread_{number}") for number in range(4)))
    api.instead = answering(404, "gone", "thread_2")
    assert list(fetch("thread_0", "thread_1", "thread_2").failed) == ["thread_2"]
    assert fetch("thread_0", "thread_1", "thread_2", "thread_3").threads == 3
    assert api.paths == [f"thread_{number}/runs" for number in (2, 3, 0, 1)]


def test_a_run_to_begin_after_that_is_gone_makes_the_fetch_begin_again(fetch: Fetch, api: API) -> None:
    api.add(*(api_run(number) for number in range(5)))
    fetch("thread_a")
    api.threads["thread_a"] = [api_run(7), api_run(8)]
    assert counts(fetch("thread_a")) == (1, 2, 0, 0)
    assert afters(api) == ["run_0003", None]


def test_a_run_that_cannot_be_stored_is_asked_for_again(fetch: Fetch, runs: RunRepository, api: API) -> None:
    """Nothing is lost silently: the cursor stays before it, while the runs after it are stored."""
    api.add(*(api_run(number) for number in range(250)))
    api.texts["run_0120"] = json.dumps(api_run(120, metadata={"key": "\0"})).encode()
    rejected: list[Rejection] = []
    report = fetch("thread_a", on_rejected=rejected.append)
    assert (report.saved.inserted, report.saved.rejected, report.complete) == (249, 1, False)
    assert report.failed == {"thread_a": "thread_a: 1 run could not be stored"}
    assert [(one.where, one.record) for one in rejected] == [("thread_a run_0120", api.texts["run_0120"])]
    assert runs.fetched(api.url, "", "thread_a").cursor == "run_0098"
    assert fetch("thread_a").saved.rejections[0].where == "thread_a run_0120"
    del api.texts["run_0120"]
    assert fetch("thread_a").complete
    assert runs.count() == 250


def test_a_run_of_another_server_with_the_same_id_is_a_conflict(fetch: Fetch, runs: RunRepository, api: API) -> None:
    runs.save(api_run(1, "thread_of_another_server"))
    api.add(api_run(1), api_run(2))
    report = fetch("thread_a")
    assert (report.saved.conflict, report.saved.inserted, report.complete) == (1, 1, False)


def test_a_key_that_is_not_accepted_ends_the_fetch_at_once(fetch: Fetch, api: API) -> None:
    api.add(*(api_run(number, f"thread_{number}") for number in range(30)))
    for status in (401, 403):
        api.instead = answering(status, "Incorrect API key", "thread_")
        with pytest.raises(
            ServerRefused, match=rf"the server requires a key \(status {status}: Incorrect API key\); give one"
        ):
            fetch(*api.threads)
        assert len(api.requests) == 1


@pytest.mark.slow
def test_a_server_that_answers_nothing_any_longer_ends_the_fetch(
    fetch: Fetch, runs: RunRepository, api: API, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api.add(*(api_run(number, f"thread_{number}") for number in range(30)))
    monkeypatch.setattr(fetcher, "MOST_IN_A_ROW", 3)
    api.instead = answering(503, "down", *[f"thread_{number}/" for number in range(10, 30)])
    with pytest.raises(ServerUnreachable, match="the server stopped answering; the last error: status 503: down"):
        fetch(*api.threads)
    assert runs.count() == 10
    assert "stopped early; so far 10 threads: 10 inserted" in caplog.text
    with pytest.raises(ServerUnreachable, match="cannot be reached"):
        threads(HTTPServer("http://127.0.0.1:1/v1"), ["thread_a"], runs)


def test_the_state_is_never_ahead_of_the_runs(fetch: Fetch, runs: RunRepository, api: API, engine: Engine) -> None:
    """A failure between the two leaves runs that are fetched once more, never runs that are not."""
    api.add(*(api_run(number) for number in range(250)))
    seen: list[tuple[int, str | None]] = []

    def look(_: FetchReport) -> None:
        seen.append((runs.count(), runs.fetched(api.url, "", "thread_a").cursor))

    fetch("thread_a", progress=look)
    assert [number for number, _ in seen] == [100, 199, 250, 250]
    assert [cursor for _, cursor in seen] == [None, "run_0098", "run_0197", "run_0248"]


# --- runs that have not ended ----------------------------------------------------------------------------------------


def ends(api: API, run_id: str, after: int) -> None:
    """Let a run end after it was requested this number of times."""

    def instead(request: Request, _: BaseHTTPRequestHandler) -> None:
        if request.path.endswith(run_id) and api.paths.count(f"thread_a/runs/{run_id}") == after:
            api.add(api_run(int(run_id[4:]), status="completed"))

    api.instead = instead


@pytest.mark.slow
def test_runs_that_have_not_ended_are_asked_for_again_until_they_have(
    fetch: Fetch, runs: RunRepository, api: API
) -> None:
    api.add(api_run(1), api_run(2, status="in_progress"), api_run(3, status="queued"))
    ends(api, "run_0002", 3)
    report = fetch("thread_a", wait=1)
    assert report.unfinished == 1
    assert api.paths.count("thread_a/runs/run_0002") == 3
    assert runs.load("run_0002")["status"] == "completed"
    assert [change.status for change in runs.changes("run_0002")] == ["in_progress"]
    assert report.complete


def test_without_a_wait_they_are_only_counted(fetch: Fetch, api: API) -> None:
    api.add(api_run(2, status="requires_action"))
    assert fetch("thread_a", wait=0).unfinished == 1
    assert len(api.requests) == 1


def test_those_of_earlier_fetches_are_asked_for_again_on_request(fetch: Fetch, runs: RunRepository, api: API) -> None:
    api.add(api_run(1, status="queued"), api_run(2, status="queued"), *(api_run(number) for number in range(5, 9)))
    fetch("thread_a")
    api.add(api_run(1, status="failed"))
    api.instead = answering(404, "gone", "run_0002")
    assert counts(fetch("thread_a")) == (1, 0, 0, 1)
    report = fetch("thread_a", refresh_unfinished=True)
    assert sorted(api.paths) == ["thread_a/runs", "thread_a/runs/run_0001", "thread_a/runs/run_0002"]
    assert (report.saved.updated, report.unfinished, report.complete) == (1, 1, True)
    assert runs.load("run_0001")["status"] == "failed"


def test_another_run_than_the_one_asked_for_is_refused(fetch: Fetch, api: API) -> None:
    api.add(api_run(1, status="queued"), api_run(5))
    fetch("thread_a")
    api.texts["run_0001"] = json.dumps(api_run(4)).encode()
    assert fetch("thread_a", refresh_unfinished=True).failed == {
        "thread_a": "run_0001: the server returned a different run"
    }


# --- the archive -----------------------------------------------------------------------------------------------------


def test_a_dry_run_stores_nothing(fetch: Fetch, runs: RunRepository, api: API, tmp_path: Path) -> None:
    api.add(*(api_run(number) for number in range(120)))
    assert (fetch("thread_a", dry_run=True).found, runs.count()) == (120, 0)
    assert runs.status().last_fetch is None
    with RunRepository.open(tmp_path / "none.db") as none:
        assert threads(HTTPServer(api.url), ["thread_a"], none, dry_run=True).found == 120
    assert not (tmp_path / "none.db").exists()


def test_the_status_has_the_last_fetch(fetch: Fetch, runs: RunRepository, api: API) -> None:
    api.add(*(api_run(number, f"thread_{number}") for number in range(3)))
    assert (runs.status().last_fetch, runs.status().fetched_threads) == (None, 0)
    fetch(*api.threads, "thread_none")
    status = runs.status()
    assert (status.fetched_threads, status.failed_threads) == (4, 1)
    assert status.last_fetch == max(runs.fetched(api.url, "", name).asked_at for name in [*api.threads, "thread_none"])


def test_a_copy_of_an_archive_continues_where_the_original_was(
    fetch: Fetch, runs: RunRepository, api: API, tmp_path: Path
) -> None:
    api.add(*(api_run(number) for number in range(30)))
    fetch("thread_a")
    with RunRepository.open(tmp_path / "copy.db") as copy:
        runs.copy_to(copy)
        assert copy.fetched(api.url, "", "thread_a") == runs.fetched(api.url, "", "thread_a")
        assert threads(HTTPServer(api.url), ["thread_a"], copy).found == 1


def test_ids_of_threads_may_contain_anything_that_a_path_can_carry(fetch: Fetch, api: API) -> None:
    names = ["a/../b?c=d#e", "..", ".", "ünïcode 💥", "%2e%2e", "t" * 300]
    api.instead = lambda *_: Answer(200, b'{"data": []}')
    assert fetch(*names).threads == 6
    assert api.requests[0].query == {"order": "asc", "limit": "100"}
    assert sorted(request.path for request in api.requests) == sorted(f"/v1/threads/{name}/runs" for name in names)


@pytest.mark.parametrize("name", ["", "t" * 301, "a\0b", "\ud800", 7])
def test_what_is_no_id_of_a_thread_is_refused(fetch: Fetch, name: Any) -> None:
    with pytest.raises(ConfigurationError, match="the id of a thread must be a text of 1 to 300 bytes"):
        fetch(name)


def test_no_threads_and_no_jobs(fetch: Fetch, api: API) -> None:
    assert (fetch().threads, api.requests) == (0, [])
    with pytest.raises(ConfigurationError, match="jobs is 0, expected at least 1"):
        fetch("thread_a", jobs=0)


def test_one_thread_that_never_answers_does_not_keep_the_others(fetch: Fetch, api: API) -> None:
    api.add(*(api_run(number, f"thread_{number}") for number in range(4)))

    def reset(request: Request, handler: BaseHTTPRequestHandler) -> None:
        if "thread_1" in request.path:
            handler.connection.close()
            raise Done

    api.instead = reset
    report = fetch(*api.threads)
    assert (report.threads, list(report.failed)) == (3, ["thread_1"])
    assert "the connection was lost" in report.failed["thread_1"]


def test_an_odd_run_of_the_api_is_taken(fetch: Fetch, runs: RunRepository, api: API) -> None:
    odd: Run = {"id": "1", "object": "", "thread_id": "thread_a", "created_at": 1.5, "status": 7}
    api.add(odd)
    assert fetch("thread_a").complete
    assert runs.load("1") == odd


def test_failures_are_errors_of_runstore_with_their_fields() -> None:
    failure = FetchFailed(what="thread_a", reason="no", status=404)
    assert (failure.status, failure.may_pass, failure.exit_code) == (404, False, 1)
    assert ServerUnreachable(server="s", reason="r").exit_code == 7
