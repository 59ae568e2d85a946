"""From the wire to rows: a look at a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count, repeat
from typing import Any, NamedTuple, Self

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
    LINK_TABLES,
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
    extra_text,
    kind_of,
    read_each,
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
    children: dict[Table, Sequence[Any]]
    """Of a link table the linked values in order, of another one the rows; :meth:`rows` gives the rows of either."""
    shared: list[SharedRow]
    members: dict[str, Raw]
    """Canonical text of each member, in order."""

    def rows(self, table: Table) -> Iterable[tuple[Any, ...]]:
        """The rows in a table of what belongs to the run."""
        found = self.children.get(table, ())
        # Made when they are written: most looks of an import done again are not, and a batch has thousands of links.
        return zip(repeat(self.id), count(), found) if table in LINK_TABLES else found  # count has no end

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
_NO_VALUES: list[None] = [None] * len(COLUMNS)
_NULL = Raw(NULL)


class _Member(NamedTuple):
    """What is known of a member before its value is."""

    key: str
    kind: Kind
    path: str
    place: int
    """In the row of run_object; 0 for what has no column there."""


class _Plan(NamedTuple):
    """How a run with certain keys in a certain order is read."""

    scalars: tuple[str, ...]
    """Members with a column and a simple type, which are read together."""
    readers: tuple[wire.Reader, ...]
    places: tuple[int, ...]
    """In the row of run_object."""
    numbers: tuple[str, ...]
    """Those of the scalars that need not be integers: they come as 1 and as 1.0."""
    shared: tuple[_Member, ...]
    others: tuple[_Member, ...]


def _plan(keys: tuple[str, ...]) -> _Plan:
    scalars = tuple(key for key in keys if kind_of(key) is Kind.SCALAR)
    places, readers = zip(*(SCALARS[key] for key in scalars), strict=True)
    numbers = tuple(key for key in scalars if SCALARS[key][1] is wire.number)
    members = [_member(key) for key in keys if key not in scalars]
    shared = tuple(member for member in members if member.kind in (Kind.SHARED, Kind.TOOLS))
    others = tuple(member for member in members if member.kind not in (Kind.SHARED, Kind.TOOLS))
    return _Plan(scalars, readers, places, numbers, shared, others)


def _member(key: str) -> _Member:
    kind = kind_of(key)
    column = SHARED[key][0] if kind is Kind.SHARED else key
    return _Member(key, kind, wire.join("$", key), COLUMNS.get(column, 0))


# Runs of one server have their keys in a few orders.
_known_plan = lru_cache(maxsize=1024)(_plan)


@dataclass(slots=True)
class Draft:
    """A run as far as it is mapped to tell whether just this look is stored."""

    id: str
    digest: bytes
    """That of the look, unless the look's members turn out not to be canonical."""
    members: dict[str, Raw]
    plan: _Plan
    row: list[Any]
    shared: list[SharedRow]
    digests: dict[str, Raw]
    """What stands for shared values in the text that is digested."""
    children: dict[Table, Sequence[Any]] = field(default_factory=dict)
    extra: dict[str, Raw] = field(default_factory=dict)
    shape: dict[str, Any] = field(default_factory=dict)
    """What the shape holds beside the keys."""


