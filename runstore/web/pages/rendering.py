"""Templates, and the headers of pages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response
from starlette.types import Scope

from runstore import charts
from runstore.web.pages import shown
from runstore.web.pages.routes import parts_of

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""The security policy of all pages: nothing of another host, and no script or style that a text could contain."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Accept",
}
"""The headers of all pages and of the files that they load."""

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}

_STATIC = files(__package__).joinpath("static")


class Site(NamedTuple):
    """What all pages of an application have in common."""

    with_sql: bool
    """Whether there is a page for queries in SQL."""
    hide_text: bool
    """Whether prompts, arguments, metadata and other texts of runs are left out."""


@cache
def static(name: str) -> bytes | None:
    """Return a file that pages load, or None if there is none of this name."""
    if name == "style.css":
        parts = [_STATIC.joinpath(part).read_text("utf-8") for part in ("modern-normalize.css", "style.css")]
        return "\n".join([*parts, charts.STYLE]).encode()
    return _STATIC.joinpath(name).read_bytes() if name in ("page.js", "icon.svg") else None


def static_answer(name: str) -> Response | None:
    """Return the answer to a request for such a file. Its URL contains its digest, so it may be kept for ever."""
    body = static(name)
    if body is None:
        return None
    headers = {**HEADERS, "Cache-Control": "private, max-age=31536000, immutable"}
    return Response(body, headers=headers, media_type=_TYPES[name.rpartition(".")[2]])


@cache
def _digest(name: str) -> str:
    return hashlib.blake2b(static(name) or b"", digest_size=6).hexdigest()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown.visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": shown.number,
        "money": shown.money,
        "duration": shown.duration,
        "moment": shown.moment,
        "day": shown.day,
        "short": shown.shortened,
        "json": shown.pretty_json,
        "cell": shown.cell,
        "segment": lambda text: quote(text, safe=""),
    }
    return environment


def page(
    site: Site,
    scope: Scope,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """Return a page. Its links are relative, so that it works behind a proxy that serves it under any path."""
    parts = parts_of(scope)
    values = {
        "up": "../" * (len(parts) - 1) or "./",
        "here": parts[0],
        "site": site,
        "digest": _digest,
        **values,
    }
    text = _environment().get_template(template).render(values)
    given = {**HEADERS, "Cache-Control": "private, no-cache", **(headers or {})}
    return Response(text, status, given, "text/html; charset=utf-8")
