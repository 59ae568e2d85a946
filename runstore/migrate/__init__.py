"""The schema of a database: its revision, migrations to another revision, and the status that operators need.

The measures that make a migration safe on a database in use are in ``migrations/env.py``, so that they apply to
Alembic's own commands too.
"""

from runstore.migrate.hooks import include_name, include_object
from runstore.migrate.imports import note_import
from runstore.migrate.report import Status, TableStatus, status
from runstore.migrate.rights import apply_grants, grants
from runstore.migrate.state import REVISION, VERSION_TABLE, VIEWS, check, current, is_new, reach, require, wait
from runstore.migrate.steps import (
    Revision,
    alembic_config,
    create,
    diff,
    downgrade,
    engine,
    history,
    scripts,
    sql,
    stamp,
    upgrade,
)

__all__ = [
    "REVISION",
    "VERSION_TABLE",
    "VIEWS",
    "Revision",
    "Status",
    "TableStatus",
    "alembic_config",
    "apply_grants",
    "check",
    "create",
    "current",
    "diff",
    "downgrade",
    "engine",
    "grants",
    "history",
    "include_name",
    "include_object",
    "is_new",
    "note_import",
    "reach",
    "require",
    "scripts",
    "sql",
    "stamp",
    "status",
    "upgrade",
    "wait",
]