class Mapper:
    """Makes looks of runs, remembering the nested values it has seen. Safe to share between threads."""

    def __init__(self, most_bytes: int = 48 * 2**20) -> None:
        self._values: dict[str, Remembered[_Known]] = {member: Remembered(most_bytes // 4) for member in SHARED}
        self._tools: Remembered[_Known] = Remembered(most_bytes // 2)
        self._tool: Remembered[_Known] = Remembered(most_bytes // 2)
        self._shapes: dict[Any, SharedRow] = {}

    def draft(self, members: dict[str, Raw]) -> Draft:
        """What takes little: the run's id, what it shares with others, and its digest if its members are canonical.

        Raises :class:`RunRejected` with the path of what cannot be kept or is of another type than documented.
        """
        keys = tuple(members)
        plan = _known_plan(keys) if len(keys) <= wire.MOST_KEYS else _plan(keys)
        run_id = wire.indexed(bytes(members["id"]), "$.id")[0]
        draft = Draft(run_id, b"", members, plan, _NO_VALUES.copy(), [], {})
        for key in plan.numbers:
            raw = bytes(members[key])
            if (text := wire.canonical(raw, f"$.{key}")) != raw:
                members[key] = Raw(text)
        for key, kind, path, place in plan.shared:
            raw = bytes(members[key])
            if raw == NULL:
                if kind is Kind.TOOLS:
                    draft.shape["null"] = (key,)
                continue
            if kind is Kind.TOOLS:
                known = self._tools.find(raw) or self._read_tools(raw)
                draft.children[TOOLS] = known.ids
            else:
                known = self._values[key].find(raw) or self._read_shared(key, raw, path)
                draft.row[place] = known.ids[0]
            draft.shared += known.rows
            draft.digests[key] = known.digest
            if known.text != raw:
                members[key] = Raw(known.text)
        draft.digest = digest_of(wire.encode(members | draft.digests))
        return draft

    def look(self, draft: Draft, observed_at: int, source: str | None = None) -> Look:
        """The look that a draft makes, whose members become canonical. A draft makes one look.

        *observed_at* is in Unix microseconds. Raises :class:`RunRejected` like :meth:`draft`.
        """
        members, plan, row = draft.members, draft.plan, draft.row
        values: Sequence[Any] | None = wire.at_once(plan.readers, [members[key] for key in plan.scalars])
        changed = values is None
        if values is None:
            values = read_each(plan.scalars, plan.readers, members, "$", 0)
            for position, key in enumerate(plan.scalars):
                if _is_large_float(values[position]):
                    draft.extra[key], values[position] = members[key], None
        for place, value in zip(plan.places, values, strict=True):
            row[place] = value
        for key, kind, path, place in plan.others:
            raw = bytes(members[key])
            if raw == NULL:
                if kind is Kind.EXTRA:
                    draft.extra[key] = _NULL
                elif kind is Kind.FILE_IDS:
                    draft.shape["null"] = (*draft.shape.get("null", ()), key)
                continue
            if kind is Kind.BELONGS:
                text = _read_part(draft, key, raw, path)
            elif kind is Kind.OBJECT:
                row[place], text = _read_object(raw, path)
            elif kind is Kind.REQUIRED_ACTION:
                text = _read_required_action(draft, raw, path)
            elif kind is Kind.FILE_IDS:
                text = _read_file_ids(draft, raw, path)
            else:
                text = wire.canonical(raw, path)
                draft.extra[key] = Raw(text)
            if text != raw:
                members[key] = Raw(text)
                changed = True
        digest = digest_of(wire.encode(members | draft.digests)) if changed else draft.digest
        shape = self._shape(tuple(members), draft.shape)
        draft.shared.append(shape)
        row[_EXTRA] = extra_text(draft.extra)
        row[_SHAPE] = shape.id
        row[_DIGEST] = digest
        row[_OBSERVED_AT] = observed_at
        row[_SOURCE] = source
        return Look(draft.id, observed_at, digest, row, draft.children, draft.shared, members)

    def _read_shared(self, member: str, raw: bytes, path: str) -> _Known:
        if member == "instructions":
            text = wire.text(raw, path)[1]
        elif raw[:1] not in (b"{" if member == "truncation_strategy" else b'{"'):
            raise wire.expected("an object" if member == "truncation_strategy" else "a string or an object", raw, path)
        else:
            text = wire.canonical(raw, path)
        row = shared_row(SHARED[member][1], text, path)
        return self._values[member].keep(raw, _Known.of(row, text))

    def _read_tools(self, raw: bytes) -> _Known:
        tools = [
            self._tool.get(text := bytes(inner)) or self._read_tool(text, f"$.tools[{position}]")
            for position, inner in enumerate(_array(raw, "$.tools"))
        ]
        text = b"[" + b",".join([tool.text for tool in tools]) + b"]"
        digest = wire.encode([tool.digest for tool in tools])
        rows = tuple(row for tool in tools for row in tool.rows)
        return self._tools.keep(raw, _Known(rows, tuple(row.id for row in rows), text, Raw(digest)))

    def _read_tool(self, raw: bytes, path: str) -> _Known:
        text = wire.canonical(raw, path, 2)
        row = shared_row(TOOL, text, path)
        return self._tool.keep(raw, _Known.of(row, text))

    def _shape(self, keys: tuple[str, ...], parts: dict[str, Any]) -> SharedRow:
        key = (keys, *parts.items())
        if (known := self._shapes.get(key)) is None:
            if len(self._shapes) >= 4096:
                self._shapes.clear()
            known = shared_row(SHAPE, wire.encode({"keys": keys, **parts}), "$")
            if len(keys) <= wire.MOST_KEYS:
                self._shapes[key] = known
        return known


class _Known(NamedTuple):
    """What was made of the text of a value that runs share, or of their tools."""

    rows: tuple[SharedRow, ...]
    ids: tuple[int, ...]
    text: bytes
    """Canonical."""
    digest: Raw
    """What stands for it in the text that is digested."""

    @classmethod
    def of(cls, row: SharedRow, text: bytes) -> Self:
        """One value."""
        return cls((row,), (row.id,), text, Raw(wire.encode(row.digest.hex())))


def _is_large_float(value: Any) -> bool:
    """Whether a numeric column would give the integer that the float equals, and that is spelled otherwise."""
    return type(value) is float and value.is_integer() and abs(value) <= 2**63


def _array(raw: bytes, path: str) -> list[Raw]:
    """The elements of an array, its own text checked as far as its frame."""
    if raw[:1] != b"[":
        raise wire.expected("an array", raw, path)
    found = wire.elements(raw)
    if found is None:
        wire.canonical(raw, path)
        raise wire.expected("an array", raw, path)
    return found


def _read_object(raw: bytes, path: str) -> tuple[str, bytes]:
    if raw[:1] != b"{":
        raise wire.expected("an object", raw, path)
    text = wire.canonical(raw, path)
    return text.decode(), text


def _read_part(draft: Draft, member: str, raw: bytes, path: str) -> bytes:
    if raw[:1] != b"{":
        raise wire.expected("an object", raw, path)
    values, extra, members = PARTS[member].read(raw, path, 1)
    draft.shape[member] = tuple(members)
    values["run_object"] = draft.id
    values["extra"] = extra_text(extra)
    table = BELONGS[member]
    draft.children[table] = [_child_row(table, values)]
    return wire.encode(members)


def _read_file_ids(draft: Draft, raw: bytes, path: str) -> bytes:
    found = _array(raw, path)
    values = wire.at_once((wire.indexed,) * len(found), found) if len(found) <= wire.MOST_KEYS else None
    if values is not None and None not in values:
        draft.children[FILES] = values
        return wire.encode(found)
    each = [wire.indexed(bytes(inner), f"{path}[{position}]", 2) for position, inner in enumerate(found)]
    draft.children[FILES] = [value for value, _ in each]
    return b"[" + b",".join([text for _, text in each]) + b"]"


def _read_required_action(draft: Draft, raw: bytes, path: str) -> bytes:
    """A documented submit_tool_outputs becomes rows of tool calls; of any other action all but its type is extra."""
    if raw[:1] != b"{":
        raise wire.expected("an object", raw, path)
    members = wire.members(raw, path, 1)
    kind = None
    extra: dict[str, Raw] = {}
    for key, inner in members.items():
        place = wire.join(path, key)
        spelled = wire.canonical(inner, place, 2)
        members[key] = Raw(spelled)
        if key == "type" and spelled[:1] in b'"n':
            kind = wire.loads(spelled)
        elif key != "submit_tool_outputs" or not _read_tool_calls(draft, spelled, place):
            extra[key] = members[key]
    draft.shape["required_action"] = tuple(members)
    draft.children[REQUIRED_ACTION] = [(draft.id, kind, extra_text(extra))]
    return wire.encode(members)


def _read_tool_calls(draft: Draft, outputs: bytes, path: str) -> bool:
    """Whether submit_tool_outputs is of the documented form; if so its calls become rows."""
    if outputs[:1] != b"{" or list(found := wire.members(outputs, path)) != ["tool_calls"]:
        return False
    if (calls := wire.elements(found["tool_calls"])) is None:
        return False
    rows = []
    shapes: list[tuple[Any, ...]] = []
    for position, call in enumerate(calls):
        text = bytes(call)
        if text[:1] != b"{" or not _documented(wire.loads(text)):
            return False
        values, extra, members = CALL.read(text, path, 3)
        function_keys = None
        if "function" in extra:
            inner, others, function_members = CALL_FUNCTION.read(extra.pop("function"), path, 4)
            function_keys = tuple(function_members)
            values |= inner
            if others:
                extra["function"] = Raw(wire.encode(others))
        values |= {"run_object": draft.id, "position": position, "extra": extra_text(extra)}
        rows.append(_child_row(CALLS, values))
        shapes.append((tuple(members), function_keys))
    while len(shapes) > 1 and shapes[-1] == shapes[-2]:
        shapes.pop()  # the last shape stands for all further calls
    draft.shape["tool_calls"] = tuple(shapes)
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
