"""From the wire to rows: a look at a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import add
from typing import Any, NamedTuple

from msgspec import Raw
from sqlalchemy import Table

from runstore import wire
from runstore.mapping.columns import (
    BELONGS,
    CALL,
    CALL_FUNCTION,
    CALLS,
    COLUMNS,
    FILES,
    NULL,
    PARTS,
    RANKS,
    REQUIRED_ACTION,
    SCALARS,
    SHAPE,
    SHARED,
    TOOL,
    TOOLS,
    Kind,
    Reader,
    extra_text,
    join_object,
    key_text,
    kind_of,
)
from runstore.mapping.shared import Remembered, SharedRow, digest_of, shared_row


@dataclass(slots=True)
class Look:
    """One look at a run, as rows."""

    id: str
    observed_at: int
    digest: bytes
    row: list[Any]
    """Values of run_object in the order of :data:`COLUMNS`; archived_at is set when it is written."""
    children: dict[Table, list[tuple[Any, ...]]]
    shared: tuple[SharedRow, ...]
    keys: tuple[str, ...]
    values: list[bytes]
    """Canonical texts of the members, in the order of the keys."""

    @property
    def texts(self) -> dict[str, bytes]:
        """Canonical text of each member, in order."""
        return dict(zip(self.keys, self.values, strict=True))

    @property
    def status(self) -> str | None:
        """The run's status in this look."""
        status: str | None = self.row[_STATUS]
        return status

    @property
    def identity(self) -> tuple[Any, ...]:
        """thread_id, assistant_id and created_at: where two looks both have one and differ, they are different runs."""
        return tuple(self.row[place] for place in _IDENTITY)

    @property
    def order(self) -> tuple[int, int, bytes]:
        """Of two looks at a run the one with the greater order is the newer."""
        return RANKS.get(self.row[_STATUS] or "", 0), self.observed_at, self.digest


_STATUS = COLUMNS["status"]
_IDENTITY = tuple(COLUMNS[name] for name in ("thread_id", "assistant_id", "created_at"))
_EXTRA, _SHAPE, _DIGEST, _OBSERVED_AT, _SOURCE = (
    COLUMNS[name] for name in ("extra", "shape", "digest", "observed_at", "source")
)
_NO_VALUES: tuple[None, ...] = (None,) * len(COLUMNS)


class _Member(NamedTuple):
    """What is known of a member before its value is."""

    key: str
    kind: Kind
    path: str
    place: int
    """In the row of run_object; 0 for what has no column there."""
    reader: Reader
    may_be_null: bool
    """Whether a NULL where it stands says null; if not, null has to be noted."""


def _member(key: str) -> _Member:
    kind, place = kind_of(key), 0
    reader: Reader = wire.text
    if kind is Kind.SCALAR:
        place, reader = SCALARS[key]
    elif kind is Kind.SHARED:
        place = COLUMNS[SHARED[key][0]]
    return _Member(key, kind, wire.join("$", key), place, reader, kind not in (Kind.TOOLS, Kind.FILE_IDS, Kind.EXTRA))


class _Plan(NamedTuple):
    """How a run with certain keys in a certain order is read."""

    members: tuple[_Member, ...]
    keys: tuple[bytes, ...]
    """The keys as they stand in an object's text."""


def _plan(keys: tuple[str, ...]) -> _Plan:
    return _Plan(tuple(map(_member, keys)), tuple(map(key_text, keys)))


# Runs of one server have their keys in a few orders.
_known_plan = lru_cache(maxsize=1024)(_plan)


@dataclass(slots=True)
class _Draft:
    """A look while it is being read."""

    id: str
    row: list[Any]
    children: dict[Table, list[tuple[Any, ...]]] = field(default_factory=dict)
    shared: list[SharedRow] = field(default_factory=list)
    extra: dict[str, bytes] = field(default_factory=dict)
    shape: dict[str, Any] = field(default_factory=dict)


