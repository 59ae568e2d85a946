"""The tables of figures in the pages, made of what was measured.

``docs/_data`` holds the published figures. ``python -m tests.docs.figures benchmarks FILE ...`` puts those of
``python -m benchmarks --json FILE`` there, of several files the lowest and the highest; ``... faults FILE`` does so for
``python -m tests.faults --json FILE``. Without arguments the tables are written from what is there.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.queries import COUNT, TOKENS
from tests.helpers.paths import ROOT

DATA = ROOT / "docs" / "_data"
PAGES = ROOT / "docs" / "explain"
DATABASES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}

RATIOS = {
    "import_vs_blob": ("speed", "`runstore import` over COPY or `executemany` of the raw lines into one JSON column"),
    "import_vs_floor": ("speed", "over the driver writing the very same rows, prepared beforehand"),
    "import_vs_orm": ("speed", "over a plain SQLAlchemy ORM of the same documents, with nothing shared"),
    "import_vs_dlt": ("speed", "over dlt with `max_table_nesting=0`"),
    "import_vs_sqlite_utils": ("speed", "over `insert_all` of sqlite-utils, 1,000 rows a transaction"),
    "reimport_vs_import": ("speed", "the same file again, all runs unchanged, over the first import"),
    "update_vs_import": ("speed", "again with the metadata of each run changed and the history kept"),
    "load_vs_raw": ("time", "`load(id)` over driver calls written by hand that fetch and decode the same rows"),
    "save_vs_raw": ("time", "`save(run)` of a new run over the driver writing prepared rows"),
    "async_save_vs_raw": ("time", "`AsyncRunRepository.save(run)` of a new run over the bare asynchronous driver"),
    "longest_stall_ms": ("ms", "the longest computation before the event loop runs another task"),
    "export_vs_raw": ("speed", "over driver calls written by hand that fetch the rows and encode the same JSON"),
    "bytes_per_json_byte": ("size", "all tables and indexes over the compact JSON"),
    "writers_4_vs_1": ("speed", "four processes that import concurrently over one"),
    "insert_at_1m_vs_10k": ("time", "10,000 runs into an archive of a million over those into one of 10,000"),
    "verify_runs_per_s": ("runs a second", "`verify`"),
    "fingerprint_at_1m": ("seconds", "`fingerprint` of a million runs"),
    "peak_rss_mb": ("MB", "the larger of an import and an export"),
}
"""What is measured, in what, and against what."""

PAGE, RARE, FAR, STATS, VIEW = (
    "each filter: first page of 20, and a page from the middle",
    "pair of metadata that few runs have, first page",
    "type of tool that many runs were given long ago, first page",
    "tokens by model and day of one month, `stats`",
    "tokens by model and day of one month, SQL over the view",
)
QUESTIONS = {
    "metadata, first page": RARE,
    "tool type far back, first page": FAR,
    COUNT: COUNT,
    f"{TOKENS}, stats": STATS,
    f"{TOKENS}, views": VIEW,
}
"""What ``benchmarks.queries`` measures, and the row of the page that it is in; all other pages are in the first one."""

INDEXES = {
    "ix_run_object_metadata": "metadata: pairs and keys",
    "ix_run_object_assistant_id": "`assistant_id`",
    "ix_run_object_created_at": "the order of pages, `created_from`, `created_before`",
    "ix_run_object_thread_id": "`thread_id`",
    "ix_run_object_file_ids_file_ids": "`file_id`",
    "ix_run_object_model": "`model`",
    "ix_run_object_status": "`status`",
    "ix_run_object_assistant_object_tools_inner_tool": "`tool_type`, `function_name`",
    "ix_run_object_created": "ranges of `created_at` in SQL over the views",
    "ix_run_completion_usage_total_tokens": "`total_tokens_min`, `total_tokens_max`",
    "ix_run_object_instructions_id": "prompts that no run uses any more (`prune`, `delete`)",
    "ix_run_object_seconds": "`total_seconds_min`, `total_seconds_max`",
    "ix_run_object_last_error_code": "`error_code`",
    "ix_run_object_incomplete_details_reason": "`incomplete_reason`",
    "ix_run_object_irregular": "started and ended times of runs that took longer than a day",
}
"""What an index is for; those of shared values are left out, for they take a byte a run each."""

FAULTS = {
    "kills": "an import of 20,000 runs is killed (SIGKILL) at a random moment, and repeated",
    "restarts": "the server is stopped (`immediate`) in the middle of an import of 20,000 runs, and started again",
    "schedules": "one to eight writers import overlapping parts of one shuffled dump (300 runs, at most five snapshots "
    "of each); some are killed and repeated; the archive is copied to the other database and back",
    "damage": "a value is changed or a row deleted by hand, in a random table",
    "fuzz": "bytes of dumps are changed at random or cut off, also inside gzip",
    "inputs": "bad records and files, one at a time between good ones",
    "interrupt": "an import that waits is interrupted",
    "server gone": "the server is stopped for good during an import",
    "database dropped": "the database is dropped during an import",
    "full disk": "the disk is full: the file may grow to 6 MiB",
    "read-only": "the file, or its directory, cannot be written",
    "no database": "files that are not databases are given to four commands",
    "corrupt pages": "pages of the file are overwritten, one at a time",
    "log of a dead process": "a killed import leaves its log next to the file",
}
"""The first part of a fault's name, and what is done."""

