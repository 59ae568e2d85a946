"""For the ``env.py`` of applications whose tables stand in the same database: what Alembic has to leave alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runstore.migrate.state import VERSION_TABLE
from runstore.schema import TABLES


def include_name(name: str | None, kind: str, parents: Mapping[str, Any]) -> bool:
    """False for the tables of an archive in the database, which Alembic would drop.

    For ``include_name`` of ``context.configure``. It goes by names: where a table of the application has such a name,
    keep the archive in a PostgreSQL schema of its own, and do not use this hook.
    """
    return kind != "table" or (name != VERSION_TABLE and name not in TABLES)


def include_object(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """False for the tables of an archive, in the database and in ``target_metadata``.

    For ``include_object`` of ``context.configure``.
    """
    table = item if kind == "table" else item.table
    if not reflected:
        return not _is_ours(table)
    if compare_to is not None:
        return not _is_ours(compare_to if kind == "table" else compare_to.table)
    return table.name != VERSION_TABLE and table.name not in TABLES


def _is_ours(table: Any) -> bool:
    """Also of a copy in another MetaData, for foreign keys into another schema."""
    ours = TABLES.get(table.name)
    return ours is not None and ours.columns.keys() == table.columns.keys()
