"""runstore import: what it reads, what it skips, rejects and keeps, and when and from where a run was observed."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from runstore import RunRepository
from tests.helpers.commands import (
    Cli,
    counts,
    lines,
    shown,
)
from tests.helpers.paths import EXAMPLES
from tests.helpers.runs import a_run

REJECTED = "rejected: {}: $.id: expected a string, found number\n"


def test_import_reads_standard_input_files_and_folders_in_any_form(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "dump" / "deep"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps([a_run("a1"), a_run("a2")], indent=1))
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines(a_run("b")).encode()))
    (folder / "c.SSE").write_text("event: thread.run.created\ndata: " + lines(a_run("c")) + "\n\ndata: [DONE]\n\n")
    (folder / ".hidden.json").write_text(lines(a_run("hidden")))
    (folder / "notes.md").write_text("no JSON")
    (tmp_path / "named.md").write_bytes(b"\xef\xbb\xbf" + lines({"object": "list", "data": [a_run("d")]}).encode())
    result = cli("import", "dump", "named.md", "-", stdin=gzip.compress(lines(a_run("e")).encode()))
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("6 inserted, 0 updated, 0 unchanged, 0 stale, 0 conflict, 0 rejected")
    found = [json.loads(line)["id"] for line in cli("export").out.splitlines()]
    assert found == ["a1", "a2", "b", "c", "d", "e"]


def test_no_input_at_all_makes_an_empty_archive(cli: Cli, tmp_path: Path) -> None:
    assert cli("import", "-") == (0, counts(), "runstore: -: no run found\n")
    (tmp_path / "folder").mkdir()
    assert cli("import", "folder")[:2] == (0, counts())
    assert cli("export") == (0, "", "")


def test_what_is_no_run_is_skipped_and_what_is_a_bad_run_is_rejected_with_file_line_and_path(
    cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "mixed.jsonl").write_text(
        lines(a_run("a"), {"id": "msg_1", "object": "thread.message"})
        + lines({"object": "thread.run", "id": 5})
        + "garbage\n"
        + '{"id":"run_9","object":"thr\n'
        + lines(a_run("b", usage={"total_tokens": "\0"}), a_run("c"))
    )
    result = cli("import", "mixed.jsonl")
    assert result.code == 6
    assert result.out == counts(inserted=2, rejected=4, skipped=1)
    assert [line.split(": ")[:3] for line in result.err.splitlines()[:-1]] == [
        ["rejected", "mixed.jsonl:3", "$.id"],
        ["rejected", "mixed.jsonl:4", "$"],
        ["rejected", "mixed.jsonl:5", "$"],
        ["rejected", "mixed.jsonl:6", "$.usage.total_tokens"],
    ]


def test_only_the_first_rejections_are_shown_and_the_others_counted(cli: Cli, tmp_path: Path) -> None:
    result = cli("import", "-", stdin='{"id":5,"object":"thread.run"}\n' * 50)
    assert (result.code, result.out) == (6, counts(rejected=50))
    assert result.err == "".join(REJECTED.format(f"-:{n}") for n in range(1, 21)) + (
        "... and 30 more; use --rejects FILE to write all of them to a file\n"
    )
    result = cli("import", "-", "--rejects", "bad", stdin='{"id":5,"object":"thread.run"}\n' * 50)
    assert result.err.endswith("... and 30 more; bad contains all of them\n")
    assert (tmp_path / "bad").read_text().count('{"id":5,') == 50


def test_the_beginning_of_a_rejected_record_is_shown_where_it_is_asked_for(url: URL, cli: Cli) -> None:
    db = url.render_as_string(hide_password=False)
    short = '{"id":5,"object":"thread.run","x":"\x9b31m private"}'
    long = '{"id":6,"object":"thread.run","x":"' + "日" * 1000 + '"}'
    quiet = cli("import", "-", "--db", db, stdin=f"{short}\n{long}\n")
    assert quiet.err == REJECTED.format("-:1") + REJECTED.format("-:2")
    told = cli("import", "-", "--db", db, "--verbose", stdin=f"{short}\n{long}\n")
    assert told.err.splitlines() == [
        REJECTED.format("-:1").rstrip(),
        "  " + short.replace("\x9b", "\\x9b"),
        REJECTED.format("-:2").rstrip(),
        f"  {long[:200]}...",
    ]


def test_the_source_is_kept_beside_the_run(cli: Cli, tmp_path: Path) -> None:
    assert cli("import", "-", "--source", "prod ü", stdin=lines(a_run("a"))).code == 0
    with sqlite3.connect(tmp_path / "runstore.db") as connection:
        assert connection.execute("SELECT source FROM run_object").fetchall() == [("prod ü",)]
    connection.close()
    result = cli("import", "-", "--source", "\udcff", stdin=lines(a_run("b")))
    assert (result.code, result.err) == (2, "runstore: source contains U+0000 or a lone surrogate\n")


@pytest.mark.parametrize(
    ("given", "microseconds"),
    [
        ("2024-05-31T12:00:00Z", 1717156800_000000),
        ("2024-05-31T14:00:00.5+02:00", 1717156800_500000),
        ("2024-05-31 12:00", 1717156800_000000),
        ("2024-05-31", 1717113600_000000),
        ("1717156800", 1717156800_000000),
        ("1717156800.25", 1717156800_250000),
        ("-1.5", -1_500000),
        ("1717156800.000001", 1717156800_000001),
    ],
)
def test_observed_at_is_a_time_or_unix_seconds(cli: Cli, tmp_path: Path, given: str, microseconds: int) -> None:
    assert cli("import", "-", f"--observed-at={given}", stdin=lines(a_run("a"), a_run("b"))).code == 0
    with RunRepository.open(tmp_path / "runstore.db") as runs:
        runs.save(a_run("a", status="completed"))
        assert runs.changes("a")[0].observed_at == microseconds
        runs.save(a_run("b", status="completed"))
        assert runs.changes("b")[0].observed_at == microseconds + 1


@pytest.mark.parametrize(
    "given", ["yesterday", "", "nan", "inf", "1e3", "²", "9" * 30, "0x10", "2024-13-01", "\udcff", "7 d"]
)
def test_what_is_no_time_is_a_usage_error(cli: Cli, tmp_path: Path, given: str) -> None:
    result = cli("import", "-", "--observed-at", given, stdin=lines(a_run("a")))
    assert result.code == 2
    assert "--observed-at" in result.err
    assert not (tmp_path / "runstore.db").exists()


def test_observed_at_may_be_an_age(cli: Cli, tmp_path: Path) -> None:
    assert cli("import", "-", "--observed-at", "7d", stdin=lines(a_run("a"))).code == 0
    with RunRepository.open(tmp_path / "runstore.db") as runs:
        runs.save(a_run("a", status="completed"))
        assert abs(runs.changes("a")[0].observed_at / 1e6 - (time.time() - 7 * 86_400)) < 60


def test_times_are_written_in_one_grammar_everywhere(cli: Cli, url: URL) -> None:
    cli("import", "-", "--db", shown(url), stdin=lines(a_run("a", created_at=1717156800)))
    for given, found in (
        ("1717156800", 1),
        ("1717156799.5", 1),
        ("1717156800.25", 0),
        ("2024-05-31T12:00Z", 1),
        ("7d", 0),
    ):
        result = cli("list", "--format", "jsonl", "--created-from", given, "--db", shown(url))
        assert (result.code, len(result.out.splitlines())) == (0, found), given
        assert cli("import", "-", "--observed-at", given, "--db", shown(url), stdin=lines(a_run("b"))).code == 0
        Path("prices.csv").write_text(f"model,valid_from,prompt,completion,currency\nm,{given},1,2,USD\n")
        assert cli("prices", "import", "prices.csv", "--db", shown(url)).code == 0
    for given in ("7 d", "yesterday", "1e3", "1717156800s5"):
        for args in (("list", "--created-from"), ("import", "-", "--observed-at")):
            result = cli(*args, given, "--db", shown(url))
            assert (result.code, len(result.err.splitlines())) == (2, 1)
            assert result.err.endswith(
                "expected Unix seconds, a datetime or date, its ISO text, or an age such as 7d\n"
            )


def test_milliseconds_are_no_time_to_observe_at(cli: Cli) -> None:
    result = cli("import", "-", "--observed-at", "1717156800000", stdin=lines(a_run("a")))
    assert (result.code, "outside the years 1 to 9999" in result.err) == (2, True)


def test_an_import_observes_files_at_their_modification_time(cli: Cli, tmp_path: Path) -> None:
    for name, status, seconds in (("new", "in_progress", 2000), ("old", "queued", 1000)):
        (tmp_path / name).write_text(lines(a_run("a", status=status)))
        os.utime(tmp_path / name, (seconds, seconds))
    assert cli("import", "new", "old").out == counts(inserted=1, stale=1)
    assert '"in_progress"' in cli("show", "a").out


@pytest.mark.parametrize(
    ("policy", "outcome", "code", "stays"),
    [
        ("newest", "stale", 0, "completed"),
        ("replace", "updated", 0, "queued"),
        ("keep", "stale", 0, "completed"),
        ("error", "conflict", 6, "completed"),
    ],
)
def test_on_conflict_says_which_snapshot_stays(cli: Cli, policy: str, outcome: str, code: int, stays: str) -> None:
    cli("import", "-", stdin=lines(a_run("a", status="completed")))
    result = cli("import", "-", "--on-conflict", policy, stdin=lines(a_run("a", status="queued")))
    assert (result.code, result.out) == (code, counts(**{outcome: 1}))
    assert result.err.startswith("conflict: -:1: run a: ") if code else not result.err
    assert stays in cli("show", "a").out


def test_strict_rejects_what_departs_from_the_document(cli: Cli) -> None:
    given = lines(a_run("a", status="made_up"))
    result = cli("import", "-", "--strict", stdin=given)
    assert (result.code, result.out) == (6, counts(rejected=1))
    assert "deviates from the API specification" in result.err
    assert cli("import", "-", stdin=given).code == 0


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_the_archive_is_no_input_of_its_own(cli: Cli, tmp_path: Path, suffix: str) -> None:
    cli("import", EXAMPLES)
    Path(tmp_path / f"runstore.db{suffix}").touch()
    result = cli("import", f"runstore.db{suffix}")
    assert result.code == 2
    assert "is a file of the archive itself" in result.err
