"""Cause many faults and print the results: ``python -m tests.faults``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults import damage, disk, hostile, kills, schedules
from tests.faults.places import BACKENDS, NotAsPromised, Place, place

Fault = tuple[str, Callable[[], dict[str, Any]]]


def faults(places: dict[str, Place], seed: int, percent: int, inputs: str) -> Iterator[Fault]:
    """Return the faults by name, each with *percent* of the usual number; bad inputs have *inputs* in their names."""

    def many(usual: int) -> int:
        return max(1, usual * percent // 100)

    for name, here in places.items():
        yield f"kills, {name}", partial(kills.kill_imports, here, 20_000, many(50), seed)
        yield f"damage, {name}", partial(damage.damage, here, many(500), seed)
        yield f"fuzz, {name}", partial(hostile.import_fuzzed, here, many(5_000), seed)
        yield f"inputs, {name}", partial(hostile.import_bad_files, here, large=True, named=inputs)
        yield f"interrupt, {name}", partial(kills.interrupt_waiting, here, 20_000)
    if server := places.get("postgresql"):
        yield "restarts", lambda: kills.restart_server(server, 20_000, many(10), seed)
        yield "server gone", lambda: kills.lose_server(server, 20_000, 10)
        yield "database dropped", lambda: kills.drop_database(server, 20_000)
    if files := places.get("sqlite"):
        yield "full disk", lambda: disk.full_disk(files, 5_000)
        yield "read-only", lambda: disk.read_only(files)
        yield "no database", lambda: disk.no_database(files)
        yield "corrupt pages", lambda: disk.corrupt_pages(files, many(30))
        yield "log of a dead process", lambda: disk.dead_log(files, 20_000)
    everywhere = list(places.values())
    yield "schedules", lambda: schedules.run_schedules(everywhere, many(100), 300, seed)
    yield "schedules, prune", lambda: schedules.run_schedules(everywhere, many(100), 300, seed, prune=True)
    if "postgresql" in places:
        for isolation in ("repeatable read", "serializable"):
            yield (
                f"schedules, {isolation}",
                partial(
                    schedules.run_schedules,
                    [places["postgresql"]],
                    many(50),
                    300,
                    seed,
                    prune=True,
                    isolation=isolation,
                ),
            )


def main() -> None:
    """Run the faults; the exit code is 1 if a promise did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", help="run only the faults whose names begin with this text")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="use only this database")
    parser.add_argument("--percent", type=int, default=100, help="percentage of the usual number of each fault")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random choices")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to this file too")
    parser.add_argument("--input", default="", help="import only the bad inputs with this text in their names")
    options = parser.parse_args()
    broken = 0
    made: list[dict[str, Any]] = []
    with ExitStack() as stack:
        places = {}
        for name in options.backend or BACKENDS:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="runstore-", ignore_cleanup_errors=True))
            places[name] = stack.enter_context(place(name, Path(folder)))
        print("| fault | result | seconds |\n| --- | --- | --- |")  # noqa: T201
        for name, fault in faults(places, options.seed, options.percent, options.input):
            if options.only and not name.startswith(options.only):
                continue
            began = time.monotonic()
            try:
                results = fault()
            except NotAsPromised as error:
                broken += 1
                results = {"NOT AS PROMISED": str(error)}
            seconds = round(time.monotonic() - began)
            made.append({"name": name, "results": results, "seconds": seconds})
            result = ", ".join(f"{what}: {number}" for what, number in results.items())
            print(f"| {name} | {result} | {seconds} |", flush=True)  # noqa: T201
    if options.json is not None:
        day = datetime.now(UTC).date().isoformat()
        found = {"measured_on": day, "seed": options.seed, "percent": options.percent, "faults": made}
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
