"""Writing through the ORM: a session's runs go through the same mapping as the repository's.

Before a flush each new or changed :class:`RunObject` is read as a run on the wire and mapped: that checks it and gives
its shape and digest, the look it replaces is kept as history, and shared values (tools, prompts ...) take the key that
their value has, new rows being inserted only where nobody has. A shared row is never changed: that raises.

Importing :mod:`runstore` names from here installs the listener on every :class:`sqlalchemy.orm.Session`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event, inspect
from sqlalchemy.orm import Session, UOWTransaction, make_transient_to_detached
from sqlalchemy.orm.util import identity_key

from runstore import migrate, wire, writer
from runstore.backends import backend_of
from runstore.errors import SharedRowChanged
from runstore.mapping import (
    BELONGS,
    CHILD_TABLES,
    COLUMNS,
    IN_ROW,
    SHARED,
    Look,
    Mapper,
    SharedRow,
    shared_row,
    table_of,
)
from runstore.reader import Reader
from runstore.schema import (
    Base,
    FunctionObject,
    RunObject,
    RunObjectInstructions,
    RunObjectRequiredAction,
    RunToolCallObject,
    TruncationObject,
)
from runstore.schema.base import JSONText, Shared
from runstore.spelling import pairs

ORDER = (
    *("id", "object", "created_at", "thread_id", "assistant_id", "status", "required_action", "last_error"),
    *("expires_at", "started_at", "cancelled_at", "failed_at", "completed_at", "incomplete_details", "model"),
    *("instructions", "tools", "file_ids", "metadata", "usage", "temperature", "top_p", "max_prompt_tokens"),
    *("max_completion_tokens", "truncation_strategy", "tool_choice", "parallel_tool_calls", "response_format"),
)
"""Members of a run in the documented order of v2."""

OPTIONAL = ("temperature", "top_p", "file_ids")
"""Members that a run made through the ORM has only where there is a value."""


# --- a run as the wire has it ----------------------------------------------------------------------------------------


def to_wire(run: RunObject) -> dict[str, Any]:
    """A run as JSON has it: the keys a stored run came with, in their order; of a new one the documented ones."""
    shape = _shape(run)
    named = pairs(shape.get("keys", ()))
    values = {name: value for name in ORDER if (value := _value(run, shape, name)) is not None}
    extra = {**(run.extra or {})}
    for key, name in named:
        # The attribute of a value of another type holds its reading, until somebody sets it.
        if key in extra and name in IN_ROW and _was_set(run, _attribute(name)):
            del extra[key]
    if not shape:
        keys = [(name, name) for name in ORDER if name not in OPTIONAL or values.get(name)]
    else:
        keys = [(key, name) for key, name in named if name in ORDER or key in extra]
    known = {name for pair in (*keys, *named) for name in pair}
    keys += [(name, name) for name in (*values, *extra) if name not in known and (values.get(name) or name in extra)]
    members = {key: extra[key] if key in extra else values.get(name) for key, name in keys}
    nulls = [name for name in shape.get("null", ()) if not values.get(name)]
    for key, name in keys:
        if name in ("tools", "file_ids") and members[key] is None and name not in nulls:
            members[key] = []
    return members


def _shape(run: RunObject) -> dict[str, Any]:
    """What the shape of a stored run says; nothing of a new one."""
    shape: dict[str, Any] = run.shape.value if run.shape_id is not None else {}
    return shape


def _attribute(name: str) -> str:
    return "metadata_" if name == "metadata" else name


def _value(run: RunObject, shape: dict[str, Any], name: str) -> Any:
    if name == "tools":
        return [_shared_value(tool) for tool in run.tools] or None
    if name == "file_ids":
        return list(run.file_ids) or None
    if name == "instructions":
        return run.instructions
    if name == "required_action":
        return None if run.required_action is None else _required_action(run.required_action, shape)
    value = getattr(run, _attribute(name))
    if value is None or name in IN_ROW:
        return value
    return _shared_value(value) if name in SHARED else _part_value(name, value, shape)


def _part_value(name: str, part: Base, shape: dict[str, Any]) -> dict[str, Any]:
    """last_error, incomplete_details, usage."""
    columns = [c.name for c in BELONGS[name].columns if c.name not in ("run_object", "extra")]
    values = {column: getattr(part, column) for column in columns}
    if name == "incomplete_details" and values["reason"] is None:
        values = {}
    extra = {**(getattr(part, "extra", None) or {})}
    for key, column in pairs(shape.get(name, ())):
        if key in extra and column in columns and _was_set(part, column):
            del extra[key]
    return _members(shape.get(name), values, extra)


def _members(entries: Any, values: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """An object with the keys that it came with, in their order; of a new one the documented ones come first."""
    keys = [(name, name) for name in values] if entries is None else pairs(entries)
    known = {name for _, name in keys}
    keys += [(name, name) for name, value in values.items() if name not in known and value is not None]
    members = {key: extra[key] if key in extra else values.get(name) for key, name in keys}
    return members | {key: value for key, value in extra.items() if key not in members}


def _required_action(action: RunObjectRequiredAction, shape: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"type": action.type}
    [(listing, _)] = pairs(shape.get("submit_tool_outputs", ("tool_calls",)))
    shapes = shape.get("tool_calls") or [(None, None)]
    calls = [_tool_call(call, *shapes[min(n, len(shapes) - 1)]) for n, call in enumerate(action.tool_calls)]
    if calls or action.type == "submit_tool_outputs":
        values["submit_tool_outputs"] = {listing: calls}
    return _members(shape.get("required_action"), values, action.extra or {})


def _tool_call(call: RunToolCallObject, entries: Any, function_entries: Any) -> dict[str, Any]:
    extra = dict(call.extra or {})
    key = next((key for key, name in pairs(entries or ()) if name == "function"), "function")
    values = {"name": call.function_name, "arguments": call.function_arguments}
    function = _members(function_entries, values, extra.pop(key, {}))
    return _members(entries, {"id": call.id, "type": call.type, "function": function}, extra)


def _shared_value(shared: Any) -> Any:
    """The value of a shared object: its document, or what its documented columns say where it is new."""
    if isinstance(shared, RunObjectInstructions) or shared.document is not None:
        return shared.value
    names = [c.name for c in table_of(type(shared)).columns if c.name not in ("id", "digest", "document")]
    values = {name: getattr(shared, name) for name in names}
    if isinstance(values.get("function"), FunctionObject):
        values["function"] = _shared_value(values["function"])
    required = ("type", "name", "last_messages") if isinstance(shared, TruncationObject) else ("type", "name")
    return {name: value for name, value in values.items() if value is not None or name in required}


# --- the listener ----------------------------------------------------------------------------------------------------


_CHECKED: WeakSet[Engine] = WeakSet()
"""Engines whose database is known to be an archive of this code's revision."""


