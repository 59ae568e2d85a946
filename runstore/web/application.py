"""The ASGI application: routes and middleware."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ExceptionHandler

from runstore.errors import ConfigurationError
from runstore.repository import RunRepository
from runstore.web.answers import COMPRESSED_FROM
from runstore.web.asking import Archive
from runstore.web.endpoints import Endpoints
from runstore.web.guard import Guard, Keys
from runstore.web.pages.endpoints import Pages
from runstore.web.pages.refused import answer as refused_answer
from runstore.web.pages.rendering import Site
from runstore.web.refusals import Refusal, Refused, no_method, no_path
from runstore.web.traffic import Observed, Traffic

PREFIXES = ("/v1", "/openai/v1", "/openai", "/api/projects/{project}", "")
"""The prefixes of the paths in the SDKs of OpenAI, Azure OpenAI and Azure's agents."""

THREADS = 8
"""Number of requests that query the database at a time, each on its own connection."""

REQUESTS = 100
"""Number of requests in progress at a time, including those that wait for a thread."""

TIMEOUT = 10.0
"""Seconds after which a statement is stopped."""


def asgi_app(
    repository: RunRepository,
    *,
    api_keys: Iterable[str] = (),
    allowed_hosts: Collection[str] | None = None,
    allowed_origins: Collection[str] = (),
    timeout: float = TIMEOUT,
    threads: int = THREADS,
    requests: int = REQUESTS,
    hide_text: bool = False,
    sql: bool = False,
) -> Starlette:
    """Return the pages and the read API over an archive, to serve or to mount in another application.

    *api_keys*: accepted keys, sent as ``Authorization: Bearer`` or ``api-key``, or by a browser as the password;
    without keys every request is accepted.
    *allowed_hosts*: accepted values of the Host header (default: any; the surrounding application has to check them).
    *allowed_origins*: origins of pages whose scripts may read answers. *timeout*: seconds after which a statement is
    stopped. *threads*: number of requests that query the archive at a time; the engine needs one connection more.
    *requests*: number of requests that are accepted at a time; further ones get 503. *hide_text*: answer nothing that
    has prompts, arguments, metadata or messages, neither on pages nor through the API. *sql*: have a page for queries.

    The application needs no lifespan. Raises :class:`ConfigurationError` for a key that is too short, for a repository
    made from a connection, and for *sql* with *hide_text*.
    """
    if sql and hide_text:
        raise ConfigurationError(detail="a query in SQL can read all texts, so sql and hide_text exclude each other")
    keys = Keys(api_keys)
    traffic = Traffic()
    archive = Archive(repository, timeout=timeout, threads=threads)
    endpoints = Endpoints(archive, traffic, with_key=bool(keys), hide_text=hide_text)
    site = Site(with_sql=sql, hide_text=hide_text)
    refused = partial(refused_answer, site)
    middleware = [Middleware(Observed, traffic, refused)]
    if allowed_origins:
        headers = ["Authorization", "api-key", "If-None-Match"]
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=allowed_origins,
                allow_methods=["GET", "HEAD"],
                allow_headers=headers,
                expose_headers=["ETag", "Retry-After"],
            )
        )
    middleware += [
        Middleware(Guard, keys, allowed_hosts, allowed_origins, requests, refused),
        Middleware(GZipMiddleware, minimum_size=COMPRESSED_FROM, compresslevel=1, thread_minimum_size=32 * 1024),
    ]
    return Starlette(
        routes=[*Pages(archive, site).routes(), *_routes(endpoints)],
        middleware=middleware,
        exception_handlers=_handlers(refused),
    )


def _routes(endpoints: Endpoints) -> list[BaseRoute]:
    of_api: list[BaseRoute] = [
        Route("/threads/{thread}/runs", endpoints.thread_runs),
        Route("/threads/{thread}/runs/{run}", endpoints.thread_run),
        Route("/threads/{thread}/runs/{run}/steps", endpoints.steps),
        Route("/threads/{thread}/runs/{run}/steps/{step}", endpoints.steps),
        Route("/threads/{thread}/runs/{run}/cancel", endpoints.actions),
        Route("/threads/{thread}/runs/{run}/submit_tool_outputs", endpoints.actions),
        Route("/threads/{thread}/messages", endpoints.messages),
        Route("/threads/{thread}/messages/{message}", endpoints.messages),
        Route("/threads/{thread}", endpoints.threads),
        Route("/threads", endpoints.threads),
        Route("/assistants", endpoints.assistants),
        Route("/assistants/{assistant}", endpoints.assistants),
        Route("/runs", endpoints.runs),
        Route("/stats", endpoints.stats),
    ]
    own: list[BaseRoute] = [
        Route("/openapi.json", endpoints.description),
        Route("/healthz", endpoints.alive),
        Route("/readyz", endpoints.ready),
        Route("/metrics", endpoints.metrics),
    ]
    # A trailing slash is another path: a redirect would contain the server name that the request claims.
    mounted = Router(of_api, redirect_slashes=False)
    return [*own, *(Mount(prefix, mounted) for prefix in PREFIXES)]


def _handlers(refused: Refused) -> Mapping[Any, ExceptionHandler]:
    async def by_endpoint(request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)
        return refused(request.scope, refusal)

    async def not_routed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return refused(request.scope, no_method() if error.status_code == 405 else no_path())

    return {Refusal: by_endpoint, HTTPException: not_routed}
