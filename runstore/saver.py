"""Many records to few transactions: runs are mapped in batches, what is stored already is left, the rest is written.

Records come in order and are reported in order, also where one batch is written while the next is being mapped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from runstore import documented, pace, redact, wire
from runstore.errors import NotARun, RunConflict, RunRejected, RunStoreError
from runstore.mapping import Draft, Look, Mapper
from runstore.sources import Record
from runstore.writer import UNCHANGED, Known, Outcome, Verdict

BATCH = 1000
"""Runs that are written in one transaction."""

FIRST_BATCH = 200
"""Runs of the first transaction, where others are mapped meanwhile: the writing is to begin soon."""

BATCH_BYTES = 16 * 2**20
"""Bytes of JSON after which a transaction ends with fewer runs."""

FEW_RUNS = 20
"""So many runs are mapped without more ado; of more it is asked first which are stored just so, for that saves mapping
them to the end."""


class Rejection(NamedTuple):
    """A record that was not stored, and why."""

    outcome: Outcome
    """rejected or conflict."""
    where: str
    """Where it came from: file and line, or its number in the iterable."""
    reason: str
    """What is wrong, with the path in the run's JSON."""
    record: bytes
    """The record as it came (JSON text)."""


def rejection(record: object, number: int, error: Exception) -> Rejection:
    """The rejection of a record, the one of this number."""
    outcome = Outcome.CONFLICT if isinstance(error, RunConflict) else Outcome.REJECTED
    where = record.where if isinstance(record, Record) else f"run {number}"
    return Rejection(outcome, where, str(error), _as_it_came(record))


def _as_it_came(record: object) -> bytes:
    if isinstance(record, Record):
        return record.raw
    if isinstance(record, bytes):
        return record
    if isinstance(record, str):
        return record.encode(errors="surrogatepass")
    return repr(record).encode(errors="backslashreplace")


@dataclass
class SaveReport:
    """What became of many runs: a count by outcome, and each rejection."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    conflict: int = 0
    rejected: int = 0
    skipped: int = 0
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every run went in."""
        return not self.rejected and not self.conflict

    def count(self, outcome: Outcome, number: int = 1) -> None:
        """Count looks with this outcome."""
        setattr(self, outcome, getattr(self, outcome) + number)

    def __str__(self) -> str:
        names = ("inserted", "updated", "unchanged", "stale", "conflict", "rejected", "skipped")
        return ", ".join(f"{getattr(self, name)} {name}" for name in names)


@dataclass(slots=True)
class _Entry:
    """A record on its way."""

    record: object
    observed_at: int
    found: Draft | Look | Verdict | Exception
    """What it has become so far."""


