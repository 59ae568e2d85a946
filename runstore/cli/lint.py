"""runstore lint."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from runstore.cli.completion import one_of
from runstore.cli.files import output_option, spare_the_archive
from runstore.cli.filters import filter_options
from runstore.cli.help import Command
from runstore.cli.output import db_option, note
from runstore.cli.tables import form_of, format_option, write_rows


def _rules() -> Iterable[str]:
    from runstore.upkeep.lint import RULES

    return RULES


@click.command("lint", cls=Command, example="runstore lint --rule secret --created-from 7d")
@db_option
@click.option(
    "--rule",
    "rules",
    metavar="NAME",
    multiple=True,
    shell_complete=one_of(_rules),
    help="Only findings of this rule, as secret; several may be given.",
)
@filter_options
@format_option("table", "jsonl", "json", "csv")
@output_option
def lint_command(
    db: str | None, rules: tuple[str, ...], where: dict[str, Any], form: str | None, output: Path | None
) -> None:
    """Tell what departs from the document in the runs or looks like a secret: a table on a terminal, else JSON Lines.

    Exits with 1 where it finds something, with 0 where it finds nothing.
    """
    from runstore.formats import Column
    from runstore.repository import RunRepository
    from runstore.upkeep.lint import Finding

    spare_the_archive(db, output)
    form = form_of(form, output)
    count = 0

    def counted(findings: Iterator[Finding]) -> Iterator[Finding]:
        nonlocal count
        for finding in findings:
            count += 1
            yield finding

    with RunRepository.open(db) as archive:
        found = counted(archive.findings(rules=rules or None, **where))
        write_rows(form, output, [Column(name, "text") for name in Finding._fields], found)
        for _ in found:
            pass  # a table shows the first ones, all are counted
    note(f"{count} findings")
    if count:
        sys.exit(1)
