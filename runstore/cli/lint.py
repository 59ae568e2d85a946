"""runstore lint."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.filters import filter_options
from runstore.cli.output import db_option, is_terminal, note, printable

if TYPE_CHECKING:
    from runstore.repository import Finding


@click.command("lint")
@db_option
@filter_options
def lint_command(db: str | None, where: dict[str, Any]) -> None:
    """Tell what departs from the document in the runs: a table on a terminal, else JSON Lines.

    Exits with 1 where it finds something, with 0 where it finds nothing.
    """
    from runstore.repository import RunRepository

    with RunRepository.open(db) as archive:
        found = archive.findings(**where)
        count = _print_table(found) if is_terminal() else _write_lines(found)
    note(f"{count} findings")
    if count:
        sys.exit(1)


def _write_lines(findings: Iterator[Finding]) -> int:
    from runstore import wire

    count = 0
    for finding in findings:
        sys.stdout.buffer.write(wire.encode(finding._asdict()) + b"\n")
        count += 1
    sys.stdout.buffer.flush()
    return count


def _print_table(findings: Iterator[Finding]) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("run", "rule", "where", "what", box=None, header_style="bold", pad_edge=False)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for finding in findings:
        table.add_row(*(Text(printable(cell)) for cell in finding))
    if table.row_count:
        Console().print(table)
    return table.row_count
