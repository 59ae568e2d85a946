"""runstore import, runstore export."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from runstore.cli.output import db_option, note

if TYPE_CHECKING:
    from runstore.saver import Rejection
    from runstore.sources import Record

SHOWN_REJECTIONS = 20


def _in_a_folder(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Say so before the work begins where a file cannot be made."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"{path.parent} is no folder")
    return path


def _spare_the_archive(db: str | None, path: Path | None) -> None:
    """A usage error where a file to be written is the archive itself."""
    from runstore import config

    archive = config.sqlite_file(config.database_url(db))
    if path and archive and path.resolve() == archive.resolve():
        raise click.UsageError(f"{path} is the archive itself")


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True, path_type=Path))
@db_option
@click.option("--source", metavar="TEXT", help="Where the runs come from, kept beside them; for example prod-eu.")
@click.option(
    "--observed-at",
    metavar="TIME",
    help="When the runs were seen so: ISO 8601 or Unix seconds. [default: the file's modification time]",
)
@click.option(
    "--on-conflict",
    type=click.Choice(["newest", "replace", "keep", "error"]),
    default="newest",
    show_default=True,
    help="Which look at a run stays where a stored one differs.",
)
@click.option("--strict", is_flag=True, help="Reject what departs from the document.")
@click.option(
    "--rejects",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_in_a_folder,
    help="Write rejected records here as they came, each under a line '# where: reason'; mended, the file can "
    "be imported.",
)
@click.option(
    "--max-record",
    metavar="MIB",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Reject larger records: memory grows with the largest.",
)
@click.option(
    "--patience",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Try again for so long while the server cannot be reached.",
)
def import_command(
    paths: tuple[Path, ...],
    db: str | None,
    source: str | None,
    observed_at: str | None,
    on_conflict: str,
    strict: bool,
    rejects: Path | None,
    max_record: int,
    patience: float,
) -> None:
    """Archive the runs in files, folders or - (standard input).

    JSON, JSON Lines, arrays, list pages and server-sent events, also gzip'ed, told apart by content. What is no run is
    skipped, a bad run is rejected and the others are stored. Imports may overlap and be repeated.
    """
    from runstore.repository import RunRepository

    _spare_the_archive(db, rejects)
    seen_at = _moment(observed_at)
    with (
        RunRepository.open(db, patience=patience) as archive,
        _rejects(rejects) as reject,
        _records(paths, max_record * 2**20) as records,
    ):
        report = archive.save_many(
            records, observed_at=seen_at, source=source, on_conflict=on_conflict, strict=strict, on_rejected=reject
        )
    click.echo(str(report))
    if not report.complete:
        sys.exit(6)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        if text.lstrip("-").replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f"{text!r} is no time; expected 2024-05-31T12:00:00Z or Unix seconds", param_hint="--observed-at"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _records(paths: Iterable[Path], most: int) -> Iterator[Iterator[Record]]:
    """The records of all paths, with a progress bar by bytes where a person is watching."""
    import time

    from runstore import sources

    def read(progress: Callable[[int], None] | None) -> Iterator[Record]:
        for path in files:
            if str(path) == "-":
                now = time.time_ns() // 1000
                yield from sources.read_stream(
                    sys.stdin.buffer, "-", observed_at=now, progress=progress, max_record_bytes=most
                )
            else:
                yield from sources.read_file(path, progress=progress, max_record_bytes=most)

    files: list[Path] = []
    for path in paths:
        files += [path] if str(path) == "-" else sources.find_files([path])
    if sys.stderr is None or not sys.stderr.isatty():
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


@contextmanager
def _rejects(path: Path | None) -> Iterator[Callable[[Rejection], None]]:
    """Says what was rejected on stderr, and writes it to the file of --rejects."""
    shown = 0
    file: BinaryIO | None = None

    def reject(rejection: Rejection) -> None:
        nonlocal shown, file
        shown += 1
        if shown <= SHOWN_REJECTIONS:
            note(f"{rejection.outcome}: {rejection.where}: {rejection.reason}")
        if path is not None:
            # Made when there is something to write: no empty file says that all went in. Complete when it appears: it
            # may be the file that is being read.
            file = file or stack.enter_context(_output(path))
            reason = " ".join(f"{rejection.where}: {rejection.reason}".split())
            file.write(f"# {reason}\n".encode(errors="backslashreplace") + rejection.record + b"\n")

    with ExitStack() as stack:
        yield reject
    if shown > SHOWN_REJECTIONS:
        hint = f"all are in {path}" if path else "--rejects FILE writes them all"
        note(f"... and {shown - SHOWN_REJECTIONS} more; {hint}")


@click.command("export")
@db_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_in_a_folder,
    help="Write to a file, which appears when it is complete. [default: standard output]",
)
@click.option("--redact", is_flag=True, help="Leave out what looks like a key, token or password.")
def export_command(db: str | None, output: Path | None, redact: bool) -> None:
    """Write all runs as JSON Lines, as they came, in the order of created_at and id."""
    from runstore.redact import redacted
    from runstore.repository import RunRepository

    _spare_the_archive(db, output)
    with RunRepository.open(db) as archive, _output(output) as file:
        for text in archive.iterate_json():
            file.write(redacted(text) if redact else text)
            file.write(b"\n")


@contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists() and not path.is_file():  # a pipe or device
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()  # a link, as /dev/stdout, stays one
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        error.filename = error.filename or path  # "no space left on device": on which
        raise
    finally:
        partial.unlink(missing_ok=True)
