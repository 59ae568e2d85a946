"""Selection of runs by any of their snapshots: the newest one, or one in their history.

History holds the differences from the next newer snapshot, which SQL cannot query. Therefore earlier snapshots are
rebuilt, a batch at a time, and stored as separate runs in an archive in memory, which is queried with the same filter.
So the meaning of a filter is defined in one place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, Engine, and_, exists, or_, select
from sqlalchemy.engine import URL

from runstore import migrate
from runstore.backends import Backend, Transaction
from runstore.backends.sqlite import SQLite
from runstore.errors import ArchiveDamaged
from runstore.mapping import COLUMNS, RUN, Mapper, Snapshot
from runstore.query import filters
from runstore.query.reader import DAMAGE, Reader
from runstore.save import history, writer
from runstore.save.history import CHANGE, Texts
from runstore.upkeep import pruner

OF_RUNS = ("id", "source")
"""Filters on properties of a run rather than of a snapshot, which history does not keep."""

BATCH = 500
"""Earlier snapshots that are stored in memory and queried at a time."""


class AnySnapshot:
    """Selects the runs of which the newest snapshot or an earlier one meets all conditions."""

    def __init__(self, backend: Backend, reader: Reader, where: Mapping[str, Any]) -> None:
        wanted = filters.read(where)
        of_runs = {name: value for name, value in wanted.items() if name in OF_RUNS}
        of_snapshots = {name: value for name, value in wanted.items() if name not in OF_RUNS}
        self._reader = reader
        self._newest = pruner.Newest(filters.understood(backend, wanted, paged=False).tests())
        self._possible = pruner.Newest(filters.understood(backend, of_runs, paged=False).tests())
        self._memory = SQLite()
        self._earlier = filters.understood(self._memory, of_snapshots, paged=False).tests()
        self._mapper = Mapper()
        self._engine: Engine | None = None

    def __bool__(self) -> bool:
        return bool(self._newest)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._engine is not None:
            self._engine.dispose()

    def after(self, transaction: Transaction, last: str | None, limit: int) -> tuple[list[str], str | None]:
        """Return the selected runs among the next runs that meet the conditions or have a history, and the last id."""
        has_history = exists().where(CHANGE.c.run_object == RUN.c.number)
        conditions = [*self._possible.conditions, or_(and_(*self._newest.conditions), has_history)]
        ids = pruner.next_runs(transaction, conditions, last, limit)
        return self.of(transaction, ids), ids[-1] if ids else None

    def of(self, transaction: Transaction, ids: Sequence[str]) -> list[str]:
        """Return the selected ones of these runs, in the same order."""
        found = set(self._newest.of(transaction, ids))
        others = [run_id for run_id in ids if run_id not in found]
        if others and self._earlier:
            snapshots = self._snapshots(transaction, self._possible.of(transaction, others))
            while batch := list(islice(snapshots, BATCH)):
                found |= self._met(batch)
        return [run_id for run_id in ids if run_id in found]

    def as_conditions(self, transaction: Transaction) -> Sequence[ColumnElement[bool]]:
        """Return a condition on the ids of all selected runs."""
        found: list[str] = []
        last: str | None = None
        while True:
            ids, last = self.after(transaction, last, pruner.BATCH)
            found += ids
            if last is None:
                return [transaction.backend.among(RUN.c.id, found)]

    def _snapshots(self, transaction: Transaction, ids: Sequence[str]) -> Iterator[tuple[str, Texts]]:
        """Return the earlier snapshots of these runs: the id of the run and the texts of the members."""
        among = transaction.backend.among(RUN.c.id, "ids")
        with_history = select(RUN.c.id, RUN.c.number).where(among, exists().where(CHANGE.c.run_object == RUN.c.number))
        numbers: dict[str, int] = dict(map(tuple, transaction.execute(with_history, {"ids": list(ids)})))
        rows: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for row in history.stored(transaction, list(numbers.values())):
            rows[row[0]].append(row)
        for run_id, (_, newest) in self._reader.stored(transaction, sorted(numbers)).items():
            try:
                yield from ((run_id, past.texts) for past in history.unfold(rows[numbers[run_id]], newest))
            except DAMAGE as error:
                raise _damaged(run_id, error) from error

    def _met(self, snapshots: Sequence[tuple[str, Texts]]) -> set[str]:
        """Return the ids of the runs whose snapshots, of those given, meet the conditions."""
        numbered = [self._snapshot(str(number), *snapshot) for number, snapshot in enumerate(snapshots)]
        with self._archive().connect() as memory:
            self._memory.begin(memory, write=True)
            writer.write(
                Transaction(memory, self._memory),
                numbered,
                policy="keep",
                now=0,
                seen={},
                stored={},
                reader=self._reader,
            )
            found = memory.execute(select(RUN.c.id).where(*self._earlier)).scalars().all()
            memory.rollback()
        return {snapshots[int(number)][0] for number in found}

    def _archive(self) -> Engine:
        """Return the archive in memory, which is created when it is needed: most runs have no history."""
        if self._engine is None:
            self._engine = self._memory.create_engine(URL.create("sqlite"))
            migrate.upgrade(self._engine)
        return self._engine

    def _snapshot(self, name: str, run_id: str, texts: Texts) -> Snapshot:
        """Return an earlier snapshot as that of a run with another id, because a run can have several."""
        try:
            draft = self._mapper.draft(texts)
            draft.id = name
            snapshot = self._mapper.snapshot(draft, 0)
        except DAMAGE as error:
            raise _damaged(run_id, error) from error
        snapshot.row[COLUMNS["id"]] = name
        return snapshot


def _damaged(run_id: str, error: Exception) -> ArchiveDamaged:
    return ArchiveDamaged(id=run_id, reason=f"an earlier snapshot cannot be rebuilt: {type(error).__name__} {error}")
