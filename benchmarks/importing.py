"""Ratios for importing runs."""

from __future__ import annotations

import json
import os
import time
from functools import partial
from itertools import islice
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from benchmarks import competitors, generator
from benchmarks.measure import BATCH, Bench, Figure, isolated, save_file

WRITERS = 4


def import_vs_floor(bench: Bench) -> Figure:
    """Compare an import with inserting the same rows, prepared beforehand, in the same transactions."""
    with bench.imported() as prepared:
        floor = partial(competitors.floor, prepared_in=prepared)
        measured = bench.alternate(runstore=bench.into_archive(save_file), floor=bench.into_archive(floor))
    return Figure.faster("runstore", "floor", measured)


def import_vs_blob(bench: Bench) -> Figure:
    """Compare an import with storing the raw lines in one JSON column."""
    measured = bench.alternate(runstore=bench.into_archive(save_file), blob=bench.into_empty(competitors.blob))
    return Figure.faster("runstore", "blob", measured)


def import_vs_orm(bench: Bench) -> Figure:
    """Compare an import with a plain ORM."""
    measured = bench.alternate(runstore=bench.into_archive(save_file), orm=bench.into_empty(competitors.orm))
    return Figure.faster("runstore", "orm", measured)


def import_vs_sqlite_utils(bench: Bench) -> Figure:
    """Compare an import with sqlite-utils."""
    if bench.server.name != "sqlite":
        return Figure(None, note="sqlite-utils writes SQLite only")
    measured = bench.alternate(
        runstore=bench.into_archive(save_file), sqlite_utils=bench.into_empty(competitors.sqlite_utils)
    )
    return Figure.faster(
        "runstore", "sqlite_utils", measured, f"insert_all(pk='id', alter=True), {BATCH} rows per transaction"
    )


def import_vs_dlt(bench: Bench) -> Figure:
    """Compare an import with dlt."""
    measured = bench.alternate(runstore=bench.into_archive(save_file), dlt=bench.into_empty(competitors.dlt))
    destination = "sqlalchemy" if bench.server.name == "sqlite" else "postgres"
    note = (
        f"destination {destination}, max_table_nesting=0 (with its default nesting, dlt creates a column for every "
        "property of a tool's schema and fails), default transactions and connections"
    )
    return Figure.faster("runstore", "dlt", measured, note)


# --- importing again --------------------------------------------------------------------------------------------------


def reimport_vs_import(bench: Bench) -> Figure:
    """Compare importing the same file again, in which all runs are unchanged, with the first import."""
    return _again(bench, bench.file, "unchanged")


def update_vs_import(bench: Bench) -> Figure:
    """Compare importing a later file, in which the metadata of each run has changed, with the first import."""
    file = bench.folder / "changed.jsonl"
    if not file.exists():
        with bench.file.open("rb") as lines:
            generator.write(file, (generator.changed(json.loads(line)) for line in lines))
        later = bench.file.stat().st_mtime + 3600
        os.utime(file, (later, later))
    return _again(bench, file, "updated")


def _again(bench: Bench, file: Path, outcome: str) -> Figure:
    measured: dict[str, list[float]] = {"import": [], outcome: []}
    for _ in range(bench.repeat):
        with bench.server.archive() as url:
            measured["import"].append(isolated(save_file, url, bench.file))
            bench.server.settle()
            measured[outcome].append(isolated(save_file, url, file, outcome))
    return Figure.faster(outcome, "import", measured)


# --- several writers --------------------------------------------------------------------------------------------------


def writers_4_vs_1(bench: Bench) -> Figure:
    """Compare four processes, each of which imports a quarter of the file, with one that imports all of it."""
    files = [bench.folder / f"part_{part}.jsonl" for part in range(WRITERS)]
    for part, file in enumerate(files):
        # Each writer gets every fourth line, so that all writers save the same tools and prompts at the same time.
        with bench.file.open("rb") as lines, file.open("wb") as out:
            out.writelines(islice(lines, part, None, WRITERS))

    def side(files: list[Path]) -> float:
        with bench.server.archive() as url:
            return _together(url, files)

    measured = bench.alternate(one=partial(side, [bench.file]), four=partial(side, files))
    return Figure.faster("four", "one", measured)


def _together(url: URL, files: list[Path]) -> float:
    """Return the seconds from when all writers are ready until the last one ends; raise an error if one fails."""
    context = get_context("spawn")
    barrier = context.Barrier(len(files) + 1)
    writers = [context.Process(target=_write, args=(url, file, barrier)) for file in files]
    for writer in writers:
        writer.start()
    barrier.wait(timeout=60)
    start = time.perf_counter()
    for writer in writers:
        writer.join()
    seconds = time.perf_counter() - start
    if failed := sum(writer.exitcode != 0 for writer in writers):
        raise AssertionError(f"{failed} of {len(files)} writers failed")
    return seconds


def _write(url: URL, file: Path, barrier: Barrier) -> None:
    barrier.wait(timeout=60)
    save_file(url, file)


# --- a large archive --------------------------------------------------------------------------------------------------


def insert_at_1m_vs_10k(bench: Bench) -> Figure:
    """Compare importing 10,000 runs into a large archive with importing them into a small one."""
    batch = min(10_000, bench.large // 2)
    files = [bench.dump(f"batch_{n}", batch, offset=(n + 1) * bench.large) for n in range(bench.repeat)]
    measured: dict[str, list[float]] = {"small": [], "large": []}
    with bench.server.archive() as large:
        isolated(_grow, large, bench.large, bench.unique)
        for file in files:
            with bench.server.archive() as small:
                isolated(_grow, small, batch, bench.unique)
                bench.server.settle()
                measured["small"].append(isolated(save_file, small, file))
            bench.server.settle()
            measured["large"].append(isolated(save_file, large, file))
    return Figure.slower("large", "small", measured, f"{bench.large:,} and {batch:,} runs")


def _grow(url: URL, count: int, unique: float) -> None:
    """Save runs directly from the generator: a file of a million runs would have 9 GB."""
    from runstore import RunRepository

    runs: Any = generator.runs(count, unique=unique)
    with RunRepository.open(url) as archive:
        assert archive.save_many(runs, observed_at=1).inserted == count
