"""From rows to the wire: a run put together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any, NamedTuple

from msgspec import Raw
from sqlalchemy import Table

from runstore import wire
from runstore.errors import ArchiveDamaged
from runstore.mapping.columns import (
    BELONGS,
    CALLS,
    COLUMNS,
    FILES,
    IN_ROW,
    REQUIRED_ACTION,
    RUN,
    SHARED,
    TOOL,
    TOOLS,
    Kind,
    kind_of,
    members_of,
)

_IN_COLUMNS = frozenset((*IN_ROW, *SHARED))
"""Members that stand in a column of run_object, or whose key does."""

_MEMBERS = {REQUIRED_ACTION: "required_action"} | {table: member for member, table in BELONGS.items()}
"""The member that has a row of its own in a table."""


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

    def count(self, table: Table) -> int:
        """How many rows of a table of what belongs to the run are its own."""
        lists: dict[Table, Sized] = {TOOLS: self.tools, FILES: self.file_ids, CALLS: self.tool_calls}
        return len(lists[table]) if table in lists else int(self.parts[_MEMBERS[table]] is not None)


class Shape:
    """A parsed shape.

    A run becomes a dict of plain values, with texts that are kept as they are (shared values, metadata, extra) as raw
    JSON in it, and is encoded at one go.
    """

    def __init__(self, document: str) -> None:
        self._parts: dict[str, Any] = wire.loads(document)
        null = self._parts.get("null", ())
        self._keys = frozenset(self._parts["keys"])
        self._unread = [(key, _place(key)[0]) for key in _IN_COLUMNS if key not in self._keys]
        kinds = [(key, Kind.NULL if key in null else kind_of(key), *_place(key)) for key in self._parts["keys"]]
        self._nulls = dict.fromkeys(self._parts["keys"])
        self._scalars = [key for key, kind, *_ in kinds if kind is Kind.SCALAR]
        self._places = [place for _, kind, place, _ in kinds if kind is Kind.SCALAR]
        self._others = [found for found in kinds if found[1] not in (Kind.SCALAR, Kind.NULL)]

    def text(self, run: StoredRun, values: Mapping[tuple[Table, int], Raw]) -> bytes:
        """The run's canonical text, given the text (or the digest) that stands for each shared value."""
        row = run.row
        extra = members_of(row[_EXTRA])
        members: dict[str, Any] = self._nulls.copy()
        members.update(zip(self._scalars, map(row.__getitem__, self._places), strict=True))
        for key, text in extra.items():
            if key in members:
                members[key] = text
        for key, kind, place, table in self._others:
            if key in extra:
                continue
            if kind is Kind.OBJECT:
                members[key] = None if row[place] is None else Raw(row[place])
            elif kind is Kind.SHARED:
                members[key] = None if row[place] is None else values[table, row[place]]
            elif kind is Kind.TOOLS:
                members[key] = [values[TOOL, tool] for tool in run.tools]
            elif kind is Kind.FILE_IDS:
                members[key] = run.file_ids
            elif kind is Kind.EXTRA:
                raise ArchiveDamaged(id=row[0], reason=f"no column holds its member {key}")
            elif (columns := run.parts[key]) is None:
                continue
            elif kind is Kind.REQUIRED_ACTION:
                members[key] = self._required_action(columns, run.tool_calls)
            else:
                members[key] = _object(self._parts[key], columns, members_of(columns["extra"]))
        return wire.encode(members)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the run, in order."""
        return tuple(self._parts["keys"])

    def strays(self, run: StoredRun) -> Iterator[str]:
        """Columns and tables that hold something of the run where it has no member.

        Nothing reads it, so the run's digest does not cover it. Writing through the mapping leaves nothing of the kind.
        """
        row = run.row
        for key, place in self._unread:
            if row[place] is not None:
                yield f"run_object.{key}"
        for key in members_of(row[_EXTRA]):
            if key not in self._keys:
                yield "run_object.extra"
            elif key in _IN_COLUMNS and row[_place(key)[0]] is not None:
                yield f"run_object.{key}"
        for member, columns in run.parts.items():
            if columns is not None:
                yield from _strays(f"the row of {member}", columns, self._parts.get(member, ()))
        listed = self._keys.difference(self._parts.get("null", ()))
        shapes = self._parts.get("tool_calls", ())
        for said, rows, table in (
            ("tools" in listed, run.tools, TOOLS),
            ("file_ids" in listed, run.file_ids, FILES),
            (bool(shapes), run.tool_calls, CALLS),
        ):
            if rows and not said:
                yield table.name
        for position, call in enumerate(run.tool_calls if shapes else ()):
            keys, function_keys = shapes[min(position, len(shapes) - 1)]
            columns = dict(zip(("id", "type", "function_name", "function_arguments", "extra"), call, strict=True))
            named = (*keys, *(f"function_{key}" for key in function_keys or ()))
            yield from _strays(f"row {position} of {CALLS.name}", columns, named)

    def _required_action(self, columns: Mapping[str, Any], calls: list[list[Any]]) -> dict[str, Any]:
        extra = members_of(columns["extra"])
        members: dict[str, Any] = {}
        for key in self._parts["required_action"]:
            if key in extra:
                members[key] = extra[key]
            elif key == "type":
                members[key] = columns["type"]
            else:
                shapes = self._parts["tool_calls"]
                last = len(shapes) - 1
                members[key] = {"tool_calls": [_call(shapes[min(n, last)], call) for n, call in enumerate(calls)]}
        return members


_EXTRA = COLUMNS["extra"]


def _place(key: str) -> tuple[int, Table]:
    """Where a member stands in the row of run_object, and the table of what it refers to there."""
    if key in SHARED:
        column, table = SHARED[key]
        return COLUMNS[column], table
    return COLUMNS.get(key, 0), RUN


def _strays(what: str, columns: Mapping[str, Any], named: Iterable[str]) -> Iterator[str]:
    extra = members_of(columns["extra"])
    for name, value in columns.items():
        if value is not None and name not in ("run_object", "extra") and (name not in named or name in extra):
            yield f"{what}: {name}"
    if not extra.keys() <= set(named):
        yield f"{what}: extra"


def _call(shape: list[Any], call: list[Any]) -> dict[str, Any]:
    keys, function_keys = shape
    call_id, kind, name, arguments, extra_text = call
    extra: dict[str, Any] = members_of(extra_text)
    if function_keys is not None:
        others = wire.members(extra["function"], "extra") if "function" in extra else {}
        extra["function"] = _object(function_keys, {"name": name, "arguments": arguments}, others)
    return _object(keys, {"id": call_id, "type": kind}, extra)


def _object(keys: Iterable[str], values: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """An object again, the members that no column holds as raw JSON."""
    return {key: extra[key] if key in extra else values.get(key) for key in keys}


def differences(look: Mapping[str, Raw], newer: Mapping[str, Raw]) -> tuple[dict[str, Raw], list[str]]:
    """Members of a look that differ in the next newer one, and the keys only that one has."""
    members = {key: text for key, text in look.items() if newer.get(key) != text}
    return members, [key for key in newer if key not in look]
