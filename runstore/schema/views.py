"""The views over runs, for SELECTs of our own: the same names, columns and meaning on both backends.

The migrations make them; this describes them, in a MetaData of its own, for a view is no table that a migration could
miss. A test compares the columns with those of the live views.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Dialect, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from runstore.schema.base import JSONText, Number


class Moment(TypeDecorator[datetime]):
    """A time in UTC, to the second: timestamptz on PostgreSQL, ``YYYY-MM-DD HH:MM:SS`` on SQLite; in Python aware."""

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
    "One row a run, as its newest snapshot has it.",
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
    ("max_prompt_tokens", BigInteger, "Most prompt tokens the run may use."),
    ("max_completion_tokens", BigInteger, "Most completion tokens the run may use."),
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
        "When the run ended, by its status: completed_at of a completed or incomplete run, failed_at of a failed one, "
        "cancelled_at of a cancelled one, expires_at of an expired one; else NULL.",
    ),
    _time("finished"),
    ("queue_seconds", BigInteger, "From created_at to started_at."),
    ("run_seconds", BigInteger, "From started_at to finished_at."),
    ("total_seconds", BigInteger, "From created_at to finished_at."),
    ("created_hour", Text, "created_at in UTC as 2024-05-31T12."),
    ("created_day", Text, "created_at in UTC as 2024-05-31."),
    ("created_week", Text, "The ISO week of created_at in UTC as 2024-W22."),
    ("created_month", Text, "created_at in UTC as 2024-05."),
    ("prompt_tokens", BigInteger, "Tokens of the prompts."),
    ("completion_tokens", BigInteger, "Tokens of the completions."),
    ("total_tokens", BigInteger, "Tokens in all."),
    ("cached_tokens", BigInteger, "Prompt tokens that came from a cache; NULL where the server does not say."),
    ("cost", Number, "What the tokens cost by model_price; NULL where no price is known or tokens are missing."),
    ("currency", Text, "Of the price; NULL where no price is known."),
    ("error_code", Text, "The code of last_error."),
    ("error_message", Text, "The message of last_error."),
    ("incomplete_reason", Text, "The reason in incomplete_details."),
    ("tool_choice", Text, "auto, none, required, or the tool as function:get_weather."),
    ("response_format", Text, "auto, text, json_object or json_schema:name."),
    ("truncation", Text, "auto or last_messages:10."),
    ("tool_count", BigInteger, "How many tools the run was given."),
    ("file_count", BigInteger, "How many file_ids it has."),
    ("pending_tool_calls", BigInteger, "How many calls of functions it waits for."),
    ("source", Text, "Where this snapshot came from, as the importer named it."),
    ("observed_at", BigInteger, "When the run was last seen so (Unix microseconds)."),
    _time("observed"),
    ("archived_at", BigInteger, "When the run was first stored here (Unix microseconds)."),
    _time("archived"),
)

RUN_TOOLS = _view(
    "run_tools",
    "One row a tool of a run.",
    ("run_id", Text, "The run."),
    ("position", Integer, "Place in the run's tools, from 0."),
    ("type", Text, "code_interpreter, retrieval, file_search, function ..."),
    ("function_name", Text, "Name of the function."),
    ("description", Text, "What the function does."),
    ("strict", Boolean, "Whether the model must follow the schema exactly."),
    ("tool_id", BigInteger, "The same tool has the same id in all runs."),
)

RUN_TOOL_CALLS = _view(
    "run_tool_calls",
    "One row a tool call: those a run waits for, and those of its earlier snapshots.",
    ("run_id", Text, "The run."),
    ("position", Integer, "Place among the calls of the action, from 0."),
    ("call_id", Text, "Id of the call."),
    ("type", Text, "function; mcp and others."),
    ("function_name", Text, "What was called."),
    ("arguments", Text, "What the model wrote, meant to be JSON."),
    ("observed_at", BigInteger, "When the run was last seen waiting for it (Unix microseconds)."),
    _time("observed"),
    ("pending", Boolean, "Whether it stands in the newest snapshot; false for those of earlier snapshots."),
)

RUN_FILES = _view(
    "run_files",
    "One row a file of a v1 run.",
    ("run_id", Text, "The run."),
    ("position", Integer, "Place in the run's file_ids, from 0."),
    ("file_id", Text, "Id of the file."),
)

RUN_METADATA = _view(
    "run_metadata",
    "One row a pair of metadata.",
    ("run_id", Text, "The run."),
    ("key", Text, "The key."),
    ("value", Text, "A string as it is, another value as its JSON text."),
)

RUN_CHANGES = _view(
    "run_changes",
    "One row a snapshot of a run, with the status in it and in the one before.",
    ("run_id", Text, "The run."),
    ("position", BigInteger, "Place among the snapshots, oldest first, from 0."),
    ("status", Text, "The status in this snapshot."),
    ("previous_status", Text, "The status in the snapshot before; NULL in the first."),
    ("observed_at", BigInteger, "When the run was last seen so (Unix microseconds)."),
    _time("observed"),
    ("is_current", Boolean, "Whether this is the newest snapshot."),
    ("members", JSONText, "Members whose value differs in the next newer snapshot, JSON; NULL for the newest."),
)

RUN_FINDINGS = _view(
    "run_findings",
    "One row a departure from the document.",
    ("run_id", Text, "The run."),
    ("rule", Text, "What is broken: status, metadata, usage, missing ..."),
    ("path", Text, "Where in the run's JSON."),
    ("detail", Text, "What was found there."),
)

VIEWS = tuple(metadata.tables.values())
"""All of them, in the order of the documentation."""
