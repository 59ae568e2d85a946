"""The access log, and the counters and durations of requests for Prometheus."""

from __future__ import annotations

import logging
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runstore.metrics import Sample, metric
from runstore.web.refusals import Refused, failed

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of durations, in seconds."""

LONGEST = 200
"""Maximum number of characters of a path in the log."""

ROOT = "runstore.root"
"""The key in the scope of a request for the path at which the application is mounted."""

_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")

log = logging.getLogger(__name__)


class Traffic:
    """Counters of requests. Only the event loop changes them."""

    def __init__(self) -> None:
        self.in_progress = 0
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._durations: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def count(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._answers[method if method in _METHODS else "other", endpoint, status] += 1
        buckets = self._durations.setdefault(endpoint, [0] * (len(BUCKETS) + 1))
        buckets[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[endpoint] = self._seconds.get(endpoint, 0.0) + seconds

    def exposition(self) -> str:
        """Return all counters as metrics."""
        answers = [
            Sample({"method": method, "endpoint": endpoint, "status": str(status)}, count)
            for (method, endpoint, status), count in sorted(self._answers.items())
        ]
        return (
            metric("http_requests_total", "counter", "Requests that were answered.", answers)
            + metric("http_requests_in_progress", "gauge", "Requests at hand.", [Sample({}, self.in_progress)])
            + metric("http_request_duration_seconds", "histogram", "Time to the whole answer.", self._histogram())
        )

    def _histogram(self) -> Iterator[Sample]:
        for endpoint, buckets in sorted(self._durations.items()):
            total = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
                total += count
                yield Sample({"endpoint": endpoint, "le": bound}, total, "_bucket")
            yield Sample({"endpoint": endpoint}, self._seconds[endpoint], "_sum")
            yield Sample({"endpoint": endpoint}, total, "_count")


class Observed:
    """Counts and logs each request, and answers internal errors: the outermost middleware, so that it sees them all."""

    def __init__(self, app: ASGIApp, traffic: Traffic, refused: Refused) -> None:
        self._app = app
        self._traffic = traffic
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[ROOT] = scope.get("root_path", "")
        status, sent = 0, 0
        began = time.perf_counter()

        async def observe(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_headers(scope)]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        self._traffic.in_progress += 1
        try:
            await self._app(scope, receive, observe)
        except Exception as error:
            log.error("%s: %s", type(error).__name__, error, exc_info=error)
            if status:
                raise  # the server closes the connection: half an answer must not look whole
            await self._refused(scope, failed())(scope, receive, observe)
        finally:
            self._traffic.in_progress -= 1
            seconds = time.perf_counter() - began
            self._traffic.count(scope["method"], _endpoint(scope), status, seconds)
            _note(scope, status, sent, seconds)


def _headers(scope: Scope) -> Iterator[tuple[bytes, bytes]]:
    yield b"x-content-type-options", b"nosniff"
    if any(name in (b"content-length", b"transfer-encoding") and value != b"0" for name, value in scope["headers"]):
        yield b"connection", b"close"  # the body is not read, so no further request is found behind it


def _endpoint(scope: Scope) -> str:
    """Return the name of the endpoint, one of a small number."""
    return getattr(scope.get("endpoint"), "__name__", "none")


def _note(scope: Scope, status: int, sent: int, seconds: float) -> None:
    """Log a request without its headers and its query, which may contain keys and filters."""
    if not log.isEnabledFor(logging.INFO):
        return
    method = scope["method"] if scope["method"] in _METHODS else "other"
    path = quote(scope["path"], safe="/:")[:LONGEST]
    fields = {
        "method": method,
        "path": path,
        "status": status,
        "bytes": sent,
        "ms": round(seconds * 1000, 1),
        "client": (scope.get("client") or ("",))[0],
    }
    log.info("%s %s %d %d bytes %.1f ms", method, path, status, sent, seconds * 1000, extra={"fields": fields})
