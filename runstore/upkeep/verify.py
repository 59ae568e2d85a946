"""Verification that an archive still holds what was saved: everything that follows from the rows is recomputed.

Shared rows come first, each of them once: its id, its digest and its documented columns are recomputed from its
document. The runs follow in the order of their numbers: the digest of a run is recomputed from its rows, with the
digests of shared values in place of their texts. The earlier snapshots of a run come last, because their digests need
the texts.

Changes that no digest covers are not detected: those of observed_at, archived_at and source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Raw
from sqlalchemy import Table, null, select

from runstore import wire
from runstore.backends import Transaction
from runstore.mapping import (
    BELONGS,
    CALLS,
    CHILD_TABLES,
    COLUMNS,
    FILES,
    FUNCTION,
    INSTRUCTIONS,
    REQUIRED_ACTION,
    SHAPE,
    SHARED,
    SHARED_TABLES,
    TOOL,
    TOOLS,
    Mapper,
    Shape,
    StoredRun,
    digest_of,
    shared_row,
    shared_text,
)
from runstore.query.queries import readable
from runstore.query.reader import DAMAGE, Reader
from runstore.save.history import CHANGE, Past, Texts, unfold
from runstore.upkeep.walk import NUMBER, Range, Row, ranges

BATCH = 1000
"""Shared rows that are read at a time."""

MOST_DIGESTS = 500_000
"""Maximum number of digests of shared rows that are remembered."""

_PARTS = {"required_action": REQUIRED_ACTION, **BELONGS}
_SHARED_COLUMNS = tuple((COLUMNS[column], table) for column, table in SHARED.values())
_SHAPE, _DIGEST = COLUMNS["shape"], COLUMNS["digest"]


class Damage(NamedTuple):
    """A difference from what was saved."""

    run: str | None
    """The id of the damaged run; None if a shared row or the database itself is damaged."""
    table: str
    """The table, or "the database"."""
    detail: str
    """The description of the damage."""

    def __str__(self) -> str:
        return (
            f"run {self.run}: {self.table}: {self.detail}" if self.run is not None else f"{self.table}: {self.detail}"
        )


def verify(transaction: Transaction, reader: Reader) -> Generator[Damage]:
    """Return all damage in an archive, as the current transaction sees it.

    A damaged shared row is reported once by itself, and again for each run that refers to it.
    """
    for line in transaction.backend.integrity_errors(transaction.connection):
        yield Damage(None, "the database", line)
    check = _Check(transaction, reader)
    for table in SHARED_TABLES:
        yield from check.shared(table)
    for part in ranges(transaction):
        yield from check.runs(part)


class _Check:
    """The state of a verification."""

    def __init__(self, transaction: Transaction, reader: Reader) -> None:
        self._transaction, self._reader = transaction, reader
        self._bad: dict[tuple[Table, int], str] = {}
        self._digests: dict[tuple[Table, int], Raw] = {}
        self._shapes: dict[int, Shape] = {}
        self._orders: dict[frozenset[str], list[tuple[str, ...]]] = defaultdict(list)
        self._mapper = Mapper()

    # --- shared rows -------------------------------------------------------------------------------------------------

    def shared(self, table: Table) -> Iterator[Damage]:
        """Return the damage in the rows of a shared table."""
        columns: list[Any] = [readable(self._transaction.backend, column) for column in table.columns]
        source: Any = table
        if "function" in table.columns:
            source = table.outerjoin(FUNCTION, FUNCTION.c.id == table.c.function)
            columns.append(FUNCTION.c.document)
        else:
            columns.append(null())
        statement = select(*columns).select_from(source).order_by(table.c.id).limit(BATCH)
        place = table.columns.keys().index("function") if "function" in table.columns else None
        rows = self._transaction.execute(statement).all()
        while rows:
            for *row, function in rows:
                wrong = _wrong(table, tuple(row), function)
                if not wrong and place is not None and (bad := self._bad.get((FUNCTION, row[place]))):
                    wrong = f"row {row[place]} of {FUNCTION.name}, to which it refers: {bad}"
                if wrong:
                    self._bad[table, row[0]] = wrong
                    yield Damage(None, table.name, f"row {row[0]}: {wrong}")
                elif table is SHAPE:
                    keys = Shape(row[-1]).keys
                    self._orders[frozenset(keys)].append(keys)
            rows = self._transaction.execute(statement.where(table.c.id > rows[-1][0])).all()

    # --- runs --------------------------------------------------------------------------------------------------------

    def runs(self, part: Range) -> Iterator[Damage]:
        """Return the damage in the runs of a range."""
        rows = {table: _by_run(part.rows[table]) for table in part.rows}
        self._fetch_digests(part)
        ids = {row[NUMBER]: row[0] for row in part.runs}
        for table, found in rows.items():
            for number in sorted(found.keys() - ids.keys()):
                yield Damage(None, table.name, f"the table contains rows of run number {number}, which is missing")
        whole: dict[str, int] = {}
        for row in part.runs:
            run_id, number = row[0], row[NUMBER]
            wrong = list(self._wrong(row, {table: rows[table].get(number, ()) for table in CHILD_TABLES}))
            yield from (Damage(run_id, table, detail) for table, detail in wrong)
            if not wrong and number in rows[CHANGE]:
                whole[run_id] = number
        stored = self._reader.stored(self._transaction, list(whole))
        for run_id, number in whole.items():
            for detail in self._wrong_history(rows[CHANGE][number], stored[run_id][1]):
                yield Damage(run_id, CHANGE.name, detail)

    def _wrong(self, row: Row, rows: dict[Table, Sequence[Row]]) -> Iterator[tuple[str, str]]:
        """Return the table and the description of each damage in one run."""
        placed = True
        for table in (TOOLS, FILES, CALLS):
            if (found := rows[table]) and [each[1] for each in found] != list(range(len(found))):
                yield table.name, f"the positions are {[each[1] for each in found]}, expected 0 to {len(found) - 1}"
                placed = False
        if rows[CALLS] and not rows[REQUIRED_ACTION]:
            yield CALLS.name, f"there are rows of this run, but the row of {REQUIRED_ACTION.name} is missing"
        tools = [tool for _, _, tool in rows[TOOLS]]
        refers = [(table, row[place]) for place, table in _SHARED_COLUMNS if row[place] is not None]
        refers += [(SHAPE, row[_SHAPE]), *((TOOL, tool) for tool in dict.fromkeys(tools))]
        known = True
        for key in refers:
            if key not in self._digests or key in self._bad:
                reason = self._bad.get(key, "the row is missing")
                yield key[0].name, f"row {key[1]}, to which the run refers: {reason}"
                known = False
        if not known or not placed:
            return  # the digest would be wrong too
        parts = {
            member: dict(zip(table.columns.keys(), found[0], strict=True)) if (found := rows[table]) else None
            for member, table in _PARTS.items()
        }
        run = StoredRun(row, parts, tools, [each[2] for each in rows[FILES]], [list(each[2:]) for each in rows[CALLS]])
        shape = self._shapes[row[_SHAPE]]
        try:
            texts = self._reader.shared_texts(self._transaction, run) if shape.respells_shared else None
            text = shape.text(run, self._digests, texts)
            strays = list(shape.strays(run))
        except DAMAGE as error:
            yield "run_object", f"the run cannot be assembled from its rows: {type(error).__name__} {error}"
            return
        if digest_of(text) != row[_DIGEST]:
            yield "run_object", "digest mismatch: rows were modified, deleted or added outside runstore"
        for place in strays:
            yield "run_object", f"{place} holds a value that is not part of the run"

    def _fetch_digests(self, part: Range) -> None:
        """Read the digests of the shared rows to which these runs refer, and their key layouts."""
        wanted = {(table, row[place]) for row in part.runs for place, table in (*_SHARED_COLUMNS, (_SHAPE, SHAPE))}
        wanted |= {(TOOL, tool) for _, _, tool in part.rows[TOOLS]}
        if len(self._digests) > MOST_DIGESTS:
            self._digests, self._shapes = {}, {}
        missing: dict[Table, list[int]] = {}
        for table, shared_id in wanted - self._digests.keys():
            if shared_id is not None:
                missing.setdefault(table, []).append(shared_id)
        for table, ids in missing.items():
            document = table.c.document if table is SHAPE else null()
            statement = select(table.c.id, table.c.digest, document).where(
                self._transaction.backend.among(table.c.id, "ids")
            )
            for shared_id, digest, shape in self._transaction.execute(statement, {"ids": ids}):
                self._digests[table, shared_id] = Raw(b'"' + digest.hex().encode() + b'"')
                if table is SHAPE and (table, shared_id) not in self._bad:
                    self._shapes[shared_id] = Shape(shape)

    # --- history -----------------------------------------------------------------------------------------------------

    def _wrong_history(self, rows: Iterable[Row], texts: Texts) -> Iterator[str]:
        """Return the damage in the earlier snapshots of a run, given the members of its newest snapshot."""
        try:
            for past in unfold(rows, texts):
                if not self._makes_digest(past):
                    digest = past.digest.hex()[:16]
                    yield f"digest mismatch: the earlier snapshot {digest}... was modified outside runstore"
                    return  # older snapshots are stored as differences from this one
        except DAMAGE as error:
            yield f"an earlier snapshot cannot be rebuilt: {type(error).__name__} {error}"

    def _makes_digest(self, past: Past) -> bool:
        # An earlier snapshot does not record the order of its keys, but every order is that of a stored key layout.
        for keys in (tuple(past.texts), *self._orders[frozenset(past.texts)]):
            draft = self._mapper.draft({key: past.texts[key] for key in keys})
            snapshot = self._mapper.snapshot(draft, past.observed_at)
            if snapshot.digest == past.digest:
                # Earlier code did not recognise a status whose key is spelled differently.
                return snapshot.status == past.status or (past.status is None and "status" not in past.texts)
        return False


def _wrong(table: Table, row: Row, function: str | None) -> str:
    """Return the damage in a row of a shared table; an empty string if there is none."""
    columns = dict(zip(table.columns.keys(), row, strict=True))
    if columns.get("function") is not None and function is None:
        return f"row {columns['function']} of {FUNCTION.name}, to which it refers, is missing"
    try:
        text = wire.encode(row[-1]) if table is INSTRUCTIONS else shared_text(row[-1], function)
        made = shared_row(table, text, "document", as_before=True).values
        if made != row:
            made = shared_row(table, text, "document").values
    except DAMAGE as error:
        return f"the value cannot be read: {error}"
    expected = dict(zip(table.columns.keys(), made, strict=True))
    if expected["digest"] != columns["digest"]:
        return "digest mismatch: the row was modified outside runstore"
    differ = [name for name in columns if columns[name] != expected[name]]
    return f"{', '.join(differ)} {'does' if len(differ) == 1 else 'do'} not match the value" if differ else ""


def _by_run(rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found
