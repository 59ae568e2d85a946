"""runstore fetch."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runstore.amounts import counted
from runstore.cli.files import in_a_folder, spare_the_archive
from runstore.cli.help import Command
from runstore.cli.logs import is_for_a_person, is_text
from runstore.cli.output import db_option, is_terminal, note, patience_option, printable
from runstore.cli.rejects import rejected_to
from runstore.cli.values import Integer, Seconds
from runstore.cli.zones import chosen, tz_option
from runstore.times import seconds

if TYPE_CHECKING:
    from runstore.fetch import FetchReport, HTTPServer

SHOWN_FAILURES = 20

UNITS = {"s": 1, "m": 60, "h": 3600}


def _per_second(_: click.Context, __: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)/([smh])", text)
    if found is None or not float(found[1]):
        raise click.BadParameter(f"{text!r} is not a rate; expected a number of requests per s, m or h, such as 5/s")
    return float(found[1]) / UNITS[found[2]]


def _headers(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    from runstore.redact.names import Says, says

    headers = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter("expected NAME=VALUE")
        if says(name) is not Says.NOTHING:
            raise click.BadParameter(
                f"{name} contains a key, and other users of this machine can see arguments; give the key with "
                "--api-key-env or --api-key-file"
            )
        headers[name] = value
    return headers


@click.command(
    "fetch",
    cls=Command,
    example=(
        "runstore fetch --base-url https://host.example.com/v1 --api-key-env KEY --thread thread_a\n"
        "runstore fetch --azure-endpoint https://x.services.ai.azure.com/api/projects/p --api-key-env KEY "
        "--all-threads\n"
        "runstore fetch --base-url http://127.0.0.1:8000/v1 --threads-from threads.txt --rate 5/s --source prod-eu"
    ),
)
@db_option
@click.option(
    "--base-url", metavar="URL", help="The URL of the server, up to the version: https://host.example.com/v1."
)
@click.option(
    "--azure-endpoint",
    metavar="URL",
    help="The endpoint of an Azure project or of Azure OpenAI, instead of --base-url.",
)
@click.option("--api-version", metavar="TEXT", help="The api-version for Azure. [default: that of Azure's SDK]")
@click.option(
    "--api-key-env",
    "variable",
    metavar="NAME",
    help="The environment variable that holds the key (for an Azure project, the token).",
)
@click.option(
    "--api-key-file",
    "key_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that holds the key.",
)
@click.option(
    "--header",
    "headers",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_headers,
    help="Send this header with each request (may be repeated). A key does not belong here.",
)
@click.option("--thread", "threads", metavar="ID", multiple=True, help="Fetch this thread (may be repeated).")
@click.option(
    "--threads-from",
    "lists",
    metavar="FILE",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="Fetch the threads whose ids are the lines of this file, or of standard input (-).",
)
@click.option(
    "--all-threads",
    is_flag=True,
    help="Fetch all threads that the server lists. Only projects of Azure AI Agents list threads.",
)
@click.option(
    "--since",
    metavar="TIME",
    help="Omit runs that were created before this time: ISO 8601, Unix seconds, or an age such as 12h or 7d.",
)
@tz_option("a date of --since")
@click.option(
    "--refresh-unfinished",
    is_flag=True,
    help="Also update archived runs that had not ended.",
)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=Seconds(zero=True),
    default=60,
    show_default=True,
    help="At the end, wait at most this long for runs to end.",
)
@click.option(
    "--rate",
    metavar="N/s",
    callback=_per_second,
    help="Send at most N requests per second (N/s), minute (N/m) or hour (N/h).",
)
@click.option(
    "--jobs",
    metavar="N",
    type=Integer(1, 100),
    default=4,
    show_default=True,
    help="Fetch this many threads at a time.",
)
@click.option("--source", metavar="TEXT", help="Store this text with the runs as their source, for example prod-eu.")
@click.option(
    "--rejects",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=in_a_folder,
    help="Write the runs that could not be stored to this file, as 'runstore import' does.",
)
@click.option("--dry-run", is_flag=True, help="Count what would be fetched, and store nothing.")
@patience_option
def fetch_command(
    db: str | None,
    base_url: str | None,
    azure_endpoint: str | None,
    api_version: str | None,
    variable: str | None,
    key_file: Path | None,
    headers: dict[str, str],
    threads: tuple[str, ...],
    lists: tuple[Path, ...],
    all_threads: bool,
    since: str | None,
    refresh_unfinished: bool,
    wait: float,
    rate: float | None,
    jobs: int,
    source: str | None,
    rejects: Path | None,
    dry_run: bool,
    patience: float,
) -> None:
    """Archive the runs of threads from a server that implements the Assistants API.

    The archive records how far each thread was fetched. If you run the same command again, it fetches only what is new,
    and continues after an interruption. Messages and run steps are not fetched. Requires the extra 'fetch'.
    """
    from runstore import config, fetch
    from runstore.repository import RunRepository

    if (base_url is None) == (azure_endpoint is None):
        raise click.UsageError("give the URL of the server with --base-url or with --azure-endpoint")
    if not (threads or lists or all_threads):
        raise click.UsageError("give threads with --thread or --threads-from, or give --all-threads")
    spare_the_archive(db, rejects, key_file, *lists)
    if config.is_in_memory(config.database_url(db)):
        raise click.UsageError("an archive in memory would be lost when this command ends; give a file with --db")
    server = _server(base_url, azure_endpoint, api_version, _key(variable, key_file), headers, rate)
    if server.is_unprotected:
        note("runstore: the key is sent without encryption; use an https:// URL", logging.WARNING)
    ids = [*threads, *_listed(lists)]
    if all_threads:
        with closing(server):
            ids += server.threads()
    if not ids:
        note("no threads to fetch")
        return
    with (
        RunRepository.open(db, patience=patience, connections=jobs + 1) as archive,
        rejected_to(rejects, verbose=False, skipped=False) as reject,
        _progress(len(set(ids))) as progress,
    ):
        report = fetch.threads(
            server,
            ids,
            archive,
            source=source,
            since=None if since is None else seconds("since", since, chosen()),
            refresh_unfinished=refresh_unfinished,
            wait=wait,
            jobs=jobs,
            dry_run=dry_run,
            on_rejected=reject,
            progress=progress,
        )
    _print(report, rejects, dry_run=dry_run)
    if not report.complete:
        sys.exit(6)


def _server(
    base_url: str | None,
    azure_endpoint: str | None,
    api_version: str | None,
    key: str | None,
    headers: dict[str, str],
    per_second: float | None,
) -> HTTPServer:
    from runstore.errors import ConfigurationError

    try:
        from runstore.fetch import HTTPServer
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("runstore"):
            raise
        detail = f"the package {error.name} is missing; install it with: pip install 'runstore[fetch]'"
        raise ConfigurationError(detail=detail) from error

    if azure_endpoint is not None:
        return HTTPServer.azure(
            azure_endpoint, key=key, api_version=api_version, headers=headers, per_second=per_second
        )
    if api_version is not None:
        raise click.UsageError("--api-version requires --azure-endpoint")
    return HTTPServer(str(base_url), key=key, headers=headers, per_second=per_second)


def _key(variable: str | None, file: Path | None) -> str | None:
    from runstore.errors import ConfigurationError

    if variable is not None and file is not None:
        raise click.UsageError("give the key with --api-key-env or with --api-key-file, not with both")
    if variable is not None:
        place, key = f"the environment variable {variable}", os.environ.get(variable, "")
    elif file is not None:
        place, key = f"the file {file}", file.read_bytes()[:100_000].decode(errors="replace")
    else:
        return None
    if not (key.strip().isascii() and key.strip().isprintable() and key.strip()):
        raise ConfigurationError(detail=f"{place} does not contain a key")
    return key.strip()


def _listed(lists: tuple[Path, ...]) -> Iterator[str]:
    """Yield the ids in these files, without empty lines and comments."""
    for path in lists:
        text = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        lines = text.decode("utf-8-sig", errors="replace").splitlines()
        yield from (line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))


@contextmanager
def _progress(threads: int) -> Iterator[Callable[[FetchReport], None] | None]:
    """Show how far the fetch is, if a person is watching."""
    if not (sys.stderr.isatty() and is_for_a_person()):
        yield None
        return
    from datetime import timedelta

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    bar = Progress(BarColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True)
    with bar:
        task = bar.add_task(f"0 of {threads:,} threads", total=threads)

        def show(report: FetchReport) -> None:
            done = report.threads + len(report.failed)
            parts = [f"{done:,} of {threads:,} threads", f"{report.found:,} runs", f"{report.unfinished:,} unfinished"]
            left = bar.tasks[0].time_remaining
            if left is not None and done < threads:
                parts.append(f"{timedelta(seconds=int(left))!s:0>8} left")
            bar.update(task, completed=done, description=", ".join(parts))

        yield show


def _print(report: FetchReport, rejects: Path | None, *, dry_run: bool) -> None:
    """Print the counts to standard output; to standard error what failed, and what is not complete."""
    from runstore.cli.summary import fetched

    for thread, reason in list(report.failed.items())[:SHOWN_FAILURES]:
        shown = reason if reason.startswith(thread) else f"{thread}: {reason}"
        note(f"failed: {shown}", logging.WARNING, thread=thread, reason=reason)
    if len(report.failed) > SHOWN_FAILURES:
        note(f"... and {len(report.failed) - SHOWN_FAILURES} more", logging.WARNING)
    if dry_run:
        click.echo(f"{counted(report.found, 'run')} of {counted(report.threads, 'thread')} would be fetched")
    elif is_terminal() and is_text():
        click.echo(printable(fetched(report.saved, report.threads, rejects)))
    else:
        click.echo(str(report.saved))
    threads = [f"{counted(report.threads, 'thread')} fetched"]
    if report.failed:
        threads.append(f"{len(report.failed)} failed; run the same fetch again to retry")
    if report.unfinished:
        have = "has" if report.unfinished == 1 else "have"
        threads.append(f"{counted(report.unfinished, 'run')} {have} not ended")
    note(
        "; ".join(threads),
        threads=report.threads,
        failed=len(report.failed),
        runs=report.found,
        unfinished=report.unfinished,
    )
    note("messages and run steps were not fetched: runstore archives runs only")
