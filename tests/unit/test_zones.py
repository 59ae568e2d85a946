"""Time zones: their names, the first moments of days, times on a clock that is changed."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
import tzlocal

from runstore import InvalidArgument, times, zones


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("given", "end"),
    [
        ("Europe/Berln", "; did you mean 'Europe/Berlin'?"),
        ("europe/berlin", "; did you mean 'Europe/Berlin'?"),
        ("Berlin", "; did you mean 'Europe/Berlin'?"),
        ("Berln", "; did you mean 'Europe/Berlin'?"),
        ("New York", "; did you mean 'America/New_York'?"),
        ("Lcoal", "; did you mean 'local'?"),
        ("GMT+2", "; did you mean 'GMT'?"),
        ("Europe", None),
        ("", None),
        ("../../etc/passwd", None),
        ("/etc/localtime", None),
        ("a\0b", None),
        ("Nowhere at all", None),
    ],
)
def test_an_unknown_zone_is_refused_with_a_suggestion(given: str, end: str | None) -> None:
    with pytest.raises(InvalidArgument) as refused:
        zones.named(given)
    text = str(refused.value)
    assert f"tz is {given!r}, expected the name of a time zone such as Europe/Berlin, UTC or local" in text
    assert end is None or text.endswith(end)
    with pytest.raises(InvalidArgument, match="tz is 5, expected"):
        zones.named(5)  # type: ignore[arg-type]


def test_local_is_the_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/Lima")
    tzlocal.reload_localzone()
    assert zones.name_of(zones.named("local")) == "America/Lima"
    monkeypatch.undo()
    tzlocal.reload_localzone()


@pytest.mark.parametrize(
    ("zone", "day", "first"),
    [
        ("Europe/Berlin", "2024-03-31", "2024-03-31T00:00+01:00"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00-02:00"),  # the clock skips midnight
        ("America/Toronto", "1919-03-31", "1919-03-31T00:30-04:00"),  # it skips half an hour on both sides of it
        ("Pacific/Apia", "2011-12-30", "2011-12-31T00:00+14:00"),  # it skips the day
        ("America/Havana", "2024-11-03", "2024-11-03T00:00-04:00"),  # it shows midnight twice
    ],
)
def test_a_date_is_the_first_moment_of_the_day(zone: str, day: str, first: str) -> None:
    for given in (day, date.fromisoformat(day)):
        assert times.seconds("created_from", given, ZoneInfo(zone)) == seconds(first)


def test_a_time_that_the_clock_shows_twice_is_the_first_one_and_is_printed_with_its_offset() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first, second = seconds("2024-10-27T02:30+02:00"), seconds("2024-10-27T02:30+01:00")
    assert times.seconds("since", "2024-10-27T02:30", berlin) == first
    assert times.seconds("since", "2024-10-27T02:30+01:00", berlin) == second
    assert zones.local_time(first, berlin) == "2024-10-27 02:30:00+02:00"
    assert zones.local_time(second, berlin) == "2024-10-27 02:30:00+01:00"
    assert zones.local_time(seconds("2024-10-27T03:30+01:00"), berlin) == "2024-10-27 03:30:00"
    assert zones.local_time(second, UTC) == "2024-10-27 01:30:00"
    with pytest.raises(OverflowError):
        zones.local_time(2**62, berlin)


def test_the_first_and_the_last_days_of_the_calendar_are_dates_in_every_zone() -> None:
    for name in ("Pacific/Kiritimati", "Etc/GMT+12", "Europe/Berlin"):
        for text, year in (("0001-01-01", -62_135_596_800), ("9999-12-31", 253_402_214_400)):
            assert abs(times.seconds("since", text, ZoneInfo(name)) - year) <= 86_400


def test_spans_are_exact_in_every_zone_of_the_database() -> None:
    first, last = seconds("1890-01-01T00Z"), seconds("2040-01-01T00Z")
    for name in sorted(available_timezones())[::80]:
        zone = ZoneInfo(name)
        found = list(zones.spans(zone, first, last))
        starts = [span.start for span in found]
        assert starts == sorted(starts)
        for span in found[1:]:
            for moment in (span.start - 1, span.start):
                offset = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=moment)).astimezone(zone).utcoffset()
                assert (moment < span.start) != (offset == timedelta(seconds=span.offset))
    freetown = {span.start for span in zones.spans(ZoneInfo("Africa/Freetown"), first, last)}
    assert {-957_308_400, -957_308_400 + 344_400} & freetown


def test_spans_of_any_range_are_found_in_less_than_a_second() -> None:
    started = time.perf_counter()
    assert len(zones.spans(ZoneInfo("Europe/Lisbon"), -62_135_510_400, 253_402_214_399)) < 500
    assert time.perf_counter() - started < 1
