"""Between the wire and the rows: the one place that knows both.

A member of a run stands in the column of its name. What the run was configured with becomes a shared row, found by the
digest of its canonical text, and the column (or a link row) holds its key. What happened in the run becomes a row of
its own table. A member no column is made for stands in the table's ``extra``. What is left, the order of the keys and
which lists were null, is the *shape*, itself a shared row. Reading puts the text together again from the shape.

Texts are handled as bytes of canonical JSON throughout: a nested value that was seen before is recognised by its raw
bytes and neither parsed nor hashed again, and a run that is read needs no parsing until somebody wants it as a dict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

from msgspec import Raw
from sqlalchemy import Boolean, Column, Table, Text
from sqlalchemy.types import TypeEngine

from runstore import wire
from runstore.errors import ArchiveDamaged
from runstore.schema import (
    AssistantObjectToolsInner,
    AssistantsApiResponseFormatOption,
    AssistantsApiToolChoiceOption,
    Base,
    FunctionObject,
    RunCompletionUsage,
    RunObject,
    RunObjectAssistantObjectToolsInner,
    RunObjectFileIds,
    RunObjectIncompleteDetails,
    RunObjectInstructions,
    RunObjectLastError,
    RunObjectRequiredAction,
    RunObjectShape,
    RunToolCallObject,
    TruncationObject,
)
from runstore.schema.base import JSONText, KeyString, Number

T = TypeVar("T")


def table_of(model: type[Base]) -> Table:
    """The table of a model."""
    assert isinstance(model.__table__, Table)
    return model.__table__


RUN = table_of(RunObject)
TOOLS = table_of(RunObjectAssistantObjectToolsInner)
FILES = table_of(RunObjectFileIds)
CALLS = table_of(RunToolCallObject)
REQUIRED_ACTION = table_of(RunObjectRequiredAction)
TOOL = table_of(AssistantObjectToolsInner)
FUNCTION = table_of(FunctionObject)
INSTRUCTIONS = table_of(RunObjectInstructions)
SHAPE = table_of(RunObjectShape)

SHARED: dict[str, tuple[str, Table]] = {
    "instructions": ("instructions_id", INSTRUCTIONS),
    "truncation_strategy": ("truncation_strategy", table_of(TruncationObject)),
    "tool_choice": ("tool_choice", table_of(AssistantsApiToolChoiceOption)),
    "response_format": ("response_format", table_of(AssistantsApiResponseFormatOption)),
}
"""Member of a run -> column of run_object that holds the key, table of the shared rows."""

BELONGS: dict[str, Table] = {
    "last_error": table_of(RunObjectLastError),
    "incomplete_details": table_of(RunObjectIncompleteDetails),
    "usage": table_of(RunCompletionUsage),
}
"""Member of a run -> table that has one row for it, its documented members in columns."""

OWN = ("extra", "shape", "digest", "observed_at", "archived_at", "source")
"""runstore's own columns of run_object."""

COLUMNS = {column.name: place for place, column in enumerate(RUN.columns)}
"""Column of run_object -> its place in a row."""

SHARED_TABLES = (FUNCTION, TOOL, *(table for _, table in SHARED.values()), SHAPE)
"""In the order in which rows are written: what is referred to comes first."""

CHILD_TABLES = (REQUIRED_ACTION, CALLS, *BELONGS.values(), TOOLS, FILES)
"""Tables of what belongs to a run, what is referred to first."""

MEMBER_TABLES: dict[str, tuple[Table, ...]] = {
    **{member: (table,) for member, table in BELONGS.items()},
    "required_action": (REQUIRED_ACTION, CALLS),
    "tools": (TOOLS,),
    "file_ids": (FILES,),
}
"""Member of a run -> the tables in which it has rows of its own."""

RANKS = {"cancelling": 1} | dict.fromkeys(("cancelled", "failed", "completed", "expired", "incomplete"), 2)
"""How far a status is on the way of a run; every other one, also a missing one, is 0."""


# --- reading values of one JSON type ---------------------------------------------------------------------------------

Reader = Callable[[bytes, str, int], tuple[Any, bytes]]


