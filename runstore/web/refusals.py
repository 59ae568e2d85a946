"""Answers that refuse: in the form of the API, each with a code, and none with more of the request than an id."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from runstore import wire

LONGEST = 100
"""Characters of a request that a message repeats."""


class Refusal(Exception):
    """Raised by what answers a request; becomes the answer."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        *,
        param: str | None = None,
        kind: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.kind = kind
        self.headers = headers or {}

    def response(self) -> Response:
        """The answer."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        body = wire.encode({"error": error})
        return Response(body, self.status, {"Cache-Control": "no-store", **self.headers}, "application/json")


def shown(text: str) -> str:
    """What a request has sent, for a message: in quotes, not too long, without what steers a terminal."""
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return "'" + "".join(c if c.isprintable() else "\ufffd" for c in text) + "'"


def bad_parameter(name: str, message: str, code: str = "invalid_value") -> Refusal:
    """The refusal of a parameter in the query."""
    return Refusal(400, message, code, param=name)


def no_path() -> Refusal:
    """The refusal of a path that nothing is at."""
    return Refusal(404, "Invalid URL: the archive has nothing at this path.", "unknown_url")


def no_method() -> Refusal:
    """The refusal of a method that would write: every path has the same ones."""
    message = "The archive can only be read: use GET."
    return Refusal(405, message, "method_not_allowed", headers={"Allow": "GET, HEAD"})


def no_run(run_id: str) -> Refusal:
    """The refusal of a run that is not stored, or belongs to another thread."""
    return Refusal(404, f"No run found with id {shown(run_id)}.", "run_not_found")


def no_thread(thread_id: str) -> Refusal:
    """The refusal of a thread of which no run is stored."""
    return Refusal(
        404, f"No thread found with id {shown(thread_id)}: the archive has no run of it.", "thread_not_found"
    )


def not_archived(what: str) -> Refusal:
    """The refusal of what the API had beside runs."""
    return Refusal(404, f"The archive holds runs only; {what} are not archived.", "not_archived")


def unavailable(message: str, code: str, seconds: int) -> Refusal:
    """The refusal of what may go well after so many seconds."""
    return Refusal(503, message, code, kind="server_error", headers={"Retry-After": str(seconds)})


def failed() -> Refusal:
    """The refusal that hides what went wrong: it stands in the log."""
    return Refusal(500, "The archive could not answer; its log has the reason.", "internal_error", kind="server_error")
