"""Only the members that a session changes change in a stored run; a run that others have changed is a conflict."""

from __future__ import annotations

import copy
import gc
import itertools
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import CTE, Engine, Text, column, delete, insert, inspect, select, table, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, defer, load_only, make_transient, sessionmaker

from runstore import (
    AssistantObjectToolsInner,
    AssistantsApiToolChoiceOption,
    Base,
    ConfigurationError,
    FetchedThread,
    ModelPrice,
    PastTheMapping,
    RunChanged,
    RunCompletionUsage,
    RunConflict,
    RunNotFound,
    RunObject,
    RunObjectAssistantObjectToolsInner,
    RunObjectChange,
    RunObjectFileIds,
    RunObjectIncompleteDetails,
    RunObjectLastError,
    RunObjectRequiredAction,
    RunRepository,
    RunStoreError,
    RunToolCallObject,
    SharedRowChanged,
    TruncationObject,
)
from runstore.mapping import IN_ROW, MEMBER_TABLES, SHARED, table_of
from runstore.orm.values import MEMBERS, ORDER
from tests.helpers import strategies
from tests.helpers.runs import waiting_run
from tests.helpers.strategies import examples

Json = dict[str, Any]


def same(one: Any, other: Any) -> bool:
    """Equal to the order of the keys; 1 and 1.0 are one number."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


# --- one change ------------------------------------------------------------------------------------------------------

Change = tuple[str, Callable[[RunObject, Json], None]]


def _member(name: str, value: Any, attribute: str | None = None) -> Change:
    """Set an attribute: the member has the value, and where there was none comes last."""

    def change(run: RunObject, expected: Json) -> None:
        if getattr(run, attribute or name) != value:
            setattr(run, attribute or name, copy.deepcopy(value))
            if value is not None or name in expected:
                expected[name] = value

    return f"{name}={value!r}", change


def _part(name: str, column: str, value: Any) -> Change:
    """Change a column of a row that belongs to the run."""

    def change(run: RunObject, expected: Json) -> None:
        part = getattr(run, name)
        if part is not None and getattr(part, column) != value:
            setattr(part, column, value)
            if value is not None or column in expected[name]:
                expected[name][column] = value

    return f"{name}.{column}={value!r}", change


def _gone(name: str) -> Change:
    def change(run: RunObject, expected: Json) -> None:
        if getattr(run, name) is not None:
            setattr(run, name, None)
            expected[name] = None

    return f"{name}=None", change


def _new_usage(run: RunObject, expected: Json) -> None:
    run.usage = RunCompletionUsage(total_tokens=7)
    expected["usage"] = {"completion_tokens": None, "prompt_tokens": None, "total_tokens": 7}


def _tool_added(run: RunObject, expected: Json) -> None:
    run.tools.append(AssistantObjectToolsInner(type="retrieval"))
    expected["tools"] = [*(expected.get("tools") or []), {"type": "retrieval"}]


def _tools_reversed(run: RunObject, expected: Json) -> None:
    if len(run.tool_links) > 1:
        run.tools.reverse()
        expected["tools"] = expected["tools"][::-1]


def _tools_gone(run: RunObject, expected: Json) -> None:
    if run.tool_links:
        run.tools.clear()
        expected["tools"] = []


def _file_added(run: RunObject, expected: Json) -> None:
    run.file_ids.insert(0, "file_new")
    expected["file_ids"] = ["file_new", *(expected.get("file_ids") or [])]


def _files_sorted(run: RunObject, expected: Json) -> None:
    if run.file_links:
        run.file_ids.sort(key=len, reverse=True)
        expected["file_ids"].sort(key=len, reverse=True)


def _file_gone(run: RunObject, expected: Json) -> None:
    if run.file_links:
        del run.file_ids[0]
        del expected["file_ids"][0]


def _choice(run: RunObject, expected: Json) -> None:
    run.tool_choice = AssistantsApiToolChoiceOption(document='"required"')
    expected["tool_choice"] = "required"


def _in_place(run: RunObject, expected: Json) -> None:
    if run.metadata_ is not None:
        run.metadata_["in place"] = {"a": [1]}
        run.metadata_["in place"]["a"].append({"b": 2})
        expected["metadata"]["in place"] = {"a": [1, {"b": 2}]}


def _call(run: RunObject, expected: Json) -> None:
    if run.required_action is not None and run.required_action.tool_calls:
        call = run.required_action.tool_calls[-1]
        call.function_arguments = "changed"
        wanted = expected["required_action"]["submit_tool_outputs"]["tool_calls"][-1]
        wanted["function"] = (wanted.get("function") or {}) | {"arguments": "changed"}


def _call_gone(run: RunObject, expected: Json) -> None:
    if run.required_action is not None and run.required_action.tool_calls:
        del run.required_action.tool_calls[0]
        del expected["required_action"]["submit_tool_outputs"]["tool_calls"][0]


def _call_added(run: RunObject, expected: Json) -> None:
    if run.required_action is not None and run.required_action.tool_calls:
        run.required_action.tool_calls.insert(0, RunToolCallObject(id="c", type="function", function_name="f"))
        new = {"id": "c", "type": "function", "function": {"name": "f", "arguments": None}}
        expected["required_action"]["submit_tool_outputs"]["tool_calls"].insert(0, new)


def _extra(run: RunObject, expected: Json) -> None:
    run.extra = {**(run.extra or {}), "new member": [1, {"a": None}]}
    expected["new member"] = [1, {"a": None}]


def _extra_gone(run: RunObject, expected: Json) -> None:
    for key in [key for key in run.extra or () if key not in MEMBERS][:1]:
        del run.extra[key]  # type: ignore[union-attr]
        del expected[key]


CHANGES: list[Change] = [
    *(_member("object", value) for value in ("assistant.run", "", None)),
    *(_member(name, value) for name in ("status", "model") for value in ("x", None)),
    *(_member(name, value) for name in ("expires_at", "max_prompt_tokens") for value in (12345, None)),
    *(_member(name, None) for name in ("thread_id", "assistant_id", "created_at")),
    *(_member(name, value) for name in ("temperature", "top_p") for value in (0.25, 3, None)),
    *(_member("parallel_tool_calls", value) for value in (True, False, None)),
    *(_member("metadata", value, "metadata_") for value in ({"b": "1", "a": "2"}, {}, None)),
    *(_member("instructions", value) for value in ("New prompt.", None)),
    *(_part("usage", "total_tokens", value) for value in (99, None)),
    *(_part("last_error", "message", value) for value in ("other", None)),
    *(_part("incomplete_details", "reason", value) for value in ("other", None)),
    *(_part("required_action", "type", value) for value in ("other",)),
    *(_gone(name) for name in ("usage", "last_error", "incomplete_details", "required_action")),
    *(_gone(name) for name in ("tool_choice", "response_format", "truncation_strategy")),
    *(
        ("changes", lambda *_: None),
        ("usage", _new_usage),
        ("tools+", _tool_added),
        ("tools reversed", _tools_reversed),
    ),
    *(("tools-", _tools_gone), ("file_ids+", _file_added), ("file_ids-", _file_gone), ("tool_choice", _choice)),
    ("file_ids sorted", _files_sorted),
    *(("metadata in place", _in_place), ("call", _call), ("call-", _call_gone), ("call+", _call_added)),
    *(("extra", _extra), ("extra-", _extra_gone)),
]


@pytest.mark.slow
@examples(150)
@given(data=st.data(), run=strategies.runs() | strategies.mutilated(), number=st.integers(0, 2**60))
def test_what_a_session_changes_changes_and_nothing_else(
    runs: RunRepository, engine: Engine, data: st.DataObject, run: Json, number: int
) -> None:
    # Without its name, a mutilated run might be a page of other runs.
    run |= {"id": f"run_{number}", "object": "thread.run"}
    runs.delete(run["id"])
    if runs.save_many([run]).inserted != 1:
        return
    before = runs.load(run["id"])
    name, change = data.draw(st.sampled_from(CHANGES))
    expected = copy.deepcopy(before)
    with Session(engine) as session:
        change(session.get_one(RunObject, run["id"]), expected)
        session.commit()
    after = runs.load(run["id"])
    assert same(after, expected), name
    assert list(runs.verify()) == []
    changes = runs.changes(run["id"])
    assert len(changes) == (0 if same(before, after) else 1)
    assert runs.save(after) == "unchanged"


def _links_reversed(run: RunObject, expected: Json) -> None:
    run.tool_links.reverse()
    expected["tools"] = expected["tools"][::-1]


def _links_swapped(run: RunObject, expected: Json) -> None:
    run.file_links[0], run.file_links[2] = run.file_links[2], run.file_links[0]
    expected["file_ids"][0], expected["file_ids"][2] = expected["file_ids"][2], expected["file_ids"][0]


def _calls_sorted(run: RunObject, expected: Json) -> None:
    assert run.required_action
    run.required_action.tool_calls.sort(key=lambda call: str(call.id), reverse=True)
    expected["required_action"]["submit_tool_outputs"]["tool_calls"].reverse()


def _calls_assigned(run: RunObject, expected: Json) -> None:
    assert run.required_action
    run.required_action.tool_calls = run.required_action.tool_calls[::-1]
    expected["required_action"]["submit_tool_outputs"]["tool_calls"].reverse()


REORDERED = [_tools_reversed, _files_sorted, _links_reversed, _links_swapped, _calls_sorted, _calls_assigned]


@pytest.mark.parametrize("change", REORDERED, ids=lambda change: change.__name__)
def test_lists_are_put_into_another_order_in_place(
    runs: RunRepository, engine: Engine, change: Callable[[RunObject, Json], None]
) -> None:
    expected = waiting_run(file_ids=["b", "aa", "ccc", "b"])
    runs.save(expected)
    with Session(engine) as session:
        run = session.get_one(RunObject, "run_1")
        change(run, expected)
        assert list(run.file_ids) == expected["file_ids"]
        session.commit()
    assert same(runs.load("run_1"), expected)
    assert len(runs.changes("run_1")) == 1
    assert list(runs.verify()) == []


def _at_the_top(metadata: Any) -> None:
    metadata["team"] = "green"


def _deep(metadata: Any) -> None:
    metadata["o"]["p"].append({"team": "green"})


@pytest.mark.parametrize("change", [_at_the_top, _deep], ids=lambda change: change.__name__)
def test_metadata_keeps_the_run_that_it_belongs_to(
    runs: RunRepository, engine: Engine, change: Callable[[Any], None]
) -> None:
    runs.save(waiting_run(metadata={"o": {"p": []}}))
    expected = waiting_run(metadata={"o": {"p": []}})
    change(expected["metadata"])
    with Session(engine) as session:
        metadata = session.get_one(RunObject, "run_1").metadata_
        gc.collect()
        change(metadata)
        session.commit()
    assert same(runs.load("run_1"), expected)
    assert list(runs.verify()) == []


def test_metadata_keeps_no_run_for_longer_than_somebody_has_it(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run())
    with Session(engine) as session:
        run = session.get_one(RunObject, "run_1")
        assert run.metadata_ is not None
        run.metadata_["k"] = "w"
        session.commit()
        assert run.metadata_ == {"k": "w"}
        gone = weakref.ref(run)
        del run
        gc.collect()
        assert gone() is None
        assert len(session.identity_map) == 0


@pytest.mark.parametrize("again", [False, True])
def test_a_value_of_metadata_from_before_a_commit_is_not_changed_in_vain(
    runs: RunRepository, engine: Engine, again: bool
) -> None:
    runs.save(waiting_run())
    with Session(engine) as session:
        run = session.get_one(RunObject, "run_1")
        metadata: Any = run.metadata_
        session.commit()
        if again:
            assert run.metadata_ is not metadata
        with pytest.raises(RunStoreError, match="metadata_ predates a commit, rollback or refresh"):
            metadata["k"] = "w"
        run.metadata_ = {"k": "x"}
    detached = RunObject(id="run_1", metadata_={"k": "y"})
    with Session(engine) as session:
        session.merge(detached)
        session.commit()
    assert detached.metadata_ is not None
    detached.metadata_["k"] = "z"  # what was merged has another value by now, but not this object
    assert runs.load("run_1")["metadata"] == {"k": "y"}


def test_two_changes_in_two_flushes_of_a_transaction(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run(usage={"total_tokens": 3, "x": 1}))
    with Session(engine) as session:
        run = session.get_one(RunObject, "run_1")
        run.status = "completed"
        session.flush()
        run.instructions = "Be kind."
        assert run.usage
        run.usage.total_tokens = 4
        session.flush()
        run.tools.pop(0)
        session.commit()
    wanted = waiting_run(usage={"total_tokens": 4, "x": 1}, status="completed", instructions="Be kind.")
    wanted["tools"] = wanted["tools"][1:]
    assert same(runs.load("run_1"), wanted)
    assert list(runs.verify()) == []


def test_every_member_has_its_place_in_the_order() -> None:
    assert {*ORDER} == {*IN_ROW, *SHARED, *MEMBER_TABLES}


# --- another run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["thread_id", "assistant_id", "created_at"])
def test_another_run_does_not_take_the_place_of_a_stored_one(runs: RunRepository, engine: Engine, member: str) -> None:
    runs.save(waiting_run())
    other = {member: 2 if member == "created_at" else "other"}
    message = rf"run run_1: a different run .* \({member} differs\)"
    with Session(engine) as session:
        session.merge(RunObject(id="run_1", status="completed", **other))
        with pytest.raises(RunConflict, match=message):
            session.commit()
    with Session(engine) as session:
        setattr(session.get_one(RunObject, "run_1"), member, other[member])
        with pytest.raises(RunConflict, match=message):
            session.commit()
    assert runs.load("run_1") == waiting_run()
    assert runs.changes("run_1") == []
    assert list(runs.verify()) == []


def test_a_newer_snapshot_of_the_same_run_is_merged(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run(assistant_id=None))
    with Session(engine) as session:
        same_run = {"thread_id": "thread_1", "created_at": 1_700_000_000, "assistant_id": "asst_1"}
        session.merge(RunObject(id="run_1", status="completed", **same_run))
        session.commit()
    assert runs.load("run_1") == waiting_run(status="completed")
    assert len(runs.changes("run_1")) == 1
    assert list(runs.verify()) == []


# --- what is stale ---------------------------------------------------------------------------------------------------


def _status(run: RunObject) -> None:
    run.status = "cancelled"


def _usage(run: RunObject) -> None:
    assert run.usage
    run.usage.total_tokens = 99


def _tools(run: RunObject) -> None:
    run.tools.pop()


def _files(run: RunObject) -> None:
    run.file_ids.append("file_9")


def _error(run: RunObject) -> None:
    run.last_error = RunObjectLastError(code="server_error", message="no")


def _metadata(run: RunObject) -> None:
    assert run.metadata_ is not None
    run.metadata_["k"] = "w"


ONE_CHANGE = [_status, _usage, _tools, _files, _error, _metadata]
THEIRS: Json = waiting_run(status="completed", usage={"total_tokens": 50}, file_ids=["file_7"], tools=[])


@pytest.mark.parametrize("change", ONE_CHANGE, ids=lambda change: change.__name__)
def test_a_run_that_another_process_has_updated_is_a_conflict(
    runs: RunRepository, engine: Engine, change: Callable[[RunObject], None]
) -> None:
    runs.save(waiting_run())
    with Session(engine) as session:
        run = session.get_one(RunObject, "run_1")
        change(run)
        runs.save(THEIRS)
        with pytest.raises(RunChanged, match=r"run run_1 was changed .* make the change again"):
            session.commit()
        session.rollback()
        assert runs.load("run_1") == THEIRS
        assert list(runs.verify()) == []
        if change is not _tools:
            change(session.get_one(RunObject, "run_1"))
            session.commit()
            assert list(runs.verify()) == []


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_in_every_isolation(runs: RunRepository, engine: Engine, isolation: str) -> None:
    if engine.dialect.name == "sqlite":
        isolation = "SERIALIZABLE"
    runs.save(waiting_run())
    with Session(engine.execution_options(isolation_level=isolation)) as session:
        _status(session.get_one(RunObject, "run_1"))
        runs.save(THEIRS)
        with pytest.raises(RunChanged):
            session.commit()
        session.rollback()
        _status(session.get_one(RunObject, "run_1"))
        session.commit()
    assert runs.load("run_1") == THEIRS | {"status": "cancelled"}
    assert list(runs.verify()) == []


def test_a_sqlite_transaction_that_began_by_reading(runs: RunRepository, engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        return
    runs.save(waiting_run())
    with Session(engine) as session:
        session.connection().exec_driver_sql("BEGIN")
        _status(session.get_one(RunObject, "run_1"))
        runs.save(THEIRS)
        with pytest.raises(RunChanged):
            session.commit()
    assert runs.load("run_1") == THEIRS


def test_a_run_whose_attributes_are_expired_is_changed_as_it_is_stored(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run())
    with Session(engine) as session:
        run = session.get_one(RunObject, "run_1")
        session.commit()
        runs.save(THEIRS)
        run.status = "cancelled"
        session.commit()
    assert runs.load("run_1") == THEIRS | {"status": "cancelled"}
    assert list(runs.verify()) == []


@pytest.mark.parametrize("options", [load_only(RunObject.status), defer(RunObject.digest)], ids=["load_only", "defer"])
@pytest.mark.parametrize("stale", [False, True])
def test_a_run_that_was_not_read_whole(runs: RunRepository, engine: Engine, options: Any, stale: bool) -> None:
    runs.save(waiting_run())
    with Session(engine) as session:
        run = session.scalars(select(RunObject).options(options)).one()
        run.model = "other"
        if stale:
            runs.save(THEIRS)
            with pytest.raises(RunChanged):
                session.commit()
            return
        session.commit()
    assert runs.load("run_1") == waiting_run() | {"model": "other"}
    assert list(runs.verify()) == []


def test_two_sessions(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run())
    with Session(engine) as one, Session(engine) as other:
        _status(one.get_one(RunObject, "run_1"))
        late = other.get_one(RunObject, "run_1")
        late.model = "m"
        one.commit()
        with pytest.raises(RunChanged):
            other.commit()
    assert runs.load("run_1") == waiting_run(status="cancelled")


def test_detached_objects_are_compared_when_they_come_back(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run())
    make = sessionmaker(engine, expire_on_commit=False)
    with make() as session:
        again = session.get_one(RunObject, "run_1")
    again.status = "failed"
    with make() as session:
        session.add(again)
        session.commit()
    assert runs.load("run_1") == waiting_run(status="failed")
    runs.save(THEIRS)
    again.model = "late"
    with make() as session:
        session.add(again)
        with pytest.raises(RunChanged):
            session.commit()
    with make() as session:
        session.merge(again)
        with pytest.raises(RunChanged):
            session.commit()
    with make() as session:
        session.merge(RunObject(id="run_1", model="merged"))
        session.commit()
    assert runs.load("run_1") == THEIRS | {"model": "merged"}
    assert list(runs.verify()) == []


def test_a_run_that_is_gone(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run())
    with Session(engine) as session:
        _status(session.get_one(RunObject, "run_1"))
        runs.delete("run_1")
        with pytest.raises(RunNotFound):
            session.commit()


def test_a_run_that_was_updated_is_not_deleted(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run())
    with Session(engine) as session:
        session.delete(session.get_one(RunObject, "run_1"))
        runs.save(THEIRS)
        with pytest.raises(RunChanged):
            session.commit()
    assert runs.load("run_1") == THEIRS


# --- past the mapping ------------------------------------------------------------------------------------------------

MODELS = sorted(
    {mapper.class_ for mapper in Base.registry.mappers} - {ModelPrice, FetchedThread}, key=lambda model: model.__name__
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_statements_that_would_leave_runs_damaged_are_refused(
    runs: RunRepository, engine: Engine, model: type[Base]
) -> None:
    runs.save(waiting_run())
    before = runs.fingerprint()
    key = next(iter(inspect(model).primary_key))
    upsert = (sqlite if engine.dialect.name == "sqlite" else postgresql).insert(model).values({key.name: 1})
    mapper = inspect(model)
    columns = [*mapper.primary_key, next(column for column in mapper.columns if not column.primary_key)]
    row = dict.fromkeys((mapper.get_property_by_column(column).key for column in columns), 1)
    attempts: list[Callable[[Session], Any]] = [
        lambda session: session.execute(update(model).values({key.name: key})),
        lambda session: session.execute(update(table_of(model)).values({key.name: key})),
        lambda session: session.execute(insert(model).values({key.name: 1})),
        lambda session: session.execute(insert(model), [row]),
        lambda session: session.execute(upsert.on_conflict_do_nothing()),
        lambda session: session.query(model).update({key.name: key}),
        lambda session: session.bulk_insert_mappings(inspect(model), [row]),
        lambda session: session.bulk_update_mappings(inspect(model), [row]),
        lambda session: session.bulk_save_objects([model(**row)]),
    ]
    if model is not RunObject:
        attempts += [lambda session: session.execute(delete(model)), lambda session: session.query(model).delete()]
    for attempt in attempts:
        with Session(engine) as session, pytest.raises(PastTheMapping, match=r"would damage runs: \w+"):
            attempt(session)
        with Session(engine) as session:
            session.execute(text("SELECT 1"))
            with pytest.raises(PastTheMapping):
                attempt(session)
    assert runs.fingerprint() == before
    assert list(runs.verify()) == []


OTHERS = table("others", column("id", Text()))
CHANGING = {
    "update": update(RunObject).values(status="x").returning(RunObject.id),
    "table": update(table_of(RunObject)).values(status="x").returning(table_of(RunObject).c.id),
    "insert": insert(RunObject).values(id="x").returning(RunObject.id),
    "delete": delete(RunObject).returning(RunObject.id),
    "usage": delete(RunCompletionUsage).returning(RunCompletionUsage.run_object.label("id")),
}
AROUND: dict[str, Callable[[CTE], Any]] = {
    "select": select,
    "nested": lambda cte: select(select(cte).cte()),
    "in a subquery": lambda cte: select(select(cte).subquery()),
    "in a condition": lambda cte: select(RunObject).where(RunObject.id.in_(select(cte.c.id))),
    "joined": lambda cte: select(RunObject).join(cte, cte.c.id == RunObject.id),
    "added": lambda cte: select(RunObject).add_cte(cte),
    "added here": lambda cte: select(RunObject).add_cte(cte, nest_here=True),
    "union": lambda cte: select(cte.c.id).union_all(select(RunObject.id)),
    "insert": lambda cte: insert(OTHERS).from_select(["id"], select(cte.c.id)),
    "update": lambda cte: update(OTHERS).where(OTHERS.c.id == cte.c.id).values(id="x"),
}


def test_statements_in_ctes_are_refused(runs: RunRepository, engine: Engine, subtests: pytest.Subtests) -> None:
    runs.save(waiting_run())
    for around, nesting, (name, changing) in itertools.product(AROUND, (False, True), CHANGING.items()):
        with subtests.test(f"{name} {around}, nesting={nesting}"):
            statement = AROUND[around](changing.cte("changing", nesting=nesting and around != "added here"))
            ways: list[Callable[[Session], Any]] = [
                lambda session, statement=statement: session.execute(statement),  # type: ignore[misc]
                lambda session, statement=statement: session.connection().execute(statement),  # type: ignore[misc]
            ]
            for way in ways:
                # Twice: the second time the compiled statement comes from the cache.
                for _ in range(2):
                    with Session(engine) as session, pytest.raises(PastTheMapping, match=r"a CTE with [A-Z ]+ run_"):
                        way(session)
    assert runs.load("run_1") == waiting_run()
    assert list(runs.verify()) == []


def test_statements_that_give_objects_are_refused(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run())
    changing = update(RunObject).values(status="x").returning(RunObject)
    with Session(engine) as session, pytest.raises(PastTheMapping, match="UPDATE run_object"):
        session.scalars(select(RunObject).from_statement(changing))
    assert runs.load("run_1") == waiting_run()


def test_ctes_that_change_nothing_are_nobodys_business(runs: RunRepository, engine: Engine) -> None:
    runs.save_many([waiting_run(), waiting_run("run_2")])
    found = select(RunObject.id).where(RunObject.id == "run_2").cte()
    with Session(engine) as session:
        assert list(session.scalars(select(found.c.id))) == ["run_2"]
        session.execute(delete(RunObject).where(RunObject.id.in_(select(found.c.id))))
        session.commit()
    assert [run["id"] for run in runs.iterate()] == ["run_1"]
    assert list(runs.verify()) == []


def test_what_the_mapping_sets_is_not_assigned(runs: RunRepository, engine: Engine, subtests: pytest.Subtests) -> None:
    runs.save(waiting_run(), observed_at=5)
    names = ("archived_at", "observed_at", "digest", "number", "shape", "shape_id")
    for name, value in itertools.product(names, (None, 1)):
        with subtests.test(f"{name}={value}"):
            with Session(engine) as session:
                run = session.get_one(RunObject, "run_1")
                with pytest.raises(PastTheMapping, match=f"assigning {name} of a RunObject .* runstore sets it"):
                    setattr(run, name, value)
                assert not session.is_modified(run)
            with pytest.raises(PastTheMapping, match=f"assigning {name}"):
                RunObject(id="run_2", **{name: value})


def test_a_merge_does_not_put_back_the_time_at_which_a_run_was_seen(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run(), observed_at=5)
    with Session(engine) as session:
        earlier = session.get_one(RunObject, "run_1")
        session.expunge(earlier)
    runs.save(waiting_run(), observed_at=9)
    with Session(engine) as session:
        session.merge(earlier)
        session.commit()
        assert session.scalar(select(RunObject.observed_at)) == 9


def test_prices_and_tables_of_the_application_are_nobodys_business(runs: RunRepository, engine: Engine) -> None:
    price = {"model": "m", "valid_from": 0, "prompt": 1, "completion": 2, "currency": "EUR"}
    with Session(engine) as session:
        session.execute(insert(ModelPrice), [price])
        session.bulk_update_mappings(inspect(ModelPrice), [price | {"prompt": 3}])
        session.execute(update(ModelPrice).values(completion=4))
        session.commit()
    assert [(found.prompt, found.completion) for found in runs.prices()] == [(3, 4)]


def test_runs_deleted_by_a_statement_leave_nothing(runs: RunRepository, engine: Engine) -> None:
    runs.save_many([waiting_run(), waiting_run(status="completed"), waiting_run("run_2")])
    with Session(engine) as session:
        session.execute(delete(RunObject).where(RunObject.id == "run_1"))
        session.commit()
    assert [run["id"] for run in runs.iterate()] == ["run_2"]
    assert list(runs.verify()) == []
    assert runs.save(waiting_run()) == "inserted"


def _reached(name: str) -> Callable[[Session, RunObject], object]:
    return lambda session, run: session.delete(getattr(run, name))


def _moved(session: Session, run: RunObject) -> None:
    session.add(RunObject(id="run_9", usage=run.usage))


def _renamed(_: Session, run: RunObject) -> None:
    run.id = "run_9"


def _shuffled(_: Session, run: RunObject) -> None:
    run.file_links[0].position = 9


STRAYS: dict[str, Callable[[Session, RunObject], object]] = {
    **{name: _reached(name) for name in ("usage", "required_action")},
    "a link": lambda session, run: session.delete(run.tool_links[0]),
    "a call": lambda session, run: session.delete(run.required_action.tool_calls[0]),  # type: ignore[union-attr]
    "usage alone": lambda session, run: session.add(RunCompletionUsage(run_object=run.number + 1, total_tokens=1)),
    "an error alone": lambda session, run: session.add(RunObjectLastError(run_object=run.number, code="c")),
    "details alone": lambda session, run: session.add(RunObjectIncompleteDetails(run_object=run.number)),
    "an action alone": lambda session, run: session.add(RunObjectRequiredAction(run_object=run.number + 1)),
    "a file alone": lambda session, run: session.add(RunObjectFileIds(run_object=run.number, position=3, file_ids="f")),
    "a link alone": lambda session, run: session.add(
        RunObjectAssistantObjectToolsInner(run_object=run.number, position=9, tool_id=run.tools[0].id)
    ),
    "history": lambda session, run: session.delete(run.changes[0]),
    "new history": lambda session, run: session.add(
        RunObjectChange(run_object=run.number, digest=b"", observed_at=1, members={})
    ),
    "moved": _moved,
    "renamed": _renamed,
    "shuffled": _shuffled,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STRAYS)
def test_what_belongs_to_a_run_is_changed_through_it(runs: RunRepository, engine: Engine, name: str) -> None:
    runs.save_many(
        [waiting_run(status="queued"), waiting_run(), waiting_run("run_2", usage=None, required_action=None)]
    )
    before = runs.fingerprint()
    with Session(engine) as session:
        run = session.get_one(RunObject, "run_1")
        STRAYS[name](session, run)
        with pytest.raises(PastTheMapping):
            session.commit()
    assert runs.fingerprint() == before
    assert list(runs.verify()) == []


def test_shared_rows_are_neither_changed_nor_deleted(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run())
    for change in (
        lambda session, run: session.delete(run.tools[0]),
        lambda session, run: session.delete(run.shape),
        lambda session, run: setattr(run.instructions_row, "instructions", "x"),
        lambda session, run: run.tools[0].function.parameters.update(x=1),
        lambda session, run: run.tools[0].function.parameters["properties"].clear(),
    ):
        with Session(engine) as session:
            change(session, session.get_one(RunObject, "run_1"))
            with pytest.raises(SharedRowChanged):
                session.commit()
    assert runs.load("run_1") == waiting_run()


def test_keys_of_shared_rows_may_be_set_instead_of_the_objects(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run())
    runs.save(waiting_run("run_2", instructions="Be kind.", tool_choice="none", tools=TOOLS_REVERSED))
    with Session(engine) as session:
        one, other = session.get_one(RunObject, "run_1"), session.get_one(RunObject, "run_2")
        one.instructions_id, one.tool_choice_id = other.instructions_id, other.tool_choice_id
        one.tool_links[0].tool_id = other.tool_links[0].tool_id
        session.add(RunObject(id="run_3", tool_choice_id=other.tool_choice_id))
        session.commit()
    changed = runs.load("run_1")
    assert (changed["instructions"], changed["tool_choice"]) == ("Be kind.", "none")
    assert changed["tools"][0] == TOOLS_REVERSED[0]
    assert runs.load("run_3")["tool_choice"] == "none"
    assert list(runs.verify()) == []
    with Session(engine) as session:
        session.get_one(RunObject, "run_1").tool_choice_id = 7
        with pytest.raises(ConfigurationError, match="tool_choice_id is 7, which is not a row"):
            session.commit()


TOOLS_REVERSED = waiting_run()["tools"][::-1]


# --- an ordinary citizen of sessions ---------------------------------------------------------------------------------


def test_after_a_rollback_the_session_may_try_again(runs: RunRepository, engine: Engine) -> None:
    with Session(engine) as session:
        tool = AssistantObjectToolsInner(type="retrieval")
        run = RunObject(
            id="run_1", instructions="Be brief.", tools=[tool], truncation_strategy=TruncationObject(type="auto")
        )
        savepoint = session.begin_nested()
        session.add(run)
        session.flush()
        savepoint.rollback()
        assert inspect(tool).transient
        session.add(run)
        session.flush()
        session.rollback()
        session.add(run)
        session.commit()
        assert run.tools[0].type == "retrieval"
    assert runs.load("run_1")["tools"] == [{"type": "retrieval"}]
    assert list(runs.verify()) == []


def test_a_copy_of_a_run(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run(usage=None, required_action=None, file_ids=[], tools=[]))
    with Session(engine) as session:
        run = session.get_one(RunObject, "run_1")
        make_transient(run)
        run.id = "run_2"
        session.add(run)
        session.commit()
    assert runs.load("run_2")["status"] == "requires_action"
    assert list(runs.verify()) == []


def test_metadata_is_an_attribute_of_another_name(engine: Engine) -> None:
    with pytest.raises(ConfigurationError, match="use metadata_ for that of a run"):
        RunObject(id="run_1", metadata={"team": "red"})
    with pytest.raises(ConfigurationError, match="metadata_"):
        RunObject(id="run_1").metadata = {}  # type: ignore[misc, assignment]
    with pytest.raises(ConfigurationError, match="metadata_ must be a dict"):
        RunObject(id="run_1", metadata_="team")


def test_metadata_in_queries(runs: RunRepository, engine: Engine) -> None:
    runs.save(waiting_run("run_1", metadata={"team": "red", "n": 1, "o": {"p": [1.5]}}))
    runs.save(waiting_run("run_2", metadata={"team": "blue"}))
    runs.save(waiting_run("run_3", metadata={"team": "red"}))
    column = RunObject.metadata_
    with Session(engine) as session:

        def found(*conditions: Any) -> list[str]:
            return list(session.scalars(select(RunObject.id).where(*conditions).order_by(RunObject.id)))

        assert found(column["team"] == "red") == ["run_1", "run_3"]
        assert found(column["team"] != "red") == ["run_2"]
        assert found(column["team"].in_(["blue", "x"])) == ["run_2"]
        assert found(column["team"].as_string() == "red") == ["run_1", "run_3"]
        assert found(column["n"] == 1) == ["run_1"]
        assert found(column["n"].as_integer() == 1) == ["run_1"]
        assert found(column["o"]["p"][0] == 1.5) == ["run_1"]
        assert found(column["o"] == {"p": [1.5]}) == ["run_1"]
        assert found(column["absent"] == None) == ["run_1", "run_2", "run_3"]  # noqa: E711
        assert found(column.op("->>")("team") == "red") == ["run_1", "run_3"]
        assert found(column.op("->")("team") == "blue") == ["run_2"]
        assert found(column == {"team": "blue"}) == ["run_2"]
        assert found(column.in_([{"team": "blue"}, {"team": "red"}])) == ["run_2", "run_3"]
        assert found(column.is_(None)) == []
        values = select(column["team"]).order_by(RunObject.id)
        assert list(session.scalars(values)) == ["red", "blue", "red"]
        assert sorted(session.scalars(select(column["team"]).distinct())) == ["blue", "red"]
        assert len(session.scalars(select(column).distinct()).all()) == 3
        assert len(session.scalars(select(RunObject).join(RunObject.tool_links).distinct()).unique().all()) == 3


def test_instructions_in_queries(runs: RunRepository, engine: Engine) -> None:
    runs.save_many(
        [waiting_run("run_1"), waiting_run("run_2", instructions="Be kind."), waiting_run("run_3", instructions=None)]
    )
    with Session(engine) as session:
        kind = select(RunObject.id).where(RunObject.instructions.contains("kind"))
        assert list(session.scalars(kind)) == ["run_2"]
        assert list(session.scalars(select(RunObject.id).where(RunObject.instructions == "Be brief."))) == ["run_1"]
        assert list(session.scalars(select(RunObject.id).where(RunObject.instructions.is_(None)))) == ["run_3"]


PATHS = ["runstore", "runstore.schema", "runstore.schema.run", "runstore.orm"]


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_whichever_way_a_model_is_imported_its_runs_go_through_the_mapping(
    runs: RunRepository, engine: Engine, path: str
) -> None:
    script = f"""
import sys
from {path} import RunObject
from sqlalchemy import create_engine, event, update
from sqlalchemy.orm import Session
engine = create_engine(sys.argv[1])
if engine.dialect.name == "sqlite":
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
with Session(engine) as session:
    session.add(RunObject(id="run_1", status="queued"))
    session.commit()
    session.get_one(RunObject, "run_1").status = "completed"
    session.commit()
    try:
        session.execute(update(RunObject).values(status="x"))
    except Exception as error:
        print(type(error).__name__)
"""
    url = engine.url.render_as_string(hide_password=False)
    done = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("PastTheMapping\n", 0), done.stderr
    assert runs.load("run_1")["status"] == "completed"
    assert len(runs.changes("run_1")) == 1
    assert list(runs.verify()) == []
