"""A server over HTTP: requests with limits, retries and a key that is sent to this server alone.

Redirects to another server are refused, because headers such as ``api-key`` would be sent there too. Nothing that this
module raises or logs contains the key.
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Self
from urllib.parse import quote, urlsplit

import httpx2
import msgspec

from runstore.errors import ConfigurationError, FetchFailed, ServerRefused, ServerUnreachable
from runstore.fetch.pace import Pace
from runstore.fetch.pages import LIMIT, Page, in_turn, page, shown
from runstore.masking import MASK

TRIES = 6
"""Number of attempts at a request that may succeed later."""

LONGEST_PAUSE = 30.0
"""Maximum seconds between two attempts, unless the server asks for more."""

LONGEST_WAIT = 120.0
"""Maximum seconds that a server may ask to wait (``Retry-After``)."""

CONNECT_SECONDS = 10.0
"""Seconds for a connection."""

READ_SECONDS = 30.0
"""Seconds within which the next bytes of an answer have to arrive."""

ANSWER_SECONDS = 90.0
"""Seconds for a whole answer. A server that sends a byte at a time would never be late otherwise."""

REQUEST_SECONDS = 300.0
"""Seconds after which a request is not tried again."""

MOST_BYTES = 64 * 2**20
"""Maximum size of an answer, decompressed."""

MOST_OF_AN_ERROR = 64 * 2**10
"""Number of bytes that are read of an answer that reports an error."""

MOST_REDIRECTS = 5

LONGEST_NAME = 1000
"""Maximum number of bytes of a base URL. With the ids of source and thread it is a key of the archive."""

SHORTEST_KEY = 16
"""Minimum number of characters of a key that no answer may contain; a run may contain a shorter one by chance."""

PROJECT_VERSION = "v1"
"""The ``api-version`` of Azure's projects, as ``azure-ai-agents`` sends it."""

