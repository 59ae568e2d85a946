"""Answers that give: JSON that is put together of stored texts, with a tag by which a client asks for it again."""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runstore import wire
from runstore.query.pages import RunText, TextPage

COMPRESSED_FROM = 1000
"""Bytes below which an answer is not compressed."""


def of_run(request: Request, run: RunText) -> Response:
    """A run as it is stored, tagged with its digest."""
    return tagged(request, run.text, run.digest.hex())


def of_page(request: Request, page: TextPage, **more: Any) -> Response:
    """A page of runs, as they are stored; *more* are members beyond those of the API."""
    ends = {
        "first_id": page.runs[0].id if page.runs else None,
        "last_id": page.runs[-1].id if page.runs else None,
        "has_more": page.has_more,
        **more,
    }
    # The members after the list: an object without its opening brace.
    parts = (b'{"object":"list","data":[', b",".join(run.text for run in page.runs), b"],", wire.encode(ends)[1:])
    return of_text(request, b"".join(parts))


def of_text(request: Request, body: bytes) -> Response:
    """A JSON text, tagged with a digest of it."""
    return tagged(request, body, hashlib.blake2b(body, digest_size=16).hexdigest())


def tagged(request: Request, body: bytes, digest: str) -> Response:
    """A JSON text, or 304 where the client has it already."""
    # The same text compressed is another representation: a strong tag would take both for the same bytes.
    weak = "gzip" in request.headers.get("accept-encoding", "")
    # A client may keep an answer, and has to ask whether it still holds.
    headers = {"Cache-Control": "private, no-cache", "ETag": f'{"W/" if weak else ""}"{digest}"'}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if known & {f'"{digest}"', "*"}:
        return Response(status_code=304, headers={**headers, "Vary": "Accept-Encoding"})
    if len(body) < COMPRESSED_FROM:  # else what compresses it says so
        headers["Vary"] = "Accept-Encoding"
    return Response(body, headers=headers, media_type="application/json")
