"""runstore verify, fingerprint, diff, prune: whether an archive is whole, and making it smaller."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from runstore.cli.completion import file_or_url
from runstore.cli.consent import consent, yes_option
from runstore.cli.filters import filter_options
from runstore.cli.help import Command
from runstore.cli.output import db_option, note, patience_option, printable

if TYPE_CHECKING:
    from runstore.query.criteria import Filter


@click.command("verify", cls=Command, example="runstore verify --db runs.db")
@db_option
def verify_command(db: str | None) -> None:
    """Prove that the archive still holds what was saved: every digest, key, reference, order and count is made again.

    A line on standard output for each finding, with the run it is in; exit code 1 if there are any.
    """
    from runstore.repository import RunRepository

    began, found = time.monotonic(), 0
    with RunRepository.open(db) as archive:
        for finding in archive.verify():
            found += 1
            click.echo(printable(str(finding)))
        runs = archive.count()
    took = f"{runs} runs verified in {time.monotonic() - began:.1f} s"
    if found:
        note(f"runstore: {took}: {found} finding{'' if found == 1 else 's'}")
        sys.exit(1)
    note(f"{took}: no findings")


@click.command("fingerprint", cls=Command, example="runstore fingerprint --by day --created-from 2024-06-01")
@db_option
@filter_options
@click.option("--by", type=click.Choice(["day"]), help="A line for each day (UTC) on which runs were created.")
def fingerprint_command(db: str | None, by: str | None, where: Filter) -> None:
    """Print one number that proves which runs an archive holds, and how many they are.

    The same runs have the same number, on SQLite and PostgreSQL, in whatever order they were saved. It guards against
    accidents, not against somebody who can write to the database.
    """
    from runstore.repository import RunRepository

    with RunRepository.open(db) as archive:
        if by is None:
            found = archive.fingerprint(**where)
            click.echo(f"{found}  {found.runs}")
            return
        for day, part in archive.fingerprints_by_day(**where).items():
            click.echo(f"{_day(day)}  {part}  {part.runs}")


def _day(day: int | None) -> str:
    if day is None:
        return "-" * 10  # as wide as a date
    try:
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y-%m-%d}"
    except OverflowError:
        return f"day {day}"


@click.command("diff", cls=Command, example="runstore diff runs.db backup.db")
@click.argument("first", metavar="ARCHIVE", shell_complete=file_or_url)
@click.argument("second", metavar="ARCHIVE", shell_complete=file_or_url)
def diff_command(first: str, second: str) -> None:
    """Name every run in which two archives (URLs or paths) differ; exit code 1 if there are any.

    Days, and ranges of ids, whose fingerprints are equal are not looked at further. Earlier snapshots are not compared.
    """
    from runstore.repository import RunRepository

    found = 0
    with RunRepository.open(first) as archive, RunRepository.open(second) as other:
        for difference in archive.differences(other):
            found += 1
            click.echo(printable(f"{difference.run}: {difference.where}"))
    if found:
        note(f"runstore: the archives differ in {found} run{'' if found == 1 else 's'}")
        sys.exit(1)


@click.command(
    "prune",
    cls=Command,
    example="runstore prune --created-before 2024-01-01 --dry-run\nrunstore prune --metadata user=42 --any-version",
)
@db_option
@filter_options
@click.option(
    "--any-version",
    is_flag=True,
    help="Delete runs of which an earlier snapshot meets all conditions too: to erase a person from the history.",
)
@click.option("--orphans", is_flag=True, help="Delete no run, only the shared rows that nothing refers to.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@yes_option
@click.option("--vacuum", is_flag=True, help="Give back the space: on SQLite to the disk, on PostgreSQL to the tables.")
@patience_option
def prune_command(
    db: str | None,
    any_version: bool,
    orphans: bool,
    dry_run: bool,
    yes: bool,
    vacuum: bool,
    patience: float,
    where: Filter,
) -> None:
    """Delete the runs that meet all conditions, with their history, and the shared rows that nothing uses any more.

    It asks first. It goes by batches; interrupted, the same command goes on. Writers may work meanwhile.
    """
    from runstore.repository import RunRepository
    from runstore.upkeep.pruner import Pruned

    deleted = Pruned()

    def count(so_far: Pruned) -> None:
        nonlocal deleted
        deleted = so_far

    if orphans == bool(where):
        raise click.UsageError("say which runs, by at least one condition, or --orphans; not both")
    if orphans and any_version:
        raise click.UsageError("--any-version says which runs; --orphans deletes none")
    with RunRepository.open(db, patience=patience) as archive:
        if dry_run or not yes:
            found = archive.forecast(any_version=any_version, **where)
            note(f"{'would delete' if dry_run else 'to delete'}: {found}, about {found.bytes} bytes")
            if dry_run or not (found.runs or found.shared):
                return
            consent(f"{found}", yes=yes)
        try:
            archive.prune(progress=count, any_version=any_version, **where)
        except BaseException:
            if deleted != Pruned():
                note(f"runstore: ended early; deleted so far: {deleted}")
            raise
        click.echo(f"deleted: {deleted}")
        if vacuum:
            archive.vacuum()
        else:
            note("their space is used for new runs; --vacuum gives it back")
