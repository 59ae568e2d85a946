"""Save many records in few transactions: map runs in batches, skip those that are already stored, and write the rest.

Records are reported in the order in which they come, even if one batch is written while the next is mapped.
"""

from __future__ import annotations

import itertools
import logging
import time
from asyncio import CancelledError
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from math import inf
from typing import NamedTuple

from msgspec import Raw

from runstore import pace, redact, waiting, wire
from runstore.errors import DatabaseFailure, NotARun, RunConflict, RunRejected, RunStoreError
from runstore.mapping import Draft, Mapper, Snapshot
from runstore.save.batches import Batches
from runstore.save.writer import UNCHANGED, Known, Outcome, Verdict
from runstore.sources import Interrupted, Record
from runstore.wire import departures, finder

BATCH = 1000
"""The maximum number of runs written in one transaction."""

FIRST_BATCH = 200
"""The number of runs in the first transaction if mapping and writing overlap, so that writing begins soon."""

BATCH_BYTES = 16 * 2**20
"""The number of bytes of JSON after which a transaction ends with fewer runs."""

FEW_RUNS = 20
"""The number of runs up to which all are mapped. For more, those that are stored unchanged are looked up first, which
saves mapping them completely."""


PAUSE = 1.0
"""Seconds without a new record after which the records so far are written."""

MOST_KINDS = 50
"""The maximum number of kinds of skipped records that are counted separately."""

log = logging.getLogger(__name__)


class Rejection(NamedTuple):
    """A record that was not stored, and the reason."""

    outcome: Outcome
    """rejected, conflict or skipped."""
    where: str
    """Where the record came from: file and line, or its number in the iterable."""
    reason: str
    """What is wrong, with the path in the run's JSON."""
    record: bytes
    """The record as it was received (JSON text)."""


def rejection(record: object, number: int, error: Exception) -> Rejection:
    """Return the rejection for the record with this number."""
    by_error: dict[type[Exception], Outcome] = {RunConflict: Outcome.CONFLICT, NotARun: Outcome.SKIPPED}
    outcome = by_error.get(type(error), Outcome.REJECTED)
    where = record.where if isinstance(record, Record) else f"run {number}"
    return Rejection(outcome, where, str(error), _as_it_came(record))


def _as_it_came(record: object) -> bytes:
    if isinstance(record, Record):
        return record.raw
    if isinstance(record, bytes):
        return record
    if isinstance(record, str):
        return record.encode(errors="surrogatepass")
    try:
        return repr(record).encode(errors="backslashreplace")
    except Exception:  # the caller's code may raise anything, and Python refuses to print some numbers
        return object.__repr__(record).encode()


