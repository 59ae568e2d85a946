"""The fetch of one thread: which pages are asked for, which of their runs are saved, and what is noted of it.

Runs are read oldest first, from the run that an earlier fetch has noted. A thread that was never fetched, of which only
runs since some time are wanted, is read newest first, back to that time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from runstore.amounts import counted
from runstore.errors import FetchFailed
from runstore.fetch.pages import Item, Page, Step, in_turn, page
from runstore.fetch.sdk import Server
from runstore.fetched import Fetched

Take = Callable[[list[Item]], int]
"""Saves runs; returns, when they are stored, the number of those that could not be."""

Note = Callable[[Fetched], None]
"""Stores the state of a thread."""


class ThreadFetch:
    """Fetches one thread from where *state* is. *since* (Unix seconds) leaves out runs that were created before."""

    def __init__(self, server: Server, state: Fetched, since: int | None, take: Take, note: Note) -> None:
        self._server = server
        self._thread = state.thread_id
        self._since = since
        self._take = take
        self._note = note
        self.state = state
        self._refused = 0

    def fetch(self) -> None:
        """Fetch everything that is new, and note after each page how far that is.

        Raises :class:`FetchFailed`, which is noted too.
        """
        try:
            if self._since is not None and not self._may_continue():
                self._newest_first(self._since)
            elif not self._may_continue():
                self._oldest_first(None)
            else:
                try:
                    self._oldest_first(self.state.cursor)
                except FetchFailed as failure:
                    # The run to begin after may be gone.
                    if failure.status not in (400, 404) or self.state.cursor is None:
                        raise
                    self._oldest_first(None)
        except FetchFailed as failure:
            error = str(failure).replace("\0", "\ufffd").encode(errors="replace").decode()
            self._advance(done=False, failures=self.state.failures + 1, error=error)
            raise

    def _may_continue(self) -> bool:
        """Return whether everything that is wanted up to the noted run is stored."""
        left_out = self.state.created_from
        return self.state.cursor is not None and (
            left_out is None or (self._since is not None and left_out <= self._since)
        )

    def _oldest_first(self, after: str | None) -> None:
        created_from = self.state.created_from if after is not None else None
        for step in self._steps(after, ascending=True):
            wanted = self._wanted(step.new)
            if len(wanted) < len(step.new):
                created_from = self._since
            self._save(wanted)
            # Runs that could not be stored are asked for again: the cursor stays before them.
            far = {} if self._refused else {"cursor": step.cursor, "created_from": created_from}
            self._advance(done=not step.has_more and not self._refused, **far)
        self._check_stored()

    def _newest_first(self, since: int) -> None:
        newest: list[Item] = []
        is_whole = is_ordered = True
        for step in self._steps(None, ascending=False):
            wanted = self._wanted(step.new)
            self._save(wanted)
            newest = newest or step.new
            is_ordered = is_ordered and step.is_ordered
            is_whole = is_whole and len(wanted) == len(step.new)
            if is_ordered and not is_whole:
                break
            self._advance(done=False)
        self._check_stored()
        cursor = next((run.id for run in newest if run.created_at != newest[0].created_at), None)
        self._advance(cursor=cursor if is_ordered else None, created_from=None if is_whole else since, done=True)

    def _save(self, runs: list[Item]) -> None:
        self._refused += self._take(runs)

    def _check_stored(self) -> None:
        if self._refused:
            raise FetchFailed(what=self._thread, reason=f"{counted(self._refused, 'run')} could not be stored")

    def _steps(self, after: str | None, *, ascending: bool) -> Iterator[Step]:
        def ask(place: str | None) -> Page:
            return page(self._server.runs(self._thread, ascending=ascending, after=place), self._thread)

        return in_turn(ask, after, ascending=ascending, what=self._thread)

    def _wanted(self, runs: list[Item]) -> list[Item]:
        since = self._since
        return [run for run in runs if since is None or run.created_at is None or run.created_at >= since]

    def _advance(self, *, done: bool, **changes: Any) -> None:
        now = time.time_ns() // 1000
        if done:
            changes |= {"failures": 0, "error": None, "completed_at": now}
        self.state = self.state._replace(done=done, asked_at=now, **changes)
        self._note(self.state)
