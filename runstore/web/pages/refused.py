"""Refusals as pages that state what to do."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Scope

from runstore.web.pages.rendering import Site, page
from runstore.web.pages.routes import wants_page
from runstore.web.refusals import Refusal

_TITLES = {
    400: "This address asks for something that cannot be answered",
    401: "A key is needed",
    403: "Not shown here",
    404: "Not found",
    405: "This archive can only be read",
    413: "Too much for a page",
    414: "The address is too long",
    421: "The server does not answer by this name",
    503: "The archive cannot be read at the moment",
    504: "The database took too long",
}

_ADVICE = {
    400: "Change the filter, or remove it from the address.",
    401: "Open the page again and enter a key of this server as the password; the user name does not matter.",
    404: "Check the id, or search among all runs.",
    413: "Narrow the selection, or use the command, which has no such limit.",
    503: "Open the page again in a moment. If this does not pass, look at the log of the server and at /readyz.",
    504: "Ask for less: choose a shorter time, an assistant or a model. The command line has no such limit.",
}


def answer(site: Site, scope: Scope, refusal: Refusal) -> Response:
    """Return a refusal as a page for those who accept HTML, and else in the form of the API."""
    if not wants_page(scope):
        return refusal.response()
    headers = {"Cache-Control": "no-store", **refusal.headers}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="runstore", charset="UTF-8"'
    return page(
        site,
        scope,
        "refused.html",
        status=refusal.status,
        headers=headers,
        title=_TITLES.get(refusal.status, "The archive could not answer"),
        message=str(refusal),
        advice=_ADVICE.get(refusal.status),
        code=refusal.code,
        known=refusal.status not in (401, 421),
    )
