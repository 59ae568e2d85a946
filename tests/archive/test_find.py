"""Queries to an archive: filters, order, pages, consistent reads, deletion, and the errors of each."""

from __future__ import annotations

import base64
import itertools
import json
import pickle
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from runstore import (
    ArchiveMissing,
    ConfigurationError,
    RunNotFound,
    RunRepository,
    RunStoreError,
    SchemaBehind,
    SchemaNewer,
    migrate,
)
from runstore.backends import create_engine
from runstore.query import reader
from tests.helpers.comparison import contents
from tests.helpers.runs import a_run, ids, pages
from tests.helpers.statements import counted

SECOND = 1_700_000_000
SHARED = {"run_object_shape", "truncation_object", "assistants_api_tool_choice_option"} | {
    "assistants_api_response_format_option"
}
"""Tables of which delete leaves the rows."""
COLLECTED = {"run_object_instructions", "assistant_object_tools_inner", "function_object"}
"""Tables of which delete takes the rows that no run uses any more."""


def rich_run(run_id: str, mark: str = "", **members: Any) -> dict[str, Any]:
    """A run with a row in every table, sharing with others of the same *mark*."""
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    return a_run(
        run_id,
        status="requires_action",
        required_action={"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}},
        last_error={"code": "server_error", "message": "no"},
        incomplete_details={"reason": "max_prompt_tokens"},
        usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        instructions=f"Be brief{mark}.",
        tools=[{"type": "code_interpreter"}, {"type": "function", "function": {"name": f"weather{mark}"}}],
        file_ids=["file_1"],
        truncation_strategy={"type": "auto"},
        tool_choice={"type": "function", "function": {"name": "choice"}},
        response_format={"type": "text"},
        **members,
    )


def rows(engine: Engine) -> dict[str, int]:
    """The number of rows in each table that has any."""
    return {name: len(found) for name, found in contents(engine).items() if found}


def set_revision(url: URL, revision: str) -> None:
    with migrate.engine(url) as engine, engine.begin() as connection:
        connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '{revision}'"))


# --- filters ---------------------------------------------------------------------------------------------------------

FILTERED = [
    a_run("a", created_at=10, thread_id="t1", assistant_id="x", status="queued"),
    a_run("b", created_at=20, thread_id="t1", assistant_id="y", status="failed"),
    a_run("c", created_at=30, thread_id="t2", assistant_id="x", status="failed"),
    a_run("d", created_at=40, thread_id="Ünïcode 🧵", assistant_id="", status="made_up"),
    a_run("e", created_at=None, thread_id=None),
    a_run("f", created_at=-5, thread_id="t2"),
]


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "efabcd"),
    ({"thread_id": "t1"}, "ab"),
    ({"thread_id": ["t1"]}, "ab"),
    ({"thread_id": ("t1", "t2")}, "fabc"),
    ({"thread_id": {"t2", "nowhere"}}, "fc"),
    ({"thread_id": "Ünïcode 🧵"}, "d"),
    ({"thread_id": "T1"}, ""),
    ({"thread_id": "t%"}, ""),
    ({"thread_id": "' OR 1=1 --"}, ""),
    ({"thread_id": []}, ""),
    ({"thread_id": None}, "efabcd"),
    ({"thread_id": "t1\x00"}, ""),
    ({"thread_id": ["t1", "\ud800"]}, "ab"),
    ({"assistant_id": ""}, "d"),
    ({"status": "made_up"}, "d"),
    ({"status": ["queued", "failed"], "thread_id": "t1"}, "ab"),
    ({"status": "failed", "thread_id": "t1", "assistant_id": "x"}, ""),
    ({"created_from": 20}, "bcd"),
    ({"created_before": 20}, "fa"),
    ({"created_from": 10, "created_before": 30}, "ab"),
    ({"created_from": 30, "created_before": 10}, ""),
    ({"created_from": -(10**30)}, "fabcd"),
    ({"created_before": 10**30}, "fabcd"),
    ({"created_from": 10**30}, ""),
    ({"created_from": datetime.fromtimestamp(20, UTC)}, "bcd"),
    ({"created_from": datetime.fromtimestamp(19.5, UTC)}, "bcd"),
    ({"created_from": datetime.fromtimestamp(20.5, UTC)}, "cd"),
    ({"created_before": datetime.fromtimestamp(20.5, UTC)}, "fab"),
    ({"created_before": datetime.fromtimestamp(20, timezone(timedelta(hours=5)))}, "fa"),
    ({"created_from": datetime(1970, 1, 1, 0, 0, 30)}, "cd"),  # noqa: DTZ001  # a naive one is UTC
    ({"created_from": datetime.min}, "fabcd"),  # noqa: DTZ901
    ({"created_before": datetime.max}, "fabcd"),  # noqa: DTZ901
]


