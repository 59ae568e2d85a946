"""runstore db: the schema of an archive, and its status."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from runstore.amounts import counted, readable_size
from runstore.cli.consent import consent, yes_option
from runstore.cli.help import DATABASE_GROUP, Group, Option
from runstore.cli.output import db_option, is_terminal, migrations_option, note, patience_option, printable
from runstore.cli.tables import format_option
from runstore.cli.values import Choice, Seconds

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL

    from runstore.migrate import Status


@click.group("db", cls=Group)
def db_command() -> None:
    """Inspect and migrate the schema of the archive."""


backup_option = click.option(
    "--backup/--no-backup",
    default=True,
    show_default=True,
    help="On SQLite, first keep a copy of the file next to it.",
)


@contextmanager
def _engine(url: URL, patience: float = 0) -> Iterator[Engine]:
    from runstore import migrate
    from runstore.backends import translated

    with migrate.engine(url) as engine, translated(engine):
        if patience:
            migrate.reach(engine, patience)
        yield engine


@contextmanager
def _connection(url: URL) -> Iterator[Connection]:
    """Connect to an archive that exists: an inspection creates no file."""
    from runstore import migrate

    with _engine(url) as engine:
        migrate.require(engine)
        with engine.connect() as connection:
            yield connection


def _moved(url: URL, revisions: tuple[str | None, str | None]) -> None:
    from runstore import config

    before, after = revisions
    if before == after:
        what = f"already at revision {after}" if after else "there is no schema"
    elif before is None:
        what = f"schema created at revision {after}"
    elif after is None:
        what = f"schema dropped; it was at revision {before}"
    else:
        what = f"migrated from revision {before} to {after}"
    note(f"{config.shown(url)}: {what}")


@db_command.command("upgrade", example="runstore db upgrade --db postgresql://owner@db.example.com/runs")
@click.argument("revision", metavar="[REV]", default="head")
@migrations_option
@backup_option
@patience_option
def upgrade(revision: str, db: str | None, backup: bool, patience: float) -> None:
    """Upgrade the schema to revision REV (default: the newest), or create the schema.

    Any number of these commands can run at the same time: one migrates, and the others wait for it.
    """
    from runstore import config, migrate

    url = config.migrations_url(db)
    with _engine(url, patience) as engine:
        _moved(url, migrate.upgrade(engine, revision, backup=backup))


@db_command.command(
    "downgrade", context_settings={"ignore_unknown_options": True}, example="runstore db downgrade 0005"
)
@click.argument("revision", metavar="REV")
@migrations_option
@backup_option
@yes_option
@patience_option
def downgrade(revision: str, db: str | None, backup: bool, yes: bool, patience: float) -> None:
    """Downgrade the schema to revision REV.

    Data that only a later revision can hold is lost; with the revision 'base', the whole archive is lost. The command
    asks for confirmation before it deletes runs.
    """
    from runstore import config, migrate
    from runstore.errors import RunsWouldBeDeleted

    url = config.migrations_url(db)
    with _engine(url, patience) as engine:
        migrate.require(engine)
        try:
            moved = migrate.downgrade(engine, revision, backup=backup)
        except RunsWouldBeDeleted as refused:
            consent(f"all runs of {config.shown(url)} ({counted(refused.runs, 'run')})", yes=yes)
            moved = migrate.downgrade(engine, revision, backup=backup, delete_runs=True)
            note(f"deleted: {counted(refused.runs, 'run')}")
        _moved(url, moved)


@db_command.command("stamp", example="runstore db stamp 0006")
@click.argument("revision", metavar="REV")
@migrations_option
@patience_option
def stamp(revision: str, db: str | None, patience: float) -> None:
    """Record that the schema is at revision REV, and change nothing else.

    Use this command for an archive whose version table was lost.
    """
    from runstore import config, migrate

    url = config.migrations_url(db)
    with _engine(url, patience) as engine:
        migrate.require(engine)
        _, stamped = migrate.stamp(engine, revision)
        note(f"{config.shown(url)}: recorded {f'revision {stamped}' if stamped else 'that there is no schema'}")


@db_command.command("current", example="runstore db current")
@db_option
def current(db: str | None) -> None:
    """Print the revision of the archive, or nothing if the archive has no schema."""
    from runstore import config, migrate

    with _connection(config.database_url(db)) as connection:
        revision = migrate.current(connection)
    if revision:
        click.echo(revision)
    else:
        note("the database has no runstore schema; create it with 'runstore db upgrade'")


@db_command.command("check", example="runstore db check --db runs.db")
@db_option
def check(db: str | None) -> None:
    """Check that this runstore can write to the archive.

    The exit code is 0 if it can, 4 if the schema is behind this runstore, and 5 if the schema is newer. A newer schema
    is accepted if its revisions declare that this runstore may still write to it.
    """
    from runstore import config, migrate

    url = config.database_url(db)
    with _connection(url) as connection:
        migrate.check(connection)
        note(f"{config.shown(url)}: at revision {migrate.current(connection)}")


@db_command.command("wait", example="runstore db wait --timeout 60")
@db_option
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=Seconds(zero=True),
    default=300,
    show_default=True,
    help="Wait at most this long.",
)
def wait(db: str | None, timeout: float) -> None:
    """Wait until the schema has been migrated to a revision that this runstore can write to.

    The exit codes are those of 'runstore db check'.
    """
    from runstore import config, migrate

    url = config.database_url(db)
    with _engine(url) as engine:
        note(f"{config.shown(url)}: at revision {migrate.wait(engine, timeout)}")


@db_command.command("history", example="runstore db history")
def history() -> None:
    """List the revisions of this runstore, the newest first, with what each does to a database."""
    from runstore import migrate

    for revision in reversed(migrate.history()):
        click.echo(f"{revision.revision}  {revision.title}")
        for line in revision.text.splitlines():
            click.echo(f"      {line}".rstrip())


@db_command.command("sql", example="runstore db sql 0005:head --backend postgresql")
@click.argument("span", metavar="[FROM:TO]", default="head")
@click.option(
    "--db",
    cls=Option,
    group=DATABASE_GROUP,
    metavar="URL|PATH",
    help="Print the script for the kind of database of this archive.",
)
@click.option(
    "--schema", cls=Option, group=DATABASE_GROUP, metavar="NAME", help="Print the script for this PostgreSQL schema."
)
@click.option(
    "--backend",
    cls=Option,
    group=DATABASE_GROUP,
    type=Choice(["postgresql", "sqlite"]),
    help="Print the script for this kind of database. [default: that of the archive]",
)
def sql(span: str, db: str | None, schema: str | None, backend: str | None) -> None:
    """Print the SQL script of a migration, without connecting to a database.

    By default the script creates the schema at the newest revision. Give TO for the script that creates it at that
    revision, or FROM:TO for the script that migrates between two revisions.
    """
    from runstore import config, migrate

    url = config.database_url(db)
    backend = backend or ("postgresql" if schema else url.get_backend_name())
    click.echo(migrate.sql(backend, span, schema=schema or config.schema_of(url)), nl=False)


@db_command.command("diff", example="runstore db diff")
@db_option
def diff(db: str | None) -> None:
    """List the differences between the schema of the archive and the schema that this runstore expects.

    The exit code is 1 if there are differences.
    """
    from runstore import config, migrate

    url = config.database_url(db)
    with _engine(url) as engine:
        migrate.require(engine)
        differences = migrate.diff(engine)
    for difference in differences:
        click.echo(printable(difference))
    if differences:
        sys.exit(1)
    note(f"{config.shown(url)}: no differences")


@db_command.command("grants", example="runstore db grants --writer importer --reader analyst --apply")
@migrations_option
@click.option("--writer", metavar="ROLE", help="The role that imports and saves.")
@click.option("--reader", metavar="ROLE", help="The role that finds, exports and queries runs.")
@click.option("--pruner", metavar="ROLE", help="The role that prunes runs, and has the rights of a reader.")
@click.option(
    "--stats-reader",
    metavar="ROLE",
    help="The role that reads numbers, names and ids, but no text written by people or models.",
)
@click.option("--apply", is_flag=True, help="Execute the statements in one transaction instead of printing them.")
def grants(db: str | None, apply: bool, **roles: str | None) -> None:
    """Print the GRANT statements that these roles need, for an administrator to execute.

    It is enough to do this once: if a role had all the rights of its kind, 'db upgrade' grants it what a revision adds.
    """
    from runstore import config, migrate

    url = config.migrations_url(db)
    with _connection(url) as connection:
        migrate.check(connection, exact=True)
        if not apply:
            click.echo(migrate.grants(connection, **roles), nl=False)
            return
        migrate.apply_grants(connection, **roles)
        connection.commit()
    named = ", ".join(f"{kind.replace('_', '-')} {role}" for kind, role in roles.items() if role is not None)
    note(f"{config.shown(url)}: rights granted to {named}")


@db_command.command("status", example="runstore db status --json")
@db_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, like --format json.")
@format_option("table", "json", "prometheus", default="table on a terminal, else json")
def status(db: str | None, as_json: bool, form: str | None) -> None:
    """Print the revision and the size of the archive, its last import and its last fetch.

    The output is a table, one JSON object, or metrics for Prometheus.
    """
    from runstore import config, migrate, wire

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} contradict each other; give one of them")
    form = form or ("table" if is_terminal() and not as_json else "json")
    url = config.database_url(db)
    with _connection(url) as connection:
        migrate.check(connection, write=False)
        found = migrate.status(connection)
    if form == "json":
        tables = [entry._asdict() for entry in found.tables]
        click.echo(wire.encode(found._asdict() | {"tables": tables}))
    elif form == "prometheus":
        from runstore.metrics import exposition

        click.echo(exposition(config.shown(url), found), nl=False)
    else:
        _print_status(found)


def _fetched(status: Status, moment: str) -> str:
    failed = f", {status.failed_threads} failed" if status.failed_threads else ""
    return moment and f"{moment} ({counted(status.fetched_threads, 'thread')}{failed})"


def _print_status(status: Status) -> None:
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.table import Table

    def moment(micros: int | None) -> str:
        try:
            return "" if micros is None else f"{datetime.fromtimestamp(micros / 10**6, UTC):%Y-%m-%d %H:%M:%S} UTC"
        except (ValueError, OverflowError, OSError):
            return str(micros)

    revision = f"{status.revision} (this runstore: {status.expected})"
    for name, value in (
        ("revision", revision),
        ("runs", f"{status.runs:,}"),
        ("newest snapshot", moment(status.newest_snapshot)),
        ("last import", moment(status.last_import)),
        ("last fetch", _fetched(status, moment(status.last_fetch))),
        ("size", readable_size(status.bytes)),
    ):
        click.echo(f"{name:15} {value}")
    table = Table("table", "rows", "size", box=None, header_style="bold", pad_edge=False)
    for entry in status.tables:
        rows = "" if entry.rows is None else f"{entry.rows:,}"
        table.add_row(entry.table, rows, "" if entry.bytes is None else readable_size(entry.bytes))
    Console().print(table)
