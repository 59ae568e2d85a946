"""runstore show, runstore list."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import click

from runstore.cli.filters import filter_options
from runstore.cli.output import db_option, is_terminal, note, printable, printable_json


@click.command("show")
@click.argument("run_id", metavar="ID")
@db_option
def show_command(run_id: str, db: str | None) -> None:
    """Print one run as indented JSON, its keys as they came."""
    from runstore.repository import RunRepository

    with RunRepository.open(db) as archive:
        text = printable_json(archive.load(run_id))
    click.echo(text if is_terminal() else text.encode())


@click.command("list")
@db_option
@filter_options
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many."
)
@click.option("--cursor", metavar="CURSOR", help="Go on where an earlier page ended.")
@click.option("--after", metavar="ID", help="Begin behind this run.")
@click.option("--before", metavar="ID", help="The last ones in front of this run.")
@click.option("--oldest-first", is_flag=True, help="Begin with the oldest run.")
def list_command(
    db: str | None,
    where: dict[str, Any],
    limit: int,
    cursor: str | None,
    after: str | None,
    before: str | None,
    oldest_first: bool,
) -> None:
    """List runs, the newest first: a table on a terminal, else JSON Lines."""
    from runstore import wire
    from runstore.repository import RunRepository

    with RunRepository.open(db) as archive:
        page = archive.find(
            limit=limit, cursor=cursor, after=after, before=before, newest_first=not oldest_first, **where
        )
    if is_terminal():
        _print_table(page.runs)
    else:
        sys.stdout.buffer.writelines(wire.encode(run) + b"\n" for run in page.runs)
        sys.stdout.buffer.flush()
    if page.next:
        note(f"more with --cursor {page.next}")


def _print_table(runs: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        "id", "created (UTC)", "status", "model", "tokens", "thread", box=None, header_style="bold", pad_edge=False
    )
    table.columns[0].no_wrap = table.columns[1].no_wrap = table.columns[2].no_wrap = True
    for run in runs:
        usage = run.get("usage") or {}
        cells = (
            run["id"],
            _date(run.get("created_at")),
            run.get("status"),
            run.get("model"),
            usage.get("total_tokens"),
            run.get("thread_id"),
        )
        table.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in cells))
    Console().print(table)


def _date(seconds: int | None) -> str:
    try:
        return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return str(seconds)  # beyond the years 1 to 9999
