"""Guards on what sessions may do to the tables of runs. They are active wherever the models are imported.

A flush that touches runs is passed to :mod:`runstore.orm`, which is loaded on demand. Statements that change rows are
refused, because they would leave the digest, the key layout and the history of runs as they were. This covers
statements executed through a session, with models or their tables, alone or in a CTE, and the ``bulk_`` methods. Among
statements executed on the connection of a session, only those in CTEs are detected.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Delete, ExecutionContext, Table, Update, UpdateBase, event
from sqlalchemy.orm import FromStatement, ORMExecuteState, Session, SessionTransaction, UOWTransaction
from sqlalchemy.sql import visitors

from runstore.errors import PastTheMapping
from runstore.schema.base import Base, Shared
from runstore.schema.fetched import FetchedThread
from runstore.schema.outcome import RunObjectChange
from runstore.schema.price import ModelPrice
from runstore.schema.run import RunObject

TABLES = dict(Base.metadata.tables)
"""All tables of an archive by name. Applications may derive models from the same base later."""

_OURS = tuple(mapper.class_ for mapper in Base.registry.mappers if mapper.class_ not in (ModelPrice, FetchedThread))
"""The models that make up runs."""

_TABLES: dict[Table, type] = {model.__table__: model for model in _OURS}

_FLUSHING = "runstore_flushing"
"""The key in the info of a connection that marks a flush in progress."""


def instead(model: type) -> str:
    """Return what to do instead of changing rows of a model."""
    if issubclass(model, Shared):
        return "many runs share its rows, so they never change; give the run another value"
    if model is RunObjectChange:
        return "history is written when runs are saved or their attributes are changed"
    if model is RunObject:
        return "change the attributes of RunObject objects, or save and delete with RunRepository"
    return "change it as an attribute of its run"


def _refuse(statement: UpdateBase, prefix: str = "") -> None:
    if (model := _TABLES.get(statement.table)) is not None:  # type: ignore[call-overload]
        kind = next(name for kind, name in _KINDS if isinstance(statement, kind))
        raise PastTheMapping(what=f"{prefix}{kind} {model.__tablename__}", instead=instead(model))


_KINDS: tuple[tuple[type, str], ...] = ((Update, "UPDATE"), (Delete, "DELETE FROM"), (UpdateBase, "INSERT INTO"))


@event.listens_for(Session, "do_orm_execute")
def _refuse_statements(state: ORMExecuteState) -> None:
    statement: Any = state.statement
    if isinstance(statement, FromStatement):
        statement = statement.element
    if isinstance(statement, Delete) and _TABLES.get(statement.table) is RunObject:  # type: ignore[call-overload]
        _orm().may_delete(state.session)  # the database deletes the other rows of a run with it
    elif isinstance(statement, UpdateBase):
        _refuse(statement)


@event.listens_for(Session, "before_flush")
def _through_the_mapping(session: Session, _: UOWTransaction, __: object) -> None:
    touched = [item for item in (*session.new, *session.dirty, *session.deleted) if isinstance(item, _OURS)]
    if touched:
        _orm().before_flush(session, touched)
        connection_of(session).info[_FLUSHING] = True


@event.listens_for(Session, "after_flush")
def _after_flush(session: Session, _: UOWTransaction) -> None:
    if session.in_transaction():
        connection_of(session).info.pop(_FLUSHING, None)


@event.listens_for(Session, "after_begin")
def _watch(_: Session, __: SessionTransaction, connection: Connection) -> None:
    connection.info.pop(_FLUSHING, None)  # left by a failed flush
    if not event.contains(connection, "before_execute", _refuse_bulk):
        event.listen(connection, "before_execute", _refuse_bulk)
        event.listen(connection, "before_cursor_execute", _refuse_ctes)


def _refuse_bulk(connection: Connection, statement: Any, _: Any, __: Any, options: Any) -> None:
    """Refuse statements of the ``bulk_`` methods: ORM statements outside a flush."""
    if "compiled_cache" in options and isinstance(statement, UpdateBase) and _FLUSHING not in connection.info:
        _refuse(statement, "a bulk ")


def _refuse_ctes(_: Connection, __: Any, ___: str, ____: Any, context: ExecutionContext | None, _____: bool) -> None:
    """Refuse statements in CTEs of another statement, at any depth.

    After compilation it is known whether a statement has CTEs, so all others need not be searched. The compiler lists
    the CTEs that it places before the statement, but not those that stay inside it (``nesting``).
    """
    compiled: Any = context.compiled if context is not None else None
    listed = getattr(compiled, "ctes", None)
    if listed is None:
        return
    for root in (compiled.statement, *listed):
        for element in visitors.iterate(root):
            if isinstance(element, UpdateBase) and element is not compiled.statement:
                _refuse(element, "a CTE with ")


def connection_of(session: Session) -> Connection:
    """Return the connection on which a session reads and writes runs."""
    return session.connection(bind_arguments={"mapper": RunObject.__mapper__})


def _orm() -> Any:
    # The only import against the order of modules: the code that writes runs depends on the models.
    from runstore import orm

    return orm
