"""The hours, days, weeks and months of statistics as labels, without gaps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

TIMES = ("hour", "day", "week", "month")
"""The groups of statistics that are times."""

MOST_TIMES = 400
"""Maximum number of labels in a chart that includes the times without runs."""


def filled(time: str, present: list[str]) -> list[str]:
    """Return all hours, days, weeks or months from the first to the last: a time without runs is a gap in the chart.

    If there were more than :data:`MOST_TIMES`, only those that have runs are returned.
    """
    known = [text for text in present if text != "none"]
    if not known:
        return present
    moment, last = _start(time, known[0]), _start(time, known[-1])
    found: list[str] = []
    while moment is not None and last is not None and moment <= last:
        found.append(_label_of(time, moment))
        if len(found) > MOST_TIMES:
            return present
        moment = _after(time, moment)
    return [*found, *("none" for text in present if text == "none")]


def _start(time: str, text: str) -> datetime | None:
    try:
        match time:
            case "week":
                year, _, week = text.partition("-W")
                start = date.fromisocalendar(int(year), int(week), 1)
                return datetime(start.year, start.month, start.day, tzinfo=UTC)
            case "month":
                return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
            case "day":
                return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    except ValueError:
        return None


def _after(time: str, moment: datetime) -> datetime | None:
    try:
        match time:
            case "month":
                return moment.replace(year=moment.year + moment.month // 12, month=moment.month % 12 + 1)
            case "week":
                return moment + timedelta(weeks=1)
            case "day":
                return moment + timedelta(days=1)
        return moment + timedelta(hours=1)
    except (ValueError, OverflowError):  # after the year 9999
        return None


def _label_of(time: str, moment: datetime) -> str:
    match time:
        case "week":
            year, week, _ = moment.isocalendar()
            return f"{year:04}-W{week:02}"
        case "month":
            return f"{moment:%Y-%m}"
        case "day":
            return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%dT%H}"