def _object(raw: bytes, path: str, depth: int) -> tuple[Any, bytes]:
    if raw[:1] != b"{":
        raise wire.expected("an object", raw, path)
    spelled = wire.canonical(raw, path, depth)
    return spelled.decode(), spelled


_READERS: tuple[tuple[type[TypeEngine[Any]], Reader], ...] = (
    (KeyString, wire.indexed),
    (JSONText, _object),
    (Number, wire.number),
    (Text, wire.text),
    (Boolean, wire.boolean),
)


def reader_of(column: Column[Any]) -> Reader:
    """How a member that stands in this column is read and checked."""
    return next((reader for kind, reader in _READERS if isinstance(column.type, kind)), wire.integer)


SCALARS: dict[str, tuple[int, Reader, str]] = {
    name: (place, reader_of(RUN.columns[name]), f"$.{name}")
    for name, place in COLUMNS.items()
    if name not in OWN and name not in {column for column, _ in SHARED.values()}
}
"""Member of a run that stands as it is in run_object -> its place in a row, how it is read, its path."""

DOCUMENTED = frozenset((*SCALARS, *SHARED, *MEMBER_TABLES))
"""Members of a run that columns are made for."""


@dataclass(frozen=True)
class _Part:
    """A JSON object whose members stand in columns of one table, the others in its ``extra``."""

    columns: dict[str, tuple[str, Reader]]
    """Member -> column, reader."""

    @staticmethod
    def of(table: Table, **columns: str) -> _Part:
        names = columns or {c.name: c.name for c in table.columns if c.name not in ("run_object", "position", "extra")}
        return _Part({member: (name, reader_of(table.columns[name])) for member, name in names.items()})

    def read(self, raw: Raw | bytes, path: str, depth: int) -> _Read:
        """Refuses documented members of another type."""
        values: dict[str, Any] = {}
        extra: dict[str, bytes] = {}
        texts: dict[str, bytes] = {}
        for key, inner in wire.members(raw, path, depth).items():
            text = bytes(inner)
            if (known := self.columns.get(key)) is None:
                texts[key] = extra[key] = wire.canonical(text, wire.join(path, key), depth + 1)
            elif text == _NULL:
                texts[key] = text
            else:
                column, reader = known
                values[column], texts[key] = reader(text, f"{path}.{key}", depth + 1)
        return _Read(values, extra, texts)

    def text(self, keys: Iterable[str], values: Mapping[str, Any], extra: str | None) -> bytes:
        """The object's canonical text again."""
        others = _members_of(extra)
        return join_object(
            (key, others[key] if key in others else wire.encode(values.get(self.columns[key][0]))) for key in keys
        )


class _Read(NamedTuple):
    """A JSON object that was read."""

    values: dict[str, Any]
    """By column."""
    extra: dict[str, bytes]
    """Texts of the members that no column holds."""
    texts: dict[str, bytes]
    """Canonical texts of all members, in order."""


_NULL = b"null"
_PARTS = {member: _Part.of(table) for member, table in BELONGS.items()}
_CALL = _Part.of(CALLS, id="id", type="type")
_CALL_FUNCTION = _Part.of(CALLS, name="function_name", arguments="function_arguments")


