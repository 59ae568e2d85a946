"""Saving again: the newest snapshot is current and every other one is kept once, for any order of saves."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from runstore.errors import ConfigurationError, RunConflict, RunNotFound
from runstore.mapping import RUN
from runstore.repository import RunRepository
from runstore.save import saver
from runstore.save.writer import Outcome
from tests.helpers.comparison import compact, contents, difference, empty
from tests.helpers.strategies import examples, json_values


def snapshot(status: str | None = "queued", **members: Any) -> dict[str, Any]:
    return {"id": "run_a", "object": "thread.run", "status": status, **members}


def observed_at(engine: Engine, run_id: str = "run_a") -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(RUN.c.observed_at).where(RUN.c.id == run_id)).scalar_one())


def reconstructed(runs: RunRepository, run_id: str) -> list[dict[str, Any]]:
    """All snapshots of a run that are not its newest, the newest of them first, put together from its changes."""
    above, found = runs.load(run_id), []
    for change in reversed(runs.changes(run_id)):
        above = {key: value for key, value in above.items() if key not in change.absent} | change.members
        found.append(above)
    return found


def test_all_snapshots_of_a_run_can_be_read(runs: RunRepository) -> None:
    saved = [
        snapshot("queued", temperature=0.1, metadata={"a": "b"}),
        snapshot("in_progress", extra=[1, {"b": None}], metadata={}),
        snapshot("completed", usage=None),
    ]
    for time in (1, 2, 0):
        runs.save(saved[time], observed_at=time)
    assert runs.snapshots("run_a") == [(time, saved[time]) for time in range(3)]
    runs.save({"id": "run_b", "object": "thread.run"}, observed_at=7)
    assert runs.snapshots("run_b") == [(7, {"id": "run_b", "object": "thread.run"})]
    for unknown in ("run_c", "\0"):
        with pytest.raises(RunNotFound):
            runs.snapshots(unknown)


# --- outcomes --------------------------------------------------------------------------------------------------------


def test_a_new_run_is_inserted_and_an_equal_snapshot_is_unchanged(runs: RunRepository) -> None:
    assert runs.save(snapshot()) is Outcome.INSERTED
    assert runs.save(snapshot()) is Outcome.UNCHANGED
    assert runs.changes("run_a") == []


def test_a_newer_snapshot_updates_and_the_older_one_becomes_a_change(runs: RunRepository) -> None:
    runs.save(snapshot(), observed_at=1)
    assert runs.save(snapshot("in_progress"), observed_at=2) is Outcome.UPDATED
    assert runs.load("run_a")["status"] == "in_progress"
    assert [(c.observed_at, c.status, c.members, c.absent) for c in runs.changes("run_a")] == [
        (1, "queued", {"status": "queued"}, [])
    ]


def test_an_older_snapshot_is_stale_and_becomes_a_change(runs: RunRepository) -> None:
    runs.save(snapshot("in_progress"), observed_at=2)
    assert runs.save(snapshot(), observed_at=1) is Outcome.STALE
    assert runs.load("run_a")["status"] == "in_progress"
    assert [change.status for change in runs.changes("run_a")] == ["queued"]


def test_of_snapshots_at_the_same_time_the_greater_digest_is_the_newer(runs: RunRepository) -> None:
    both = [snapshot(n=1), snapshot(n=2)]
    runs.save_many(both, observed_at=5)
    for one in both:
        runs.save(one, observed_at=6)
    winner = runs.load("run_a")
    runs.delete("run_a")
    for one in reversed(both):
        runs.save(one, observed_at=6)
    assert runs.load("run_a") == winner


TERMINAL = ("cancelled", "failed", "completed", "expired", "incomplete")
OPEN = ("queued", "in_progress", "requires_action", "unheard_of", "", None)


@pytest.mark.parametrize("lower", [*OPEN, "cancelling"])
def test_a_status_of_higher_rank_is_newer_whatever_the_time(runs: RunRepository, lower: str | None) -> None:
    for higher in TERMINAL if lower == "cancelling" else (*TERMINAL, "cancelling"):
        runs.save(snapshot(lower), observed_at=9)
        assert runs.save(snapshot(higher), observed_at=1) is Outcome.UPDATED
        assert runs.save(snapshot(lower), observed_at=99) is Outcome.STALE
        assert runs.load("run_a")["status"] == higher
        assert [(c.status, c.observed_at) for c in runs.changes("run_a")] == [(lower, 99)]
        runs.delete("run_a")


def test_among_statuses_of_one_rank_the_later_is_newer(runs: RunRepository) -> None:
    for group in (OPEN, TERMINAL):
        for moment, status in enumerate(group):
            runs.save(snapshot(status), observed_at=moment)
        assert runs.load("run_a")["status"] == group[-1]
    assert [change.status for change in runs.changes("run_a")] == [*OPEN, *TERMINAL[:-1]]


def test_a_snapshot_without_status_has_the_lowest_rank(runs: RunRepository) -> None:
    runs.save(snapshot("cancelling"), observed_at=1)
    assert runs.save({"id": "run_a"}, observed_at=2) is Outcome.STALE


# --- observed_at -----------------------------------------------------------------------------------------------------


def test_an_equal_snapshot_only_moves_observed_at_on(engine: Engine, runs: RunRepository) -> None:
    runs.save(snapshot(), observed_at=5, source="first")
    before = contents(engine, without=("observed_at",))
    assert runs.save(snapshot(), observed_at=9) is Outcome.UNCHANGED
    assert observed_at(engine) == 9
    assert runs.save(snapshot(), observed_at=7) is Outcome.UNCHANGED
    assert observed_at(engine) == 9
    assert contents(engine, without=("observed_at",)) == before


def test_a_snapshot_seen_again_later_outranks_what_was_seen_in_between(runs: RunRepository) -> None:
    runs.save(snapshot("requires_action"), observed_at=1)
    runs.save(snapshot("queued"), observed_at=2)
    assert runs.save(snapshot("requires_action"), observed_at=3) is Outcome.UPDATED
    assert [(change.status, change.observed_at) for change in runs.changes("run_a")] == [("queued", 2)]
    assert runs.save(snapshot("queued"), observed_at=2) is Outcome.STALE


def test_a_change_seen_again_later_moves_on_too(runs: RunRepository) -> None:
    runs.save(snapshot("completed"), observed_at=5)
    for moment in (3, 8, 6):
        assert runs.save(snapshot(), observed_at=moment) is Outcome.STALE
    assert [change.observed_at for change in runs.changes("run_a")] == [8]


def test_a_snapshot_seen_again_and_outranked_in_one_batch_keeps_the_later_time(runs: RunRepository) -> None:
    runs.save(snapshot("queued"), observed_at=1)
    report = runs.save_many([snapshot("queued"), snapshot("completed")], observed_at=5)
    assert (report.unchanged, report.updated) == (1, 1)
    assert [(change.status, change.observed_at) for change in runs.changes("run_a")] == [("queued", 5)]


def test_a_run_is_observed_now_unless_said_otherwise(engine: Engine, runs: RunRepository) -> None:
    before = datetime.now(UTC)
    runs.save(snapshot())
    seen = datetime.fromtimestamp(observed_at(engine) / 1e6, UTC)
    assert before - timedelta(seconds=1) <= seen <= datetime.now(UTC) + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("moment", "microseconds"),
    [
        (0, 0),
        (-5, -5),
        (datetime(1970, 1, 1, 0, 0, 1, 2), 1_000_002),  # noqa: DTZ001 - a naive time is UTC
        (datetime(2026, 3, 1, 1, 2, 3, 999_999, UTC), 1_772_326_923_999_999),
        (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), 0),
        (datetime(1, 1, 1, tzinfo=UTC), -62_135_596_800_000_000),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC), 253_402_300_799_999_999),
    ],
)
def test_observed_at_may_be_a_time_or_microseconds(
    engine: Engine, runs: RunRepository, moment: int | datetime, microseconds: int
) -> None:
    runs.save(snapshot(), observed_at=moment)
    assert observed_at(engine) == microseconds


def test_each_further_run_of_one_call_is_seen_a_microsecond_later(engine: Engine, runs: RunRepository) -> None:
    runs.save_many([{"id": "a"}, {"object": "list"}, "broken", {"id": "b"}, {"id": "c"}], observed_at=100)
    assert [observed_at(engine, run_id) for run_id in "abc"] == [100, 103, 104]


# --- other runs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["thread_id", "assistant_id", "created_at"])
def test_snapshots_of_which_the_identity_differs_are_not_of_one_run(
    engine: Engine, runs: RunRepository, member: str
) -> None:
    one, other = (1, 2) if member == "created_at" else ("x", "y")
    runs.save(snapshot("completed", **{member: one}), observed_at=1)
    before = contents(engine)
    for policy in ("newest", "replace", "keep", "error"):
        with pytest.raises(RunConflict, match=rf"a different run .* \({member} differs\)"):
            runs.save(snapshot("failed", **{member: other}), observed_at=2, on_conflict=policy)
    report = runs.save_many([{"id": "b"}, snapshot("failed", **{member: other}), {"id": "c"}], observed_at=2)
    assert (report.inserted, report.conflict, report.complete) == (2, 1, False)
    assert report.rejections[0].outcome is Outcome.CONFLICT
    runs.delete(["b", "c"])
    after = contents(engine)
    assert {name: after[name] for name in after if name != "run_object_shape"} == (
        {name: before[name] for name in before if name != "run_object_shape"}
    )


@pytest.mark.parametrize("member", ["thread_id", "assistant_id", "created_at"])
@pytest.mark.parametrize("missing", ["absent", "null"])
def test_a_snapshot_that_lacks_a_part_of_the_identity_is_of_the_same_run(
    runs: RunRepository, member: str, missing: str
) -> None:
    whole = snapshot("queued", **{member: 1 if member == "created_at" else "x"})
    part = snapshot("completed", **({member: None} if missing == "null" else {}))
    runs.save(whole, observed_at=1)
    assert runs.save(part, observed_at=2) is Outcome.UPDATED
    assert not difference(part, runs.load("run_a"))
    assert runs.save(whole, observed_at=3) is Outcome.STALE


# --- policies --------------------------------------------------------------------------------------------------------


def test_replace_takes_the_given_snapshot_whatever_its_rank(runs: RunRepository) -> None:
    runs.save(snapshot("completed"), observed_at=9)
    assert runs.save(snapshot("queued"), observed_at=1, on_conflict="replace") is Outcome.UPDATED
    assert runs.load("run_a")["status"] == "queued"
    assert [(change.status, change.observed_at) for change in runs.changes("run_a")] == [("completed", 9)]


def test_replace_takes_the_last_snapshot_also_where_the_one_before_is_still_being_written(
    runs: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver, "BATCH", 2 * saver.FEW_RUNS)
    first, other = (
        [snapshot(status) | {"id": f"run_{n}"} for n in range(saver.BATCH)] for status in ("queued", "failed")
    )
    runs.save_many(first, observed_at=1_000)
    report = runs.save_many([*other, *first], observed_at=1, on_conflict="replace")
    assert (report.updated, report.unchanged) == (2 * saver.BATCH, 0)
    assert {run["status"] for run in runs.iterate()} == {"queued"}


def test_keep_holds_on_to_the_stored_snapshot(runs: RunRepository) -> None:
    runs.save(snapshot("queued"), observed_at=1)
    assert runs.save(snapshot("completed"), observed_at=9, on_conflict="keep") is Outcome.STALE
    assert runs.load("run_a")["status"] == "queued"
    assert [change.status for change in runs.changes("run_a")] == ["completed"]


def test_error_refuses_a_snapshot_that_differs_and_takes_an_equal_one(runs: RunRepository) -> None:
    runs.save(snapshot("queued"), observed_at=1)
    assert runs.save(snapshot("queued"), observed_at=2, on_conflict="error") is Outcome.UNCHANGED
    with pytest.raises(RunConflict, match="on_conflict is 'error'"):
        runs.save(snapshot("completed"), observed_at=9, on_conflict="error")
    assert runs.changes("run_a") == []
    assert runs.load("run_a")["status"] == "queued"


def test_an_unknown_policy_is_refused_before_anything_is_read(runs: RunRepository) -> None:
    with pytest.raises(ConfigurationError, match="newest, replace, keep, error"):
        runs.save_many(iter([snapshot()]), on_conflict="newer")  # type: ignore[arg-type]
    assert runs.count() == 0


# --- changes ---------------------------------------------------------------------------------------------------------


def test_changes_hold_what_differs_and_which_keys_were_absent(runs: RunRepository) -> None:
    first = snapshot("queued", usage=None, metadata={"a": 1, "b": 2}, tools=[{"type": "x"}], gone=1)
    second = snapshot(
        "requires_action", usage=None, metadata={"b": 2, "a": 1}, tools=[{"type": "x"}], required_action={}
    )
    third = snapshot("completed", usage={"total_tokens": 3}, tools=[], required_action=None)
    for moment, one in enumerate((first, second, third), 1):
        runs.save(one, observed_at=moment)
    oldest, newer = runs.changes("run_a")
    assert oldest.members == {"status": "queued", "metadata": {"a": 1, "b": 2}, "gone": 1}
    assert list(oldest.members["metadata"]) == ["a", "b"]
    assert oldest.absent == ["required_action"]
    assert newer.members == {
        "metadata": {"b": 2, "a": 1},
        "required_action": {},
        "status": "requires_action",
        "tools": [{"type": "x"}],
        "usage": None,
    }
    assert newer.absent == []
    assert reconstructed(runs, "run_a") == [second, first]


def test_a_snapshot_that_only_orders_its_keys_differently_is_a_change_without_members(runs: RunRepository) -> None:
    runs.save({"id": "run_a", "x": 1, "y": 2}, observed_at=1)
    runs.save({"id": "run_a", "y": 2, "x": 1}, observed_at=2)
    assert [(change.members, change.absent) for change in runs.changes("run_a")] == [({}, [])]


def test_changes_of_an_unknown_run_say_so(runs: RunRepository) -> None:
    for run_id in ("nobody", "", "a\0b", "\ud800"):
        with pytest.raises(RunNotFound):
            runs.changes(run_id)


def test_every_past_snapshot_can_be_put_together_again(runs: RunRepository) -> None:
    chance = random.Random(7)
    snapshots = [
        snapshot(chance.choice([*OPEN, *TERMINAL, "cancelling"]), **{key: chance.randint(0, 3) for key in keys})
        for keys in (chance.sample("abcdef", chance.randint(0, 4)) for _ in range(60))
    ]
    runs.save_many(snapshots, observed_at=1)
    past = reconstructed(runs, "run_a")
    distinct = {compact(dict(sorted(one.items()))) for one in snapshots}
    assert {compact(dict(sorted(one.items()))) for one in [*past, runs.load("run_a")]} == distinct


def test_saving_the_same_old_dump_again_adds_nothing(engine: Engine, runs: RunRepository) -> None:
    dump = [snapshot(status, n=n) for n, status in enumerate([*OPEN, *TERMINAL])]
    runs.save_many(dump, observed_at=1)
    before = contents(engine, without=())
    for _ in range(2):
        assert runs.save_many(dump, observed_at=1).inserted == 0
        assert contents(engine, without=()) == before
    for moment, one in reversed(list(enumerate(dump, 1))):
        runs.save(one, observed_at=moment)
    assert contents(engine, without=()) == before


def test_the_history_of_a_run_of_every_member_can_be_read(runs: RunRepository) -> None:
    forms: list[dict[str, Any]] = [
        {"usage": {"total_tokens": 1}, "file_ids": ["a"], "tools": [1], "required_action": {"type": "x"}},
        {"usage": None, "file_ids": None, "tools": None, "required_action": None, "instructions": "é\\u0000"},
        {"usage": {}, "file_ids": [], "tools": [], "required_action": {}, "temperature": 0.30000000000000004},
        {"last_error": {"code": "c"}, "metadata": {"": {"": []}}, "odd ": None},
        {"tool_choice": {"function": {"name": "f"}}, "response_format": "auto", "truncation_strategy": {}},
    ]
    for moment, form in enumerate(forms):
        runs.save(snapshot(**form), observed_at=moment)
    for found, form in zip(reconstructed(runs, "run_a"), reversed(forms[:-1]), strict=True):
        assert not difference(dict(sorted(snapshot(**form).items())), dict(sorted(found.items())))


# --- any order -------------------------------------------------------------------------------------------------------

one_snapshot = st.builds(
    lambda run_id, status, members: {"id": run_id, "status": status, **members},
    st.sampled_from(["run_a", "run_b"]),
    st.sampled_from(["queued", "requires_action", "cancelling", "completed", "failed"]),
    st.dictionaries(st.sampled_from(["usage", "metadata", "x", "instructions", "tools"]), st.just(0), max_size=3),
)
VALUES: dict[str, list[Any]] = {
    "usage": [None, {"total_tokens": 1}, {}],
    "metadata": [{"a": 1, "b": 2}, {"b": 2, "a": 1}],
    "x": [1, [1.5], None],
    "instructions": ["one", "two", None],
    "tools": [[], [{"type": "function", "function": {"name": "f"}}], [1, 1]],
}


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, dict[str, Any]]]:
    """Snapshots of two runs, some at the same moment, some several times."""
    found = []
    for one in draw(st.lists(one_snapshot, min_size=2, max_size=7)):
        filled = {key: draw(st.sampled_from(VALUES[key])) if key in VALUES else value for key, value in one.items()}
        moments = draw(st.lists(st.integers(1, 5), min_size=1, max_size=2))
        found += [(moment, filled) for moment in moments]
    return found


Saves = Callable[[RunRepository, list[tuple[int, dict[str, Any]]]], None]


def one_by_one(runs: RunRepository, history: list[tuple[int, dict[str, Any]]]) -> None:
    for moment, one in history:
        runs.save(one, observed_at=moment)


def in_one_batch(runs: RunRepository, history: list[tuple[int, dict[str, Any]]]) -> None:
    from runstore.sources import Record

    report = runs.save_many(Record(compact(one), "test", moment) for moment, one in history)
    assert report.complete


@pytest.mark.slow
@examples(25)
@given(history=histories(), seed=st.integers(0, 2**32), split=st.integers(1, 5))
def test_any_order_batching_and_repetition_of_saves_ends_in_the_same_archive(
    engine: Engine, history: list[tuple[int, dict[str, Any]]], seed: int, split: int
) -> None:
    chance = random.Random(seed)
    expected = None
    for attempt in range(4):
        empty(engine)
        runs = RunRepository(engine)
        saves = list(history)
        if attempt:
            saves += chance.choices(history, k=attempt)
            chance.shuffle(saves)
        for start in range(0, len(saves), split if attempt > 1 else len(saves)):
            part = saves[start : start + (split if attempt > 1 else len(saves))]
            (one_by_one if attempt == 2 else in_one_batch)(runs, part)
        runs.delete([])
        found = without_shared(contents(engine))
        expected = expected or found
        assert found == expected
        distinct = {compact(dict(sorted(one.items()))) for _, one in history}
        kept = [one for run_id in {one["id"] for _, one in history} for one in all_snapshots(runs, run_id)]
        assert {compact(dict(sorted(one.items()))) for one in kept} == distinct


def all_snapshots(runs: RunRepository, run_id: str) -> list[dict[str, Any]]:
    return [runs.load(run_id), *reconstructed(runs, run_id)]


def without_shared(rows: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Shared rows stay behind when a run that used them changes: which ones there are may differ."""
    shared = ("run_object_instructions", "run_object_shape")
    return {table: found for table, found in rows.items() if table.startswith("run_") and table not in shared}


