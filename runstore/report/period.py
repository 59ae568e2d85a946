"""The period of a report, and the period before, with which it is compared."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from runstore import shown, times
from runstore.repository import RunRepository
from runstore.wire import INT64

DAY = 86_400

WEEKS = 12
"""Number of weeks with runs in a period whose beginning is not given."""

BOUNDS = ("created_from", "created_before")

_END_OF_CALENDAR = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) + DAY
"""The calendar has no later days: later values are milliseconds or mistakes, and do not set the period."""


class Period(NamedTuple):
    """A period in which runs were created, in Unix seconds."""

    start: int
    end: int
    """The first second after the period."""

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
    """Return the period of a report, or None if no bound is given and no run has a time of creation.

    Filters set its bounds. By default it begins with the first of the last twelve weeks that have runs, and ends after
    the day of the newest run. It does not depend on today's date, so the same runs give the same report, and the report
    of an old dump is not empty. Runs of the future set the period only if there are no others.
    """
    given = {name: times.seconds(name, where[name]) for name in BOUNDS if where.get(name) is not None}
    start, end = given.get("created_from"), given.get("created_before")
    tomorrow = int(time.time()) // DAY * DAY + 2 * DAY
    ends = [end] if end is not None else [tomorrow, _END_OF_CALENDAR]
    last = next(filter(None, (_newest(archive, where, before) for before in ends)), None)
    if start is None:
        if last is None:
            return None if end is None else Period(max(end - DAY, INT64[0]), end)
        until = {**where, "created_before": min(last + 1, _END_OF_CALENDAR)}
        weeks = [row["week"] for row in archive.stats("week", columns="runs", **until) if row["week"] is not None]
        start = _monday(weeks[-WEEKS:][0]) if weeks else max(last // DAY * DAY, INT64[0])
    if end is None:
        end = start + DAY if last is None else (last // DAY + 1) * DAY
    return Period(min(start, end), end)


def _newest(archive: RunRepository, where: Mapping[str, Any], before: int) -> int | None:
    """Return when the newest run before this time was created, if that is a time of the calendar."""
    found = archive.find_rows("created_at", limit=1, **{**where, "created_before": min(before, _END_OF_CALENDAR)}).rows
    return found[0][0] if found else None


def _monday(week: str) -> int:
    year, _, number = week.partition("-W")
    return (date.fromisocalendar(int(year), int(number), 1) - date(1970, 1, 1)).days * DAY
