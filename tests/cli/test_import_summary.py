"""The end of an import: a sentence on a terminal, the line of seven numbers elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore import SaveReport
from runstore.amounts import counted, readable_size
from runstore.cli.summary import summary
from runstore.save.policy import Policy
from tests.helpers.commands import EXAMPLE_COUNTS, Cli, counts, lines, on_a_terminal
from tests.helpers.paths import EXAMPLES
from tests.helpers.runs import a_run

MESSAGE = {"thread.message": 1}
SUMMARIES: list[tuple[SaveReport, Policy, str]] = [
    (SaveReport(), "newest", "no records found; nothing was archived"),
    (SaveReport(inserted=1), "newest", "1 run archived from 1 record"),
    (
        SaveReport(inserted=39, updated=8, stale=1, skipped=1, skipped_kinds=MESSAGE),
        "newest",
        "39 runs archived from 49 records: 8 newer snapshots replaced stored ones and 1 older snapshot is kept in "
        "history; 1 record was not a run (thread.message)",
    ),
    (
        SaveReport(updated=1, unchanged=1),
        "replace",
        "no new runs archived from 2 records: 1 snapshot replaced the stored one; 1 record was already archived",
    ),
    (
        SaveReport(stale=2, unchanged=3, skipped=3, skipped_kinds={"object without id": 1, "thread.message": 2}),
        "keep",
        "no new runs archived from 8 records: 2 snapshots are kept in history; 3 records were already archived; "
        "3 records were not runs (2 thread.message, 1 object without id)",
    ),
    (
        SaveReport(inserted=2, rejected=1),
        "newest",
        "2 runs archived from 3 records: 1 record was rejected. Import again with --rejects FILE to write this record "
        "to FILE; correct it and import FILE.",
    ),
    (
        SaveReport(rejected=2, conflict=1),
        "newest",
        "no new runs archived from 3 records: 2 records were rejected; 1 record conflicts with an archived run. Import "
        "again with --rejects FILE to write these records to FILE; correct them and import FILE.",
    ),
]


@pytest.mark.parametrize(("report", "policy", "expected"), SUMMARIES)
def test_a_summary_is_right_for_none_one_and_many(report: SaveReport, policy: Policy, expected: str) -> None:
    assert summary(report, policy, None) == expected


def test_a_summary_contains_the_file_of_the_rejects() -> None:
    assert summary(SaveReport(conflict=2), "error", Path("bad.txt")) == (
        "no new runs archived from 2 records: 2 records conflict with archived runs. These records were written to "
        "bad.txt; correct them and import that file."
    )


@pytest.mark.parametrize("form", [(), pytest.param(("--log-format", "text"), marks=pytest.mark.slow)])
def test_an_import_on_a_terminal_ends_with_a_sentence(tmp_path: Path, form: tuple[str, ...]) -> None:
    code, seen = on_a_terminal(tmp_path, "import", EXAMPLES, *form)
    assert (code, SUMMARIES[2][2] in seen, "39 inserted" in seen) == (0, True, False)


def test_an_import_into_a_pipe_prints_seven_numbers(cli: Cli) -> None:
    assert cli("import", EXAMPLES).out == EXAMPLE_COUNTS
    assert counts(rejected=1, inserted=1) == cli("import", "-", stdin=lines(a_run("new"), {**a_run("a"), "id": 5})).out


@pytest.mark.slow
def test_an_import_on_a_terminal_with_json_logs_prints_seven_numbers(tmp_path: Path) -> None:
    code, seen = on_a_terminal(tmp_path, "import", EXAMPLES, "--db", "other.db", "--log-format", "json")
    assert (code, EXAMPLE_COUNTS.strip() in seen) == (0, True)


def test_counts_and_sizes_are_readable() -> None:
    assert [counted(number, "run") for number in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert counted(2, "entry", "entries") == "2 entries"
    sizes = {
        0: "0 bytes",
        1: "1 byte",
        999: "999 bytes",
        1000: "1.0 kB",
        999_949: "999.9 kB",
        999_950: "1.0 MB",
        6_500_000: "6.5 MB",
        10**16: "10000.0 TB",
    }
    assert {size: readable_size(size) for size in sizes} == sizes
