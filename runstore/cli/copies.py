"""runstore backup, runstore copy."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runstore.cli.completion import file_or_url
from runstore.cli.help import Command
from runstore.cli.output import db_option, note, patience_option


@click.command("backup", cls=Command, example="runstore backup runs-2024-06-01.db")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@db_option
def backup_command(path: Path, db: str | None) -> None:
    """Copy a SQLite archive in use to a new FILE, which appears when it is complete and proved."""
    from runstore.repository import RunRepository

    with RunRepository.open(db) as archive:
        found = archive.backup(path)
    click.echo(f"{found}  {found.runs}")


@click.command("copy", cls=Command, example="runstore copy runs.db postgresql://archive@db.example.com/runs")
@click.argument("source", metavar="FROM", shell_complete=file_or_url)
@click.argument("target", metavar="TO", shell_complete=file_or_url)
@patience_option
def copy_command(source: str, target: str, patience: float) -> None:
    """Copy everything from one archive (URL or path) to another one, of the same or the other kind, and prove it.

    History, source and times come along. Interrupted, the same command goes on. Prints counts, then the fingerprints of
    both ends. A run that both archives have gets all snapshots of both in TO. Exit code 6 if an id stands for different
    runs in the two (thread_id, assistant_id or created_at differ): it stays as it is in TO.
    """
    from runstore.repository import RunRepository

    gone_through = 0

    def count(runs: int) -> None:
        nonlocal gone_through
        gone_through += runs

    with (
        RunRepository.open(source, patience=patience) as archive,
        RunRepository.open(target, patience=patience) as other,
    ):
        try:
            report = archive.copy_to(other, progress=count)
        except BaseException:
            if gone_through:
                note(f"runstore: ended early, after {gone_through} runs; the same command continues from there")
            raise
    for run_id in sorted(report.conflicts):
        note(f"runstore: run {run_id}: the two archives have different runs of this id")
    for difference in report.missing:
        note(f"runstore: run {difference.run} differs at the end: {difference.where}")
    click.echo(str(report))
    for name, (runs, _) in (("from", report.source), ("to", report.target)):
        click.echo(f"{name:4}  {runs}  {runs.runs}")
    if report.missing:
        sys.exit(1)
    if report.conflicts:
        sys.exit(6)
