"""Queries of the archive from an event loop, in as many threads as there are connections to the database."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from runstore.errors import (
    ArchiveMissing,
    DatabaseUnreachable,
    NotAnArchive,
    QueryTimeout,
    RunNotFound,
    RunStoreError,
    SchemaBehind,
    SchemaNewer,
)
from runstore.repository import RunRepository
from runstore.web.refusals import Refusal, failed, unavailable

READY_SECONDS = 1.0
"""Seconds for which the result of the readiness check is cached."""

STATUS_SECONDS = 60.0
"""Seconds for which the size of the archive is cached, because counting its rows takes long."""

QUERIES = 2
"""Number of queries in SQL that are answered at a time."""

_NOT_READY = (ArchiveMissing, DatabaseUnreachable, NotAnArchive, SchemaBehind, SchemaNewer)

T = TypeVar("T")

log = logging.getLogger(__name__)


class Archive:
    """An archive that is only read, with its cached state."""

    def __init__(self, repository: RunRepository, *, timeout: float, threads: int) -> None:
        self._runs = repository.reading(timeout)
        self.timeout = timeout
        """Seconds after which a statement is stopped."""
        self._threads = CapacityLimiter(threads)
        # Queries in SQL have connections of their own. There are few, so that they leave the database to the pages.
        self._queries = CapacityLimiter(QUERIES)
        # A separate thread, so that slow answers do not delay the probes.
        self._care = CapacityLimiter(1)
        self._ready: tuple[float, str | None] = (float("-inf"), None)
        self._status: tuple[float, str] = (float("-inf"), "")

    async def ask(self, question: Callable[[RunRepository], T]) -> T:
        """Return the result of a question. Raises :class:`Refusal`."""
        return await to_thread.run_sync(self._asked, question, limiter=self._threads)

    async def query(self, question: Callable[[RunRepository, float], T]) -> T:
        """Return the result of a question in SQL, which gets the seconds that it may take. Raises :class:`Refusal`."""
        return await to_thread.run_sync(self._asked, lambda runs: question(runs, self.timeout), limiter=self._queries)

    def _asked(self, question: Callable[[RunRepository], T]) -> T:
        try:
            try:
                return question(self._runs)
            except DatabaseUnreachable:
                # After a restart of the database server, the pool discards its connections on the first failure.
                return question(self._runs)
        except (Refusal, RunNotFound):
            raise
        except _NOT_READY as error:
            log.warning("not ready: %s", error)
            message = "The archive cannot be read at the moment; /readyz has the reason."
            raise unavailable(message, "not_ready", 5) from error
        except QueryTimeout as error:
            message = f"The database took longer than {error.fields['seconds']:g} seconds; ask for less."
            raise Refusal(504, message, "timeout", kind="server_error") from error
        except RunStoreError as error:
            log.error("%s", error, exc_info=error)
            raise failed() from error

    async def reason(self) -> str | None:
        """Return the reason why the archive is not ready, or None if it is."""
        return await to_thread.run_sync(self._looked, limiter=self._care)

    def _looked(self) -> str | None:
        at, reason = self._ready
        if time.monotonic() - at > READY_SECONDS:
            try:
                self._runs.check()
                reason = None
            except RunStoreError as error:
                reason = str(error)
            if reason is not None:
                log.warning("not ready: %s", reason)
            self._ready = (time.monotonic(), reason)
        return reason

    async def status(self, render: Callable[[RunRepository], str]) -> str:
        """Return the size and freshness of the archive as *render* writes them; empty if they cannot be read."""
        return await to_thread.run_sync(self._measured, render, limiter=self._care)

    def _measured(self, render: Callable[[RunRepository], str]) -> str:
        at, text = self._status
        if time.monotonic() - at > STATUS_SECONDS:
            try:
                text = render(self._runs)
            except RunStoreError as error:
                log.warning("no status: %s", error)
                text = ""
            self._status = (time.monotonic(), text)
        return text
