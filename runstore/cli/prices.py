"""runstore prices: the prices of tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from runstore.amounts import counted
from runstore.cli.files import output_file
from runstore.cli.help import Group
from runstore.cli.output import db_option, is_terminal, note, patience_option, printable


@click.group("prices", cls=Group)
def prices_command() -> None:
    """Manage the prices of tokens, from which the view runs computes its column cost."""


@prices_command.command("import", example="runstore prices import prices.csv")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@db_option
@patience_option
def import_prices(file: Path, db: str | None, patience: float) -> None:
    """Store the prices in FILE, which is CSV or JSON.

    The columns are model (a name, or the beginning of a name followed by *), valid_from, prompt, cached, completion
    (prices per million tokens) and currency. A price replaces the stored price with the same model and valid_from;
    other stored prices are kept.
    """
    from runstore import prices
    from runstore.repository import RunRepository

    found = prices.read(file)
    with RunRepository.open(db, patience=patience) as archive:
        count = archive.set_prices(found)
    note(f"{counted(count, 'price')} stored")


@prices_command.command("list", example="runstore prices list")
@db_option
def list_prices(db: str | None) -> None:
    """List the prices, as a table on a terminal and as JSON Lines elsewhere."""
    from runstore import wire
    from runstore.repository import RunRepository

    with RunRepository.open(db) as archive:
        found = archive.prices()
    if not is_terminal():
        with output_file(None) as file:
            file.writelines(wire.encode(price._asdict()) + b"\n" for price in found)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("model", "valid from (UTC)", "prompt", "cached", "completion", "currency", box=None, pad_edge=False)
    for price in found:
        cells = (price.model, _time(price.valid_from), price.prompt, price.cached, price.completion, price.currency)
        table.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in cells))
    Console().print(table)


def _time(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return str(seconds)
