"""Rows for a person or for a program: --format, tables on a terminal, else runstore.formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runstore.cli.completion import several_of
from runstore.cli.files import output_file
from runstore.cli.help import OUTPUT_GROUP, Option
from runstore.cli.output import is_terminal, note, printable

if TYPE_CHECKING:
    from rich.table import Table

    from runstore.formats import Column, Row

MOST_ROWS = 1000
"""Rows that a table shows: its columns are as wide as all of them need, so none is printed before the last is known."""

NAMED = ("jsonl", "json", "csv", "parquet")
"""Forms by which names of files end."""

FORMS = "runstore.forms"
"""Where the context of a command has the forms that it writes."""

Names = tuple[str, ...]
T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


def format_option(*forms: str, default: str = "table on a terminal, else jsonl") -> Callable[[Command], Command]:
    """--format, of these forms."""
    text = f"How to write. [default: as the name of -o ends; else {default}]"

    def remember(context: click.Context, _: click.Parameter, form: str | None) -> str | None:
        context.meta[FORMS] = forms
        return form

    return click.option(
        "--format",
        "form",
        cls=Option,
        group=OUTPUT_GROUP,
        type=click.Choice(forms),
        callback=remember,
        help=text,
    )


def _names(_: click.Context, __: click.Parameter, value: str | None) -> Names | None:
    return None if value is None else tuple(dict.fromkeys(name.strip() for name in value.split(",")))


def columns_option(known: Callable[[], Iterable[str]]) -> Callable[[Command], Command]:
    """--columns, of these names."""
    return click.option(
        "--columns",
        cls=Option,
        group=OUTPUT_GROUP,
        metavar="A,B,...",
        callback=_names,
        shell_complete=several_of(known),
        help="These columns, in this order.",
    )


def of_runs() -> Iterable[str]:
    """The columns of the view runs."""
    from runstore.schema.views import RUNS

    return RUNS.c.keys()


def form_of(form: str | None, output: Path | None, *, default: str | None = None) -> str:
    """What --format says, else the name of the file, else *default*, else table for a person, jsonl for programs."""
    form = form or _of_name(output) or default
    if form == "table" and output is not None:
        raise click.UsageError("a table is for the terminal; another --format goes to a file")
    if form == "parquet" and output is None and is_terminal():
        raise click.UsageError("Parquet is nothing for a terminal; name a file with -o")
    return form or ("table" if output is None and is_terminal() else "jsonl")


def _of_name(output: Path | None) -> str | None:
    """The form that the name of a file ends with; None of another end, a usage error of one that is not written."""
    ending = output.suffix.lower().removeprefix(".") if output else ""
    if ending not in NAMED:
        return None
    forms = click.get_current_context().meta[FORMS]
    if ending not in forms:
        known = ", ".join(form for form in forms if form in NAMED)
        raise click.UsageError(f"{output}: this command does not write {ending}; it writes {known}")
    return ending


def write_rows(form: str, output: Path | None, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write rows in this form to a file or standard output."""
    from runstore import formats

    if form == "table":
        print_table(columns, rows)
        return
    with output_file(output) as file:
        formats.write(form, file, columns, rows)


def print_table(columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """A table, or a block for each row where the terminal has not the width for the names of the columns."""
    from rich.console import Console

    shown = limited(rows)
    console = Console()
    if sum(len(column.name) + 2 for column in columns) > console.width:
        for number, row in enumerate(shown, 1):
            block = plain_table(f"row {number}", "")
            block.columns[1].overflow = "fold"  # there is room below: nothing is cut
            for column, value in zip(columns, row, strict=True):
                block.add_row(cell(column.name), cell(value))
            console.print(block)
    else:
        table = plain_table(*(column.name for column in columns))
        room = console.width + 2
        for place, head in enumerate(table.columns):
            values = [row[place] for row in shown if row[place] is not None]
            if values and all(isinstance(value, int | float | Decimal) for value in values):
                head.justify = "right"
            room -= 2 + max(map(len, [str(head.header), *(printable(str(value)) for value in values)]))
            head.no_wrap = room >= 0  # the first columns can be read and copied, the last ones make room
        for row in shown:
            table.add_row(*map(cell, row))
        console.print(table)


def limited(rows: Iterable[T]) -> list[T]:
    """The first :data:`MOST_ROWS`; says so where there are more."""
    rows = iter(rows)
    shown = list(islice(rows, MOST_ROWS))
    if next(rows, None) is not None:
        note(f"only the first {MOST_ROWS} rows are shown; --format csv or jsonl gives all")
    return shown


def plain_table(*names: str) -> Table:
    """A table without lines."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(Text(printable(name)))
    return table


def cell(value: Any) -> Any:
    """A value as a person reads it; nothing in it steers the terminal."""
    from rich.text import Text

    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M:%S}")
    if isinstance(value, bytes):
        return Text(value.hex())
    return Text(printable(str(value)))