@dataclass
class SaveReport:
    """The result of saving many runs: a count per outcome, and each rejection."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    conflict: int = 0
    rejected: int = 0
    skipped: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    skipped_kinds: dict[str, int] = field(default_factory=dict)
    """The kinds of skipped records: ``{"thread.message": 812, "object without id": 3}``."""

    @property
    def complete(self) -> bool:
        """Whether every run was saved."""
        return not self.rejected and not self.conflict

    def count(self, outcome: Outcome, number: int = 1) -> None:
        """Add a number of snapshots with this outcome."""
        setattr(self, outcome, getattr(self, outcome) + number)

    def add(self, other: SaveReport) -> None:
        """Add the counts and rejections of another report."""
        for outcome in Outcome:
            self.count(outcome, getattr(other, outcome) if outcome is not Outcome.SKIPPED else 0)
        for kind, number in other.skipped_kinds.items():
            self.skip(kind, number)
        self.rejections += other.rejections

    def __str__(self) -> str:
        names = ("inserted", "updated", "unchanged", "stale", "conflict", "rejected", "skipped")
        counts = ", ".join(f"{getattr(self, name)} {name}" for name in names)
        kinds = sorted(self.skipped_kinds.items(), key=lambda kind: (-kind[1], kind[0]))
        skipped = ", ".join(f"{number} {_plural(kind) if number > 1 else kind}" for kind, number in kinds)
        return f"{counts} ({skipped})" if skipped else counts

    def skip(self, kind: str, number: int = 1) -> None:
        """Count skipped records."""
        if kind not in self.skipped_kinds and len(self.skipped_kinds) >= MOST_KINDS:
            kind = "object of another kind"
        self.skipped += number
        self.skipped_kinds[kind] = self.skipped_kinds.get(kind, 0) + number


def _plural(kind: str) -> str:
    if kind.startswith("object "):
        return f"objects {kind.removeprefix('object ')}".replace("that is not a run", "that are not runs")
    return f"{kind}s" if kind.endswith(" event") else kind


@dataclass(slots=True)
class _Entry:
    """A record in progress."""

    record: object
    number: int
    """The number, from 1, of the record or of the record that contained it."""
    observed_at: int
    found: Draft | Snapshot | Verdict | Exception
    """What it has become so far."""


class Saver:
    """Saves records with the options of one call; each call makes a new instance.

    With *redact*, secrets are removed before a run is mapped. *reject* is called in the caller's thread with each
    record that is not stored, its number from 1, and the error.
    """

    def __init__(
        self,
        mapper: Mapper,
        batches: Batches,
        *,
        source: str | None,
        strict: bool,
        redact: bool,
        reject: Callable[[object, int, Exception], None],
    ) -> None:
        self._mapper = mapper
        self._batches = batches
        self._source = source
        self._strict = strict
        self._redact = redact
        self._reject = reject
        self._turn = waiting.new_lock()
        self._pool: Executor | None = None
        self._batch: list[_Entry] = []
        self._size = 0
        self._most = min(FIRST_BATCH, BATCH) if batches.may_overlap else BATCH
        self._came = time.monotonic()
        self._before: list[_Entry] = []
        self._verdicts: Callable[[], list[Verdict]] = list
        self._under_way: set[str] = set()
        self._refused: deque[tuple[object, int, Exception]] = deque()
        self.report = SaveReport()

    def save(self, records: Iterable[object], observed_at: int, *, own_times: bool, one: bool = False) -> None:
        """Save all records. Each is observed a microsecond after the previous one, or with *own_times* at its own time.

        With *one*, the only record is assumed to be a run. The records so far are also written if the next one is late,
        or never comes because the iterable raises or the user interrupts it; of an unfinished array or page, they
        include its complete runs.
        """
        numbered = enumerate(records, 1)
        self._clock = itertools.count(observed_at)
        with ExitStack() as stack:
            stack.enter_context(pace.seldom_collected())
            self._stack = stack
            if self._batches.may_be_watched and not one:
                stack.enter_context(waiting.repeated(self._write_if_late, PAUSE / 4))
            try:
                self._save_all(numbered, own_times=own_times, one=one)
            except DatabaseFailure:
                if not one:
                    self._report_so_far()
                raise

    def _save_all(self, numbered: Iterable[tuple[int, object]], *, own_times: bool, one: bool) -> None:
        number = 0
        try:
            for number, record in numbered:
                with self._turn:
                    self._take(record, number, own_times=own_times, one=one)
                self._hand_over()
        except RunStoreError:
            self._hand_over()
            raise
        except CancelledError:
            # Whoever cancels a task waits for its end: this batch is not written.
            self._hand_over()
            log.warning("ended early; so far %s", self.report)
            raise
        except BaseException as error:
            if not isinstance(error, Exception):
                self._batches.abandon()  # after an interrupt, do not wait for a server or another writer
            try:
                with self._turn:
                    for record in error.records if isinstance(error, Interrupted) else ():
                        number += 1
                        self._take(record, number, own_times=own_times, one=one)
                    self._write_rest()
                self._hand_over()
            except RunStoreError as failure:
                log.warning("the last records were not written: %s", failure)
            log.warning("ended early; so far %s", self.report)
            raise
        with self._turn:
            self._write_rest()
        self._hand_over()

    def _hand_over(self) -> None:
        """Pass refused records to *reject*, in the caller's thread, even if the watching thread found them."""
        while self._refused:
            self._reject(*self._refused.popleft())

    def _report_so_far(self) -> None:
        """Log what was stored before the database failed; a batch in progress may still succeed."""
        self._batches.abandon()
        with suppress(RunStoreError), self._turn:
            self._settle()
        self._hand_over()
        if self.report != SaveReport():
            log.warning("ended early; so far %s", self.report)

    def _write_if_late(self) -> bool:
        """Write the records so far if no more come. This is done next to :meth:`save`, which waits for the next one.

        Return whether to go on with that.
        """
        if self._batch and time.monotonic() - self._came >= PAUSE:
            with self._turn:
                if time.monotonic() - self._came >= PAUSE:
                    try:
                        self._write_rest()
                    except Exception as error:  # save will raise it too, when it writes these records
                        log.warning("records could not be written yet: %s", error)
                        return False
        return True

    def _take(self, record: object, number: int, *, own_times: bool, one: bool) -> None:
        """Add a record to the batch as a draft, and write the batch if it is full."""
        self._came = inf  # if this fails, the watching thread does not try again
        is_large = isinstance(record, Record) and len(record.raw) >= BATCH_BYTES
        if is_large:
            self._write_rest()  # before and after it, so that no two large records are held at the same time
        for place, found, length in self._drafts(record, number, one=one):
            waiting.breathe()
            seen_at = next(self._clock)
            if own_times and isinstance(record, Record):
                seen_at = record.observed_at
            self._batch.append(_Entry(place, number, seen_at, found))
            self._size += length
            if len(self._batch) >= self._most or self._size >= BATCH_BYTES:
                self._write_batch(full=True)
        if is_large:
            self._write_rest()
        self._came = time.monotonic()

    def _write_batch(self, *, full: bool) -> None:
        """Map the batch while the previous one is written, then write it; write a full batch in another thread."""
        snapshots, known = self._snapshots(self._batch)
        self._settle()
        self._under_way = {snapshot.id for snapshot in snapshots}
        verdicts: Callable[[], list[Verdict]] = list
        if snapshots and full and self._batches.may_overlap:
            if self._pool is None:
                self._stack.enter_context(pace.quick_turns())
                self._pool = self._stack.enter_context(ThreadPoolExecutor(1))
                self._stack.callback(self._batches.abandon)
            verdicts = self._pool.submit(self._batches.write, snapshots, known).result
        elif snapshots:
            verdicts = self._batches.write(snapshots, known).copy
        self._before, self._verdicts = self._batch, verdicts
        self._batch, self._size, self._most = [], 0, BATCH

    def _write_rest(self) -> None:
        """Write the records so far, and wait until they are written."""
        self._came = inf  # as in _take
        if self._batch:
            self._write_batch(full=False)
        self._settle()

    def _settle(self) -> None:
        """Wait for the previous batch, and report it."""
        verdicts = self._verdicts()
        before, self._before, self._verdicts = self._before, [], list
        self._finish(before, verdicts)

    def _drafts(self, record: object, number: int, *, one: bool) -> Iterator[tuple[object, Draft | Exception, int]]:
        """Yield the record if it is a run, else the runs in it: each with its draft or error, and its size in bytes."""
        try:
            if isinstance(record, Record):
                yield record, self._draft(record.raw, record.members, record), len(record.raw)
                return
            raw = record if isinstance(record, bytes | str) else wire.from_python(record)
            text = raw.encode() if isinstance(raw, str) else raw
            value = text.strip(b" \t\r\n")
            runs = finder.found_in(value)
            # Whoever passes an object claims that it is a run, unless its members show otherwise.
            is_claimed = one or finder.may_be_run(text)
            inside = any(run.raw != value and run.kind is None and run.error is None for run in runs)
            whole = runs[0].raw == value
            if (whole and runs[0].kind is None) or (is_claimed and not inside):
                yield record, self._draft(text, runs[0].members if whole else None, None), len(text)
                return
            if one:
                raise NotARun(reason="it is not a run but contains runs, which save_many extracts")
        except (NotARun, RunRejected, UnicodeEncodeError) as error:
            # It waits to be reported in order, and needs as much memory as one that is stored.
            if isinstance(error, UnicodeEncodeError):
                error = RunRejected(path="$", reason=f"has a lone surrogate at character {error.start}")
            yield record, error, len(_as_it_came(record))
            return
        for run in runs:
            place: object = record
            if run.path != "$":
                place = Record(run.raw, f"run {number} {run.path}", 0, run.event, run.error, run.members, run.kind)
            try:
                if run.kind is not None:
                    raise finder.not_a_run(run.kind)
                if run.error is not None:
                    raise RunRejected(path=run.path, reason=run.error)
                yield place, self._draft(run.raw, run.members, None), len(run.raw)
            except (NotARun, RunRejected) as error:
                yield place, error, len(run.raw)

    def _draft(self, raw: bytes, decoded: dict[str, Raw] | None, record: Record | None) -> Draft:
        if record is not None and record.error is not None:
            raise RunRejected(path="$", reason=record.error)
        if record is not None and record.kind is not None:
            raise finder.not_a_run(record.kind)
        members = wire.run_members(raw, decoded)
        if self._redact:
            members = wire.run_members(redact.redacted(wire.canonical(wire.encode(members), "$", 0)))
        return self._mapper.draft(members)

    def _snapshots(self, batch: list[_Entry]) -> tuple[list[Snapshot], Known | None]:
        """Map the runs that must be written, mark the others as unchanged, and return what is known of the former."""
        drafts = [(entry, entry.found) for entry in batch if isinstance(entry.found, Draft)]
        stored: set[str] = set()
        known = None
        if len(drafts) > FEW_RUNS and not self._strict:
            known = self._batches.known(list({draft.id for _, draft in drafts}))
            stored = known.keys() - {
                draft.id
                for entry, draft in drafts
                if draft.id in known and not known[draft.id].covers(draft.digest, entry.observed_at)
            }
            # The batch in progress may be replacing their stored snapshots.
            stored -= self._under_way
            if not self._under_way.isdisjoint(draft.id for _, draft in drafts):
                known = None
        for entry, draft in drafts:
            waiting.breathe()
            if draft.id in stored:
                entry.found = UNCHANGED
                continue
            try:
                snapshot = self._mapper.snapshot(draft, entry.observed_at, self._source)
                if self._strict:
                    departures.check(wire.encode(snapshot.members))
                entry.found = snapshot
            except RunRejected as error:
                entry.found = error
        # Include snapshots of a batch that was already mapped when an interrupt came.
        return [entry.found for entry in batch if isinstance(entry.found, Snapshot)], known

    def _finish(self, batch: list[_Entry], written: Iterable[Verdict]) -> None:
        """Count and report the records of a batch, given the verdicts on its snapshots."""
        verdicts = iter(written)
        outcomes: Counter[Outcome] = Counter()
        for entry in batch:
            found = next(verdicts) if isinstance(entry.found, Snapshot) else entry.found
            if isinstance(found, Verdict):
                outcomes[found.outcome] += 1
                if found.outcome is Outcome.CONFLICT:
                    assert isinstance(entry.found, Snapshot)
                    self._refuse(entry, RunConflict(id=entry.found.id, reason=found.reason))
            else:
                assert isinstance(found, Exception)
                if isinstance(found, NotARun):
                    self.report.skip(found.kind)
                else:
                    outcomes[Outcome.REJECTED] += 1
                self._refuse(entry, found)
        for outcome, number in outcomes.items():
            self.report.count(outcome, number)

    def _refuse(self, entry: _Entry, error: Exception) -> None:
        record = entry.record
        if self._redact:
            record, error = _without_secrets(record), _error_without_secrets(error)
        self._refused.append((record, entry.number, error))


def _without_secrets(record: object) -> object:
    """Return a rejected record without secrets, to be shown or written to a file."""
    raw = _as_it_came(record)
    try:
        clean = redact.redacted(wire.canonical(raw, "$", 0))
    except RunRejected:
        clean = redact.message(raw.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    return replace(record, raw=clean, members=None) if isinstance(record, Record) else clean


def _error_without_secrets(error: Exception) -> Exception:
    """Return the error without secrets, for example in keys, and without its cause, which may quote the record."""
    if not isinstance(error, RunStoreError):
        return error
    texts = {name: text for name, text in error.fields.items() if isinstance(text, str) and name != "id"}
    return error.with_fields(**{name: redact.message(text) for name, text in texts.items()})