def _before_flush(session: Session, _: UOWTransaction, __: object) -> None:
    for changed in session.dirty:
        if isinstance(changed, Shared) and session.is_modified(changed):
            raise SharedRowChanged(table=type(changed).__tablename__, id=changed.id)  # type: ignore[attr-defined]
    runs = _touched_runs(session)
    loose = [new for new in session.new if isinstance(new, Shared)]
    if not runs and not loose:
        return
    connection = session.connection(bind_arguments={"mapper": inspect(RunObject)})
    backend = backend_of(connection)
    backend.begin(connection, write=True)
    if connection.engine not in _CHECKED:
        migrate.check(connection)
        _CHECKED.add(connection.engine)
    reader = Reader(backend)
    mapper = Mapper()
    now = time.time_ns() // 1000
    looks = []
    for run in runs:
        text = wire.from_python(to_wire(run))
        # A run that is new to the session gets its times here; what the caller set stays.
        changed_at = now if inspect(run).persistent and not _was_set(run, "observed_at") else run.observed_at or now
        # What earlier code has left in extra stays there: the rows that it would have are not in the session.
        names = {key: name for key, name in pairs(_shape(run).get("keys", ())) if key != name}
        draft = mapper.draft(wire.run_members(text), names)
        looks.append((run, mapper.look(draft, changed_at, run.source)))
    rows = {new: _row_of(new) for new in loose}
    writer.write_shared(connection, backend, (*(row for _, look in looks for row in look.shared), *rows.values()), {})
    adopted = _Adopted(session, rows)
    for shared in sorted(loose, key=lambda shared: not isinstance(shared, FunctionObject)):
        adopted.persistent(shared)
    for run, look in looks:
        adopted.adopt(run)
        if inspect(run).persistent:
            writer.replace_by_hand(connection, backend, look, reader.member_texts)
        run.shape_id = look.row[COLUMNS["shape"]]
        if run.digest != look.digest:
            run.digest, run.observed_at = look.digest, look.observed_at
        run.archived_at = run.archived_at or now
        _take_over(run, look)
        _number(run)


def _take_over(run: RunObject, look: Look) -> None:
    """Give columns the values that the mapping has found for them. Raises :class:`RunRejected` for other types."""
    values = {name: look.row[COLUMNS[name]] for name in (*IN_ROW, "extra")}
    _set(run, values, "$")
    for member, table in BELONGS.items():
        part = getattr(run, member)
        if part is not None and (rows := tuple(look.rows(table))):
            _set(part, dict(zip(table.columns.keys(), rows[0], strict=True)), f"$.{member}")


