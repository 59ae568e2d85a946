"""Shared rows that a transaction of the caller's has made sure of: stored only if she commits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event

from runstore.save import writer


class Pending:
    """Passes ids of shared rows on when the transaction is committed, and forgets them when any of it is undone.

    A commit that fails after that does no harm: a row that is not there meets a foreign-key error, and the save is
    tried again without what was known.
    """

    def __init__(self, connection: Connection, learn: Callable[[writer.Seen], None]) -> None:
        self._rows: list[writer.Seen] = []
        self._learn = learn
        for name in ("commit", "commit_twophase"):
            event.listen(connection, name, self._committed)
        for name in ("rollback", "rollback_savepoint", "rollback_twophase"):
            event.listen(connection, name, self._undone)

    def add(self, stored: writer.Seen) -> None:
        """What the transaction at hand has stored, or has found."""
        self._rows.append(stored)

    def _committed(self, *_: Any) -> None:
        for stored in self._rows:
            self._learn(stored)
        self._rows.clear()

    def _undone(self, *_: Any) -> None:
        self._rows.clear()
