"""runstore lint."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from runstore.amounts import counted
from runstore.cli.completion import one_of
from runstore.cli.files import output_option, spare_the_archive
from runstore.cli.filters import filter_options, opened
from runstore.cli.help import Command
from runstore.cli.output import db_option, note
from runstore.cli.tables import form_of, format_option, write_rows
from runstore.cli.zones import tz_option


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
    help="Print only the findings of this rule, for example secret (may be repeated).",
)
@filter_options
@tz_option("dates in filters")
@format_option("table", "jsonl", "json", "csv")
@output_option
def lint_command(
    db: str | None, rules: tuple[str, ...], where: dict[str, Any], form: str | None, output: Path | None
) -> None:
    """List where runs deviate from the API specification or contain what looks like a secret.

    The exit code is 1 if there are findings, and 0 if there are none.
    """
    from runstore.formats import Column
    from runstore.upkeep.lint import Finding

    spare_the_archive(db, output)
    form = form_of(form, output)
    count = 0

    def while_counting(findings: Iterator[Finding]) -> Iterator[Finding]:
        nonlocal count
        for finding in findings:
            count += 1
            yield finding

    with opened(db, where) as archive:
        found = while_counting(archive.findings(rules=rules or None, **where))
        write_rows(form, output, [Column(name, "text") for name in Finding._fields], found)
        for _ in found:
            pass  # a table shows the first findings; the rest are counted
    note(counted(count, "finding"))
    if count:
        sys.exit(1)
