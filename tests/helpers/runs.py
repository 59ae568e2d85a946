"""Runs that tests save."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from runstore.repository import RunRepository


def a_run(run_id: str, **members: Any) -> dict[str, Any]:
    """A run of these members alone."""
    return {"id": run_id, "object": "thread.run", **members}


PROMPT = "You are a prompt that many runs share."


def full(run_id: str, **members: Any) -> dict[str, Any]:
    """A run with rows in most tables."""
    return {
        "id": run_id,
        "object": "thread.run",
        "status": "queued",
        "instructions": PROMPT,
        "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "code_interpreter"}],
        "file_ids": ["file_a"],
        "usage": {"total_tokens": 1},
        "required_action": {"submit_tool_outputs": {"tool_calls": [{"id": "call_a"}]}},
        **members,
    }


def stored(run_id: str, **members: Any) -> dict[str, Any]:
    """A run with rows in every table."""
    return full(
        run_id,
        created_at=1_700_000_000,
        thread_id="thread_1",
        metadata={"k": "v"},
        temperature=0.5,
        last_error={"code": "server_error", "message": "no"},
        incomplete_details={"reason": "max_prompt_tokens"},
        truncation_strategy={"type": "last_messages", "last_messages": 3},
        tool_choice={"type": "function", "function": {"name": "f"}},
        response_format={"type": "json_object"},
        file_ids=["file_a", "file_b", "file_c"],
        required_action={
            "type": "submit_tool_outputs",
            "submit_tool_outputs": {
                "tool_calls": [
                    {"id": f"c{n}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for n in range(3)
                ]
            },
        },
        reasoning_effort="low",
        **members,
    )


def ids(found: Iterable[dict[str, Any]]) -> list[str]:
    """Their ids, in the same order."""
    return [run["id"] for run in found]


def pages(runs: RunRepository, **wanted: Any) -> Iterator[list[str]]:
    """The ids of all runs that are found, page by page."""
    cursor = None
    while True:
        page = runs.find(cursor=cursor, **wanted)
        yield ids(page.runs)
        if (cursor := page.next) is None:
            return


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}},
    {"type": "code_interpreter"},
    {"type": "code_interpreter"},
]


def waiting_run(run_id: str = "run_1", **members: Any) -> dict[str, Any]:
    """A run that waits for the outputs of two calls, with a value in every member."""
    return {
        "id": run_id,
        "object": "thread.run",
        "created_at": 1_700_000_000,
        "thread_id": "thread_1",
        "assistant_id": "asst_1",
        "status": "requires_action",
        "required_action": {
            "type": "submit_tool_outputs",
            "submit_tool_outputs": {
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
                    {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": "{ }"}},
                ]
            },
        },
        "instructions": "Be brief.",
        "tools": TOOLS,
        "file_ids": ["file_2", "file_1", "file_2"],
        "metadata": {"k": "v"},
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "truncation_strategy": {"type": "last_messages", "last_messages": 5},
        "tool_choice": "auto",
        **members,
    }
