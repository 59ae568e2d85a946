"""The period of a report, and the period before, with which it is compared."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
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
    zone: tzinfo = UTC

    def before(self) -> Period:
        """Return the period of the same length, in days if it consists of days, that ends where this one begins."""
        start = self.start - (self.end - self.start)
        if days := self.days:
            with suppress(OverflowError):
                start = _start_of(_date(self.start, self.zone) - timedelta(days=days), self.zone)
        return Period(max(start, INT64[0]), self.start, self.zone)

    def filters(self) -> dict[str, Any]:
        """Return the period as filters."""
        return {"created_from": self.start, "created_before": self.end}

    @property
    def days(self) -> int | None:
        """The number of days, if the period begins and ends with one."""
        try:
            first, end = (_date(time, self.zone) for time in (self.start, self.end))
            whole = (_start_of(first, self.zone), _start_of(end, self.zone)) == (self.start, self.end)
        except OverflowError:  # outside the calendar
            whole = self.start % DAY == 0 == self.end % DAY
            return (self.end - self.start) // DAY if whole else None
        return (end - first).days if whole else None

    def __str__(self) -> str:
        if self.days is not None:
            return f"{shown.day(self.start, self.zone)} to {shown.day(max(self.end - 1, self.start), self.zone)}"
        return f"{shown.moment(self.start, self.zone)} to {shown.moment(self.end, self.zone)}"

    @property
    def length(self) -> str:
        """The length in words."""
        days = self.days or 0
        return f"{days:,} days" if days > 1 else shown.duration(self.end - self.start)


def chosen(archive: RunRepository, where: Mapping[str, Any]) -> Period | None:
    """Return the period of a report, or None if no bound is given and no run has a time of creation.

    Filters set its bounds. By default it begins with the first of the last twelve weeks that have runs, and ends after
    the day of the newest run. It does not depend on today's date, so the same runs give the same report, and the report
    of an old dump is not empty. Runs of the future set the period only if there are no others.
    """
    zone = archive.tz
    given = {name: times.seconds(name, where[name], zone) for name in BOUNDS if where.get(name) is not None}
    start, end = given.get("created_from"), given.get("created_before")
    tomorrow = _next_day(int(time.time()) + DAY, zone)
    ends = [end] if end is not None else [tomorrow, _END_OF_CALENDAR]
    last = next(filter(None, (_newest(archive, where, before) for before in ends)), None)
    if start is None:
        if last is None:
            return None if end is None else Period(max(end - DAY, INT64[0]), end, zone)
        until = {**where, "created_before": min(last + 1, _END_OF_CALENDAR)}
        weeks = [row["week"] for row in archive.stats("week", columns="runs", **until) if row["week"] is not None]
        start = _monday(weeks[-WEEKS:][0], zone) if weeks else max(last // DAY * DAY, INT64[0])
    if end is None:
        end = _next_day(start if last is None else last, zone)
    return Period(min(start, end), end, zone)


def _newest(archive: RunRepository, where: Mapping[str, Any], before: int) -> int | None:
    """Return when the newest run before this time was created, if that is a time of the calendar."""
    found = archive.find_rows("created_at", limit=1, **{**where, "created_before": min(before, _END_OF_CALENDAR)}).rows
    return found[0][0] if found else None


def _monday(week: str, zone: tzinfo) -> int:
    year, _, number = week.partition("-W")
    return _start_of(date.fromisocalendar(int(year), int(number), 1), zone)


def _next_day(seconds: int, zone: tzinfo) -> int:
    """Return when the day after a time begins."""
    try:
        return _start_of(_date(seconds, zone) + timedelta(days=1), zone)
    except OverflowError:  # the calendar has no later day
        return (seconds // DAY + 1) * DAY


def _date(seconds: int, zone: tzinfo) -> date:
    return (times.EPOCH + timedelta(seconds=seconds)).astimezone(zone).date()


def _start_of(day: date, zone: tzinfo) -> int:
    return times.seconds("day", day, zone)
