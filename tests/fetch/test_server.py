"""Servers that fail, wait, lie or attack: requests are retried, and time, memory and the key are protected."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from typing import Any

import pytest

from runstore import ConfigurationError, FetchFailed, RunStoreError, ServerRefused, ServerUnreachable
from runstore.fetch import HTTPServer, server
from runstore.fetch.pace import Pace, Stopped
from runstore.masking import MASK
from tests.helpers.api import API, Answer, Done, Request, api_run, error

pytestmark = pytest.mark.slow

KEY = "sk-a-key-that-nobody-sees"
Failing = Callable[[Request, BaseHTTPRequestHandler], Answer | None]


def runs(made: HTTPServer) -> bytes:
    with closing(made):
        return made.runs("thread_a", ascending=True, after=None)


def ask(api: API, **options: Any) -> bytes:
    return runs(HTTPServer(api.url, **{"key": KEY, **options}))


def listed(made: HTTPServer) -> list[str]:
    with closing(made):
        return list(made.threads())


def refused(api: API, kind: type[RunStoreError] = FetchFailed, **options: Any) -> str:
    with pytest.raises(kind) as failure:
        ask(api, **options)
    message = str(failure.value)
    assert KEY not in message
    assert message.isprintable()
    return message


def first(number: int, failing: Failing) -> Failing:
    """Fail this number of times, then answer."""
    left = iter(range(number))
    return lambda request, handler: failing(request, handler) if next(left, None) is not None else None


def closed(_: Request, handler: BaseHTTPRequestHandler) -> Answer | None:
    handler.connection.close()
    raise Done


def cut_off(_: Request, handler: BaseHTTPRequestHandler) -> Answer | None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
    raise Done


def silent(_: Request, handler: BaseHTTPRequestHandler) -> Answer | None:
    handler.connection.settimeout(20)
    with suppress(OSError):
        handler.connection.recv(1)  # until the client has gone
    raise Done


@pytest.fixture
def full(api: API) -> API:
    api.add(api_run(1))
    return api


# --- tried again -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_a_failure_that_may_pass_is_tried_again(full: API, status: int) -> None:
    full.instead = first(3, lambda *_: error(status, "later"))
    assert b"run_0001" in ask(full)
    assert len(full.requests) == 4
    full.requests.clear()
    full.instead = lambda *_: error(status, "later")
    assert refused(full) == f"/threads/thread_a/runs: status {status}: later"
    assert len(full.requests) == server.TRIES


@pytest.mark.parametrize("failing", [closed, cut_off])
def test_a_connection_that_breaks_is_tried_again(full: API, failing: Failing) -> None:
    full.instead = first(2, failing)
    assert b"run_0001" in ask(full)
    full.instead = failing
    assert "the connection was lost: " in refused(full)


def test_a_server_that_cannot_be_reached_is_tried_again(full: API) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ServerUnreachable, match=rf"http://127.0.0.1:{port}/v1: cannot be reached: .*refused"):
        runs(HTTPServer(f"http://127.0.0.1:{port}/v1"))
    with pytest.raises(ServerUnreachable, match="cannot be reached"):
        runs(HTTPServer("http://host.invalid/v1"))


@pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 422, 204, 206, 304])
def test_any_other_status_is_not_tried_again(full: API, status: int) -> None:
    full.instead = lambda *_: error(status, "never") if status >= 400 else Answer(status)
    assert f"status {status}: " in refused(full)
    assert len(full.requests) == 1


@pytest.mark.parametrize("header", ["1", "date"])
def test_the_server_is_not_asked_before_the_time_it_gives(full: API, header: str) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=2)
    value = format_datetime(moment, usegmt=True) if header == "date" else header
    full.instead = first(1, lambda *_: error(429, "too many", Retry_After=value))
    began = time.monotonic()
    assert b"run_0001" in ask(full)
    assert 0.9 < time.monotonic() - began < 5


def test_other_threads_wait_too(full: API) -> None:
    full.instead = first(1, lambda *_: error(429, "too many", Retry_After="1"))
    made = HTTPServer(full.url)
    asking = threading.Thread(target=runs, args=(made,))
    asking.start()
    while not full.requests:
        time.sleep(0.01)
    time.sleep(0.1)
    began = time.monotonic()
    runs(made)
    assert time.monotonic() - began > 0.5
    asking.join()


def test_a_server_that_asks_to_wait_too_long_is_left(full: API) -> None:
    full.instead = lambda *_: error(429, "quota used up", Retry_After="86400")
    assert refused(full).endswith("status 429: quota used up; the server asks clients to wait 86400 s")
    assert len(full.requests) == 1
    full.instead = first(1, lambda *_: error(429, "no", Retry_After="-5, soon"))
    assert b"run_0001" in ask(full)


def test_the_rate_is_kept_also_by_several_threads(full: API) -> None:
    made = HTTPServer(full.url, per_second=20)
    at: list[float] = []
    full.instead = lambda *_: at.append(time.monotonic())
    asking = [threading.Thread(target=runs, args=(made,)) for _ in range(8)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert len(at) == 8
    assert max(at) - min(at) > 7 / 20 - 0.1


def test_a_wait_ends_when_nobody_waits_for_the_result() -> None:
    pace = Pace(0.01)
    pace.wait()
    threading.Timer(0.2, pace.stop).start()
    with pytest.raises(Stopped):
        pace.wait()


# --- answers that cannot be used -------------------------------------------------------------------------------------


def test_an_error_page_is_shown_with_its_status_and_its_beginning(full: API) -> None:
    page = b"<!DOCTYPE html>\n<title>\x1b]0;owned\x07Bad gateway</title>" + b"x" * 10_000
    full.instead = lambda *_: Answer(404, page, {"Content-Type": "text/html"})
    message = refused(full)
    assert message.startswith(
        "/threads/thread_a/runs: status 404: <!DOCTYPE html> <title>\ufffd]0;owned\ufffdBad gateway"
    )
    assert len(message) < 300


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "text/plain", "application/octet-stream", ""])
def test_an_answer_of_another_type_is_refused(full: API, kind: str) -> None:
    full.instead = lambda *_: Answer(200, b"<p>Sign in</p>", {"Content-Type": kind})
    named = kind.partition(";")[0] or "none"
    assert refused(full).endswith(f"the response is not JSON (status 200, content type {named}): <p>Sign in</p>")


def test_an_answer_that_is_too_large_is_left(full: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_BYTES", 2**20)
    sent = 0

    def endless(_: Request, handler: BaseHTTPRequestHandler) -> Answer | None:
        nonlocal sent
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
        with suppress(OSError):
            while sent < 100 * 2**20:
                sent += handler.wfile.write(b" " * 2**16)
        raise Done

    full.instead = endless
    assert refused(full).endswith("the response is larger than 1 MiB")
    assert sent < 50 * 2**20


def test_a_compressed_answer_does_not_fill_the_memory(full: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_BYTES", 2**20)
    bomb = gzip.compress(b" " * 500 * 2**20, 9)
    full.instead = lambda *_: Answer(200, bomb, {"Content-Encoding": "gzip"})
    tracemalloc.start()
    assert refused(full).endswith("the response is larger than 1 MiB")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150 * 2**20


def test_a_compressed_answer_is_read(full: API) -> None:
    body = full.answer(Request("/v1/threads/thread_a/runs", {}, {})).body
    full.instead = lambda *_: Answer(200, gzip.compress(body), {"Content-Encoding": "gzip"})
    assert ask(full) == body
    full.instead = lambda *_: Answer(200, body, {"Content-Encoding": "gzip"})
    assert "the response cannot be read" in refused(full) or "the connection was lost" in refused(full)


@pytest.mark.slow
def test_a_server_that_says_nothing_is_left(full: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "READ_SECONDS", 0.3)
    full.instead = silent
    began = time.monotonic()
    assert "the connection was lost" in refused(full)
    assert time.monotonic() - began < 10


@pytest.mark.slow
@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"])
def test_a_server_that_sends_a_byte_at_a_time_is_left(full: API, monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    monkeypatch.setattr(server, "READ_SECONDS", 1.0)
    monkeypatch.setattr(server, "ANSWER_SECONDS", 1.5)
    monkeypatch.setattr(server, "TRIES", 2)

    def drip(_: Request, handler: BaseHTTPRequestHandler) -> Answer | None:
        handler.wfile.write(begin)
        with suppress(OSError):
            for _each in range(100):
                handler.wfile.write(b"x")
                time.sleep(0.2)
        raise Done

    full.instead = drip
    began = time.monotonic()
    assert refused(full).endswith("the response took longer than 1.5 seconds")
    assert time.monotonic() - began < 10


def test_a_request_is_not_tried_again_for_ever(full: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.0)
    full.instead = lambda *_: error(503, "down")
    refused(full)
    assert len(full.requests) == 1


# --- redirects and keys ----------------------------------------------------------------------------------------------


@pytest.fixture
def other() -> Iterator[API]:
    with API() as made:
        made.add(api_run(1))
        yield made


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_server_is_refused_and_the_key_is_not_sent_there(
    full: API, other: API, status: int
) -> None:
    place = f"{other.url}/threads/thread_a/runs?key=abc"
    full.instead = lambda *_: Answer(status, b"", {"Location": place})
    for options in ({}, {"key_header": "api-key"}):
        message = refused(full, ServerRefused, **options)
        host = other.url.removesuffix("/v1")
        assert message == (
            f"{full.url}: the server redirects to {host}, to which the key is not sent; "
            "if that is the right server, give its URL"
        )
    assert other.requests == []


def test_a_redirect_within_the_server_is_followed_a_few_times(full: API) -> None:
    full.instead = lambda request, _: (
        Answer(307, b"", {"Location": "/v1/threads/thread_a/runs?limit=5"})
        if request.query.get("limit") == "100"
        else None
    )
    assert b"run_0001" in ask(full)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in full.requests)
    full.instead = lambda request, _: Answer(307, b"", {"Location": request.path})
    assert "there are more than 5 redirects" in refused(full)
    for place in ("http://[", "//", "https://127.0.0.1/", "ftp://127.0.0.1/"):
        full.instead = lambda *_, place=place: Answer(302, b"", {"Location": place})
        with pytest.raises(RunStoreError, match="redirect"):
            ask(full)


@pytest.mark.parametrize(("options", "header"), [({}, "authorization"), ({"key_header": "api-key"}, "api-key")])
def test_the_key_is_sent_in_a_header_alone(full: API, options: dict[str, str], header: str) -> None:
    ask(full, headers={"OpenAI-Beta": "assistants=v2"}, **options)
    (request,) = full.requests
    assert {name for name, value in request.headers.items() if KEY in value} == {header}
    assert request.headers["openai-beta"] == "assistants=v2"
    assert KEY not in request.path + str(request.query)


def test_no_message_and_no_log_shows_the_key(full: API, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for status, kind in ((401, ServerRefused), (404, FetchFailed), (500, FetchFailed)):
        full.instead = lambda *_, status=status: error(status, f"bad key {KEY}")
        assert f"status {status}: bad key {MASK}" in refused(full, kind)
    full.instead = lambda *_: Answer(200, KEY.encode(), {"Content-Type": "text/plain"})
    assert refused(full).endswith(f"content type text/plain): {MASK}")
    for place in range(190, 205):  # the shown text ends in the middle of the key
        full.instead = lambda *_, place=place: error(404, " " + "x" * (place - len(KEY)) + KEY)
        assert KEY[:6] not in refused(full)
    full.instead = lambda *_: Answer(200, b'{"data": [{"id": "run_1", "metadata": {"key": "%s"}}]}' % KEY.encode())
    assert refused(full).endswith("the response contains the key; it was not stored")
    assert "retrying" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host/v1",
        "ftp://host/v1",
        "https://",
        "https://user:pw@host/v1",
        "https://host/v1?key=x",
        "http://[",
        "h" * 9,
    ],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        HTTPServer(url)
    assert "pw" not in str(failure.value)


@pytest.mark.parametrize("bad", ["", "a\nb", "a\0", "ü", " "])
def test_a_header_that_cannot_be_sent_is_refused(bad: str) -> None:
    with pytest.raises(ConfigurationError, match="has a name or a value that cannot be sent"):
        HTTPServer("https://host/v1", key=bad, key_header="api-key")
    with pytest.raises(ConfigurationError):
        HTTPServer("https://host/v1", headers={f"X{bad or ' '}": "1"})


def test_azure_has_two_kinds_of_endpoints(full: API) -> None:
    place = full.url.removesuffix("/v1")
    for endpoint, path, header, version in (
        (f"{place}/api/projects/p/", "/api/projects/p/threads/thread_a/runs", "authorization", "v1"),
        (place, "/openai/threads/thread_a/runs", "api-key", "2024-05-01-preview"),
        (f"{place}/openai", "/openai/threads/thread_a/runs", "api-key", "2024-05-01-preview"),
    ):
        full.instead = lambda *_: Answer(200, b'{"data": []}')
        full.requests.clear()
        runs(HTTPServer.azure(endpoint, key=KEY))
        (request,) = full.requests
        assert (request.path, request.query["api-version"]) == (path, version)
        assert request.headers[header].endswith(KEY)
    runs(HTTPServer.azure(place, key=KEY, api_version="2025-01-01"))
    assert full.requests[-1].query["api-version"] == "2025-01-01"


def test_only_a_key_that_leaves_the_machine_without_encryption_is_unprotected() -> None:
    for url, key, expected in (
        ("http://host/v1", KEY, True),
        ("http://host/v1", None, False),
        ("https://host/v1", KEY, False),
        ("http://localhost:8000/v1", KEY, False),
    ):
        assert HTTPServer(url, key=key).is_unprotected is expected


# --- threads ---------------------------------------------------------------------------------------------------------


def test_threads_are_listed_where_the_server_lists_them(full: API) -> None:
    full.add(api_run(2, "thread_b"))
    assert listed(HTTPServer(full.url)) == ["thread_a", "thread_b"]
    for status in (404, 405):
        full.instead = lambda *_, status=status: error(status, "no")
        with pytest.raises(
            FetchFailed, match="only projects of Azure AI Agents list their threads; give the ids of the threads"
        ):
            listed(HTTPServer(full.url))
    full.instead = lambda *_: error(401, "must be made with a session key")
    with pytest.raises(ServerRefused, match="only projects of Azure AI Agents"):
        listed(HTTPServer(full.url, key=KEY))


def test_pauses_between_tries_grow_and_are_random(full: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LONGEST_PAUSE", 30.0)
    monkeypatch.setattr(server, "TRIES", 4)
    pauses: list[float] = []
    monkeypatch.setattr(Pace, "sleep", lambda _, seconds: pauses.append(seconds) if seconds > 0 else None)
    full.instead = lambda *_: error(500, "no")
    refused(full)
    assert len(pauses) == 3
    assert all(later > earlier for earlier, later in pairwise(pauses)) or pauses[0] != pauses[1]
    assert 0.5 <= pauses[0] <= 1.0
    assert 2.0 <= pauses[2] <= 4.0
