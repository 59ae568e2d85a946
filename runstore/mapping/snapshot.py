"""Map a run from JSON to rows."""

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
    ACTION_NAMES,
    BELONGS,
    CALL,
    CALL_FUNCTION,
    CALLS,
    COLUMNS,
    FILES,
    IN_ROW,
    LINK_TABLES,
    OUTPUTS_NAMES,
    PARTS,
    REQUIRED_ACTION,
    RUN_NAMES,
    SHAPE,
    SHARED,
    TOOL,
    TOOLS,
    Kind,
    kind_of,
)
from runstore.mapping.newness import Order, order
from runstore.mapping.shared import Remembered, SharedRow, digest_of, shared_row
from runstore.mapping.values import NULL, STRINGS, Reader, extra_text, read_each
from runstore.wire.spelling import Entry, entries


@dataclass(slots=True)
class Snapshot:
    """One snapshot of a run, as rows."""

    id: str
    observed_at: int
    digest: bytes
    row: list[Any]
    """The values of run_object in the order of :data:`COLUMNS`; archived_at and number are set when it is written."""
    children: dict[Table, Sequence[Any]]
    """The linked values of each link table, in order, and the rows of other tables without the number of the run."""
    shared: list[SharedRow]
    """The shared rows to which it refers, except its key layout."""
    shape: SharedRow
    members: dict[str, Raw]
    """The canonical text of each member, in order."""
    unlike: frozenset[str]
    """Documented names of members with another spelling, or with a value of another type in a row of their own.

    An archive may hold the same text in different rows, because earlier code stored such members in ``extra``.
    """

    def rows(self, table: Table) -> Iterable[tuple[Any, ...]]:
        """Return the rows of this run in a table, once it has a number."""
        found, number = self.children.get(table, ()), self.row[_NUMBER]
        # Built on demand: a repeated import writes few of them, and a batch has thousands of links.
        if table in LINK_TABLES:
            return zip(repeat(number), count(), found)  # count is infinite
        return ((number, *row) for row in found)

    @property
    def status(self) -> str | None:
        """The status of the run in this snapshot."""
        status: str | None = self.row[_STATUS]
        return status

    @property
    def identity(self) -> tuple[Any, ...]:
        """thread_id, assistant_id and created_at. If a value differs and neither is null, the runs differ."""
        return tuple(self.row[place] for place in _IDENTITY)

    @property
    def order(self) -> Order:
        """The order of this snapshot. Of two snapshots of a run, the one with the greater order is the newer."""
        return order(self.status, self.observed_at, self.digest)


_STATUS = COLUMNS["status"]
_IDENTITY = tuple(COLUMNS[name] for name in ("thread_id", "assistant_id", "created_at"))
_EXTRA, _SHAPE, _DIGEST, _OBSERVED_AT, _SOURCE, _NUMBER = (
    COLUMNS[name] for name in ("extra", "shape", "digest", "observed_at", "source", "number")
)
_NO_VALUES: list[None] = [None] * len(COLUMNS)


class _Member(NamedTuple):
    """What is known of a member before its value is read."""

    key: str
    name: str
    """The documented name, which the key may spell differently."""
    kind: Kind
    path: str
    place: int | None
    """The position in the row of run_object; None if it has no column there."""


class _Plan(NamedTuple):
    """How to read a run with these keys in this order."""

    id: str
    """The key of the run's id."""
    keys: tuple[Entry, ...]
    unlike: frozenset[str]
    """Documented names that are spelled differently."""
    together: tuple[str, ...]
    """Keys of members that are read together: those stored in run_object, then the file ids if present."""
    with_file_ids: bool
    readers: tuple[Reader, ...]
    at_once: tuple[wire.Reader, ...]
    """The functions with which these readers read values of the documented types."""
    places: tuple[int, ...]
    """The positions in the row, for members stored there."""
    numbers: tuple[str, ...]
    """Keys of members that need not be integers, so that 1 and 1.0 both occur."""
    shared: tuple[_Member, ...]
    others: tuple[_Member, ...]


