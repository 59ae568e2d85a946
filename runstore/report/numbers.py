"""The six numbers at the top of a report, each with its change since the period before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from runstore import charts, shown
from runstore.report.blocks import Clean
from runstore.report.figures import Figures

LONGEST = 11
"""Maximum length of a number that is written in full."""


class Number(NamedTuple):
    """One of the numbers."""

    label: str
    value: str
    arrow: str
    """An arrow up or down, or an empty text."""
    change: str


def six(figures: Figures, clean: Clean) -> list[Number]:
    """Return the numbers."""
    now, then = figures.now, figures.then
    return [
        Number("Runs", _count(now["runs"]), *_change(now["runs"], then["runs"] or None, "no runs before", _count)),
        _cost(figures, clean),
        Number("Failure rate", _rate(now["failure_rate"]), *_points(now["failure_rate"], then["failure_rate"])),
        *(
            Number(
                label, shown.duration(now[name]), *_change(now[name], then[name], "no run ended before", shown.duration)
            )
            for label, name in (("Time, p50", "seconds_p50"), ("Time, p95", "seconds_p95"))
        ),
        Number(
            "Tokens",
            _count(now["total_tokens"]),
            *_change(now["total_tokens"], then["total_tokens"], "no tokens before", _count),
        ),
    ]


def _cost(figures: Figures, clean: Clean) -> Number:
    now, then = figures.now, figures.then
    if now["cost"] is None:
        return Number("Cost", shown.NONE, "", "several currencies" if figures.currencies else "no price is known")
    before = then["cost"] if then["currency"] == now["currency"] else None
    text = f"{_money(now['cost'])} {shown.shortened(clean(now['currency']), 8)}"
    return Number("Cost", text, *_change(now["cost"], before, "no cost before", _money))


def _count(value: Any) -> str:
    return _fitting(value, shown.number)


def _money(value: Any) -> str:
    return _fitting(value, shown.money)


def _fitting(value: Any, written: Callable[[Any], str]) -> str:
    text = written(value)
    return text if value is None or len(text) <= LONGEST else charts.compact(float(value))


def _rate(value: float | None) -> str:
    return shown.NONE if value is None else f"{value:.1%}"


def _change(now: Any, then: Any, nothing: str, written: Callable[[Any], str]) -> tuple[str, str]:
    """Return an arrow and the change in percent, with the earlier value."""
    if now is None or then is None:
        return "", nothing if then is None else ""
    if now == then:
        return "", f"as before ({written(then)})"
    if then <= 0 or now < 0:
        return _arrow(now, then), f"from {written(then)}"
    share = abs(float(now) - float(then)) / float(then)
    if share < 0.001:
        return "", f"as before ({written(then)})"
    percent = f"{share:.1%}" if share < 1 else f"{share:,.0%}" if share < 10 else f"{charts.compact(share * 100)}%"
    return _arrow(now, then), f"{percent} from {written(then)}"


def _points(now: float | None, then: float | None) -> tuple[str, str]:
    """Return an arrow and the change of a rate in percentage points."""
    if now is None or then is None:
        return "", "" if now is None else "no run ended before"
    points = abs(now - then) * 100
    if points < 0.05:
        return "", f"as before ({_rate(then)})"
    return _arrow(now, then), f"{points:.1f} points from {_rate(then)}"


def _arrow(now: Any, then: Any) -> str:
    return "\N{BLACK UP-POINTING TRIANGLE}" if now > then else "\N{BLACK DOWN-POINTING TRIANGLE}"
