"""Convert objects of a session to JSON values."""

from __future__ import annotations

from typing import Any

from runstore.errors import RunRejected
from runstore.mapping import BELONGS, CALLS, IN_ROW, MEMBER_TABLES, RUN, SHARED, table_of
from runstore.schema import (
    Base,
    FunctionObject,
    RunObject,
    RunObjectInstructions,
    RunObjectRequiredAction,
    RunToolCallObject,
    TruncationObject,
)

ORDER = (
    *("id", "object", "created_at", "thread_id", "assistant_id", "status", "required_action", "last_error"),
    *("expires_at", "started_at", "cancelled_at", "failed_at", "completed_at", "incomplete_details", "model"),
    *("instructions", "tools", "file_ids", "metadata", "usage", "temperature", "top_p", "max_prompt_tokens"),
    *("max_completion_tokens", "truncation_strategy", "tool_choice", "parallel_tool_calls", "response_format"),
)
"""The members of a run in the documented order of v2."""

MEMBERS = (*ORDER, *sorted({*IN_ROW, *SHARED, *MEMBER_TABLES}.difference(ORDER)))
"""All members with columns or tables; those that are not in the documented order come last, so that none is lost."""

OPTIONAL = ("temperature", "top_p", "file_ids")
"""The members that a run made through the ORM has only if they have a value."""

COLUMN_ATTRIBUTES = {column.name: RunObject.__mapper__.get_property_by_column(column).key for column in RUN.columns}
"""The attribute for each column of run_object."""

RELATIONS = {"instructions": "instructions_row", "tools": "tool_links", "file_ids": "file_links"}
"""The relationship to the rows of a member, if it is named differently."""

PART_COLUMNS = {
    name: tuple(column.name for column in table.columns if column.name not in ("run_object", "extra"))
    for name, table in BELONGS.items()
}
"""The documented members of each member that has one row of its own."""

CALL_COLUMNS = tuple(column.name for column in CALLS.columns if column.name not in ("run_object", "position"))
"""The columns of a tool call."""


def new_run(run: RunObject) -> dict[str, Any]:
    """Return the JSON of a run that is not stored: the documented members in their order, then the others."""
    extra = run.extra or {}
    values = {name: value for name in MEMBERS if (value := member_value(run, name)) is not None}
    keys = [name for name in MEMBERS if name not in OPTIONAL or name in values]
    keys += [key for key in extra if key not in keys]
    empty: dict[str, Any] = {"tools": []}
    return {key: extra[key] if key in extra else values.get(key, empty.get(key)) for key in keys}


def member_value(run: RunObject, name: str) -> Any:
    """Return the value of a member of a run, or None if it has none."""
    if name in IN_ROW:
        return getattr(run, COLUMN_ATTRIBUTES[name])
    if name == "tools":
        return [shared_value(tool) for tool in run.tools] or None
    if name == "file_ids":
        return list(run.file_ids) or None
    value = getattr(run, name)
    if value is None or name == "instructions":
        return value
    if name == "required_action":
        return action_value(value)
    return shared_value(value) if name in SHARED else part_value(name, value)


def part_value(name: str, part: Base) -> dict[str, Any]:
    """Return last_error, incomplete_details or usage: the documented members, then the others."""
    values = {column: getattr(part, column) for column in PART_COLUMNS[name]}
    if name == "incomplete_details" and values["reason"] is None:
        values = {}
    extra: dict[str, Any] = getattr(part, "extra", None) or {}
    return values | extra


def action_value(action: RunObjectRequiredAction) -> dict[str, Any]:
    """Return required_action."""
    members: dict[str, Any] = {"type": action.type}
    if action.tool_calls or action.type == "submit_tool_outputs":
        members["submit_tool_outputs"] = {"tool_calls": [call_value(call) for call in action.tool_calls]}
    return members | (action.extra or {})


def call_value(call: RunToolCallObject) -> dict[str, Any]:
    """Return one tool call."""
    extra = dict(call.extra or {})
    function = {"name": call.function_name, "arguments": call.function_arguments} | extra.pop("function", {})
    return {"id": call.id, "type": call.type, "function": function} | extra


def shared_value(shared: Any) -> Any:
    """Return the value of a shared object: from its document or, if it is new, from its columns."""
    if isinstance(shared, RunObjectInstructions):
        return shared.value
    if shared.document is not None:
        try:
            return shared.value
        except (ValueError, TypeError):
            reason = f"the document of a {type(shared).__name__} is not the JSON text of its value"
            raise RunRejected(path="$", reason=reason) from None
    names = [c.name for c in table_of(type(shared)).columns if c.name not in ("id", "digest", "document")]
    values = {name: getattr(shared, name) for name in names}
    if isinstance(values.get("function"), FunctionObject):
        values["function"] = shared_value(values["function"])
    required = ("type", "name", "last_messages") if isinstance(shared, TruncationObject) else ("type", "name")
    return {name: value for name, value in values.items() if value is not None or name in required}
