"""Standard error: the notes of a command and the log of the library, in one format.

By default, the format is for a person. ``--log-format text`` and ``json`` are for files and log collectors: each line
has its time and level. ``--log-level`` filters the log of the library; the notes of a command are always printed.
"""

from __future__ import annotations

import logging
import os
import traceback
from datetime import UTC, datetime
from typing import Any

import click

from runstore.cli.output import NOTES, harmless, printable
from runstore.cli.values import Choice
from runstore.masking import masked

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
FORMS = ("text", "json")

OPTIONS = (
    (
        "--log-level",
        "RUNSTORE_LOG_LEVEL",
        tuple(LEVELS),
        "Print log messages of at least this level. [default: warning]",
    ),
    (
        "--log-format",
        "RUNSTORE_LOG_FORMAT",
        FORMS,
        "Print messages with their time and level, as lines of text or as JSON objects.",
    ),
)
"""Name, environment variable, choices and help."""


class _Handler(logging.Handler):
    """Writes to the current standard error, which a progress bar replaces while it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.form: str | None = None
        self.least = logging.WARNING
        self.addFilter(lambda record: record.name == NOTES or record.levelno >= self.least)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record immediately."""
        click.echo(_as_json(record, self.traced(record)) if self.form == "json" else self._as_lines(record), err=True)

    def traced(self, record: logging.LogRecord) -> str:
        """Return the traceback of an internal error if the level is debug, else an empty string."""
        if not record.exc_info or self.least > logging.DEBUG:
            return ""
        return masked("".join(traceback.format_exception(*record.exc_info)).rstrip())

    def _as_lines(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if self.form is not None:
            message = f"{_time(record)} {record.levelname} {_plain(message)}"
        elif record.name != NOTES:
            message = f"runstore: {message}"
        lines = [printable(masked(message))]
        if rejected := _fields(record).get("record"):
            lines.append(f"  {printable(masked(rejected))}")
        if trace := self.traced(record):
            lines.append(harmless(trace))
        return "\n".join(lines)


def _as_json(record: logging.LogRecord, trace: str) -> str:
    import json

    values = {
        "time": _time(record),
        "level": record.levelname.lower(),
        "message": _plain(record.getMessage()),
        **_fields(record),
    }
    if trace:
        values["traceback"] = trace
    shown = {name: masked(value) if isinstance(value, str) else value for name, value in values.items()}
    return harmless(json.dumps(shown, ensure_ascii=False))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "fields", {})


def _plain(message: str) -> str:
    """Return a message without the name of the program, with which some lines for a person begin."""
    return message.removeprefix("runstore: ")


def _time(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03}Z"


_handler = _Handler()


def set_up() -> None:
    """Apply the settings of the environment; click refuses wrong values when it parses the options."""
    logging.basicConfig(handlers=[logging.NullHandler()])  # the logs of other libraries are not meant for users
    logging.getLogger("runstore").addHandler(_handler)
    logging.getLogger(NOTES).setLevel(logging.INFO)
    _handler.form, _handler.least = None, logging.WARNING
    for name, variable, choices, _ in OPTIONS:
        if (value := os.environ.get(variable, "").lower()) in choices:
            _choose(name, value)


def is_for_a_person() -> bool:
    """Return whether standard error is formatted for a person, and may show a progress bar."""
    return _handler.form is None


def is_text() -> bool:
    """Return whether messages are lines of text rather than JSON objects."""
    return _handler.form != "json"


def _choose(option: str, value: str) -> None:
    if option == "--log-format":
        _handler.form = value
        return
    _handler.least = LEVELS[value]
    logger = logging.getLogger("runstore")
    logger.setLevel(min(_handler.least, logger.getEffectiveLevel()))  # there may be other handlers


def with_log_options(command: click.Command, *, environment: bool = False) -> click.Command:
    """Add --log-level and --log-format to a command and its subcommands; the innermost option takes precedence."""

    def remember(_: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            _choose(parameter.opts[0], value)

    if not any(parameter.name == "log_level" for parameter in command.params):
        for name, variable, choices, text in OPTIONS:
            option = click.Option(
                [name],
                type=Choice(choices, case_sensitive=False),
                is_eager=True,  # errors in the arguments before it are formatted too
                expose_value=False,
                callback=remember,
                envvar=variable if environment else None,
                show_envvar=environment,
                help=text,
            )
            command.params.append(option)
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        with_log_options(inner)
    return command
