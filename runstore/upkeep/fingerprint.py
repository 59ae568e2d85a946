"""Fingerprints of archives, and the runs in which two archives differ.

The fingerprint of a set of runs is the sum of their digests, as integers of 256 bits, modulo 2^256. It does not depend
on the order of the runs, a duplicate run counts twice, and each database computes its own sum. It detects accidents,
not attacks: whoever can write to a database can also construct another run with the same sum.

The earlier snapshots of runs have a separate fingerprint, the sum of their digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, case, func, literal_column, select

from runstore.backends import Transaction
from runstore.mapping import RUN
from runstore.query.filters import CREATED
from runstore.save.history import CHANGE
from runstore.wire import INT64

FEW = 2000
"""Maximum number of runs that are compared one by one; of more runs, ranges of ids are compared first."""

PARTS = 16
"""Ranges of ids into which runs are divided to find a difference."""

DAY = 86_400


class Fingerprint(NamedTuple):
    """The fingerprint of a set of runs."""

    runs: int
    """The number of runs."""
    sum: int
    """The sum of their digests modulo 2^256."""

    def __str__(self) -> str:
        return f"{self.sum:064x}"


NOTHING = Fingerprint(0, 0)


class Where(StrEnum):
    """Where a difference between two archives is."""

    BOTH = "differs"
    FIRST = "only in the first"
    SECOND = "only in the second"


class Difference(NamedTuple):
    """A run in which two archives differ."""

    run: str
    where: Where


def of_runs(archive: Transaction, conditions: Iterable[ColumnElement[bool]] = ()) -> Fingerprint:
    """Return the fingerprint of the runs that meet all conditions."""
    columns = func.count(), archive.backend.sum_of_digests(archive.connection, RUN.c.digest)
    return _fingerprint(*archive.execute(select(*columns).select_from(RUN).where(*conditions)).one())


def of_history(archive: Transaction) -> Fingerprint:
    """Return the fingerprint of the earlier snapshots of all runs."""
    columns = func.count(), archive.backend.sum_of_digests(archive.connection, CHANGE.c.digest)
    return _fingerprint(*archive.execute(select(*columns).select_from(CHANGE)).one())


def by_day(archive: Transaction, conditions: Iterable[ColumnElement[bool]] = ()) -> dict[int | None, Fingerprint]:
    """Return the fingerprints of runs by their day of creation (UTC, counted from 1970-01-01), in order.

    Runs without created_at are under None, before the others.
    """
    created = RUN.c.created_at
    seconds = literal_column(str(DAY), BigInteger)
    # Databases round towards zero, which would merge the days before and after the beginning of 1970.
    day = case((created >= 0, created // seconds), else_=(created + 1) // seconds - 1)
    found = _grouped(archive, day, conditions)
    return {number: found[number] for number in sorted(found, key=lambda day: (day is not None, day))}


def _grouped(
    archive: Transaction, group: ColumnElement[Any], conditions: Iterable[ColumnElement[bool]]
) -> dict[int | None, Fingerprint]:
    # In a subquery, because PostgreSQL treats two occurrences of an expression with parameters as different.
    runs = select(group.label("part"), RUN.c.digest).where(*conditions).subquery()
    columns = runs.c.part, func.count(), archive.backend.sum_of_digests(archive.connection, runs.c.digest)
    rows = archive.execute(select(*columns).group_by(runs.c.part))
    return {part: _fingerprint(count, total) for part, count, total in rows}


def _fingerprint(count: int, total: str | None) -> Fingerprint:
    return Fingerprint(count, int(total or 0) % 2**256)


# --- where two archives differ ---------------------------------------------------------------------------------------


def differences(first: Transaction, second: Transaction) -> Iterator[Difference]:
    """Return the runs in which two archives differ, found by comparing fingerprints of days and of ranges of ids."""
    ours, theirs = by_day(first), by_day(second)
    for day in sorted({*ours, *theirs}, key=lambda day: (day is not None, day)):
        found = ours.get(day, NOTHING), theirs.get(day, NOTHING)
        if found[0] != found[1]:
            yield from _within(first, second, _on_day(day), found)


def _on_day(day: int | None) -> list[ColumnElement[bool]]:
    if day is None:
        return [RUN.c.created_at.is_(None)]
    bounds = max(day * DAY, INT64[0]), min(day * DAY + DAY - 1, INT64[-1])
    return [CREATED.between(*bounds), RUN.c.created_at.is_not(None)]


def _within(
    first: Transaction,
    second: Transaction,
    conditions: list[ColumnElement[bool]],
    found: tuple[Fingerprint, Fingerprint],
) -> Iterator[Difference]:
    count, larger = max((found[0].runs, first), (found[1].runs, second), key=lambda archive: archive[0])
    if count <= FEW:
        yield from _compared(first, second, conditions)
        return
    numbered = select(RUN.c.id, func.row_number().over(order_by=RUN.c.id).label("number")).where(*conditions).subquery()
    ends = select(numbered.c.id).where(numbered.c.number % (count // PARTS) == 0).order_by(numbered.c.id)
    bounds = larger.execute(ends).scalars().all()
    part = case(*((RUN.c.id <= bound, number) for number, bound in enumerate(bounds)), else_=len(bounds))
    ours, theirs = _grouped(first, part, conditions), _grouped(second, part, conditions)
    for number, (low, high) in enumerate(pairwise([None, *bounds, None])):
        inner = ours.get(number, NOTHING), theirs.get(number, NOTHING)
        if inner[0] != inner[1]:
            limits = [RUN.c.id > low] if low is not None else []
            limits += [RUN.c.id <= high] if high is not None else []
            yield from _within(first, second, conditions + limits, inner)


def _compared(first: Transaction, second: Transaction, conditions: list[ColumnElement[bool]]) -> Iterator[Difference]:
    digests = select(RUN.c.id, RUN.c.digest).where(*conditions)
    ours = {row[0]: row[1] for row in first.execute(digests)}
    theirs = {row[0]: row[1] for row in second.execute(digests)}
    # Both archives may hold a run although it has another day or is in another range in one of them.
    elsewhere = _stored(second, ours.keys() - theirs.keys()), _stored(first, theirs.keys() - ours.keys())
    for run_id in sorted({*ours, *theirs}):
        if run_id in elsewhere[1]:
            continue  # reported with the day or range in which the first archive has it
        if run_id in elsewhere[0] or (run_id in ours and run_id in theirs):
            if ours[run_id] != theirs.get(run_id):
                yield Difference(run_id, Where.BOTH)
        else:
            yield Difference(run_id, Where.FIRST if run_id in ours else Where.SECOND)


def _stored(archive: Transaction, run_ids: Iterable[str]) -> set[str]:
    statement = select(RUN.c.id).where(archive.backend.among(RUN.c.id, "ids"))
    return set(archive.execute(statement, {"ids": list(run_ids)}).scalars())