def test_find_iterate_and_count_give_the_runs_that_meet_all_conditions(runs: RunRepository) -> None:
    runs.save_many(FILTERED)
    for where, expected in FILTERS:
        assert "".join(ids(runs.iterate(**where))) == expected, where
        assert "".join(ids(runs.find(newest_first=False, **where).runs)) == expected, where
        assert "".join(ids(runs.find(**where).runs)) == expected[::-1], where
        assert runs.count(**where) == len(expected), where


def test_an_iterator_is_a_condition_of_several_values(runs: RunRepository) -> None:
    runs.save_many(FILTERED)
    assert runs.count(thread_id=iter(["t1", "t2"])) == 4
    assert {finding.run_id for finding in runs.findings(id=iter("ab"))} == {"a", "b"}
    assert runs.forecast(id=iter("ab")).runs == 2


@pytest.mark.slow
def test_a_condition_may_have_more_values_than_a_statement_has_parameters(runs: RunRepository) -> None:
    runs.save_many(FILTERED)
    many = [f"none_{n}" for n in range(70_000)]  # PostgreSQL takes 65,535
    for where, expected in (
        ({"id": [*many, "c", "a"]}, "ac"),
        ({"thread_id": ["t2", *many]}, "fc"),
        ({"status": [*many, "failed"], "thread_id": "t1"}, "b"),
        ({"file_id": many}, ""),
        ({"function_name": many}, ""),
    ):
        assert "".join(ids(runs.find(newest_first=False, **where).runs)) == expected
        assert "".join(row[0] for row in runs.rows(["id"], **where)) == expected
        assert runs.count(**where) == len(expected)
    # SQLite 32,766, and 250,000 as some build it.
    assert runs.count(thread_id=["t2", *(f"none_{n}" for n in range(260_000))]) == 2


def test_what_is_found_equals_what_was_saved(runs: RunRepository) -> None:
    saved = [rich_run(f"run_{n}", f" {n % 2}", created_at=n) for n in range(5)]
    runs.save_many(saved)
    assert [list(run.items()) for run in runs.iterate()] == [list(run.items()) for run in saved]
    assert runs.find(newest_first=False).runs == saved


def test_a_status_is_found_as_the_newest_snapshot_has_it(runs: RunRepository) -> None:
    runs.save(a_run("a", status="queued"))
    runs.save(a_run("a", status="completed"))
    assert runs.count(status="queued") == 0
    assert runs.count(status="completed") == 1


BAD_FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"colour": "red"}, "there is no filter 'colour'"),
    ({"thread": "a"}, "expected one of id, thread_id, .*; did you mean 'thread_id'"),
    ({"thread_id": 5}, "thread_id is 5, expected a string"),
    ({"thread_id": ["a", None]}, "thread_id is None, expected a string"),
    ({"thread_id": b"t1"}, "expected a string"),
    ({"status": ["a", 5]}, "status is 5, expected a string"),
    ({"assistant_id": True}, "assistant_id is True, expected a string"),
    (
        {"created_from": "today"},
        "created_from is 'today', expected Unix seconds, a datetime or date, its ISO",
    ),
    ({"created_from": "7 d"}, "created_from is '7 d'"),
    ({"finished_before": float("nan")}, "finished_before is nan"),
    ({"started_from": float("inf")}, "started_from is inf"),
    ({"created_before": True}, "created_before is True"),
    ({"created_before": [5]}, r"created_before is \[5\]"),
]


def test_an_unknown_filter_and_a_value_of_another_type_are_configuration_errors(runs: RunRepository) -> None:
    for where, message in BAD_FILTERS:
        for ask in (runs.find, runs.count, lambda **where: list(runs.iterate(**where))):
            with pytest.raises(ConfigurationError, match=message):
                ask(**where)


