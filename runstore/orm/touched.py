"""The objects of a flush that belong to runs, and changes to them that the mapping cannot handle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from runstore.errors import ConfigurationError, PastTheMapping, SharedRowChanged
from runstore.orm.changes import is_changed, is_reordered
from runstore.schema import Base, RunObject, RunObjectChange
from runstore.schema.base import Shared
from runstore.schema.sessions import instead


def sorted_out(
    session: Session, touched: Sequence[Base]
) -> tuple[list[RunObject], list[RunObject], dict[RunObject, list[Base]]]:
    """Return the new and changed runs, the deleted ones, and the changed rows that belong to each run.

    Raises :class:`PastTheMapping` for a change that the mapping would not see.
    """
    runs: dict[RunObject, None] = {}
    deleted: list[RunObject] = []
    parts: dict[RunObject, list[Base]] = {}
    new_parts: list[Any] = []
    known = {
        inspect(item).dict.get("number"): item for item in session.identity_map.values() if isinstance(item, RunObject)
    }
    for item in touched:
        is_new, is_deleted = item in session.new, item in session.deleted
        is_reordered_in = any(is_reordered(item, rows) for rows in _LISTS)
        if not (is_new or is_deleted or is_reordered_in or session.is_modified(item)):
            continue
        if isinstance(item, Shared):
            if not is_new:
                raise SharedRowChanged(table=type(item).__tablename__, id=item.id)
            continue
        if inspect(item).key is not None and any(is_changed(item, key) for key in _keys(item)):
            what = f"changing the key of a {type(item).__name__}"
            raise PastTheMapping(what=what, instead="make a new object")
        if isinstance(item, RunObject):
            if is_deleted:
                deleted.append(item)
            else:
                runs[item] = None
        elif is_new:
            new_parts.append(item)
        elif (run := _owner(session, known, item.run_object)) is None or run not in session.deleted:  # type: ignore[attr-defined]
            if run is None or is_deleted or isinstance(item, RunObjectChange):
                raise _stray(item, "deleting" if is_deleted else "changing")
            runs[run] = None
            parts.setdefault(run, []).append(item)
    reached = {id(part) for run in runs for owner in (run, *parts.get(run, ())) for part in _of(owner, run.number)}
    for part in new_parts:
        if id(part) not in reached:
            raise _stray(part, "adding")
    return sorted(runs, key=lambda run: str(run.id)), deleted, parts


def _owner(session: Session, known: Mapping[Any, RunObject], number: int) -> RunObject | None:
    """Return the run with this number, given those that the session knows."""
    if number in known:
        return known[number]
    with session.no_autoflush:
        return session.scalar(select(RunObject).where(RunObject.number == number))


def _stray(item: Base, doing: str) -> PastTheMapping:
    return PastTheMapping(what=f"{doing} a {type(item).__name__} by itself", instead=instead(type(item)))


def _keys(item: Base) -> Iterator[str]:
    mapper = inspect(item).mapper
    return (mapper.get_property_by_column(column).key for column in mapper.primary_key)


def _of(owner: Base, number: int) -> Iterator[Base]:
    """Yield the loaded rows that belong to a run or to its required action.

    Raises :class:`PastTheMapping` for a row of another run.
    """
    loaded = inspect(owner).dict
    for name in _PARTS:
        found: Any = loaded.get(name) or []
        for part in found if isinstance(found, list) else [found]:
            if inspect(part).key is not None and inspect(part).identity[0] != number:
                raise _stray(part, "moving")
            yield part
            yield from _of(part, number)


_PARTS = ("required_action", "last_error", "incomplete_details", "usage", "tool_links", "file_links", "tool_calls")

_LISTS = ("tool_links", "file_links", "tool_calls")


def follow_keys(session: Session, run: RunObject) -> None:
    """Set the relationship to a shared row if only its key was set."""
    pairs: list[tuple[Any, str, str]] = [(run, f"{name}_id", name) for name in _SHARED_OBJECTS]
    pairs.append((run, "instructions_id", "instructions_row"))
    pairs += [(link, "tool_id", "tool") for link in inspect(run).dict.get("tool_links", ())]
    for owner, key, relation in pairs:
        if is_changed(owner, key) and not is_changed(owner, relation):
            model = inspect(owner).mapper.relationships[relation].mapper.class_
            shared_id = getattr(owner, key)
            shared = None if shared_id is None else session.get(model, shared_id)
            if shared is None and shared_id is not None:
                detail = f"{key} is {shared_id}, which is not a row of {model.__tablename__}"
                raise ConfigurationError(detail=detail)
            setattr(owner, relation, shared)


_SHARED_OBJECTS = ("truncation_strategy", "tool_choice", "response_format")
