"""runstore db: the schema of the archive, and how the archive is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from runstore.cli.consent import consent, yes_option
from runstore.cli.help import DATABASE_GROUP, Group, Option
from runstore.cli.output import db_option, is_terminal, migrations_option, note, patience_option, printable
from runstore.cli.tables import format_option

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL

    from runstore.migrate import Status


@click.group("db", cls=Group)
def db_command() -> None:
    """Look at and migrate the schema of the archive."""


backup_option = click.option(
    "--backup/--no-backup", default=True, show_default=True, help="SQLite: keep a copy of the file beside it."
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
    """A connection to an archive that is there: to look at it makes no file."""
    from runstore import migrate

    with _engine(url) as engine:
        migrate.require(engine)
        with engine.connect() as connection:
            yield connection


def _moved(url: URL, revisions: tuple[str | None, str | None]) -> None:
    from runstore import config

    before, after = revisions
    step = "already at" if before == after else f"from {before or 'nothing'} to"
    note(f"{config.shown(url)}: {step} {after or 'nothing'}")


@db_command.command("upgrade", example="runstore db upgrade --db postgresql://owner@db.example.com/runs")
@click.argument("revision", metavar="[REV]", default="head")
@migrations_option
@backup_option
@patience_option
def upgrade(revision: str, db: str | None, backup: bool, patience: float) -> None:
    """Bring the schema to revision REV (default: the newest); creates it where there is none.

    May run anywhere at any time and many times at once: one migrates, the others wait for it.
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
    """Take the schema back to revision REV; what only later ones can hold is lost, with 'base' all of the archive.

    It asks before it deletes runs.
    """
    from runstore import config, migrate
    from runstore.errors import RunsWouldBeDeleted

    url = config.migrations_url(db)
    with _engine(url, patience) as engine:
        migrate.require(engine)
        try:
            moved = migrate.downgrade(engine, revision, backup=backup)
        except RunsWouldBeDeleted as refused:
            consent(f"all runs ({refused.runs}) of {config.shown(url)}", yes=yes)
            moved = migrate.downgrade(engine, revision, backup=backup, delete_runs=True)
            note(f"deleted: {refused.runs} runs")
        _moved(url, moved)


@db_command.command("stamp", example="runstore db stamp 0006")
@click.argument("revision", metavar="REV")
@migrations_option
@patience_option
def stamp(revision: str, db: str | None, patience: float) -> None:
    """Say that the schema is at revision REV, and change nothing else: for one whose version table was lost."""
    from runstore import config, migrate

    url = config.migrations_url(db)
    with _engine(url, patience) as engine:
        migrate.require(engine)
        _moved(url, migrate.stamp(engine, revision))


@db_command.command("current", example="runstore db current")
@db_option
def current(db: str | None) -> None:
    """Print the revision the archive is at; nothing where it has no schema."""
    from runstore import config, migrate

    with _connection(config.database_url(db)) as connection:
        revision = migrate.current(connection)
    if revision:
        click.echo(revision)
    else:
        note("no runstore schema; 'runstore db upgrade' makes it")


@db_command.command("check", example="runstore db check --db runs.db")
@db_option
def check(db: str | None) -> None:
    """Exit 0 where this runstore can write the archive, 4 where that is behind, 5 where it is newer.

    A newer one can be written where its revisions say that they only added to what this runstore knows.
    """
    from runstore import config, migrate

    url = config.database_url(db)
    with _connection(url) as connection:
        migrate.check(connection)
        note(f"{config.shown(url)}: at {migrate.current(connection)}")


@db_command.command("wait", example="runstore db wait --timeout 60")
@db_option
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    help="At most so long.",
)
def wait(db: str | None, timeout: float) -> None:
    """Wait until somebody has brought the archive to a revision that this runstore writes, then exit as check does."""
    from runstore import config, migrate

    url = config.database_url(db)
    with _engine(url) as engine:
        note(f"{config.shown(url)}: at {migrate.wait(engine, timeout)}")


