"""A real server and real clients: SDKs, a fuzzer, and malicious ones.

The tests import the SDKs, because that takes seconds, which the collection of all tests would take longer.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from runstore import RunRepository
from tests.web.conftest import A_RUNS, newest_first

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:The Assistants API is deprecated")]

KEY = "a-key-of-the-archive"
ROOT = Path(__file__).parents[2]
EXPECTED = newest_first(A_RUNS)


class Server:
    """A process that serves an archive."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr
        self.lines = [process.stderr.readline()]
        found = re.search(r"served at (http://\S+:(\d+))", self.lines[0])
        assert found, self.lines[0] + process.stderr.read()
        self.url, self.port = found[1], int(found[2])

    def ended(self) -> int:
        """Wait for its end, and read its output."""
        code = self.process.wait(30)
        assert self.process.stderr
        self.lines += self.process.stderr.read().splitlines()
        return code

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def said(self, *pieces: bytes) -> bytes:
        """The response to these bytes."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            return received(connection)


def received(connection: socket.socket) -> bytes:
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


Serve = Callable[..., Server]


@pytest.fixture
def serve(archive: RunRepository, url: URL) -> Iterator[Serve]:
    """Start servers over the archive."""
    processes: list[subprocess.Popen[str]] = []

    def started(*options: str) -> Server:
        place = url.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "runstore", "serve", "--db", place, "--port", "0", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "ARCHIVE_KEY": KEY}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return Server(process)

    yield started
    for process in processes:
        process.kill()
        process.communicate()


# --- SDKs ------------------------------------------------------------------------------------------------------------


def test_openai_for_python_lists_pages_and_retrieves(serve: Serve) -> None:
    import openai

    server = serve("--api-key-env", "ARCHIVE_KEY")
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
        runs = client.beta.threads.runs
        for order, expected in (("desc", EXPECTED), ("asc", EXPECTED[::-1])):
            found = list(runs.list("thread_a", order=order, limit=7))  # type: ignore[arg-type]
            assert [run.to_dict(mode="json") for run in found] == expected
        page = runs.list("thread_a", before=EXPECTED[10]["id"], limit=4)
        assert [run.id for run in page.data] == [run["id"] for run in EXPECTED[6:10]]
        for expected_run in EXPECTED[:3]:
            answer = runs.with_raw_response.retrieve(expected_run["id"], thread_id="thread_a")
            assert json.loads(answer.text) == expected_run
            assert answer.parse().to_dict(mode="json") == expected_run
        with pytest.raises(openai.NotFoundError) as missing:
            runs.retrieve("run_none", thread_id="thread_a")
        assert missing.value.code == "run_not_found"
        with pytest.raises(openai.NotFoundError) as messages:
            client.beta.threads.messages.list("thread_a")
        assert messages.value.code == "not_archived"
        with pytest.raises(openai.BadRequestError) as limit:
            runs.list("thread_a", limit=1000)
        assert (limit.value.param, limit.value.code) == ("limit", "integer_above_max_value")
        with pytest.raises(openai.APIStatusError) as written:
            runs.create("thread_a", assistant_id="asst_1")
        assert written.value.status_code == 405
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong") as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.beta.threads.runs.list("thread_a")


def test_openai_for_python_reads_asynchronously_and_as_azure(serve: Serve) -> None:
    import openai

    server = serve("--api-key-env", "ARCHIVE_KEY")

    async def read() -> None:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
            runs = client.beta.threads.runs
            found = [run.to_dict(mode="json") async for run in runs.list("thread_a", limit=7)]
            assert found == EXPECTED
            several = await asyncio.gather(*(runs.retrieve(run["id"], thread_id="thread_a") for run in EXPECTED))
            assert [run.to_dict(mode="json") for run in several] == EXPECTED

    asyncio.run(read())
    version = "2024-05-01-preview"
    with openai.AzureOpenAI(azure_endpoint=server.url, api_key=KEY, api_version=version) as client:
        found = client.beta.threads.runs.list("thread_a", order="asc", limit=7)
        assert [run.to_dict(mode="json") for run in found] == EXPECTED[::-1]


class Credential:
    """A key in the form of Azure's credentials."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        from azure.core.credentials import AccessToken

        return AccessToken(KEY, int(time.time()) + 3600)


