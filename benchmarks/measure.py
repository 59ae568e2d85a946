"""Figures, how they are measured, and the bars that they have to meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import ParamSpec, TypeVar

from sqlalchemy.engine import URL

from benchmarks import generator
from benchmarks.servers import Server
from runstore.repository import RunRepository
from runstore.sources import read_file

P = ParamSpec("P")
T = TypeVar("T")

BATCH = 1_000
"""Runs in a transaction, on both sides of a ratio."""

STANDARD_RUNS = 20_000
"""Number of runs, none of them unique, for which the bars are set."""

_AT_LEAST, _AT_MOST = "at least", "at most"
BARS: dict[str, tuple[str, dict[str, float]]] = {
    "import_vs_floor": (_AT_LEAST, {"postgresql": 0.75, "sqlite": 0.60}),
    "import_vs_blob": (_AT_LEAST, {"postgresql": 1.6, "sqlite": 0.85}),
    "import_vs_orm": (_AT_LEAST, {"postgresql": 4.5, "sqlite": 7}),
    "import_vs_sqlite_utils": (_AT_LEAST, {"sqlite": 2.5}),
    "import_vs_dlt": (_AT_LEAST, {"postgresql": 4, "sqlite": 7}),
    "reimport_vs_import": (_AT_LEAST, {"postgresql": 4, "sqlite": 2.5}),
    "update_vs_import": (_AT_LEAST, {"postgresql": 0.3, "sqlite": 0.3}),
    "load_vs_raw": (_AT_MOST, {"postgresql": 1.5, "sqlite": 2.5}),
    "save_vs_raw": (_AT_MOST, {"postgresql": 2, "sqlite": 3}),
    "async_save_vs_raw": (_AT_MOST, {"postgresql": 2, "sqlite": 2}),
    "longest_stall_ms": (_AT_MOST, {"postgresql": 50, "sqlite": 50}),
    "export_vs_raw": (_AT_LEAST, {"postgresql": 0.75, "sqlite": 0.75}),
    "verify_runs_per_s": (_AT_LEAST, {"postgresql": 10_000, "sqlite": 10_000}),
    "bytes_per_json_byte": (_AT_MOST, {"postgresql": 0.30, "sqlite": 0.29}),
    "peak_rss_mb": (_AT_MOST, {"postgresql": 200, "sqlite": 200}),
    "insert_at_1m_vs_10k": (_AT_MOST, {"postgresql": 1.3, "sqlite": 2.0}),
    "fingerprint_at_1m": (_AT_MOST, {"postgresql": 3, "sqlite": 3}),
    "queries": (_AT_MOST, {"postgresql": 1, "sqlite": 1}),
    "index_cost": (_AT_MOST, {}),
    "writers_4_vs_1": (_AT_LEAST, {"postgresql": 1.0, "sqlite": 0.8}),
}
"""For each ratio, whether it has to be at least or at most the bar, and the bar of each backend."""


@dataclass(frozen=True)
class Figure:
    """One measured ratio."""

    value: float | None
    """None if it could not be measured; the note contains the reason."""
    measured: dict[str, list[float]] = field(default_factory=dict)
    """The values of each round, by side."""
    unit: str = "s"
    note: str = ""
    room: dict[str, float] = field(default_factory=dict)
    """Bytes a run of each part, where that was measured."""

    @staticmethod
    def faster(ours: str, other: str, measured: dict[str, list[float]], note: str = "") -> Figure:
        """Return how many times as fast as *other* is *ours*."""
        return Figure(median(measured[other]) / median(measured[ours]), measured, note=note)

    @staticmethod
    def slower(ours: str, other: str, measured: dict[str, list[float]], note: str = "") -> Figure:
        """Return the time of *ours* divided by the time of *other*."""
        return Figure(median(measured[ours]) / median(measured[other]), measured, note=note)


@dataclass(frozen=True)
class Verdict:
    """Whether a figure meets its bar."""

    side: str
    bar: float
    met: bool


def verdict(name: str, backend: str, figure: Figure) -> Verdict | None:
    """Return whether a figure meets its bar, or None if it has no bar."""
    side, bars = BARS[name]
    if backend not in bars or figure.value is None:
        return None
    bar = bars[backend]
    return Verdict(side, bar, figure.value >= bar if side == _AT_LEAST else figure.value <= bar)


@dataclass
class Bench:
    """A backend and a dump to measure with."""

    server: Server
    folder: Path
    runs: int
    unique: float
    repeat: int
    large: int
    """Number of runs in the large archive."""

    @cached_property
    def file(self) -> Path:
        """The dump."""
        return self.dump("runs", self.runs)

    def dump(self, name: str, count: int, *, offset: int = 0) -> Path:
        """Return a file of runs; files with different offsets share tools and prompts, but no runs."""
        file = self.folder / f"{name}.jsonl"
        if not file.exists():
            generator.write(file, generator.runs(count, unique=self.unique, offset=offset))
        return file

    @contextmanager
    def imported(self) -> Iterator[URL]:
        """Yield an archive that holds the dump."""
        with self.server.archive() as url:
            isolated(save_file, url, self.file)
            self.server.settle()
            yield url

    def alternate(self, **sides: Callable[[], float]) -> dict[str, list[float]]:
        """Measure the sides alternately, so that changes in the machine's load affect all of them."""
        measured: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(self.repeat):
            for name, side in sides.items():
                measured[name].append(side())
        return measured

    def into_archive(self, side: Callable[[URL, Path], float]) -> Callable[[], float]:
        """Return the side that imports the dump into a new archive, for :meth:`alternate`."""

        def run() -> float:
            with self.server.archive() as url:
                return isolated(side, url, self.file)

        return run

    def into_empty(self, side: Callable[[URL, Path], float]) -> Callable[[], float]:
        """Return the side that imports the dump into a database without tables, for :meth:`alternate`."""

        def run() -> float:
            with self.server.empty() as url:
                return isolated(side, url, self.file)

        return run


def isolated(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a new process, so that no side inherits memory, caches or garbage of another."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def save_file(url: URL, file: Path, outcome: str = "inserted") -> float:
    """Import a file as ``runstore import`` does, and return the seconds from opening it to the last commit.

    Raise :class:`AssertionError` unless all runs had this outcome, because a partial import is not comparable.
    """
    start = perf_counter()
    with RunRepository.open(url) as archive:
        report = archive.save_many(read_file(file))
    seconds = perf_counter() - start
    with file.open("rb") as lines:
        count = sum(1 for _ in lines)
    if getattr(report, outcome) != count:
        raise AssertionError(f"expected {count} {outcome}, got {report}")
    return seconds
