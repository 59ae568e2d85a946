"""Servers behind a client of an SDK, whose authentication, retries and limits are the client's own.

The bytes of an answer are taken before the SDK parses them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from runstore.errors import ConfigurationError, FetchFailed, ServerRefused, ServerUnreachable
from runstore.fetch.pace import Pace
from runstore.fetch.pages import LIMIT, shown


class Server(Protocol):
    """What a fetch asks."""

    name: str
    """The base URL, which identifies the server in the archive."""
    pace: Pace

    def runs(self, thread: str, *, ascending: bool, after: str | None) -> bytes:
        """Return a page of the runs of a thread."""

    def run(self, thread: str, run_id: str) -> bytes:
        """Return a run."""

    def close(self) -> None:
        """Close what belongs to the calling thread alone."""


class _Client:
    """A client of an SDK."""

    def __init__(self, client: Any, name: str, errors: type[Exception]) -> None:
        self.name = name.rstrip("/")
        self.pace = Pace()
        self._client = client
        self._errors = errors

    def close(self) -> None:
        """Do nothing: the client is the caller's."""

    def _asked(self, what: str, ask: Callable[[], bytes]) -> bytes:
        self.pace.wait()
        try:
            return ask()
        except self._errors as error:
            status = getattr(error, "status_code", None)
            said = shown(str(getattr(error, "message", None) or error)) or type(error).__name__
            if status in (401, 403):
                reason = f"does not accept the client's key (status {status}: {said})"
                raise ServerRefused(server=self.name, reason=reason) from error
            if status is None:  # the SDK has tried several times
                raise ServerUnreachable(server=self.name, reason=f"cannot be reached: {said}") from error
            later = status == 429 or status >= 500
            raise FetchFailed(what=what, reason=f"status {status}: {said}", status=status, may_pass=later) from error


class OpenAIClient(_Client):
    """A client of the ``openai`` package: OpenAI or AzureOpenAI."""

    def __init__(self, client: Any) -> None:
        import openai

        super().__init__(client, str(client.base_url), openai.OpenAIError)

    def runs(self, thread: str, *, ascending: bool, after: str | None) -> bytes:
        """Return a page of the runs of a thread."""
        place: dict[str, Any] = {"after": after} if after else {}
        listed = self._client.beta.threads.runs.with_raw_response.list
        order = "asc" if ascending else "desc"
        return self._asked(thread, lambda: bytes(listed(thread, order=order, limit=LIMIT, **place).content))

    def run(self, thread: str, run_id: str) -> bytes:
        """Return a run."""
        retrieved = self._client.beta.threads.runs.with_raw_response.retrieve
        return self._asked(run_id, lambda: bytes(retrieved(run_id, thread_id=thread).content))


class AgentsClient(_Client):
    """An AgentsClient of the ``azure-ai-agents`` package. *more* are arguments of each of its calls."""

    def __init__(self, client: Any, **more: Any) -> None:
        from azure.core.exceptions import AzureError

        super().__init__(client, str(client._config.endpoint), AzureError)
        self._more = more

    def runs(self, thread: str, *, ascending: bool, after: str | None) -> bytes:
        """Return a page of the runs of a thread."""
        order = "asc" if ascending else "desc"

        def ask(hook: Callable[[Any], None]) -> None:
            listed = self._client.runs.list(thread, order=order, limit=LIMIT, raw_response_hook=hook, **self._more)
            next(listed.by_page(continuation_token=after))

        return self._asked(thread, lambda: _body(ask))

    def run(self, thread: str, run_id: str) -> bytes:
        """Return a run."""

        def ask(hook: Callable[[Any], None]) -> None:
            self._client.runs.get(thread, run_id, raw_response_hook=hook, **self._more)

        return self._asked(run_id, lambda: _body(ask))


def _body(ask: Callable[[Callable[[Any], None]], None]) -> bytes:
    """Return the body of the answer that a call of the SDK receives."""
    bodies: list[bytes] = []
    ask(lambda answer: bodies.append(answer.http_response.content))
    return bodies[-1]


def server_of(client: Any) -> Server:
    """Return the server behind a client. Raises :class:`ConfigurationError` for one that is not known."""
    if all(callable(getattr(client, name, None)) for name in ("runs", "run", "close")):
        found: Server = client
        return found
    kind = type(client)
    package = kind.__module__.partition(".")[0]
    if kind.__name__.startswith("Async") or ".aio" in kind.__module__:
        raise ConfigurationError(detail=f"{kind.__name__} is asynchronous; pass the synchronous client of the same SDK")
    if hasattr(getattr(client, "beta", None), "threads"):
        return OpenAIClient(client)
    if package == "azure" and hasattr(client, "runs"):
        return AgentsClient(client)
    raise ConfigurationError(
        detail=f"{kind.__name__} is not a client of a known SDK; expected OpenAI or AzureOpenAI of openai, or "
        "AgentsClient of azure-ai-agents"
    )
