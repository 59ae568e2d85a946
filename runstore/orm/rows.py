"""Assign the rows that the mapping makes of a run to the objects of a session, which the flush then writes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column, Table, inspect
from sqlalchemy.orm.attributes import set_attribute

from runstore import wire
from runstore.errors import RunRejected
from runstore.mapping import BELONGS, CALLS, COLUMNS, MEMBER_TABLES, REQUIRED_ACTION, RUN, SHARED, Snapshot
from runstore.orm.values import COLUMN_ATTRIBUTES, RELATIONS
from runstore.save.writer import Head
from runstore.schema import RunObject
from runstore.schema.base import JSONText

_KEPT = {"id", "digest", "observed_at", "archived_at", "source", "number", *(column for column, _ in SHARED.values())}
"""The columns of run_object that are set elsewhere; the keys of shared rows are set by the relationships."""


def put(
    run: RunObject, snapshot: Snapshot, members: Collection[str], stored: Head | None, number: int, now: int
) -> None:
    """Set a run, and its rows in other tables for the changed *members*, to the values of a snapshot.

    *stored* is the head of the stored run, if there is one. *number* is that of the run.
    """
    is_new, loaded = not inspect(run).persistent, inspect(run).dict
    _refuse_other_types(run, _value(RUN.columns["extra"], snapshot.row[COLUMNS["extra"]]), "$")
    for column, place in COLUMNS.items():
        attribute = COLUMN_ATTRIBUTES[column]
        # An attribute that is neither loaded nor changed is already correct.
        if column not in _KEPT and (is_new or attribute in loaded or column in members or column in ("extra", "shape")):
            _set(run, attribute, _value(RUN.columns[column], snapshot.row[place]))
    if is_new:
        # A relationship that was never set would leave the key that a run deleted in the same flush had.
        for column, _ in SHARED.values():
            if snapshot.row[COLUMNS[column]] is None:
                _set(run, COLUMN_ATTRIBUTES[column], None)
    for member, table in (*BELONGS.items(), ("required_action", REQUIRED_ACTION)):
        if member in members:
            part = getattr(run, member)
            _put_rows(member, table, snapshot, [] if part is None else [part])
    if "required_action" in members:
        _put_rows("required_action", CALLS, snapshot, run.required_action.tool_calls if run.required_action else [])
    for member in ("tools", "file_ids"):
        if member in members:
            _compare(
                member, len(getattr(run, RELATIONS[member])), len(snapshot.children.get(MEMBER_TABLES[member][0], ()))
            )
    _set(run, "digest", snapshot.digest)
    _set(run, "number", number)
    # Ignore the value on the object: a merge may have copied it from another object.
    same = stored is not None and stored.digest == snapshot.digest
    _set(run, "observed_at", stored.observed_at if stored and same else snapshot.observed_at)
    _set(run, "archived_at", stored.archived_at if stored else now)
    for member in members:
        _number(run, member)


def _put_rows(member: str, table: Table, snapshot: Snapshot, items: Sequence[Any]) -> None:
    rows = list(snapshot.rows(table))
    _compare(member, len(items), len(rows))
    for item, row in zip(items, rows, strict=True):
        if "extra" in table.columns:
            place = list(table.columns).index(table.columns["extra"])
            _refuse_other_types(item, _value(table.columns["extra"], row[place]), wire.join("$", member))
        for column, value in zip(table.columns, row, strict=True):
            if column.name not in ("run_object", "position"):
                _set(item, column.key, _value(column, value))


def _refuse_other_types(item: Any, extra: dict[str, Any] | None, path: str) -> None:
    """Raise :class:`RunRejected` if an attribute was set to a value of a type that its column does not accept."""
    for key in (extra or {}).keys() - (item.extra or {}).keys():
        # A float may be there for another reason: the column would turn it into an integer.
        if extra and not isinstance(extra[key], float):
            raise wire.expected("a value of the column's type", wire.encode(extra[key]), wire.join(path, key))


def _compare(member: str, items: int, rows: int) -> None:
    if items != rows:
        reason = f"differs between extra and {member} of the run; set only one of the two"
        raise RunRejected(path=wire.join("$", member), reason=reason)


def _value(column: Column[Any], value: Any) -> Any:
    return wire.loads(value) if isinstance(column.type, JSONText) and value is not None else value


def _set(item: Any, attribute: str, value: Any) -> None:
    # Set None even if nothing was set: an object that replaces a deleted one becomes an UPDATE of its row.
    loaded = inspect(item).dict
    if attribute not in loaded or repr(loaded[attribute]) != repr(value):
        set_attribute(item, attribute, value)  # bypasses the refusal to assign runstore's own columns


_LISTS = {
    "tools": ("tool_links", ("tool",)),
    "file_ids": ("file_links", ("file_ids",)),
    "required_action": ("tool_calls", ("id", "type", "function_name", "function_arguments", "extra")),
}
"""The list of rows for each of these members, and the attributes of the rows except their position."""


def _number(run: RunObject, member: str) -> None:
    """Number the rows of a list member 0, 1, 2 ...

    The position is part of a row's key, so stored rows keep theirs and take over the values that move there.
    """
    owner: Any = run.required_action if member == "required_action" else run
    if member not in _LISTS or owner is None:
        return
    name, values = _LISTS[member]
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
