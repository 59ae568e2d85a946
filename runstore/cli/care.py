"""runstore verify, fingerprint, diff, delete and prune: check an archive, compare archives, delete runs."""

from __future__ import annotations

import logging
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from runstore.amounts import counted, readable_size
from runstore.cli.completion import file_or_url
from runstore.cli.consent import consent, yes_option
from runstore.cli.filters import filter_options, opened
from runstore.cli.help import Command
from runstore.cli.output import db_option, note, patience_option, printable
from runstore.cli.values import Choice
from runstore.cli.zones import tz_option
from runstore.errors import DatabaseFailure, RunNotFound

if TYPE_CHECKING:
    from runstore.query.criteria import Filter
    from runstore.repository import RunRepository


@click.command("verify", cls=Command, example="runstore verify --db runs.db")
@db_option
def verify_command(db: str | None) -> None:
    """Check that the archive still holds exactly what was saved.

    The command recomputes every digest and key, and checks every reference, position and count. It prints a line for
    each finding, with the id of the run. The exit code is 1 if there are findings.
    """
    from runstore.repository import RunRepository

    began, found = time.monotonic(), 0
    with RunRepository.open(db) as archive:
        for finding in archive.verify():
            found += 1
            click.echo(printable(str(finding)))
        runs = archive.count()
    took = f"{counted(runs, 'run')} verified in {time.monotonic() - began:.1f} s"
    if found:
        note(f"runstore: {took}: {counted(found, 'finding')}")
        sys.exit(1)
    note(f"{took}: no findings")


@click.command("fingerprint", cls=Command, example="runstore fingerprint --by day --created-from 2024-06-01")
@db_option
@filter_options
@tz_option("dates in filters")
@click.option("--by", type=Choice(["day"]), help="Print a line for each day (UTC) on which runs were created.")
def fingerprint_command(db: str | None, by: str | None, where: Filter) -> None:
    """Print a fingerprint of the runs in an archive, and their number.

    Two archives that hold the same runs have the same fingerprint, on SQLite and PostgreSQL and in whatever order the
    runs were saved. It detects accidents, not changes by an attacker who can write to the database.
    """
    with opened(db, where) as archive:
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
    """List the runs in which two archives (URLs or paths) differ.

    The command compares fingerprints of days and of ranges of ids first, and reads only the runs of those that differ.
    It does not compare the history of runs. The exit code is 1 if the archives differ.
    """
    from runstore.repository import RunRepository

    found = 0
    with RunRepository.open(first) as archive, RunRepository.open(second) as other:
        for difference in archive.differences(other):
            found += 1
            click.echo(printable(f"{difference.run}: {difference.where}"))
    if found:
        note(f"runstore: the archives differ in {counted(found, 'run')}")
        sys.exit(1)


@click.command("delete", cls=Command, example="runstore delete run_abc123")
@click.argument("run_ids", metavar="ID...", nargs=-1, required=True)
@db_option
@yes_option
@patience_option
def delete_command(run_ids: tuple[str, ...], db: str | None, yes: bool, patience: float) -> None:
    """Delete runs by their ids, with their history, and the shared values that no other run uses.

    The command asks for confirmation. It prints the ids that are not in the archive, deletes the other runs, and then
    exits with 3.
    """
    from runstore.repository import RunRepository

    ids = list(dict.fromkeys(run_ids))
    with RunRepository.open(db, patience=patience) as archive:
        stored = {run_id for (run_id,) in archive.rows("id", id=ids)}
        missing = [run_id for run_id in ids if run_id not in stored]
        for run_id in missing:
            note(f"runstore: {RunNotFound(id=run_id)}", logging.ERROR)
        if not stored:
            sys.exit(RunNotFound.exit_code)
        only = next(iter(stored)) if len(stored) == 1 else None
        consent(
            f"run {only} with its history" if only else f"{counted(len(stored), 'run')} with their history", yes=yes
        )
        click.echo(f"deleted: {counted(archive.delete(stored), 'run')}")
    if missing:
        sys.exit(RunNotFound.exit_code)


@click.command(
    "prune",
    cls=Command,
    example="runstore prune --created-before 2024-01-01 --dry-run\nrunstore prune --metadata user=42 --any-version",
)
@db_option
@filter_options
@tz_option("dates in filters")
@click.option(
    "--any-version",
    is_flag=True,
    help="Also delete a run if an earlier snapshot of it meets all filters. Use this to erase a person.",
)
@click.option("--orphans", is_flag=True, help="Delete no runs, only the shared values to which no run refers.")
@click.option("--dry-run", is_flag=True, help="Print what would be deleted, and delete nothing.")
@yes_option
@click.option(
    "--vacuum",
    is_flag=True,
    help="Run VACUUM afterwards: SQLite returns the space to the disk, PostgreSQL makes it available to new rows.",
)
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
    """Delete the runs that meet all filters, with their history, and the shared values that no run uses any more.

    The command asks for confirmation. It deletes in batches: if it is interrupted, run it again to delete the rest.
    Other programs can write to the archive while it runs.
    """
    from runstore.upkeep.pruner import Pruned

    deleted = Pruned()

    def count(so_far: Pruned) -> None:
        nonlocal deleted
        deleted = so_far

    if orphans == bool(where):
        raise click.UsageError("choose the runs with at least one filter, or give --orphans alone")
    if orphans and any_version:
        raise click.UsageError("--any-version selects runs, and --orphans deletes none; give only one of them")
    with opened(db, where, patience=patience) as archive:
        if vacuum:
            _check_vacuum(archive)
        if dry_run or not yes:
            found = archive.forecast(any_version=any_version, **where)
            note(f"{'would delete' if dry_run else 'to delete'}: {found}, about {readable_size(found.bytes)}")
            if dry_run or not (found.runs or found.shared):
                return
            consent(f"{found}", yes=yes)
        try:
            archive.prune(progress=count, any_version=any_version, **where)
        except BaseException:
            if deleted != Pruned():
                note(f"runstore: stopped early; deleted so far: {deleted}")
            raise
        click.echo(f"deleted: {deleted}")
        if vacuum:
            archive.vacuum()
        else:
            note("the database reuses the space for new runs; to reclaim it, use --vacuum")


def _check_vacuum(archive: RunRepository) -> None:
    """Refuse --vacuum before runs are deleted: a failure afterwards would look as if none had been."""
    try:
        archive.check_vacuum()
    except DatabaseFailure:
        note("runstore: nothing was deleted; to delete runs with this role, omit --vacuum")
        raise
