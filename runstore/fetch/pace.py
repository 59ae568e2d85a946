"""When requests may be sent: at most so many a second, and none while the server asks for a pause."""

from __future__ import annotations

import threading
import time


class Stopped(Exception):
    """Raised in a thread whose result nobody waits for any longer."""


class Pace:
    """The times of the requests to one server. Threads share it."""

    def __init__(self, per_second: float | None = None) -> None:
        self._interval = 0.0 if per_second is None else 1 / per_second
        self._next = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def wait(self) -> None:
        """Wait until the next request may be sent. Raises :class:`Stopped`."""
        with self._lock:
            start = max(time.monotonic(), self._next)
            self._next = start + self._interval
        self.sleep(start - time.monotonic())

    def hold(self, seconds: float) -> None:
        """Send no request before this time has passed: the server has asked for it."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Wait. Raises :class:`Stopped` as soon as nobody waits for the result any longer."""
        if self._stopped.wait(max(seconds, 0)):
            raise Stopped

    def stop(self) -> None:
        """End all waiting, now and until :meth:`start`."""
        self._stopped.set()

    def start(self) -> None:
        """Begin a fetch."""
        self._stopped.clear()
