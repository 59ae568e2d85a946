"""Shared rows that are known to be stored, so that no save asks for them again."""

from __future__ import annotations

import threading
from typing import Any

from sqlalchemy import Connection, Table, event

Seen = dict[Table, set[int]]
"""Ids of shared rows, by table."""

MOST_SEEN = 500_000
"""Ids of shared rows that are remembered as stored."""


class SeenRows:
    """Ids of shared rows, remembered once the transaction that made sure of them is committed."""

    def __init__(self) -> None:
        self.rows: Seen = {}
        self._lock = threading.Lock()

    def learn(self, stored: Seen) -> None:
        """Remember rows that are stored."""
        with self._lock:
            for table, ids in stored.items():
                self.rows.setdefault(table, set()).update(ids)
            if sum(map(len, self.rows.values())) > MOST_SEEN:
                self.rows = {}

    def forget(self) -> None:
        """Know of none any more: they may have been deleted. A save under way goes on with those it was given."""
        with self._lock:
            self.rows = {}

    def after_fork(self) -> None:
        """Have a lock of this process's own: a thread of the other one may hold it."""
        self._lock = threading.Lock()


class Pending:
    """Shared rows that a transaction of the caller's has made sure of: stored only if the caller commits.

    They are learnt when the transaction is committed, and forgotten when any of it is undone. A commit that fails after
    that does no harm: a row that is not there meets a foreign-key error, and the save is tried again without what was
    known.
    """

    def __init__(self, connection: Connection, seen: SeenRows) -> None:
        self._rows: list[Seen] = []
        self._seen = seen
        for name in ("commit", "commit_twophase"):
            event.listen(connection, name, self._committed)
        for name in ("rollback", "rollback_savepoint", "rollback_twophase"):
            event.listen(connection, name, self._undone)

    def add(self, stored: Seen) -> None:
        """What the transaction at hand has stored, or has found."""
        self._rows.append(stored)

    def _committed(self, *_: Any) -> None:
        for stored in self._rows:
            self._seen.learn(stored)
        self._rows.clear()

    def _undone(self, *_: Any) -> None:
        self._rows.clear()
