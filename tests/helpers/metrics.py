"""Metrics read back."""

from __future__ import annotations

import re

LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)\{{((?:{LABEL})(?:,{LABEL})*)\}} (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)")
"""A line of the text format, without a time, as its grammar has it."""


def samples(exposed: str) -> dict[str, dict[str, float]]:
    """The samples by metric and labels, of a text that keeps to the format."""
    assert exposed.endswith("\n")
    found: dict[str, dict[str, float]] = {}
    metric = ""
    lines = iter(exposed[:-1].split("\n"))
    for line in lines:
        if line.startswith("# HELP "):
            metric = line.split(" ")[2]
            assert metric not in found  # the lines of a metric are contiguous
            assert re.fullmatch(r"# HELP [a-z_]+ [^\\]+", line)
            assert next(lines) == f"# TYPE {metric} gauge"
            found[metric] = {}
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        assert sample[1] == metric
        assert sample[2] not in found[metric]
        found[metric][sample[2]] = float(sample[3])
    return found
