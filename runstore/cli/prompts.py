"""runstore prompts."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta, tzinfo
from difflib import unified_diff
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from runstore.amounts import counted
from runstore.cli.files import output_file, output_option, spare_the_archive
from runstore.cli.help import Command
from runstore.cli.output import db_option, note
from runstore.cli.tables import day, form_of, format_option, write_rows
from runstore.cli.zones import chosen, tz_option
from runstore.times import seconds

if TYPE_CHECKING:
    from runstore.repository import RunRepository

ALL = 2**62
"""The number of runs of an assistant that are counted."""

SHOWN = 60
"""Characters of instructions in a table."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class _Used(NamedTuple):
    """Instructions of an assistant, with the time and the number of the runs that had them."""

    assistant_id: str | None
    first_day: str | None
    last_day: str | None
    runs: int
    prompts: int
    instructions: str | None


@click.command(
    "prompts",
    cls=Command,
    example="runstore prompts --assistant asst_abc123 --diff\nrunstore prompts --assistant asst_abc123 --at 2024-05-31",
)
@db_option
@click.option("--assistant", metavar="ID", help="Only the instructions of this assistant. [default: all assistants]")
@click.option(
    "--at",
    metavar="TIME",
    help="Print the instructions of the last run that was created up to this time, or up to the end of this date.",
)
@click.option("--diff", is_flag=True, help="Print how each version differs from the one before, sentence by sentence.")
@click.option(
    "--group-similar",
    is_flag=True,
    help="Count at least three texts that differ in one sentence as one version; the text is the one used last.",
)
@tz_option("the date of --at, and of first_day and last_day")
@format_option("table", "jsonl", "json", "csv", "parquet", "xlsx")
@output_option
def prompts_command(
    db: str | None,
    assistant: str | None,
    at: str | None,
    diff: bool,
    group_similar: bool,
    form: str | None,
    output: Path | None,
) -> None:
    """List the versions of the instructions of assistants, with the days and the number of the runs that had them.

    The columns are assistant_id, first_day, last_day (of creation), runs, prompts (the number of texts, with
    --group-similar) and instructions. The version that was used last comes first.
    """
    from runstore.repository import RunRepository

    spare_the_archive(db, output)
    if (at is not None or diff) and assistant is None:
        raise click.UsageError("--at and --diff need the assistant; give its id with --assistant")
    if at is not None and (diff or group_similar):
        raise click.UsageError("--at prints one text; give it without --diff and --group-similar")
    if (at is not None or diff) and form is not None:
        raise click.UsageError("--at and --diff print text; give them without --format")
    with RunRepository.open(db) as archive:
        if at is not None:
            assert assistant is not None
            _print_text(archive, assistant, at, output)
            return
        assistants = (
            [assistant] if assistant else [row["assistant"] for row in archive.stats("assistant", columns="runs")]
        )
        found = [used for one in assistants if one is not None for used in _used(archive, one, grouped=group_similar)]
    if diff:
        with output_file(output) as file:
            file.writelines(f"{line}\n".encode() for line in _differences(found[::-1]))
        return
    _write(form_of(form, output), output, found, grouped=group_similar)


def _used(archive: RunRepository, assistant: str, *, grouped: bool) -> Iterator[_Used]:
    from runstore.query.prompts import Version

    found, zone = archive.prompts(assistant, limit=ALL), chosen()
    if not found.complete:
        note(f"runstore: assistant {assistant} has more texts; only those that were used last are listed")
    prompts = [prompt for version in found.versions for prompt in version.prompts]
    prompts.sort(key=lambda prompt: -ALL if prompt.last is None else prompt.last, reverse=True)
    for used in found.versions if grouped else [Version((prompt,)) for prompt in prompts]:
        yield _Used(assistant, day(used.first, zone), day(used.last, zone), used.runs, len(used.prompts), used.text)


def _write(form: str, output: Path | None, found: Sequence[_Used], *, grouped: bool) -> None:
    from runstore.formats import Column

    names = [name for name in _Used._fields if grouped or name != "prompts"]
    columns = [Column(name, "integer" if name in ("runs", "prompts") else "text") for name in names]
    rows: list[list[Any]] = [[getattr(used, name) for name in names] for used in found]
    if form == "table":
        for row in rows:
            row[-1] = _beginning(row[-1])
    write_rows(form, output, columns, rows)


def _beginning(text: str | None) -> str | None:
    line = " ".join(text.split()) if text else text
    return line if line is None or len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def _print_text(archive: RunRepository, assistant: str, at: str, output: Path | None) -> None:
    page = archive.find(assistant_id=assistant, created_before=_after(at, chosen()), limit=1)
    if not page.runs:
        note(f"runstore: no run of {assistant} was created up to {at}", logging.ERROR)
        sys.exit(3)
    (run,) = page.runs
    with output_file(output) as file:
        file.write(f"{run.get('instructions') or ''}\n".encode())
    note(f"the instructions of run {run['id']}")


def _after(at: str, zone: tzinfo) -> int:
    """Return the first second after a time or a date."""
    if _DATE.fullmatch(at):
        with suppress(ValueError, OverflowError):  # the last date has no day after it
            return seconds("at", date.fromisoformat(at) + timedelta(days=1), zone)
    return seconds("at", at, zone) + 1


def _differences(found: Sequence[_Used]) -> Iterator[str]:
    """Yield the differences between successive versions, the oldest first, in the format of diff -u."""
    from runstore.query.prompts import sentences

    for before, after in pairwise(found):
        old, new = (sentences(used.instructions or "") for used in (before, after))
        name, new_name = (
            f"{used.first_day} to {used.last_day}, {counted(used.runs, 'run')}" for used in (before, after)
        )
        yield from unified_diff(old, new, name, new_name, lineterm="")
