"""runstore report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runstore.cli.files import output_file, output_option, spare_the_archive
from runstore.cli.filters import filter_options, opened
from runstore.cli.help import Command
from runstore.cli.output import db_option, is_terminal, note
from runstore.cli.zones import tz_option

ENDINGS = ("", ".html", ".htm")
"""The extensions of files that browsers open as HTML."""


@click.command(
    "report",
    cls=Command,
    example=(
        "runstore report -o report.html\n"
        "runstore report --created-from 2024-01-01 --created-before 2025-01-01 --model gpt-4o -o report.html"
    ),
)
@db_option
@click.option("--title", metavar="TEXT", default="Assistant runs", show_default=True, help="The title of the report.")
@click.option(
    "--by",
    metavar="GROUP",
    default="model",
    show_default=True,
    help="Divide the costs of each week by model, assistant, source, or a key of metadata such as metadata:customer.",
)
@click.option("--no-prompts", is_flag=True, help="Omit the prompts of the assistants.")
@click.option("--redact", is_flag=True, help="Omit what looks like a key, token or password.")
@output_option
@filter_options
@tz_option("dates in filters, and of the days and weeks of the report")
def report_command(
    db: str | None, title: str, by: str, no_prompts: bool, redact: bool, output: Path | None, where: dict[str, Any]
) -> None:
    """Write a report with charts of cost, outcomes and durations: one HTML file to send, open offline and print.

    By default the report covers the last twelve weeks that have runs, and ends after the day of the newest run;
    --created-from and --created-before set other bounds. It compares the period with the one before, which has the same
    length. The same runs and prices give the same file. Needs the extra 'report'.
    """
    from runstore.amounts import readable_size
    from runstore.errors import ConfigurationError

    spare_the_archive(db, output)
    if output is None and is_terminal():
        raise click.UsageError("a report is an HTML file: specify its name with -o, for example -o report.html")
    if output is not None and output.suffix.lower() not in ENDINGS:
        raise click.UsageError(f"{output}: a report is an HTML file; to get a PDF, print it in a browser")
    try:
        from runstore import report
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("runstore"):
            raise
        detail = f"the package {error.name} is missing; pip install 'runstore[report]'"
        raise ConfigurationError(detail=detail) from error

    with opened(db, where) as archive:
        text = report.html(archive, title=title, by=by, prompts=not no_prompts, redact=redact, **where)
    data = text.encode()
    with output_file(output) as file:
        file.write(data)
    if output is not None:
        note(f"{output}: {readable_size(len(data))}")
