"""The status of an archive for operators: its revision, its size and its last import."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import sqlalchemy
from sqlalchemy import Connection, case, func, select, text
from sqlalchemy.exc import DBAPIError

from runstore.backends import schema_of
from runstore.mapping import RUN, table_of
from runstore.migrate.imports import last_import
from runstore.migrate.state import REVISION, at_archive, revision_of
from runstore.schema import TABLES, FetchedThread

_FETCHED = table_of(FetchedThread)


class TableStatus(NamedTuple):
    """The size of a table."""

    table: str
    rows: int | None
    """Number of rows; on PostgreSQL, an estimate of the last ANALYZE or VACUUM, or None before the first."""
    bytes: int | None
    """Size with indexes; None if this SQLite was built without dbstat."""


class Status(NamedTuple):
    """The status of an archive, for monitoring."""

    revision: str | None
    expected: str
    """The revision of this runstore."""
    runs: int
    newest_snapshot: int | None
    """The latest time at which a run was observed (Unix microseconds)."""
    last_import: int | None
    """The last time at which an import, a ``save_many`` or a copy ended, or a run was saved by other means (Unix
    microseconds)."""
    last_fetch: int | None
    """The last time at which a server was asked for the runs of a thread (Unix microseconds)."""
    fetched_threads: int
    """Number of threads of servers that were fetched, at least in part."""
    failed_threads: int
    """Number of those whose last fetch failed."""
    bytes: int
    """Size of all tables with their indexes; on SQLite, of the file."""
    tables: list[TableStatus]


def status(connection: Connection) -> Status:
    """Return the status of an archive. On PostgreSQL, only the rows of run_object are counted."""
    with at_archive(connection):
        runs, newest, stored = connection.execute(
            select(func.count(), func.max(RUN.c.observed_at), func.max(RUN.c.archived_at)).select_from(RUN)
        ).one()
        sizes = _sqlite_sizes if connection.dialect.name == "sqlite" else _postgresql_sizes
        size, tables = sizes(connection)
        # A run that was saved by itself, through the ORM or in a caller's transaction does not set the last import.
        last = max((time for time in (last_import(connection), stored) if time is not None), default=None)
        failed = func.count(case((_FETCHED.c.failures > 0, 1)))
        asked, threads, failures = connection.execute(select(func.max(_FETCHED.c.asked_at), func.count(), failed)).one()
        return Status(revision_of(connection), REVISION, runs, newest, last, asked, threads, failures, size, tables)


def _postgresql_sizes(connection: Connection) -> tuple[int, list[TableStatus]]:
    sizes = connection.execute(
        text(
            "SELECT c.relname, nullif(c.reltuples, -1)::bigint, pg_total_relation_size(c.oid) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' AND n.nspname = :schema AND c.relname = ANY(:names) "
            "ORDER BY 1"
        ),
        {"schema": schema_of(connection), "names": list(TABLES)},
    )
    tables = [TableStatus(*row) for row in sizes]
    return sum(entry.bytes or 0 for entry in tables), tables


def _sqlite_sizes(connection: Connection) -> tuple[int, list[TableStatus]]:
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    size = pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    sizes: dict[str, int] = {}
    with suppress(DBAPIError):  # SQLite was built without dbstat
        rows = connection.exec_driver_sql(
            "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m USING (name) GROUP BY 1"
        )
        sizes = {str(name): int(size) for name, size in rows}
    live = set(sqlalchemy.inspect(connection).get_table_names())
    tables = [
        TableStatus(name, connection.scalar(select(func.count()).select_from(table)), sizes.get(name))
        for name, table in sorted(TABLES.items())
        if name in live
    ]
    return size, tables
