"""What runs can be asked for by: the one table of filters, each with its option on the command line.

:class:`Filter` is the table. A key of it without a :class:`Criterion` is an error when this is imported, one without
conditions in ``filters.py`` when it is asked for: a filter that meant nothing would let ``prune`` delete what nobody
chose.

Nothing here loads a database, for ``runstore --help`` and the completion of shells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Annotated, Any, NamedTuple, TypedDict, get_type_hints

from runstore.statuses import STATUSES
from runstore.times import Time

Texts = str | Iterable[str]


class Kind(Enum):
    """What values a filter takes."""

    ONE_OF = auto()
    """A string or several, of which a run has one."""
    ALL_OF = auto()
    """A string or several, all of which a run has."""
    PAIRS = auto()
    TIME = auto()
    NUMBER = auto()
    YES_OR_NO = auto()


class Criterion(NamedTuple):
    """One filter, for people."""

    kind: Kind
    option: str
    metavar: str
    help: str


class Filter(TypedDict, total=False):
    """Which runs: all conditions hold, None is no condition. Where several values are given, one of them is met."""

    id: Annotated[
        Texts | None,
        Criterion(Kind.ONE_OF, "--id", "ID", "Runs of this id (may be repeated, as all that name a value)."),
    ]
    thread_id: Annotated[Texts | None, Criterion(Kind.ONE_OF, "--thread", "ID", "Runs of this thread.")]
    assistant_id: Annotated[Texts | None, Criterion(Kind.ONE_OF, "--assistant", "ID", "Runs of this assistant.")]
    model: Annotated[Texts | None, Criterion(Kind.ONE_OF, "--model", "MODEL", "Runs of this model.")]
    status: Annotated[
        Texts | None, Criterion(Kind.ONE_OF, "--status", "STATUS", f"Runs of this status: {', '.join(STATUSES)}.")
    ]
    source: Annotated[
        Texts | None,
        Criterion(Kind.ONE_OF, "--source", "TEXT", "Runs that 'import --source' stored under this name."),
    ]
    """Of the newest snapshot."""
    created_from: Annotated[
        Time | None,
        Criterion(
            Kind.TIME,
            "--created-from",
            "TIME",
            "Runs created then or later: ISO 8601, Unix seconds, or an age as 12h, 7d.",
        ),
    ]
    """created_at is this or later."""
    created_before: Annotated[Time | None, Criterion(Kind.TIME, "--created-before", "TIME", "Runs created earlier.")]
    """created_at is earlier than this."""
    started_from: Annotated[Time | None, Criterion(Kind.TIME, "--started-from", "TIME", "Runs started then or later.")]
    started_before: Annotated[Time | None, Criterion(Kind.TIME, "--started-before", "TIME", "Runs started earlier.")]
    finished_from: Annotated[
        Time | None, Criterion(Kind.TIME, "--finished-from", "TIME", "Runs that ended then or later.")
    ]
    """finished_at of the view ``runs``: when the run ended, by its status."""
    finished_before: Annotated[
        Time | None, Criterion(Kind.TIME, "--finished-before", "TIME", "Runs that ended earlier.")
    ]
    metadata: Annotated[
        Mapping[str, str] | None,
        Criterion(
            Kind.PAIRS, "--metadata", "KEY=VALUE", "Runs with this pair in metadata; repeated: with all of them."
        ),
    ]
    """All these pairs are there."""
    metadata_key: Annotated[
        Texts | None,
        Criterion(Kind.ALL_OF, "--metadata-key", "KEY", "Runs with this key in metadata; repeated: with all of them."),
    ]
    """All these keys are there."""
    tool_type: Annotated[
        Texts | None, Criterion(Kind.ONE_OF, "--tool-type", "TYPE", "Runs that were given a tool of this type.")
    ]
    """A tool of one of these types was given to the run."""
    function_name: Annotated[
        Texts | None, Criterion(Kind.ONE_OF, "--function", "NAME", "Runs that were given a function of this name.")
    ]
    """A function of one of these names was given to the run."""
    file_id: Annotated[Texts | None, Criterion(Kind.ONE_OF, "--file", "ID", "Runs that were given this file.")]
    """One of these files was given to the run."""
    error_code: Annotated[
        Texts | None, Criterion(Kind.ONE_OF, "--error-code", "CODE", "Runs with this code in last_error.")
    ]
    incomplete_reason: Annotated[
        Texts | None,
        Criterion(Kind.ONE_OF, "--incomplete-reason", "REASON", "Runs with this reason in incomplete_details."),
    ]
    total_tokens_min: Annotated[
        int | None, Criterion(Kind.NUMBER, "--tokens-min", "N", "Runs with so many total tokens or more.")
    ]
    """total_tokens are so many or more."""
    total_tokens_max: Annotated[
        int | None, Criterion(Kind.NUMBER, "--tokens-max", "N", "Runs with so many total tokens or fewer.")
    ]
    total_seconds_min: Annotated[
        int | None,
        Criterion(Kind.NUMBER, "--seconds-min", "N", "Runs that took so many seconds or more, from creation to end."),
    ]
    """It took so many seconds or more from created_at to finished_at."""
    total_seconds_max: Annotated[
        int | None, Criterion(Kind.NUMBER, "--seconds-max", "N", "Runs that took so many seconds or fewer.")
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
    """Whether there is a required_action."""


def criteria_of(table: type) -> dict[str, Criterion]:
    """The criteria of the keys of :class:`Filter`, or of a class like it. Raises :class:`TypeError` for one without."""
    found: dict[str, Criterion] = {}
    for name, hint in get_type_hints(table, include_extras=True).items():
        said: tuple[Any, ...] = getattr(hint, "__metadata__", ())
        if not said or not isinstance(said[0], Criterion):
            raise TypeError(f"the filter {name} has no Criterion")
        found[name] = said[0]
    return found


FILTERS = criteria_of(Filter)
"""All filters by the name of the argument, in the order of the documentation."""
