"""Time zones: their names, and their offsets from UTC over a range of time.

The offsets come from the time zone database of Python (:mod:`zoneinfo`) and reach the archive as numbers: SQLite has no
time zones, and a PostgreSQL server may have a database that is older or newer than the one of this machine.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from runstore.errors import InvalidArgument
from runstore.suggestions import closest

Zone = str | tzinfo
"""A time zone: its name in the IANA database such as ``Europe/Berlin``, ``UTC``, ``local``, or a ``tzinfo``."""

LOCAL = "local"

STEP = 3 * 86_400
"""Seconds between two checks for a transition. No zone returns to an offset in less than four days (Freetown, 1939)."""

FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1800, 2100))
"""Before the first time, no zone has a transition; after the last one, transitions are not looked for."""

ROUNDED = 2**25
"""Seconds, about a year, to which ranges are extended, so that an archive that grows asks for the same range again."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_REVERSED = re.compile(r"(Etc/)?GMT[-+]")
"""Names that are not suggested, because their sign is reversed: ``Etc/GMT+2`` is two hours behind UTC."""


def named(zone: Zone | None) -> tzinfo:
    """Return a time zone; None is UTC. Raise :class:`InvalidArgument` for an unknown one."""
    if zone is None or str(zone).upper() == "UTC":
        return UTC
    if isinstance(zone, tzinfo):
        return zone
    if not isinstance(zone, str):
        raise InvalidArgument(argument="tz", reason=f"is {zone!r}, expected the name of a time zone or a tzinfo")
    try:
        return _local() if zone == LOCAL else zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError for a name that is a folder, such as Europe
        expected = "expected the name of a time zone such as Europe/Berlin, UTC or local"
        near = _closest(zone)
        hint = f"; did you mean {near!r}?" if near else ""
        raise InvalidArgument(argument="tz", reason=f"is {zone!r}, {expected}{hint}") from None


def _closest(zone: str) -> str | None:
    """Return the name that was probably meant by a misspelt one, or by the misspelt name of a city."""
    known = sorted(name for name in zoneinfo.available_timezones() if not _REVERSED.match(name))
    cities = {name.rpartition("/")[2]: name for name in known}
    return closest(zone, [LOCAL, *known]) or cities.get(closest(zone, cities) or "")


def _local() -> tzinfo:
    """Return the time zone of this machine. The standard library only knows its current offset."""
    import tzlocal

    return tzlocal.get_localzone()


def name_of(zone: tzinfo) -> str:
    """Return the name of a time zone for people."""
    return getattr(zone, "key", None) or str(zone)


# --- times of a zone -------------------------------------------------------------------------------------------------


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """Return the first moment of a day, which is not midnight if the clock skips midnight."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    if midnight.utcoffset() == midnight.replace(fold=1).utcoffset():
        return midnight
    # In a gap, the offset of fold=1 is the one after it (PEP 495), so that this time is the earlier one.
    first, second = (_seconds(midnight.replace(fold=fold)) for fold in (0, 1))
    return midnight if first < second else _moment(_transition(zone, second, first))


def local_time(seconds: int, zone: tzinfo) -> str:
    """Return a time of the calendar as people read it, with its offset if the clock shows this time twice.

    Raise :class:`OverflowError` outside the years 1 to 9999.
    """
    moment = _moment(seconds).astimezone(zone)
    text = f"{moment:%Y-%m-%d %H:%M:%S}"
    others = {moment.replace(fold=fold).utcoffset() for fold in (0, 1)}
    return text + written(offset(zone, seconds)) if len(others) > 1 else text


def offset(zone: tzinfo, seconds: int) -> int:
    """Return the offset of a zone from UTC at a time, both in seconds."""
    return int((_moment(seconds).astimezone(zone).utcoffset() or timedelta()).total_seconds())


def written(seconds: int) -> str:
    """Return an offset as in ISO 8601: ``+02:00``."""
    sign, left = ("-", -seconds) if seconds < 0 else ("+", seconds)
    text = f"{sign}{left // 3600:02}:{left // 60 % 60:02}"
    return f"{text}:{left % 60:02}" if left % 60 else text


def _moment(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _seconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1)


# --- offsets over a range --------------------------------------------------------------------------------------------


class Span(NamedTuple):
    """A range of time in which the offset of a zone does not change. It ends where the next one begins."""

    start: int
    """Unix seconds."""
    offset: int
    """Seconds, positive in the east."""


def spans(zone: tzinfo, first: int, last: int) -> tuple[Span, ...]:
    """Return the offsets of a zone from *first* to *last*, two times in Unix seconds; the last one holds from then on.

    Nobody knows the rules of the future: from the year 2100 on, the offset at its beginning holds.
    """
    bounds = (min(max(time, FIRST), LAST) for time in (first // ROUNDED * ROUNDED, (last // ROUNDED + 1) * ROUNDED))
    return _spans(zone, *bounds)


@lru_cache
def _spans(zone: tzinfo, first: int, last: int) -> tuple[Span, ...]:
    found = [Span(first, offset(zone, first))]
    time = first
    while time < last:
        step = min(time + STEP, last)
        if offset(zone, step) != found[-1].offset:
            step = _transition(zone, time, step)
            found.append(Span(step, offset(zone, step)))
        time = step
    return tuple(found)


def _transition(zone: tzinfo, before: int, after: int) -> int:
    """Return the first second with another offset than *before*, which *after* has."""
    known = offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if offset(zone, middle) == known:
            before = middle
        else:
            after = middle
    return after
