"""runstore backup and runstore copy."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runstore.amounts import counted
from runstore.cli.completion import file_or_url
from runstore.cli.help import Command
from runstore.cli.output import db_option, note, patience_option


@click.command("backup", cls=Command, example="runstore backup runs-2024-06-01.db")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@db_option
def backup_command(path: Path, db: str | None) -> None:
    """Copy a SQLite archive to a new FILE, while other programs use the archive.

    FILE appears when the copy is complete and its fingerprint equals that of the archive. The command prints the
    fingerprint and the number of runs.
    """
    from runstore.repository import RunRepository

    with RunRepository.open(db) as archive:
        found = archive.backup(path)
    click.echo(f"{found}  {found.runs}")


@click.command("copy", cls=Command, example="runstore copy runs.db postgresql://archive@db.example.com/runs")
@click.argument("source", metavar="FROM", shell_complete=file_or_url)
@click.argument("target", metavar="TO", shell_complete=file_or_url)
@patience_option
def copy_command(source: str, target: str, patience: float) -> None:
    """Copy everything from one archive (URL or path) to another, on SQLite or PostgreSQL, and verify the copy.

    The copy includes history, sources and times. If it is interrupted, run the same command again to continue. The
    command prints counts, then the fingerprints of both archives. If both archives hold a run, TO receives the
    snapshots of both. If one id belongs to different runs (thread_id, assistant_id or created_at differ), the run in TO
    is not changed and the exit code is 6.
    """
    from runstore.repository import RunRepository

    copied = 0

    def count(runs: int) -> None:
        nonlocal copied
        copied += runs

    with (
        RunRepository.open(source, patience=patience) as archive,
        RunRepository.open(target, patience=patience) as other,
    ):
        try:
            report = archive.copy_to(other, progress=count)
        except BaseException:
            if copied:
                note(f"runstore: stopped early, after {counted(copied, 'run')}; run the same command again to continue")
            raise
    for run_id in sorted(report.conflicts):
        note(f"runstore: run {run_id}: the archives hold different runs with this id; the one in TO was not changed")
    for difference in report.missing:
        note(f"runstore: run {difference.run} differs after the copy: {difference.where}")
    click.echo(str(report))
    for name, (runs, _) in (("from", report.source), ("to", report.target)):
        click.echo(f"{name:4}  {runs}  {runs.runs}")
    if report.missing:
        sys.exit(1)
    if report.conflicts:
        sys.exit(6)
