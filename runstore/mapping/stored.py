"""Rebuild a run from its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Any, NamedTuple

from msgspec import Raw
from sqlalchemy import Column, Table

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
)
from runstore.mapping.values import extra_text, members_of, reading
from runstore.wire.spelling import pairs

_IN_COLUMNS = frozenset((*IN_ROW, *SHARED))
"""The members that a column of run_object holds, directly or by key."""

_MEMBERS = {REQUIRED_ACTION: "required_action"} | {table: member for member, table in BELONGS.items()}
"""The member that is stored in a row of each of these tables."""


class StoredRun(NamedTuple):
    """The content of one row of :func:`runstore.query.queries.runs`."""

    row: tuple[Any, ...]
    """The row of run_object in the order of :data:`COLUMNS`, with JSON columns as text."""
    parts: Mapping[str, Mapping[str, Any] | None]
    """The columns of last_error, incomplete_details, usage and required_action; None for each that has no row."""
    tools: list[int]
    file_ids: list[str]
    tool_calls: list[list[Any]]
    """The id, type, function_name, function_arguments and extra of each call."""

    def count(self, table: Table) -> int:
        """Return the number of rows of this run in a table."""
        lists: dict[Table, Sized] = {TOOLS: self.tools, FILES: self.file_ids, CALLS: self.tool_calls}
        return len(lists[table]) if table in lists else int(self.parts[_MEMBERS[table]] is not None)


class Shape:
    """A parsed key layout.

    A run becomes a dict of plain values, in which texts that are stored as such (shared values, metadata, extra) are
    raw JSON, and is encoded in one pass.
    """

    def __init__(self, document: str) -> None:
        parts: dict[str, Any] = wire.loads(document)
        null = frozenset(parts.get("null", ()))
        named = pairs(parts["keys"])
        self._names = dict(named)
        self._unread = [(name, _place(name)[0]) for name in _IN_COLUMNS - set(self._names.values())]
        kinds = [(key, name, Kind.NULL if name in null else kind_of(name), *_place(name)) for key, name in named]
        self._nulls = dict.fromkeys(self._names)
        scalars = [(key, place) for key, _, kind, place, _ in kinds if kind is Kind.SCALAR]
        self._scalars = [key for key, _ in scalars]
        self._places = [place for _, place in scalars]
        self._others = [found for found in kinds if found[2] not in (Kind.SCALAR, Kind.NULL)]
        self._listed = set(self._names.values()) - null
        self._parts = {member: pairs(parts[member]) for member in (*BELONGS, "required_action") if member in parts}
        self._outputs = pairs(parts.get("submit_tool_outputs", ("tool_calls",)))[0][0]
        self._calls = [
            (pairs(keys), None if function_keys is None else pairs(function_keys))
            for keys, function_keys in parts.get("tool_calls", ())
        ]
        self.respells_shared = any(key != name and kind in (Kind.SHARED, Kind.TOOLS) for key, name, kind, *_ in kinds)
        """Whether the key of a shared value is not in the documented spelling."""

    def text(
        self,
        run: StoredRun,
        values: Mapping[tuple[Table, int], Raw],
        respelled: Mapping[tuple[Table, int], Raw] | None = None,
    ) -> bytes:
        """Return the run's canonical text, given the text (or the digest) to insert for each shared value.

        *respelled* holds the texts to insert if the key is not in the documented spelling; by default the same texts.
        """
        row = run.row
        extra = members_of(row[_EXTRA])
        members: dict[str, Any] = self._nulls.copy()
        members.update(zip(self._scalars, map(row.__getitem__, self._places), strict=True))
        for key, text in extra.items():
            if key in members:
                members[key] = text
        for key, name, kind, place, table in self._others:
            if key in extra:
                continue
            texts = values if respelled is None or key == name else respelled
            if kind is Kind.OBJECT:
                members[key] = None if row[place] is None else Raw(row[place])
            elif kind is Kind.SHARED:
                members[key] = None if row[place] is None else texts[table, row[place]]
            elif kind is Kind.TOOLS:
                members[key] = [texts[TOOL, tool] for tool in run.tools]
            elif kind is Kind.FILE_IDS:
                members[key] = run.file_ids
            elif kind is Kind.EXTRA:
                raise ArchiveDamaged(id=row[0], reason=f"no column contains its member {key}")
            elif (columns := run.parts[name]) is None:
                continue
            elif kind is Kind.REQUIRED_ACTION:
                members[key] = self._required_action(columns, run.tool_calls)
            else:
                members[key] = _object(self._parts[name], columns, members_of(columns["extra"]))
        return wire.encode(members)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the run, in order."""
        return tuple(self._names)

    def strays(self, run: StoredRun) -> Iterator[str]:
        """Yield columns and tables with content that no member of the run accounts for, or with a wrong reading.

        Nothing reads this content, so the run's digest does not cover it. The mapping never writes such content.
        """
        row = run.row
        for name, place in self._unread:
            if row[place] is not None:
                yield f"run_object.{name}"
        extra = members_of(row[_EXTRA])
        for key, text in extra.items():
            if key not in self._names:
                yield "run_object.extra"
            elif (name := self._names[key]) in _IN_COLUMNS:
                expected = reading(RUN.columns[name], text) if name in IN_ROW else None
                if row[_place(name)[0]] != expected:
                    yield f"run_object.{name}"
        for member, columns in run.parts.items():
            if columns is not None:
                table = REQUIRED_ACTION if member == "required_action" else BELONGS[member]
                held = {name: table.columns[name] for name in columns if name not in ("run_object", "extra")}
                yield from _strays(f"the row of {member}", columns, held, self._parts.get(member, ()))
        in_extra = {name for key, name in self._names.items() if key in extra}
        for listed, rows, table in (
            ("tools" in self._listed - in_extra, run.tools, TOOLS),
            ("file_ids" in self._listed - in_extra, run.file_ids, FILES),
            (bool(self._calls), run.tool_calls, CALLS),
        ):
            if rows and not listed:
                yield table.name
        for position, call in enumerate(run.tool_calls if self._calls else ()):
            keys, function_keys = self._calls[min(position, len(self._calls) - 1)]
            columns = dict(zip(_CALL_COLUMNS, call, strict=True))
            what = f"row {position} of {CALLS.name}"
            outer, inner = _apart(keys, columns["extra"])
            held = {"id": CALLS.c.id, "type": CALLS.c.type}
            yield from _strays(what, columns | {"extra": outer}, held, keys)
            function = {"name": columns["function_name"], "arguments": columns["function_arguments"], "extra": inner}
            held = {"name": CALLS.c.function_name, "arguments": CALLS.c.function_arguments}
            yield from _strays(what, function, held, function_keys or ())

    def _required_action(self, columns: Mapping[str, Any], calls: list[list[Any]]) -> dict[str, Any]:
        extra = members_of(columns["extra"])
        members: dict[str, Any] = {}
        for key, name in self._parts["required_action"]:
            if key in extra:
                members[key] = extra[key]
            elif name == "type":
                members[key] = columns["type"]
            else:
                last = len(self._calls) - 1
                members[key] = {self._outputs: [_call(self._calls[min(n, last)], call) for n, call in enumerate(calls)]}
        return members


