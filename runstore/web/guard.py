"""Checks before the routes: keys, host names, sizes, and the number of requests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from runstore.errors import ConfigurationError
from runstore.web.refusals import Refusal, Refused, unavailable

LONGEST_URL = 8192
"""Maximum size in bytes of path and query."""

MOST_HEADERS = 100

HEADER_BYTES = 16 * 1024
"""Maximum size in bytes of all headers."""

SHORTEST_KEY = 16
"""Minimum length of a key; shorter ones can be guessed."""

OPEN = ("/healthz", "/readyz")
"""Paths that probes may request without a key."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


class Keys:
    """The accepted keys. Without keys, every request is accepted."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [hashlib.sha256(_checked(key)).digest() for key in keys]

    def __bool__(self) -> bool:
        """Return whether a key is required."""
        return bool(self._digests)

    def admit(self, headers: Headers) -> bool:
        """Return whether a request has one of the keys, as the SDKs of OpenAI or of Azure, or as browsers send it.

        Each is compared, in a time that does not depend on how much of it was guessed.
        """
        if not self._digests:
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = [token.strip()] if scheme.lower() == "bearer" else []
        if scheme.lower() == "basic":
            given = [_password(token.strip())]
        given += headers.getlist("api-key")
        digests = [hashlib.sha256(key.encode("latin-1", "replace")).digest() for key in given[:2]]
        return any([hmac.compare_digest(one, other) for one in digests for other in self._digests])  # noqa: C419


def _password(token: str) -> str:
    """Return the password of Basic authentication; the user name does not matter."""
    try:
        return base64.b64decode(token, validate=True).decode("latin-1").partition(":")[2]
    except ValueError:
        return ""


def _checked(key: str) -> bytes:
    if not re.fullmatch(r"[!-~]+", key) or len(key) < SHORTEST_KEY:
        detail = f"an API key has at least {SHORTEST_KEY} characters, all of them printable ASCII and no blanks"
        raise ConfigurationError(detail=detail)
    return key.encode()


class Guard:
    """Refuses requests that must not reach the routes."""

    def __init__(
        self,
        app: ASGIApp,
        keys: Keys,
        hosts: Collection[str] | None,
        origins: Collection[str],
        most: int,
        refused: Refused,
    ) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._refused = refused
        self._keys = keys
        self._hosts = None if hosts is None else frozenset(map(str.lower, hosts))
        self._most = most
        self._at_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except Refusal as refusal:
            await self._refused(scope, refusal)(scope, receive, send)
            return
        self._at_hand += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._at_hand -= 1

    def _check(self, scope: Scope) -> None:
        """Raise :class:`Refusal`. The cheapest checks come first; the key is checked before the archive is queried."""
        headers = Headers(scope=scope)
        _check_size(scope)
        self._check_host(headers.getlist("host"))
        self._check_site(headers)
        scope["runstore.admitted"] = admitted = self._keys.admit(headers)
        if scope["path"].removeprefix(scope.get("root_path", "")) in OPEN:
            return
        if not admitted:
            raise Refusal(
                401,
                "Incorrect API key provided, or none: send one of the server's keys.",
                "invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if self._at_hand >= self._most:
            raise unavailable("The server has as many requests as it takes; try again.", "overloaded", 1)

    def _check_host(self, given: Sequence[str]) -> None:
        """Refuse unknown host names: a page could resolve its own name to this address (DNS rebinding)."""
        if self._hosts is None:
            return
        found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        if found is None or found[1].lower().strip("[]") not in self._hosts:
            message = "The server does not answer by this name; --allowed-host adds one."
            raise Refusal(421, message, "unknown_host")

    def _check_site(self, headers: Headers) -> None:
        """Refuse what a page of another site loads: an image or a script of this address, to query or to measure it.

        A browser would add the password that it knows. Following a link from another site is allowed.
        """
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "navigate")
        is_link = mode == "navigate" and headers.get("sec-fetch-dest", "document") == "document"
        if site in ("none", "same-origin") or is_link or headers.get("origin") in self._origins:
            return
        raise Refusal(403, "A page of another site cannot load this; --allow-origin lets its scripts.", "cross_site")


def _check_size(scope: Scope) -> None:
    path = scope.get("raw_path") or scope["path"].encode()
    if len(path) + len(scope["query_string"]) > LONGEST_URL:
        raise Refusal(414, f"The URL has more than {LONGEST_URL} bytes.", "url_too_long")
    headers = scope["headers"]
    if len(headers) > MOST_HEADERS or sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES:
        message = f"The request has more than {MOST_HEADERS} headers, or more than {HEADER_BYTES} bytes of them."
        raise Refusal(431, message, "headers_too_large")
