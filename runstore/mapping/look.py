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
    IN_ROW,
    LINK_TABLES,
    NULL,
    PARTS,
    RANKS,
    REQUIRED_ACTION,
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


class _Member(NamedTuple):
    """What is known of a member before its value is."""

    key: str
    kind: Kind
    path: str
    place: int
    """In the row of run_object; 0 for what has no column there."""


class _Plan(NamedTuple):
    """How a run with certain keys in a certain order is read."""

    together: tuple[str, ...]
    """Members that are read together: those that stand in the row of run_object, last the file ids."""
    readers: tuple[wire.Reader, ...]
    places: tuple[int, ...]
    """In the row, of those that stand there."""
    numbers: tuple[str, ...]
    """Those that need not be integers: they come as 1 and as 1.0."""
    shared: tuple[_Member, ...]
    others: tuple[_Member, ...]


def _plan(keys: tuple[str, ...]) -> _Plan:
    in_row = [key for key in keys if key in IN_ROW]
    files = [key for key in keys if kind_of(key) is Kind.FILE_IDS]
    members = [_member(key) for key in keys if key not in in_row]
    return _Plan(
        together=(*in_row, *files),
        readers=(*(IN_ROW[key][1] for key in in_row), *(wire.strings for _ in files)),
        places=tuple(IN_ROW[key][0] for key in in_row),
        numbers=tuple(key for key in in_row if IN_ROW[key][1] is wire.number),
        shared=tuple(member for member in members if member.kind in (Kind.SHARED, Kind.TOOLS)),
        others=tuple(member for member in members if member.kind not in (Kind.SHARED, Kind.TOOLS)),
    )


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
            raw = members[key]
            if raw == NULL:
                if kind is Kind.TOOLS:
                    draft.shape["null"] = (key,)
                continue
            if kind is Kind.TOOLS:
                known = self._tools.of(raw, self._read_tools)
                draft.children[TOOLS] = known.ids
            else:
                known = self._values[key].of(raw, _read_shared, key, path)
                draft.row[place] = known.ids[0]
            draft.shared += known.rows
            draft.digests[key] = known.digest
            members[key] = known.text
        draft.digest = digest_of(wire.encode(members | draft.digests))
        return draft

    def look(self, draft: Draft, observed_at: int, source: str | None = None) -> Look:
        """The look that a draft makes, whose members become canonical. A draft makes one look.

        *observed_at* is in Unix microseconds. Raises :class:`RunRejected` like :meth:`draft`.
        """
        members, plan, row = draft.members, draft.plan, draft.row
        values = wire.at_once(plan.readers, [members[key] for key in plan.together])
        changed = values is None
        if values is None:
            values = each = read_each(plan.together, plan.readers, members, "$", 0)
            for position, key in enumerate(plan.together):
                if _is_large_float(each[position]):
                    draft.extra[key], each[position] = members[key], None
        for place, value in zip(plan.places, values, strict=False):  # file ids have no place
            row[place] = value
        for key, kind, path, _ in plan.others:
            if members[key] == NULL:
                if kind is Kind.EXTRA:
                    draft.extra[key] = NULL
                elif kind is Kind.FILE_IDS:
                    draft.shape["null"] = (*draft.shape.get("null", ()), key)
                continue
            if kind is Kind.FILE_IDS:
                draft.children[FILES] = values[-1]
                continue
            raw = bytes(members[key])
            if kind is Kind.BELONGS:
                text = _read_part(draft, key, raw, path)
            elif kind is Kind.REQUIRED_ACTION:
                text = _read_required_action(draft, raw, path)
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

    def _read_tools(self, raw: bytes) -> _Known:
        tools = [
            self._tool.of(inner, _read_tool, f"$.tools[{position}]")
            for position, inner in enumerate(wire.elements(raw, "$.tools"))
        ]
        text = b"[" + b",".join([tool.text for tool in tools]) + b"]"
        digest = wire.encode([tool.digest for tool in tools])
        rows = tuple(row for tool in tools for row in tool.rows)
        return _Known(rows, tuple(row.id for row in rows), Raw(text), Raw(digest))

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
    text: Raw
    """Canonical."""
    digest: Raw
    """What stands for it in the text that is digested."""

    @classmethod
    def of(cls, row: SharedRow, text: bytes) -> Self:
        """One value."""
        return cls((row,), (row.id,), Raw(text), Raw(wire.encode(row.digest.hex())))


def _read_shared(raw: bytes, member: str, path: str) -> _Known:
    if member == "instructions":
        text = wire.text(raw, path)[1]
    elif raw[:1] not in (b"{" if member == "truncation_strategy" else b'{"'):
        raise wire.expected("an object" if member == "truncation_strategy" else "a string or an object", raw, path)
    else:
        text = wire.canonical(raw, path)
    return _Known.of(shared_row(SHARED[member][1], text, path), text)


def _read_tool(raw: bytes, path: str) -> _Known:
    text = wire.canonical(raw, path, 2)
    return _Known.of(shared_row(TOOL, text, path), text)


def _is_large_float(value: Any) -> bool:
    """Whether a numeric column would give the integer that the float equals, and that is spelled otherwise."""
    return type(value) is float and value.is_integer() and abs(value) <= 2**63


def _read_part(draft: Draft, member: str, raw: bytes, path: str) -> bytes:
    if raw[:1] != b"{":
        raise wire.expected("an object", raw, path)
    part = PARTS[member].read(raw, path, 1)
    draft.shape[member] = part.keys
    table = BELONGS[member]
    draft.children[table] = [_child_row(table, part.values | {"run_object": draft.id, "extra": extra_text(part.extra)})]
    return part.text


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
    if not (listed := bytes(found["tool_calls"])).startswith(b"["):
        return False
    rows = []
    shapes: list[tuple[Any, ...]] = []
    for position, call in enumerate(wire.elements(listed, path)):
        text = bytes(call)
        if text[:1] != b"{" or not _documented(wire.loads(text)):
            return False
        values, extra, keys, _ = CALL.read(text, path, 3)
        function_keys = None
        if "function" in extra:
            inner = CALL_FUNCTION.read(bytes(extra.pop("function")), path, 4)
            function_keys = inner.keys
            values |= {f"function_{key}": value for key, value in inner.values.items()}
            if inner.extra:
                extra["function"] = Raw(wire.encode(inner.extra))
        values |= {"run_object": draft.id, "position": position, "extra": extra_text(extra)}
        rows.append(_child_row(CALLS, values))
        shapes.append((keys, function_keys))
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
