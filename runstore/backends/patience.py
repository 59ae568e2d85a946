"""Waiting for a database server that cannot be reached."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from runstore.errors import DatabaseFailure, DatabaseUnreachable

T = TypeVar("T")

LONGEST_PAUSE = 5.0
"""Seconds between two tries."""

log = logging.getLogger(__name__)


class Patience:
    """For how many seconds work is tried again. Threads may share it: of each outage it tells once."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._is_told = False

    def outage(self) -> Outage:
        """What one piece of work asks how long to wait."""
        return Outage(self)

    def tell(self, failure: DatabaseFailure) -> None:
        """Say that the server is waited for."""
        if not self._is_told:
            self._is_told = True
            log.warning("%s; trying again for %g seconds", failure, self.seconds)

    def reached(self) -> None:
        """The server has answered: the next outage is another one."""
        self._is_told = False

    def until_reached(self, work: Callable[[], T]) -> T:
        """What *work* gives, which is tried again while it raises :class:`DatabaseUnreachable`."""
        outage = self.outage()
        while True:
            try:
                found = work()
            except DatabaseUnreachable as failure:
                time.sleep(outage.pause(failure))
            else:
                self.reached()
                return found


class Outage:
    """The time that one piece of work has waited, from its first failure on."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._tries = 0
        self._end = 0.0

    def pause(self, failure: DatabaseFailure) -> float:
        """Seconds until the next try, random and growing; raises *failure* when the time is up."""
        now = time.monotonic()
        if not self._tries:
            self._end = now + self._patience.seconds
        if not now < self._end:  # which it is not of a NaN either
            raise failure
        self._patience.tell(failure)
        self._tries += 1
        pause = random.uniform(0.5, 1) * min(0.1 * 2.0**self._tries, LONGEST_PAUSE)
        return min(pause, self._end - now)
