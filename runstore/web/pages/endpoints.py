"""The pages of one application. Metrics label a request with the name of the method."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from runstore.web.asking import Archive
from runstore.web.pages import prompt_list, run_list, single_run, sql, statistics, thread
from runstore.web.pages.rendering import HEADERS, Site, static_answer
from runstore.web.pages.routes import PageRoute
from runstore.web.refusals import no_path


class Pages:
    """The pages over an archive."""

    def __init__(self, archive: Archive, site: Site) -> None:
        self._archive = archive
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return the routes of all pages, and of the files that they load and lead to."""
        found: list[BaseRoute] = [
            PageRoute("/", self.home),
            PageRoute("/runs", self.runs_page),
            PageRoute("/runs/{run}", self.run_page),
            PageRoute("/threads/{thread}", self.thread_page),
            PageRoute("/assistants/{assistant}/prompts", self.prompts_page),
            PageRoute("/stats", self.stats_page),
            Route("/runs.csv", self.runs_csv),
            Route("/stats.csv", self.stats_csv),
            Route("/static/{name}", self.static_file),
        ]
        if self._site.with_sql:
            found += [PageRoute("/sql", self.sql_page), Route("/sql.csv", self.sql_csv)]
        return found

    async def home(self, _: Request) -> Response:
        """Lead to the runs."""
        return RedirectResponse("runs", 307, headers=HEADERS)

    async def runs_page(self, request: Request) -> Response:
        """Return the page of runs."""
        return await run_list.answer(self._archive, self._site, request)

    async def runs_csv(self, request: Request) -> Response:
        """Return runs as CSV."""
        return await run_list.csv(self._archive, self._site, request)

    async def run_page(self, request: Request) -> Response:
        """Return the page of a run."""
        return await single_run.answer(self._archive, self._site, request)

    async def thread_page(self, request: Request) -> Response:
        """Return the page of a thread."""
        return await thread.answer(self._archive, self._site, request)

    async def prompts_page(self, request: Request) -> Response:
        """Return the page of an assistant's prompts."""
        return await prompt_list.answer(self._archive, self._site, request)

    async def stats_page(self, request: Request) -> Response:
        """Return the page of statistics."""
        return await statistics.answer(self._archive, self._site, request)

    async def stats_csv(self, request: Request) -> Response:
        """Return statistics as CSV."""
        return await statistics.csv(self._archive, self._site, request)

    async def sql_page(self, request: Request) -> Response:
        """Return the page of a query."""
        return await sql.answer(self._archive, self._site, request)

    async def sql_csv(self, request: Request) -> Response:
        """Return the answer to a query as CSV."""
        return await sql.csv(self._archive, self._site, request)

    async def static_file(self, request: Request) -> Response:
        """Return a style sheet, the script, or the icon."""
        found = static_answer(request.path_params["name"])
        if found is None:
            raise no_path()
        return found
