"""Times as users write them: one grammar for options, filters and prices."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Any

from runstore import zones
from runstore.errors import InvalidArgument

Time = int | float | str | date | datetime
"""Unix seconds, a datetime, a date (its first second), the ISO text of either, or an age: ``45s``, ``30m``, ``12h``,
``7d`` or ``2w`` before now. A date, and a datetime without a zone, are in UTC unless the reader sets another zone."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXPECTED = "expected Unix seconds, a datetime or date, its ISO text, or an age such as 7d"

_AGE = re.compile(r"([0-9]{1,9})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SECONDS = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_LONGEST = 10**10
"""The longest age in seconds; a longer one is cut to it. It reaches back almost 317 years."""


def microseconds(name: str, time: Any, zone: tzinfo = UTC) -> int:
    """Return a time as Unix microseconds, rounded up. The result is not limited to 64 bits.

    Of a time that the clock of *zone* shows twice, the first one is meant. Raises :class:`InvalidArgument` for a value
    that is not a :data:`Time`.
    """
    moment = _read(time) if isinstance(time, str) else time
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = zones.start_of_day(moment, zone)
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return (aware - EPOCH) // timedelta(microseconds=1)
    if isinstance(moment, float) and abs(moment) < 2**63:
        moment = Fraction(moment)
    if isinstance(moment, Fraction):
        return -int(-moment * 1_000_000 // 1)
    if type(moment) is not int:
        raise InvalidArgument(argument=name, reason=f"is {time!r}, {EXPECTED}")
    return moment * 1_000_000


def seconds(name: str, time: Any, zone: tzinfo = UTC) -> int:
    """Return a time as Unix seconds, rounded up and limited to the range of 64-bit integers.

    Because it is rounded up, "from 10.5" means "from 11" and "before 10.5" means "before 11".
    """
    return max(-(2**63), min(-(-microseconds(name, time, zone) // 1_000_000), 2**63 - 1))


def _read(text: str) -> date | Fraction | None:
    if age := _AGE.fullmatch(text):
        return datetime.now(UTC) - timedelta(seconds=min(int(age[1]) * _UNITS[age[2]], _LONGEST))
    if len(text) <= 100 and _SECONDS.fullmatch(text):
        return Fraction(text)
    for kind in (date, datetime):
        with suppress(ValueError):
            return kind.fromisoformat(text)
    return None
