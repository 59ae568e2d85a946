"""Rows for people and programs: the options --format and --columns, and tables on a terminal."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runstore import zones
from runstore.cli.completion import several_of
from runstore.cli.files import output_file
from runstore.cli.help import OUTPUT_GROUP, Option
from runstore.cli.output import is_terminal, note, printable
from runstore.cli.values import Choice
from runstore.cli.zones import chosen

if TYPE_CHECKING:
    from rich.table import Table

    from runstore.formats import Column, Row

MOST_ROWS = 1000
"""Maximum rows of a table: the width of its columns depends on all rows, so they are held in memory."""

NAMED = ("jsonl", "json", "csv", "parquet", "xlsx")
"""Formats that are also file extensions."""

BINARY = {"parquet": "Parquet", "xlsx": "a workbook"}
"""Formats that a terminal cannot show."""

SPREADSHEETS = ("csv", "xlsx")
"""Formats of runs that have prompts and metadata only on request."""

ALL = ("all",)
"""The value of --columns for all columns of the view runs."""

OTHERS = (
    *("gz", "bz2", "xz", "zst", "zip", "xls", "ods", "parq", "db"),
    *("yaml", "yml", "xml", "html"),
)
"""Extensions of formats that no command writes."""

FORMS = "runstore.forms"
"""Key in the context of a command for the formats that the command writes."""

CSV = "runstore.csv"
"""Key in the context of a command for whether --csv was given."""

BOM = "runstore.bom"
"""Key in the context of a command for whether --bom was given."""

Names = tuple[str, ...]
T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


def format_option(*forms: str, default: str = "table on a terminal, else jsonl") -> Callable[[Command], Command]:
    """Return a decorator that adds --format with these formats, and --csv and --bom if CSV is one of them."""
    text = f"The format of the output. [default: the extension of the file of -o; else {default}]"

    def chosen(context: click.Context, parameter: click.Parameter, form: str | None) -> str | None:
        context.meta[FORMS] = forms
        if not context.meta.get(CSV):
            return form
        if form not in (None, "csv"):
            raise click.BadParameter(f"{form!r} contradicts --csv; give only one of them", param=parameter)
        return "csv"

    def flag(name: str, key: str, text: str) -> Callable[[Command], Command]:
        def remember(context: click.Context, _: click.Parameter, given: bool) -> None:
            context.meta[key] = given

        return click.option(
            name,
            cls=Option,
            group=OUTPUT_GROUP,
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=remember,
            help=text,
        )

    short = flag("--csv", CSV, "The same as --format csv.")
    bom = flag("--bom", BOM, "Begin CSV with a byte order mark, by which Excel recognises UTF-8.")
    long = click.option(
        "--format",
        "form",
        cls=Option,
        group=OUTPUT_GROUP,
        type=Choice(forms),
        callback=chosen,
        help=text,
    )
    return lambda command: long(short(bom(command)) if "csv" in forms else command)


def _names(_: click.Context, __: click.Parameter, value: str | None) -> Names | None:
    return None if value is None else tuple(dict.fromkeys(name.strip() for name in value.split(",")))


def columns_option(
    known: Callable[[], Iterable[str]], text: str = "Write these columns, in this order."
) -> Callable[[Command], Command]:
    """Return a decorator that adds --columns with these names; *text* is its help."""
    return click.option(
        "--columns",
        cls=Option,
        group=OUTPUT_GROUP,
        metavar="A,B,...",
        callback=_names,
        shell_complete=several_of(known),
        help=text,
    )


def of_runs() -> Iterable[str]:
    """Return the names of the columns of the view runs, and the name for all of them."""
    from runstore.schema.views import RUNS

    return (*ALL, *RUNS.c.keys())


run_columns_option = columns_option(
    of_runs,
    "Write these columns of the view runs, in this order, or all. "
    "[default for csv and xlsx: all except instructions and metadata]",
)


def run_columns(form: str, names: Names | None) -> Names | None:
    """Return the names of the columns of the view runs to write in this format, or None for its default."""
    if names != ALL and (names is not None or form not in SPREADSHEETS):
        return names
    from runstore.formats import LONG_TEXTS
    from runstore.schema.views import RUNS

    return tuple(column.name for column in RUNS.c if names == ALL or column.name not in LONG_TEXTS)


def form_of(form: str | None, output: Path | None, *, default: str | None = None) -> str:
    """Return the format: --format, else the file's extension, else *default*, else table on a terminal, else jsonl."""
    form = form or _of_name(output) or default
    if form == "table" and output is not None:
        raise click.UsageError("a table can be printed on a terminal only; choose another --format for a file")
    if form in BINARY and output is None and is_terminal():
        raise click.UsageError(f"{BINARY[form]} cannot be printed on a terminal; give a file with -o")
    form = form or ("table" if output is None and is_terminal() else "jsonl")
    if click.get_current_context().meta.get(BOM) and form != "csv":
        raise click.UsageError(f"--bom is for CSV, but the format is {form}")
    return form


