"""Fetch runs from a server that answers as the Assistants API does.

>>> from openai import OpenAI
>>> from runstore import RunRepository, fetch
>>> with RunRepository.open("runs.db") as archive:
...     report = fetch.threads(OpenAI(), ["thread_a", "thread_b"], archive, source="prod")

The caller's client authenticates itself. :class:`HTTPServer`, which needs the extra ``fetch``, is what the command
uses. The bytes of a run are stored as the server sent them: no SDK parses them before.
"""

from typing import TYPE_CHECKING, Any

from runstore.fetch.fetcher import FetchReport, threads

if TYPE_CHECKING:
    from runstore.fetch.server import HTTPServer

__all__ = ["FetchReport", "HTTPServer", "threads"]


def __getattr__(name: str) -> Any:
    if name == "HTTPServer":  # loads the HTTP client, which those who pass a client of an SDK do not need
        from runstore.fetch.server import HTTPServer

        return HTTPServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
