"""Many threads: several at a time, each with its own end; then the runs that have not ended are asked again."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from runstore import times, wire
from runstore.amounts import counted
from runstore.errors import ArchiveMissing, ConfigurationError, FetchFailed, InvalidArgument, ServerUnreachable
from runstore.fetch.pace import Stopped
from runstore.fetch.pages import Item, item
from runstore.fetch.sdk import Server, server_of
from runstore.fetch.thread import ThreadFetch
from runstore.fetched import Fetched
from runstore.mapping.newness import RANKS
from runstore.repository import RunRepository
from runstore.save.saver import Rejection, SaveReport
from runstore.sources import Record
from runstore.statuses import STATUSES

ENDED = frozenset(status for status, rank in RANKS.items() if rank == max(RANKS.values()))
"""Statuses after which a run does not change."""

UNFINISHED = tuple(status for status in STATUSES if status not in ENDED)

MOST_IN_A_ROW = 10
"""Threads in a row that the server does not answer; then it is taken for unreachable."""

WAIT = 60.0
"""Seconds for which runs that have not ended are asked again."""

PAUSES = (2.0, 15.0)
"""The first and the longest pause, in seconds, before runs are asked again."""

GRACE = 5.0
"""Seconds for which an interrupted fetch waits for its threads. They are between two transactions, or in one that the
database rolls back."""

MOST_BYTES = 300
"""Maximum size of the id of a thread or run, in bytes."""

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass
class FetchReport:
    """The result of a fetch."""

    threads: int = 0
    """Number of threads of which everything new was fetched."""
    failed: dict[str, str] = field(default_factory=dict)
    """The threads that could not be fetched to their end, with the reasons. The next fetch asks for them again."""
    unfinished: int = 0
    """Number of runs that had not ended when they were last asked for."""
    found: int = 0
    """Number of runs that the server sent, again or for the first time."""
    saved: SaveReport = field(default_factory=SaveReport)
    """What became of these runs in the archive."""

    @property
    def complete(self) -> bool:
        """Whether all threads were fetched and every run was saved."""
        return not self.failed and self.saved.complete


Progress = Callable[[FetchReport], None]
"""Called after each page and each thread, in any thread but never twice at a time."""


def threads(
    client: Any,
    ids: Iterable[str],
    archive: RunRepository,
    *,
    source: str | None = None,
    since: times.Time | None = None,
    refresh_unfinished: bool = False,
    wait: float = WAIT,
    jobs: int = 1,
    dry_run: bool = False,
    on_rejected: Callable[[Rejection], None] | None = None,
    progress: Progress | None = None,
) -> FetchReport:
    """Fetch all new runs of these threads from a server into an archive.

    *client*: a client of an SDK (``OpenAI`` or ``AzureOpenAI`` of ``openai``, ``AgentsClient`` of
    ``azure-ai-agents``), which authenticates itself, or an :class:`HTTPServer`. *source* is stored with the runs; the
    base URL of the client and *source* identify the server in the archive. *since* leaves out runs that were created
    before. *refresh_unfinished* also asks again for runs that had not ended when an earlier fetch saved them. Runs that
    have not ended are asked for again, for at most *wait* seconds. *jobs* threads are fetched at a time. With
    *dry_run*, nothing is stored. *on_rejected* is called with each run that could not be stored, in the caller's
    thread; the report then does not keep it.

    The archive notes after each page how far a thread was fetched, so the same call continues after an interruption,
    and later takes only what is new. Threads that fail are in the report. Raises :class:`ServerUnreachable`,
    :class:`ServerRefused`, :class:`ConfigurationError` and :class:`DatabaseFailure`.
    """
    wanted = list(dict.fromkeys(ids))
    for thread in wanted:
        _check_id(thread)
    if source is not None and (not wire.is_text(source) or len(source.encode()) > wire.MAX_INDEXED_BYTES):
        raise InvalidArgument(argument="source", reason=f"is no text of at most {wire.MAX_INDEXED_BYTES} bytes")
    if jobs < 1:
        raise InvalidArgument(argument="jobs", reason=f"is {jobs!r}, expected at least 1")
    oldest = None if since is None else times.seconds("since", since)
    fetcher = _Fetcher(
        server_of(client), archive, source or "", oldest, dry_run=dry_run, on_rejected=on_rejected, progress=progress
    )
    if not dry_run:
        archive.save_many(())  # a wrong database is reported before the server is asked; a new file is created
    try:
        fetcher.fetch(wanted, jobs, refresh=refresh_unfinished)
        fetcher.ask_again(wait, jobs)
    except BaseException:
        if fetcher.report.found:
            log.warning("ended early; so far %s: %s", counted(fetcher.report.threads, "thread"), fetcher.report.saved)
        raise
    return fetcher.report


def _check_id(thread: str) -> None:
    if not isinstance(thread, str) or not thread or not wire.is_text(thread) or len(thread.encode()) > MOST_BYTES:
        raise ConfigurationError(detail=f"the id of a thread is text of 1 to {MOST_BYTES} bytes")


class _Fetcher:
    """One fetch."""

    def __init__(
        self,
        server: Server,
        archive: RunRepository,
        source: str,
        since: int | None,
        *,
        dry_run: bool,
        on_rejected: Callable[[Rejection], None] | None,
        progress: Progress | None,
    ) -> None:
        self._server = server
        self._archive = archive
        self._source = source
        self._since = since
        self._dry_run = dry_run
        self._on_rejected = on_rejected
        self._progress = progress
        self._lock = threading.Lock()
        self._unfinished: dict[tuple[str, str], None] = {}
        self._unanswered = 0
        self._in_a_row = 0
        self._inbox: queue.SimpleQueue[Rejection | BaseException | None] = queue.SimpleQueue()
        self.report = FetchReport()
        server.pace.start()

    def fetch(self, wanted: list[str], jobs: int, *, refresh: bool) -> None:
        """Fetch threads: first those that an earlier fetch has not finished."""
        try:
            complete = self._archive.fetched_completely(self._server.name, self._source)
        except ArchiveMissing:
            complete = set()
        ordered = sorted(wanted, key=complete.__contains__)
        self._in_threads(jobs, ordered, lambda thread: self._fetch(thread, refresh=refresh))

    def _fetch(self, thread: str, *, refresh: bool) -> None:
        try:
            ThreadFetch(
                self._server, self._state(thread), self._since, lambda runs: self._save(thread, runs), self._note
            ).fetch()
            if refresh:
                self._refresh(thread)
        except FetchFailed as failure:
            self._failed(thread, failure)
        else:
            with self._lock:
                self._in_a_row = 0
                self.report.threads += 1
                self._tell()

    def _failed(self, thread: str, failure: FetchFailed) -> None:
        with self._lock:
            self._in_a_row = self._in_a_row + 1 if failure.may_pass else 0
            self.report.failed[thread] = str(failure)
            self._tell()
            if self._in_a_row >= MOST_IN_A_ROW:
                reason = f"it answers no request any longer; the last one: {failure.fields['reason']}"
                raise ServerUnreachable(server=self._server.name, reason=reason)

    def _refresh(self, thread: str) -> None:
        """Ask for the runs of a thread that had not ended when they were saved, unless this fetch has seen them."""
        try:
            rows = self._archive.rows("id", thread_id=thread, status=list(UNFINISHED))
            stored = [str(run_id) for (run_id,) in rows]
        except ArchiveMissing:
            return
        for run_id in stored:
            with self._lock:
                is_seen = (thread, run_id) in self._unfinished
            if not is_seen and len(run_id.encode()) <= MOST_BYTES:
                self._ask(thread, run_id)

    def ask_again(self, seconds: float, jobs: int) -> None:
        """Ask for the runs that have not ended until they have, or until the time is up."""
        end = time.monotonic() + seconds
        pause, longest = PAUSES
        while self._unfinished and not self._dry_run and time.monotonic() + pause < end:
            self._server.pace.sleep(pause)
            self._in_threads(jobs, list(self._unfinished), lambda run: self._ask_until(end, *run))
            pause = min(pause * 1.5, longest)

    def _ask_until(self, end: float, thread: str, run_id: str) -> None:
        if time.monotonic() < end:
            try:
                self._ask(thread, run_id)
            except FetchFailed as failure:  # the next fetch asks for it again
                log.warning("%s", failure)
                self._gone(thread, run_id)

    def _ask(self, thread: str, run_id: str) -> None:
        """Ask for one run, and save it, unless it is gone."""
        try:
            raw = self._server.run(thread, run_id).strip(b" \t\r\n")
        except FetchFailed as failure:
            if failure.status != 404:
                raise
            log.warning("%s", failure)
            self._gone(thread, run_id)
            return
        run = item(raw, run_id)
        if run.id != run_id:
            raise FetchFailed(what=run_id, reason="the server sent another run")
        self._save(thread, [run])

    def _gone(self, thread: str, run_id: str) -> None:
        """Count a run as unfinished that is not asked for again."""
        with self._lock:
            self._unfinished.pop((thread, run_id), None)
            self._unanswered += 1
            self.report.unfinished = len(self._unfinished) + self._unanswered

    # --- the archive -------------------------------------------------------------------------------------------------

    def _state(self, thread: str) -> Fetched:
        try:
            return self._archive.fetched(self._server.name, self._source, thread)
        except ArchiveMissing:
            return Fetched(self._server.name, self._source, thread)

    def _note(self, state: Fetched) -> None:
        if not self._dry_run:
            self._archive.set_fetched(state)

    def _save(self, thread: str, runs: list[Item]) -> int:
        """Save runs, and return the number of those that could not be stored."""
        now = time.time_ns() // 1000
        records = [Record(run.raw, f"{thread} {run.id}", now + place) for place, run in enumerate(runs)]
        saved = SaveReport()
        if records and not self._dry_run:
            saved = self._archive.save_many(records, source=self._source or None)
        if self._on_rejected is not None:
            for rejection in saved.rejections:
                self._inbox.put(rejection)
            saved.rejections = []
        with self._lock:
            self.report.found += len(runs)
            self.report.saved.add(saved)
            for run in runs:
                if run.status in UNFINISHED:
                    self._unfinished[thread, run.id] = None
                else:
                    self._unfinished.pop((thread, run.id), None)
            self.report.unfinished = len(self._unfinished) + self._unanswered
            self._tell()
        return saved.rejected + saved.conflict

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self.report)

    # --- threads -----------------------------------------------------------------------------------------------------

    def _in_threads(self, jobs: int, items: list[T], work: Callable[[T], None]) -> None:
        """Do the work for each item, several at a time. After the first error nothing more begins, and it is raised."""
        left = iter(items)

        def loop() -> None:
            error: BaseException | None = None
            try:
                while True:
                    self._server.pace.sleep(0)
                    with self._lock:
                        each = next(left, None)
                    if each is None:
                        return
                    work(each)
            except Stopped:
                pass
            except BaseException as raised:
                error = raised
            finally:
                self._server.close()
                self._inbox.put(error)

        # Daemons: an interrupted process does not wait for a server that sends nothing.
        workers = [threading.Thread(target=loop, daemon=True) for _ in range(min(jobs, len(items)))]
        for worker in workers:
            worker.start()
        try:
            working = len(workers)
            while working:
                got = self._inbox.get()
                if isinstance(got, BaseException):
                    raise got
                if got is None:
                    working -= 1
                elif self._on_rejected is not None:
                    self._on_rejected(got)
        except BaseException:
            self._server.pace.stop()
            end = time.monotonic() + GRACE
            for worker in workers:
                worker.join(max(0.0, end - time.monotonic()))
            raise