class Saver:
    """Saves records as one caller asked for; made anew for each call.

    *known* asks the archive which runs it has; *write* writes looks, given what is known of their runs, if anything;
    with *behind* a batch is written in a thread of its own while the next one is mapped; *abandon* is called when no
    batch is waited for any more, so that none is tried again. *redact* leaves secrets out before a run is mapped.
    *reject* is given each record that is not stored, its number from 1, and why.
    """

    def __init__(
        self,
        mapper: Mapper,
        *,
        source: str | None,
        strict: bool,
        redact: bool,
        known: Callable[[list[str]], Known],
        write: Callable[[list[Look], Known | None], list[Verdict]],
        behind: bool,
        abandon: Callable[[], None],
        reject: Callable[[object, int, Exception], None],
    ) -> None:
        self._mapper = mapper
        self._source = source
        self._strict = strict
        self._redact = redact
        self._known = known
        self._write = write
        self._behind = behind
        self._abandon = abandon
        self._reject = reject
        self._under_way: set[str] = set()
        self._reported = 0
        self.report = SaveReport()

    def save(self, records: Iterable[object], observed_at: int, *, own_times: bool) -> None:
        """Save all. Each is seen a microsecond after the one before; with *own_times* when its source says so."""
        before: list[_Entry] = []
        verdicts: Callable[[], list[Verdict]] = list
        with ExitStack() as stack:
            stack.enter_context(pace.seldom_collected())
            pool: Executor | None = None
            for batch, full in self._batches(records, observed_at, own_times=own_times):
                looks, known = self._looks(batch)
                self._finish(before, verdicts())
                before, verdicts = batch, list
                self._under_way = {look.id for look in looks}
                if looks and full and self._behind:
                    if pool is None:
                        stack.enter_context(pace.quick_turns())
                        pool = stack.enter_context(ThreadPoolExecutor(1))
                        stack.callback(self._abandon)
                    verdicts = pool.submit(self._write, looks, known).result
                elif looks:
                    written = self._write(looks, known)
                    verdicts = written.copy
            self._finish(before, verdicts())

    def _batches(
        self, records: Iterable[object], observed_at: int, *, own_times: bool
    ) -> Iterator[tuple[list[_Entry], bool]]:
        """The records as far as their text alone tells; whether a batch is a full one."""
        batch: list[_Entry] = []
        size, most = 0, min(FIRST_BATCH, BATCH) if self._behind else BATCH
        for seen_at, record in enumerate(records, observed_at):
            if own_times and isinstance(record, Record):
                seen_at = record.observed_at
            found: Draft | Exception
            try:
                found, length = self._draft(record)
            except (NotARun, RunRejected) as error:
                # It waits for its turn to be reported, and takes as much memory as one that is stored.
                found, length = error, len(_as_it_came(record))
            batch.append(_Entry(record, seen_at, found))
            size += length
            if len(batch) >= most or size >= BATCH_BYTES:
                yield batch, True
                batch, size, most = [], 0, BATCH
        if batch:
            yield batch, False

    def _draft(self, record: object) -> tuple[Draft, int]:
        raw: bytes | str
        decoded = None
        if isinstance(record, Record):
            if record.error is not None:
                raise RunRejected(path="$", reason=record.error)
            if record.event is not None and not record.event.startswith("thread.run"):
                raise NotARun(reason=f'it is an event "{record.event}"')
            raw, decoded = record.raw, record.members
        else:
            raw = record if isinstance(record, bytes | str) else wire.from_python(record)
        members = wire.run_members(raw, decoded)
        if self._redact:
            members = wire.run_members(redact.redacted(wire.canonical(wire.encode(members), "$", 0)))
        return self._mapper.draft(members), len(raw)

    def _looks(self, batch: list[_Entry]) -> tuple[list[Look], Known | None]:
        """Map what has to be written, and say of the others that they are unchanged; what is known of the former."""
        drafts = [(entry, entry.found) for entry in batch if isinstance(entry.found, Draft)]
        stored: set[str] = set()
        known = None
        if len(drafts) > FEW_RUNS and not self._strict:
            known = self._known(list({draft.id for _, draft in drafts}))
            stored = known.keys() - {
                draft.id
                for entry, draft in drafts
                if draft.id in known and not known[draft.id].covers(draft.digest, entry.observed_at)
            }
            # What is stored of them may just become another look.
            stored -= self._under_way
            if not self._under_way.isdisjoint(draft.id for _, draft in drafts):
                known = None
        looks = []
        for entry, draft in drafts:
            if draft.id in stored:
                entry.found = UNCHANGED
                continue
            try:
                entry.found = look = self._mapper.look(draft, entry.observed_at, self._source)
                if self._strict:
                    documented.check(wire.encode(look.members))
                looks.append(look)
            except RunRejected as error:
                entry.found = error
        return looks, known

    def _finish(self, batch: list[_Entry], written: Iterable[Verdict]) -> None:
        """Count and report the records of a batch, whose looks have been given these verdicts."""
        verdicts = iter(written)
        outcomes: Counter[Outcome] = Counter()
        for entry in batch:
            self._reported += 1
            found = next(verdicts) if isinstance(entry.found, Look) else entry.found
            if isinstance(found, Verdict):
                outcomes[found.outcome] += 1
                if found.outcome is Outcome.CONFLICT:
                    assert isinstance(entry.found, Look)
                    self._refuse(entry.record, RunConflict(id=entry.found.id, reason=found.reason))
            else:
                assert isinstance(found, Exception)
                outcomes[Outcome.SKIPPED if isinstance(found, NotARun) else Outcome.REJECTED] += 1
                self._refuse(entry.record, found)
        for outcome, number in outcomes.items():
            self.report.count(outcome, number)

    def _refuse(self, record: object, error: Exception) -> None:
        if self._redact:
            record, error = _without_secrets(record), _said_without_secrets(error)
        self._reject(record, self._reported, error)


def _without_secrets(record: object) -> object:
    """A record that was not stored, to be shown or written to a file where no secret may be stored."""
    raw = _as_it_came(record)
    try:
        clean = redact.redacted(wire.canonical(raw, "$", 0))
    except RunRejected:
        clean = redact.message(raw.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    return replace(record, raw=clean, members=None) if isinstance(record, Record) else clean


def _said_without_secrets(error: Exception) -> Exception:
    """The same error, which may name a key that is a secret; its cause, which may quote the record, is left out."""
    if not isinstance(error, RunStoreError):
        return error
    fields = {
        name: redact.message(field) if isinstance(field, str) and name != "id" else field
        for name, field in error.fields.items()
    }
    return type(error)(**fields)