def join_object(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Canonical text of an object from its keys and the texts of its values."""
    return b"{" + b",".join([_key(key) + text for key, text in members]) + b"}"


class _Keys(dict[str, bytes]):
    def __missing__(self, key: str) -> bytes:
        text = wire.encode(key) + b":"
        if len(self) < 10_000:
            self[key] = text
        return text


_key = _Keys().__getitem__


def _members_of(extra: str | None) -> dict[str, bytes]:
    return {key: bytes(raw) for key, raw in wire.members(extra.encode(), "extra").items()} if extra else {}


def _extra_text(extra: dict[str, bytes]) -> str | None:
    return join_object(extra.items()).decode() if extra else None


# --- shared values ---------------------------------------------------------------------------------------------------


class SharedRow(NamedTuple):
    """A row of a shared table, and the shared rows it refers to."""

    table: Table
    id: int
    digest: bytes
    values: tuple[Any, ...]
    refers: tuple[SharedRow, ...] = ()


def digest_of(text: bytes) -> bytes:
    """BLAKE2b, 32 bytes."""
    return blake2b(text, digest_size=32).digest()


def shared_id(digest: bytes) -> int:
    """The first 63 bits."""
    return int.from_bytes(digest[:8], "big") >> 1


def shared_row(table: Table, text: bytes, path: str) -> SharedRow:
    """The shared row of a value, given its canonical text.

    Raises :class:`RunRejected` for an indexed string (type, name of the function) that is too long.
    """
    digest = digest_of(text)
    refers: tuple[SharedRow, ...] = ()
    document = text
    value = wire.loads(text)
    documented = value if isinstance(value, dict) else {}
    columns: dict[str, Any] = {}
    if "function" in table.columns and isinstance(documented.get("function"), dict):
        place = wire.join(path, "function")
        refers = (shared_row(FUNCTION, bytes(wire.members(text, path)["function"]), place),)
        columns["function"] = refers[0].id
        document = wire.encode({**documented, "function": None})
    for column in table.columns:
        inner = documented.get(column.name)
        if column.name == "instructions":
            columns["instructions"] = value
        elif column.name not in columns and inner is not None and not column.foreign_keys:
            columns[column.name] = _column_value(column, inner, wire.join(path, column.name))
    columns |= {"id": shared_id(digest), "digest": digest, "document": document.decode()}
    return SharedRow(table, columns["id"], digest, tuple(columns.get(c.name) for c in table.columns), refers)


def _column_value(column: Column[Any], value: Any, path: str) -> Any:
    """What a documented column holds beside the document: the value where it is of the documented type, else NULL."""
    match column.type:
        case KeyString():
            return wire.indexed(wire.encode(value), path)[0] if isinstance(value, str) else None
        case Text():
            return value if isinstance(value, str) else None
        case JSONText():
            return wire.encode(value).decode() if isinstance(value, dict) else None
        case Boolean():
            return value if isinstance(value, bool) else None
        case _:
            return value if type(value) is int else None


def shared_text(document: str, function: str | None) -> bytes:
    """The canonical text of a shared value from its columns ``document`` and that of its function."""
    if function is None:
        return document.encode()
    parts = wire.members(document.encode(), "document")
    return join_object((key, function.encode() if key == "function" else bytes(raw)) for key, raw in parts.items())


class Remembered(dict[bytes, T]):
    """What was made of a text, by the text, in bounded memory: full, it begins anew."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self.room = self.most_bytes = most_bytes

    def keep(self, text: bytes, made: T) -> T:
        """Remember *made* and give it back."""
        # What is made of a text holds it again, canonical and decoded.
        self.room -= 3 * len(text) + 400
        if self.room < 0:
            self.clear()
            self.room = self.most_bytes
        else:
            self[text] = made
        return made


# --- a look at a run, from the wire ----------------------------------------------------------------------------------


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
    texts: dict[str, bytes]
    """Canonical text of each member, in order."""

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


@dataclass(slots=True)
class _Draft:
    """A look while it is being read."""

    id: str
    row: list[Any] = field(default_factory=lambda: [None] * len(COLUMNS))
    children: dict[Table, list[tuple[Any, ...]]] = field(default_factory=dict)
    shared: tuple[SharedRow, ...] = ()
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
        run_id = wire.indexed(bytes(members["id"]), "$.id")[0]
        draft = _Draft(run_id)
        row = draft.row
        texts: dict[str, bytes] = {}
        hashed: list[bytes] = []
        for key, inner in members.items():
            raw = bytes(inner)
            digested = None
            if raw == _NULL:
                text = raw
                if key not in DOCUMENTED:
                    draft.extra[key] = raw
                elif key in ("tools", "file_ids"):
                    draft.shape.setdefault("null", []).append(key)
            elif (scalar := SCALARS.get(key)) is not None:
                place, reader, path = scalar
                value, text = reader(raw, path, 1)
                if type(value) is float and value.is_integer() and abs(value) <= 2**63:
                    draft.extra[key] = text  # a numeric column would give the integer, which is another number
                else:
                    row[place] = value
            elif key in SHARED:
                shared, text, digested = self._shared(key, raw)
                row[COLUMNS[SHARED[key][0]]] = shared.id
                draft.shared += (shared,)
            elif key == "tools":
                tools, text, digested = self._tools.get(raw) or self._read_tools(raw)
                draft.shared += tools
                draft.children[TOOLS] = [(run_id, position, tool.id) for position, tool in enumerate(tools)]
            elif key in BELONGS:
                text = _read_part(draft, key, raw)
            elif key == "required_action":
                text = _read_required_action(draft, raw)
            elif key == "file_ids":
                text = _read_file_ids(draft, raw)
            else:
                draft.extra[key] = text = wire.canonical(raw, wire.join("$", key))
            texts[key] = text
            hashed.append(_key(key) + (digested or text))
        shape = self._shape(tuple(members), draft.shape)
        digest = digest_of(b"{" + b",".join(hashed) + b"}")
        row[COLUMNS["extra"]] = _extra_text(draft.extra)
        row[COLUMNS["shape"]] = shape.id
        row[COLUMNS["digest"]] = digest
        row[COLUMNS["observed_at"]] = observed_at
        row[COLUMNS["source"]] = source
        return Look(run_id, observed_at, digest, row, draft.children, (*draft.shared, shape), texts)

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
            text = wire.encode({"keys": keys, **parts})
            known = self._shapes[key] = shared_row(SHAPE, text, "$")
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
    values, extra, texts = _PARTS[member].read(raw, path, 1)
    table = BELONGS[member]
    draft.shape[member] = tuple(texts)
    draft.children[table] = [_child_row(table, {"run_object": draft.id, **values, "extra": _extra_text(extra)})]
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
    draft.children[REQUIRED_ACTION] = [(draft.id, kind, _extra_text(extra))]
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
        values, extra, texts = _CALL.read(text, path, 3)
        function_keys = None
        if "function" in extra:
            inner, others, function_texts = _CALL_FUNCTION.read(extra.pop("function"), path, 4)
            function_keys = tuple(function_texts)
            values |= inner
            if others:
                extra["function"] = join_object(others.items())
        values |= {"run_object": draft.id, "position": position, "extra": _extra_text(extra)}
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


def _child_row(table: Table, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple([values.get(column.name) for column in table.columns])


# --- a run, from its rows --------------------------------------------------------------------------------------------


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
        extra = _members_of(row[_EXTRA])
        members = []
        for key in self.keys:
            if key in extra:
                text = extra[key]
            elif (scalar := SCALARS.get(key)) is not None:
                inner = row[scalar[0]]
                text = inner.encode() if key == "metadata" and inner is not None else wire.encode(inner)
            elif (shared := SHARED.get(key)) is not None:
                inner = row[COLUMNS[shared[0]]]
                text = _NULL if inner is None else values[shared[1], inner]
            elif key in self.null:
                text = _NULL
            elif key == "tools":
                text = b"[" + b",".join([values[TOOL, tool] for tool in run.tools]) + b"]"
            elif key == "file_ids":
                text = wire.encode(run.file_ids)
            elif key not in run.parts:
                raise ArchiveDamaged(id=row[0], reason=f"no column holds its member {key}")
            elif (columns := run.parts[key]) is None:
                text = _NULL
            elif key == "required_action":
                text = self._required_action(columns, run.tool_calls)
            else:
                text = _PARTS[key].text(self.parts[key], columns, columns["extra"])
            members.append((key, text))
        return join_object(members)

    def _required_action(self, columns: Mapping[str, Any], calls: list[list[Any]]) -> bytes:
        extra = _members_of(columns["extra"])
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
    extra = _members_of(extra_text)
    if function_keys is not None:
        others = extra.get("function")
        values = {"function_name": name, "function_arguments": arguments}
        extra["function"] = _CALL_FUNCTION.text(function_keys, values, others.decode() if others else None)
    return _CALL.text(keys, {"id": call_id, "type": kind}, join_object(extra.items()).decode())


def differences(look: Mapping[str, bytes], newer: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """Members of a look that differ in the next newer one, and the keys only that one has."""
    members = {key: text for key, text in look.items() if newer.get(key) != text}
    return members, [key for key in newer if key not in look]
