"""runstore prices: the prices of tokens."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from runstore.amounts import counted
from runstore.cli.files import output_file, output_option, spare_the_archive
from runstore.cli.help import Group
from runstore.cli.output import db_option, is_terminal, note, patience_option, printable
from runstore.cli.tables import day, form_of, format_option, write_rows


@click.group("prices", cls=Group)
def prices_command() -> None:
    """Manage the prices of tokens, from which the view runs computes its column cost."""


@prices_command.command("import", example="runstore prices import prices.csv")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@db_option
@click.option("--currency", metavar="TEXT", help="The currency of prices without one, for example EUR.")
@patience_option
def import_prices(file: Path, db: str | None, currency: str | None, patience: float) -> None:
    """Store the prices in FILE, which is CSV or JSON.

    The columns are model (a name, or the beginning of a name followed by *), valid_from, prompt or input, cached or
    cached_input, completion or output (prices per million tokens, such as 2.50 or $2.50) and currency. A price replaces
    the stored price with the same model and valid_from; other stored prices are kept.
    """
    from runstore import prices
    from runstore.repository import RunRepository

    found = prices.read(file, currency=currency)
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


@prices_command.command("missing", example="runstore prices missing")
@db_option
@format_option("table", "jsonl", "json", "csv", "parquet", "xlsx")
@output_option
def missing_prices(db: str | None, form: str | None, output: Path | None) -> None:
    """List the models of runs that have tokens and no price, with the number of these runs.

    The columns are model, runs, total_tokens, and the first and last day (UTC) on which such a run was created.
    """
    from runstore.formats import Column
    from runstore.repository import RunRepository

    spare_the_archive(db, output)
    form = form_of(form, output)
    with RunRepository.open(db) as archive:
        found = archive.missing_prices()
    columns = [
        *(Column("model", "text"), Column("runs", "integer"), Column("total_tokens", "integer")),
        *(Column("first_day", "text"), Column("last_day", "text")),
    ]
    if not found and form == "table":
        note("every model of a run with tokens has a price")
        return
    write_rows(form, output, columns, [(*each[:3], day(each.first), day(each.last)) for each in found])


@prices_command.command("template", example="runstore prices template -o prices.csv")
@db_option
@output_option
def price_template(db: str | None, output: Path | None) -> None:
    """Write a CSV file for 'runstore prices import', with a line for each model that 'runstore prices missing' lists.

    Fill in prompt, completion and currency; cached and valid_from may remain empty.
    """
    from runstore import formats
    from runstore.formats import Column
    from runstore.prices import Price
    from runstore.repository import RunRepository

    spare_the_archive(db, output)
    with RunRepository.open(db) as archive:
        models = [each.model for each in archive.missing_prices()]
    empty = [None] * (len(Price._fields) - 1)
    with output_file(output) as file:
        formats.write("csv", file, [Column(name) for name in Price._fields], ([model, *empty] for model in models))
    note(f"{counted(len(models), 'model')} without a price")


@prices_command.command("remove", example="runstore prices remove 'gpt-4o*' --valid-from 2024-10-01")
@click.argument("model")
@db_option
@click.option("--valid-from", metavar="TIME", help="Remove only the price that is valid from this time.")
@patience_option
def remove_prices(model: str, db: str | None, valid_from: str | None, patience: float) -> None:
    """Remove the prices of a model from the archive.

    MODEL is the name that 'runstore prices list' prints, with its * if it has one. The exit code is 3 if there is no
    such price.
    """
    from runstore.repository import RunRepository

    with RunRepository.open(db, patience=patience) as archive:
        count = archive.remove_prices(model, valid_from=valid_from)
    if not count:
        note(f"runstore: there is no such price of {printable(model)}", logging.ERROR)
        sys.exit(3)
    note(f"{counted(count, 'price')} removed")


def _time(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return str(seconds)
