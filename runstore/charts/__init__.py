"""Charts as SVG: labelled, described for screen readers, without scripts and without styles of their own.

Colours are classes (``c1`` to ``c8``), which :data:`STYLE` defines for light and dark pages: the surrounding document
includes it, so that its security policy may forbid inline styles. The same data gives the same bytes.
"""

from __future__ import annotations

from importlib.resources import files

from runstore.charts.bars import bars
from runstore.charts.data import Chart, Series
from runstore.charts.lines import lines
from runstore.charts.rows import rows
from runstore.charts.scale import compact
from runstore.charts.spans import spans

STYLE = files(__name__).joinpath("charts.css").read_text("utf-8")
"""The style sheet of all charts."""

__all__ = ["STYLE", "Chart", "Series", "bars", "compact", "lines", "rows", "spans"]
