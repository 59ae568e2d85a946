"""Alembic's environment: a migration is made safe here, so that it is with every alembic command.

On PostgreSQL each revision is one transaction, under a lock that one migration of an archive holds at a time, and with
limits on how long it may keep others waiting. On SQLite all revisions are one transaction, which is the lock too. The
means are those of ``runstore/migrate/safety.py``.
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
"""How often a revision is tried when a table is locked. In between everybody who queued behind it goes ahead."""

PASSING = ("55P03", "40P01")
"""lock_timeout and deadlock."""

CHANGING = ("upgrade", "downgrade", "do_stamp")
"""What Alembic calls the functions that give the steps of a command; other commands only look."""

PLAIN_TYPES: dict[type, str] = {
    JSONText: "sa.Text().with_variant(sa.JSON(), 'postgresql')",
    Number: "sa.Numeric()",
}
"""How a new revision spells the types of the models, for it imports nothing of runstore."""


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """For ``alembic revision --autogenerate``."""
    return PLAIN_TYPES.get(type(item), False) if kind == "type" else False


def include_name(name: str | None, kind: str, _: Any) -> bool:
    """The database may be shared: a table that is not ours is none of our business."""
    return kind != "table" or name in TABLES


def include_object(item: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Applications may derive models of their own from our base.

    PostgreSQL tells the expression of this index in other words; a test compares the catalogs.
    """
    if kind == "table":
        return item.name in TABLES
    return kind != "index" or name != "ix_run_object_seconds"