# --- what was measured ------------------------------------------------------------------------------------------------


def published_benchmarks(measured: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the page needs of the output of ``python -m benchmarks --json``, once or several times."""
    ratios: dict[str, dict[str, list[float]]] = {}
    unique: dict[str, dict[str, list[float]]] = {}
    questions: dict[str, dict[str, list[float]]] = {}
    indexes: dict[str, dict[str, list[float]]] = {}
    about: dict[str, Any] = {}
    for one in measured:
        machine = one["machine"]
        about = {
            "measured_on": one["measured_on"],
            "revision": one["revision"],
            "runs": one["setting"]["runs"],
            "machine": {name: machine[name] for name in ("cpu", "cores", "memory_gb", "commit_ms", "python")},
        }
        percent = one["setting"]["unique_percent"]
        for database, found in one["backends"].items():
            for name, figure in found["ratios"].items():
                if name == "import_vs_blob":
                    _seen(unique, f"{percent:g}", database, figure["value"])
                if percent:
                    continue
                if name in RATIOS:
                    _seen(ratios, name, database, figure["value"])
                elif name == "queries":
                    for question, values in figure["measured"].items():
                        row = QUESTIONS.get(question, PAGE if question.endswith("page") else None)
                        if row is not None and isinstance(values, list):
                            _seen(questions, row, database, median(values))
                elif name == "index_cost":
                    for index, size in figure["room"].items():
                        _seen(indexes, index, database, size)
    return about | {"ratios": ratios, "unique": unique, "questions": questions, "indexes": indexes}


def _seen(table: dict[str, dict[str, list[float]]], row: str, database: str, value: float | None) -> None:
    """Widen the range of a cell."""
    if value is not None:
        value = float(f"{value:.3g}")
        low, high = table.setdefault(row, {}).get(database, [value, value])
        table[row][database] = [min(low, value), max(high, value)]


# --- tables -----------------------------------------------------------------------------------------------------------


def tables(benchmarks: Mapping[str, Any], faults: Mapping[str, Any]) -> dict[str, str]:
    """The Markdown of each table of figures, by its name in the pages."""
    return {
        "ratios": _table(
            ["figure", "in", *DATABASES.values(), "is"],
            (
                [f"`{name}`", unit, *_cells(benchmarks["ratios"][name]), meaning]
                for name, (unit, meaning) in RATIOS.items()
                if name in benchmarks["ratios"]
            ),
        ),
        "unique": _table(
            ["share of runs with prompts and tools of their own", *DATABASES.values()],
            ([f"{percent} %", *_cells(cells)] for percent, cells in benchmarks["unique"].items()),
        ),
        "questions": _table(
            ["question", *(f"{name}, ms" for name in DATABASES.values())],
            ([question, *_cells(cells)] for question, cells in benchmarks["questions"].items()),
        ),
        "indexes": _table(
            ["index", "serves", *(f"{name}, bytes a run" for name in DATABASES.values())],
            (
                [f"`{name}`", serves, *_cells(benchmarks["indexes"][name])]
                for name, serves in INDEXES.items()
                if name in benchmarks["indexes"]
            ),
        ),
        "faults": _table(
            ["fault", "what is done", "what came of it"],
            (
                [
                    one["name"],
                    FAULTS[one["name"].partition(",")[0]],
                    ", ".join(f"{what}: {_number(value)}" for what, value in one["results"].items()),
                ]
                for one in faults["faults"]
            ),
        ),
    }


def _cells(found: Mapping[str, list[float]]) -> Iterator[str]:
    for database in DATABASES:
        low, high = found.get(database, (None, None))
        yield "" if low is None else _number(low) if low == high else f"{_number(low)} to {_number(high)}"


def _number(value: Any) -> str:
    if isinstance(value, str):
        return f"`{value}`"
    return f"{value:,.0f}" if value >= 100 else f"{value:g}"


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    headings = list(headings)
    return "".join(f"| {' | '.join(row)} |\n" for row in (headings, ["---"] * len(headings), *rows))


def with_tables(page: str, made: Mapping[str, str]) -> str:
    """A page with the tables of these names between their marks."""
    return re.sub(
        r"(<!-- figures: (\w+) -->\n).*?(?=<!-- end of figures -->)",
        lambda mark: f"{mark[1]}\n{made[mark[2]]}\n",
        page,
        flags=re.S,
    )


def published() -> dict[str, str]:
    """The tables of the figures that are published."""
    found = (json.loads((DATA / f"{name}.json").read_text("utf-8")) for name in ("benchmarks", "faults"))
    return tables(*found)


def main() -> None:
    """Publish figures, and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.figures", description=__doc__)
    parser.add_argument("kind", nargs="?", choices=("benchmarks", "faults"))
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.files:
        measured = [json.loads(file.read_text("utf-8")) for file in options.files]
        found = published_benchmarks(measured) if options.kind == "benchmarks" else measured[-1]
        (DATA / f"{options.kind}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    made = published()
    for path in PAGES.glob("*.md"):
        text = path.read_text("utf-8")
        if (renewed := with_tables(text, made)) != text:
            path.write_text(renewed, "utf-8")


if __name__ == "__main__":
    main()
