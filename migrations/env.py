"""Alembic's environment, which makes migrations safe, whichever alembic command runs them.

On PostgreSQL, each revision is one transaction, with limits on how long it may block others, under a lock that only one
migration of an archive can hold. On SQLite, all revisions are one transaction, which is the lock as well. The
implementation is in ``runstore/migrate/safety.py``.
"""

from __future__ import annotations

import logging
import random
import time
import warnings
from functools import partial
from typing import Any, Literal

from alembic import context
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.util import CommandError
from sqlalchemy import Column, Connection, String, column, event, func, inspect, select, table, text, update
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from runstore import config
from runstore.backends import backend_of, create_engine, schema_of, translated
from runstore.backends.base import borrowed_in_schema
from runstore.errors import MigrationBlocked, NotAnArchive, RunStoreError, RunsWouldBeDeleted, SchemaNewer
from runstore.migrate.rights import granted_roles, renew_grants
from runstore.migrate.safety import back_up, is_pooled, make_schema, milliseconds, set_up_transaction, take_file, turn
from runstore.migrate.state import READERS, VERSION, VERSION_TABLE, WRITERS, missing_views, recognise, revision_of
from runstore.schema import TABLES, Base
from runstore.schema.base import JSONText, Number

log = logging.getLogger("runstore")

TRIES = 5
"""Number of tries for a revision if a table is locked. Between two tries, queued statements of others can proceed."""

PASSING = ("55P03", "40P01")
"""lock_timeout and deadlock."""

CHANGING = ("upgrade", "downgrade", "do_stamp")
"""Alembic's names of the functions that return the steps of a command; other commands change nothing."""

PLAIN_TYPES: dict[type, str] = {
    JSONText: "sa.Text().with_variant(sa.JSON(), 'postgresql')",
    Number: "sa.Numeric()",
}
"""The types of the models as a new revision writes them, because a revision imports nothing of runstore."""


NOT_COMPARED = {
    ("index", "ix_run_object_seconds"),  # PostgreSQL returns its expression in another form
    ("unique_constraint", "uq_run_object_number"),  # of PostgreSQL alone, which Alembic does not take into account
    ("unique_constraint", "uq_run_object_id"),  # of SQLite alone
}


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Return the text of a type for ``alembic revision --autogenerate``."""
    return PLAIN_TYPES.get(type(item), False) if kind == "type" else False


def include_name(name: str | None, kind: str, _: Any) -> bool:
    """Return whether Alembic compares a table: other services may use the same database."""
    return kind != "table" or name in TABLES


def include_object(item: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Return whether Alembic compares an object: applications may derive models of their own from our base.

    A test compares the catalogs, and so covers what Alembic cannot compare (:data:`NOT_COMPARED`).
    """
    if kind == "table":
        return item.name in TABLES
    return (kind, name) not in NOT_COMPARED


def note_users(*, ctx: MigrationContext, step: MigrationInfo, heads: set[str], **_: Any) -> None:
    """Store the oldest revisions whose code can read and may write, as the new revision declares them.

    With them, code that does not know the revision can determine what it may do with the archive. If a revision
    declares nothing, only its own code may use the archive; the declaration of the revision before does not apply.
    """
    if not heads:
        return
    (head,) = heads
    assert ctx.script is not None
    revision = ctx.script.get_revision(head).module
    spans = {READERS: f"{getattr(revision, 'oldest_reader', head)}..{head}"}
    if hasattr(revision, "oldest_writer"):
        spans[WRITERS] = f"{revision.oldest_writer}..{head}"
    schema, operations = ctx.version_table_schema, Operations(ctx)
    for missing in missing_columns(ctx, step, head):
        operations.add_column(VERSION_TABLE, missing, schema=schema)
    versions = table(VERSION_TABLE, *(column(name, String) for name in spans), schema=schema)
    operations.execute(update(versions).values(spans))


def missing_columns(ctx: MigrationContext, step: MigrationInfo, head: str) -> list[Column[Any]]:
    """Return runstore's columns that the version table lacks at this revision, because Alembic creates it without them.

    Alembic creates it for the first revision, and when an archive is stamped whose version table was lost.
    """
    schema = ctx.version_table_schema
    names = [name for name in VERSION.columns.keys()[1:] if name == READERS or head >= "0007"]
    if ctx.connection is not None and not ctx.as_sql:
        existing = {found["name"] for found in inspect(ctx.connection).get_columns(VERSION_TABLE, schema)}
    else:
        existing = set(names) if step.down_revision_ids else set()
    return [Column(name, VERSION.c[name].type) for name in names if name not in existing]


def keep_rights(*, ctx: MigrationContext, **_: Any) -> None:
    """Grant roles that had all the rights they need what they need after the revision, in the same transaction."""
    if roles := context.config.attributes.get("roles"):
        assert ctx.connection is not None
        renew_grants(ctx.connection, roles)


def keep_turn(**_: Any) -> None:
    """Raise an error before the commit if the lock was lost: an administrator may have ended the idle session."""
    if still_ours := context.config.attributes.get("still_ours"):
        still_ours()


