"""runstore import and runstore export."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.files import in_a_folder, output_file, output_option, spare_the_archive
from runstore.cli.filters import filter_options, opened
from runstore.cli.help import Command
from runstore.cli.logs import is_for_a_person, is_text
from runstore.cli.output import db_option, is_terminal, note, patience_option, printable
from runstore.cli.rejects import rejected_to
from runstore.cli.tables import Names, form_of, format_option, run_columns, run_columns_option, write_rows
from runstore.cli.values import Choice, Integer
from runstore.cli.zones import tz_option
from runstore.save.policy import POLICIES

if TYPE_CHECKING:
    from runstore.save.policy import Policy
    from runstore.sources import Record


@click.command(
    "import",
    cls=Command,
    example="runstore import --source prod-eu dumps/ more.jsonl.gz\ntail -f runs.jsonl | runstore import -",
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True, path_type=Path))
@db_option
@click.option(
    "--source",
    metavar="TEXT",
    help="Store this text with the runs as their source, for example prod-eu.",
)
@click.option(
    "--observed-at",
    metavar="TIME",
    help="When the runs were observed: ISO 8601, Unix seconds, or an age such as 12h or 7d. "
    "[default: the modification time of the file]",
)
@click.option(
    "--on-conflict",
    type=Choice(POLICIES),
    default="newest",
    show_default=True,
    help="If an imported snapshot differs from the stored one: keep the newest of the two, the imported one (replace) "
    "or the stored one (keep), or refuse the imported one (error).",
)
@click.option(
    "--exported",
    is_flag=True,
    help='Treat every object as a run, even without "object": "thread.run". Use this for a file that \'runstore '
    "export' wrote.",
)
@click.option("--strict", is_flag=True, help="Reject runs that deviate from the API specification.")
@click.option(
    "--redact",
    is_flag=True,
    help="Remove what looks like a key, token or password before a run is stored. The removed values are lost.",
)
@click.option(
    "--rejects",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=in_a_folder,
    help="Write rejected and conflicting records to this file as they came, each after a line '# where: reason'. When "
    "they are corrected, the file can be imported.",
)
@click.option("--rejects-skipped", is_flag=True, help="Also write skipped records to the file of --rejects.")
@click.option(
    "--verbose",
    is_flag=True,
    help="Print the beginning of each rejected record, and the places of the first skipped records.",
)
@click.option(
    "--max-record",
    metavar="MIB",
    type=Integer(1),
    default=64,
    show_default=True,
    help="Reject records that are larger than this; memory use grows with the largest record.",
)
@patience_option
def import_command(
    paths: tuple[Path, ...],
    db: str | None,
    source: str | None,
    observed_at: str | None,
    on_conflict: Policy,
    exported: bool,
    strict: bool,
    redact: bool,
    rejects: Path | None,
    rejects_skipped: bool,
    verbose: bool,
    max_record: int,
    patience: float,
) -> None:
    """Archive the runs in files, in directories, or on standard input (-).

    The input can be JSON, JSON Lines, arrays, pages, log records or server-sent events, also compressed; runstore
    detects the format by content and finds runs at any depth. A record that is not a run is skipped. A run that cannot
    be stored exactly is rejected, and the others are stored. Importing a file again adds nothing.
    """
    from runstore import config
    from runstore.cli.summary import summary
    from runstore.repository import RunRepository
    from runstore.wire.finder import SAYS_NOTHING

    if rejects_skipped and rejects is None:
        raise click.UsageError("--rejects-skipped needs --rejects FILE")
    spare_the_archive(db, rejects, *paths)
    if config.is_in_memory(config.database_url(db)):
        raise click.UsageError("an archive in memory would be lost when this command ends; give a file with --db")
    seen_at = _moment(observed_at)
    with (
        RunRepository.open(db, patience=patience) as archive,
        rejected_to(rejects, verbose=verbose, skipped=rejects_skipped) as reject,
        _records(paths, max_record * 2**20, exported=exported) as records,
    ):
        report = archive.save_many(
            records,
            observed_at=seen_at,
            source=source,
            on_conflict=on_conflict,
            strict=strict,
            redact=redact,
            on_rejected=reject,
            on_skipped=reject if verbose or rejects_skipped else None,
        )
    click.echo(printable(summary(report, on_conflict, rejects)) if is_terminal() and is_text() else str(report))
    if any(kind.startswith(("thread.message", "thread.run.step")) for kind in report.skipped_kinds):
        note("runstore archives runs only, not messages or run steps")
    if SAYS_NOTHING in report.skipped_kinds:
        note(
            'objects without "object": "thread.run" were skipped; if the file was written by \'runstore export\', '
            "import it with --exported"
        )
    if not report.complete:
        sys.exit(6)


def _moment(text: str | None) -> datetime | None:
    from runstore import times
    from runstore.errors import InvalidArgument

    if text is None:
        return None
    try:
        moment = times.EPOCH + timedelta(microseconds=times.microseconds("observed_at", text))
    except OverflowError:  # usually a number of milliseconds
        reason = f"is {text!r}, which is outside the years 1 to 9999; {times.EXPECTED}"
        raise InvalidArgument(argument="observed_at", reason=reason) from None
    if moment > datetime.now(UTC) + timedelta(days=1):  # more than clocks differ
        reason = f"is {text!r}, which is in the future; snapshots imported later would count as older"
        raise InvalidArgument(argument="observed_at", reason=reason)
    return moment


@contextmanager
def _records(paths: Iterable[Path], most: int, *, exported: bool) -> Iterator[Iterator[Record]]:
    """Read the records of all paths, with a progress bar if a person is watching."""
    import time

    from runstore import sources

    def read(progress: Callable[[int], None] | None) -> Iterator[Record]:
        for path in files:
            if str(path) == "-":
                now = time.time_ns() // 1000
                yield from sources.read_stream(
                    sys.stdin.buffer, "-", observed_at=now, progress=progress, max_record_bytes=most, exported=exported
                )
            else:
                yield from sources.read_file(path, progress=progress, max_record_bytes=most, exported=exported)

    files: list[Path] = []
    for path in paths:
        files += [path] if str(path) == "-" else sources.find_files([path])
    if not (sys.stderr.isatty() and is_for_a_person()):
        yield read(None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    sizes = [path.stat().st_size for path in files if str(path) != "-" and path.is_file()]
    total = sum(sizes) if len(sizes) == len(files) else None
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("import", total=total)
        yield read(lambda count: bar.advance(task, count))


@click.command(
    "export",
    cls=Command,
    example="runstore export -o runs.jsonl\nrunstore export --source prod-eu --format csv --columns id,status,cost",
)
@db_option
@format_option("jsonl", "json", "csv", "parquet", "xlsx", default="jsonl")
@run_columns_option
@output_option
@click.option("--redact", is_flag=True, help="Omit what looks like a key, token or password.")
@filter_options
@tz_option("dates in filters")
def export_command(
    db: str | None,
    form: str | None,
    columns: Names | None,
    output: Path | None,
    redact: bool,
    where: dict[str, Any],
) -> None:
    """Write all runs, or those that meet the filters, ordered by created_at and id.

    As JSON Lines or JSON, the runs are written as they came. With --columns, and as CSV, Parquet or xlsx, the command
    writes rows of the view runs, whose columns 'runstore sql --schema' lists.
    """
    from runstore import formats
    from runstore.query import queries
    from runstore.redact import redacted, row

    spare_the_archive(db, output)
    form = form_of(form, output, default="jsonl")
    columns = run_columns(form, columns)
    with opened(db, where) as archive:
        if columns is None and form in ("jsonl", "json"):
            with output_file(output) as file:
                texts = archive.iterate_json(**where)
                formats.write_texts(form, file, map(redacted, texts) if redact else texts)
            return
        described = [formats.column_of(column) for column in queries.view_columns(columns)]
        rows = archive.rows(columns, **where)
        names = [column.name for column in described]
        write_rows(form, output, described, (row(each, names) for each in rows) if redact else rows)