OPENAI_VERSION = "2024-05-01-preview"
"""The ``api-version`` of Azure OpenAI that has threads."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")

_LATER = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529))
"""Statuses after which the same request may succeed."""

_UNREACHABLE = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)

log = logging.getLogger(__name__)


class _Again(Exception):
    """Raised for a failure that another attempt may not have."""

    def __init__(self, reason: str, *, wait: float | None = None, reached: bool = True, status: int | None = None):
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.reached = reached
        self.status = status


class _Answer(NamedTuple):
    status: int
    headers: httpx2.Headers
    body: bytes


class HTTPServer:
    """A server that answers as the Assistants API does, at a base URL. Threads may share it.

    *key* is sent as a bearer token, or in the header *key_header*; no message shows it. *headers* are sent with each
    request, *query* is added to each URL. *per_second* limits the rate of requests. Raises :class:`ConfigurationError`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        key_header: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        per_second: float | None = None,
    ) -> None:
        self.name = _checked_url(base_url)
        self.pace = Pace(per_second)
        self._headers = {"Accept": "application/json", "Accept-Encoding": "gzip", **(headers or {})}
        if key is not None:
            self._headers[key_header or "Authorization"] = key if key_header else f"Bearer {key}"
        for name, value in self._headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ConfigurationError(detail=f"the header {shown(name)} has a name or a value that cannot be sent")
        self._query = dict(query or {})
        self._key = key
        self._own = threading.local()
        self._tls = httpx2.create_ssl_context()  # takes a while, so it is not made for each thread

    @classmethod
    def azure(
        cls,
        endpoint: str,
        *,
        key: str | None = None,
        api_version: str | None = None,
        headers: Mapping[str, str] | None = None,
        per_second: float | None = None,
    ) -> Self:
        """Return the server at an endpoint of Azure.

        At a project's endpoint (``https://NAME.services.ai.azure.com/api/projects/PROJECT``) the key is a token of
        Entra ID, and is sent as a bearer token. At any other one (``https://NAME.openai.azure.com``) it is a key of
        Azure OpenAI, and is sent as ``api-key``.
        """
        base = _checked_url(endpoint)
        is_project = "/api/projects/" in base
        if not is_project and not base.endswith(("/openai", "/openai/v1")):
            base += "/openai"
        version = api_version or (PROJECT_VERSION if is_project else OPENAI_VERSION)
        return cls(
            base,
            key=key,
            key_header=None if is_project else "api-key",
            headers=headers,
            query={"api-version": version},
            per_second=per_second,
        )

    @property
    def is_unprotected(self) -> bool:
        """Whether the key is sent to another machine without encryption."""
        url = httpx2.URL(self.name)
        return self._key is not None and url.scheme == "http" and url.host not in ("localhost", "127.0.0.1", "::1")

    def runs(self, thread: str, *, ascending: bool, after: str | None) -> bytes:
        """Return a page of the runs of a thread."""
        order = {"order": "asc" if ascending else "desc", "limit": str(LIMIT)}
        return self._get(f"/threads/{_segment(thread)}/runs", order | ({"after": after} if after else {}))

    def run(self, thread: str, run_id: str) -> bytes:
        """Return a run."""
        return self._get(f"/threads/{_segment(thread)}/runs/{_segment(run_id)}", {})

    def threads(self) -> Iterator[str]:
        """Yield the ids of all threads, which Azure's projects list and OpenAI's API never did."""

        def ask(after: str | None) -> Page:
            order = {"order": "asc", "limit": str(LIMIT)}
            return page(self._get("/threads", order | ({"after": after} if after else {})), "the list of threads")

        try:
            for step in in_turn(ask, None, ascending=True, what="the list of threads"):
                yield from (thread.id for thread in step.new)
        except (FetchFailed, ServerRefused) as failure:
            if isinstance(failure, FetchFailed) and failure.status not in (400, 404, 405, 501):
                raise
            hint = "Azure's projects list their threads, OpenAI's API never did: give the ids of the threads"
            raise failure.with_fields(reason=f"{failure.fields['reason']} ({hint})") from None

    def close(self) -> None:
        """Close the connection of this thread."""
        if (client := getattr(self._own, "client", None)) is not None:
            client.close()
            self._own.client = None

    # --- one request -------------------------------------------------------------------------------------------------

    def _get(self, path: str, query: dict[str, str]) -> bytes:
        """Return the body of a successful answer, after retries."""
        end = time.monotonic() + REQUEST_SECONDS
        for attempt in range(1, TRIES + 1):
            self.pace.wait()
            try:
                return self._asked(path, query | self._query)
            except _Again as failure:
                reason = self._masked(failure.reason)
                is_last = attempt == TRIES or time.monotonic() > end
                if is_last and not failure.reached:
                    raise ServerUnreachable(server=self.name, reason=reason) from None
                if is_last or (failure.wait or 0) > LONGEST_WAIT:
                    if failure.wait:
                        reason += f"; the server asks to wait {failure.wait:.0f} s"
                    raise FetchFailed(what=path, reason=reason, status=failure.status, may_pass=True) from None
                pause = random.uniform(0.5, 1) * min(0.5 * 2.0**attempt, LONGEST_PAUSE)
                if failure.wait is not None:
                    self.pace.hold(failure.wait)
                    pause = random.uniform(0, 0.5) + failure.wait
                log.info("%s: %s; trying again in %.1f s", self.name, reason, pause)
                self.pace.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _asked(self, path: str, query: dict[str, str]) -> bytes:
        url = httpx2.URL(self.name + path, params=query)
        for _ in range(MOST_REDIRECTS + 1):
            try:
                answer = self._sent(url, path)
            except _UNREACHABLE as error:
                raise _Again(f"cannot be reached: {_text(error)}", reached=False) from None
            except httpx2.TransportError as error:
                raise _Again(f"the answer broke off: {_text(error)}") from None
            except httpx2.HTTPError as error:  # for example a body that is not compressed as its header states
                raise FetchFailed(what=path, reason=f"the answer cannot be read: {_text(error)}") from None
            if answer.status not in (301, 302, 303, 307, 308):
                return self._accepted(answer, path)
            url = self._redirected(url, answer, path)
        raise FetchFailed(what=path, reason=f"there are more than {MOST_REDIRECTS} redirects")

    def _sent(self, url: httpx2.URL, path: str) -> _Answer:
        with self._watched() as client, client.stream("GET", url) as response:
            most = MOST_BYTES if response.status_code == 200 else MOST_OF_AN_ERROR
            parts: list[bytes] = []
            size = 0
            for part in response.iter_bytes():
                size += len(part)
                if size > most and response.status_code == 200:
                    raise FetchFailed(what=path, reason=f"the answer is larger than {most / 2**20:g} MiB")
                parts.append(part)
                if size > most:
                    break
            return _Answer(response.status_code, response.headers, b"".join(parts)[:most])

    @contextmanager
    def _watched(self) -> Iterator[httpx2.Client]:
        """Lend the connection of this thread, and close it when an answer takes too long.

        The timeouts of the client are for single reads.
        """
        client: httpx2.Client | None = getattr(self._own, "client", None)
        if client is None:
            timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
            client = self._own.client = httpx2.Client(
                headers=self._headers, timeout=timeout, follow_redirects=False, verify=self._tls
            )
        late = threading.Event()

        def give_up() -> None:
            late.set()
            client.close()

        timer = threading.Timer(ANSWER_SECONDS, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield client
        except FetchFailed:
            raise
        except Exception as error:
            if not late.is_set():
                raise
            raise _Again(f"the answer took longer than {ANSWER_SECONDS:g} seconds") from error
        finally:
            timer.cancel()
            if late.is_set():
                self._own.client = None

    def _redirected(self, url: httpx2.URL, answer: _Answer, path: str) -> httpx2.URL:
        try:
            target = url.join(answer.headers.get("location", ""))
        except (httpx2.InvalidURL, ValueError):
            raise FetchFailed(what=path, reason="it redirects to what is not a URL", status=answer.status) from None
        if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
            place = shown(f"{target.scheme}://{target.netloc.decode(errors='replace')}")
            where = f"it redirects to {self._masked(place)}, to which the key is not sent"
            raise ServerRefused(server=self.name, reason=f"{where}; if that is the right server, give its URL")
        return target

    def _accepted(self, answer: _Answer, path: str) -> bytes:
        """Return the body of an answer. Raises what another status, or another type, means."""
        status = answer.status
        said = _message(self._without_key(answer.body))
        if status in (401, 403):
            what, advice = "it requires a key", "give one with --api-key-env or --api-key-file"
            if self._key:
                what, advice = "it does not accept the key", "check the key, and what it may read"
            raise ServerRefused(server=self.name, reason=f"{what} (status {status}: {said}); {advice}")
        if status in _LATER:
            raise _Again(f"status {status}: {said}", wait=_retry_after(answer.headers), status=status)
        if status != 200:
            raise FetchFailed(what=path, reason=f"status {status}: {said}", status=status)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            named = shown(kind) if kind else "none"
            reason = f"the answer is not JSON (status 200, content type {named}): {said}"
            raise FetchFailed(what=path, reason=reason, status=status)
        if self._key is not None and len(self._key) >= SHORTEST_KEY and self._key.encode() in answer.body:
            raise FetchFailed(what=path, reason="the answer repeats the key; it was not stored", status=status)
        return answer.body

    def _without_key(self, body: bytes) -> bytes:
        """Return a body without the key, before it is shortened: not even a part of the key is shown."""
        return body.replace(self._key.encode(), MASK.encode()) if self._key else body

    def _masked(self, text: str) -> str:
        return text.replace(self._key, MASK) if self._key else text


def _checked_url(text: str) -> str:
    """Return a base URL without a slash at its end. Raises :class:`ConfigurationError`."""
    try:
        urlsplit(text)  # which also refuses half an IPv6 address
        url = httpx2.URL(text.strip())
    except (httpx2.InvalidURL, ValueError):
        raise ConfigurationError(detail="the URL of the server is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(detail="the URL of the server must begin with https:// or http:// and a host")
    if url.userinfo or url.query or url.fragment:
        raise ConfigurationError(
            detail="the URL of the server must not contain a login, a query or a fragment: other users of this machine "
            "can see arguments; give the key with --api-key-env or --api-key-file"
        )
    base = str(url).rstrip("/")
    if len(base.encode()) > LONGEST_NAME:
        raise ConfigurationError(detail=f"the URL of the server is longer than {LONGEST_NAME} bytes")
    return base


def _segment(name: str) -> str:
    """Return an id as a segment of a path, whatever characters it contains."""
    return quote(name, safe="").replace(".", "%2E") if set(name) <= {"."} else quote(name, safe="")


def _message(body: bytes) -> str:
    """Return what an error states: its message if it has the form of the API, else its first characters."""
    try:
        error = msgspec.json.decode(body)["error"]
        message = error["message"]
        if isinstance(message, str):
            return shown(message)
    except (msgspec.MsgspecError, RecursionError, ValueError, KeyError, TypeError, IndexError):
        pass
    return shown(body) or "no text"


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:10])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _text(error: Exception) -> str:
    return shown(str(error)) or type(error).__name__