SETTINGS: dict[str, Any] = {
    "target_metadata": Base.metadata,
    "version_table": VERSION_TABLE,
    "transactional_ddl": True,
    "render_item": render_item,
    "include_name": include_name,
    "include_object": include_object,
    "on_version_apply": (note_users, keep_rights, keep_turn),
}


def run_online() -> None:
    """Migrate on the caller's connection or engine, else on the database of the environment."""
    given = context.config.attributes.get("connection")
    if isinstance(given, Connection):
        migrate(given)
        return
    engine = given or create_engine(config.migrations_url(context.config.get_main_option("sqlalchemy.url")))
    with translated(engine), engine.connect() as connection:
        backend_of(engine).set_isolation(connection, write=True)
        migrate(connection)
    if given is None:
        engine.dispose()


def run_offline() -> None:
    """Print the SQL (``runstore db sql``) for the kind of database of the caller or the environment."""
    named = context.config.attributes.get("url")
    url = named or config.migrations_url(context.config.get_main_option("sqlalchemy.url"))
    schema, limits = config.schema_of(url), config.limits()
    sqlite = url.get_backend_name() == "sqlite"
    context.configure(
        url=url,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},  # the driver's own style would double each %
        version_table_schema=schema,
        transaction_per_migration=not sqlite,
        **SETTINGS,
    )
    if sqlite:
        context.execute("PRAGMA foreign_keys = OFF")
    else:
        for name, seconds in (("lock_timeout", limits.lock), ("statement_timeout", limits.statement)):
            context.execute(f"SET {name} = '{milliseconds(seconds)}'")
        if schema:
            # The name contains no quote: config refuses such a name.
            context.execute(f'SET search_path = "{schema}", pg_temp')
    with context.begin_transaction():
        context.run_migrations()
    if sqlite:
        context.execute("PRAGMA foreign_key_check")
        context.execute("PRAGMA foreign_keys = ON")


def migrate(connection: Connection) -> None:
    """Execute the command on the database."""
    limits = context.config.attributes.get("limits") or config.limits()
    sqlite = connection.dialect.name == "sqlite"
    schema = backend_of(connection).home(connection, VERSION_TABLE)
    connection.rollback()
    with borrowed_in_schema(connection, schema):
        context.configure(
            connection=connection, version_table_schema=schema, transaction_per_migration=not sqlite, **SETTINGS
        )
        if sqlite:
            migrate_sqlite(connection, limits)
        else:
            migrate_postgresql(connection, limits)


def is_settled() -> bool:
    """Return whether there is nothing to do: the command changes nothing, or its revision has been reached."""
    ctx = context.get_context()
    steps, heads = ctx.opts["fn"], () if ctx.purge else ctx.get_current_heads()
    context.config.attributes["before"] = heads[0] if heads else None
    return steps.__name__ not in CHANGING or (not ctx.purge and not list(steps(heads, ctx)))


def refuse(connection: Connection) -> None:
    """Refuse a database that is not an archive or is incomplete, and a schema that is newer than this code.

    This is checked again under the lock, because the migration before may have been that of a newer version.
    """
    ctx, script = context.get_context(), context.script
    command = ctx.opts["fn"].__name__
    if command not in CHANGING or ctx.purge:
        return
    # An archive that is stamped has lost its revision.
    found = revision_of(connection) if command == "do_stamp" else recognise(connection)
    place = config.shown(connection.engine.url)
    if found is not None and found not in {step.revision for step in script.walk_revisions()}:
        raise SchemaNewer(place=place, found=found, expected=script.get_current_head())
    if command == "downgrade":
        spare_runs(connection)
    if command != "do_stamp":
        return
    stamped = {name for step in ctx.opts["fn"]((), ctx) for name in step.to_revisions}
    if found is not None and stamped != {found}:
        # Another revision may have tables and views with the same names, so that the error would not be detected.
        detail = f"{place} is at revision {found}; to migrate it, use 'runstore db upgrade' or 'runstore db downgrade'"
        raise RunStoreError(detail=f"{detail} (stamp is for an archive whose revision was lost)")
    for revision in stamped:
        if not inspect(connection).has_table("run_object", schema_of(connection)):
            raise NotAnArchive(place=place, reason="it has no table run_object, so it can only be at revision base")
        made = [step.module for step in script.iterate_revisions(revision, "base")]
        views = [{**getattr(one, "VIEWS", {}), **_views(one, connection.dialect.name)} for one in made]
        if missing := missing_views(connection, {name for found in views for name in found}):
            reason = f"it has no view {missing[0]}, so it is not at revision {revision}"
            raise NotAnArchive(place=place, reason=f"{reason}; to create an archive, use 'runstore db upgrade'")


def spare_runs(connection: Connection) -> None:
    """Raise :class:`RunsWouldBeDeleted` if a downgrade would delete runs and this was not allowed explicitly."""
    ctx, allowed = context.get_context(), context.config.attributes.get("delete_runs", False)
    if allowed or context.get_x_argument(as_dictionary=True).get("delete-runs") == "yes":
        return
    steps = ctx.opts["fn"](ctx.get_current_heads(), ctx)
    if not any(getattr(step.revision.module, "deletes_runs", False) for step in steps):
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL row_security = off"))  # raise an error if it hides some of them
    if runs := connection.scalar(select(func.count()).select_from(TABLES["run_object"])):
        raise RunsWouldBeDeleted(place=config.shown(connection.engine.url), runs=runs)


