"""Protection of other users during a migration: one migration at a time, limits for transactions, a backup.

``migrations/env.py`` applies it to the revisions. Nothing depends on the state of a session, because a pooler may give
each transaction another one.
"""

from __future__ import annotations

import logging
import math
import re
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, delete, false, func, inspect, select, table
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.schema import CreateSchema

from runstore import config
from runstore.backends import schema_of, session
from runstore.backends.base import quoted
from runstore.errors import MigrationBlocked, RunStoreError
from runstore.files import BESIDE, complete_file
from runstore.migrate.state import VERSION_TABLE

ADVISORY_LOCK = 0x72756E73  # "runs"
"""First key of the advisory lock of a migration; the second is :func:`key_of` the schema."""

POLL = 0.5
"""Seconds between two tries for the lock: a statement that waits holds a snapshot, for which index builds wait."""

_log = logging.getLogger("runstore")


def wait_for_turn(is_ours: Callable[[], bool], place: str, limits: config.Limits, obstacle: str, hint: str) -> None:
    """Wait until *is_ours* returns True, and log that. Raise :class:`MigrationBlocked` if it takes too long."""
    end = time.monotonic() + (limits.turn or math.inf)
    if is_ours():
        return
    at_most = f"at most {limits.turn:g} seconds" if limits.turn else "without limit"
    _log.warning("%s: waiting (%s): %s", place, at_most, obstacle)
    while not is_ours():
        if time.monotonic() > end:
            reason = f"{obstacle} for more than {limits.turn:g} seconds; {hint}, or increase RUNSTORE_MIGRATION_WAIT"
            raise MigrationBlocked(place=place, reason=reason)


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def key_of(schema: str | None) -> int:
    """Return a number of 32 bits for advisory locks on the archive in this schema."""
    return zlib.crc32(str(schema).encode()) - 2**31


@contextmanager
def turn(connection: Connection, limits: config.Limits) -> Iterator[Callable[[], None]]:
    """Hold the lock of the only migration of this archive. Yield a function that raises if the lock was lost.

    The lock belongs to a transaction on a separate connection. So it outlives the transactions of the revisions, ends
    with the process in any case, and works behind a pooler, which keeps the session until the transaction ends. An open
    transaction in READ COMMITTED holds no snapshot between its statements, so that no index build waits for it.
    """
    place = config.shown(connection.engine.url)
    holder = connection.engine.connect().execution_options(isolation_level="READ COMMITTED")

    def is_ours() -> bool:
        holder.exec_driver_sql(f"SET LOCAL search_path = {session.SAFE_PATH}")
        if holder.scalar(select(func.pg_try_advisory_xact_lock(ADVISORY_LOCK, key))):
            return True
        holder.rollback()
        time.sleep(POLL)
        return False

    def still_ours() -> None:
        try:
            holder.scalar(select(1))
        except DBAPIError as error:
            reason = "the session that holds its lock was ended, so that another migration may be running"
            hint = "finished revisions are complete; run the upgrade again"
            raise MigrationBlocked(place=place, reason=f"{reason}; {hint}") from error

    with holder:
        key = key_of(schema_of(connection))
        hint = "find the session that holds the advisory lock in pg_locks"
        wait_for_turn(is_ours, place, limits, "another migration has been running", hint)
        # The holder idles while the revisions run, and must not be ended because of that.
        holder.exec_driver_sql(
            "SELECT set_config(name, '0', true) FROM pg_settings "
            "WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')"
        )
        yield still_ours


