"""prompts: the versions of instructions, their differences, and those at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy.engine import URL

from runstore import RunRepository
from tests.helpers.commands import Cli, shown
from tests.helpers.runs import a_run

DAY = 86_400


@pytest.fixture
def db(runs: RunRepository, url: URL) -> tuple[str, str]:
    """The options for an archive of two assistants, one of which was given the name of its users."""
    texts = ["Be short. Be kind.", "Be short. Be kind.", "Be short. Be exact.", None]
    runs.save_many(
        a_run(f"a{n}", assistant_id="asst_a", created_at=n * DAY, instructions=t) for n, t in enumerate(texts)
    )
    runs.save_many(
        a_run(f"b{n}", assistant_id="asst_b", created_at=n * DAY, instructions=f"Be kind. You help user {n}. Be short.")
        for n in range(4)
    )
    runs.save(a_run("c", assistant_id="asst_b", instructions="No time."))
    return "--db", shown(url)


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_versions_are_listed_with_their_days_and_runs(db: tuple[str, str], cli: Cli) -> None:
    listed = cli("prompts", *db, "--assistant", "asst_a")
    names = ("assistant_id", "first_day", "last_day", "runs", "instructions")
    assert (listed.code, listed.err) == (0, "")
    assert rows(listed.out) == [
        dict(zip(names, row, strict=True))
        for row in (
            ("asst_a", "1970-01-04", "1970-01-04", 1, None),
            ("asst_a", "1970-01-03", "1970-01-03", 1, "Be short. Be exact."),
            ("asst_a", "1970-01-01", "1970-01-02", 2, "Be short. Be kind."),
        )
    ]
    everything = rows(cli("prompts", *db).out)
    assert [row["assistant_id"] for row in everything] == ["asst_a"] * 3 + ["asst_b"] * 5
    assert (everything[-1]["first_day"], everything[-1]["instructions"]) == (None, "No time.")
    grouped = rows(cli("prompts", *db, "--assistant", "asst_b", "--group-similar").out)
    assert [(row["prompts"], row["runs"], row["first_day"], row["last_day"]) for row in grouped] == [
        (4, 4, "1970-01-01", "1970-01-04"),
        (1, 1, None, None),
    ]
    assert cli("prompts", *db, "--assistant", "asst_c").code == 3
    assert cli("prompts", *db, "--csv").out.startswith("assistant_id,first_day,last_day,runs,instructions\r\n")


def test_differences_are_shown_by_sentence(db: tuple[str, str], cli: Cli) -> None:
    assert cli("prompts", *db, "--assistant", "asst_a", "--diff").out.splitlines()[:6] == [
        "--- 1970-01-01 to 1970-01-02, 2 runs",
        "+++ 1970-01-03 to 1970-01-03, 1 run",
        "@@ -1,2 +1,2 @@",
        " Be short.",
        "-Be kind.",
        "+Be exact.",
    ]


def test_the_instructions_at_a_time_are_those_of_the_last_run_before(db: tuple[str, str], cli: Cli) -> None:
    for at, run, text in (
        *(("1970-01-01", "a0", "Be short. Be kind."), (str(2 * DAY - 1), "a1", "Be short. Be kind.")),
        *((str(2 * DAY), "a2", "Be short. Be exact."), ("1970-01-03", "a2", "Be short. Be exact."), ("7d", "a3", "")),
    ):
        found = cli("prompts", *db, "--assistant", "asst_a", "--at", at)
        assert found == (0, f"{text}\n", f"the instructions of run {run}\n"), at
    none = cli("prompts", *db, "--assistant", "asst_a", "--at", "1969-12-31")
    assert (none.code, none.err) == (3, "runstore: no run of asst_a was created up to 1969-12-31\n")
    for args in (("--diff",), ("--at", "7d"), ("--assistant", "asst_a", "--at", "soon")):
        assert cli("prompts", *db, *args).code == 2
    assert cli("prompts", *db, "--assistant", "asst_a", "--at", "7d", "--diff").code == 2
    assert cli("prompts", *db, "--assistant", "asst_a", "--diff", "--csv").code == 2
