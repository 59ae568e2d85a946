"""The time limits of migrations."""

from __future__ import annotations

import os
from typing import NamedTuple

from runstore.errors import ConfigurationError


class Limits(NamedTuple):
    """How long a migration waits or runs, in seconds; 0 means no limit. All but *turn* apply to PostgreSQL only."""

    lock: float = 5
    """The wait for a lock on a table. While a migration waits, all other sessions queue behind it."""
    statement: float = 900
    """The duration of a statement in a transaction."""
    turn: float = 600
    """The wait for another migration of the same archive; on SQLite also for another writer of the file."""


def limits() -> Limits:
    """Return the limits from RUNSTORE_LOCK_TIMEOUT, RUNSTORE_STATEMENT_TIMEOUT and RUNSTORE_MIGRATION_WAIT (seconds).

    Raises :class:`ConfigurationError` for a value that is not a number of seconds.
    """
    names = ("RUNSTORE_LOCK_TIMEOUT", "RUNSTORE_STATEMENT_TIMEOUT", "RUNSTORE_MIGRATION_WAIT")
    found = []
    for name, default in zip(names, Limits(), strict=True):
        text = os.environ.get(name)
        try:
            seconds = float(text) if text else default
        except ValueError:
            seconds = -1
        if not 0 <= seconds <= 2_000_000:
            expected = "expected a number of seconds, such as 5 or 0.5; 0 means no limit"
            raise ConfigurationError(detail=f"{name} is {text!r}, {expected}")
        found.append(seconds)
    return Limits(*found)
