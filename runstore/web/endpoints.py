"""The endpoints: one method for each path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from runstore import metrics, wire
from runstore.errors import RunNotFound
from runstore.query.pages import TextPage
from runstore.repository import RunRepository
from runstore.web import answers, openapi, parameters
from runstore.web.asking import Archive
from runstore.web.parameters import CURSOR, OF_FILTERS, PAGE, STATISTICS
from runstore.web.refusals import (
    bad_parameter,
    no_path,
    no_run,
    no_thread,
    not_archived,
    shown,
    text_hidden,
    unavailable,
)
from runstore.web.traffic import Traffic

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode
"""Writes costs, which are decimals, as numbers."""


class Endpoints:
    """The endpoints of one application. Metrics label a request with the name of the method."""

    def __init__(self, archive: Archive, traffic: Traffic, *, with_key: bool, hide_text: bool) -> None:
        self._archive = archive
        self._traffic = traffic
        self._with_key = with_key
        self._hide_text = hide_text

    # --- endpoints of the API

    async def thread_runs(self, request: Request) -> Response:
        """Return a page of the runs of a thread."""
        self._check_text()
        thread = request.path_params["thread"]
        asked = parameters.read(request.scope["query_string"], PAGE)

        def find(runs: RunRepository) -> TextPage:
            for name in ("after", "before"):
                if name in asked and not runs.count(id=asked[name], thread_id=thread):
                    raise _no_place(name, asked[name])
            page = runs.find_json(thread_id=thread, **_place(asked))
            if not page.runs and not asked.keys() & {"after", "before"}:
                raise no_thread(thread)
            return page

        return answers.of_page(request, await self._archive.ask(find))

    async def thread_run(self, request: Request) -> Response:
        """Return a run of a thread."""
        self._check_text()
        parameters.read(request.scope["query_string"], {})
        run_id = request.path_params["run"]
        try:
            run = await self._archive.ask(_loaded(run_id))
        except RunNotFound:
            raise no_run(run_id) from None
        if run.thread_id != request.path_params["thread"]:
            raise no_run(run_id)
        return answers.of_run(request, run)

    async def threads(self, _: Request) -> Response:
        """Refuse a thread."""
        raise not_archived("threads")

    async def messages(self, _: Request) -> Response:
        """Refuse messages."""
        raise not_archived("messages")

    async def steps(self, _: Request) -> Response:
        """Refuse run steps."""
        raise not_archived("run steps")

    async def assistants(self, _: Request) -> Response:
        """Refuse assistants."""
        raise not_archived("assistants")

    async def actions(self, _: Request) -> Response:
        """Refuse the actions on a run, which only have a POST."""
        raise no_path()

    # --- endpoints beyond the API

    async def runs(self, request: Request) -> Response:
        """Return a page of the runs that meet all filters."""
        self._check_text()
        asked = parameters.read(request.scope["query_string"], {**PAGE, "cursor": CURSOR, **OF_FILTERS})
        if "cursor" in asked and "after" in asked:
            raise bad_parameter("cursor", "Both 'cursor' and 'after' say where the page begins; give one of them.")
        where = parameters.where(asked)

        def find(runs: RunRepository) -> TextPage:
            try:
                return runs.find_json(**_place(asked), cursor=asked.get("cursor"), **where)
            except RunNotFound as error:
                name = "after" if error.fields["id"] == asked.get("after") else "before"
                raise _no_place(name, asked[name]) from None

        page = await self._archive.ask(find)
        return answers.of_page(request, page, next=page.next)

    async def stats(self, request: Request) -> Response:
        """Return counts, tokens, cost and durations of the runs that meet all filters."""
        asked = parameters.read(request.scope["query_string"], {**STATISTICS, **OF_FILTERS})
        where = parameters.where(asked)
        if self._hide_text:
            parameters.check_no_text(where)
        by, columns, sort, limit = (asked.get(name) for name in ("by", "columns", "sort", "limit"))
        limit = 100 if limit is None else limit
        if sort is not None and columns is not None and sort not in columns:
            raise bad_parameter("sort", "Invalid 'sort': it has to be one of 'columns'.")
        rows = await self._archive.ask(
            lambda runs: runs.stats(by or (), columns=columns, sort=sort, limit=limit + 1, **where)
        )
        body = {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit}
        return answers.of_text(request, _encode(body))

    async def description(self, request: Request) -> Response:
        """Return the OpenAPI document."""
        document = openapi.document(request.scope.get("root_path", ""), with_key=self._with_key)
        return answers.of_text(request, wire.encode(document))

    def _check_text(self) -> None:
        """Refuse runs, which contain texts, if they are hidden."""
        if self._hide_text:
            raise text_hidden("it answers /v1/stats, and its pages show numbers")

    # --- for operators

    async def alive(self, _: Request) -> Response:
        """Return 200 while the server answers."""
        return Response(b'{"status":"ok"}', media_type="application/json")

    async def ready(self, request: Request) -> Response:
        """Return whether the archive can be read; only clients with a key get the reason."""
        reason = await self._archive.reason()
        if reason is None:
            return Response(b'{"status":"ready"}', media_type="application/json")
        admitted = request.scope["runstore.admitted"]
        raise unavailable(reason if admitted else "The archive is not ready; the log has the reason.", "not_ready", 5)

    async def metrics(self, _: Request) -> Response:
        """Return the metrics of requests and of the archive."""
        ready = metrics.Sample({}, int(await self._archive.reason() is None))
        text = metrics.metric("ready", "gauge", "Whether the archive can be read.", [ready])
        text += await self._archive.status(lambda runs: metrics.exposition(runs.place, runs.status()))
        return Response(text + self._traffic.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _loaded(run_id: str) -> Callable[[RunRepository], Any]:
    return lambda runs: runs.load_json(run_id)


def _place(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``find_json`` for a page."""
    return {
        "limit": asked.get("limit", 20),
        "newest_first": asked.get("order", "desc") == "desc",
        "after": asked.get("after"),
        "before": asked.get("before"),
    }


def _no_place(name: str, run_id: str) -> Exception:
    return bad_parameter(name, f"Invalid '{name}': there is no run {shown(run_id)} here.", "run_not_found")
