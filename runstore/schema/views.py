"""The views over runs, for our own SELECTs: the same names, columns and meaning on both backends.

Migrations create the views. They are described in a separate MetaData, so that Alembic does not mistake them for
missing tables. A test compares these columns with those of the live views.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Dialect, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from runstore.schema.base import JSONText, Number


class Moment(TypeDecorator[datetime]):
    """A UTC time in whole seconds: timestamptz on PostgreSQL, ``YYYY-MM-DD HH:MM:SS`` on SQLite, aware in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
        return moment.astimezone(UTC)


metadata = MetaData()


def _view(name: str, comment: str, *columns: tuple[str, Any, str]) -> Table:
    described = [Column(column, kind, comment=meaning) for column, kind, meaning in columns]
    return Table(name, metadata, *described, comment=comment)


def _time(name: str) -> tuple[str, Any, str]:
    return (f"{name}_time", Moment, f"{name}_at as a time in UTC; NULL outside the years 1 to 9999.")


RUNS = _view(
    "runs",
    "One row per run, from its newest snapshot.",
    ("id", Text, "Identifier of the run."),
    ("object", Text, "Type of the object: thread.run."),
    ("created_at", BigInteger, "When the run was created (Unix seconds, as the next five)."),
    ("thread_id", Text, "The thread the run was executed on."),
    ("assistant_id", Text, "The assistant that executed the run."),
    ("status", Text, "queued, in_progress, requires_action, cancelling, or how the run ended."),
    ("expires_at", BigInteger, "When the run will expire."),
    ("started_at", BigInteger, "When the run was started."),
    ("cancelled_at", BigInteger, "When the run was cancelled."),
    ("failed_at", BigInteger, "When the run failed."),
    ("completed_at", BigInteger, "When the run was completed."),
    ("model", Text, "The model of the run."),
    ("instructions", Text, "The system message."),
    ("metadata", JSONText, "The user's own key-value pairs, JSON."),
    ("max_prompt_tokens", BigInteger, "The most prompt tokens that the run may use."),
    ("max_completion_tokens", BigInteger, "The most completion tokens that the run may use."),
    ("temperature", Number, "Sampling temperature."),
    ("top_p", Number, "Nucleus sampling mass."),
    ("parallel_tool_calls", Boolean, "Whether tools may run in parallel."),
    _time("created"),
    _time("started"),
    _time("expires"),
    _time("cancelled"),
    _time("failed"),
    _time("completed"),
    (
        "finished_at",
        BigInteger,
        "When the run ended, depending on its status: completed_at of a completed or incomplete run, failed_at of a "
        "failed one, cancelled_at of a cancelled one, expires_at of an expired one; else NULL.",
    ),
    _time("finished"),
    ("queue_seconds", BigInteger, "From created_at to started_at."),
    ("run_seconds", BigInteger, "From started_at to finished_at."),
    ("total_seconds", BigInteger, "From created_at to finished_at."),
    ("created_hour", Text, "The hour of created_at in UTC, such as 2024-05-31T12."),
    ("created_day", Text, "The day of created_at in UTC, such as 2024-05-31."),
    ("created_week", Text, "The ISO week of created_at in UTC, such as 2024-W22."),
    ("created_month", Text, "The month of created_at in UTC, such as 2024-05."),
    ("prompt_tokens", BigInteger, "Tokens of the prompts."),
    ("completion_tokens", BigInteger, "Tokens of the completions."),
    ("total_tokens", BigInteger, "All tokens."),
    ("cached_tokens", BigInteger, "Prompt tokens that came from a cache; NULL if the server does not report them."),
    ("cost", Number, "The cost of the tokens by model_price; NULL if no price is known or tokens are missing."),
    ("currency", Text, "The currency of the price; NULL if no price is known."),
    ("error_code", Text, "The code of last_error."),
    ("error_message", Text, "The message of last_error."),
    ("incomplete_reason", Text, "The reason in incomplete_details."),
    ("tool_choice", Text, "auto, none, required, or a tool, such as function:get_weather."),
    ("response_format", Text, "auto, text, json_object or json_schema:name."),
    ("truncation", Text, "auto or last_messages:10."),
    ("tool_count", BigInteger, "The number of tools that the run was given."),
    ("file_count", BigInteger, "The number of its file_ids."),
    ("pending_tool_calls", BigInteger, "The number of function calls that it waits for."),
    ("source", Text, "The source of this snapshot, as given at import."),
    ("observed_at", BigInteger, "When the run was last observed in this state (Unix microseconds)."),
    _time("observed"),
    ("archived_at", BigInteger, "When the run was first stored here (Unix microseconds)."),
    _time("archived"),
)

RUN_TOOLS = _view(
    "run_tools",
    "One row per tool of a run.",
    ("run_id", Text, "The run."),
    ("position", Integer, "Position in the run's tools, from 0."),
    ("type", Text, "code_interpreter, retrieval, file_search, function ..."),
    ("function_name", Text, "Name of the function."),
    ("description", Text, "What the function does."),
    ("strict", Boolean, "Whether the model must follow the schema exactly."),
    ("tool_id", BigInteger, "Key of the tool: the same tool has the same key in all runs."),
)

RUN_TOOL_CALLS = _view(
    "run_tool_calls",
    "One row per tool call: those that a run waits for, and those of its earlier snapshots.",
    ("run_id", Text, "The run."),
    ("position", Integer, "Position among the calls of the action, from 0."),
    ("call_id", Text, "Id of the call."),
    ("type", Text, "function; mcp and others."),
    ("function_name", Text, "The function that was called."),
    ("arguments", Text, "The arguments that the model wrote, supposed to be JSON."),
    ("observed_at", BigInteger, "When the run was last observed waiting for it (Unix microseconds)."),
    _time("observed"),
    ("pending", Boolean, "Whether the call is part of the newest snapshot; false for those of earlier snapshots."),
)

RUN_FILES = _view(
    "run_files",
    "One row per file of a v1 run.",
    ("run_id", Text, "The run."),
    ("position", Integer, "Position in the run's file_ids, from 0."),
    ("file_id", Text, "Id of the file."),
)

RUN_METADATA = _view(
    "run_metadata",
    "One row per pair of metadata.",
    ("run_id", Text, "The run."),
    ("key", Text, "The key."),
    ("value", Text, "The value: a string unchanged, any other value as its JSON text."),
)

RUN_CHANGES = _view(
    "run_changes",
    "One row per snapshot of a run, with its status and the previous one.",
    ("run_id", Text, "The run."),
    ("position", BigInteger, "Position among the snapshots, oldest first, from 0."),
    ("status", Text, "The status in this snapshot."),
    ("previous_status", Text, "The status in the previous snapshot; NULL in the first."),
    ("observed_at", BigInteger, "When the run was last observed in this state (Unix microseconds)."),
    _time("observed"),
    ("is_current", Boolean, "Whether this is the newest snapshot."),
    ("members", JSONText, "Members that differ in the next newer snapshot, with their values here; NULL if newest."),
)

RUN_FINDINGS = _view(
    "run_findings",
    "One row per deviation from the API specification.",
    ("run_id", Text, "The run."),
    ("rule", Text, "The violated rule: status, metadata, usage, missing ..."),
    ("path", Text, "The place in the run's JSON."),
    ("detail", Text, "What was found there."),
)

VIEWS = tuple(metadata.tables.values())
"""All views, in the order of the documentation."""
