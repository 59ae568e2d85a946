"""The models as ordinary SQLAlchemy models: rows of the repository are read through the ORM, and vice versa."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from runstore import (
    AssistantObjectToolsInner,
    AssistantsApiResponseFormatOption,
    AssistantsApiToolChoiceOption,
    FunctionObject,
    RunCompletionUsage,
    RunObject,
    RunObjectLastError,
    RunObjectRequiredAction,
    RunRejected,
    RunRepository,
    RunToolCallObject,
    SharedRowChanged,
    TruncationObject,
)
from tests.helpers.runs import SCHEMA, waiting_run
from tests.helpers.statements import counted


@pytest.fixture
def session(engine: Engine) -> Any:
    with Session(engine) as made:
        yield made


def test_a_run_of_the_repository_reads_through_the_orm(runs: RunRepository, session: Session) -> None:
    runs.save(waiting_run())
    run = session.scalars(select(RunObject).where(RunObject.status == "requires_action")).one()
    assert run.usage is not None
    assert run.usage.total_tokens == 3
    assert [tool.type for tool in run.tools] == ["function", "code_interpreter", "code_interpreter"]
    assert run.tools[0].function is not None
    assert run.tools[0].function.parameters == SCHEMA
    assert list(run.file_ids) == ["file_2", "file_1", "file_2"]
    assert run.truncation_strategy is not None
    assert run.truncation_strategy.last_messages == 5
    assert run.instructions == "Be brief."
    assert run.required_action is not None
    assert [call.function.arguments for call in run.required_action.tool_calls] == ["{}", "{ }"]
    assert run.tool_choice is not None
    assert run.tool_choice.value == "auto"
    assert run.metadata_ == {"k": "v"}


def test_the_number_of_statements_does_not_grow_with_the_number_of_runs(runs: RunRepository, engine: Engine) -> None:
    runs.save_many([waiting_run(f"run_{n}", instructions=f"Prompt {n}") for n in range(40)])
    counts = []
    for limit in (2, 40):
        with counted(engine) as statements, Session(engine) as session:
            for run in session.scalars(select(RunObject).order_by(RunObject.id).limit(limit)):
                assert run.usage
                assert run.tools[0].function
                assert run.file_ids
                assert run.required_action
                assert run.required_action.tool_calls
                assert run.instructions
                assert run.truncation_strategy
        counts.append(len([statement for statement in statements if statement.startswith("SELECT")]))
    assert counts[0] == counts[1]


def test_a_run_built_through_the_orm_loads_as_canonical_json(runs: RunRepository, session: Session) -> None:
    run = RunObject(id="run_1", object="thread.run", created_at=5, thread_id="t", assistant_id="a", status="queued")
    run.instructions = "Be brief."
    run.tools.append(
        AssistantObjectToolsInner(type="function", function=FunctionObject(name="weather", parameters=SCHEMA))
    )
    run.truncation_strategy = TruncationObject(type="auto")
    run.tool_choice = AssistantsApiToolChoiceOption(document='"auto"')
    run.response_format = AssistantsApiResponseFormatOption(type="text")
    run.usage = RunCompletionUsage(completion_tokens=1, prompt_tokens=2, total_tokens=3)
    run.metadata_ = {"b": "1", "a": "2"}
    session.add(run)
    session.commit()
    loaded = runs.load("run_1")
    assert list(loaded.items()) == [
        ("id", "run_1"),
        ("object", "thread.run"),
        ("created_at", 5),
        ("thread_id", "t"),
        ("assistant_id", "a"),
        ("status", "queued"),
        ("required_action", None),
        ("last_error", None),
        ("expires_at", None),
        ("started_at", None),
        ("cancelled_at", None),
        ("failed_at", None),
        ("completed_at", None),
        ("incomplete_details", None),
        ("model", None),
        ("instructions", "Be brief."),
        ("tools", [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]),
        ("metadata", {"b": "1", "a": "2"}),
        ("usage", {"completion_tokens": 1, "prompt_tokens": 2, "total_tokens": 3}),
        ("max_prompt_tokens", None),
        ("max_completion_tokens", None),
        ("truncation_strategy", {"type": "auto", "last_messages": None}),
        ("tool_choice", "auto"),
        ("parallel_tool_calls", None),
        ("response_format", {"type": "text"}),
    ]
    assert runs.save(loaded) == "unchanged"


def test_an_orm_run_may_have_calls_files_and_a_temperature(runs: RunRepository, session: Session) -> None:
    run = RunObject(id="run_1", temperature=0.7, top_p=1)
    run.file_ids.extend(["file_b", "file_a", "file_b"])
    run.tools.extend([AssistantObjectToolsInner(type="retrieval"), AssistantObjectToolsInner(type="retrieval")])
    call = RunToolCallObject(id="call_1", type="function", function_name="weather", function_arguments="{}")
    run.required_action = RunObjectRequiredAction(type="submit_tool_outputs", tool_calls=[call])
    run.last_error = RunObjectLastError(code="server_error", message="no")
    session.add(run)
    session.commit()
    loaded = runs.load("run_1")
    assert loaded["tools"] == [{"type": "retrieval"}, {"type": "retrieval"}]
    assert loaded["file_ids"] == ["file_b", "file_a", "file_b"]
    assert (loaded["temperature"], loaded["top_p"]) == (0.7, 1)
    assert loaded["required_action"]["submit_tool_outputs"]["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    ]
    assert loaded["last_error"] == {"code": "server_error", "message": "no"}


def test_shared_values_are_one_row_whoever_writes_them(runs: RunRepository, session: Session) -> None:
    runs.save(waiting_run("run_0"))
    for n in (1, 2):
        run = RunObject(id=f"run_{n}", instructions="Be brief.")
        run.tools.append(
            AssistantObjectToolsInner(type="function", function=FunctionObject(name="weather", parameters=SCHEMA))
        )
        session.add(run)
    session.commit()
    tools = {run.id: run.tools[0].id for run in session.scalars(select(RunObject))}
    prompts = {run.instructions_id for run in session.scalars(select(RunObject))}
    assert len(tools) == 3
    assert len(set(tools.values())) == len(prompts) == 1


def test_a_changed_run_keeps_its_keys_and_its_former_snapshot(runs: RunRepository, session: Session) -> None:
    stored: dict[str, Any] = {"status": "queued", "id": "run_1", "tool_resources": {}, "tools": None, "usage": None}
    runs.save(stored)
    run = session.get_one(RunObject, "run_1")
    run.status = "completed"
    run.usage = RunCompletionUsage(completion_tokens=1, prompt_tokens=2, total_tokens=3)
    run.completed_at = 9
    session.commit()
    loaded = runs.load("run_1")
    assert list(loaded) == ["status", "id", "tool_resources", "tools", "usage", "completed_at"]
    assert loaded["usage"] == {"completion_tokens": 1, "prompt_tokens": 2, "total_tokens": 3}
    assert loaded["tools"] is None
    (change,) = runs.changes("run_1")
    assert change.members == {"status": "queued", "usage": None}
    assert change.absent == ["completed_at"]
    assert runs.save(loaded) == "unchanged"


def test_a_change_in_what_belongs_to_a_run_is_a_change_of_the_run(runs: RunRepository, session: Session) -> None:
    runs.save(waiting_run())
    run = session.get_one(RunObject, "run_1")
    assert run.usage
    run.usage.total_tokens = 4
    session.commit()
    assert runs.load("run_1")["usage"]["total_tokens"] == 4
    assert runs.changes("run_1")[0].members["usage"]["total_tokens"] == 3
    run.file_ids.remove("file_1")
    session.commit()
    assert runs.load("run_1")["file_ids"] == ["file_2", "file_2"]
    assert runs.save(runs.load("run_1")) == "unchanged"


def test_a_shared_row_cannot_be_changed(runs: RunRepository, session: Session) -> None:
    runs.save(waiting_run())
    run = session.get_one(RunObject, "run_1")
    run.tools[1].type = "retrieval"
    with pytest.raises(SharedRowChanged, match="assistant_object_tools_inner"):
        session.commit()


def test_the_orm_refuses_what_the_repository_refuses(session: Session) -> None:
    session.add(RunObject(id="run_1", status="a\x00b"))
    with pytest.raises(RunRejected, match=r"^\$\.status: has the character U\+0000"):
        session.commit()


def test_deleting_through_the_orm_leaves_nothing_of_the_run(runs: RunRepository, session: Session) -> None:
    runs.save(waiting_run())
    session.delete(session.get_one(RunObject, "run_1"))
    session.commit()
    assert runs.count() == 0
    assert runs.save(waiting_run()) == "inserted"
