"""The checks before the routes, what operators see, and the application inside another one."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from runstore import ConfigurationError, DatabaseFailure, RunRepository, SchemaBehind
from runstore.web import asgi_app
from runstore.web.server import hosts_of
from tests.web.conftest import Ask

KEY, OTHER_KEY = "a-key-of-the-archive", "another-key-of-the-archive"
URL = "/v1/threads/thread_a/runs"


# --- keys ------------------------------------------------------------------------------------------------------------


def test_a_key_lets_in_as_openai_sends_it_and_as_azure_does(ask: Ask) -> None:
    client = ask(api_keys=[KEY, OTHER_KEY])
    for headers in (
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer {OTHER_KEY}"},
        {"api-key": KEY},
        {"api-key": OTHER_KEY, "Authorization": "Bearer of-somebody-else"},
    ):
        assert client.get(URL, headers=headers).status_code == 200


WITHOUT_A_KEY: list[dict[str, str]] = [
    {},
    {"Authorization": KEY},
    {"Authorization": f"Basic {KEY}"},
    {"Authorization": "Bearer"},
    {"Authorization": f"Bearer {KEY}x"},
    {"Authorization": f"Bearer {KEY[:-1]}"},
    {"api-key": ""},
    {"api-key": "\xff" * 20},
    {"x-api-key": KEY},
]


def test_without_a_key_nothing_is_answered_but_that_the_server_lives(ask: Ask, subtests: pytest.Subtests) -> None:
    client = ask(api_keys=[KEY])
    for headers in WITHOUT_A_KEY:
        with subtests.test(str(headers)):
            for path in (URL, "/v1/runs", "/openapi.json", "/metrics", "/v1/none", f"/healthz/..{URL}"):
                sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
                answer = client.get(path, headers=sent)
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
                assert answer.headers["www-authenticate"] == "Bearer"
                assert KEY not in answer.text
            assert client.get("/healthz").json() == {"status": "ok"}
            assert client.get("/readyz").json() == {"status": "ready"}


NO_KEYS = ["", "short", "with a blank in its middle", "with-ümlaut-in-its-middle"]


def test_a_key_that_is_none_is_refused(runs: RunRepository, subtests: pytest.Subtests) -> None:
    for key in NO_KEYS:
        with subtests.test(key), pytest.raises(ConfigurationError, match="must have at least 16 characters"):
            asgi_app(runs, api_keys=[key])


def test_other_machines_need_a_key() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "archive.example.com", ""):
        with pytest.raises(ConfigurationError, match="--api-key-env"):
            hosts_of(host, (), with_key=False)
        assert hosts_of(host, (), with_key=True) is None
    assert hosts_of("0.0.0.0", ("a.example",), with_key=True) == ("0.0.0.0", "a.example")
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert hosts_of(host, ("a.example",), with_key=False) == ("localhost", "127.0.0.1", "::1", host, "a.example")


# --- names and limits ------------------------------------------------------------------------------------------------


def test_the_server_answers_by_its_own_names_alone(ask: Ask) -> None:
    client = ask(allowed_hosts=["localhost", "127.0.0.1", "::1", "Archive.example.com"])
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]", "archive.example.com"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200, host
    for host in (
        "",
        "evil.example",
        "localhost.evil.example",
        "localhost:",
        "localhost:8000@evil",
        "127.0.0.1.",
        "::1",
        "a\tb",
    ):
        answer = client.get("/healthz", headers={"Host": host})
        assert (answer.status_code, answer.json()["error"]["code"]) == (421, "unknown_host"), host
    twice = [("Host", "localhost"), ("Host", "evil.example")]
    assert client.get("/healthz", headers=twice).status_code == 421


def test_long_urls_and_many_headers_are_refused(ask: Ask) -> None:
    client = ask()
    for path in (f"/v1/{'x' * 9000}", f"{URL}?after={'x' * 9000}", f"/{'%41' * 3000}"):
        assert client.get(path).status_code == 414
    assert client.get("/healthz", headers={f"x-{n}": "1" for n in range(120)}).status_code == 431


def test_what_a_request_says_is_escaped_and_cut_off(ask: Ask) -> None:
    client = ask()
    for text in (
        "<script>alert(1)</script>",
        "\x1b[2J\r\nx: y",
        "'; DROP TABLE run_object; --",
        "\u202e" * 500,
        "\ud800",
    ):
        for path in (f"{URL}/", "/v1/threads/", "/v1/runs?after=", "/v1/runs?"):
            quoted = "".join(f"%{byte:02X}" for byte in text.encode(errors="surrogatepass"))
            answer = client.get(f"{path}{quoted}{'/runs' if path.endswith('threads/') else ''}")
            assert answer.status_code in (400, 404), path
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert len(answer.content) < 1000
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", answer.json()["error"]["message"])
    assert client.get(URL).status_code == 200


class Slow:
    """Keeps requests of an application waiting in the archive."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.asked = threading.Event(), threading.Semaphore(0)
        load = RunRepository.load_json

        def slowly(runs: RunRepository, run_id: str) -> Any:
            self.asked.release()
            assert self.go.wait(30)
            return load(runs, run_id)

        monkeypatch.setattr(RunRepository, "load_json", slowly)


