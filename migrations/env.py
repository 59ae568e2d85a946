"""Alembic's environment: what makes a migration safe stands here, so that every alembic command has it."""

from __future__ import annotations

import warnings
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, func, select

from runstore import config
from runstore.backends import create_engine
from runstore.errors import RunStoreError
from runstore.migrate import VERSION_TABLE
from runstore.schema import Base
from runstore.schema.base import JSONText, KeyString, Number

ADVISORY_LOCK = 0x72756E73746F7265  # "runstore"
"""One migrator at a time on a PostgreSQL database."""

LIMITS = ("SET LOCAL lock_timeout = '10s'", "SET LOCAL statement_timeout = '15min'")
"""On PostgreSQL: a migration that has to queue for a lock would make everybody behind it queue too."""

PLAIN_TYPES: dict[type, str] = {
    KeyString: "sa.Text().with_variant(sa.Text(collation='C'), 'postgresql')",
    JSONText: "sa.Text().with_variant(sa.JSON(), 'postgresql')",
    Number: "sa.Numeric()",
}
"""How a new revision spells the types of the models, for it imports nothing of runstore."""


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """For ``alembic revision --autogenerate``."""
    return PLAIN_TYPES.get(type(item), False) if kind == "type" else False


def include_name(name: str | None, kind: str, _: Any) -> bool:
    """The database may be shared: a table that is not ours is none of our business."""
    return kind != "table" or name in Base.metadata.tables


def include_object(_: Any, name: str | None, kind: str, *__: Any) -> bool:
    """PostgreSQL tells the expression of this index in other words; a test compares the catalogs."""
    return kind != "index" or name != "ix_run_object_seconds"


SETTINGS: dict[str, Any] = {
    "target_metadata": Base.metadata,
    "version_table": VERSION_TABLE,
    "transactional_ddl": True,
    "render_item": render_item,
    "include_name": include_name,
    "include_object": include_object,
}


def run_online() -> None:
    """On the connection that the caller handed over, else on the database that the environment names."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        migrate(connection)
        return
    url = config.database_url(context.config.get_main_option("sqlalchemy.url"))
    engine = create_engine(url)
    with engine.connect() as connection:
        migrate(connection)
    engine.dispose()


def run_offline() -> None:
    """Print the SQL (``alembic upgrade head --sql``) for the kind of database that the environment names."""
    url = config.database_url(context.config.get_main_option("sqlalchemy.url"))
    context.configure(url=url, literal_binds=True, **SETTINGS)
    with context.begin_transaction():
        for limit in LIMITS if url.get_backend_name() == "postgresql" else ():
            context.execute(limit)
        context.run_migrations()


def migrate(connection: Connection) -> None:
    """All revisions in one transaction: a migration that fails or is killed leaves the old schema whole."""
    context.configure(connection=connection, **SETTINGS)
    if connection.dialect.name == "sqlite":
        migrate_sqlite(connection)
        return
    with connection.begin():
        for limit in LIMITS:
            connection.exec_driver_sql(limit)
        connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        context.run_migrations()


def migrate_sqlite(connection: Connection) -> None:
    """With foreign keys off, for a batch operation drops and remakes a table, and its children would go with it."""
    # The pragma is ignored inside a transaction.
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    connection.rollback()
    try:
        with connection.begin():
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            context.run_migrations()
            if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                what = f"after the migration a row of {broken[0]} would refer to nothing"
                raise RunStoreError(detail=f"{what}; nothing was changed, PRAGMA foreign_key_check names the rows")
    finally:
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        connection.rollback()


# Alembic cannot compare indexes on expressions on SQLite; a test compares the catalogs.
warnings.filterwarnings("ignore", message=".*expression-based index")

if context.is_offline_mode():
    run_offline()
else:
    run_online()
