"""Ratios for reading runs and for saving a single run, compared with hand-written driver calls."""

from __future__ import annotations

import filecmp
import os
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

import msgspec
from sqlalchemy.engine import URL

from benchmarks.by_hand import Hand
from benchmarks.competitors import connected, shared_keys, transactions
from benchmarks.measure import Bench, Figure, isolated
from runstore import RunRepository
from runstore.cli import runstore

LOADS, SAVES = 1_000, 200
"""Number of runs that each side loads and saves in a round."""

WARM_UP = 200

Call = Callable[[], object]


# --- one run ----------------------------------------------------------------------------------------------------------


def load_vs_raw(bench: Bench) -> Figure:
    """Compare load(id) with hand-written SELECTs, by the medians of many calls."""
    with bench.imported() as url:
        rounds = [isolated(_loads, url, seed) for seed in range(bench.repeat)]
    note = "p50 of each round; raw: one SELECT for the run and its single children, one each for its tools and files"
    return Figure.slower("runstore", "raw", _by_side(rounds), note)


def _loads(url: URL, seed: int) -> dict[str, float]:
    with RunRepository.open(url) as archive, connected(url) as driver:
        raw = Hand(driver)
        ids = [run["id"] for run in archive.iterate()]
        chosen = random.Random(seed).sample(ids, min(len(ids), LOADS + WARM_UP))
        warm_up = len(chosen) // 5
        for run_id in chosen[:warm_up]:
            assert archive.load(run_id) == raw.load(run_id)
        return _p50((partial(archive.load, run_id), partial(raw.load, run_id)) for run_id in chosen[warm_up:])


def save_vs_raw(bench: Bench) -> Figure:
    """Compare save(run) for a new run with hand-written INSERTs, by the medians of many calls."""
    rounds = []
    for n in range(bench.repeat):
        ours, theirs = (bench.dump(f"new_{n}_{s}", WARM_UP + SAVES, offset=(2 * n + s + 1) * 10**7) for s in (0, 1))
        with bench.imported() as url, bench.server.archive() as scratch:
            rounds.append(isolated(_saves, url, scratch, ours, theirs))
    return Figure.slower("runstore", "raw", _by_side(rounds), "p50 of each round; raw: rows prepared beforehand")


def _saves(url: URL, scratch: URL, ours: Path, theirs: Path) -> dict[str, float]:
    """Return the median times; the rows of the raw side are prepared by an import into *scratch*."""
    runs, others = ([msgspec.json.decode(line) for line in file.read_bytes().splitlines()] for file in (ours, theirs))
    with RunRepository.open(scratch) as archive:
        archive.save_many(others)
    rows = list(transactions(scratch, 1, shared_keys(url)))
    with RunRepository.open(url) as archive, connected(url) as driver:
        raw = Hand(driver)
        pairs = [(partial(archive.save, run), partial(raw.save, new)) for run, new in zip(runs, rows, strict=True)]
        for pair in pairs[:WARM_UP]:
            for call in pair:
                call()
        found = _p50(pairs[WARM_UP:])
        for run in (runs[-1], others[-1]):
            assert archive.load(run["id"]) == run
    return found


def _p50(pairs: Iterable[tuple[Call, Call]]) -> dict[str, float]:
    """Return the median times of both sides, which are called first alternately."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for n, pair in enumerate(pairs):
        for side in (0, 1) if n % 2 else (1, 0):
            start = time.perf_counter()
            pair[side]()
            seconds[side].append(time.perf_counter() - start)
    return {"runstore": median(seconds[0]), "raw": median(seconds[1])}


def _by_side(rounds: list[dict[str, float]]) -> dict[str, list[float]]:
    return {side: [found[side] for found in rounds] for side in rounds[0]}


# --- all runs ---------------------------------------------------------------------------------------------------------


def export_vs_raw(bench: Bench) -> Figure:
    """Compare iterate_json() and ``runstore export`` with hand-written exports, and return the worse ratio."""
    command, by_hand = bench.folder / "command.jsonl", bench.folder / "by_hand.jsonl"
    with bench.imported() as url:
        measured = bench.alternate(
            iterate=partial(isolated, _iterate, url),
            raw=partial(isolated, _raw, url),
            command=partial(isolated, _command, url, command),
            raw_to_file=partial(isolated, _raw, url, by_hand),
        )
    if not filecmp.cmp(command, by_hand, shallow=False):
        raise AssertionError("both sides should export the same bytes")
    iterate = Figure.faster("iterate", "raw", measured)
    export = Figure.faster("command", "raw_to_file", measured)
    assert iterate.value is not None
    assert export.value is not None
    note = f"the worse of iterate_json() {iterate.value:.2f} and runstore export {export.value:.2f} (without start-up)"
    return Figure(min(iterate.value, export.value), measured, note=note)


def verify_runs_per_s(bench: Bench) -> Figure:
    """Measure the runs that verify() checks per second."""
    with bench.imported() as url:
        measured = bench.alternate(verify=partial(isolated, _verify, url))
    return Figure(bench.runs / median(measured["verify"]), measured, note="value: runs per second")


def _verify(url: URL) -> float:
    start = time.perf_counter()
    with RunRepository.open(url) as archive:
        found = list(archive.verify())
    seconds = time.perf_counter() - start
    assert not found, found[:3]
    return seconds


def _iterate(url: URL) -> float:
    start = time.perf_counter()
    with RunRepository.open(url) as archive:
        deque(archive.iterate_json(), maxlen=0)
    return time.perf_counter() - start


def _command(url: URL, file: Path) -> float:
    arguments = ["export", "--db", url.render_as_string(hide_password=False), "-o", str(file)]
    start = time.perf_counter()
    runstore.main(arguments, standalone_mode=False)
    return time.perf_counter() - start


def _raw(url: URL, file: Path | None = None) -> float:
    """Export by hand, to memory or to a file that is synced to the disk, as the command does."""
    start = time.perf_counter()
    with connected(url) as driver:
        runs: Iterator[bytes] = Hand(driver).export()
        if file is None:
            deque(runs, maxlen=0)
        else:
            with file.open("wb") as out:
                for run in runs:
                    out.write(run)
                    out.write(b"\n")
                out.flush()
                os.fsync(out.fileno())
    return time.perf_counter() - start