@examples(15)
@given(values=st.lists(json_values, min_size=2, max_size=5), seed=st.integers(0, 2**32))
def test_snapshots_of_any_content_end_in_the_same_archive(engine: Engine, values: list[Any], seed: int) -> None:
    snapshots = [
        (moment, {"id": "run_a", "x": value, **({"y": value} if moment % 2 else {})})
        for moment, value in enumerate(values)
    ]
    shuffled = list(snapshots)
    random.Random(seed).shuffle(shuffled)
    found = []
    for history in (snapshots, shuffled):
        empty(engine)
        one_by_one(RunRepository(engine), history)
        found.append(without_shared(contents(engine)))
    assert found[0] == found[1]


# --- batches ---------------------------------------------------------------------------------------------------------


def test_a_batch_folds_repeated_ids_in_order_and_counts_each_snapshot(runs: RunRepository) -> None:
    batch = [
        snapshot("queued"),
        {"id": "b"},
        snapshot("queued"),
        snapshot("in_progress"),
        snapshot("completed"),
        snapshot("queued"),
    ]
    report = runs.save_many(batch, observed_at=1)
    assert str(report) == "2 inserted, 2 updated, 1 unchanged, 1 stale, 0 conflict, 0 rejected, 0 skipped"
    assert [(c.status, c.observed_at) for c in runs.changes("run_a")] == [("in_progress", 4), ("queued", 6)]
    again = runs.save_many(batch, observed_at=1)
    assert str(again) == "0 inserted, 0 updated, 2 unchanged, 4 stale, 0 conflict, 0 rejected, 0 skipped"


def test_a_conflict_inside_one_batch_is_refused_alone(runs: RunRepository) -> None:
    report = runs.save_many(
        [snapshot(thread_id="x"), snapshot("completed", thread_id="y"), snapshot("failed", thread_id="x")]
    )
    assert (report.inserted, report.conflict, report.updated) == (1, 1, 1)
    assert runs.load("run_a") == snapshot("failed", thread_id="x")


def test_an_update_replaces_only_what_changed(engine: Engine, runs: RunRepository) -> None:
    first = snapshot("queued", usage={"total_tokens": 1}, tools=[1, 2], file_ids=["a", "b"], last_error={"code": "c"})
    second = snapshot("in_progress", usage=None, tools=[2], file_ids=["b", "a", "a"], last_error={"code": "c"})
    third = snapshot("completed", tools=[], required_action={"submit_tool_outputs": {"tool_calls": [{"id": "x"}]}})
    for moment, one in enumerate((first, second, third, snapshot("failed")), 1):
        runs.save(one, observed_at=moment)
        assert not difference(one, runs.load("run_a"))
    rows = contents(engine)
    for table in ("run_completion_usage", "run_object_file_ids", "run_tool_call_object", "run_object_last_error"):
        assert rows[table] == []
