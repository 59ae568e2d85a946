"""Shared values of a session: each receives the key of its value, and is inserted only if it is not stored yet.

A flush cannot insert a new object whose row already exists, so the object becomes the persistent object of that row.
After a rollback the object is restored, so that the session may try again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session, SessionTransaction, make_transient, make_transient_to_detached
from sqlalchemy.orm.util import identity_key

from runstore import wire
from runstore.mapping import SharedRow, shared_row, table_of
from runstore.orm.values import shared_value
from runstore.schema import RunObject

_ADOPTED = "runstore_adopted"
"""The key in the info of a session for a list of: transaction of the adoption, adopted object, its attributes."""


def row_of(shared: Any) -> SharedRow:
    """Return the row for a new shared object."""
    value = wire.members(wire.from_python({"value": shared_value(shared)}), "$")["value"]
    text = wire.canonical(value, "$")
    return shared_row(table_of(type(shared)), text, "$")


class Adoption:
    """The new shared objects of a session, made persistent under the key of their value."""

    def __init__(self, session: Session, rows: Mapping[Any, SharedRow]) -> None:
        self._session = session
        self._rows = rows
        self._known: dict[Any, Any] = {}

    def persistent(self, shared: Any) -> Any:
        """Return the session's only object for a value, which must be stored."""
        if shared not in self._rows:
            return shared
        if shared not in self._known:
            self._known[shared] = self._replace(shared, self._rows[shared])
        return self._known[shared]

    def _replace(self, shared: Any, row: SharedRow) -> Any:
        self._session.expunge(shared)
        if (known := self._session.identity_map.get(identity_key(type(shared), row.id))) is not None:
            return known
        if row.refers:
            shared.function = self.persistent(shared.function)
        shared.id, shared.digest = row.id, row.digest
        values = dict(inspect(shared).dict)
        make_transient_to_detached(shared)
        self._session.add(shared)
        transaction = self._session.get_nested_transaction() or self._session.get_transaction()
        self._session.info.setdefault(_ADOPTED, []).append((transaction, shared, values))
        return shared

    def adopt(self, run: RunObject) -> None:
        """Replace the shared objects of a run by the persistent ones."""
        loaded = inspect(run).dict
        for name in ("truncation_strategy", "tool_choice", "response_format", "instructions_row"):
            shared = loaded.get(name)
            if shared is not None and (known := self.persistent(shared)) is not shared:
                setattr(run, name, known)
        for link in loaded.get("tool_links", ()):
            if (known := self.persistent(link.tool)) is not link.tool:
                link.tool = known


@event.listens_for(Session, "after_soft_rollback")
def _give_back(session: Session, ended: SessionTransaction) -> None:
    kept = []
    for entry in session.info.pop(_ADOPTED, ()):
        transaction, shared, values = entry
        if not _is_within(transaction, ended):
            kept.append(entry)
            continue
        make_transient(shared)
        for attribute, value in values.items():
            setattr(shared, attribute, value)
    if kept:
        session.info[_ADOPTED] = kept


def _is_within(transaction: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while transaction is not None and transaction is not outer:
        transaction = transaction.parent
    return transaction is outer


@event.listens_for(Session, "after_commit")
def _forget(session: Session) -> None:
    session.info.pop(_ADOPTED, None)
