"""runstore show and runstore list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from runstore import zones
from runstore.cli.files import output_file, output_option, spare_the_archive
from runstore.cli.filters import filter_options, opened
from runstore.cli.help import Command
from runstore.cli.output import db_option, note
from runstore.cli.tables import (
    Names,
    form_of,
    format_option,
    print_table,
    run_columns,
    run_columns_option,
    write_rows,
)
from runstore.cli.values import Choice, Integer
from runstore.cli.zones import tz_option
from runstore.times import EPOCH

SORTED = {"cost": "cost", "tokens": "total_tokens", "seconds": "total_seconds", "created": "created_at"}
"""The columns of the view by which runs can be sorted, by the value of --sort."""


@click.command("show", cls=Command, example="runstore show run_abc123\nrunstore show run_abc123 --history")
@click.argument("run_id", metavar="ID")
@db_option
@click.option(
    "--history",
    is_flag=True,
    help="Print an array of all snapshots, the oldest first, each with the time at which it was last observed.",
)
def show_command(run_id: str, db: str | None, history: bool) -> None:
    """Print one run as indented JSON, with its keys in their original order."""
    import json

    from runstore.repository import RunRepository

    with RunRepository.open(db) as archive:
        shown: Any = (
            [{"observed_at": _moment(each.observed_at), "run": each.run} for each in archive.snapshots(run_id)]
            if history
            else archive.load(run_id)
        )
    with output_file(None) as file:
        file.write(json.dumps(shown, ensure_ascii=False, indent=2).encode() + b"\n")


@click.command(
    "list",
    cls=Command,
    example=(
        "runstore list --status failed --created-from 7d\n"
        "runstore list --columns id,model,total_tokens --format csv -o runs.csv"
    ),
)
@db_option
@filter_options
@tz_option("dates in filters, and of times in tables")
@click.option("--limit", "-n", metavar="N", type=Integer(1), default=20, show_default=True, help="List at most N runs.")
@click.option("--cursor", metavar="CURSOR", help="Continue after the page that printed this cursor.")
@click.option("--after", metavar="ID", help="List the runs that follow this run in the list.")
@click.option("--before", metavar="ID", help="List the runs directly before this run in the list.")
@click.option("--oldest-first", is_flag=True, help="List the oldest runs first.")
@click.option(
    "--sort",
    type=Choice(tuple(SORTED)),
    help="List the runs with the greatest value first: cost, tokens, seconds from creation to end, or time of "
    "creation. This reads all runs that meet the filters. [default: created]",
)
@format_option("table", "jsonl", "json", "csv", "parquet", "xlsx")
@run_columns_option
@output_option
def list_command(
    db: str | None,
    where: dict[str, Any],
    limit: int,
    cursor: str | None,
    after: str | None,
    before: str | None,
    oldest_first: bool,
    sort: str | None,
    form: str | None,
    columns: Names | None,
    output: Path | None,
) -> None:
    """List runs, the newest first.

    On a terminal the command prints a table, elsewhere JSON Lines with the runs as they came. With --columns, and as
    CSV, Parquet or xlsx, it writes rows of the view runs, whose columns 'runstore sql --schema' lists.
    """
    from runstore import formats, wire
    from runstore.formats import Column
    from runstore.query import queries
    from runstore.query.pages import RowPage

    spare_the_archive(db, output)
    asked: dict[str, Any] = {
        "limit": limit,
        "cursor": cursor,
        "after": after,
        "before": before,
        "newest_first": not oldest_first,
    }
    if sort is not None and (cursor or after or before or oldest_first):
        raise click.UsageError("--sort lists one page; give it without --cursor, --after, --before and --oldest-first")
    form = form_of(form, output)
    columns = run_columns(form, columns)
    described = [formats.column_of(column) for column in queries.view_columns(columns)]
    found: Sequence[Any]
    with opened(db, where) as archive:

        def rows(columns: Names | None) -> RowPage:
            if sort is None:
                return archive.find_rows(columns, **asked, **where)
            return RowPage(list(archive.rows(columns, sort=SORTED[sort], limit=limit, **where)), None)

        if form == "table" and columns is None:
            names = _SHOWN if sort is None or SORTED[sort] in _SHOWN else (*_SHOWN[:-1], SORTED[sort], _SHOWN[-1])
            found, following = rows(names)
            headings = {**_HEADINGS, "created_at": f"created ({zones.name_of(archive.tz)})"}
            shown = (_shown(row, archive.tz) for row in found)
            print_table([Column(headings.get(name, name)) for name in names], shown)
        elif columns is not None or form == "parquet":
            found, following = rows(columns)
            write_rows(form, output, described, found)
        else:
            if sort is None:
                found, following = archive.find(**asked, **where)
            else:
                with archive.consistent() as same:
                    ids = [run_id for (run_id,) in same.rows("id", sort=SORTED[sort], limit=limit, **where)]
                    found, following = list(same.load_many(ids).values()), None
            with output_file(output) as file:
                formats.write_texts(form, file, map(wire.encode, found))
    if not found and not where and cursor is after is before is None:
        note("the archive has no runs yet; import some with 'runstore import FILE'")
    if following:
        note(f"there are more runs; to continue, use --cursor {following}")


def _moment(microseconds: int) -> str | int:
    try:
        return (EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return microseconds  # outside the years 1 to 9999


_SHOWN = ("id", "created_at", "status", "model", "total_tokens", "thread_id")
_HEADINGS = {"total_tokens": "tokens", "total_seconds": "seconds", "thread_id": "thread"}


def _shown(row: tuple[Any, ...], zone: tzinfo) -> tuple[Any, ...]:
    """Return a row as the table shows it: costs have four decimals."""
    run_id, created, *others = row
    rounded = (round(value, 4) if isinstance(value, float | Decimal) else value for value in others)
    return run_id, _date(created, zone), *rounded


def _date(seconds: int | None, zone: tzinfo) -> str:
    try:
        return "" if seconds is None else zones.local_time(seconds, zone)
    except OverflowError:
        return str(seconds)  # outside the years 1 to 9999
