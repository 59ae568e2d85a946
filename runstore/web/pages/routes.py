"""Routes of pages. A path that the API has too is a page for those who accept HTML, as browsers do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote, unquote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from runstore.web.traffic import ROOT

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]

OF_API = ("v1", "openai", "api")
"""First parts of paths at which there are no pages."""


def parts_of(scope: Scope) -> list[str]:
    """Return the parts of a path, decoded one by one, because an id may contain a slash."""
    raw = (scope.get("raw_path") or quote(scope["path"]).encode()).partition(b"?")[0].decode("latin-1")
    mounted = scope[ROOT].count("/")
    return [unquote(part) for part in raw.split("/")[1 + mounted :]] or [""]


def wants_page(scope: Scope) -> bool:
    """Return whether the answer to a request, an error too, is a page: whether the client accepts HTML."""
    accepted = Headers(scope=scope).get("accept", "")
    return "text/html" in accepted and parts_of(scope)[0] not in OF_API


class PageRoute(BaseRoute):
    """The route of a page. Its path consists of words and, in braces, of ids, which may contain any character."""

    def __init__(self, path: str, endpoint: Endpoint) -> None:
        self._parts = path.split("/")[1:]
        self._endpoint = endpoint

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a request of a client that accepts HTML."""
        if scope["type"] != "http" or not wants_page(scope):
            return Match.NONE, {}
        given = parts_of(scope)
        if len(given) != len(self._parts):
            return Match.NONE, {}
        found = {}
        for part, value in zip(self._parts, given, strict=True):
            if part.startswith("{") and value:
                found[part[1:-1]] = value
            elif part != value:
                return Match.NONE, {}
        match = Match.FULL if scope["method"] in ("GET", "HEAD") else Match.PARTIAL
        return match, {"endpoint": self._endpoint, "path_params": found}

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        """Refuse: pages link to one another by relative paths."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive, send)
        response = await self._endpoint(request)
        await response(scope, receive, send)
