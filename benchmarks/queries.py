"""How long questions take on a large archive: pages of each filter, counts, tokens by model and day."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from benchmarks import generator
from benchmarks.measure import Bench, Figure, isolated
from runstore import RunRepository, migrate

TIMES = 11
"""How often each question is asked; the median counts."""

MONTHS = 24
MONTH = 2_629_800
"""Seconds."""

TOKENS = {
    "view": """SELECT model, created_day, sum(total_tokens) FROM runs
        WHERE created_at >= :first AND created_at < :end GROUP BY 1, 2 ORDER BY 1, 2""",
    "tables": """SELECT model, created_at - created_at % 86400, sum(total_tokens)
        FROM run_object r LEFT JOIN run_completion_usage u ON u.run_object = r.id
        WHERE created_at >= :first AND created_at < :end GROUP BY 1, 2 ORDER BY 1, 2""",
}
"""The same answer from the view and, written by hand, from the tables."""

Where = Any


def queries(bench: Bench) -> Figure:
    """The slowest of the filters' pages; everything else stands beside it."""
    with bench.server.archive() as url:
        isolated(_fill, url, bench.large)
        bench.server.settle()
        found = isolated(_ask, url)
    pages = {name: values for name, values in found.items() if "page" in name}
    slowest = max(pages, key=lambda name: median(pages[name]))
    ratio = median(found["tokens by model and day, view"]) / median(found["tokens by model and day, tables"])
    note = f"{bench.large:,} runs over {MONTHS} months, ms; the slowest is {slowest}; view over tables {ratio:.2f}"
    return Figure(median(pages[slowest]), found, "ms", note)


def _fill(url: URL, count: int) -> None:
    runs: Any = generator.runs(count, every=max(1, MONTHS * MONTH // count))
    with RunRepository.open(url) as archive:
        assert archive.save_many(runs, observed_at=1).inserted == count
    with migrate.engine(url) as engine, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def _ask(url: URL) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    with RunRepository.open(url) as archive, migrate.engine(url) as engine:
        middle, filters = _filters(archive, engine)
        for name, where in filters.items():
            found[f"{name}, first page"] = _milliseconds(partial(archive.find, **where))
            last = archive.find(limit=1, **({"created_before": middle} | where))
            if last.next:
                found[f"{name}, middle page"] = _milliseconds(partial(archive.find, cursor=last.next, **where))
        found["count of a thread"] = _milliseconds(partial(archive.count, **filters["thread"]))
        for name, statement in TOKENS.items():
            found[f"tokens by model and day, {name}"] = _milliseconds(partial(_rows, engine, statement, middle))
        month: Where = {"created_from": middle, "created_before": middle + MONTH}
        stats = partial(archive.stats, ["model", "day"], columns="total_tokens", **month)
        found["tokens by model and day, stats"] = _milliseconds(stats)
    return found


def _filters(archive: RunRepository, engine: Engine) -> tuple[int, dict[str, Where]]:
    """A time in the middle, and each filter with a value that occurs, where it matters a rare and a frequent one."""
    with engine.connect() as connection:
        first, last = connection.execute(text("SELECT min(created_at), max(created_at) FROM run_object")).one()
        middle = (first + last) // 2
        functions = "SELECT function_name FROM run_tools WHERE run_id = :run AND function_name IS NOT NULL ORDER BY 1"
        files = "SELECT file_id FROM run_files LIMIT 1"
        run = next(run for run in archive.iterate(created_from=middle) if run["metadata"])
        function = connection.execute(text(functions), {"run": run["id"]}).scalar()
        file = connection.execute(text(files)).scalar()
    key, value = next(iter(run["metadata"].items()))
    return middle, {
        "no filter": {},
        "id": {"id": run["id"]},
        "thread": {"thread_id": run["thread_id"]},
        "assistant": {"assistant_id": run["assistant_id"]},
        "model": {"model": run["model"]},
        "status": {"status": "completed"},
        "rare status": {"status": ["failed", "expired"]},
        "created": {"created_from": middle, "created_before": middle + MONTH},
        "started": {"started_from": middle, "started_before": middle + MONTH},
        "finished": {"finished_from": middle, "finished_before": middle + MONTH},
        "metadata": {"metadata": {key: value}},
        "metadata key": {"metadata_key": key},
        "tool type": {"tool_type": "function"},
        "tool type far back": {"tool_type": "code_interpreter"},
        "function": {"function_name": function},
        "file": {"file_id": file},
        "error code": {"error_code": "rate_limit_exceeded"},
        "incomplete reason": {"incomplete_reason": "max_prompt_tokens"},
        "tokens": {"total_tokens_min": 9_000},
        "rare tokens": {"total_tokens_min": 9_400},
        "seconds": {"total_seconds_min": 30},
        "no such seconds": {"total_seconds_min": 10_000},
        "requires action": {"requires_action": True},
    }


def _rows(engine: Engine, statement: str, middle: int) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement), {"first": middle, "end": middle + MONTH}))


def _milliseconds(ask: Callable[[], object]) -> list[float]:
    ask()
    found = []
    for _ in range(TIMES):
        start = time.perf_counter()
        ask()
        found.append((time.perf_counter() - start) * 1e3)
    return [median(found)]
