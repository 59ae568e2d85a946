"""The filters for runs, in one table: each with its type and its option on the command line.

:class:`Filter` is the table. A key without a :class:`Criterion` is an error when this module is imported, and a key
without conditions in ``filters.py`` is an error when the filter is used: if a filter were ignored, ``prune`` would
delete runs that nobody selected.

This module loads no database library, because ``runstore --help`` and shell completion use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Annotated, Any, NamedTuple, TypedDict, get_type_hints

from runstore.statuses import STATUSES
from runstore.times import Time

Texts = str | Iterable[str]


class Kind(Enum):
    """The kind of values that a filter takes."""

    ONE_OF = auto()
    """One string or several; a run must have one of them."""
    ALL_OF = auto()
    """One string or several; a run must have all of them."""
    PAIRS = auto()
    TIME = auto()
    NUMBER = auto()
    YES_OR_NO = auto()


class Criterion(NamedTuple):
    """How the command line presents one filter."""

    kind: Kind
    option: str
    metavar: str
    help: str
    short: str = ""
    """A second, shorter name of the option."""


class Filter(TypedDict, total=False):
    """A selection of runs.

    A run must meet all conditions, and None is no condition. If a filter has several values, a run must have one of
    them, unless stated otherwise.
    """

    id: Annotated[
        Texts | None,
        Criterion(
            Kind.ONE_OF, "--id", "ID", "Runs with this id. If a filter is repeated, one of its values must match."
        ),
    ]
    thread_id: Annotated[Texts | None, Criterion(Kind.ONE_OF, "--thread", "ID", "Runs in this thread.")]
    assistant_id: Annotated[Texts | None, Criterion(Kind.ONE_OF, "--assistant", "ID", "Runs of this assistant.")]
    model: Annotated[Texts | None, Criterion(Kind.ONE_OF, "--model", "MODEL", "Runs of this model.")]
    status: Annotated[
        Texts | None, Criterion(Kind.ONE_OF, "--status", "STATUS", f"Runs with this status: {', '.join(STATUSES)}.")
    ]
    source: Annotated[
        Texts | None,
        Criterion(Kind.ONE_OF, "--source", "TEXT", "Runs whose newest snapshot was imported with this --source."),
    ]
    """The source of the newest snapshot."""
    created_from: Annotated[
        Time | None,
        Criterion(
            Kind.TIME,
            "--created-from",
            "TIME",
            "Runs created at this time or later: ISO 8601, Unix seconds, or an age such as 12h or 7d.",
            short="--since",
        ),
    ]
    """created_at is at this time or later."""
    created_before: Annotated[
        Time | None,
        Criterion(Kind.TIME, "--created-before", "TIME", "Runs created before this time.", short="--until"),
    ]
    """created_at is before this time."""
    started_from: Annotated[
        Time | None, Criterion(Kind.TIME, "--started-from", "TIME", "Runs started at this time or later.")
    ]
    started_before: Annotated[
        Time | None, Criterion(Kind.TIME, "--started-before", "TIME", "Runs started before this time.")
    ]
    finished_from: Annotated[
        Time | None, Criterion(Kind.TIME, "--finished-from", "TIME", "Runs that ended at this time or later.")
    ]
    """finished_at of the view ``runs``: the time at which the run ended, according to its status."""
    finished_before: Annotated[
        Time | None, Criterion(Kind.TIME, "--finished-before", "TIME", "Runs that ended before this time.")
    ]
    metadata: Annotated[
        Mapping[str, str] | None,
        Criterion(
            Kind.PAIRS, "--metadata", "KEY=VALUE", "Runs with this pair in metadata; if repeated, with all pairs."
        ),
    ]
    """The metadata has all these pairs."""
    metadata_key: Annotated[
        Texts | None,
        Criterion(Kind.ALL_OF, "--metadata-key", "KEY", "Runs with this key in metadata; if repeated, with all keys."),
    ]
    """The metadata has all these keys."""
    text: Annotated[
        Texts | None,
        Criterion(
            Kind.ALL_OF,
            "--text",
            "TEXT",
            "Runs with this text in instructions, last_error.message or metadata, in upper or lower case (ASCII); if "
            "repeated, with all texts.",
            short="-q",
        ),
    ]
    """The instructions, the message of last_error, or the JSON text of metadata contain all these texts."""
    tool_type: Annotated[
        Texts | None, Criterion(Kind.ONE_OF, "--tool-type", "TYPE", "Runs that were given a tool of this type.")
    ]
    """The run was given a tool of one of these types."""
    function_name: Annotated[
        Texts | None, Criterion(Kind.ONE_OF, "--function", "NAME", "Runs that were given a function with this name.")
    ]
    """The run was given a function with one of these names."""
    file_id: Annotated[Texts | None, Criterion(Kind.ONE_OF, "--file", "ID", "Runs that were given this file.")]
    """The run was given one of these files."""
    error_code: Annotated[
        Texts | None, Criterion(Kind.ONE_OF, "--error-code", "CODE", "Runs with this code in last_error.")
    ]
    incomplete_reason: Annotated[
        Texts | None,
        Criterion(Kind.ONE_OF, "--incomplete-reason", "REASON", "Runs with this reason in incomplete_details."),
    ]
    total_tokens_min: Annotated[
        int | None, Criterion(Kind.NUMBER, "--tokens-min", "N", "Runs with at least N total tokens.")
    ]
    """total_tokens is at least this."""
    total_tokens_max: Annotated[
        int | None, Criterion(Kind.NUMBER, "--tokens-max", "N", "Runs with at most N total tokens.")
    ]
    total_seconds_min: Annotated[
        int | None,
        Criterion(Kind.NUMBER, "--seconds-min", "N", "Runs that took at least N seconds from creation to end."),
    ]
    """The run took at least this many seconds from created_at to finished_at."""
    total_seconds_max: Annotated[
        int | None,
        Criterion(Kind.NUMBER, "--seconds-max", "N", "Runs that took at most N seconds from creation to end."),
    ]
    requires_action: Annotated[
        bool | None,
        Criterion(
            Kind.YES_OR_NO,
            "--requires-action/--no-requires-action",
            "",
            "Runs with a required_action, or without one.",
        ),
    ]
    """Whether the run has a required_action."""


def criteria_of(table: type) -> dict[str, Criterion]:
    """Return the criteria of the keys of :class:`Filter`, or of a class like it.

    Raise :class:`TypeError` for a key without a criterion.
    """
    found: dict[str, Criterion] = {}
    for name, hint in get_type_hints(table, include_extras=True).items():
        annotations: tuple[Any, ...] = getattr(hint, "__metadata__", ())
        if not annotations or not isinstance(annotations[0], Criterion):
            raise TypeError(f"the filter {name} has no Criterion")
        found[name] = annotations[0]
    return found


FILTERS = criteria_of(Filter)
"""All filters by the name of the argument, in the order of the documentation."""
