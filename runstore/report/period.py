"""The time that a report is about, and the time before, with which it is compared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from runstore import shown, times
from runstore.repository import RunRepository
from runstore.wire import INT64

DAY = 86_400

USUAL = 12 * 7 * DAY
"""The length of a period whose beginning is not given."""

BOUNDS = ("created_from", "created_before")

_END_OF_CALENDAR = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) + DAY
"""Later times have no day: they are milliseconds, or nonsense, and no period ends with them."""


class Period(NamedTuple):
    """A time in which runs were created, in Unix seconds."""

    start: int
    end: int
    """The first second after it."""

    def before(self) -> Period:
        """Return the period of the same length that ends where this one begins."""
        return Period(max(self.start - (self.end - self.start), INT64[0]), self.start)

    def filters(self) -> dict[str, Any]:
        """Return the period as filters."""
        return {"created_from": self.start, "created_before": self.end}

    def __str__(self) -> str:
        if self.start % DAY == 0 == self.end % DAY:
            return f"{shown.day(self.start)} to {shown.day(max(self.end - 1, self.start))}"
        return f"{shown.moment(self.start)} to {shown.moment(self.end)}"

    @property
    def length(self) -> str:
        """The length in words."""
        seconds = self.end - self.start
        return f"{seconds // DAY:,} days" if seconds % DAY == 0 and seconds > DAY else shown.duration(seconds)


def chosen(archive: RunRepository, where: Mapping[str, Any]) -> Period | None:
    """Return the period of a report, or None if no time is given and no run has one.

    Filters set its bounds. By default it ends after the day of the newest run, and is twelve weeks long. It does not
    depend on the clock, so that the same runs give the same report, and an old dump does not give an empty one.
    """
    given = {name: times.seconds(name, where[name]) for name in BOUNDS if where.get(name) is not None}
    start, end = given.get("created_from"), given.get("created_before")
    if end is None:
        until = {"created_before": _END_OF_CALENDAR}
        newest = archive.find_rows("created_at", limit=1, **{**where, **until}).rows
        if not newest and start is None:
            return None
        end = (newest[0][0] // DAY + 1) * DAY if newest else min(start or 0, INT64[-1] - USUAL) + USUAL
    if start is None:
        start = max(end - USUAL, INT64[0])
    return Period(start, max(start, end))