class Mapper:
    """Makes looks of runs, remembering the nested values it has seen. Safe to share between threads."""

    def __init__(self, most_bytes: int = 48 * 2**20) -> None:
        self._values: dict[str, Remembered[tuple[SharedRow, bytes, bytes]]] = {
            member: Remembered(most_bytes // 4) for member in SHARED
        }
        self._tools: Remembered[tuple[tuple[SharedRow, ...], bytes, bytes]] = Remembered(most_bytes // 2)
        self._tool: Remembered[tuple[SharedRow, bytes]] = Remembered(most_bytes // 2)
        self._shapes: dict[Any, SharedRow] = {}

    def look(self, members: dict[str, Raw], observed_at: int, source: str | None = None) -> Look:
        """The look that a run's members make.

        *observed_at* is in Unix microseconds. Raises :class:`RunRejected` with the path of what cannot be kept or is
        of another type than documented.
        """
        keys = tuple(members)
        plan = _known_plan(keys) if len(keys) <= wire.MOST_KEYS else _plan(keys)
        draft = _Draft(wire.indexed(bytes(members["id"]), "$.id")[0], list(_NO_VALUES))
        row = draft.row
        values: list[bytes] = []
        digested: list[tuple[int, bytes]] = []
        for (key, kind, path, place, reader, may_be_null), inner in zip(plan.members, members.values(), strict=True):
            text = bytes(inner)
            if text == NULL:
                if not may_be_null:
                    if kind is Kind.EXTRA:
                        draft.extra[key] = text
                    else:
                        draft.shape.setdefault("null", []).append(key)
            elif kind is Kind.SCALAR:
                value, text = reader(text, path, 1)
                if type(value) is float and value.is_integer() and abs(value) <= 2**63:
                    draft.extra[key] = text  # a numeric column would give the integer, which is another number
                else:
                    row[place] = value
            elif kind is Kind.SHARED:
                shared, text, digest = self._shared(key, text)
                row[place] = shared.id
                draft.shared.append(shared)
                digested.append((len(values), digest))
            elif kind is Kind.TOOLS:
                tools, text, digest = self._tools.get(text) or self._read_tools(text)
                draft.shared += tools
                draft.children[TOOLS] = [(draft.id, position, tool.id) for position, tool in enumerate(tools)]
                digested.append((len(values), digest))
            elif kind is Kind.BELONGS:
                text = _read_part(draft, key, text)
            elif kind is Kind.REQUIRED_ACTION:
                text = _read_required_action(draft, text)
            elif kind is Kind.FILE_IDS:
                text = _read_file_ids(draft, text)
            else:
                draft.extra[key] = text = wire.canonical(text, path)
            values.append(text)
        shape = self._shape(keys, draft.shape)
        draft.shared.append(shape)
        hashed = values.copy()
        for position, digest in digested:
            hashed[position] = digest
        row[_EXTRA] = extra_text(draft.extra)
        row[_SHAPE] = shape.id
        row[_DIGEST] = digest_of(b"{" + b",".join(map(add, plan.keys, hashed)) + b"}")
        row[_OBSERVED_AT] = observed_at
        row[_SOURCE] = source
        return Look(draft.id, observed_at, row[_DIGEST], row, draft.children, tuple(draft.shared), keys, values)

    def _shared(self, member: str, raw: bytes) -> tuple[SharedRow, bytes, bytes]:
        remembered = self._values[member]
        if (known := remembered.get(raw)) is not None:
            return known
        path = f"$.{member}"
        if member == "instructions":
            text = wire.text(raw, path)[1]
        elif raw[:1] not in (b"{" if member == "truncation_strategy" else b'{"'):
            raise wire.expected("an object" if member == "truncation_strategy" else "a string or an object", raw, path)
        else:
            text = wire.canonical(raw, path)
        row = shared_row(SHARED[member][1], text, path)
        return remembered.keep(raw, (row, text, _digest_text(row)))

    def _read_tools(self, raw: bytes) -> tuple[tuple[SharedRow, ...], bytes, bytes]:
        tools = [
            self._tool.get(text := bytes(inner)) or self._read_tool(text, f"$.tools[{position}]")
            for position, inner in enumerate(_array(raw, "$.tools"))
        ]
        text = b"[" + b",".join([text for _, text in tools]) + b"]"
        digested = b"[" + b",".join([_digest_text(row) for row, _ in tools]) + b"]"
        return self._tools.keep(raw, (tuple(row for row, _ in tools), text, digested))

    def _read_tool(self, raw: bytes, path: str) -> tuple[SharedRow, bytes]:
        text = wire.canonical(raw, path, 2)
        return self._tool.keep(raw, (shared_row(TOOL, text, path), text))

    def _shape(self, keys: tuple[str, ...], parts: dict[str, Any]) -> SharedRow:
        # The parts are few and small; their text is the cheapest key they have.
        key = (keys, wire.encode(parts) if parts else b"")
        if (known := self._shapes.get(key)) is None:
            if len(self._shapes) >= 4096:
                self._shapes.clear()
            known = shared_row(SHAPE, wire.encode({"keys": keys, **parts}), "$")
            if len(keys) <= wire.MOST_KEYS:
                self._shapes[key] = known
        return known


def _digest_text(row: SharedRow) -> bytes:
    return b'"' + row.digest.hex().encode() + b'"'


def _array(raw: bytes, path: str) -> list[Raw]:
    """The elements of an array, its own text checked as far as its frame."""
    if raw[:1] != b"[":
        raise wire.expected("an array", raw, path)
    found = wire.elements(raw)
    if found is None:
        wire.canonical(raw, path)
        raise wire.expected("an array", raw, path)
    return found


def _read_part(draft: _Draft, member: str, raw: bytes) -> bytes:
    path = f"$.{member}"
    if raw[:1] != b"{":
        raise wire.expected("an object", raw, path)
    values, extra, texts = PARTS[member].read(raw, path, 1)
    table = BELONGS[member]
    draft.shape[member] = tuple(texts)
    draft.children[table] = [_child_row(table, {"run_object": draft.id, **values, "extra": extra_text(extra)})]
    return join_object(texts.items())


def _read_file_ids(draft: _Draft, raw: bytes) -> bytes:
    found = [
        wire.indexed(bytes(inner), f"$.file_ids[{position}]", 2)
        for position, inner in enumerate(_array(raw, "$.file_ids"))
    ]
    draft.children[FILES] = [(draft.id, position, file_id) for position, (file_id, _) in enumerate(found)]
    return b"[" + b",".join([text for _, text in found]) + b"]"


def _read_required_action(draft: _Draft, raw: bytes) -> bytes:
    """A documented submit_tool_outputs becomes rows of tool calls; of any other action all but its type is extra."""
    path = "$.required_action"
    if raw[:1] != b"{":
        raise wire.expected("an object", raw, path)
    found = wire.members(raw, path, 1)
    kind = None
    extra: dict[str, bytes] = {}
    texts = []
    for key, inner in found.items():
        place = wire.join(path, key)
        spelled = wire.canonical(inner, place, 2)
        texts.append((key, spelled))
        if key == "type" and spelled[:1] in b'"n':
            kind = wire.loads(spelled)
        elif key != "submit_tool_outputs" or not _read_tool_calls(draft, spelled, place):
            extra[key] = spelled
    draft.shape["required_action"] = tuple(found)
    draft.children[REQUIRED_ACTION] = [(draft.id, kind, extra_text(extra))]
    return join_object(texts)


def _read_tool_calls(draft: _Draft, outputs: bytes, path: str) -> bool:
    """Whether submit_tool_outputs is of the documented form; if so its calls become rows."""
    if outputs[:1] != b"{" or list(found := wire.members(outputs, path)) != ["tool_calls"]:
        return False
    if (calls := wire.elements(found["tool_calls"])) is None:
        return False
    rows = []
    shapes: list[list[Any]] = []
    for position, call in enumerate(calls):
        text = bytes(call)
        if text[:1] != b"{" or not _documented(wire.loads(text)):
            return False
        values, extra, texts = CALL.read(text, path, 3)
        function_keys = None
        if "function" in extra:
            inner, others, function_texts = CALL_FUNCTION.read(extra.pop("function"), path, 4)
            function_keys = tuple(function_texts)
            values |= inner
            if others:
                extra["function"] = join_object(others.items())
        values |= {"run_object": draft.id, "position": position, "extra": extra_text(extra)}
        rows.append(_child_row(CALLS, values))
        shapes.append([tuple(texts), function_keys])
    while len(shapes) > 1 and shapes[-1] == shapes[-2]:
        shapes.pop()  # the last shape stands for all further calls
    draft.shape["tool_calls"] = shapes
    draft.children[CALLS] = rows
    return True


def _documented(call: dict[str, Any]) -> bool:
    function = call.get("function", {})
    texts = [call.get("id"), call.get("type")]
    if not isinstance(function, dict):
        return False
    texts += [function.get("name"), function.get("arguments")]
    return all(text is None or isinstance(text, str) for text in texts)


_COLUMNS_OF = {table: tuple(table.columns.keys()) for table in (*BELONGS.values(), CALLS)}


def _child_row(table: Table, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(map(values.get, _COLUMNS_OF[table]))
