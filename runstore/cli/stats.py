"""runstore stats."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from pathlib import Path
from typing import Any

import click

from runstore import zones
from runstore.amounts import counted
from runstore.cli.completion import one_of
from runstore.cli.files import output_option, spare_the_archive
from runstore.cli.filters import filter_options, opened
from runstore.cli.help import Command
from runstore.cli.output import db_option, note, printable
from runstore.cli.pivot import Pivoted, pivoted, read
from runstore.cli.tables import (
    Names,
    cell,
    columns_option,
    form_of,
    format_option,
    limited,
    plain_table,
    print_table,
    write_rows,
)
from runstore.cli.values import Integer
from runstore.cli.zones import chosen, tz_option

SHOWN = ("runs", "failure_rate", "total_tokens", "cost", "currency", "seconds_p50", "seconds_p95")
"""The default columns of the table on a terminal."""

MEASURE = "total_tokens"
"""The column that matters most, if none is chosen."""

BAR = 16
"""Characters in the longest bar."""

SHORTEST = 8
"""Minimum width, in characters, at which a bar means something and the name of a group is readable."""

GAP = 2
"""Spaces between two columns."""


def _groups() -> Iterable[str]:
    from runstore.query.statistics import BY

    return BY


def _columns() -> Iterable[str]:
    from runstore.query.statistics import COLUMNS

    return COLUMNS


@click.command(
    "stats",
    cls=Command,
    example=(
        "runstore stats --by model --by month --status completed\n"
        "runstore stats --by thread --sort total_tokens --limit 10"
    ),
)
@db_option
@click.option(
    "--by",
    metavar="GROUP",
    multiple=True,
    shell_complete=one_of(_groups),
    help="Group by hour, day, week, month, model, assistant, thread, status, source, error, tool or function, by a key "
    "of metadata such as metadata:customer, or by several of them, with commas between.",
)
@columns_option(_columns)
@click.option(
    "--sort",
    metavar="COLUMN",
    shell_complete=one_of(_columns),
    help="Sort by this column, the greatest value first. [default: sort by group]",
)
@click.option("--limit", "-n", metavar="N", type=Integer(1), help="Print at most N rows.")
@click.option(
    "--pivot",
    metavar="GROUP",
    shell_complete=one_of(_groups),
    help="Print a column for each value of this group, with the one column of --columns. [default: total_tokens]",
)
@click.option(
    "--top",
    metavar="N",
    type=Integer(1),
    help="Print the N rows with the greatest values, as --sort and --limit do. With --pivot, print the N columns with "
    "the greatest values, and the sum of the others.",
)
@format_option("table", "jsonl", "json", "csv", "parquet", "xlsx")
@output_option
@filter_options
@tz_option("dates in filters, and of hours, days, weeks and months")
def stats_command(
    db: str | None,
    by: tuple[str, ...],
    columns: tuple[str, ...] | None,
    sort: str | None,
    limit: int | None,
    pivot: str | None,
    top: int | None,
    form: str | None,
    output: Path | None,
    where: dict[str, Any],
) -> None:
    """Count runs, add up tokens and cost, and compute failure rates and durations, in total or by group.

    The columns are runs, queued, in_progress, requires_action, cancelling, cancelled, failed, completed, incomplete,
    expired, other_status, failure_rate, prompt_tokens, completion_tokens, total_tokens, cached_tokens, cost, currency,
    unpriced, seconds_mean, seconds_p50, seconds_p95, seconds_p99, unfinished. The command is faster with fewer columns.
    """
    from runstore.query import statistics

    spare_the_archive(db, output)
    form = form_of(form, output)
    by = tuple(dict.fromkeys(name for names in by for name in names.split(",")))
    if pivot is not None:
        if sort is not None or len(columns or ()) > 1 or pivot in by:
            raise click.UsageError("--pivot takes another group than --by, at most one column, and no --sort")
        statistics.known_groups("pivot", pivot)
        measure = columns[0] if columns else MEASURE
        if measure == "currency":
            raise click.UsageError("--pivot takes a column of numbers")
        with opened(db, where) as archive:
            found = archive.stats((*by, pivot), columns=read(measure), **where)
        _write_pivoted(form, output, pivoted(found, by, pivot, measure, top), by, measure, limit)
        return
    if top is not None:
        if limit is not None:
            raise click.UsageError("--top limits the rows; give it without --limit")
        limit, sort = top, sort or _measured(columns or SHOWN)
    if columns is None and form == "table":
        columns = (*SHOWN, sort) if sort and sort not in SHOWN else SHOWN
    # A run counts for each of its tools, so those without a price would be counted several times.
    is_noted = form == "table" and "cost" in (columns or ()) and not {"tool", "function"}.intersection(by)
    wanted = (*columns, "unpriced") if is_noted and columns and "unpriced" not in columns else columns
    with opened(db, where) as archive:
        found = archive.stats(by, columns=wanted, sort=sort, limit=limit, **where)
    if form == "table":
        _print(found, by, columns or SHOWN, sort)
        if is_noted:
            _note_unpriced(sum(row["unpriced"] for row in found))
        return
    write_rows(form, output, found.columns, found.rows)


def _print(found: list[dict[str, Any]], by: Names, columns: Names, sort: str | None) -> None:
    """Print a table with bars next to one column: the sort column, else total_tokens, else the first column.

    Numbers are never truncated. If the terminal is narrow, headings are broken into several lines first, then bars are
    shortened or omitted, then the names of groups are wrapped, and finally each group is printed as a block.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from runstore.formats import Column

    empty = {"cost", "currency"} - {name for row in found for name, value in row.items() if value is not None}
    columns = tuple(name for name in columns if name not in empty or columns != SHOWN)
    measured = sort or _measured(columns)
    longest = max((abs(row[measured] or 0) for row in found if not isinstance(row[measured], str)), default=0)
    console = Console()
    rows = limited(found)

    def table(groups: Names, *, broken: bool, bar: int = 0) -> Table:
        made = plain_table()
        for name in groups:
            made.add_column(Text(_heading(name, broken=broken)), overflow="fold")
        for name in columns:
            heading = Text(name.replace("_", "\n") if broken else name)
            made.add_column(heading, justify="left" if name == "currency" else "right", no_wrap=True)
            if bar and name == measured:
                made.add_column("", no_wrap=True)
        for row in rows:
            cells = [cell("-" if row[name] is None else row[name]) for name in groups]
            for name in columns:
                cells.append(cell(_shown(name, row[name])))
                if bar and name == measured:
                    cells.append(cell(_bar((row[name] or 0) / longest, bar, console.encoding)))
            made.add_row(*cells)
        return made

    def room(groups: Names, *, broken: bool) -> int:
        wide = console.options.update_width(10**6)
        return console.width - console.measure(table(groups, broken=broken), options=wide).maximum

    longest_bar = BAR if by and len(found) > 1 and longest > 0 else 0
    if room((), broken=True) < len(by) * SHORTEST:
        shown = ([*(row[name] for name in by), *(_shown(name, row[name]) for name in columns)] for row in rows)
        print_table([Column(name) for name in (*(_heading(name) for name in by), *columns)], shown)
        return
    broken = room(by, broken=False) < longest_bar + GAP
    bar = min(longest_bar, room(by, broken=broken) - GAP)
    console.print(table(by, broken=broken, bar=bar if bar >= SHORTEST else 0))


