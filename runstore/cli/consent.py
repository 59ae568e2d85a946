"""Asking before runs are deleted."""

from __future__ import annotations

import logging
import sys

import click

from runstore.cli.output import note, printable
from runstore.errors import ConfigurationError, RunStoreError

yes_option = click.option("--yes", is_flag=True, help="Delete without asking; needed where there is no terminal.")


def consent(what: str, *, yes: bool) -> None:
    """Return when *what* may be deleted: --yes says so, or whoever is at the terminal.

    Raises :class:`ConfigurationError` where nobody can be asked. To guess either answer would be wrong: a script would
    lose runs, or take it for done.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        hint = "--yes deletes without asking"
        raise ConfigurationError(detail=f"refusing to delete {what}: there is no terminal to ask at; {hint}")
    try:
        agreed = click.confirm(printable(f"delete {what}?"), err=True)
    except click.Abort:
        note("runstore: interrupted; nothing was deleted", logging.ERROR, exit_code=130)
        sys.exit(130)
    if not agreed:
        raise RunStoreError(detail="nothing was deleted")