def note_users(*, ctx: MigrationContext, step: MigrationInfo, heads: set[str], **_: Any) -> None:
    """Beside the revision stand the oldest ones whose code can read and may write, as the revision itself says them.

    By that, code that is older than the revision and does not know it can tell what it may do with the archive. A
    revision that does not say it has only its own code; what the one before said is tied to that one.
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
    """The columns of the version table at this revision that are not there, for Alembic makes it without any of ours.

    It does so for the first revision and for an archive whose version table was lost and that is stamped.
    """
    schema = ctx.version_table_schema
    names = [name for name in VERSION.columns.keys()[1:] if name == READERS or head >= "0007"]
    if ctx.connection is not None and not ctx.as_sql:
        there = {found["name"] for found in inspect(ctx.connection).get_columns(VERSION_TABLE, schema)}
    else:
        there = set(names) if step.down_revision_ids else set()
    return [Column(name, VERSION.c[name].type) for name in names if name not in there]


def keep_rights(*, ctx: MigrationContext, **_: Any) -> None:
    """Roles that had what they need have it after the revision too, from the moment it is committed."""
    if roles := context.config.attributes.get("roles"):
        assert ctx.connection is not None
        renew_grants(ctx.connection, roles)


def keep_turn(**_: Any) -> None:
    """A revision is committed only while the lock is ours: an administrator may have ended the session that idles."""
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
    """On the connection or engine that the caller handed over, else on the database that the environment names."""
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
    """Print the SQL (``runstore db sql``) for the kind of database that the caller or the environment names."""
    named = context.config.attributes.get("url")
    url = named or config.migrations_url(context.config.get_main_option("sqlalchemy.url"))
    schema, limits = config.schema_of(url), config.limits()
    sqlite = url.get_backend_name() == "sqlite"
    context.configure(
        url=url,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},  # the driver's own would have each % twice
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
            # No quote is in the name: config sees to it.
            context.execute(f'SET search_path = "{schema}", pg_temp')
    with context.begin_transaction():
        context.run_migrations()
    if sqlite:
        context.execute("PRAGMA foreign_key_check")
        context.execute("PRAGMA foreign_keys = ON")


def migrate(connection: Connection) -> None:
    """Bring the database where the command wants it."""
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
    """Whether there is nothing to do: a command that only looks, or a database that is where it shall be."""
    ctx = context.get_context()
    steps, heads = ctx.opts["fn"], () if ctx.purge else ctx.get_current_heads()
    context.config.attributes["before"] = heads[0] if heads else None
    return steps.__name__ not in CHANGING or (not ctx.purge and not list(steps(heads, ctx)))


def refuse(connection: Connection) -> None:
    """Leave alone what is not ours, or not whole, and a schema that is newer than this code.

    Looked at again when it is our turn: the one before us may have been a newer version.
    """
    ctx, script = context.get_context(), context.script
    command = ctx.opts["fn"].__name__
    if command not in CHANGING or ctx.purge:
        return
    # What is stamped has lost its revision.
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
        # Tables and views of the same names may be those of another revision, and nothing would tell any more.
        detail = f"{place} is at revision {found}: 'runstore db upgrade' and 'downgrade' take it to another one"
        raise RunStoreError(detail=f"{detail}; stamp is for an archive whose revision was lost")
    for revision in stamped:
        if not inspect(connection).has_table("run_object", schema_of(connection)):
            raise NotAnArchive(place=place, reason="it has no run_object, so it is at no revision but base")
        made = [step.module for step in script.iterate_revisions(revision, "base")]
        views = [{**getattr(one, "VIEWS", {}), **_views(one, connection.dialect.name)} for one in made]
        if missing := missing_views(connection, {name for found in views for name in found}):
            reason = f"it has no view {missing[0]}, so it is not at revision {revision}"
            raise NotAnArchive(place=place, reason=f"{reason}; only 'runstore db upgrade' makes an archive")


def spare_runs(connection: Connection) -> None:
    """Raise :class:`RunsWouldBeDeleted` where a downgrade would delete runs and nobody has said that it may."""
    ctx, allowed = context.get_context(), context.config.attributes.get("delete_runs", False)
    if allowed or context.get_x_argument(as_dictionary=True).get("delete-runs") == "yes":
        return
    steps = ctx.opts["fn"](ctx.get_current_heads(), ctx)
    if not any(getattr(step.revision.module, "deletes_runs", False) for step in steps):
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL row_security = off"))  # an error, where it would hide some of them
    if runs := connection.scalar(select(func.count()).select_from(TABLES["run_object"])):
        raise RunsWouldBeDeleted(place=config.shown(connection.engine.url), runs=runs)


def _views(revision: Any, database: str) -> dict[str, str]:
    made: dict[str, str] = revision.views(database) if hasattr(revision, "views") else {}
    return made


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def migrate_postgresql(connection: Connection, limits: config.Limits) -> None:
    """Each revision in a transaction of its own, under the lock; tried again where a table is locked."""
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
        # Alembic's way out of an index build meets the connection that the interrupt or the server has ended.
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
    """What a CREATE INDEX CONCURRENTLY that was killed has left: the revision builds it anew."""
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
    """Run the revisions; what is done stays done when one has to be tried again."""
    for attempt in range(1, TRIES + 1):
        try:
            context.run_migrations()
        except DBAPIError as error:
            connection.rollback()
            if getattr(error.orig, "sqlstate", None) not in PASSING:
                raise
            if attempt == TRIES:
                at = revision_of(connection) or "nothing"
                reason = f"a table was locked by another transaction for {limits.lock:g} seconds, {TRIES} times"
                hint = "pg_stat_activity shows long transactions; RUNSTORE_LOCK_TIMEOUT makes it wait longer"
                raise MigrationBlocked(
                    place=config.shown(connection.engine.url), reason=f"{reason}; it is whole, at {at}; {hint}"
                ) from error
            place = config.shown(connection.engine.url)
            log.warning("%s: a table is locked by another transaction; tried %d of %d times", place, attempt, TRIES)
            time.sleep(random.uniform(0.5, 1) * attempt)
        else:
            return


# --- SQLite ----------------------------------------------------------------------------------------------------------


def migrate_sqlite(connection: Connection, limits: config.Limits) -> None:
    """All in one transaction: a migration that fails or is killed, or finds the disk full, leaves the old schema whole.

    With foreign keys off, for a batch operation drops and remakes a table, and its children would go with it.
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
                what = f"after the migration a row of {broken[0]} would refer to nothing"
                raise RunStoreError(detail=f"{what}; nothing was changed, PRAGMA foreign_key_check names the rows")
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
    raise CommandError(str(error)) from error  # which alembic prints as one line
