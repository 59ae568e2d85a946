"""The command line: each command parses its arguments, calls one function and prints the result.

Data goes to standard output, everything else to standard error. This module and the tops of the modules of the commands
import no more than click, so that ``runstore --help`` loads no database library.
"""

from __future__ import annotations

import logging
import signal
import sys
import warnings
from importlib import import_module
from io import StringIO
from typing import NoReturn

import click

from runstore.cli import logs
from runstore.cli.help import Group

COMMANDS = {
    "import": "transfer",
    "fetch": "fetch",
    "export": "transfer",
    "show": "show",
    "list": "show",
    "stats": "stats",
    "report": "report",
    "prompts": "prompts",
    "sql": "ask",
    "serve": "serve",
    "lint": "lint",
    "prices": "prices",
    "verify": "care",
    "fingerprint": "care",
    "diff": "care",
    "delete": "care",
    "prune": "care",
    "backup": "copies",
    "copy": "copies",
    "db": "database",
    "completion": "completion",
}
"""The module of this package that holds each command."""

LOOKED_AT = ("show", "list", "stats", "prompts", "sql")
"""Commands whose output is useful even in part, as in ``runstore list | head``. The output of the other commands has to
be complete, or their exit code reports whether something was found or done."""

EXIT_CODES = """
\b
Exit codes: 0 success, 1 failure, 2 usage error, 3 not found,
4 schema behind this runstore, 5 schema newer than this runstore,
6 some records were rejected or in conflict, or some threads could not be fetched,
7 the database or the server cannot be reached: try again later, 130 interrupted.
"""


class Commands(Group):
    """The commands; the module of a command is imported when the command is looked up."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return all names, in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command with this name."""
        if name not in COMMANDS:
            return None
        module = import_module(f"runstore.cli.{COMMANDS[name]}")
        return logs.with_log_options(getattr(module, f"{name}_command"))

    def invoke(self, context: click.Context) -> object:
        """Run a command. A reader who closes the pipe of one of :data:`LOOKED_AT` has seen enough: not a failure."""
        from runstore.cli.streams import OutputLost
        from runstore.errors import RunStoreError

        try:
            return super().invoke(context)
        except OutputLost as lost:
            if lost.reader_left and context.invoked_subcommand in LOOKED_AT:
                context.exit(0)
            raise
        except BrokenPipeError as error:  # from a named pipe given with -o: click would exit without a message
            raise RunStoreError(detail=_message(error)) from error
        except KeyboardInterrupt:
            if logs.is_for_a_person():
                raise
            raise click.Abort from None  # for the interrupt itself, click would print an empty line


@click.command(cls=Commands, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="runstore", message="%(prog)s %(version)s")
def runstore() -> None:
    """Archive assistant runs (OpenAI thread.run objects) in PostgreSQL or SQLite, exactly as they came.

    The archive is given by --db (a database URL or the path of a SQLite file). Without --db, runstore uses
    RUNSTORE_DATABASE_URL, then DATABASE_URL, then the file runstore.db in the current directory.
    """


logs.with_log_options(runstore, environment=True)


def main() -> None:
    """Run the command line, and turn every error into one line and an exit code."""
    from runstore.cli import streams
    from runstore.cli.output import harmless
    from runstore.errors import RunStoreError
    from runstore.masking import masked

    # The signals of service managers and closed terminals end a command like an interrupt, so no partial file remains.
    for number in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores SIGHUP
            signal.signal(number, signal.default_int_handler)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # the warnings of libraries are meant for developers, not for users
    streams.set_up()
    logs.set_up()
    if sys.stdout is None:
        _end("standard output is closed", 1)  # before any work is done whose result could not be printed
    try:
        code = runstore.main(standalone_mode=False)
    except click.exceptions.Abort:
        _end("interrupted; committed work is kept, and running the same command again completes it", 130)
    except click.ClickException as error:
        if not logs.is_for_a_person():
            _end(error.format_message(), error.exit_code)
        shown = StringIO()
        error.show(shown)
        click.echo(harmless(masked(shown.getvalue())), nl=False, err=True)
        sys.exit(error.exit_code)
    except (RunStoreError, OSError) as error:
        _end(_message(error), getattr(error, "exit_code", 1))
    except MemoryError:
        _end("out of memory", 1)
    except Exception as error:
        _end(f"internal error; please report it: {type(error).__name__}: {error}", 1, error)
    sys.exit(code)


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _end(message: str, code: int, cause: Exception | None = None) -> NoReturn:
    from runstore.cli.output import note

    note(f"runstore: {message}", logging.ERROR, cause=cause, exit_code=code)
    sys.exit(code)
