"""What a migration needs so that nobody else suffers: its turn, limits for each transaction, a copy of the file.

``migrations/env.py`` puts it around the revisions. Nothing depends on the state of a session, for a pooler may give
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
"""With :func:`key_of` the schema: one migration at a time for each archive of a PostgreSQL database."""

POLL = 0.5
"""Seconds between two tries for the lock: a statement that waits is an open snapshot, for which index builds wait."""

_log = logging.getLogger("runstore")


def wait_for_turn(is_ours: Callable[[], bool], place: str, limits: config.Limits, obstacle: str, hint: str) -> None:
    """Return when it is our turn; whoever waits is told so, and raises after too long a time."""
    end = time.monotonic() + (limits.turn or math.inf)
    if is_ours():
        return
    at_most = f"{limits.turn:g} seconds at most" if limits.turn else "without limit"
    _log.warning("%s: waiting, %s: %s", place, at_most, obstacle)
    while not is_ours():
        if time.monotonic() > end:
            reason = f"{obstacle} for more than {limits.turn:g} seconds; {hint}, or raise RUNSTORE_MIGRATION_WAIT"
            raise MigrationBlocked(place=place, reason=reason)


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def key_of(schema: str | None) -> int:
    """A number of 32 bits, for advisory locks that are about the archive in this schema."""
    return zlib.crc32(str(schema).encode()) - 2**31


@contextmanager
def turn(connection: Connection, limits: config.Limits) -> Iterator[Callable[[], None]]:
    """Be the only one to migrate this archive; gives what raises when that is no longer so.

    The lock is that of a transaction on a connection of its own: it outlives the transactions of the revisions, ends
    with its holder however that ends, and behind a pooler too the server's session is ours until then. An open
    transaction in READ COMMITTED has no snapshot between its statements, so no index build waits for it.
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
            reason = "the session that holds its lock was ended, so another migration may be at work"
            raise MigrationBlocked(place=place, reason=f"{reason}; what was done is whole, upgrade again") from error

    with holder:
        key = key_of(schema_of(connection))
        hint = "see pg_locks for the session that holds the advisory lock"
        wait_for_turn(is_ours, place, limits, "another migration has been at work", hint)
        # The holder idles while the revisions run: that must not end it.
        holder.exec_driver_sql(
            "SELECT set_config(name, '0', true) FROM pg_settings "
            "WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')"
        )
        yield still_ours


def set_up_transaction(connection: Connection, limits: config.Limits) -> None:
    """Limits and the schema, for this transaction alone.

    The names in a revision are looked up in PostgreSQL's own schema and in that of the archive, where nobody else may
    have put something of PostgreSQL's names.

    A statement that runs in no transaction (CONCURRENTLY) stops nobody and takes its time: it gets no limits, whatever
    the role's are. They can only be set for the session, so not behind a pooler.
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
        # Past SQLAlchemy, which has not begun yet.
        driver.execute("SELECT pg_catalog.set_config(%s, %s, %s)", (name, value, not driver.autocommit))

    for name, value in settings.items():
        put(name, value)
    if not driver.autocommit:
        session.refuse_planted(driver, schema)
        put("search_path", path)


def milliseconds(seconds: float) -> str:
    """A time as PostgreSQL's settings have it. The least is one: none is for ever."""
    return f"{max(1, round(seconds * 1000)) if seconds else 0}ms"


def is_pooled(connection: Connection) -> bool:
    """Whether something stands between us and the server: its process is not the one we have connected to."""
    driver = session.driver_of(connection)
    row = driver.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    return row is None or row[0] != driver.info.backend_pid


def make_schema(connection: Connection) -> None:
    """The schema that was asked for is made where there is none, as the file is on SQLite."""
    schema = schema_of(connection)
    if schema and schema not in inspect(connection).get_schema_names():
        connection.execute(CreateSchema(schema))
        connection.commit()


# --- SQLite -----------------------------------------------------------------------------------------------------------


def take_file(connection: Connection, limits: config.Limits) -> None:
    """Begin a transaction as the only one to write the file, waiting in short pieces: an interrupt comes in between."""
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
        hint = "let the import or migration that writes it finish"
        place = config.shown(connection.engine.url)
        wait_for_turn(is_ours, place, limits, "another process has been writing the file", hint)
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")


def back_up(connection: Connection, revision: str | None) -> None:
    """Copy the file beside itself, as it is now that nobody else writes; not where there is no archive in it yet."""
    file = config.sqlite_file(connection.engine.url)
    if file is None or revision is None:
        return
    # A file that may only be read is said before, not after: BEGIN IMMEDIATE does not look.
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
        hint = "make room, or keep a backup of your own and use --no-backup"
        raise RunStoreError(detail=f"{copy} could not be written ({error}); nothing was changed; {hint}") from error
    _log.warning("%s as it was at revision %s is kept in %s", file, revision, copy)


def _clear_unfinished(file: Path) -> None:
    """Remove what killed migrations of this file have left of copies: it is our turn, so none is in the making."""
    random, beside = r"(\.[0-9a-f]{16})?", "|".join(BESIDE)
    left = re.compile(rf"\.?{re.escape(file.name)}\.\d{{4}}\.\d{{8}}T\d{{6,12}}\.backup{random}\.part({beside})")
    with suppress(OSError):  # litter is no reason not to migrate
        for path in file.parent.iterdir():
            if left.fullmatch(path.name):
                path.unlink(missing_ok=True)
