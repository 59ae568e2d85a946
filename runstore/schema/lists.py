"""Lists whose items are rows of a link table, as attributes of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy.ext.associationproxy import AssociationProxy, _AssociationList, association_proxy


class Rows(list[Any]):
    """The rows of a relationship. SQLAlchemy does not notice a reordering of its own list, and would lose the order."""

    def reverse(self) -> None:
        self[:] = self[::-1]

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        self[:] = sorted(self, key=key, reverse=reverse)


class _LinkedList(_AssociationList[Any]):
    """An association list that can be reordered. SQLAlchemy's refuses, as its rows may have no order; ours have one.

    The base class is not documented. The only documented alternative is to assign a whole new list.
    """

    def reverse(self) -> None:  # type: ignore[override]
        self[:] = self[::-1]

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:  # type: ignore[override]
        self[:] = sorted(self, key=key, reverse=reverse)


def linked(rows: str, item: str, row_of: Callable[[Any], Any]) -> AssociationProxy[Any]:
    """Return a proxy for one attribute of the rows of a relationship; *row_of* makes the row for an item."""

    def held(instance: Any) -> Any:
        return getattr(instance, item)

    def hold(instance: Any, value: Any) -> None:
        setattr(instance, item, value)

    def make(lazy_collection: Any, creator: Any, value_attr: str, parent: Any) -> _LinkedList:
        return _LinkedList(lazy_collection, creator, held, hold, parent)

    def fill(proxy: Any, collection: Iterable[Any]) -> None:
        proxy.extend(collection)

    return association_proxy(rows, item, creator=row_of, proxy_factory=make, proxy_bulk_set=fill)
