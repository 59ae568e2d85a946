"""What a chart shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runstore.charts.scale import compact

COLOURS = 7
"""Number of colours; the eighth is that of all other series together."""

OTHERS = COLOURS + 1


@dataclass(frozen=True)
class Series:
    """The values of one group, one for each label of the chart."""

    name: str
    values: Sequence[float | None]
    colour: int | None = None
    """From 1 to 8; by default, the next that is free."""


@dataclass(frozen=True)
class Chart:
    """Values with labels, and what they mean."""

    id: str
    """Unique in the document."""
    title: str
    description: str
    """What a reader would see, in a sentence."""
    labels: Sequence[str]
    series: Sequence[Series]
    written: Callable[[float], str] = compact
    """Returns a value as text, with its unit."""

    def coloured(self) -> list[tuple[Series, int]]:
        """Return the series in their order, each with a colour; those beyond the colours as one series, the last.

        The largest series are shown, so that the rest is as small as possible.
        """
        kept = sorted(self.series, key=_size, reverse=True)[: OTHERS if len(self.series) <= OTHERS else COLOURS]
        chosen = {id(series) for series in kept}
        shown = [series for series in self.series if id(series) in chosen]
        taken = {series.colour for series in shown}
        free = iter([colour for colour in range(1, OTHERS + 1) if colour not in taken])
        found = [(series, series.colour or next(free)) for series in shown]
        if rest := [series for series in self.series if id(series) not in chosen]:
            columns = zip(*(series.values for series in rest), strict=True)
            values = [sum(filter(None, column)) for column in columns]
            found.append((Series(f"{len(rest)} others", values), OTHERS))
        return found


def _size(series: Series) -> float:
    return sum(abs(value) for value in series.values if value is not None)
