"""What operators ask about an archive: how large and how fresh it is, and who may do what."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import sqlalchemy
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from runstore.backends.base import quoted
from runstore.errors import ConfigurationError
from runstore.mapping import RUN, SHARED_TABLES
from runstore.migrate.state import REVISION, VERSION_TABLE, VIEWS, current, schema_name
from runstore.schema import Base
from runstore.schema.run import JSONTerms


class TableStatus(NamedTuple):
    """One table."""

    table: str
    rows: int | None
    """On PostgreSQL an estimate, as of the last ANALYZE or VACUUM; None before the first."""
    bytes: int | None
    """With its indexes; None where this SQLite cannot tell tables apart."""


class Status(NamedTuple):
    """An archive, for monitoring."""

    revision: str | None
    expected: str
    """The revision of this runstore."""
    runs: int
    newest_look: int | None
    """The latest time at which a run was seen (Unix microseconds)."""
    last_import: int | None
    """When a run was last stored for the first time (Unix microseconds)."""
    bytes: int
    """All tables with their indexes; on SQLite the whole file."""
    tables: list[TableStatus]


def status(connection: Connection) -> Status:
    """How large an archive is, and how fresh. Reads run_object once; other tables are not counted on PostgreSQL."""
    runs, newest, last = connection.execute(
        select(func.count(), func.max(RUN.c.observed_at), func.max(RUN.c.archived_at)).select_from(RUN)
    ).one()
    sizes = _sqlite_sizes if connection.dialect.name == "sqlite" else _postgresql_sizes
    size, tables = sizes(connection)
    return Status(current(connection), REVISION, runs, newest, last, size, tables)


def _postgresql_sizes(connection: Connection) -> tuple[int, list[TableStatus]]:
    found = connection.execute(
        text(
            "SELECT c.relname, nullif(c.reltuples, -1)::bigint, pg_total_relation_size(c.oid) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' AND n.nspname = :schema AND c.relname = ANY(:names) "
            "ORDER BY 1"
        ),
        {"schema": schema_name(connection), "names": list(Base.metadata.tables)},
    )
    tables = [TableStatus(*row) for row in found]
    return sum(entry.bytes or 0 for entry in tables), tables


def _sqlite_sizes(connection: Connection) -> tuple[int, list[TableStatus]]:
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    size = pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    sizes: dict[str, int] = {}
    with suppress(DBAPIError):  # an SQLite that was built without dbstat
        found = connection.exec_driver_sql(
            "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m USING (name) GROUP BY 1"
        )
        sizes = {str(name): int(size) for name, size in found}
    live = set(sqlalchemy.inspect(connection).get_table_names())
    tables = [
        TableStatus(name, connection.scalar(select(func.count()).select_from(table)), sizes.get(name))
        for name, table in sorted(Base.metadata.tables.items())
        if name in live
    ]
    return size, tables


def grants(connection: Connection, *, writer: str, reader: str) -> str:
    """The GRANTs with which *writer* imports and saves and *reader* finds, exports and asks, and neither does more.

    For an administrator, or the owner of database, schema and tables, to execute, again after each upgrade: a
    revision may add tables. Neither role deletes runs or migrates. Raises :class:`ConfigurationError` on SQLite, which
    has no roles.
    """
    if connection.dialect.name == "sqlite":
        raise ConfigurationError(detail="SQLite has no roles: who may write the file may do everything")
    # The URL may leave the database to the PG... variables, or have a pooler's name for it.
    database = connection.execute(select(func.current_database())).scalar_one()
    schema = quoted(schema_name(connection))

    def line(rights: str, to: str, *names: str) -> str:
        return f"GRANT {rights} ON {', '.join(f'{schema}.{quoted(name)}' for name in names)} TO {to};"

    both = quoted(writer, reader)
    shared = sorted(table.name for table in SHARED_TABLES)
    belonging = sorted({*Base.metadata.tables} - {*shared, RUN.name})
    lines = (
        f"GRANT CONNECT ON DATABASE {quoted(database)} TO {both};",
        f"GRANT USAGE ON SCHEMA {schema} TO {both};",
        line("SELECT", both, VERSION_TABLE, RUN.name, *belonging, *shared, *VIEWS),
        line("INSERT, UPDATE", quoted(writer), RUN.name),
        line("INSERT, UPDATE, DELETE", quoted(writer), *belonging),
        line("INSERT", quoted(writer), *shared),
        # Everybody may, where nobody has changed the defaults; an index of it needs it for every row.
        f"GRANT EXECUTE ON FUNCTION {schema}.{quoted(JSONTerms.name)}(json) TO {both};",
    )
    return "\n".join(lines) + "\n"
