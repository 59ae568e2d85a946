"""A server of the Assistants API for tests, in a thread of this process: it answers well, or as a test wants it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlsplit

Run = dict[str, Any]


class Request(NamedTuple):
    """A request as it arrived."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Answer(NamedTuple):
    """What a test answers in place of the server."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}


Instead = Callable[[Request, BaseHTTPRequestHandler], Answer | None]
"""Answers a request in place of the server. None: the server answers. It may also write to the connection itself."""


class Done(Exception):
    """Raised by :data:`Instead` once it has written an answer itself, or wants to write none."""


class API:
    """Lists and retrieves runs. With *skips*, ``after`` leaves out the other runs of that run's second."""

    def __init__(self, *, most: int = 100, skips: bool = False) -> None:
        self.threads: dict[str, list[Run]] = {}
        self.texts: dict[str, bytes] = {}
        """The bytes of runs that are not sent as compact JSON, by id."""
        self.requests: list[Request] = []
        self.instead: Instead = lambda request, handler: None
        self.most = most
        self.skips = skips
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(unquote(parts.path), query, headers)
                api.requests.append(request)
                try:
                    answer = api.instead(request, self) or api.answer(request)
                except Done:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: Any) -> None:
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that has gone is no error."""

        self._listener = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._listener.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._listener.server_close()

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [request.path.removeprefix("/v1/threads/") for request in self.requests]

    def add(self, *runs: Run) -> None:
        """Add runs to their threads, in place of those of the same ids."""
        for run in runs:
            others = [other for other in self.threads.get(run["thread_id"], []) if other["id"] != run["id"]]
            self.threads[run["thread_id"]] = sorted([*others, run], key=lambda one: (one["created_at"], one["id"]))

    def text(self, run: Run) -> bytes:
        return self.texts.get(run["id"]) or json.dumps(run, separators=(",", ":"), ensure_ascii=False).encode()

    def answer(self, request: Request) -> Answer:
        """Answer as the API does."""
        match request.path.removeprefix("/v1/").split("/"):
            case ["threads"]:
                listed = [{"id": name, "object": "thread", "created_at": 1} for name in self.threads]
                return _listed([json.dumps(thread).encode() for thread in listed], more=False)
            case ["threads", thread, "runs"] if thread in self.threads:
                return self._page(self.threads[thread], request.query)
            case ["threads", thread, "runs", run_id]:
                for run in self.threads.get(thread, []):
                    if run["id"] == run_id:
                        return Answer(200, self.text(run))
        return error(404, "there is none")

    def _page(self, runs: list[Run], query: dict[str, str]) -> Answer:
        ascending = query.get("order") == "asc"
        runs = runs if ascending else runs[::-1]
        if after := query.get("after"):
            place = next((place for place, run in enumerate(runs) if run["id"] == after), None)
            if place is None:
                return error(400, f"no run found with id {after}")
            rest = runs[place + 1 :]
            time = runs[place]["created_at"]
            runs = [run for run in rest if run["created_at"] != time] if self.skips else rest
        most = min(int(query.get("limit", "20")), self.most)
        return _listed([self.text(run) for run in runs[:most]], more=len(runs) > most)


def _listed(texts: list[bytes], *, more: bool) -> Answer:
    return Answer(
        200, b'{ "object": "list", "data": [' + b", ".join(texts) + b'], "has_more": %s}' % str(more).lower().encode()
    )


def error(status: int, message: str, **headers: str) -> Answer:
    """An error in the form of the API."""
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error", "code": None}}).encode()
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def api_run(number: int, thread: str = "thread_a", **members: Any) -> Run:
    """A run of a thread; each has a second of its own."""
    return {
        "id": f"run_{number:04}",
        "object": "thread.run",
        "created_at": 1_700_000_000 + number,
        "thread_id": thread,
        "assistant_id": "asst_1",
        "status": "completed",
        **members,
    }
