"""What the commands have in common: the --db option, and text that is safe on a terminal."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

import click

T = TypeVar("T")

db_option = click.option(
    "--db",
    metavar="URL|PATH",
    help="The archive: a database URL or the path of a SQLite file. [default: RUNSTORE_DATABASE_URL, DATABASE_URL, "
    "runstore.db]",
)


def printable(text: str) -> str:
    """*text* with control characters (also those that steer a terminal) spelled out."""
    return "".join(c if c.isprintable() or c == " " else c.encode("unicode_escape").decode() for c in text)


def printable_json(value: Any) -> str:
    """Indented JSON for people: as it is, but for control characters beyond those JSON itself escapes."""
    import json

    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "".join(c if c.isprintable() or c in " \n" else f"\\u{ord(c):04x}" for c in text) if is_terminal() else text


def is_terminal() -> bool:
    """Whether a person reads stdout."""
    return sys.stdout is not None and sys.stdout.isatty()


def note(message: str) -> None:
    """A line for the person, on stderr."""
    click.echo(printable(message), err=True)
