"""From rows to the wire: a run put together again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Table

from runstore import wire
from runstore.errors import ArchiveDamaged
from runstore.mapping.columns import (
    CALL,
    CALL_FUNCTION,
    COLUMNS,
    NULL,
    PARTS,
    SCALARS,
    SHARED,
    TOOL,
    join_object,
    members_of,
)


class StoredRun(NamedTuple):
    """What one row of :func:`runstore.queries.runs` holds."""

    row: tuple[Any, ...]
    """run_object, in the order of :data:`COLUMNS`, JSON columns as text."""
    parts: Mapping[str, Mapping[str, Any] | None]
    """Columns of last_error, incomplete_details, usage and required_action, None where there is no row."""
    tools: list[int]
    file_ids: list[str]
    tool_calls: list[list[Any]]
    """id, type, function_name, function_arguments, extra of each call."""


class Shape:
    """A parsed shape."""

    def __init__(self, document: str) -> None:
        parts = wire.loads(document.encode())
        self.keys: list[str] = parts["keys"]
        self.null: list[str] = parts.get("null", [])
        self.parts: dict[str, Any] = parts

    def text(self, run: StoredRun, values: Mapping[tuple[Table, int], bytes]) -> bytes:
        """The run's canonical text, given the text (or the digest) that stands for each shared value."""
        row = run.row
        extra = members_of(row[_EXTRA])
        members = []
        for key in self.keys:
            if key in extra:
                text = extra[key]
            elif (scalar := SCALARS.get(key)) is not None:
                inner = row[scalar[0]]
                text = inner.encode() if key == "metadata" and inner is not None else wire.encode(inner)
            elif (shared := SHARED.get(key)) is not None:
                inner = row[COLUMNS[shared[0]]]
                text = NULL if inner is None else values[shared[1], inner]
            elif key in self.null:
                text = NULL
            elif key == "tools":
                text = b"[" + b",".join([values[TOOL, tool] for tool in run.tools]) + b"]"
            elif key == "file_ids":
                text = wire.encode(run.file_ids)
            elif key not in run.parts:
                raise ArchiveDamaged(id=row[0], reason=f"no column holds its member {key}")
            elif (columns := run.parts[key]) is None:
                text = NULL
            elif key == "required_action":
                text = self._required_action(columns, run.tool_calls)
            else:
                text = PARTS[key].text(self.parts[key], columns, columns["extra"])
            members.append((key, text))
        return join_object(members)

    def _required_action(self, columns: Mapping[str, Any], calls: list[list[Any]]) -> bytes:
        extra = members_of(columns["extra"])
        members = []
        for key in self.parts["required_action"]:
            if key in extra:
                members.append((key, extra[key]))
            elif key == "type":
                members.append((key, wire.encode(columns["type"])))
            else:
                shapes = self.parts["tool_calls"]
                texts = [_call_text(shapes[min(place, len(shapes) - 1)], call) for place, call in enumerate(calls)]
                members.append((key, b'{"tool_calls":[' + b",".join(texts) + b"]}"))
        return join_object(members)


_EXTRA = COLUMNS["extra"]


def _call_text(shape: list[Any], call: list[Any]) -> bytes:
    keys, function_keys = shape
    call_id, kind, name, arguments, extra_text = call
    extra = members_of(extra_text)
    if function_keys is not None:
        others = extra.get("function")
        values = {"function_name": name, "function_arguments": arguments}
        extra["function"] = CALL_FUNCTION.text(function_keys, values, others.decode() if others else None)
    return CALL.text(keys, {"id": call_id, "type": kind}, join_object(extra.items()).decode())


def differences(look: Mapping[str, bytes], newer: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """Members of a look that differ in the next newer one, and the keys only that one has."""
    members = {key: text for key, text in look.items() if newer.get(key) != text}
    return members, [key for key in newer if key not in look]