def set_up_transaction(connection: Connection, limits: config.Limits) -> None:
    """Set the limits and the search_path, for this transaction alone.

    The names in a revision are looked up in pg_catalog and in the schema of the archive, in which nobody else may have
    created objects with names of PostgreSQL's own.

    A statement outside a transaction (CONCURRENTLY) blocks nobody and may take long, so that it gets no limits,
    whatever those of the role are. They can only be set for the session, and therefore not behind a pooler.
    """
    driver = session.driver_of(connection)
    schema = schema_of(connection)
    assert schema is not None
    path = f"{quoted(schema)}, pg_temp"
    settings: dict[str, str] = {"lock_timeout": "0", "statement_timeout": "0", "search_path": path}
    if not driver.autocommit:
        settings = {"lock_timeout": milliseconds(limits.lock), "statement_timeout": milliseconds(limits.statement)}
        settings |= session.settings(driver, write=True)
        settings["quote_all_identifiers"] = "off"  # Alembic compares the texts of expressions
    elif is_pooled(connection):
        return

    def put(name: str, value: str) -> None:
        # The driver executes this, because SQLAlchemy has not begun the transaction yet.
        driver.execute("SELECT pg_catalog.set_config(%s, %s, %s)", (name, value, not driver.autocommit))

    for name, value in settings.items():
        put(name, value)
    if not driver.autocommit:
        session.refuse_planted(driver, schema)
        put("search_path", path)


def milliseconds(seconds: float) -> str:
    """Return a time for PostgreSQL's settings, at least one millisecond, because zero means no limit."""
    return f"{max(1, round(seconds * 1000)) if seconds else 0}ms"


def is_pooled(connection: Connection) -> bool:
    """Return whether a pooler is between us and the server: the server process is not the one we connected to."""
    driver = session.driver_of(connection)
    row = driver.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    return row is None or row[0] != driver.info.backend_pid


def make_schema(connection: Connection) -> None:
    """Create the chosen schema if it does not exist, like the file on SQLite."""
    schema = schema_of(connection)
    if schema and schema not in inspect(connection).get_schema_names():
        connection.execute(CreateSchema(schema))
        connection.commit()


# --- SQLite -----------------------------------------------------------------------------------------------------------


def take_file(connection: Connection, limits: config.Limits) -> None:
    """Begin a transaction as the only writer of the file, and wait in short steps, so that it can be interrupted."""
    patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(POLL * 1000)}")

    def is_ours() -> bool:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    try:
        hint = "let the running import or migration finish"
        place = config.shown(connection.engine.url)
        wait_for_turn(is_ours, place, limits, "another process has been writing the file", hint)
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")


def back_up(connection: Connection, revision: str | None) -> None:
    """Copy the file to a new file next to it while nobody else writes, unless it holds no archive yet."""
    file = config.sqlite_file(connection.engine.url)
    if file is None or revision is None:
        return
    # This fails if the file is read-only, before the copy is made; BEGIN IMMEDIATE does not check that.
    connection.execute(delete(table(VERSION_TABLE)).where(false()))
    made_at = f"{time.strftime('%Y%m%dT%H%M%S')}{time.time_ns() // 1000 % 10**6:06}"
    copy = file.with_name(f"{file.name}.{revision}.{made_at}.backup")
    try:
        _clear_unfinished(file)
        with complete_file(copy, archive=file, replace=False) as made:
            source = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
            with closing(source), closing(sqlite3.connect(made.name)) as target:
                source.backup(target)
    except (sqlite3.Error, OSError) as error:
        hint = "free some space, or make a backup yourself and use --no-backup"
        raise RunStoreError(detail=f"{copy} could not be written ({error}); nothing was changed; {hint}") from error
    _log.warning("a backup of %s at revision %s was written to %s", file, revision, copy)


def _clear_unfinished(file: Path) -> None:
    """Remove unfinished copies that killed migrations of this file have left; we hold the lock, so none is in use."""
    random, beside = r"(\.[0-9a-f]{16})?", "|".join(BESIDE)
    left = re.compile(rf"\.?{re.escape(file.name)}\.\d{{4}}\.\d{{8}}T\d{{6,12}}\.backup{random}\.part({beside})")
    with suppress(OSError):  # failing to remove them is no reason to fail the migration
        for path in file.parent.iterdir():
            if left.fullmatch(path.name):
                path.unlink(missing_ok=True)