def _views(revision: Any, database: str) -> dict[str, str]:
    made: dict[str, str] = revision.views(database) if hasattr(revision, "views") else {}
    return made


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def migrate_postgresql(connection: Connection, limits: config.Limits) -> None:
    """Run each revision in a separate transaction, under the lock, and try again if a table is locked."""
    set_up = partial(set_up_transaction, limits=limits)
    event.listen(connection, "begin", set_up)
    try:
        refuse(connection)
        settled = is_settled()
        connection.rollback()
        if settled:
            context.run_migrations()
            return
        backend_of(connection).check_encoding(connection)
        with turn(connection, limits) as still_ours:
            context.config.attributes["still_ours"] = still_ours
            make_schema(connection)
            refuse(connection)
            is_settled()
            context.config.attributes["roles"] = granted_roles(connection)
            connection.rollback()
            drop_invalid_indexes(connection)
            run_patiently(connection, limits)
    except PendingRollbackError as error:
        # After an index build, Alembic has used a connection that an interrupt or the server had ended.
        raise error.__context__ or error from None
    finally:
        event.remove(connection, "begin", set_up)
        is_lost = connection.invalidated
        connection.rollback()
        if not is_lost and not is_pooled(connection):
            for name in ("lock_timeout", "statement_timeout", "search_path"):
                connection.exec_driver_sql(f"RESET {name}")
            connection.commit()


def drop_invalid_indexes(connection: Connection) -> None:
    """Drop the invalid indexes that a killed CREATE INDEX CONCURRENTLY has left; the revision builds them again."""
    names = [str(index.name) for made in TABLES.values() for index in made.indexes]
    found = connection.execute(
        text(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE NOT i.indisvalid AND c.relname = ANY(:names) AND n.nspname = :schema"
        ),
        {"names": names, "schema": schema_of(connection)},
    )
    invalid = found.scalars().all()
    connection.rollback()
    if invalid:
        ctx = context.get_context()
        with ctx.autocommit_block():
            for name in invalid:
                Operations(ctx).drop_index(
                    name, schema=schema_of(connection), postgresql_concurrently=True, if_exists=True
                )


def run_patiently(connection: Connection, limits: config.Limits) -> None:
    """Run the revisions; if one has to be tried again, those before it are already committed."""
    for attempt in range(1, TRIES + 1):
        try:
            context.run_migrations()
        except DBAPIError as error:
            connection.rollback()
            if getattr(error.orig, "sqlstate", None) not in PASSING:
                raise
            if attempt == TRIES:
                at = f"revision {revision}" if (revision := revision_of(connection)) else "no revision"
                reason = f"a table was locked by another transaction for {limits.lock:g} seconds, {TRIES} times"
                hint = "find long transactions in pg_stat_activity, or increase RUNSTORE_LOCK_TIMEOUT to wait longer"
                raise MigrationBlocked(
                    place=config.shown(connection.engine.url), reason=f"{reason}; the schema is at {at}; {hint}"
                ) from error
            place = config.shown(connection.engine.url)
            log.warning("%s: a table is locked by another transaction (try %d of %d)", place, attempt, TRIES)
            time.sleep(random.uniform(0.5, 1) * attempt)
        else:
            return


# --- SQLite ----------------------------------------------------------------------------------------------------------


def migrate_sqlite(connection: Connection, limits: config.Limits) -> None:
    """Run all revisions in one transaction, so that a migration that fails or is killed leaves the old schema intact.

    Foreign keys are off, because a batch operation drops and recreates a table, which would delete its child rows.
    """
    refuse(connection)
    if context.get_context().opts["fn"].__name__ == "upgrade":
        backend_of(connection).check_encoding(connection)
    settled = is_settled()
    connection.rollback()
    if settled:
        context.run_migrations()
        return
    # The pragma is ignored inside a transaction.
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    connection.rollback()
    try:
        with connection.begin():
            take_file(connection, limits)
            refuse(connection)
            if not is_settled() and context.config.attributes.get("backup", True):
                back_up(connection, context.config.attributes["before"])
            context.run_migrations()
            if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                what = f"after the migration, a row of {broken[0]} would violate a foreign key"
                raise RunStoreError(detail=f"{what}; nothing was changed; PRAGMA foreign_key_check lists such rows")
    finally:
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        connection.rollback()


# Alembic cannot compare indexes on expressions on SQLite; a test compares the catalogs.
warnings.filterwarnings("ignore", message=".*expression-based index")

try:
    if context.is_offline_mode():
        run_offline()
    else:
        run_online()
except RunStoreError as error:
    if context.config.attributes.keys() & {"connection", "url"}:  # called by runstore
        raise
    raise CommandError(str(error)) from error  # alembic prints it as one line
