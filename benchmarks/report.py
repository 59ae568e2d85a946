"""Reports of figures for people and for programs, with the machine on which they were measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measure import STANDARD_RUNS, Bench, Figure, verdict

PACKAGES = ("runstore", "sqlalchemy", "psycopg", "msgspec", "sqlite-utils", "dlt")


def today() -> str:
    """The day of a measurement, in UTC."""
    return datetime.now(UTC).date().isoformat()


def machine(folder: Path) -> dict[str, Any]:
    """Return the properties of the machine on which the figures depend."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "commit_ms": round(_commit_seconds(folder) * 1e3, 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": dict(_versions()),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()


def _versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            yield package, "not installed"


def _commit_seconds(folder: Path) -> float:
    """Return the seconds for which the disk syncs 8 KB, the minimum for every commit."""
    seconds = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(20):
            file.write(bytes(8192))
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - start)
    return median(seconds)


def as_json(name: str, bench: Bench, figure: Figure) -> dict[str, Any]:
    """Return a figure with its bar, which is set for the standard dump only."""
    found = verdict(name, bench.server.name, figure) if _is_standard(bench) else None
    return {
        "value": figure.value,
        "bar": found and {found.side.replace(" ", "_"): found.bar},
        "met": found and found.met,
        "measured": {"unit": figure.unit, **figure.measured},
        "room": figure.room,
        "note": figure.note,
    }


def _is_standard(bench: Bench) -> bool:
    return bench.runs == STANDARD_RUNS and not bench.unique


def table(bench: Bench, figures: dict[str, Figure]) -> Table:
    """Return a table of the figures of one backend."""
    unique = f", {bench.unique:g} % of them unique" if bench.unique else ""
    title = f"{bench.server.name}: {bench.runs:,} runs{unique}, median of {bench.repeat}"
    made = Table(title=title, title_justify="left")
    for heading, justify in (("ratio", "left"), ("measured", "right"), ("bar", "left"), ("", "left")):
        made.add_column(heading, justify=justify)  # type: ignore[arg-type]
    made.add_column("medians")
    for name, figure in figures.items():
        found = verdict(name, bench.server.name, figure) if _is_standard(bench) else None
        sides = ", ".join(f"{side} {_shown(values, figure.unit)}" for side, values in figure.measured.items())
        made.add_row(
            name,
            "-" if figure.value is None else f"{figure.value:.3g}",
            f"{found.side} {found.bar:g}" if found else "",
            ("met" if found.met else "[bold]NOT MET[/bold]") if found else "",
            sides,
        )
    return made


def notes(figures: dict[str, Figure]) -> str:
    """Return the notes of the figures, one per line."""
    return "\n".join(f"{name}: {figure.note}" for name, figure in figures.items() if figure.note)


def _shown(values: list[float], unit: str) -> str:
    value = median(values)
    if unit != "s":
        return f"{value:,.0f} {unit}" if value >= 10 else f"{value:.2g} {unit}"
    return f"{value:.2f} s" if value >= 0.01 else f"{value * 1e6:,.0f} µs"


def describe(console: Console, found: dict[str, Any]) -> None:
    """Print the machine in a few lines."""
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    console.print(
        f"{found['cpu']}, {found['cores']} cores, {found['memory_gb']} GB, {found['system']}, "
        f"a commit of 8 KB takes {found['commit_ms']} ms\nPython {found['python']}; {packages}",
        highlight=False,
    )