_EXTRA = COLUMNS["extra"]


def _place(key: str) -> tuple[int, Table]:
    """Return the position of a member in the row of run_object, and the table to which the value there refers.

    A member without a column is not read from the row; the position of the id serves as a placeholder.
    """
    if key in SHARED:
        column, table = SHARED[key]
        return COLUMNS[column], table
    return COLUMNS.get(key, COLUMNS["id"]), RUN


_CALL_COLUMNS = ("id", "type", "function_name", "function_arguments", "extra")
Pairs = Sequence[tuple[str, str]]
"""The keys of an object in order, each with the name of its member."""


def _strays(what: str, values: Mapping[str, Any], columns: Mapping[str, Column[Any]], keys: Pairs) -> Iterator[str]:
    """Yield the columns of an object with unexpected content, and ``extra`` if it has other keys than the object."""
    extra = members_of(values["extra"])
    key_of = {name: key for key, name in keys}
    for name, column in columns.items():
        key = key_of.get(name)
        if key is None or key in extra:
            expected = None if key is None else reading(column, extra[key])
            if values[name] != expected:
                yield f"{what}: {name}"
    if not extra.keys() <= {key for key, _ in keys}:
        yield f"{what}: extra"


def _apart(keys: Pairs, extra: str | None) -> tuple[str | None, str | None]:
    """Split ``extra`` of a call into the members of the call itself and those of its function."""
    members = members_of(extra)
    function = next((key for key, name in keys if name == "function"), None)
    inner = members.pop(function, None) if function is not None else None
    return extra_text(members), str(bytes(inner), "utf-8") if inner is not None else None


def _call(shape: tuple[Pairs, Pairs | None], call: list[Any]) -> dict[str, Any]:
    keys, function_keys = shape
    call_id, kind, name, arguments, others_text = call
    extra: dict[str, Any] = members_of(others_text)
    if function_keys is not None:
        function = next(key for key, member in keys if member == "function")
        others = wire.members(extra[function], "extra") if function in extra else {}
        extra[function] = _object(function_keys, {"name": name, "arguments": arguments}, others)
    return _object(keys, {"id": call_id, "type": kind}, extra)


def _object(keys: Pairs, values: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Rebuild an object; members without a column are raw JSON."""
    return {key: extra[key] if key in extra else values.get(name) for key, name in keys}


def differences(snapshot: Mapping[str, Raw], newer: Mapping[str, Raw]) -> tuple[dict[str, Raw], list[str]]:
    """Return the members of a snapshot that differ in the next newer one, and the keys that only the newer one has."""
    members = {key: text for key, text in snapshot.items() if newer.get(key) != text}
    return members, [key for key in newer if key not in snapshot]
