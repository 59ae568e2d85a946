"""JSON values of mapped attributes that detect changes in place, at any depth, because SQLAlchemy does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, wraps
from typing import Any

from sqlalchemy.ext.mutable import Mutable
from sqlalchemy.orm import InstanceState
from sqlalchemy.orm.attributes import flag_modified

from runstore.errors import ConfigurationError, RunStoreError


class _Holders(dict[InstanceState[Any], str]):
    """The states of the objects that hold a value, the attribute of each, and strong references to the objects.

    Mutable holds weak references, and so does a session to unchanged objects: a run of which the application keeps
    only the metadata would be discarded before a change, and the change lost. The garbage collector breaks the cycle.
    """

    def __init__(self) -> None:
        super().__init__()
        self._objects: dict[InstanceState[Any], object] = {}

    def __setitem__(self, state: InstanceState[Any], key: str) -> None:
        super().__setitem__(state, key)
        self._objects[state] = state.obj()

    def pop(self, state: InstanceState[Any], default: Any = None) -> Any:
        """Forget an object. SQLAlchemy calls this when the object is given another value."""
        self._objects.pop(state, None)
        return super().pop(state, default)


class Tracked(Mutable):
    """A JSON object or array. A change to it marks the attribute whose value it is, or whose value contains it."""

    _owner: Tracked | None = None

    @cached_property
    def _parents(self) -> _Holders:  # type: ignore[override]
        return _Holders()

    @classmethod
    def coerce(cls, key: str, value: Any) -> Tracked | None:
        """Return the tracked copy of a plain dict or list that an attribute will hold."""
        if value is None or isinstance(value, Tracked):
            return value
        if not isinstance(value, dict | list):
            detail = f"{key} must be a dict (a JSON object) or None, not {type(value).__name__}"
            raise ConfigurationError(detail=detail)
        return TrackedDict(value) if isinstance(value, dict) else TrackedList(value)

    def changed(self) -> None:
        """Mark all attributes whose value this is, or contains this.

        Raises :class:`RunStoreError` if no attribute holds it any longer, because the change would be lost.
        """
        holding = [(state.obj(), key) for state, key in self._parents.items() if state.dict.get(key) is self]
        for item, key in holding:
            flag_modified(item, key)
        if self._parents and not holding:
            key = next(iter(self._parents.values()))
            detail = f"this value of {key} predates a commit, rollback or refresh; change the current value of {key}"
            raise RunStoreError(detail=detail)
        if self._owner is not None:
            self._owner.changed()

    def __getstate__(self) -> None:
        """Return no state: the items are copied and pickled anyway, and a copy belongs to no attribute."""

    def _own(self) -> None:
        raise NotImplementedError


def _tracked(value: Any, owner: Tracked | None) -> Any:
    if not isinstance(value, dict | list) or (isinstance(value, Tracked) and value._owner is owner is not None):
        return value
    made = TrackedDict(value) if isinstance(value, dict) else TrackedList(value)
    made._owner = owner
    return made


def _noticed(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def change(self: Tracked, *args: Any, **items: Any) -> Any:
        result = method(self, *args, **items)
        self._own()
        self.changed()
        return result

    return change


class TrackedDict(Tracked, dict[str, Any]):
    """A JSON object."""

    def __init__(self, items: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__(items)
        self._own()

    def _own(self) -> None:
        for key, value in self.items():
            dict.__setitem__(self, key, _tracked(value, self))

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of a key; set it first if the key is missing."""
        if key not in self:
            self[key] = default
        return self[key]


class TrackedList(Tracked, list[Any]):
    """A JSON array."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__(items)
        self._own()

    def _own(self) -> None:
        for place, value in enumerate(self):
            list.__setitem__(self, place, _tracked(value, self))


_CHANGES: dict[type, tuple[str, ...]] = {
    TrackedDict: ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "update"),
    TrackedList: (
        *("__setitem__", "__delitem__", "__iadd__", "__imul__", "append", "clear", "extend", "insert", "pop"),
        *("remove", "reverse", "sort"),
    ),
}
for _kind, _names in _CHANGES.items():
    for _name in _names:
        setattr(_kind, _name, _noticed(getattr(_kind, _name)))
