"""What is taken for a run, and what is not: objects of other APIs, and runs that are only quoted."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from runstore.sources import Record, read_stream

RUN = {"id": "run_a", "object": "thread.run"}
QUOTED = json.dumps(RUN)


def read(value: Any, limit: int = 64 << 20) -> list[Record]:
    content = io.BytesIO(json.dumps(value).encode())
    return list(read_stream(content, "f", observed_at=0, max_record_bytes=limit))


def runs_in(value: Any, limit: int = 64 << 20) -> list[Any]:
    records = read(value, limit)
    return [json.loads(each.raw) for each in records if each.kind is None and not each.error and each.raw[:1] == b"{"]


RUNS: list[dict[str, Any]] = [
    {"object": "assistant.run"},
    {"object": "thread.run", "role": "user", "content": "x"},
    {"id": "r", "threadId": "t", "assistantId": "a"},
    {"id": "r", "object": None, "thread_id": "t", "model": "m"},
    {"id": "r", "object": "", "thread_id": "t", "status": "queued", "tool_resources": {}},
    {"Id": "run_1", "AssistantId": "a", "Status": "failed", "Extra": 1},
    {"id": "r", "thread_id": "t", "requiredAction": None, "extra": 1},
    {"id": "r", "assistant_id": "a", "status": "failed", "last_error": {"code": "c"}, "attempts": 2},
    {"id": "r", "thread_id": "t", "assistant_id": "a", "status": "completed", "extra": 1},
    {"id": "run_1", "thread_id": "t", "status": "completed", "user": "u"},
    {"id": "run_1", "status": "queued", "metadata": {}},
    {"id": "run_1", "status": "failed", "last_error": {"code": "c"}, "attempts": 2},
]


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_a_run_is_marked_or_belongs_to_runs_and_shows_two_signs(run: dict[str, Any]) -> None:
    assert runs_in(run) == [run]
    assert runs_in({"exported": run, "filler": "x" * 300}, limit=299) == [run]


UNMARKED: dict[str, dict[str, Any]] = {
    "id alone": {"id": "r"},
    "reference": {"id": "run_1", "thread_id": "t", "label": "first"},
    "number": {"id": 1, "thread_id": "t", "assistant_id": "a", "status": "queued"},
    "task": {"id": "t-1", "status": "completed", "created_at": 1, "completed_at": 2, "metadata": {}},
    "job with an error": {"id": "j-1", "status": "failed", "last_error": {"code": "c"}, "attempts": 2},
    "job with a text as error": {"id": "run_1", "status": "failed", "last_error": "timeout", "attempts": 2},
    "log record": {"id": "log1", "thread_id": "main", "msg": "hello", "severity": "INFO"},
    "log record of a job": {"id": "42", "thread_id": "worker-3", "status": "completed", "duration_ms": 7},
    "assistant": {"id": "a", "object": None, "instructions": "", "tools": [], "metadata": {}},
    "assistant of an application": {
        "id": "1",
        "assistant_id": "asst_1",
        "name": "Bot",
        "instructions": "",
        "tools": [],
    },
    "conversation of an application": {"id": "c1", "thread_id": "thread_1", "assistant_id": "asst_1", "title": "Hello"},
    "mail": {"id": "18f1", "threadId": "18f1", "snippet": "", "labelIds": ["INBOX"]},
    "message": {"id": "m", "thread_id": "t", "assistant_id": "a", "run_id": "run_1", "role": "user", "content": []},
    "step": {"id": "s", "thread_id": "t", "assistant_id": "a", "run_id": "r", "status": "completed", "usage": None},
    "chat completion": {"id": "c", "choices": [{"message": {"role": "assistant", "content": "x"}}], "usage": {}},
    "chat request": {"id": "c", "model": "m", "messages": [], "tools": [], "parallel_tool_calls": True},
    "response": {"id": "resp_1", "status": "completed", "instructions": None, "tools": [], "usage": {}, "metadata": {}}
    | {"parallel_tool_calls": True, "incomplete_details": None, "output": [], "previous_response_id": None},
    "response in part": {"id": "resp_1", "status": "incomplete", "incomplete_details": {"reason": "x"}, "model": "m"},
    "batch": {"id": "batch_1", "endpoint": "/v1/x", "status": "completed", "metadata": {}, "request_counts": {}},
    "batch in part": {"id": "batch_1", "status": "completed", "created_at": 1, "metadata": {}},
    "vector store": {"id": "vs_1", "status": "completed", "usage_bytes": 1, "file_counts": {}, "last_active_at": 1},
    "file of a vector store": {"id": "file_1", "status": "failed", "last_error": {"code": "x"}, "usage_bytes": 0},
    "fine-tuning job": {"id": "ftjob-1", "model": "m", "status": "failed", "error": {}, "metadata": None},
    "run of an eval": {"id": "evalrun_1", "eval_id": "eval_1", "status": "queued", "model": "m", "metadata": {}},
    "deep-research job": {"id": "j", "status": "in_progress", "model": "o3", "usage": None},
    "run of GitHub Actions": {"id": 7, "name": "CI", "status": "completed", "conclusion": "success", "run_number": 1},
    "run of GitLab": {"id": "9", "status": "failed", "ref": "main", "started_at": "2025-01-01"},
    "run of LangSmith": {"id": "u", "trace_id": "t", "run_type": "llm", "status": "success", "inputs": {}},
    "run of LangSmith in a thread": {"id": "u", "thread_id": "t", "status": "completed", "name": "chain", "inputs": {}},
    "run of LangGraph": {"run_id": "r", "thread_id": "t", "assistant_id": "a", "status": "pending", "metadata": {}},
    "run of LangGraph in words": {
        "runId": "r",
        "threadId": "t",
        "assistantId": "a",
        "status": "queued",
        "metadata": {},
    },
    "cron job of LangGraph": {"cron_id": "c", "thread_id": "t", "assistant_id": "a", "schedule": "* * * * *"},
    "event of AG-UI": {"type": "RUN_STARTED", "threadId": "t", "runId": "r"},
    "run of MLflow": {"info": {"run_id": "r", "status": "FINISHED"}, "data": {"metrics": []}},
    "run of Airflow": {"dag_run_id": "manual__1", "dag_id": "d", "state": "queued", "conf": {}},
    "job of Azure ML": {"id": "/subscriptions/1/jobs/j", "name": "j", "properties": {"status": "Failed"}},
    "batch of Anthropic": {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended"},
    "workflow of Dapr": {"instanceID": "i", "workflowName": "w", "runtimeStatus": "COMPLETED"},
    "job of Kubernetes": {"kind": "Job", "metadata": {"name": "j", "uid": "u"}, "status": {"failed": 1}},
    "run of Databricks": {"job_id": 1, "run_id": 2, "state": {"life_cycle_state": "TERMINATED"}},
    "run of Dagster": {"id": "r", "runId": "r", "status": "STARTED", "tags": []},
    "run of Prefect": {"id": "u", "name": "n", "flow_id": "f", "state_type": "COMPLETED", "parameters": {}},
    "run of Terraform Cloud": {"id": "run-1", "type": "runs", "attributes": {"status": "applied"}},
    "run of Trigger.dev": {"id": "run_1", "status": "COMPLETED", "taskIdentifier": "t", "metadata": {}},
    "run of a queue": {"id": "run_1", "status": "completed", "queue": "q", "metadata": {}},
    "run of Letta": {"id": "run-1", "agent_id": "a", "status": "completed", "metadata": {}, "stop_reason": "end_turn"},
    "run of Apify": {"id": "u", "actId": "a", "status": "SUCCEEDED", "usage": {}, "options": {}},
    "prediction of Replicate": {"id": "p", "model": "m", "status": "failed", "error": "x", "metrics": {}},
    "chat of Coze": {"id": "7", "conversation_id": "c", "bot_id": "b", "status": "completed", "usage": {}}
    | {"last_error": {"code": 0, "msg": ""}, "created_at": 1},
    "call of Vapi": {"id": "u", "assistantId": "a", "status": "queued", "type": "webCall", "orgId": "o"},
    "item of ChatKit": {"id": "i", "thread_id": "t", "type": "task", "status": "completed", "created_at": "now"},
    "message of Nylas": {"id": "m", "thread_id": "t", "grant_id": "g", "object": "message", "subject": "s"},
    "ticket": {"id": "T-1", "thread_id": "t", "status": "failed", "subject": "s", "assistant_id": "a"},
    "span": {"trace_id": "t", "span_id": "s", "id": "s", "status": "completed", "thread_id": "t", "model": "m"},
    "charge": {"id": "ch_1", "object": None, "status": "failed", "metadata": {}, "last_error": None},
    "intent": {"id": "pi_1", "status": "requires_action", "metadata": {}, "next_action": {}},
    "checkout": {"id": "cs_1", "status": "expired", "metadata": {}, "expires_at": 1, "mode": "payment"},
    "export of a batch": {"id": "batch_req_1", "custom_id": "1", "response": {"status_code": 200, "body": {}}},
    "marked otherwise": {
        "id": "run_1",
        "object": "chat.run",
        "thread_id": "t",
        "assistant_id": "a",
        "status": "queued",
    },
    "eval run": {"id": "evalrun_1", "object": "eval.run", "status": "completed", "model": "m", "metadata": {}},
}


@pytest.mark.parametrize("value", UNMARKED.values(), ids=UNMARKED)
def test_an_object_of_another_api_is_not_a_run(value: dict[str, Any]) -> None:
    (record,) = read(value)
    assert record.kind is not None
    assert not runs_in({"items": [value, [value]], "x": {"y": value}})
    # The rule is the same for what is too large to be searched as a whole.
    assert not runs_in({"items": [value], "filler": "x" * 300}, limit=299)


def test_the_event_of_a_run_shows_what_it_carries() -> None:
    def read_event(name: str, value: Any) -> Record:
        (record,) = read({"event": name, "data": value})
        return record

    assert read_event("thread.run.created", {"id": "r", "status": "queued", "extra": 1}).kind is None
    assert read_event("thread.run.created", {"id": "r"}).kind is not None
    assert read_event("thread.run.step.created", {"id": "s", "thread_id": "t", "status": "queued"}).kind is not None


SAYS: dict[str, dict[str, Any]] = {
    "chat": {"role": "user", "content": QUOTED},
    "chat with an object": {"role": "assistant", "content": RUN},
    "parts": {"role": "user", "content": [{"type": "text", "text": QUOTED}]},
    "call of a tool": {"role": "assistant", "content": None}
    | {"tool_calls": [{"id": "c", "function": {"name": "save", "arguments": QUOTED}}]},
    "result of a tool": {"role": "tool", "tool_call_id": "c", "content": QUOTED},
    "result of a tool without a role": {"type": "function_call_output", "call_id": "c", "output": QUOTED},
    "output of a tool": {"tool_outputs": [{"tool_call_id": "c", "output": QUOTED}]},
    "block of Anthropic": {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": QUOTED}]},
    "Gemini": {"role": "model", "parts": [{"text": QUOTED}]},
    "LangChain": {"lc": 1, "type": "constructor", "kwargs": {"type": "human", "content": QUOTED}},
    "ChatGPT": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": [QUOTED]}},
    "Claude": {"uuid": "u", "sender": "human", "text": "", "content": [{"type": "text", "text": QUOTED}]},
    "Slack": {"type": "message", "user": "U1", "text": QUOTED, "ts": "1.0"},
    "Discord": {"id": "1", "type": "Default", "content": QUOTED, "author": {"id": "2", "name": "n"}},
    "completion": {"object": "chat.completion", "choices": [{"text": QUOTED}]},
    "chunk": {"object": "chat.completion.chunk", "choices": [{"delta": {"content": QUOTED}}]},
    "response": {"object": "response", "instructions": QUOTED, "output": []},
    "delta of a choice": {"choices": [{"delta": {"role": "assistant", "content": QUOTED}}]},
    "message of Mistral": {"object": "entry", "type": "message.output", "role": "assistant", "content": QUOTED},
}


@pytest.mark.parametrize("message", SAYS.values(), ids=SAYS)
def test_a_run_that_somebody_quotes_in_a_chat_is_not_archived(message: dict[str, Any]) -> None:
    chat = {"id": "chat_1", "mapping": {"a": {"message": message}}, "messages": [message, message]}
    for value in (message, [message], {"data": [message]}, chat, json.dumps(message)):
        assert not runs_in(value)
    assert not runs_in([{**message, "filler": "x" * 300}], limit=299)


def test_what_is_skipped_of_a_chat_is_one_record() -> None:
    message = {"role": "user", "content": QUOTED}
    assert [record.kind for record in read(message)] == ["object of a chat"]
    assert [record.kind for record in read({"messages": [message, message]})] == ["object without id"]


CARRIES: dict[str, Any] = {
    "log": {"level": "info", "trace_id": "t", "span_id": "s", "message": QUOTED},
    "log with a type": {"type": "log", "content": RUN},
    "recording of HTTP": {"response": {"status": 200, "content": {"mimeType": "application/json", "text": QUOTED}}},
    "frame of a socket": {"type": "message", "data": QUOTED},
    "result of MCP": {"content": [{"type": "text", "text": QUOTED}]},
    "call of RPC": {"call_id": "1", "run": RUN},
    "list": {"object": "list", "role": "admin", "content": [RUN]},
    "user with runs": {"role": "admin", "runs": [RUN]},
    "thread": {"object": "thread", "id": "t", "runs": [RUN]},
    "webhook": {"object": "event", "type": "thread.run.completed", "data": RUN},
}


@pytest.mark.parametrize("value", CARRIES.values(), ids=CARRIES)
def test_what_carries_runs_without_saying_them_is_searched(value: Any) -> None:
    for limit in (64 << 20, 200):
        assert runs_in(value, limit) == [RUN]
