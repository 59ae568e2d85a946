"""What the commands share: the options --db, --schema and --patience, and text that is safe on a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from io import RawIOBase
from typing import Any, TypeVar

import click

from runstore.cli.completion import file_or_url
from runstore.cli.help import DATABASE_GROUP, Option
from runstore.cli.values import Seconds

NOTES = "runstore.cli"
"""The logger for the notes of commands; ``logs`` writes them to standard error."""

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])


def _place_options(where: str, environment: str, *, with_schema: bool = True) -> Callable[[C], C]:
    """Return a decorator that adds --db and --schema, combined into one value: the place of the archive, or None."""

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
            help="The PostgreSQL schema of the archive. [default: RUNSTORE_SCHEMA, else found in the search_path]",
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
    type=Seconds(zero=True),
    default=60,
    show_default=True,
    help="If the server cannot be reached, keep trying for this long.",
)


def printable(text: str) -> str:
    """Return *text* with all control characters, including those that control a terminal, escaped."""
    return "".join(c if c.isprintable() or c == " " else c.encode("unicode_escape").decode() for c in text)


def harmless(text: str) -> str:
    """Return lines with control characters escaped as in JSON, so that JSON keeps its meaning."""
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text.replace("\r\n", "\n"))


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", errors="surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))


class Terminal(RawIOBase):
    """Standard output as a binary file for UTF-8 text; control characters are escaped."""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Write text whose last character is complete."""
        sys.stdout.write(harmless(bytes(data).decode()))
        return len(data)


def is_terminal() -> bool:
    """Return whether standard output is a terminal, so that a person reads it."""
    return sys.stdout.isatty()


def note(message: str, level: int = logging.INFO, *, cause: Exception | None = None, **fields: object) -> None:
    """Write a line for the user to standard error; JSON logs have *fields* next to the message."""
    message = message.encode(errors="backslashreplace").decode()  # an argument may hold surrogates, as from a file name
    logging.getLogger(NOTES).log(level, "%s", message, exc_info=cause, extra={"fields": fields})