def _plan(keys: tuple[str, ...], names: Mapping[str, str]) -> _Plan:
    members = [_member(key, names.get(key, key)) for key in keys]
    in_row = [member for member in members if member.name in IN_ROW]
    files = [member for member in members if member.kind is Kind.FILE_IDS]
    apart = [member for member in members if member.name not in IN_ROW]
    readers = (*(IN_ROW[member.name][1] for member in in_row), *(STRINGS for _ in files))
    return _Plan(
        id=next((member.key for member in members if member.name == "id"), "id"),
        keys=entries(keys, names),
        unlike=frozenset(names.values()),
        together=tuple(member.key for member in (*in_row, *files)),
        with_file_ids=bool(files),
        readers=readers,
        at_once=tuple(reader.documented for reader in readers),
        places=tuple(member.place for member in in_row if member.place is not None),
        numbers=tuple(member.key for member in in_row if IN_ROW[member.name][1].documented is wire.number),
        shared=tuple(member for member in apart if member.kind in (Kind.SHARED, Kind.TOOLS)),
        others=tuple(member for member in apart if member.kind not in (Kind.SHARED, Kind.TOOLS)),
    )


def _member(key: str, name: str) -> _Member:
    kind = kind_of(name)
    column = SHARED[name][0] if kind is Kind.SHARED else name
    return _Member(key, name, kind, wire.join("$", key), COLUMNS.get(column))


@lru_cache(maxsize=1024)
def _known_plan(keys: tuple[str, ...]) -> _Plan:
    """Return the plan, from a cache: the runs of a server have their keys in few different orders."""
    return _plan(keys, RUN_NAMES.of(keys))


@dataclass(slots=True)
class Draft:
    """A run, mapped far enough to find out whether the same snapshot is already stored."""

    id: str
    digest: bytes
    """The digest of the snapshot, provided that the members of the snapshot prove to be canonical."""
    members: dict[str, Raw]
    plan: _Plan
    row: list[Any]
    shared: list[SharedRow]
    digests: dict[str, Raw]
    """The digests that replace shared values in the digested text, for members in the documented spelling.

    In another spelling the value itself is digested: earlier code did not share it, and the digest must not change.
    """
    children: dict[Table, Sequence[Any]] = field(default_factory=dict)
    extra: dict[str, Raw] = field(default_factory=dict)
    shape: dict[str, Any] = field(default_factory=dict)
    """The key layout except the keys of the run itself."""
    unlike: frozenset[str] = frozenset()
    """As in the snapshot, for members that are read one by one."""


