"""How patient a migration is."""

from __future__ import annotations

import os
from typing import NamedTuple

from runstore.errors import ConfigurationError


class Limits(NamedTuple):
    """How patient a migration is on PostgreSQL, in seconds; 0 is without limit."""

    lock: float = 5
    """For a lock on a table: everybody else queues behind a migration that waits for one."""
    statement: float = 900
    """For a statement in a transaction."""
    turn: float = 600
    """For another migration of the same archive; on SQLite for another writer of the file too."""


def limits() -> Limits:
    """The limits of RUNSTORE_LOCK_TIMEOUT, RUNSTORE_STATEMENT_TIMEOUT and RUNSTORE_MIGRATION_WAIT (seconds).

    Raises :class:`ConfigurationError` for what is no number of seconds.
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
            raise ConfigurationError(detail=f"{name} is {text!r}, expected seconds, as 5 or 0.5; 0 is without limit")
        found.append(seconds)
    return Limits(*found)
