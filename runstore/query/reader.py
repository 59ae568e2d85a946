"""The one read path, from rows to the canonical text of runs; shared values are read once and remembered."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec import MsgspecError, Raw
from sqlalchemy import Result, Row, Select, Table, null, select

from runstore import pace, waiting, wire
from runstore.backends import Backend, Transaction
from runstore.errors import ArchiveDamaged, RunRejected
from runstore.mapping import COLUMNS, FUNCTION, INSTRUCTIONS, SHAPE, SHARED, TOOL, Shape, StoredRun, shared_text
from runstore.query import queries

BATCH = 500
"""Maximum number of runs that are assembled at a time."""

BATCH_BYTES = 16 * 2**20
"""Approximate maximum bytes of their texts, judged by the largest run so far; at least one run is assembled."""

DAMAGE = (KeyError, IndexError, ValueError, TypeError, AttributeError, MsgspecError, RunRejected)
"""The errors that the assembly of a run can raise if rows were modified by hand."""

MOST_SHAPES = 10_000
"""Maximum number of key layouts that are remembered."""

_SHARED_COLUMNS = tuple((COLUMNS[column], table) for column, table in SHARED.values())
_SHAPE = COLUMNS["shape"]


class BatchSize:
    """The number of rows that are read at a time: few at first, then more and more, but fewer if some are large."""

    def __init__(self, first: int = 1) -> None:
        self.rows = first
        self._largest = 1

    def adapt(self, largest: int) -> None:
        """Choose the size of the next batch; *largest* is the size of the largest run of the last one in bytes."""
        self._largest = max(self._largest, largest)
        self.rows = max(1, min(BATCH, self.rows * 8, BATCH_BYTES // self._largest))


def in_batches(result: Result[Any], size: BatchSize) -> Iterator[list[Row[Any]]]:
    """Return all rows, one batch of the current *size* at a time; the result is closed before the last one is returned.

    So nothing remains to be fetched, and to fail, while the caller processes the last batch.
    """
    ahead: list[Row[Any]] = []
    while True:
        asked = size.rows
        rows = [*ahead, *result.fetchmany(asked + 1 - len(ahead))]
        if len(rows) <= asked:
            break
        ahead = [rows.pop()]
        yield rows
        rows.clear()  # also for the caller, so that it is not held while the next one is fetched
    result.close()
    yield rows


class Reader:
    """Assembles runs from rows. Threads may share a reader, because shared rows never change."""

    def __init__(self, most_bytes: int = 48 * 2**20) -> None:
        self._most_bytes = self._room = most_bytes
        self._values: dict[tuple[Table, int], Raw] = {}
        self._shapes: dict[int, Shape] = {}

    def texts(
        self,
        transaction: Transaction,
        statement: Select[Any],
        parameters: Mapping[str, Any] | None = None,
        *,
        stream: bool = False,
    ) -> Generator[tuple[StoredRun, bytes]]:
        """Return the rows of :func:`runstore.query.queries.runs` with their canonical texts, in order.

        With *stream*, rows stay in the database until they are needed.
        """
        options = {"yield_per": BATCH} if stream else {}
        # Without *stream*, all rows are in memory at once: smaller batches would only read shared values more often.
        size = BatchSize(1 if stream else BATCH)
        with transaction.execute(statement, parameters or {}, options=options) as result:
            for rows in in_batches(result, size):
                yield from self._assembled(transaction, rows, size)

    def _assembled(
        self, transaction: Transaction, rows: list[Row[Any]], size: BatchSize
    ) -> Generator[tuple[StoredRun, bytes]]:
        """Return the runs of a batch; nothing of it is held when the next one is fetched."""
        with pace.seldom_collected():
            runs = list(map(queries.stored_run, rows))
            values, shapes = self._known(transaction, runs)
        largest = 0
        for run in runs:
            waiting.breathe()
            try:
                text = shapes[run.row[_SHAPE]].text(run, values)
            except DAMAGE as exc:
                raise ArchiveDamaged(id=run.row[0], reason=f"{type(exc).__name__} {exc}") from exc
            largest = max(largest, len(text))
            yield run, text
        size.adapt(largest)

    def texts_by_id(self, transaction: Transaction, run_ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Return the ids and canonical texts of the runs that are stored."""
        return ((run.row[0], text) for run, text in self._by_id(transaction, run_ids))

    def _by_id(self, transaction: Transaction, run_ids: Sequence[str]) -> Iterator[tuple[StoredRun, bytes]]:
        statement = queries.runs_by_id(transaction.backend)
        for start in range(0, len(run_ids), BATCH):
            yield from self.texts(transaction, statement, {"ids": run_ids[start : start + BATCH]})

    def stored(self, transaction: Transaction, run_ids: Sequence[str]) -> dict[str, tuple[StoredRun, dict[str, Raw]]]:
        """Return the runs that are stored with the texts of their members, to determine what an update changes."""
        return {run.row[0]: (run, wire.members(text, "$")) for run, text in self._by_id(transaction, run_ids)}

    def shared_texts(self, transaction: Transaction, run: StoredRun) -> Mapping[tuple[Table, int], Raw]:
        """Return the texts of the values that a run shares with others."""
        return self._known(transaction, [run])[0]

    def _known(
        self, transaction: Transaction, runs: Iterable[StoredRun]
    ) -> tuple[dict[tuple[Table, int], Raw], dict[int, Shape]]:
        """Return the texts of all shared values of these runs, and their key layouts."""
        wanted = {(table, run.row[place]) for run in runs for place, table in _SHARED_COLUMNS}
        wanted |= {(TOOL, tool) for run in runs for tool in run.tools}
        found = {key: text for key in wanted if (text := self._values.get(key)) is not None}
        missing: dict[Table, list[int]] = {}
        for table, shared_id in wanted - found.keys():
            if shared_id is not None:
                missing.setdefault(table, []).append(shared_id)
        if len(self._shapes) > MOST_SHAPES:
            self._shapes = {}
        shapes = self._shapes  # another thread may replace the dictionary by a new one while this one is in use
        if unknown := {run.row[_SHAPE] for run in runs} - shapes.keys():
            missing[SHAPE] = list(unknown)
        for table, ids in missing.items():
            for shared_id, document, function in transaction.execute(_select(transaction.backend, table), {"ids": ids}):
                with suppress(*DAMAGE):  # each run that needs the value raises an error
                    if table is SHAPE:
                        shapes[shared_id] = Shape(document)
                        continue
                    text = Raw(wire.encode(document) if table is INSTRUCTIONS else shared_text(document, function))
                    found[table, shared_id] = text
                    self._remember((table, shared_id), text)
        return found, shapes

    def _remember(self, key: tuple[Table, int], text: Raw) -> None:
        if len(text) > self._most_bytes // 4:
            return
        self._room -= len(text) + 200
        if self._room < 0:
            self._values.clear()
            self._room = self._most_bytes
        self._values[key] = text


def _select(backend: Backend, table: Table) -> Select[Any]:
    document = table.c.instructions if table is INSTRUCTIONS else table.c.document
    among = backend.among(table.c.id, "ids")
    if "function" not in table.columns:
        return select(table.c.id, document, null()).where(among)
    joined = table.outerjoin(FUNCTION, FUNCTION.c.id == table.c.function)
    return select(table.c.id, document, FUNCTION.c.document).select_from(joined).where(among)
