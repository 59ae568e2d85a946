"""Alembic's environment: what makes a migration safe stands here, so that every alembic command has it."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import Connection, func, select

from runstore import config
from runstore.backends import create_engine
from runstore.errors import ArchiveDamaged
from runstore.migrate import VERSION_TABLE
from runstore.schema import Base

ADVISORY_LOCK = 0x72756E73746F7265  # "runstore"
"""One migrator at a time on a PostgreSQL database."""

SETTINGS: dict[str, Any] = {"target_metadata": Base.metadata, "version_table": VERSION_TABLE, "transactional_ddl": True}


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
        context.run_migrations()


def migrate(connection: Connection) -> None:
    """All revisions in one transaction: a migration that fails or is killed leaves the old schema whole."""
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        # A batch operation drops and remakes a table; with foreign keys on its children would go with it.
        # The pragma is ignored inside a transaction.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.rollback()
    context.configure(connection=connection, **SETTINGS)
    with connection.begin():
        if sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        context.run_migrations()
        if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
            raise ArchiveDamaged(id="?", reason=f"after the migration a row of {broken[0]} refers to nothing")
    if sqlite:
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        connection.rollback()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
