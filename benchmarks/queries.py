"""The duration of queries on a large archive: pages for each filter, counts, tokens by model and day."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from benchmarks import generator
from benchmarks.measure import Bench, Figure, isolated
from runstore import RunRepository, migrate

TIMES = 11
"""Number of executions of each query, of which the median is used."""

FEW = 2000
"""Maximum number of runs of a filter whose middle page is found by reading half of them; otherwise by time."""

MONTHS = 24
MONTH = 2_629_800
"""Seconds in a month."""

PAGE_MS, COUNT_MS, TOKENS_MS, RATIO = 20.0, 10.0, 300.0, 1.3
"""The bars: a page, the count of a thread, tokens by model and day, the time of the views divided by the tables'."""

COUNT, TOKENS = "count of a thread", "tokens by model and day"
SQL = {
    TOKENS: (
        """SELECT model, created_day, sum(total_tokens) FROM runs
        WHERE created_at >= :first AND created_at < :end GROUP BY 1, 2 ORDER BY 1, 2""",
        """SELECT model, created_at - created_at % 86400, sum(total_tokens)
        FROM run_object r LEFT JOIN run_completion_usage u ON u.run_object = r.number
        WHERE created_at >= :first AND created_at < :end GROUP BY 1, 2 ORDER BY 1, 2""",
    ),
    "errors by code": (
        """SELECT error_code, count(*) FROM runs
        WHERE created_at >= :first AND created_at < :end AND status = 'failed' GROUP BY 1 ORDER BY 1""",
        """SELECT code, count(*) FROM run_object r LEFT JOIN run_object_last_error e ON e.run_object = r.number
        WHERE created_at >= :first AND created_at < :end AND status = 'failed' GROUP BY 1 ORDER BY 1""",
    ),
    "seconds by model": (
        """SELECT model, avg(run_seconds) FROM runs
        WHERE created_at >= :first AND created_at < :end AND status = 'completed' GROUP BY 1 ORDER BY 1""",
        """SELECT model, avg(completed_at - started_at) FROM run_object
        WHERE created_at >= :first AND created_at < :end AND status = 'completed' GROUP BY 1 ORDER BY 1""",
    ),
    "slowest threads": (
        """SELECT thread_id, sum(total_seconds) FROM runs
        WHERE created_at >= :first AND created_at < :end AND status = 'completed'
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10""",
        """SELECT thread_id, sum(completed_at - created_at) FROM run_object
        WHERE created_at >= :first AND created_at < :end AND status = 'completed'
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10""",
    ),
    "functions given": (
        """SELECT t.function_name, count(*) FROM runs r JOIN run_tools t ON t.run_id = r.id
        WHERE created_at >= :first AND created_at < :end AND t.type = 'function' GROUP BY 1 ORDER BY 1""",
        """SELECT f.name, count(*) FROM run_object r
        JOIN run_object_assistant_object_tools_inner l ON l.run_object = r.number
        JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner
        JOIN function_object f ON f.id = t.function
        WHERE created_at >= :first AND created_at < :end AND t.type = 'function' GROUP BY 1 ORDER BY 1""",
    ),
}
"""Queries over the views, and equivalent hand-written queries over the tables."""

Where = Any


def queries(bench: Bench) -> Figure:
    """Return the figure of the query that uses the largest share of its bar, with the times of all queries."""
    with bench.server.archive() as url:
        isolated(_fill, url, bench.large)
        bench.server.settle()
        found = isolated(_ask, url)
    shares = dict(_shares({name: median(values) for name, values in found.items()}))
    if bench.server.name == "sqlite":  # which has no index of metadata
        shares = {name: share for name, share in shares.items() if not name.startswith("metadata")}
    worst = sorted(shares, key=shares.__getitem__, reverse=True)
    missed = ", ".join(f"{name} {shares[name]:.2f}" for name in worst if shares[name] > 1) or "none"
    bars = f"a page {PAGE_MS:g} ms, a count {COUNT_MS:g}, tokens {TOKENS_MS:g}, views over tables {RATIO:g}"
    note = f"{bench.large:,} runs over {MONTHS} months; bars: {bars}; the worst is {worst[0]}; missed: {missed}"
    return Figure(shares[worst[0]], found, "ms", note)


def fingerprint_at_1m(bench: Bench) -> Figure:
    """Measure the seconds of fingerprint() on a large archive."""
    with bench.server.archive() as url:
        isolated(_fill, url, bench.large)
        bench.server.settle()
        seconds = isolated(_fingerprint, url, bench.large)
    return Figure(median(seconds), {"fingerprint": seconds}, note=f"{bench.large:,} runs; value: seconds")


def _fingerprint(url: URL, count: int) -> list[float]:
    seconds = []
    with RunRepository.open(url) as archive:
        for _ in range(TIMES):
            start = time.perf_counter()
            found = archive.fingerprint()
            seconds.append(time.perf_counter() - start)
            assert found.runs == count
    return seconds


def _shares(medians: dict[str, float]) -> Iterator[tuple[str, float]]:
    """Return each query with a bar, and the share of the bar that it uses."""
    for name, value in medians.items():
        if name.endswith("page"):
            yield name, value / PAGE_MS
    yield COUNT, medians[COUNT] / COUNT_MS
    for way in ("stats", "views"):
        yield f"{TOKENS}, {way}", medians[f"{TOKENS}, {way}"] / TOKENS_MS
    for name in SQL:
        yield f"{name}, views over tables", medians[f"{name}, views"] / medians[f"{name}, tables"] / RATIO


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
            if cursor := _halfway(archive, where, middle):
                found[f"{name}, middle page"] = _milliseconds(partial(archive.find, cursor=cursor, **where))
        found[COUNT] = _milliseconds(partial(archive.count, **filters["thread"]))
        for name, statements in SQL.items():
            views, tables = (partial(_rows, engine, statement, middle) for statement in statements)
            found[f"{name}, views"] = _milliseconds(views)
            found[f"{name}, tables"] = _milliseconds(tables)
        month: Where = {"created_from": middle, "created_before": middle + MONTH}
        stats = partial(archive.stats, ["model", "day"], columns="total_tokens", **month)
        found[f"{TOKENS}, stats"] = _milliseconds(stats)
    return found


def _halfway(archive: RunRepository, where: Where, middle: int) -> str | None:
    """Return the cursor in the middle of the runs of a filter, or None if there is only one run."""
    count = archive.count(**where)
    if count <= FEW:
        return archive.find(limit=max(1, count // 2), **where).next
    if any(name.endswith("_from") for name in where):  # the filter selects a month that begins in the middle
        middle += MONTH // 2
    return archive.find(limit=1, **(where | {"created_before": middle})).next


def _filters(archive: RunRepository, engine: Engine) -> tuple[int, dict[str, Where]]:
    """Return a time in the middle, and each filter with an existing value, with a rare and a frequent one if needed."""
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
        "tokens at most": {"total_tokens_max": 9_000},
        "rare tokens": {"total_tokens_min": 9_400},
        "seconds": {"total_seconds_min": 30},
        "seconds at most": {"total_seconds_max": 10},
        "no such seconds": {"total_seconds_min": 10_000},
        "requires action": {"requires_action": True},
        "requires no action": {"requires_action": False},
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
