"""Retries while a database server cannot be reached."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from runstore import waiting
from runstore.errors import DatabaseFailure, DatabaseUnreachable

T = TypeVar("T")

LONGEST_PAUSE = 5.0
"""Maximum seconds between two tries."""

log = logging.getLogger(__name__)


class Patience:
    """The seconds for which work is tried again. Threads may share it: each outage is logged once."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._is_logged = False

    def outage(self) -> Outage:
        """Return the waiting time of one piece of work."""
        return Outage(self)

    def tell(self, failure: DatabaseFailure) -> None:
        """Log, once for each outage, that the work is tried again."""
        if not self._is_logged:
            self._is_logged = True
            log.warning("%s; trying again for %g seconds", failure, self.seconds)

    def reached(self) -> None:
        """Note that the server has answered, so that the next failure is a new outage."""
        self._is_logged = False

    def until_reached(self, work: Callable[[], T]) -> T:
        """Return the result of *work*, which is tried again while it raises :class:`DatabaseUnreachable`."""
        outage = self.outage()
        while True:
            try:
                found = work()
            except DatabaseUnreachable as failure:
                waiting.sleep(outage.pause(failure))
            else:
                self.reached()
                return found


class Outage:
    """The time that one piece of work has waited since its first failure."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._tries = 0
        self._end = 0.0

    def pause(self, failure: DatabaseFailure) -> float:
        """Return the seconds until the next try, random and growing. Raise *failure* when the time is up."""
        now = time.monotonic()
        if not self._tries:
            self._end = now + self._patience.seconds
        if not now < self._end:  # also true if the patience is NaN
            raise failure
        self._patience.tell(failure)
        self._tries += 1
        pause = random.uniform(0.5, 1) * min(0.1 * 2.0**self._tries, LONGEST_PAUSE)
        return min(pause, self._end - now)
