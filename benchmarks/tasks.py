"""Ratios for asynchronous use: one run saved, compared with bare asynchronous drivers, and stalls of the event loop."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import aiosqlite
import msgspec
import psycopg
from sqlalchemy.engine import URL

from benchmarks.by_hand import LAST_NUMBER, NEXT_NUMBER, insert, numbered
from benchmarks.competitors import Rows, shared_keys, transactions
from benchmarks.measure import Bench, Figure, isolated
from runstore import AsyncRunRepository, RunRepository, config

WARM_UP, SAVES = 200, 200
"""Number of runs that each side saves in a round."""

TICK = 0.001
"""Seconds between two chances of another task to run."""


def async_save_vs_raw(bench: Bench) -> Figure:
    """Compare AsyncRunRepository.save(run) for a new run with INSERTs through the bare asynchronous driver."""
    rounds = []
    for n in range(bench.repeat):
        dumps = [bench.dump(f"task_{n}_{s}", WARM_UP + SAVES, offset=(3 * n + s + 1) * 10**7) for s in range(3)]
        with bench.imported() as url, bench.server.archive() as scratch:
            rounds.append(isolated(_saves, url, scratch, dumps))
    measured = {side: [found[side] for found in rounds] for side in rounds[0]}
    note = f"p50 of each round; raw: rows prepared beforehand; synchronous: {median(measured['sync']) * 1e3:.2f} ms"
    return Figure.slower("runstore", "raw", measured, note)


def longest_stall_ms(bench: Bench) -> Figure:
    """Measure for how long at most the event loop's thread computes before another task can run.

    That is the longest stall on a machine that is not busy. Full garbage collections of Python are excluded.
    """
    rounds = []
    for _ in range(bench.repeat):
        with bench.server.archive() as url:
            rounds.append(isolated(_stalls, url, bench.file))
    measured = {name: [found[name] for found in rounds] for name in rounds[0]}
    stalls = {name: median(seconds) * 1e3 for name, seconds in measured.items()}
    note = ", ".join(f"{name} {stall:.0f}" for name, stall in stalls.items())
    return Figure(max(stalls.values()), measured, note=f"value: the longest of these, in ms: {note}")


# --- one run ---------------------------------------------------------------------------------------------------------


def _saves(url: URL, scratch: URL, dumps: list[Path]) -> dict[str, float]:
    ours, theirs, third = ([msgspec.json.decode(line) for line in file.read_bytes().splitlines()] for file in dumps)
    with RunRepository.open(scratch) as archive:
        archive.save_many(theirs)
    rows = list(transactions(scratch, 1, shared_keys(url)))
    return asyncio.run(_saves_in_task(url, ours, rows, third))


async def _saves_in_task(
    url: URL, runs: list[dict[str, Any]], rows: list[Rows], others: list[dict[str, Any]]
) -> dict[str, float]:
    seconds: dict[str, list[float]] = {"runstore": [], "raw": [], "sync": []}
    async with AsyncRunRepository.open(url) as archive, _saving_by_hand(url) as save:
        with RunRepository.open(url) as synchronous:
            for n, (run, new, other) in enumerate(zip(runs, rows, others, strict=True)):
                started = time.perf_counter()
                await archive.save(run)
                after_ours = time.perf_counter()
                await save(new)
                after_raw = time.perf_counter()
                synchronous.save(other)
                ended = time.perf_counter()
                if n >= WARM_UP:
                    seconds["runstore"].append(after_ours - started)
                    seconds["raw"].append(after_raw - after_ours)
                    seconds["sync"].append(ended - after_raw)
        assert await archive.load(runs[-1]["id"]) == runs[-1]
    return {side: median(taken) for side, taken in seconds.items()}


@asynccontextmanager
async def _saving_by_hand(url: URL) -> AsyncIterator[Callable[[Rows], Awaitable[None]]]:
    """Yield a function that saves the rows of one new run in one transaction of the driver."""
    file = config.sqlite_file(url)
    if file is not None:
        async with aiosqlite.connect(file) as lite:
            for setting in ("foreign_keys = ON", "synchronous = FULL"):
                await lite.execute(f"PRAGMA {setting}")

            async def into_sqlite(tables: Rows) -> None:
                await lite.execute("BEGIN IMMEDIATE")
                [(last,)] = await lite.execute_fetchall(LAST_NUMBER)
                for table, rows in numbered(tables, last + 1):
                    await lite.executemany(insert(table, "?"), rows)
                await lite.commit()

            yield into_sqlite
        return
    place = url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(place, autocommit=True) as connection:

        async def into_postgresql(tables: Rows) -> None:
            async with connection.transaction(), connection.cursor() as cursor:
                [(number,)] = await (await cursor.execute(NEXT_NUMBER)).fetchall()
                for table, rows in numbered(tables, number):
                    statement = insert(table, "%s").encode()
                    if len(rows) == 1:
                        await cursor.execute(statement, rows[0])
                    else:
                        await cursor.executemany(statement, rows)

        yield into_postgresql


# --- stalls ----------------------------------------------------------------------------------------------------------


def _stalls(url: URL, file: Path) -> dict[str, float]:
    return asyncio.run(_stalls_in_task(url, file.read_bytes().splitlines()))


async def _stalls_in_task(url: URL, runs: list[bytes]) -> dict[str, float]:
    """Return the longest stall of each method, in seconds."""
    gc.collect()
    gc.freeze()
    async with AsyncRunRepository.open(url) as archive:

        async def iterate() -> None:
            async for _ in archive.iterate():
                pass

        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "save_many": lambda: archive.save_many(runs),
            "the same again": lambda: archive.save_many(runs),
            "iterate": iterate,
            "find": lambda: archive.find(limit=1000),
            "stats": lambda: archive.stats("model"),
        }
        return {name: await _longest_stall(call) for name, call in calls.items()}


async def _longest_stall(call: Callable[[], Awaitable[object]]) -> float:
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            started = time.thread_time()
            await asyncio.sleep(TICK)
            longest = max(longest, time.thread_time() - started)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(10 * TICK)
    await call()
    await asyncio.sleep(TICK)
    ticking.cancel()
    return longest
