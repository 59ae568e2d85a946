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
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event, inspect
from sqlalchemy.orm import Session, UOWTransaction, make_transient_to_detached
from sqlalchemy.orm.util import identity_key

from runstore import migrate, wire, writer
from runstore.backends import backend_of
from runstore.errors import SharedRowChanged
from runstore.mapping import BELONGS, CHILD_TABLES, COLUMNS, IN_ROW, SHARED, Mapper, SharedRow, shared_row, table_of
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
from runstore.schema.base import Shared

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
    extra = run.extra or {}
    values = {name: value for name in ORDER if (value := _value(run, name)) is not None}
    shape = run.shape.value if run.shape_id is not None else None
    if shape is None:
        keys = [name for name in ORDER if name not in OPTIONAL or values.get(name)]
        keys += [key for key in extra if key not in keys]
        nulls: list[str] = []
    else:
        nulls = [key for key in shape.get("null", ()) if not values.get(key)]
        known = shape["keys"]
        keys = [key for key in known if key in ORDER or key in extra]
        keys += [key for key in (*values, *extra) if key not in known and (values.get(key) or key in extra)]
    members = {key: extra[key] if key in extra else values.get(key) for key in keys}
    for name in ("tools", "file_ids"):
        if name in members and members[name] is None and name not in nulls:
            members[name] = []
    return members


def _value(run: RunObject, name: str) -> Any:
    if name == "metadata":
        return run.metadata_
    if name == "tools":
        return [_shared_value(tool) for tool in run.tools] or None
    if name == "file_ids":
        return list(run.file_ids) or None
    if name == "instructions":
        return run.instructions
    if name == "required_action":
        return None if run.required_action is None else _required_action(run.required_action)
    value = getattr(run, name)
    if value is None or name in IN_ROW:
        return value
    return _shared_value(value) if name in SHARED else _part_value(name, value)


def _part_value(name: str, part: Base) -> dict[str, Any]:
    """last_error, incomplete_details, usage: the documented members, then the others."""
    columns = [c.name for c in BELONGS[name].columns if c.name not in ("run_object", "extra")]
    values = {column: getattr(part, column) for column in columns}
    if name == "incomplete_details" and values["reason"] is None:
        values = {}
    extra: dict[str, Any] = getattr(part, "extra", None) or {}
    return values | extra


def _required_action(action: RunObjectRequiredAction) -> dict[str, Any]:
    members: dict[str, Any] = {"type": action.type}
    if action.tool_calls or action.type == "submit_tool_outputs":
        members["submit_tool_outputs"] = {"tool_calls": [_tool_call(call) for call in action.tool_calls]}
    return members | (action.extra or {})


def _tool_call(call: RunToolCallObject) -> dict[str, Any]:
    extra = dict(call.extra or {})
    function = {"name": call.function_name, "arguments": call.function_arguments} | extra.pop("function", {})
    return {"id": call.id, "type": call.type, "function": function} | extra


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


_CHECKED: WeakKeyDictionary[Engine, str | None] = WeakKeyDictionary()
"""Engines whose database is known to be an archive of this code's revision, and its PostgreSQL schema."""


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
        _CHECKED[connection.engine] = migrate.check(connection)
    # Not for the flush itself: the session may flush rows of the application's own tables too.
    with backend.borrowed(connection, _CHECKED[connection.engine], write=True):
        _prepare(session, connection, runs, loose)


def _prepare(session: Session, connection: Connection, runs: list[RunObject], loose: list[Shared]) -> None:
    """Write what is to be there before the runs, and give them what their columns do not say."""
    backend = backend_of(connection)
    reader = Reader(backend)
    mapper = Mapper()
    now = time.time_ns() // 1000
    looks = []
    for run in runs:
        text = wire.from_python(to_wire(run))
        # A run that is new to the session gets its times here; what the caller set stays.
        changed_at = now if inspect(run).persistent and not _was_set(run, "observed_at") else run.observed_at or now
        looks.append((run, mapper.look(mapper.draft(wire.run_members(text)), changed_at, run.source)))
    rows = {new: _row_of(new) for new in loose}
    writer.write_shared(connection, backend, (*(row for _, look in looks for row in look.shared), *rows.values()), {})
    adopted = _Adopted(session, rows)
    for shared in sorted(loose, key=lambda shared: not isinstance(shared, FunctionObject)):
        adopted.persistent(shared)
    for run, look in looks:
        adopted.adopt(run)
        if inspect(run).persistent:
            writer.replace_by_hand(connection, backend, look, reader.stored)
        run.shape_id = look.row[COLUMNS["shape"]]
        if run.digest != look.digest:
            run.digest, run.observed_at = look.digest, look.observed_at
        run.archived_at = run.archived_at or now
        extra = look.row[COLUMNS["extra"]]
        if (moved := wire.loads(extra) if extra else None) != run.extra:
            run.extra = moved
        _number(run)


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


def _was_set(run: RunObject, name: str) -> bool:
    return bool(inspect(run).attrs[name].history.added)


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
