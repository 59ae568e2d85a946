"""Confirmation before runs are deleted."""

from __future__ import annotations

import logging
import sys

import click

from runstore.cli.output import note, printable
from runstore.errors import ConfigurationError, RunStoreError

yes_option = click.option(
    "--yes", is_flag=True, help="Delete without asking for confirmation; required if there is no terminal."
)


def consent(what: str, *, yes: bool) -> None:
    """Return if *what* may be deleted: because of --yes, or because the user at the terminal agrees.

    Raise :class:`ConfigurationError` if there is no terminal. Any assumption would be wrong: a script would lose runs,
    or would continue as if they had been deleted.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        hint = "use --yes to delete without confirmation"
        raise ConfigurationError(
            detail=f"refusing to delete {what}: there is no terminal to ask for confirmation; {hint}"
        )
    try:
        agreed = click.confirm(printable(f"delete {what}?"), err=True)
    except click.Abort:
        note("runstore: interrupted; nothing was deleted", logging.ERROR, exit_code=130)
        sys.exit(130)
    if not agreed:
        raise RunStoreError(detail="nothing was deleted")
