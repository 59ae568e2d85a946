"""Suggestions: a misspelt name is recognised, and a name that is merely similar is not suggested."""

from __future__ import annotations

import pytest

from runstore.cli import COMMANDS
from runstore.query.statistics import BY
from runstore.schema.views import RUNS
from runstore.statuses import STATUSES
from runstore.suggestions import closest

COLUMNS = tuple(RUNS.c.keys())
OPTIONS = (
    *("--columns", "--cursor", "--status", "--assistant", "--created-from", "--created-before", "--source"),
    *("--output", "--format", "--tokens-min", "--tokens-max", "--limit", "--yes", "--vacuum", "--thread"),
)


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("improt", COMMANDS, "import"),
        ("lst", COMMANDS, "list"),
        ("pruen", COMMANDS, "prune"),
        ("imports", COMMANDS, "import"),
        ("faild", STATUSES, "failed"),
        ("failure", STATUSES, "failed"),
        ("complete", STATUSES, "completed"),
        ("compl", STATUSES, "completed"),
        ("in-progress", STATUSES, "in_progress"),
        ("FAILED", STATUSES, "failed"),
        ("staus", COLUMNS, "status"),
        ("modl", COLUMNS, "model"),
        ("tokens", COLUMNS, "total_tokens"),
        ("total", COLUMNS, "total_tokens"),
        ("created", COLUMNS, "created_at"),
        ("cost_usd", COLUMNS, "cost"),
        ("modle", BY, "model"),
        ("--colums", OPTIONS, "--columns"),
        ("--stauts", OPTIONS, "--status"),
        ("--creatd-from", OPTIONS, "--created-from"),
        ("--thread-id", OPTIONS, "--thread"),
        ("--out", OPTIONS, "--output"),
        ("--token-min", OPTIONS, "--tokens-min"),
    ],
)
def test_a_misspelt_name_is_recognised(name: str, known: tuple[str, ...], meant: str) -> None:
    assert closest(name, known) == meant


@pytest.mark.parametrize(
    ("name", "known"),
    [
        *((name, COMMANDS) for name in ("run", "init", "search", "version", "destroy", "migrate", "x", "")),
        *((name, STATUSES) for name in ("foo", "paused", "running", "done", "succeeded", "x", "")),
        *((name, COLUMNS) for name in ("user", "duration", "zzz", "nothing_like_it", "")),
        *((name, OPTIONS) for name in ("--force", "--since", "--user", "--all", "-x", "--")),
        (5, BY),
    ],
)
def test_a_name_that_is_merely_similar_is_not_suggested(name: object, known: tuple[str, ...]) -> None:
    assert closest(name, known) is None