def _set(owner: Any, values: dict[str, Any], path: str) -> None:
    mapper = inspect(type(owner))
    before = owner.extra or {}
    for name, value in values.items():
        attribute = _attribute(name)
        if isinstance(mapper.columns[attribute].type, JSONText):
            value = None if value is None else wire.loads(value)
        if name == "extra":
            for key in (value or {}).keys() - before.keys():
                if not isinstance(value[key], float):  # a number that the column would alter
                    raise wire.expected("a value of the column's type", wire.encode(value[key]), wire.join(path, key))
        if getattr(owner, attribute) != value:
            setattr(owner, attribute, value)


_LISTS = {
    "tool_links": ("tool",),
    "file_links": ("file_ids",),
    "tool_calls": ("id", "type", "function_name", "function_arguments", "extra"),
}
"""List of a run -> what its rows hold beside their position."""


def _number(run: RunObject) -> None:
    """Give the rows of a run's lists the positions 0, 1, 2 ...

    A position is part of a row's key: stored rows keep theirs and take over the values that come to stand there.
    """
    for name, values in _LISTS.items():
        owner: Any = run.required_action if name == "tool_calls" else run
        if owner is None:
            continue
        rows: list[Any] = list(getattr(owner, name))
        gone = inspect(owner).attrs[name].history.deleted
        stored = sorted((row for row in (*rows, *gone) if inspect(row).persistent), key=lambda row: row.position)
        wanted = [[getattr(row, value) for value in values] for row in rows]
        kept = [*stored, *(row for row in rows if not inspect(row).persistent)][: len(rows)]
        for place, (row, held) in enumerate(zip(kept, wanted, strict=True)):
            for value, inner in zip(values, held, strict=True):
                if getattr(row, value) != inner:
                    setattr(row, value, inner)
            if not inspect(row).persistent:
                row.position = place
        if kept != rows:
            getattr(owner, name)[:] = kept


def _was_set(owner: Any, name: str) -> bool:
    return bool(inspect(owner).attrs[name].history.added)


def _touched_runs(session: Session) -> list[RunObject]:
    """New runs, changed ones, and those of which something that belongs to them was changed."""
    found: dict[int, RunObject] = {}
    for item in (*session.new, *session.dirty, *session.deleted):
        for run in _owners(session, item):
            if run not in session.deleted:
                found[id(run)] = run
    return sorted(found.values(), key=lambda run: str(run.id))


_OF_RUN = tuple(mapper.class_ for mapper in Base.registry.mappers if mapper.local_table in CHILD_TABLES)


def _owners(session: Session, item: object) -> Iterator[RunObject]:
    if isinstance(item, RunObject):
        if item in session.new or session.is_modified(item):
            yield item
        return
    run_id = item.run_object if isinstance(item, _OF_RUN) else None
    if run_id is not None and (run := session.get(RunObject, run_id)) is not None:
        yield run


def _row_of(shared: Any) -> SharedRow:
    text = wire.canonical(wire.encode(_shared_value(shared)), "$")
    return shared_row(table_of(type(shared)), text, "$")


class _Adopted:
    """New shared objects of a session, made persistent under the key their value has."""

    def __init__(self, session: Session, rows: dict[Any, SharedRow]) -> None:
        self.session = session
        self.rows = rows
        self.known: dict[Any, Any] = {}

    def persistent(self, shared: Any) -> Any:
        """The session's one object for a value that is stored by now."""
        if shared not in self.rows:
            return shared
        if shared not in self.known:
            self.known[shared] = self._replace(shared, self.rows[shared])
        return self.known[shared]

    def _replace(self, shared: Any, row: SharedRow) -> Any:
        self.session.expunge(shared)
        if (known := self.session.identity_map.get(identity_key(type(shared), row.id))) is not None:
            return known
        if row.refers:
            shared.function = self.persistent(shared.function)
        shared.id, shared.digest = row.id, row.digest
        make_transient_to_detached(shared)
        self.session.add(shared)
        return shared

    def adopt(self, run: RunObject) -> None:
        """Replace the shared objects of a run."""
        for name in ("truncation_strategy", "tool_choice", "response_format", "instructions_row"):
            if (shared := getattr(run, name)) is not None and (known := self.persistent(shared)) is not shared:
                setattr(run, name, known)
        for link in run.tool_links:
            if (known := self.persistent(link.tool)) is not link.tool:
                link.tool = known


event.listen(Session, "before_flush", _before_flush)