def test_a_limit_that_makes_no_sense_is_a_configuration_error(runs: RunRepository) -> None:
    senseless: list[Any] = [0, -1, -(10**30), "3", 2.5, None, True]
    for limit in senseless:
        with pytest.raises(ConfigurationError, match="limit is"):
            runs.find(limit=limit)


def test_a_page_has_at_most_limit_runs_and_a_cursor_only_if_there_are_more(runs: RunRepository) -> None:
    runs.save_many([a_run("a"), a_run("b"), a_run("c")])
    for limit, found in [(1, 1), (2, 2), (3, 3), (4, 3), (10**6, 3), (2**31, 3), (10**30, 3)]:
        page = runs.find(limit=limit)
        assert len(page.runs) == found
        assert (page.next is None) == (found == 3)


def test_an_empty_archive_has_one_empty_page(runs: RunRepository) -> None:
    assert runs.find() == ([], None)
    assert list(runs.iterate()) == []
    assert runs.count() == 0
    assert runs.load_many(["a"]) == {}
    assert runs.delete("a") == 0


# --- order and pages -------------------------------------------------------------------------------------------------

ORDERED = [  # as every backend orders them, oldest first: those without a time, then by time, then by bytes of the id
    a_run("!", created_at=None),
    a_run("zz"),
    a_run("é", created_at=None),
    a_run("old", created_at=-(2**63) + 1),
    a_run("before 1970", created_at=-1),
    a_run("epoch", created_at=0),
    *(a_run(run_id, created_at=SECOND) for run_id in ("A", "B", "Z", "_", "a", "a ", "aa", "b", "z", "ß", "ä", "Ω")),
    *(a_run(f"{run_id}!", created_at=SECOND) for run_id in ("日本", "\uffff", "😀", "\U0010ffff")),
    a_run("future", created_at=2**63 - 1),
]


def expected_order() -> list[str]:
    def key(run: dict[str, Any]) -> tuple[int, bytes]:
        created = run.get("created_at")
        return (-(2**63) if created is None else created, run["id"].encode())

    return ids(sorted(ORDERED, key=key))


def test_the_order_is_that_of_created_at_and_of_the_bytes_of_the_id_on_every_backend(runs: RunRepository) -> None:
    runs.save_many(reversed(ORDERED))
    expected = expected_order()
    assert expected[:3] == ["!", "zz", "é"]
    assert ids(runs.iterate()) == expected
    assert ids(runs.find(limit=100, newest_first=False).runs) == expected
    assert ids(runs.find(limit=100).runs) == expected[::-1]
    assert ids(map(json.loads, runs.iterate_json(newest_first=True))) == expected[::-1]


def test_pages_neither_repeat_nor_skip_a_run(runs: RunRepository) -> None:
    runs.save_many(ORDERED)
    for newest_first, limit in itertools.product([True, False], [1, 2, 7]):
        found = list(pages(runs, limit=limit, newest_first=newest_first))
        assert [run_id for page in found for run_id in page] == expected_order()[:: -1 if newest_first else 1]
        assert all(len(page) == limit for page in found[:-1])


