"""Successful answers: JSON assembled from stored texts, with an ETag for conditional requests."""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runstore import wire
from runstore.query.pages import RunText, TextPage

COMPRESSED_FROM = 1000
"""Minimum size in bytes of an answer that is compressed."""


def of_run(request: Request, run: RunText) -> Response:
    """Return a run as it is stored, with its digest as the ETag."""
    return tagged(request, run.text, run.digest.hex())


def of_page(request: Request, page: TextPage, **more: Any) -> Response:
    """Return a page of runs as they are stored; *more* are members that the API does not have."""
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
    """Return a JSON text with its digest as the ETag."""
    return tagged(request, body, hashlib.blake2b(body, digest_size=16).hexdigest())


def tagged(request: Request, body: bytes, digest: str) -> Response:
    """Return a JSON text, or 304 if the client already has it."""
    # A compressed text is another representation: with a strong tag, both would have to be the same bytes.
    weak = "gzip" in request.headers.get("accept-encoding", "")
    # A client may store an answer, but has to revalidate it.
    headers = {"Cache-Control": "private, no-cache", "ETag": f'{"W/" if weak else ""}"{digest}"'}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if known & {f'"{digest}"', "*"}:
        return Response(status_code=304, headers={**headers, "Vary": "Accept-Encoding"})
    if len(body) < COMPRESSED_FROM:  # otherwise the compression adds the header
        headers["Vary"] = "Accept-Encoding"
    return Response(body, headers=headers, media_type="application/json")
