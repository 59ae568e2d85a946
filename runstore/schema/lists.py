"""Lists whose items stand in rows of a link table, as attributes of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy.ext.associationproxy import AssociationProxy, _AssociationList, association_proxy


class Rows(list[Any]):
    """The rows of a relationship. SQLAlchemy's list says nothing of another order, which would be lost."""

    def reverse(self) -> None:
        self[:] = self[::-1]

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        self[:] = sorted(self, key=key, reverse=reverse)


class _LinkedList(_AssociationList[Any]):
    """SQLAlchemy's list, which refuses to be put into another order: its rows know none. Ours do, so it gets new ones.

    The class is not a documented one; what is documented leaves nothing but to write a whole list anew.
    """

    def reverse(self) -> None:  # type: ignore[override]
        self[:] = self[::-1]

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:  # type: ignore[override]
        self[:] = sorted(self, key=key, reverse=reverse)


def linked(rows: str, item: str, row_of: Callable[[Any], Any]) -> AssociationProxy[Any]:
    """The items that a relationship's rows hold in an attribute; *row_of* makes the row of an item."""

    def held(instance: Any) -> Any:
        return getattr(instance, item)

    def hold(instance: Any, value: Any) -> None:
        setattr(instance, item, value)

    def make(lazy_collection: Any, creator: Any, value_attr: str, parent: Any) -> _LinkedList:
        return _LinkedList(lazy_collection, creator, held, hold, parent)

    def fill(proxy: Any, collection: Iterable[Any]) -> None:
        proxy.extend(collection)

    return association_proxy(rows, item, creator=row_of, proxy_factory=make, proxy_bulk_set=fill)
