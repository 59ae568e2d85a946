"""Time zones: groups and filters in a zone are what Python computes with zoneinfo, the same on every database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runstore import InvalidArgument, RunRepository

ZONES = (
    *(
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "Africa/Casablanca",
    ),
    *("America/Sao_Paulo", "America/St_Johns", "Asia/Gaza", "Etc/GMT+12"),
)

AROUND = (
    *("2011-12-30", "2018-11-04", "2020-12-28", "2024-03-10", "2024-03-31", "2024-04-07", "2024-10-27", "2025-01-01"),
)
"""Days next to changes of the clocks, and the first days of years."""

FAR = ("1700-07-01", "1893-03-31", "1946-05-13", "1969-12-31", "1987-10-25", "2090-06-30", "2090-12-31")
"""Days of long ago and of the far future."""


def created(around: Iterable[str]) -> list[int]:
    """Return times around these days, every half hour and a second before each of them."""
    days = [int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) for day in around]
    return [day + step * 1800 - second for day in days for step in range(-30, 60) for second in (0, 1)]


def save(runs: RunRepository, times: list[int]) -> None:
    runs.save_many({"id": f"run_{number}", "created_at": time} for number, time in enumerate(times))


def label(time: int, zone: ZoneInfo | timezone, unit: str) -> str:
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time)).astimezone(zone)
    match unit:
        case "hour":
            return f"{local.isoformat()[:13]}{local.isoformat()[19:]}"
        case "day":
            return local.date().isoformat()
        case "week":
            year, week, _ = local.isocalendar()
            return f"{year:04}-W{week:02}"
    return local.date().isoformat()[:7]


@pytest.mark.slow
@pytest.mark.parametrize(("days", "names"), [(AROUND, ZONES), (AROUND + FAR, ["Europe/Berlin"])])
def test_every_unit_in_every_zone_has_the_runs_that_python_counts(
    runs: RunRepository, days: Iterable[str], names: Iterable[str]
) -> None:
    times = created(days)
    save(runs, times)
    for name in names:
        archive = runs.in_zone(name)
        for unit in ("hour", "day", "week", "month"):
            expected = Counter(label(time, ZoneInfo(name), unit) for time in times)
            found = {row[unit]: row["runs"] for row in archive.stats(unit, columns="runs")}
            assert found == expected, (name, unit)


def test_the_doubled_hour_is_two_groups_in_the_order_of_time_and_the_missing_hour_is_none(runs: RunRepository) -> None:
    start, end = (
        int(datetime.fromisoformat(text).timestamp()) for text in ("2024-10-27T00+02:00", "2024-10-27T05+01:00")
    )
    save(runs, list(range(start, end, 600)))
    found = runs.in_zone("Europe/Berlin").stats("hour", columns="runs")
    assert [row["hour"][10:] for row in found] == [
        *("T00+02:00", "T01+02:00", "T02+02:00", "T02+01:00", "T03+01:00", "T04+01:00")
    ]
    assert {row["runs"] for row in found} == {6}
    assert [row["hour"][10:] for row in runs.stats("hour", columns="runs")] == [
        *("T22", "T23", "T00", "T01", "T02", "T03")
    ]
    spring = int(datetime.fromisoformat("2024-03-31T01+01:00").timestamp())
    runs.save_many({"id": f"spring_{number}", "created_at": spring + number * 1800} for number in range(4))
    found = runs.in_zone("Europe/Berlin").stats("hour", columns="runs", created_before="2024-04-01")
    assert [row["hour"][10:] for row in found] == ["T01+01:00", "T03+02:00"]


def test_all_columns_of_a_group_in_a_zone_are_those_of_its_filter(runs: RunRepository) -> None:
    archive = runs.in_zone("America/New_York")
    first = int(datetime(2024, 3, 8, tzinfo=UTC).timestamp())
    archive.save_many(
        {
            "id": f"run_{number}",
            "created_at": first + number * 3000,
            "completed_at": first + number * 3000 + number % 17,
            "status": "completed" if number % 3 else "failed",
            "model": f"model-{number % 4}",
            "usage": {"prompt_tokens": number, "completion_tokens": 1, "total_tokens": number + 1},
        }
        for number in range(150)
    )
    found = archive.stats(["day", "model"])
    assert len({row["day"] for row in found}) == 7
    for row in found:
        after = date.fromisoformat(row["day"]) + timedelta(days=1)
        (same,) = archive.stats(created_from=row["day"], created_before=after, model=row["model"])
        assert {"day": row["day"], "model": row["model"], **same} == row


@pytest.mark.parametrize("name", ["Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_times_outside_the_calendar_have_no_group_in_any_zone(runs: RunRepository, name: str) -> None:
    times: list[Any] = [None, -(2**63) + 1, -62_135_510_401, 253_402_214_400, 2**63 - 1]
    inside = [-62_135_510_400, 253_402_214_399]
    save(runs, times + inside)
    for unit in ("hour", "day", "week", "month"):
        nothing, first, last = runs.in_zone(name).stats(unit, columns="runs")
        assert nothing == {unit: None, "runs": len(times)}
        assert (first["runs"], last["runs"]) == (1, 1)
        assert first[unit].startswith("0001-")
        assert last[unit][:4] in ("9998", "9999")


def test_an_archive_without_runs_has_no_groups(runs: RunRepository) -> None:
    assert runs.in_zone("Europe/Berlin").stats("hour") == []


# --- filters ---------------------------------------------------------------------------------------------------------


def test_dates_and_times_without_an_offset_in_filters_are_those_of_the_zone(runs: RunRepository) -> None:
    midnight = int(datetime.fromisoformat("2024-03-31T00:00+01:00").timestamp())
    save(runs, [midnight - 1, midnight, midnight + 23 * 3600 - 1, midnight + 23 * 3600])
    berlin = runs.in_zone("Europe/Berlin")
    day: dict[str, Any]
    for day in (
        {"created_from": "2024-03-31", "created_before": "2024-04-01"},
        {"created_from": date(2024, 3, 31), "created_before": date(2024, 4, 1)},
        {"created_from": datetime(2024, 3, 31), "created_before": datetime(2024, 4, 1)},  # noqa: DTZ001
        {"created_from": "2024-03-31T00:00:00", "created_before": "2024-04-01T00:00"},
        {"created_from": "2024-03-30T23:00Z", "created_before": "2024-03-31T22:00Z"},
    ):
        wanted = ["run_1", "run_2"]
        assert [run["id"] for run in berlin.iterate(**day)] == wanted, day
        assert [run["id"] for run in berlin.find(newest_first=False, **day).runs] == wanted
        assert berlin.find_rows("id", newest_first=False, **day).rows == [(run_id,) for run_id in wanted]
        assert list(berlin.rows("id", **day)) == [(run_id,) for run_id in wanted]
        assert berlin.count(**day) == berlin.stats(columns="runs", **day)[0]["runs"] == 2
        assert berlin.fingerprint(**day).runs == 2
        assert berlin.forecast(**day).runs == berlin.forecast(any_version=True, **day).runs == 2
    assert [run["id"] for run in runs.iterate(created_from="2024-03-31", created_before="2024-04-01")] == [
        "run_2",
        "run_3",
    ]
    assert berlin.prune(any_version=True, created_before="2024-03-31").runs == 1
    assert {run["id"] for run in berlin.iterate()} == {"run_1", "run_2", "run_3"}


def test_what_is_returned_stays_in_utc(runs: RunRepository) -> None:
    save(runs, [int(datetime(2024, 3, 31, 23, tzinfo=UTC).timestamp())])
    columns = ["created_time", "created_hour", "created_day", "created_week", "created_month"]
    berlin = runs.in_zone("Europe/Berlin")
    assert list(berlin.rows(columns)) == [
        (datetime(2024, 3, 31, 23, tzinfo=UTC), "2024-03-31T23", "2024-03-31", "2024-W13", "2024-03")
    ]
    assert berlin.fingerprints_by_day() == runs.fingerprints_by_day()


# --- zones -----------------------------------------------------------------------------------------------------------


def test_a_zone_is_a_name_or_a_tzinfo_given_when_an_archive_is_opened(runs: RunRepository, engine: Any) -> None:
    save(runs, [int(datetime(2024, 3, 31, 23, tzinfo=UTC).timestamp())])
    for tz in ("Europe/Berlin", ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=2))):
        assert RunRepository(engine, tz=tz).stats("hour", columns="runs")[0]["hour"] == "2024-04-01T01+02:00"
    for utc in (None, "UTC", "utc", ZoneInfo("UTC"), UTC):
        assert RunRepository(engine, tz=utc).stats("hour", columns="runs")[0]["hour"] == "2024-03-31T23"
    with pytest.raises(InvalidArgument, match="did you mean 'Europe/Berlin'"):
        RunRepository(engine, tz="Europe/Berln")