class Mapper:
    """Makes snapshots of runs and caches nested values. Threads may share it."""

    def __init__(self, most_bytes: int = 48 * 2**20) -> None:
        self._values: dict[str, Remembered[_Known]] = {member: Remembered(most_bytes // 4) for member in SHARED}
        self._tools: Remembered[_Known] = Remembered(most_bytes // 2)
        self._tool: Remembered[_Known] = Remembered(most_bytes // 2)
        self._shapes: dict[Any, SharedRow] = {}

    def draft(self, members: dict[str, Raw], names: Mapping[str, str] | None = None) -> Draft:
        """Do the quick part: find the run's id, its shared values, and its digest if its members are canonical.

        *names* maps keys to other names than their own; by default, keys in another spelling to the documented name.
        Raises :class:`RunRejected`, with the path, for a value that cannot be stored, or an id that is not a string.
        """
        keys = tuple(members)
        if names is None and len(keys) <= wire.MOST_KEYS:
            plan = _known_plan(keys)
        else:
            plan = _plan(keys, RUN_NAMES.of(keys) if names is None else names)
        raw = bytes(members[plan.id])
        if (run_id := wire.indexed(raw, f"$.{plan.id}")) is None:
            raise wire.expected("a string", raw, f"$.{plan.id}")
        draft = Draft(run_id[0], b"", members, plan, _NO_VALUES.copy(), [], {})
        for key in plan.numbers:
            raw = bytes(members[key])
            if (text := wire.canonical(raw, f"$.{key}")) != raw:
                members[key] = Raw(text)
        for key, name, kind, path, place in plan.shared:
            raw = members[key]
            if raw == NULL:
                if kind is Kind.TOOLS:
                    draft.shape["null"] = (name,)
                continue
            if kind is Kind.TOOLS:
                known = self._tools.of(raw, self._read_tools, path)
            else:
                known = self._values[name].of(raw, _read_shared, name, path)
            rows, ids, members[key], digest = known
            if digest is None:
                draft.extra[key] = members[key]
                continue
            if kind is Kind.TOOLS:
                draft.children[TOOLS] = ids
            elif place is not None:
                draft.row[place] = ids[0]
            draft.shared += rows
            if key == name:
                draft.digests[key] = digest
        draft.digest = digest_of(wire.encode(members | draft.digests))
        return draft

    def snapshot(self, draft: Draft, observed_at: int, source: str | None = None) -> Snapshot:
        """Return the snapshot for a draft and make its members canonical. Use each draft only once.

        *observed_at* is in Unix microseconds. Raises :class:`RunRejected` like :meth:`draft`.
        """
        members, plan, row = draft.members, draft.plan, draft.row
        values = wire.at_once(plan.at_once, [members[key] for key in plan.together])
        changed = values is None
        if values is None:
            values = read_each(plan.together, plan.readers, members, draft.extra, "$", 0)
        *in_row, file_ids = values if plan.with_file_ids else (*values, None)
        for place, value in zip(plan.places, in_row, strict=True):
            row[place] = value
        for key, name, kind, path, _ in plan.others:
            if members[key] == NULL:
                if kind is Kind.EXTRA:
                    draft.extra[key] = NULL
                elif kind is Kind.FILE_IDS:
                    draft.shape["null"] = (*draft.shape.get("null", ()), name)
                continue
            if kind is Kind.FILE_IDS:
                if file_ids is not None:
                    draft.children[FILES] = file_ids
                continue
            raw = bytes(members[key])
            if kind is Kind.EXTRA or raw[:1] != b"{":
                text = wire.canonical(raw, path)
                draft.extra[key] = Raw(text)
            elif kind is Kind.BELONGS:
                text = _read_part(draft, name, raw, path)
            else:
                text = _read_required_action(draft, raw, path)
            if text != raw:
                members[key] = Raw(text)
                changed = True
        digest = digest_of(wire.encode(members | draft.digests)) if changed else draft.digest
        shape = self._shape(plan.keys, draft.shape)
        row[_EXTRA] = extra_text(draft.extra)
        row[_SHAPE] = shape.id
        row[_DIGEST] = digest
        row[_OBSERVED_AT] = observed_at
        row[_SOURCE] = source
        unlike = plan.unlike | draft.unlike
        return Snapshot(draft.id, observed_at, digest, row, draft.children, draft.shared, shape, members, unlike)

    def _read_tools(self, raw: bytes, path: str) -> _Known:
        if raw[:1] != b"[":
            return _Known.other(raw, path)
        tools = [
            self._tool.of(inner, _read_tool, f"{path}[{position}]")
            for position, inner in enumerate(wire.elements(raw, path))
        ]
        text = b"[" + b",".join([tool.text for tool in tools]) + b"]"
        digest = wire.encode([tool.digest for tool in tools])
        rows = tuple(row for tool in tools for row in tool.rows)
        return _Known(rows, tuple(row.id for row in rows), Raw(text), Raw(digest))

    def _shape(self, keys: tuple[Entry, ...], parts: dict[str, Any]) -> SharedRow:
        key = (keys, *parts.items())
        if (known := self._shapes.get(key)) is None:
            if len(self._shapes) >= 4096:
                self._shapes.clear()
            known = shared_row(SHAPE, wire.encode({"keys": keys, **parts}), "$")
            if len(keys) <= wire.MOST_KEYS:
                self._shapes[key] = known
        return known


class _Known(NamedTuple):
    """The cached result for the text of a shared value, or of a list of tools."""

    rows: tuple[SharedRow, ...]
    ids: tuple[int, ...]
    text: Raw
    """The canonical text."""
    digest: Raw | None
    """What replaces the value in the digested text; None for a value of another type, which is not shared."""

    @classmethod
    def of(cls, row: SharedRow, text: bytes) -> Self:
        """Return the result for one value."""
        return cls((row,), (row.id,), Raw(text), Raw(wire.encode(row.digest.hex())))

    @classmethod
    def other(cls, raw: bytes, path: str) -> Self:
        """Return the result for a value of another type than documented."""
        return cls((), (), Raw(wire.canonical(raw, path)), None)


_SHAREABLE = {"instructions": b'"', "truncation_strategy": b"{"} | dict.fromkeys(
    ("tool_choice", "response_format"), b'{"'
)
"""The shared members of a run, with the first bytes of their documented types."""


def _read_shared(raw: bytes, member: str, path: str) -> _Known:
    if raw[:1] not in _SHAREABLE[member]:
        return _Known.other(raw, path)
    text = found[1] if (found := wire.text(raw, path)) else wire.canonical(raw, path)
    return _Known.of(shared_row(SHARED[member][1], text, path), text)


def _read_tool(raw: bytes, path: str) -> _Known:
    text = wire.canonical(raw, path, 2)
    return _Known.of(shared_row(TOOL, text, path), text)


def _read_part(draft: Draft, member: str, raw: bytes, path: str) -> bytes:
    values, extra, draft.shape[member], text, as_documented = PARTS[member].read(raw, path, 1)
    if not as_documented:
        draft.unlike |= {member}
    table = BELONGS[member]
    draft.children[table] = [_child_row(table, values | {"extra": extra_text(extra)})]
    return text


def _read_required_action(draft: Draft, raw: bytes, path: str) -> bytes:
    """Map a documented submit_tool_outputs to rows of tool calls; put all but the type of other actions into extra."""
    members = wire.members(raw, path, 1)
    keys = tuple(members)
    names = ACTION_NAMES.of(keys)
    kind = None
    extra: dict[str, Raw] = {}
    for key, inner in members.items():
        place = wire.join(path, key)
        spelled = wire.canonical(inner, place, 2)
        members[key] = Raw(spelled)
        name = names.get(key, key)
        if name == "type" and spelled[:1] in b'"n':
            kind = wire.loads(spelled)
        elif name != "submit_tool_outputs" or not _read_tool_calls(draft, spelled, place):
            extra[key] = members[key]
    if names:
        draft.unlike |= {"required_action"}
    draft.shape["required_action"] = entries(keys, names)
    draft.children[REQUIRED_ACTION] = [(kind, extra_text(extra))]
    return wire.encode(members)


def _read_tool_calls(draft: Draft, outputs: bytes, path: str) -> bool:
    """Map the calls to rows and return True if submit_tool_outputs has the documented form; else return False."""
    if outputs[:1] != b"{":
        return False
    found = wire.members(outputs, path)
    if len(found) != 1 or (listing := OUTPUTS_NAMES.key_of("tool_calls", found)) is None:
        return False
    if not (listed := bytes(found[listing])).startswith(b"["):
        return False
    rows = []
    shapes: list[tuple[Any, ...]] = []
    as_documented = listing == "tool_calls"
    for position, call in enumerate(wire.elements(listed, path)):
        text = bytes(call)
        if text[:1] != b"{":
            return False
        values, extra, keys, _, usual = CALL.read(text, path, 3)
        function_keys = None
        function = CALL.names.key_of("function", extra)
        if function is not None:
            if (inner_text := bytes(extra.pop(function)))[:1] != b"{":
                return False
            inner = CALL_FUNCTION.read(inner_text, path, 4)
            usual = usual and inner.as_documented and function == "function"
            function_keys = inner.keys
            values |= {f"function_{key}": value for key, value in inner.values.items()}
            if inner.extra:
                extra[function] = Raw(wire.encode(inner.extra))
        values |= {"position": position, "extra": extra_text(extra)}
        rows.append(_child_row(CALLS, values))
        shapes.append((keys, function_keys))
        as_documented = as_documented and usual
    while len(shapes) > 1 and shapes[-1] == shapes[-2]:
        shapes.pop()  # the last layout applies to all further calls
    if listing != "tool_calls":
        draft.shape["submit_tool_outputs"] = ((listing, "tool_calls"),)
    if not as_documented:
        draft.unlike |= {"required_action"}
    draft.shape["tool_calls"] = tuple(shapes)
    draft.children[CALLS] = rows
    return True


_COLUMNS_OF = {table: tuple(table.columns.keys())[1:] for table in (*BELONGS.values(), CALLS)}
"""The columns of each table without the first, the number of the run."""


def _child_row(table: Table, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(map(values.get, _COLUMNS_OF[table]))