def test_azure_ai_agents_lists_pages_and_retrieves(serve: Serve) -> None:
    from azure.ai.agents import AgentsClient

    server = serve("--api-key-env", "ARCHIVE_KEY")
    plain: dict[str, Any] = {"enforce_https": False}  # Azure's policy sends tokens over TLS alone
    with AgentsClient(f"{server.url}/api/projects/p", Credential()) as client:
        for order, expected in (("desc", EXPECTED), ("asc", EXPECTED[::-1])):
            found = list(client.runs.list("thread_a", order=order, limit=7, **plain))
            assert [run.as_dict() for run in found] == expected
        for run in EXPECTED[:3]:
            assert client.runs.get("thread_a", run["id"], **plain).as_dict() == run


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SDK for Node.js."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("Node.js is not installed")
    folder = tmp_path_factory.mktemp("node")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "openai"]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if installed.returncode:
        pytest.skip(f"npm cannot install openai: {installed.stderr[-200:]}")
    shutil.copy(Path(__file__).with_name("client.mjs"), folder)
    return folder


def test_openai_for_node_lists_pages_and_retrieves(serve: Serve, node: Path) -> None:
    server = serve("--api-key-env", "ARCHIVE_KEY")
    command = ["node", str(node / "client.mjs"), f"{server.url}/v1", KEY, "thread_a"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(ended.stdout)
    assert found["desc"] == EXPECTED
    assert found["asc"] == EXPECTED[::-1]
    retrieved = [{name: value for name, value in run.items() if name != "_request_id"} for run in found["retrieved"]]
    assert retrieved == EXPECTED[::-1]
    assert found["refused"] == [404, "not_archived"]


def test_schemathesis_finds_nothing_that_breaks_the_server(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--url", server.url),
        *(
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ),
        *("--max-examples", "40", "--no-color", "--generation-database", "none", "--seed", "1"),
    ]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-2000:]
    assert server.process.poll() is None


# --- a server --------------------------------------------------------------------------------------------------------


def test_a_signal_ends_it_once_the_requests_at_hand_are_answered(serve: Serve, url: URL) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        server = serve("--log-level", "info", "--log-format", "json")
        with server.connect() as connection:
            connection.sendall(b"GET /v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(0.05)
            server.process.send_signal(number)
            answer = received(connection)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b'"has_more":false}')
        assert server.ended() == 0
        lines = [json.loads(line) for line in server.lines]
        assert [lines[0]["url"], lines[-1]["message"]] == [server.url, "stopped"]
        (request,) = [line for line in lines if "path" in line]
        assert (request["path"], request["status"]) == ("/v1/stats", 200)


def test_it_does_not_wait_for_ever_for_clients_that_do_not_go_on(serve: Serve) -> None:
    server = serve()
    began = time.monotonic()
    with server.connect() as silent, server.connect() as half, server.connect() as second:
        half.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        second.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert second.recv(65536)
        second.sendall(b"GET /heal")
        for connection in (silent, half, second):
            with suppress(ConnectionResetError):
                received(connection)
    assert 5 < time.monotonic() - began < 30


def test_it_reads_no_body_and_no_request_behind_one(serve: Serve) -> None:
    server = serve()
    smuggled = b"GET /v1/runs HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"POST /v1/threads/thread_a/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    for request in (head % len(smuggled) + smuggled, head % 10**12):
        answer = server.said(request)
        assert answer.startswith(b"HTTP/1.1 405 ")
        assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /%zz%%%\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET /healthz\r\n\r\n",
        b"GET /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_it_refuses_what_is_no_request_to_it(serve: Serve, request_: bytes) -> None:
    server = serve()
    answer = server.said(request_)
    status = re.match(rb"HTTP/1.1 (\d+) ", answer)
    assert status
    assert status[1].startswith(b"4") or (b"Content-Length: 5" in request_ and status[1] == b"200")
    assert httpx2.get(f"{server.url}/healthz").status_code == 200


def test_readiness_and_answers_come_back_with_the_database(serve: Serve, url: URL, engine: Engine) -> None:
    if not url.get_backend_name().startswith("postgresql"):
        pytest.skip("a file is there or not")
    server = serve()
    path = f"{server.url}/v1/threads/thread_a/runs/run_001"
    assert httpx2.get(path).status_code == 200
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND application_name = 'runstore'"
        )
    assert httpx2.get(path).status_code == 200
    assert httpx2.get(f"{server.url}/readyz").status_code == 200
