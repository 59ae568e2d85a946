"""A cache of shared rows that are known to be stored, so that saving need not query them again."""

from __future__ import annotations

import threading
from typing import Any

from sqlalchemy import Connection, Table, event

Seen = dict[Table, set[int]]
"""The ids of shared rows, by table."""

MOST_SEEN = 500_000
"""The maximum number of ids in the cache."""


class SeenRows:
    """The ids of shared rows, added when the transaction that ensured their existence is committed."""

    def __init__(self) -> None:
        self.rows: Seen = {}
        self._lock = threading.Lock()

    def learn(self, stored: Seen) -> None:
        """Add rows that are stored."""
        with self._lock:
            for table, ids in stored.items():
                self.rows.setdefault(table, set()).update(ids)
            if sum(map(len, self.rows.values())) > MOST_SEEN:
                self.rows = {}

    def forget(self) -> None:
        """Clear the cache, because rows may have been deleted. A save in progress keeps the rows it was given."""
        with self._lock:
            self.rows = {}

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent process may hold."""
        self._lock = threading.Lock()


class Pending:
    """Shared rows that the caller's transaction has ensured: they are stored only if the caller commits.

    They are added to the cache when the transaction is committed, and discarded when any part of it is rolled back. If
    the commit fails after that, no harm is done: a missing row causes a foreign-key error, and the save is retried with
    an empty cache.
    """

    def __init__(self, connection: Connection, seen: SeenRows) -> None:
        self._rows: list[Seen] = []
        self._seen = seen
        for name in ("commit", "commit_twophase"):
            event.listen(connection, name, self._committed)
        for name in ("rollback", "rollback_savepoint", "rollback_twophase"):
            event.listen(connection, name, self._undone)

    def add(self, stored: Seen) -> None:
        """Add rows that the current transaction has inserted or found."""
        self._rows.append(stored)

    def _committed(self, *_: Any) -> None:
        for stored in self._rows:
            self._seen.learn(stored)
        self._rows.clear()

    def _undone(self, *_: Any) -> None:
        self._rows.clear()
