"""What the commands have in common: the options --db and --schema, and text that is safe on a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from io import RawIOBase
from typing import Any, TypeVar

import click

from runstore.cli.completion import file_or_url
from runstore.cli.help import DATABASE_GROUP, Option

NOTES = "runstore.cli"
"""The logger of what commands say; ``logs`` writes it to standard error."""

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])


def _place_options(where: str, environment: str, *, with_schema: bool = True) -> Callable[[C], C]:
    """The options --db and --schema, which become one value: what names the archive, or None for the environment."""

    def combined(context: click.Context, _: click.Parameter, db: str | None) -> str | None:
        schema = context.meta.get("runstore.schema")
        if not schema:
            return db
        from runstore import config

        url = getattr(config, where)(db, schema)
        return str(url.render_as_string(hide_password=False))

    def remember(context: click.Context, _: click.Parameter, schema: str | None) -> None:
        context.meta["runstore.schema"] = schema

    def decorate(command: C) -> C:
        schema = click.option(
            "--schema",
            cls=Option,
            group=DATABASE_GROUP,
            metavar="NAME",
            is_eager=True,
            expose_value=False,
            callback=remember,
            help="The PostgreSQL schema of the archive. [default: RUNSTORE_SCHEMA, else by the role's search_path]",
        )
        db = click.option(
            "--db",
            cls=Option,
            group=DATABASE_GROUP,
            metavar="URL|PATH",
            callback=combined,
            shell_complete=file_or_url,
            help=f"The archive: a database URL or the path of a SQLite file. [default: {environment}]",
        )
        return db(schema(command)) if with_schema else db(command)

    return decorate


_DATABASE = ("database_url", "RUNSTORE_DATABASE_URL, DATABASE_URL, runstore.db")
db_option = _place_options(*_DATABASE)
db_without_schema_option = _place_options(*_DATABASE, with_schema=False)
migrations_option = _place_options(
    "migrations_url", "RUNSTORE_MIGRATIONS_URL, RUNSTORE_DATABASE_URL, DATABASE_URL, runstore.db"
)


patience_option = click.option(
    "--patience",
    cls=Option,
    group=DATABASE_GROUP,
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Try again for so long while the server cannot be reached.",
)


def printable(text: str) -> str:
    """*text* with control characters (also those that steer a terminal) spelled out."""
    return "".join(c if c.isprintable() or c == " " else c.encode("unicode_escape").decode() for c in text)


def harmless(text: str) -> str:
    """Lines without control characters, which are spelled as JSON has them: JSON stays the same."""
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text.replace("\r\n", "\n"))


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", errors="surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))


class Terminal(RawIOBase):
    """Standard output as a file for bytes of text, of which nothing steers the terminal."""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Write whole characters."""
        sys.stdout.write(harmless(bytes(data).decode()))
        return len(data)


def is_terminal() -> bool:
    """Whether a person reads stdout."""
    return sys.stdout.isatty()


def note(message: str, level: int = logging.INFO, *, cause: Exception | None = None, **fields: object) -> None:
    """A line for the person, on stderr; *fields* stand beside the message where logs are JSON."""
    message = message.encode(errors="backslashreplace").decode()  # an argument may hold what no log can be written with
    logging.getLogger(NOTES).log(level, "%s", message, exc_info=cause, extra={"fields": fields})