def _measured(columns: Names) -> str:
    """Return the column that matters most."""
    return MEASURE if MEASURE in columns else columns[0]


def _write_pivoted(form: str, output: Path | None, table: Pivoted, by: Names, measure: str, limit: int | None) -> None:
    from rich.console import Console

    from runstore.formats import Column
    from runstore.query import statistics

    rows, kind = table.rows[:limit], statistics.COLUMNS[measure]
    if form != "table":
        columns = [*(Column(name, "text") for name in by), *(Column(name, kind) for name in table.names)]
        write_rows(form, output, columns, rows)
    else:
        shown = [
            (*("-" if key is None else key for key in row[: len(by)]), *(_shown(measure, v) for v in row[len(by) :]))
            for row in limited(rows)
        ]
        made = plain_table(*map(_heading, by))
        for name in table.names:
            made.add_column(printable(name), justify="right", no_wrap=True)
        for row in shown:
            made.add_row(*map(cell, row))
        console = Console()
        if console.measure(made, options=console.options.update_width(10**6)).maximum <= console.width:
            console.print(made)
        else:
            print_table([Column(name) for name in (*map(_heading, by), *table.names)], shown)
    _note_unpriced(table.unpriced)
    if table.omitted:
        note(f"{counted(table.omitted, 'column')} with fewer runs omitted, because {measure} cannot be added up")


def _note_unpriced(runs: int) -> None:
    if runs:
        models = "'runstore prices missing' lists the models without a price"
        note(f"the cost of {counted(runs, 'run')} is not known; {models}")


def _heading(name: str, *, broken: bool = False) -> str:
    """Return the heading of a group, with the zone of a time if it is not UTC."""
    from runstore.query.calendar import UNITS

    if name not in UNITS or (zone := chosen()) is UTC:
        return name
    between = "\n" if broken else " "
    return f"{name}{between}({zones.name_of(zone)})"


def _shown(name: str, value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if name == "failure_rate":
        return f"{value:.1%}"
    if name == "cost":
        return f"{value:,.4f}"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"


def _bar(share: float, length: int, encoding: str) -> str:
    """Return a bar of block characters, exact to an eighth of a block, or of # if the terminal has no blocks."""
    eighths = max(0, int(share * length * 8))
    if not encoding.lower().startswith("utf"):
        return "#" * round(eighths / 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
