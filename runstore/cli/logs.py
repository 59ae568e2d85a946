"""What goes to standard error: the notes of a command and the log of the library, in one form.

By default the form is for a person. ``--log-format text`` and ``json`` are for files and collectors: each line has its
time and level. ``--log-level`` chooses of the library's log; what a command itself has to say is always said.
"""

from __future__ import annotations

import logging
import os
import traceback
from datetime import UTC, datetime
from typing import Any

import click

from runstore.cli.output import NOTES, harmless, printable
from runstore.masking import masked

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
FORMS = ("text", "json")

OPTIONS = (
    ("--log-level", "RUNSTORE_LOG_LEVEL", tuple(LEVELS), "How much of its work the library tells. [default: warning]"),
    ("--log-format", "RUNSTORE_LOG_FORMAT", FORMS, "Standard error with times and levels, as lines or JSON objects."),
)
"""Name, environment variable, choices, help."""


class _Handler(logging.Handler):
    """Writes to whatever is standard error at the moment: a progress bar puts something of its own there."""

    def __init__(self) -> None:
        super().__init__()
        self.form: str | None = None
        self.least = logging.WARNING
        self.addFilter(lambda record: record.name == NOTES or record.levelno >= self.least)

    def emit(self, record: logging.LogRecord) -> None:
        """Write it at once."""
        click.echo(_as_json(record, self.traced(record)) if self.form == "json" else self._as_lines(record), err=True)

    def traced(self, record: logging.LogRecord) -> str:
        """The traceback of an internal error, for those who ask for everything."""
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
        if begins := _fields(record).get("record"):
            lines.append(f"  {printable(masked(begins))}")
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
    """Without the name of the program, which begins some lines for a person."""
    return message.removeprefix("runstore: ")


def _time(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03}Z"


_handler = _Handler()


def set_up() -> None:
    """Begin as the environment says; what it says wrong is refused when the options are read."""
    logging.basicConfig(handlers=[logging.NullHandler()])  # the logs of other libraries are nothing to users
    logging.getLogger("runstore").addHandler(_handler)
    logging.getLogger(NOTES).setLevel(logging.INFO)
    _handler.form, _handler.least = None, logging.WARNING
    for name, variable, choices, _ in OPTIONS:
        if (value := os.environ.get(variable, "").lower()) in choices:
            _choose(name, value)


def is_for_a_person() -> bool:
    """Whether standard error may show more than lines, as a progress bar."""
    return _handler.form is None


def _choose(option: str, value: str) -> None:
    if option == "--log-format":
        _handler.form = value
        return
    _handler.least = LEVELS[value]
    logger = logging.getLogger("runstore")
    logger.setLevel(min(_handler.least, logger.getEffectiveLevel()))  # others may listen as well


def with_log_options(command: click.Command, *, environment: bool = False) -> click.Command:
    """Give a command, and all commands below it, --log-level and --log-format; the innermost one counts."""

    def remember(_: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            _choose(parameter.opts[0], value)

    if not any(parameter.name == "log_level" for parameter in command.params):
        for name, variable, choices, text in OPTIONS:
            option = click.Option(
                [name],
                type=click.Choice(choices, case_sensitive=False),
                is_eager=True,  # what comes before it on the line may be wrong
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
