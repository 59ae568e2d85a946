"""Error answers in the form of the API, each with a code. They repeat at most an id of the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.responses import Response
from starlette.types import Scope

from runstore import wire

LONGEST = 100
"""Maximum number of characters of a request that a message repeats."""


class Refusal(Exception):
    """Raised while a request is processed; it becomes the answer."""

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
        """Return the answer."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        body = wire.encode({"error": error})
        return Response(body, self.status, {"Cache-Control": "no-store", **self.headers}, "application/json")


Refused = Callable[[Scope, Refusal], Response]
"""A function that returns the answer to a request that is refused, in the form that its client accepts."""


def shown(text: str) -> str:
    """Return a text of a request for a message: in quotes, shortened, and without control characters."""
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return "'" + "".join(c if c.isprintable() else "\ufffd" for c in text) + "'"


def bad_parameter(name: str, message: str, code: str = "invalid_value") -> Refusal:
    """Return the refusal of a query parameter."""
    return Refusal(400, message, code, param=name)


def no_path() -> Refusal:
    """Return the refusal of an unknown path."""
    return Refusal(404, "Invalid URL: the archive has nothing at this path.", "unknown_url")


def no_method() -> Refusal:
    """Return the refusal of a method that would write; all paths allow the same methods."""
    message = "The archive can only be read: use GET."
    return Refusal(405, message, "method_not_allowed", headers={"Allow": "GET, HEAD"})


def no_run(run_id: str) -> Refusal:
    """Return the refusal of a run that is not stored or belongs to another thread."""
    return Refusal(404, f"No run found with id {shown(run_id)}.", "run_not_found")


def no_thread(thread_id: str) -> Refusal:
    """Return the refusal of a thread of which no run is stored."""
    return Refusal(
        404, f"No thread found with id {shown(thread_id)}: the archive has no run of it.", "thread_not_found"
    )


def not_archived(what: str) -> Refusal:
    """Return the refusal of objects that the API has and the archive does not."""
    return Refusal(404, f"The archive holds runs only; {what} are not archived.", "not_archived")


def text_hidden(what: str, param: str | None = None) -> Refusal:
    """Return the refusal of texts of runs by a server that hides them."""
    return Refusal(403, f"This server hides the texts of runs (--hide-text): {what}.", "text_hidden", param=param)


def unavailable(message: str, code: str, seconds: int) -> Refusal:
    """Return the refusal of a request that may succeed after this number of seconds."""
    return Refusal(503, message, code, kind="server_error", headers={"Retry-After": str(seconds)})


def failed() -> Refusal:
    """Return the answer to an internal error, whose cause is only in the log."""
    return Refusal(500, "The archive could not answer; its log has the reason.", "internal_error", kind="server_error")
