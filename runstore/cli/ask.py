"""runstore sql."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

import click

from runstore.cli.files import output_option, spare_the_archive
from runstore.cli.help import Command
from runstore.cli.output import db_without_schema_option, is_terminal
from runstore.cli.tables import cell, form_of, format_option, plain_table, write_rows
from runstore.cli.values import Pair, Seconds

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""A number as in JSON; its fraction and its exponent are groups."""


def _scalar(text: str) -> str | int | float:
    """Return the number that a text is, unless it is too large to be bound, or the text.

    SQLite does not convert a text that is compared with a computed number, but finds them different.
    """
    if (found := _NUMBER.fullmatch(text)) is None:
        return text
    if any(found.groups()):
        return number if math.isfinite(number := float(text)) else text
    return int(text) if len(text) <= 20 and -(2**63) <= int(text) < 2**63 else text


def _parameters(
    _: click.Context, parameter: click.Parameter, values: tuple[tuple[str, str], ...]
) -> dict[str, str | int | float]:
    found: dict[str, str | int | float] = {}
    for name, value in values:
        if name in found:
            raise click.BadParameter(f"{name!r} is given two values", param=parameter)
        found[name] = _scalar(value)
    return found


@click.command(
    "sql",
    cls=Command,
    example=(
        "runstore sql 'SELECT model, count(*) FROM runs GROUP BY model'\n"
        "runstore sql 'SELECT id FROM runs WHERE model = :model' -p model=gpt-4o\n"
        "runstore sql --schema"
    ),
)
@click.argument("query", required=False)
@db_without_schema_option
@click.option(
    "--param",
    "-p",
    "parameters",
    metavar="NAME=VALUE",
    type=Pair("NAME=VALUE"),
    multiple=True,
    callback=_parameters,
    help="The value of :NAME in the query: a number if it is written as in JSON, such as 42 or 0.5, else a text.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=Seconds(zero=False),
    default=30,
    show_default=True,
    help="Stop the query when the database has worked on it for this long.",
)
@format_option("table", "jsonl", "json", "csv", "parquet", "xlsx")
@output_option
@click.option("--schema", is_flag=True, help="Print the views and tables with their columns, and run no query.")
def sql_command(
    query: str | None,
    db: str | None,
    parameters: dict[str, str | int | float],
    timeout: float,
    form: str | None,
    output: Path | None,
    schema: bool,
) -> None:
    """Run one read-only SQL query and print its rows.

    QUERY is the text of the query, or - to read it from standard input. Pass values that are not part of the text, such
    as those of a script, with --param: the database receives them separately from the query. To choose a PostgreSQL
    schema, set RUNSTORE_SCHEMA or add ?schema=NAME to the URL; the query then needs no schema before table names.
    """
    from runstore.formats import Column
    from runstore.repository import RunRepository

    spare_the_archive(db, output)
    form = form_of(form, output)
    if schema:
        _print_schema(db, form, output)
        return
    with RunRepository.open(db) as archive, archive.sql(_text(query), parameters, timeout=timeout) as answer:
        write_rows(form, output, [Column(name) for name in answer.columns], answer.rows)


def _text(query: str | None) -> str:
    if query is not None and query != "-":
        return query
    if query is None and sys.stdin.isatty():
        raise click.UsageError("the query is missing; pass it as an argument, or pass - to type it")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError("the query on standard input is not encoded in UTF-8") from error


def _print_schema(db: str | None, form: str, output: Path | None) -> None:
    """Print the views, which are made for queries, and then the tables."""
    from runstore import config
    from runstore.formats import Column
    from runstore.schema import TABLES
    from runstore.schema.views import VIEWS

    dialect = config.database_url(db).get_dialect()()
    tables = [*VIEWS, *sorted(TABLES.values(), key=lambda table: table.name)]
    found = [
        (table, [(column.name, _type(column.type.compile(dialect)), column.comment) for column in table.columns])
        for table in tables
    ]
    if form == "table" and is_terminal():
        from rich.console import Console

        console = Console()
        for table, columns in found:
            shown = plain_table(table.name, "", table.comment or "")
            for column in columns:
                shown.add_row(*map(cell, column))
            console.print(shown, end="\n\n")
        return
    names = [Column(name) for name in ("table", "column", "type", "meaning")]
    write_rows(form, output, names, [(table.name, *column) for table, columns in found for column in columns])


def _type(name: str) -> str:
    return {"timestamp with time zone": "timestamptz"}.get(lower := name.lower().split(" collate")[0], lower)
