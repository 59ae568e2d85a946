"""runstore export, show and list: what they print of the runs that were imported."""

from __future__ import annotations

import json
import re
from pathlib import Path

from sqlalchemy.engine import URL

from runstore import Price, RunRepository, migrate
from tests.helpers.commands import EXAMPLE_COUNTS, NOT_ARCHIVED, Cli, Terminal, counts, lines, shown
from tests.helpers.paths import EXAMPLES
from tests.helpers.runs import a_run


def test_what_is_imported_is_exported_shown_and_listed(cli: Cli, url: URL, tmp_path: Path) -> None:
    db = ("--db", shown(url))
    assert cli("import", *db, EXAMPLES) == (0, EXAMPLE_COUNTS, NOT_ARCHIVED)
    assert cli("import", *db, EXAMPLES) == (0, counts(unchanged=39, stale=9, skipped=1), NOT_ARCHIVED)
    exported = cli("export", *db)
    assert (exported.code, exported.err) == (0, "")
    runs = [json.loads(line) for line in exported.out.splitlines()]
    assert len(runs) == 39
    assert lines(*runs) == exported.out  # compact, not escaped
    assert runs == sorted(runs, key=lambda run: (run.get("created_at") or -(2**63), run["id"].encode()))
    assert cli("export", *db, "-o", "out.jsonl") == (0, "", "")
    assert (tmp_path / "out.jsonl").read_text("utf-8") == exported.out
    last = runs[-1]
    assert cli("show", last["id"], *db) == (0, json.dumps(last, ensure_ascii=False, indent=2) + "\n", "")
    newest = cli("list", *db, "--limit", 3)
    assert newest.out == lines(*runs[:-4:-1])
    assert newest.err.startswith("there are more runs; to continue, use --cursor ")
    more = cli("list", *db, "--limit", 100, "--cursor", newest.err.split()[-1])
    assert more == (0, lines(*runs[-4::-1]), "")
    assert cli("list", *db, "--oldest-first", "--limit", 2).out == lines(*runs[:2])
    # The export, imported into the same archive, changes nothing.
    assert cli("import", *db, "out.jsonl") == (0, counts(unchanged=39), "")
    assert cli("db", "current", *db) == (0, f"{migrate.REVISION}\n", "")
    checked = cli("db", "check", *db)
    assert (checked.code, checked.out) == (0, "")
    assert checked.err.endswith(f": at revision {migrate.REVISION}\n")


def test_show_prints_the_history_of_a_run(cli: Cli) -> None:
    for status, time in (("completed", "2024-05-31T12:00:00Z"), ("queued", "2024-05-31T11:59:59.5Z")):
        cli("import", "-", "--observed-at", time, stdin=lines(a_run("r", status=status)))
    shown = cli("show", "r", "--history")
    assert (shown.code, json.loads(shown.out)) == (
        0,
        [
            {"observed_at": "2024-05-31T11:59:59.500000Z", "run": a_run("r", status="queued")},
            {"observed_at": "2024-05-31T12:00:00Z", "run": a_run("r", status="completed")},
        ],
    )
    assert cli("show", "unknown", "--history").code == 3


def test_an_empty_archive_is_exported_and_listed_as_nothing(cli: Cli, url: URL, tmp_path: Path) -> None:
    assert cli("export", "--db", shown(url)) == (0, "", "")
    assert cli("list", "--db", shown(url))[:2] == (0, "")
    assert cli("export", "--db", shown(url), "-o", "out") == (0, "", "")
    assert (tmp_path / "out").read_bytes() == b""


def test_list_filters_by_thread_assistant_and_status_each_several_times(cli: Cli) -> None:
    runs = [
        a_run(str(n), created_at=n, thread_id=f"t{n % 2}", assistant_id=f"a{n % 3}", status=f"s{n % 4}")
        for n in range(12)
    ]
    cli("import", "-", stdin=lines(*runs))

    def found(*args: str) -> list[int]:
        return [int(json.loads(line)["id"]) for line in cli("list", *args).out.splitlines()]

    assert found("--thread", "t1") == [11, 9, 7, 5, 3, 1]
    assert found("--status", "s0", "--status", "s1", "--oldest-first") == [0, 1, 4, 5, 8, 9]
    assert found("--thread", "t0", "--assistant", "a1") == [10, 4]
    assert found("--thread", "nowhere") == []


def test_a_table_of_runs_shows_members_in_every_spelling(cli: Cli) -> None:
    run = {
        "id": "r",
        "object": "thread.run",
        "threadId": "t_1",
        "createdAt": "2024-08-21T11:00:17Z",
        "status": "failed",
    }
    cli("import", "-", stdin=json.dumps(run))
    assert cli("list", "--format", "table").out.splitlines()[1].split() == [
        "r",
        "2024-08-21",
        "11:00:17",
        "failed",
        "t_1",
    ]


def test_list_sorts_by_a_number_the_greatest_first(runs: RunRepository, url: URL, cli: Cli, terminal: Terminal) -> None:
    for number, (tokens, seconds) in enumerate(((30, 5), (10, 20), (20, 10), (None, None))):
        usage = None if tokens is None else {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
        ended = None if seconds is None else 100 + number + seconds
        runs.save(a_run(f"run_{number}", created_at=100 + number, status="completed", model="m", usage=usage,
                        completed_at=ended))  # fmt: skip
    runs.set_prices([Price("m", 0, 2, None, 2, "EUR")])
    command = ("list", "--db", shown(url), "--sort")
    for sort, order in (("cost", "0213"), ("tokens", "0213"), ("seconds", "1203"), ("created", "3210")):
        wanted = [f"run_{number}" for number in order]
        assert [json.loads(line)["id"] for line in cli(*command, sort).out.splitlines()] == wanted, sort
        assert cli(*command, sort, "--columns", "id", "--csv").out.split() == ["id", *wanted]
    assert cli(*command, "tokens", "-n", "1").out == lines(runs.load("run_0"))
    assert cli(*command, "tokens", "-n", "1", "--id", "run_2").out == lines(runs.load("run_2"))
    assert cli(*command, "tokens", "-n", "1").err == ""
    code, seen = terminal(*command, "cost", COLUMNS="150")
    assert (code, re.sub(r"\x1b\[[0-9;]*m", "", seen).split()[:8]) == (
        *(0, ["id", "created", "(UTC)", "status", "model", "tokens", "cost", "thread"]),
    )
    runs.save(a_run("run_1", model="m" * 100, thread_id="t" * 100))
    for columns in ("80", "150"):
        _, seen = terminal(*command, "tokens", "--columns", "id,thread_id,model,cost,total_tokens", COLUMNS=columns)
        assert re.findall(r"\d (30|20|10)\s*$", re.sub(r" +", " ", seen), re.M) == ["30", "20", "10"]
        assert not re.search(r"\d…", seen)
    for other in (["--cursor", "x"], ["--after", "run_1"], ["--before", "run_1"], ["--oldest-first"]):
        assert cli(*command, "tokens", *other).code == 2