def test_pages_are_whole_where_many_runs_are_of_the_same_second(runs: RunRepository) -> None:
    runs.save_many(a_run(f"run_{n:03}", created_at=SECOND + n // 100, status="ab"[n % 2]) for n in range(250))
    expected = [f"run_{n:03}" for n in range(0, 250, 2)]
    for newest_first in (True, False):
        found = [run_id for page in pages(runs, limit=10, newest_first=newest_first, status="a") for run_id in page]
        assert found == (expected[::-1] if newest_first else expected)


def test_pages_are_whole_where_no_run_has_a_time(runs: RunRepository) -> None:
    runs.save_many(a_run(f"run_{n:02}") for n in range(25))
    for newest_first in (True, False):
        found = [run_id for page in pages(runs, limit=4, newest_first=newest_first) for run_id in page]
        assert found == [f"run_{n:02}" for n in range(25)][:: -1 if newest_first else 1]


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_of_rows_hold_the_runs_of_the_pages_in_every_spelling(runs: RunRepository, newest_first: bool) -> None:
    runs.save_many([a_run(f"run_{n}", created_at=SECOND + n // 2, status="failed") for n in range(5)])
    runs.save({"id": "run_5", "object": "thread.run", "createdAt": SECOND + 1, "status": "failed", "threadId": "t"})
    cursor, seen = None, []
    while True:
        asked: dict[str, Any] = {"limit": 2, "cursor": cursor, "newest_first": newest_first, "status": "failed"}
        page, rows = runs.find(**asked), runs.find_rows(("id", "created_at", "thread_id"), **asked)
        assert [run["id"] for run in page.runs] == [run_id for run_id, _, _ in rows.rows]
        assert page.next == rows.next
        seen += rows.rows
        if (cursor := page.next) is None:
            break
    assert len(seen) == 6
    assert ("run_5", SECOND + 1, "t") in seen


def test_runs_that_arrive_or_go_between_pages_disturb_no_other_run(runs: RunRepository) -> None:
    before = [a_run(f"run_{n:02}", created_at=SECOND + n // 4) for n in range(20)]
    runs.save_many(before)
    found = []
    cursor = None
    for n in range(100):
        page = runs.find(limit=3, cursor=cursor)
        found += ids(page.runs)
        if (cursor := page.next) is None:
            break
        runs.save_many([a_run(f"new_{n:02}", created_at=SECOND + 100 + n), a_run(f"run_10_{n:02}", created_at=SECOND)])
        runs.delete(ids(page.runs))  # even the run after which the cursor begins
        runs.save({**page.runs[0], "status": "completed"})
    assert [run_id for run_id in found if run_id in set(ids(before))] == ids(before)[::-1]
    assert len(found) == len(set(found))
    assert not any(run_id.startswith("new") for run_id in found)


def test_a_cursor_is_a_text_that_a_url_or_a_shell_takes_as_it_is(runs: RunRepository) -> None:
    runs.save_many([a_run("ÿ~?>日本\n", created_at=5), a_run("b", created_at=4)])
    cursor = runs.find(limit=1).next
    assert cursor is not None
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert cursor.isascii()
    assert ids(runs.find(cursor=cursor).runs) == ["b"]


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()


NO_CURSORS: list[Any] = [
    "",
    "run_1",
    "💥",
    "A",
    "!!!",
    5,
    b"WzEsImEiXQ",
    encoded(b""),
    encoded(b"\xff\xff"),
    encoded(b"[" * 100_000),
    encoded(None),
    encoded(5),
    encoded("ab"),
    encoded({"a": 1, "b": 2}),
    encoded([]),
    encoded([1]),
    encoded([1, "a", 2]),
    encoded(["a", 1]),
    encoded([1.5, "a"]),
    encoded([True, "a"]),
    encoded([None, "a"]),
    encoded([1, None]),
    encoded([1, ["a"]]),
    encoded([2**63, "a"]),
    encoded([-(2**70), "a"]),
    encoded([1, "\x00"]),
    encoded([1, "\ud800"]),
]


def test_what_is_no_cursor_is_a_configuration_error(runs: RunRepository) -> None:
    for cursor in NO_CURSORS:
        with pytest.raises(ConfigurationError, match="is not a cursor; pass one that an earlier page returned"):
            runs.find(cursor=cursor)


# --- one consistent picture ------------------------------------------------------------------------------------------


def test_a_page_of_many_runs_takes_no_more_statements_than_one_run(engine: Engine) -> None:
    RunRepository(engine).save_many(a_run(f"run_{n}", instructions=f"prompt {n}", created_at=n) for n in range(100))
    taken = []
    for limit in (1, 100):
        with counted(engine) as statements:
            assert len(RunRepository(engine).find(limit=limit).runs) == limit
        taken.append(len(statements))
    assert taken[0] == taken[1]


def test_reading_goes_on_where_another_reader_has_the_shapes_forgotten(
    runs: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MOST_SHAPES", 0)
    saved: list[dict[str, Any]] = [{"id": "a"}, {"id": "b", "x": 1}, {"id": "c", "y": 1}]
    runs.save_many({**run, "object": "thread.run"} for run in saved)
    reading = runs.iterate()
    assert next(reading)["id"] == "a"
    assert runs.load("c")["y"] == 1
    assert [run["id"] for run in reading] == ["b", "c"]


def test_iterate_is_one_consistent_picture_while_another_connection_writes(runs: RunRepository, url: URL) -> None:
    saved = [a_run(f"run_{n:04}", created_at=n, status="queued", instructions=f"Prompt {n}") for n in range(1200)]
    runs.save_many(saved)
    picture = runs.iterate()
    found = [next(picture)]
    with closing(RunRepository.open(url)) as other:
        assert other.delete(f"run_{n:04}" for n in range(1, 1200, 3)) == 400
        other.save_many({**run, "status": "completed", "instructions": "Another"} for run in saved[2::3])
        other.save_many(a_run(f"new_{n}", created_at=n) for n in range(0, 1200, 10))
        found += picture
        assert found == saved
        assert runs.count() == 1200 - 400 + 120 == other.count()


def test_an_iterator_that_is_left_early_holds_nothing(runs: RunRepository, url: URL) -> None:
    runs.save_many([a_run("a"), a_run("b")])
    for _ in runs.iterate():
        break
    with closing(RunRepository.open(url)) as other:
        assert other.delete(["a", "b"]) == 2
    assert runs.count() == 0


def test_several_iterators_of_one_repository_do_not_disturb_each_other(runs: RunRepository) -> None:
    runs.save_many(a_run(f"run_{n}", created_at=n) for n in range(5))
    pairs = list(zip(runs.iterate(), runs.iterate(created_from=1), strict=False))
    assert [(a["id"], b["id"]) for a, b in pairs] == [(f"run_{n}", f"run_{n + 1}") for n in range(4)]


# --- loading ---------------------------------------------------------------------------------------------------------


def test_load_many_gives_runs_in_the_order_of_the_ids_and_leaves_out_the_others(runs: RunRepository) -> None:
    runs.save_many(a_run(f"run_{n}", created_at=n) for n in range(1200))
    wanted = [f"run_{n}" for n in (7, 3, 1199, 0, 555)]
    found = runs.load_many(iter([wanted[0], "nowhere", *wanted[1:], "run_\x00", "\udcff", wanted[0]]))
    assert list(found) == wanted
    assert found["run_3"] == a_run("run_3", created_at=3)
    assert list(runs.load_many(f"run_{n}" for n in reversed(range(1200)))) == [
        f"run_{n}" for n in reversed(range(1200))
    ]


def test_a_run_that_is_not_there_is_not_found(runs: RunRepository) -> None:
    runs.save(a_run("run_1"))
    nowhere = ["nowhere", "", "run_1 ", "RUN_1", "run_1\x00", "\ud800", "run_{x}", "%s"]
    for ask, run_id in itertools.product((runs.load, runs.changes), nowhere):
        with pytest.raises(RunNotFound) as caught:
            ask(run_id)
        assert str(caught.value) == f"run {run_id} is not in this archive"
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


# --- deleting --------------------------------------------------------------------------------------------------------


def test_delete_takes_a_run_with_its_history_and_what_nobody_else_uses(runs: RunRepository, engine: Engine) -> None:
    runs.save_many([rich_run("a"), rich_run("b", " too"), {**rich_run("a"), "status": "failed"}])
    assert runs.changes("a")
    assert runs.delete("a") == 1
    with pytest.raises(RunNotFound):
        runs.load("a")
    with pytest.raises(RunNotFound):
        runs.changes("a")
    left = contents(engine)
    assert len(left["run_object_instructions"]) == 1
    assert len(left["assistant_object_tools_inner"]) == 2  # the code interpreter and the other function
    assert len(left["function_object"]) == 2  # it and the one of the tool choice
    assert runs.load("b") == rich_run("b", " too")
    assert runs.delete(["b", "b", "nowhere", "\x00"]) == 1
    assert rows(engine).keys() <= SHARED | {"function_object"}
    assert len(contents(engine)["function_object"]) == 1  # of the tool choice, which stays


def test_delete_keeps_what_another_run_uses(runs: RunRepository, engine: Engine) -> None:
    runs.save_many(rich_run(run_id) for run_id in "abc")
    shared = {name: count for name, count in rows(engine).items() if name in SHARED | COLLECTED}
    assert runs.delete("ab") == 0  # one id, not two
    assert runs.delete(list("ab")) == 2
    assert {name: count for name, count in rows(engine).items() if name in SHARED | COLLECTED} == shared
    assert runs.load("c") == rich_run("c")


def test_a_deleted_run_can_be_saved_again(runs: RunRepository, engine: Engine) -> None:
    runs.save_many([rich_run("a"), rich_run("b", " too")])
    before = contents(engine, without=("archived_at", "observed_at"))
    for _ in range(2):
        assert runs.delete(["a", "b"]) == 2
        # Saved by the repository that had seen the prompts and tools as stored.
        assert runs.save_many([rich_run("a"), rich_run("b", " too")]).inserted == 2
    assert contents(engine, without=("archived_at", "observed_at")) == before


def test_a_prompt_collected_by_another_process_is_written_again(runs: RunRepository, url: URL) -> None:
    runs.save(rich_run("a"))
    with closing(RunRepository.open(url)) as other:
        other.delete("a")
    assert runs.save_many([rich_run("a"), rich_run("b")]).inserted == 2
    assert runs.load("b") == rich_run("b")


def test_delete_inside_a_transaction_of_the_caller_is_undone_with_it(runs: RunRepository, engine: Engine) -> None:
    runs.save(rich_run("a"))
    before = contents(engine)
    with engine.connect() as connection:
        inside = RunRepository(connection)
        assert inside.delete("a") == 1
        assert inside.count() == 0
        connection.rollback()
    assert contents(engine) == before
    assert runs.load("a") == rich_run("a")


@pytest.mark.slow
def test_delete_of_very_many_runs_is_one_call(runs: RunRepository, engine: Engine) -> None:
    runs.save_many(a_run(f"run_{n}", instructions=f"Prompt {n}") for n in range(3000))
    assert runs.delete(f"run_{n}" for n in range(70_000)) == 3000
    assert rows(engine).keys() <= SHARED


def test_a_plain_sql_delete_leaves_nothing_but_shared_rows(runs: RunRepository, engine: Engine) -> None:
    runs.save_many([rich_run("a"), {**rich_run("a"), "status": "failed"}, rich_run("b")])
    everything = set(rows(engine))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM run_object WHERE id = 'a'"))
    assert set(rows(engine)) == everything - {"run_object_change"}
    assert runs.load("b") == rich_run("b")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM run_object"))
    assert set(rows(engine)) == SHARED | COLLECTED
    assert runs.save(rich_run("a")) == "inserted"


# --- archives that cannot be asked -----------------------------------------------------------------------------------

ASKING: list[Callable[[RunRepository], Any]] = [
    lambda runs: runs.load("a"),
    lambda runs: runs.load_many(["a"]),
    lambda runs: runs.find(),
    lambda runs: list(runs.iterate()),
    lambda runs: runs.count(),
    lambda runs: runs.changes("a"),
    lambda runs: runs.delete("a"),
]


def test_asking_a_file_that_is_not_there_raises_archive_missing_and_makes_no_file(tmp_path: Path) -> None:
    places = (tmp_path / "missing.db", tmp_path / "no folder" / "missing.db")
    for place, ask in itertools.product(places, ASKING):
        with (
            RunRepository.open(place) as runs,
            pytest.raises(ArchiveMissing, match=r"there is no archive at .*missing"),
        ):
            ask(runs)
    assert not list(tmp_path.iterdir())


def test_opening_alone_makes_no_file_and_saving_makes_it(tmp_path: Path) -> None:
    place = tmp_path / "new.db"
    with RunRepository.open(place) as runs:
        assert not place.exists()
        with pytest.raises(ArchiveMissing):
            runs.count()
        assert runs.save(a_run("a")) == "inserted"
        assert runs.count() == 1


WRITING: list[Callable[[RunRepository], Any]] = [lambda runs: runs.save(a_run("a")), lambda runs: runs.save_many([])]


@pytest.mark.parametrize(("revision", "kind"), [("0000", SchemaBehind), ("9999", SchemaNewer)])
def test_a_schema_that_is_behind_or_newer_is_said_and_left_as_it_is(
    url: URL, engine: Engine, revision: str, kind: type[RunStoreError]
) -> None:
    try:
        set_revision(url, revision)
        for ask in (*ASKING, *WRITING):
            with pytest.raises(kind, match=revision):
                ask(RunRepository(engine))
        with engine.connect() as connection:
            assert migrate.current(connection) == revision
        assert not rows(engine)
    finally:
        set_revision(url, migrate.REVISION)


def test_a_database_without_a_schema_is_behind(empty_url: URL) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE of_another_service (id integer)"))
    for ask in (*ASKING, *WRITING):
        with pytest.raises(SchemaBehind, match="does not exist yet"):
            ask(RunRepository(engine))
    engine.dispose()