def test_more_requests_than_are_taken_are_sent_away_and_may_come_again(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ask(requests=3, threads=3)
    slow = Slow(monkeypatch)
    answers: list[int] = []
    waiting = [
        threading.Thread(target=lambda: answers.append(client.get(f"{URL}/run_001").status_code)) for _ in range(3)
    ]
    for thread in waiting:
        thread.start()
    assert slow.asked.acquire(timeout=30)
    assert slow.asked.acquire(timeout=30)
    assert slow.asked.acquire(timeout=30)
    refused = client.get(f"{URL}/run_001")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["error"]["code"] == "overloaded"
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200
    slow.go.set()
    for thread in waiting:
        thread.join()
    assert answers == [200, 200, 200]
    assert client.get(f"{URL}/run_001").status_code == 200


# --- operators -------------------------------------------------------------------------------------------------------


def test_an_archive_that_cannot_be_read_is_not_ready(
    ask: Ask, archive: RunRepository, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    behind = SchemaBehind(place="host-of-the-archive", found="is at revision 0001", expected="0007")

    def raises(*_: object, **__: object) -> None:
        raise behind

    monkeypatch.setattr(RunRepository, "check", raises)
    monkeypatch.setattr(RunRepository, "find_json", raises)
    answer = ask().get("/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"] == {
        "message": str(behind), "type": "server_error", "param": None, "code": "not_ready"
    }  # fmt: skip
    closed = ask(api_keys=[KEY])
    for path, headers in (("/readyz", {}), ("/v1/runs", {"api-key": KEY})):
        answer = closed.get(path, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
        assert "host-of-the-archive" not in answer.text
    assert "host-of-the-archive" in closed.get("/readyz", headers={"api-key": KEY}).text
    assert "runstore_ready{} 0" in ask().get("/metrics").text
    assert "host-of-the-archive" in caplog.text


def test_an_error_of_the_database_stays_in_the_log(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for error in (DatabaseFailure(place="db", reason="the inner reason"), ValueError("the inner reason")):

        def raises(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(RunRepository, "find_json", raises)
        caplog.clear()
        answer = ask().get("/v1/runs")
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
        assert "the inner reason" not in answer.text
        assert "the inner reason" in caplog.text


def test_the_log_has_a_line_for_each_request_and_neither_keys_nor_queries(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "runstore")
    client = ask(api_keys=[KEY])
    client.get(f"{URL}?after=run_001&limit=3", headers={"Authorization": f"Bearer {KEY}"})
    client.get("/v1/x%0AINJECTED%1b%5B2J?secret=s3cr3t", headers={"api-key": KEY})
    client.request("MADE\N{LATIN SMALL LETTER A}UP".upper(), f"{URL}/run_001", headers={"api-key": OTHER_KEY})
    lines = [record for record in caplog.records if record.name == "runstore.web.traffic"]
    first, second, third = (record.getMessage() for record in lines)
    assert re.fullmatch(rf"GET {URL} 200 \d+ bytes [\d.]+ ms", first)
    assert re.fullmatch(r"GET /v1/x%0AINJECTED%1B%5B2J 404 \d+ bytes [\d.]+ ms", second)
    assert third.startswith("other ")
    fields: dict[str, Any] = vars(lines[0])["fields"]
    assert fields["status"] == 200
    assert list(fields) == ["method", "path", "status", "bytes", "ms", "client"]
    for word in (KEY, OTHER_KEY, "run_001&", "s3cr3t", "limit"):
        assert word not in caplog.text


def test_metrics_count_requests_by_a_fixed_set_of_names(ask: Ask) -> None:
    client = ask()
    for path in (URL, f"{URL}/run_001", f"{URL}/none", "/v1/none", "/v1/runs"):
        client.get(path)
    client.request("MADEUP", "/v1/runs")
    text = client.get("/metrics").text
    for line in (
        'runstore_http_requests_total{method="GET",endpoint="thread_runs",status="200"} 1',
        'runstore_http_requests_total{method="GET",endpoint="thread_run",status="404"} 1',
        'runstore_http_requests_total{method="GET",endpoint="none",status="404"} 1',
        'runstore_http_request_duration_seconds_bucket{endpoint="thread_run",le="+Inf"} 2',
        'runstore_http_request_duration_seconds_count{endpoint="thread_run"} 2',
        "runstore_http_requests_in_progress{} 1",
        "runstore_ready{} 1",
    ):
        assert f"{line}\n" in text
    assert re.search(r'runstore_http_requests_total\{method="other",endpoint="\w+",status="405"\} 1', text)
    assert re.search(r'runstore_runs\{archive="[^"]+"\} \d+', text)
    for line in text.splitlines():
        assert line.startswith("# ") or re.fullmatch(r'\w+\{(\w+="[^"]*",?)*\} [0-9.e+-]+', line), line


def test_the_openapi_document_is_valid_and_describes_what_is_answered(ask: Ask) -> None:
    from openapi_spec_validator import validate

    for client in (ask(), ask(api_keys=[KEY], headers={"api-key": KEY})):
        document = client.get("/openapi.json").json()
        validate(document)
        for path in document["paths"]:
            found = client.get(path.format(thread="thread_a", run="run_001"))
            assert found.status_code == 200
        assert bool(document["security"]) == ("api-key" in client.headers)


# --- mounted ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def mounted(archive: RunRepository) -> Iterator[TestClient]:
    app = Starlette(routes=[Mount("/archive", asgi_app(archive))])
    with TestClient(app) as client:
        yield client


def test_the_application_may_be_mounted_in_another(mounted: TestClient) -> None:
    assert mounted.get("/archive/v1/threads/thread_a/runs").json()["has_more"]
    assert mounted.get("/archive/openai/threads/thread_a/runs/run_001").json()["id"] == "run_001"
    assert mounted.get("/archive/openapi.json").json()["servers"] == [{"url": "/archive"}]
    assert mounted.get("/archive/readyz").status_code == 200
    assert mounted.get("/archive/v1/none").json()["error"]["code"] == "unknown_url"
    assert mounted.get("/v1/threads/thread_a/runs").status_code == 404
