"""runstore db: the schema of the archive."""

from __future__ import annotations

import click

from runstore.cli.output import db_option, note


@click.group("db")
def db_command() -> None:
    """Look at and migrate the schema of the archive."""


@db_command.command("upgrade")
@db_option
def upgrade(db: str | None) -> None:
    """Bring the schema to the newest revision; creates it where there is none."""
    from runstore import config, migrate
    from runstore.backends import translated

    url = config.database_url(db)
    with migrate.engine(url) as engine, translated(engine):
        before, after = migrate.upgrade(engine)
    step = "already at" if before == after else f"from {before or 'nothing'} to"
    note(f"{config.shown(url)}: {step} {after}")


@db_command.command("current")
@db_option
def current(db: str | None) -> None:
    """Print the revision the archive is at; nothing where it has no schema."""
    from runstore import config, migrate
    from runstore.backends import translated

    with migrate.engine(config.database_url(db)) as engine, translated(engine):
        migrate.require(engine)
        with engine.connect() as connection:
            revision = migrate.current(connection)
    if revision:
        click.echo(revision)
    else:
        note("no runstore schema")


@db_command.command("check")
@db_option
def check(db: str | None) -> None:
    """Exit 0 where the archive is at the revision of this runstore, 4 where it is behind, 5 where it is newer."""
    from runstore import config, migrate
    from runstore.backends import translated

    url = config.database_url(db)
    with migrate.engine(url) as engine, translated(engine):
        migrate.require(engine)
        with engine.connect() as connection:
            migrate.check(connection)
    note(f"{config.shown(url)}: at {migrate.REVISION}")
