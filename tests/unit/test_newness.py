"""Which of two snapshots of a run is newer depends only on their texts and times."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from runstore.mapping import Mapper
from runstore.mapping.newness import order
from runstore.statuses import STATUSES
from runstore.wire import from_python, run_members

LOWEST: list[str | None] = [None, "", "paused", "queued", "in_progress", "requires_action"]
ENDED: list[str | None] = ["cancelled", "failed", "completed", "expired", "incomplete"]


def order_of(run: dict[str, Any], observed_at: int) -> tuple[int, int, bytes]:
    mapper = Mapper()
    return mapper.snapshot(mapper.draft(run_members(from_python(run))), observed_at).order


def test_the_ranks_are_those_of_the_documented_way_of_a_run() -> None:
    ranks: list[list[str | None]] = [LOWEST, ["cancelling"], ENDED]
    assert {*STATUSES} <= {*itertools.chain(*ranks)}
    for rank, statuses in enumerate(ranks):
        assert {order(status, 0, b"")[0] for status in statuses} == {rank}


@pytest.mark.parametrize("lower", ["cancelling", *LOWEST])
def test_a_status_of_higher_rank_is_newer_whatever_the_time(lower: str | None) -> None:
    for ended in ENDED:
        assert order_of({"id": "a", "status": ended}, 1) > order_of({"id": "a", "status": lower}, 2**62)


def test_among_statuses_of_one_rank_the_later_is_newer() -> None:
    for statuses in (LOWEST, ENDED):
        for one, other in itertools.permutations(statuses, 2):
            assert order_of({"id": "a", "status": one}, 2) > order_of({"id": "a", "status": other}, 1)


def test_at_the_same_time_the_greater_digest_is_the_newer() -> None:
    runs = [{"id": "a", "status": "queued", "n": n} for n in range(20)]
    assert len({order_of(run, 1) for run in runs}) == len(runs)
    for run in runs:
        rank, observed_at, digest = order_of(run, 1)
        assert (rank, observed_at, len(digest)) == (0, 1, 32)


def test_a_key_in_another_spelling_has_the_rank_of_its_status() -> None:
    assert order_of({"Id": "a", "Status": "completed"}, 1) > order_of({"id": "a", "status": "queued"}, 2)
