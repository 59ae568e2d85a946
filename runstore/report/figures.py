"""The figures of a report, read from the archive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any, NamedTuple

from runstore.errors import not_one_of
from runstore.query.prompts import Prompts
from runstore.query.statistics import METADATA
from runstore.report.period import BOUNDS, DAY, Period, chosen
from runstore.repository import RunRepository
from runstore.statuses import STATUSES
from runstore.upkeep.fingerprint import NOTHING, Fingerprint

TOTALS = ("runs", "failed", "failure_rate", "total_tokens", "cost", "currency", "unpriced", "seconds_p50",
          "seconds_p95", "unfinished")  # fmt: skip

GROUPS = ("model", "assistant", "source")
"""The groups, besides keys of metadata, by which costs can be divided: in these, each run counts once."""

TOP = 10
"""Number of threads and of runs in a list."""

ASSISTANTS = 5
"""Number of assistants whose prompts are listed: those with the most runs."""

MOST_POINTS = 100
"""Maximum number of days or weeks in a chart; a longer period is shown in the next longer unit."""

OF_THREADS = ("runs", "seconds_p50", "seconds_p95", "total_tokens")
OF_RUNS = ("id", "created_at", "model", "total_tokens", "cost", "currency", "total_seconds")

Row = dict[str, Any]


class Outside(NamedTuple):
    """How many runs meet the other filters but were not created in the period."""

    before: int
    after: int
    without_time: int


class Figures(NamedTuple):
    """Everything that a report shows."""

    period: Period | None
    zone: tzinfo
    now: Row
    then: Row
    """The totals of the period before."""
    outside: Outside
    week: str
    """The unit of the charts by week."""
    day: str
    """The unit of the charts by day."""
    by: str
    """The group by which the costs of each week are divided."""
    by_week_and_group: list[Row]
    by_day: list[Row]
    by_error: list[Row]
    slowest: list[Row]
    most_expensive: list[Row]
    """By cost, or by tokens if the costs cannot be compared."""
    currencies: list[str]
    """The currencies of all known costs, if the costs cannot be added."""
    prompts: list[tuple[str, Prompts]]
    fingerprint: Fingerprint

    @property
    def has_cost(self) -> bool:
        """Whether costs can be added and compared: at least one is known, and all known ones are in one currency."""
        return self.now["cost"] is not None


def read(runs: RunRepository, where: Mapping[str, Any], *, by: str = "model", with_prompts: bool) -> Figures:
    """Read the figures for these filters, all from one state of the archive. Raise :class:`InvalidArgument`."""
    if by not in GROUPS and not by.startswith(METADATA):
        raise not_one_of("by", by, [*GROUPS, f"{METADATA}KEY"])
    with runs.consistent() as archive:
        period = chosen(archive, where)
        others = {name: value for name, value in where.items() if name not in BOUNDS}
        if period is None:
            total = archive.count(**others)
            return _nothing(archive.tz, by, Outside(0, 0, total))
        inside = {**others, **period.filters()}
        now = archive.stats(columns=TOTALS, **inside)[0]
        week, day = _units(archive, inside)
        assistants = archive.stats("assistant", columns="runs", sort="runs", limit=ASSISTANTS + 1, **inside)
        return Figures(
            period=period,
            zone=archive.tz,
            now=now,
            then=archive.stats(columns=TOTALS, **others, **period.before().filters())[0],
            outside=_outside(archive, others, period, now["runs"]),
            week=week,
            day=day,
            by=by,
            by_week_and_group=archive.stats([week, by], columns=["runs", "total_tokens", "cost", "currency"], **inside),
            by_day=archive.stats(
                day, columns=["runs", *STATUSES, "other_status", "seconds_p50", "seconds_p95"], **inside
            ),
            by_error=archive.stats("error", columns="failed", sort="failed", **inside),
            slowest=_slowest(archive, inside),
            most_expensive=_most_expensive(archive, inside, "total_tokens" if now["cost"] is None else "cost"),
            currencies=_currencies(archive, week, inside) if now["cost"] is None else [],
            prompts=[
                (row["assistant"], archive.prompts(row["assistant"], **inside))
                for row in assistants
                if row["assistant"] is not None
            ][:ASSISTANTS]
            if with_prompts
            else [],
            fingerprint=archive.fingerprint(**inside),
        )


def _nothing(zone: tzinfo, by: str, outside: Outside) -> Figures:
    none: Row = {**dict.fromkeys(TOTALS), "runs": 0, "failed": 0, "unpriced": 0, "unfinished": 0}
    return Figures(None, zone, none, none, outside, "week", "day", by, [], [], [], [], [], [], [], NOTHING)


def _currencies(archive: RunRepository, week: str, inside: Mapping[str, Any]) -> list[str]:
    rows = archive.stats([week, "model"], columns="currency", **inside)
    return sorted({row["currency"] for row in rows if row["currency"] is not None})


def _units(archive: RunRepository, inside: Mapping[str, Any]) -> tuple[str, str]:
    """Return the units of the charts by week and by day, or longer ones if the period is long."""
    ends = [archive.find_rows("created_at", newest_first=newest, limit=1, **inside).rows for newest in (True, False)]
    days = (ends[0][0][0] - ends[1][0][0]) // DAY if all(ends) else 0
    week = "week" if days < MOST_POINTS * 7 else "month"
    return week, "day" if days < MOST_POINTS else week


def _outside(archive: RunRepository, others: Mapping[str, Any], period: Period, inside: int) -> Outside:
    before = archive.count(**others, created_before=period.start)
    after = archive.count(**others, created_from=period.end)
    return Outside(before, after, archive.count(**others) - inside - before - after)


def _slowest(archive: RunRepository, inside: Mapping[str, Any]) -> list[Row]:
    found = archive.stats("thread", columns=OF_THREADS, sort="seconds_p95", limit=TOP + 1, **inside)
    return [row for row in found if row["thread"] is not None and row["seconds_p95"] is not None][:TOP]


def _most_expensive(archive: RunRepository, inside: Mapping[str, Any], measure: str) -> list[Row]:
    found = archive.rows(OF_RUNS, sort=measure, limit=TOP, **inside)
    rows = [dict(zip(OF_RUNS, row, strict=True)) for row in found]
    return [row for row in rows if row[measure] is not None]