def _of_name(output: Path | None) -> str | None:
    """Return the format of a file's extension, None for an extension without a meaning, or raise a usage error.

    The error is for a format that this command does not write: no program could open the file.
    """
    ending = output.suffix.lower().removeprefix(".") if output else ""
    if ending not in (*NAMED, *OTHERS):
        return None
    forms = click.get_current_context().meta[FORMS]
    if ending not in forms:
        known = ", ".join(form for form in forms if form in NAMED)
        hint = "" if ending in NAMED else ", under this name with --format"
        raise click.UsageError(f"{output}: this command does not write {ending}; it writes {known}{hint}")
    return ending


def write_rows(form: str, output: Path | None, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write rows in this format to a file or to standard output."""
    from runstore import formats

    if form == "table":
        print_table(columns, rows)
        return
    with output_file(output) as file:
        if click.get_current_context().meta.get(BOM):
            file.write(BOM_UTF8)
        formats.write(form, file, columns, rows)


NARROW = 3
"""Minimum width of a column of text, in characters, unless its values are shorter."""


def print_table(columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Print a table, or a block for each row if the terminal is too narrow for the headings.

    Times are printed in the zone of --tz, whose name is then part of the heading.
    """
    from rich.console import Console

    shown: Sequence[Row] = limited(rows)
    if (zone := chosen()) is not UTC:
        columns = [c._replace(name=f"{c.name} ({zones.name_of(zone)})") if c.kind == "time" else c for c in columns]
        shown = [[local(value, zone) if isinstance(value, datetime) else value for value in row] for row in shown]
    console = Console()
    numbers = [_are_numbers(row[place] for row in shown) for place in range(len(columns))]
    widest = [_width(column.name, (row[place] for row in shown)) for place, column in enumerate(columns)]
    # A number of which a part is missing is another number.
    least = [widest[place] if numbers[place] else len(column.name) for place, column in enumerate(columns)]
    if sum(least) + 2 * len(columns) > console.width + 2:
        for number, row in enumerate(shown, 1):
            block = plain_table(f"row {number}", "")
            block.columns[1].overflow = "fold"  # values are wrapped, not truncated
            for column, value in zip(columns, row, strict=True):
                block.add_row(cell(column.name), cell(value))
            console.print(block)
    else:
        table = plain_table(*(column.name for column in columns))
        narrowest = [widest[place] if numbers[place] else min(widest[place], NARROW) for place in range(len(columns))]
        room = console.width + 2 - sum(narrowest) - 2 * len(columns)
        for place, head in enumerate(table.columns):
            # The first columns stay on one line, to be copied; the last ones are wrapped or cut, but do not disappear.
            head.min_width, more = narrowest[place], widest[place] - narrowest[place]
            head.no_wrap = more <= room
            room -= more if head.no_wrap else 0
            if numbers[place]:
                head.justify = "right"
        for row in shown:
            table.add_row(*map(cell, row))
        console.print(table)


def _are_numbers(values: Iterable[Any]) -> bool:
    """Return whether there are numbers in a column, and nothing else."""
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float | Decimal) for value in known)


def _width(name: str, values: Iterable[Any]) -> int:
    """Return the width of a column in which no line is wrapped."""
    return max(map(len, [printable(name), *(printable(str(value)) for value in values if value is not None)]))


def local(moment: datetime, zone: tzinfo) -> str:
    """Return a time as a clock of the zone shows it, or in UTC if it is outside the calendar there."""
    try:
        return zones.local_time(int(moment.timestamp()), zone)
    except OverflowError:
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def limited(rows: Iterable[T]) -> list[T]:
    """Return the first :data:`MOST_ROWS` rows, and print a note if there are more."""
    rows = iter(rows)
    shown = list(islice(rows, MOST_ROWS))
    if next(rows, None) is not None:
        note(f"only the first {MOST_ROWS} rows are shown; use --format csv or jsonl to get all rows")
    return shown


def day(seconds: int | None, zone: tzinfo = UTC) -> str | None:
    """Return the day of a time in Unix seconds; None outside the years 1 to 9999, as in the view ``runs``."""
    try:
        return None if seconds is None else zones.local_time(seconds, zone)[:10]
    except OverflowError:
        return None


def plain_table(*names: str) -> Table:
    """Return an empty table without borders."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(Text(printable(name)))
    return table


def cell(value: Any) -> Any:
    """Return a value as a person reads it, with control characters escaped."""
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
