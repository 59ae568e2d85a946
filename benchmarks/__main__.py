"""``python -m benchmarks``: measure, print a table and write JSON."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from benchmarks.measure import Bench, Figure

MEASURES = {
    "import_vs_floor": "importing",
    "import_vs_blob": "importing",
    "import_vs_orm": "importing",
    "import_vs_sqlite_utils": "importing",
    "import_vs_dlt": "importing",
    "reimport_vs_import": "importing",
    "update_vs_import": "importing",
    "load_vs_raw": "reading",
    "save_vs_raw": "reading",
    "async_save_vs_raw": "tasks",
    "longest_stall_ms": "tasks",
    "export_vs_raw": "reading",
    "verify_runs_per_s": "reading",
    "bytes_per_json_byte": "sizes",
    "peak_rss_mb": "sizes",
    "writers_4_vs_1": "importing",
    "insert_at_1m_vs_10k": "importing",
    "fingerprint_at_1m": "queries",
    "queries": "queries",
    "index_cost": "indexes",
}
"""The module of this package that contains the function of each ratio."""

SLOW = ("insert_at_1m_vs_10k", "fingerprint_at_1m", "queries", "index_cost")


@click.command()
@click.option(
    "--runs", default=20_000, show_default=True, type=click.IntRange(min=10), help="Number of runs in the dump."
)
@click.option(
    "--backend",
    type=click.Choice(["sqlite", "postgresql", "all"]),
    default="all",
    show_default=True,
    help="Measure on this database.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(MEASURES)),
    metavar="NAME",
    help="Measure only this ratio (may be repeated).",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write all figures to this file as JSON.",
)
@click.option(
    "--unique",
    default=0.0,
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Give this percentage of the runs tools and instructions that no other run has.",
)
@click.option(
    "--slow",
    is_flag=True,
    help="Also measure what takes long: an archive of a million runs, and imports without each of the indexes.",
)
@click.option(
    "--large",
    default=1_000_000,
    show_default=True,
    type=click.IntRange(min=20),
    help="Number of runs in the large archive of --slow.",
)
@click.option(
    "--repeat", default=3, show_default=True, type=click.IntRange(min=1), help="Number of rounds for each ratio."
)
def main(
    runs: int,
    backend: str,
    only: tuple[str, ...],
    json_file: Path | None,
    unique: float,
    slow: bool,
    large: int,
    repeat: int,
) -> None:
    """Compare runstore with other ways to store the same dump, as ratios of the medians of alternating rounds.

    All files are in a directory under the system's temporary directory; set TMPDIR to choose another disk.
    """
    # Imported here, because the processes that measure import this module too.
    import msgspec
    from rich.console import Console

    from benchmarks import report
    from benchmarks.measure import Bench
    from benchmarks.servers import started
    from runstore.migrate import REVISION

    names = only or [name for name in MEASURES if slow or name not in SLOW]
    console, progress = Console(width=None if sys.stdout.isatty() else 120), Console(stderr=True)
    failed = False
    with tempfile.TemporaryDirectory(prefix="runstore-benchmarks-") as place:
        machine = report.machine(Path(place))
        found: dict[str, Any] = {
            "measured_on": report.today(),
            "revision": REVISION,
            "machine": machine,
            "setting": {"runs": runs, "unique_percent": unique, "repeat": repeat},
            "backends": {},
        }
        report.describe(console, machine)
        for chosen in ("postgresql", "sqlite") if backend == "all" else (backend,):
            figures: dict[str, Figure] = {}
            folder = Path(place, chosen)
            folder.mkdir()
            with started(chosen, folder) as server:
                bench = Bench(server, folder, runs=runs, unique=unique, repeat=repeat, large=large)
                settings = server.settings()
                console.print(", ".join(f"{name} {value}" for name, value in settings.items()), highlight=False)
                for name in names:
                    progress.print(f"{chosen}: {name} ...", highlight=False)
                    figures[name] = _measured(name, bench)
                    failed |= figures[name].note.startswith("failed")
            console.print(report.table(bench, figures))
            console.print(report.notes(figures), highlight=False, markup=False)
            ratios = {name: report.as_json(name, bench, figure) for name, figure in figures.items()}
            found["backends"][chosen] = {"settings": settings, "ratios": ratios}
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    sys.exit(1 if failed else 0)


def _measured(name: str, bench: Bench) -> Figure:
    """Measure one ratio. A failure is reported, and the other ratios are still measured."""
    from importlib import import_module

    from benchmarks.measure import Figure

    module = import_module(f"benchmarks.{MEASURES[name]}")
    try:
        figure: Figure = getattr(module, name)(bench)
    except Exception as error:
        return Figure(None, note=f"failed: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
    return figure


if __name__ == "__main__":
    main()
