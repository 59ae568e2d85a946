"""HTTP connections of clients that do not go on: uvicorn waits for them for ever, here each has its time."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 10.0
"""Within which the line and the headers of a request have to come."""

READ_SECONDS = 30.0
"""For which a client may leave an answer unread."""


class ImpatientProtocol(H11Protocol):
    """uvicorn's protocol, with a time for a request to come and for an answer to be read."""

    _coming: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """The first request has to come."""
        super().connection_made(transport)
        self._coming = self.loop.call_later(REQUEST_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Stop the time where a request is complete, begin it with the first bytes of another."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_coming()
        elif self._coming is None and self.conn.trailing_data[0]:
            self._coming = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        """There is more of an answer than the system takes."""
        super().pause_writing()
        self._unread = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._stop_unread()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._stop_coming()
        self._stop_unread()
        super().connection_lost(exc)

    def _stop_coming(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
            self._coming = None

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