@db_command.command("history", example="runstore db history")
def history() -> None:
    """List the revisions that this runstore knows, the newest first, with what each does to a database."""
    from runstore import migrate

    for revision in reversed(migrate.history()):
        click.echo(f"{revision.revision}  {revision.title}")
        for line in revision.text.splitlines():
            click.echo(f"      {line}".rstrip())


@db_command.command("sql", example="runstore db sql 0005:head --backend postgresql")
@click.argument("span", metavar="[FROM:TO]", default="head")
@click.option(
    "--db", cls=Option, group=DATABASE_GROUP, metavar="URL|PATH", help="An archive whose kind of database is meant."
)
@click.option("--schema", cls=Option, group=DATABASE_GROUP, metavar="NAME", help="The PostgreSQL schema.")
@click.option(
    "--backend",
    cls=Option,
    group=DATABASE_GROUP,
    type=click.Choice(["postgresql", "sqlite"]),
    help="For which database. [default: that of the archive]",
)
def sql(span: str, db: str | None, schema: str | None, backend: str | None) -> None:
    """Print the script that brings a schema from nothing to the newest revision, to one, or from one to another.

    It connects to nothing.
    """
    from runstore import config, migrate

    url = config.database_url(db)
    backend = backend or ("postgresql" if schema else url.get_backend_name())
    click.echo(migrate.sql(backend, span, schema=schema or config.schema_of(url)), nl=False)


@db_command.command("diff", example="runstore db diff")
@db_option
def diff(db: str | None) -> None:
    """Say what differs between the schema of the archive and the one this runstore expects; exit 1 if anything does."""
    from runstore import config, migrate

    url = config.database_url(db)
    with _engine(url) as engine:
        migrate.require(engine)
        differences = migrate.diff(engine)
    for difference in differences:
        click.echo(printable(difference))
    if differences:
        sys.exit(1)
    note(f"{config.shown(url)}: no difference")


@db_command.command("grants", example="runstore db grants --writer importer --reader analyst --apply")
@migrations_option
@click.option("--writer", metavar="ROLE", help="The role that imports and saves.")
@click.option("--reader", metavar="ROLE", help="The role that finds, exports and asks.")
@click.option("--pruner", metavar="ROLE", help="The role that prunes, and does what a reader does.")
@click.option(
    "--stats-reader", metavar="ROLE", help="The role that sees numbers, names and ids, but no text of people or models."
)
@click.option("--apply", is_flag=True, help="Execute them, in one transaction, instead of printing them.")
def grants(db: str | None, apply: bool, **roles: str | None) -> None:
    """Print the GRANTs that these roles need, for an administrator to execute.

    Once is enough: 'db upgrade' grants what a revision adds to each role that had all the rights of its kind.
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
    note(f"{config.shown(url)}: granted what they need to {named}")


@db_command.command("status", example="runstore db status --json")
@db_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@format_option("table", "json", "prometheus", default="table on a terminal, else json")
def status(db: str | None, as_json: bool, form: str | None) -> None:
    """How large and how fresh the archive is: for a person, as one JSON object, or as metrics for Prometheus."""
    from runstore import config, migrate, wire

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other")
    form = form or ("table" if is_terminal() and not as_json else "json")
    url = config.database_url(db)
    with _connection(url) as connection:
        migrate.check(connection, write=False)
        found = migrate.status(connection)
    if form == "json":
        tables = [entry._asdict() for entry in found.tables]
        click.echo(wire.encode(found._asdict() | {"tables": tables}))
    elif form == "prometheus":
        from runstore.cli.metrics import exposition

        click.echo(exposition(config.shown(url), found), nl=False)
    else:
        _print_status(found)


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
        ("bytes", f"{status.bytes:,}"),
    ):
        click.echo(f"{name:12} {value}")
    table = Table("table", "rows", "bytes", box=None, header_style="bold", pad_edge=False)
    for entry in status.tables:
        cells = ("" if count is None else f"{count:,}" for count in (entry.rows, entry.bytes))
        table.add_row(entry.table, *cells)
    Console().print(table)
