"""Hooks for the ``env.py`` of applications with tables in the same database: what Alembic has to ignore."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runstore.migrate.state import VERSION_TABLE
from runstore.schema import TABLES


def include_name(name: str | None, kind: str, parents: Mapping[str, Any]) -> bool:
    """Return False for the tables of an archive in the database, which Alembic would otherwise drop.

    Pass it to ``context.configure`` as ``include_name``. It compares names only: if a table of the application has the
    same name, keep the archive in a PostgreSQL schema of its own, and do not use this hook.
    """
    return kind != "table" or (name != VERSION_TABLE and name not in TABLES)


def include_object(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Return False for the tables of an archive, in the database and in ``target_metadata``.

    Pass it to ``context.configure`` as ``include_object``.
    """
    table = item if kind == "table" else item.table
    if not reflected:
        return not _is_ours(table)
    if compare_to is not None:
        return not _is_ours(compare_to if kind == "table" else compare_to.table)
    return table.name != VERSION_TABLE and table.name not in TABLES


def _is_ours(table: Any) -> bool:
    """Return whether a table is runstore's, or a copy in another MetaData for foreign keys into another schema."""
    ours = TABLES.get(table.name)
    return ours is not None and ours.columns.keys() == table.columns.keys()
