"""Records that were not stored: reported on standard error, and written to the file of --rejects."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from runstore.cli.files import output_file
from runstore.cli.output import note

if TYPE_CHECKING:
    from runstore.save.saver import Rejection

SHOWN_REJECTIONS = 20
SHOWN_CHARACTERS = 200
"""Characters of a rejected record that --verbose prints."""


@contextmanager
def rejected_to(path: Path | None, *, verbose: bool, skipped: bool) -> Iterator[Callable[[Rejection], None]]:
    """Report the records that were not stored on standard error, and write them to the file of --rejects.

    The reason of a rejection may appear in logs, but the values of runs may not, unless *verbose* allows it.
    """
    refused = not_runs = 0
    file: BinaryIO | None = None

    def report(rejection: Rejection, *, level: int, with_record: bool = False) -> None:
        fields: dict[str, Any] = {
            "outcome": str(rejection.outcome),
            "where": rejection.where,
            "reason": rejection.reason,
        }
        if with_record and rejection.record:
            fields["record"] = _beginning(rejection.record)
        note(f"{rejection.outcome}: {rejection.where}: {rejection.reason}", level, **fields)

    def reject(rejection: Rejection) -> None:
        nonlocal refused, not_runs, file
        if rejection.outcome == "skipped":
            not_runs += 1
            if verbose and not_runs <= SHOWN_REJECTIONS:
                report(rejection, level=logging.INFO)
            if not skipped:
                return
        else:
            refused += 1
            if refused <= SHOWN_REJECTIONS:
                report(rejection, level=logging.WARNING, with_record=verbose)
        if path is not None:
            # The file is created with the first record, so that its absence means that every run was stored. It
            # replaces an older file only when it is complete, because that file may be the one that is being read.
            file = file or stack.enter_context(output_file(path))
            reason = " ".join(f"{rejection.where}: {rejection.reason}".split())
            file.write(f"# {reason}\n".encode(errors="backslashreplace") + rejection.record + b"\n")

    with ExitStack() as stack:
        yield reject
    if refused > SHOWN_REJECTIONS:
        hint = f"{path} contains all of them" if path else "use --rejects FILE to write all of them to a file"
        note(f"... and {refused - SHOWN_REJECTIONS} more; {hint}", logging.WARNING)


def _beginning(record: bytes) -> str:
    text = record[: 4 * SHOWN_CHARACTERS + 1].decode(errors="backslashreplace")  # at most four bytes a character
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
