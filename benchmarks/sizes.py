"""The size of an archive on the disk, and the memory that commands use."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

from benchmarks.measure import Bench, Figure, isolated


def bytes_per_json_byte(bench: Bench) -> Figure:
    """Compare the size of all tables and indexes after one import with the size of the compact JSON."""
    with bench.file.open("rb") as lines:
        size = sum(len(line) - 1 for line in lines)
    with bench.imported() as url:
        stored = bench.server.size(url)
    measured = {"stored": [float(stored)], "json": [float(size)]}
    return Figure(stored / size, measured, "bytes")


def peak_rss_mb(bench: Bench) -> Figure:
    """Measure the peak memory of ``runstore import`` and ``runstore export``, and return the higher one."""
    with bench.server.archive() as url:
        database = url.render_as_string(hide_password=False)
        peaks = {
            "import": [isolated(_peak, ["import", "--db", database, str(bench.file)])],
            "export": [isolated(_peak, ["export", "--db", database, "-o", str(bench.folder / "peak.jsonl")])],
        }
    return Figure(max(max(values) for values in peaks.values()), peaks, "MB")


def _peak(arguments: list[str]) -> float:
    """Return the peak memory of a command that runs in this process, in MB (a million bytes)."""
    from runstore.cli import runstore

    with contextlib.redirect_stdout(io.StringIO()):
        runstore.main(arguments, standalone_mode=False)
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage would include the memory of the parent before this process was executed.
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024e-6
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit * 1e-6
