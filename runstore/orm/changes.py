"""The changes of a session to a stored run. Only the changed parts of its JSON are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Raw
from sqlalchemy import Connection, inspect, select

from runstore import wire
from runstore.mapping import (
    ACTION_NAMES,
    BELONGS,
    CALL,
    CALL_FUNCTION,
    IN_ROW,
    MEMBER_TABLES,
    OUTPUTS_NAMES,
    PARTS,
    SHARED,
    table_of,
)
from runstore.orm.values import (
    CALL_COLUMNS,
    COLUMN_ATTRIBUTES,
    MEMBERS,
    PART_COLUMNS,
    RELATIONS,
    call_value,
    member_value,
)
from runstore.schema import Base, RunObject, RunObjectRequiredAction, RunToolCallObject
from runstore.wire.spelling import Names, pairs


def is_changed(item: object, attribute: str) -> bool:
    """Return whether the session will store another value of an attribute."""
    return bool(inspect(item).attrs[attribute].history.has_changes())


def is_reordered(item: object, rows: str) -> bool:
    """Return whether the session has reordered stored rows of a list, which their history does not show."""
    places = [row.position for row in inspect(item).dict.get(rows, ()) if inspect(row).persistent]
    return places != sorted(places)


class Changes:
    """The changed members of a stored run, with their new values.

    *parts* are the changed rows of the run in other tables, *stored* the texts of its stored members.
    """

    def __init__(
        self, connection: Connection, run: RunObject, parts: Sequence[Base], stored: Mapping[str, Raw]
    ) -> None:
        self._connection = connection
        self._run = run
        self._parts = parts
        self._stored = stored
        self.names = {key: name for key, name in pairs(run.shape.value["keys"]) if key != name}
        """The keys in another spelling, with their documented names; earlier code recorded no such names."""
        self._keys = {name: key for key, name in self.names.items()}
        self.values: dict[str, Any] = {}
        self.members_changed: set[str] = set()
        """The documented names of the changed members."""
        self._gone: set[str] = set()
        if is_changed(run, "extra"):
            before, now = self._extra(run)
            self._gone = before.keys() - now.keys()
            self.values |= {key: value for key, value in now.items() if _differ(before, now, key)}
        for name in MEMBERS:
            if self._is_changed(name):
                self.members_changed.add(name)
                key = self._keys.get(name, name)
                self.values[key] = self._value(name, key)

    def members(self) -> dict[str, Raw]:
        """Return the new texts of all members; those that were not changed keep their text and position."""
        values = {name: value for name, value in self.values.items() if value is not None or name in self._stored}
        found = {key: text for key, text in self._stored.items() if key not in self._gone}
        return found | wire.members(wire.from_python(values), "$")

    def _is_changed(self, name: str) -> bool:
        attribute = COLUMN_ATTRIBUTES[name] if name in IN_ROW else RELATIONS.get(name, name)
        tables = MEMBER_TABLES.get(name, ())
        if name in ("tools", "file_ids") and is_reordered(self._run, attribute):
            return True
        return is_changed(self._run, attribute) or any(table_of(type(part)) in tables for part in self._parts)

    def _value(self, name: str, key: str) -> Any:
        if name in ("tools", "file_ids"):
            return member_value(self._run, name) or []
        if name in IN_ROW or name in SHARED or is_changed(self._run, name):
            return member_value(self._run, name)
        stored = wire.loads(bytes(self._stored[key]))
        if name in BELONGS:
            (part,) = (part for part in self._parts if table_of(type(part)) is BELONGS[name])
            return self._edited(part, stored, PART_COLUMNS[name], PARTS[name].names)
        action = self._run.required_action
        assert action is not None
        return self._action(action, stored)

    def _edited(self, part: Base, value: dict[str, Any], columns: Iterable[str], names: Names) -> dict[str, Any]:
        if is_changed(part, "extra"):
            _apply(value, *self._extra(part))
        for column in columns:
            if is_changed(part, column):
                _set(value, names.key_of(column, value) or column, getattr(part, column))
        return value

    def _action(self, action: RunObjectRequiredAction, value: dict[str, Any]) -> dict[str, Any]:
        self._edited(action, value, ("type",), ACTION_NAMES)
        calls_changed = is_changed(action, "tool_calls") or is_reordered(action, "tool_calls")
        if calls_changed or any(isinstance(part, RunToolCallObject) for part in self._parts):
            place = ACTION_NAMES.key_of("submit_tool_outputs", value) or "submit_tool_outputs"
            outputs = value.get(place)
            listing = (
                OUTPUTS_NAMES.key_of("tool_calls", outputs) if isinstance(outputs, dict) else None
            ) or "tool_calls"
            stored = outputs.get(listing, []) if isinstance(outputs, dict) else []
            calls = [
                self._call(call, stored[call.position]) if inspect(call).persistent else call_value(call)
                for call in action.tool_calls
            ]
            value[place] = {listing: calls}
        return value

    def _call(self, call: RunToolCallObject, stored: dict[str, Any]) -> dict[str, Any]:
        value = dict(stored)
        place = CALL.names.key_of("function", value) or "function"
        function = dict(value.get(place) or {})
        if is_changed(call, "extra"):
            before, now = self._extra(call)
            _apply(function, before.pop(place, {}), now.pop(place, {}))
            _apply(value, before, now)
        for column in CALL_COLUMNS:
            if column != "extra" and is_changed(call, column):
                of_function = column.startswith("function_")
                holder, name = (function, column.removeprefix("function_")) if of_function else (value, column)
                names = CALL_FUNCTION.names if of_function else CALL.names
                _set(holder, names.key_of(name, holder) or name, getattr(call, column))
        if function or place in value:
            value[place] = function
        return value

    def _extra(self, item: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return column extra of a row as stored (since changes in place leave no trace), and its new value."""
        table = table_of(type(item))
        keys = zip(table.primary_key.columns, inspect(item).identity, strict=True)
        before = self._connection.scalar(select(table.c.extra).where(*(column == key for column, key in keys)))
        return before or {}, dict(item.extra or {})


def _apply(value: dict[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for key in before.keys() - now.keys():
        value.pop(key, None)
    value |= {key: inner for key, inner in now.items() if _differ(before, now, key)}


def _differ(before: Mapping[str, Any], now: Mapping[str, Any], key: str) -> bool:
    # Compare the representations: in Python 1 == 1.0 == True, and dicts are equal regardless of the order of keys.
    return key not in before or repr(before[key]) != repr(now[key])


def _set(value: dict[str, Any], key: str, inner: Any) -> None:
    """Set a key, but leave an absent one absent if it has no value."""
    if inner is not None or key in value:
        value[key] = inner
