"""The command line: what it prints, where, its exit codes, and that no error reaches a user as a traceback."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from runstore import RunRepository, migrate
from runstore.backends import create_engine
from tests.helpers.commands import (
    COMMAND,
    EXAMPLE_COUNTS,
    SECRET,
    Cli,
    Result,
    Terminal,
    check,
    counts,
    env,
    limited,
    lines,
    on_a_terminal,
    shown,
)
from tests.helpers.paths import EXAMPLES
from tests.helpers.runs import a_run
from tests.helpers.waiting import until

NOT_ARCHIVED = "runstore archives runs only, not messages or run steps\n"
COMMANDS = [
    *("import", "fetch", "export", "show", "list", "stats", "sql", "serve", "lint", "prices"),
    *("verify", "fingerprint", "diff", "prune", "backup", "copy", "db", "completion"),
]
REJECTED = "rejected: {}: $.id: expected a string, found number\n"


# --- the main job ----------------------------------------------------------------------------------------------------


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


# --- what import takes -----------------------------------------------------------------------------------------------


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


def test_the_rejected_records_can_be_mended_in_their_file_and_imported(cli: Cli, tmp_path: Path) -> None:
    good, bad = a_run("é", status="queued"), {"id": 5, "object": "thread.run", "model": "日本"}
    (tmp_path / "in.json").write_text(
        lines(good) + json.dumps(bad, indent=1, ensure_ascii=False) + '\n{"id":"cut","object":\n' + lines(a_run("c")),
        "utf-8",
    )
    assert cli("import", "in.json", "--rejects", "bad.txt").out == counts(inserted=2, rejected=2)
    rejects = tmp_path / "bad.txt"
    assert rejects.read_text("utf-8").startswith(
        "# in.json:2: $.id: expected a string, found number\n" + json.dumps(bad, indent=1, ensure_ascii=False)
    )
    # As it is, it is rejected again, also into the file itself.
    records = [line for line in rejects.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert cli("import", "bad.txt", "--rejects", "bad.txt").out == counts(rejected=2)
    assert [line for line in rejects.read_text("utf-8").splitlines() if not line.startswith("#")] == records
    mended = (
        rejects.read_text("utf-8").replace('"id": 5', '"id": "5"').replace('"object":\n', '"object":"thread.run"}\n')
    )
    rejects.write_text(mended, "utf-8")
    assert cli("import", "bad.txt", "--rejects", "bad.txt") == (0, counts(inserted=2), "")
    assert rejects.read_text("utf-8") == mended  # nothing was rejected, nothing written
    assert json.loads(cli("show", "5").out) == {**bad, "id": "5"}


def test_a_file_of_rejects_that_is_larger_than_a_buffer_can_be_its_own_input(cli: Cli, tmp_path: Path) -> None:
    rejects = tmp_path / "bad.jsonl"
    rejects.write_text(lines(*({"id": n, "object": "thread.run", "instructions": "x" * 1000} for n in range(3000))))
    assert cli("import", "bad.jsonl", "--rejects", "bad.jsonl").out == counts(rejected=3000)
    assert rejects.read_text().count('"thread.run"') == 3000
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_no_rejects_file_is_made_where_nothing_was_rejected(cli: Cli, tmp_path: Path) -> None:
    assert cli("import", "-", "--rejects", "bad", stdin=lines(a_run("a"))).code == 0
    assert not (tmp_path / "bad").exists()


def test_a_rejects_file_that_cannot_be_made_is_said_before_the_work_begins(cli: Cli, tmp_path: Path) -> None:
    for option in (("import", EXAMPLES, "--rejects", "no/bad"), ("export", "-o", "no/out")):
        result = cli(*option)
        assert result.code == 2
        assert "no is not a directory" in result.err
    assert not (tmp_path / "runstore.db").exists()


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


def test_a_conflicting_record_goes_to_the_rejects(cli: Cli, tmp_path: Path) -> None:
    other = lines(a_run("a", thread_id="t2"))
    cli("import", "-", stdin=lines(a_run("a", thread_id="t1")))
    assert cli("import", "-", "--rejects", "bad", stdin=other).code == 6
    assert (tmp_path / "bad").read_text().endswith("\n" + other)


def test_strict_rejects_what_departs_from_the_document(cli: Cli) -> None:
    given = lines(a_run("a", status="made_up"))
    result = cli("import", "-", "--strict", stdin=given)
    assert (result.code, result.out) == (6, counts(rejected=1))
    assert "deviates from the API specification" in result.err
    assert cli("import", "-", stdin=given).code == 0


# --- which archive ---------------------------------------------------------------------------------------------------


def test_the_archive_is_that_of_db_else_of_the_environment_else_runstore_db(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("option", "runstore_url", "database_url", "runstore.db")
    for name in names:
        cli("import", "-", "--db", name, stdin=lines(a_run(name)))

    def used(*args: str) -> str:
        return str(json.loads(cli("export", *args).out)["id"])

    monkeypatch.setenv("RUNSTORE_DATABASE_URL", f"sqlite:///{tmp_path}/runstore_url")
    monkeypatch.setenv("DATABASE_URL", "database_url")
    assert used("--db", "option") == "option"
    assert used("--db", "sqlite:///option") == "option"
    assert used() == "runstore_url"
    monkeypatch.setenv("RUNSTORE_DATABASE_URL", "")
    assert used() == "database_url"
    monkeypatch.setenv("DATABASE_URL", "")
    assert used() == "runstore.db"
    monkeypatch.delenv("RUNSTORE_DATABASE_URL")
    monkeypatch.setenv("DATABASE_URL", "database_url")
    assert used() == "database_url"


UNREACHABLE = f"postgresql://user:{SECRET}@127.0.0.1:1/runs"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (UNREACHABLE, 7),
        (UNREACHABLE.replace("postgresql:", "postgres:"), 7),
        (f"{UNREACHABLE}?bogus=1", 2),
        (f"postgresql://user:{SECRET}@127.0.0.1:99999/runs", 1),
        (f"postgresql://user:{SECRET}@127.0.0.1:port/runs", 2),
        (f"mysql://user:{SECRET}@localhost/runs", 2),
        (f"sqlite+aiosqlite://user:{SECRET}@/runs", 2),
        (UNREACHABLE.replace("postgresql:", "postgresql+psycopg2:"), 7),
        (f"postgresql+nonsense://user:{SECRET}@localhost/runs", 2),
        (f"nonsense://user:{SECRET}@localhost/runs", 2),
        (f"://{SECRET}", 2),
        (f"postgresql://user@127.0.0.1:1/runs?password={SECRET}", 7),
        (f"postgresql://user:p@{SECRET}@127.0.0.1:1/runs", 2),
    ],
)
def test_a_password_in_a_bad_or_unreachable_url_is_never_shown(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str, code: int
) -> None:
    at_once = ("--patience", 0)
    for command in (("import", EXAMPLES, *at_once), ("list",), ("db", "upgrade", *at_once), ("db", "check")):
        assert cli(*command, "--db", url).code == code
    monkeypatch.setenv("RUNSTORE_DATABASE_URL", url)
    assert cli("export").code == code


@pytest.mark.parametrize("url", ["sqlite://host/x.db", "sqlite:///x.db?timeout=abc"])
def test_a_sqlite_url_that_makes_no_sense_is_a_usage_error(cli: Cli, url: str) -> None:
    assert cli("list", "--db", url).code == 2


# --- exit codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("bogus",),
        ("--bogus",),
        ("import",),
        ("import", "missing.json"),
        ("import", "-", "--bogus"),
        ("import", "-", "--on-conflict", "bogus"),
        ("export", "extra"),
        ("export", "-o", "."),
        ("export", "-o", ""),
        ("--db", "runstore.db", "list"),
        ("import", EXAMPLES, "--db", ":memory:"),
        ("import", EXAMPLES, "--observed-at", "3000-01-01"),
        ("show",),
        ("list", "--limit", "0"),
        ("list", "--limit", "many"),
        ("list", "--cursor", "bogus"),
        ("list", "--cursor", ""),
        ("db",),
        ("db", "bogus"),
        ("import", "\x1b[31mred"),
    ],
)
def test_usage_errors_exit_with_2(cli: Cli, tmp_path: Path, args: tuple[str, ...]) -> None:
    if args[:1] == ("list",):
        cli("import", "-", stdin=lines(a_run("a")))
    assert cli(*args).code == 2
    assert args[:1] == ("list",) or not (tmp_path / "runstore.db").exists()


def test_a_run_that_is_not_there_exits_with_3(cli: Cli) -> None:
    cli("import", "-", stdin=lines(a_run("a")))
    for run_id in ("b", "", "\udcff"):
        result = cli("show", run_id)
        assert (result.code, result.out) == (3, "")
        assert "is not in this archive" in result.err


@pytest.mark.parametrize("command", [("export",), ("show", "a"), ("list",), ("db", "current"), ("db", "check")])
def test_a_file_that_is_not_there_exits_with_3_and_is_not_made(
    cli: Cli, tmp_path: Path, command: tuple[str, ...]
) -> None:
    for place in ("missing.db", "no/missing.db"):
        result = cli(*command, "--db", place)
        assert result.code == 3
        assert result.err == (
            f"runstore: there is no archive at {place}; 'runstore import' or 'runstore db upgrade' creates it\n"
        )
    assert list(tmp_path.iterdir()) == []


ALL = [("import", EXAMPLES), ("export",), ("show", "a"), ("list",), ("db", "check")]


def test_a_schema_that_is_behind_exits_with_4_and_db_upgrade_makes_it(cli: Cli, empty_url: URL) -> None:
    db = ("--db", shown(empty_url))
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE of_another_service (id integer)"))
    engine.dispose()
    for command in ALL:
        result = cli(*command, *db)
        assert result.code == 4
        assert "run 'runstore db upgrade'" in result.err
    assert cli("db", "current", *db) == (
        0,
        "",
        "the database has no runstore schema; create it with 'runstore db upgrade'\n",
    )
    upgraded = cli("db", "upgrade", *db)
    assert (upgraded.code, upgraded.out) == (0, "")
    assert upgraded.err.endswith(f": schema created at revision {migrate.REVISION}\n")
    assert cli("db", "upgrade", *db).err.endswith(f": already at revision {migrate.REVISION}\n")
    assert cli("import", EXAMPLES, *db) == (0, EXAMPLE_COUNTS, NOT_ARCHIVED)


def test_a_schema_that_is_newer_exits_with_5_and_is_left_alone(cli: Cli, url: URL) -> None:
    def at(revision: str) -> None:
        with migrate.engine(url) as engine, engine.begin() as connection:
            connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '{revision}'"))

    db = ("--db", shown(url))
    try:
        at("9999")
        for command in (*ALL, ("db", "upgrade")):
            result = cli(*command, *db)
            assert result.code == 5
            assert "upgrade runstore" in result.err
        assert cli("db", "current", *db) == (0, "9999\n", "")
    finally:
        at(migrate.REVISION)


def test_db_upgrade_makes_a_sqlite_file(cli: Cli, tmp_path: Path) -> None:
    assert cli("db", "upgrade", "--db", "new.db") == (0, "", f"new.db: schema created at revision {migrate.REVISION}\n")
    assert cli("list", "--db", "new.db")[:2] == (0, "")


# --- databases that are broken ---------------------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_said_and_left_as_it_is(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("no database, but text" * 1000)
    for command in (*ALL, ("db", "upgrade"), ("db", "current")):
        result = cli(*command, "--db", "notes.db")
        assert (result.code, result.out) == (1, "")
        assert result.err == "runstore: notes.db is not a runstore archive: it is not a SQLite database\n"
    assert (tmp_path / "notes.db").read_text() == "no database, but text" * 1000


def test_a_folder_in_place_of_the_file_and_one_that_is_not_there_are_failures(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for place in ("folder", "no/new.db"):
        result = cli("import", EXAMPLES, "--db", place)
        assert (result.code, result.out) == (2, "")
        assert " directory" in result.err


def test_an_archive_opened_read_only_can_be_read_and_a_write_fails(cli: Cli) -> None:
    cli("import", "-", stdin=lines(a_run("a")))
    db = ("--db", "sqlite:///file:runstore.db?mode=ro&uri=true")
    assert cli("export", *db) == (0, lines(a_run("a")), "")
    result = cli("import", "-", *db, stdin=lines(a_run("b")))
    assert (result.code, result.out) == (1, "")
    assert "readonly database" in result.err


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not hold for root")
def test_a_read_only_file_and_folder_and_an_unreadable_input_are_said(cli: Cli, tmp_path: Path) -> None:
    cli("import", "-", stdin=lines(a_run("a")))
    (tmp_path / "runstore.db").chmod(0o444)
    assert cli("import", "-", stdin=lines(a_run("b"))).code == 1
    (tmp_path / "secret.json").write_text(lines(a_run("b")))
    (tmp_path / "secret.json").chmod(0)
    assert cli("import", "secret.json", "--db", "other.db").out == counts(rejected=1)
    (tmp_path / "folder").mkdir(0o555)
    assert cli("import", EXAMPLES, "--db", "folder/new.db").code == 1
    assert cli("export", "-o", "folder/out", "--db", "other.db").code == 1


@pytest.fixture
def filled(cli: Cli, tmp_path: Path) -> Path:
    """An archive of some pages."""
    cli("import", "-", stdin=lines(*(a_run(f"r{n}", created_at=n, model="m" * 900, x="y" * 900) for n in range(300))))
    return tmp_path / "runstore.db"


@pytest.mark.slow
def test_a_corrupt_page_is_a_failure_and_never_half_an_export(cli: Cli, filled: Path, tmp_path: Path) -> None:
    whole = filled.read_bytes()
    (tmp_path / "out").write_text("the export of yesterday")
    chance = random.Random(5)
    failures = 0
    for page in chance.sample(range(len(whole) // 4096), 20):
        damage = chance.choice([bytes(4096), b"\xff" * 4096, chance.randbytes(4096)])
        filled.write_bytes(whole[: page * 4096] + damage + whole[(page + 1) * 4096 :])
        result = cli("export", "-o", "out")
        cli("show", "r7")
        cli("list")
        cli("import", "-", stdin=lines(a_run("r7", status="failed")))
        assert result.code in (0, 1, 4)
        if result.code:
            failures += 1
            assert (tmp_path / "out").read_text() == "the export of yesterday"
        (tmp_path / "out").write_text("the export of yesterday")
        for beside in ("runstore.db-wal", "runstore.db-shm", "out.part"):
            assert not (tmp_path / beside).exists() or beside != "out.part"
            (tmp_path / beside).unlink(missing_ok=True)
    assert failures > 5


def test_a_truncated_database_is_a_failure(cli: Cli, filled: Path) -> None:
    whole = filled.read_bytes()
    filled.write_bytes(whole[: len(whole) // 2])
    result = cli("export")
    assert result.code == 1
    assert result.err == "runstore: runstore.db: database disk image is malformed\n"


# --- output ----------------------------------------------------------------------------------------------------------


def test_an_exported_file_appears_when_it_is_complete(cli: Cli, filled: Path, tmp_path: Path) -> None:
    fine = cli("export").out
    (tmp_path / "out").write_text("old")
    connection = sqlite3.connect(filled)
    shape = connection.execute("SELECT shape FROM run_object WHERE id = 'r299'").fetchone()[0]
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("UPDATE run_object SET shape = 5 WHERE id = 'r299'")
    connection.commit()
    result = cli("export", "-o", "out")
    assert (result.code, result.out) == (1, "")
    assert "r299" in result.err
    assert (tmp_path / "out").read_text() == "old"
    assert cli("export", "-o", "new").code == 1
    assert {path.name for path in tmp_path.iterdir()} & {"new", "new.part", "out.part"} == set()
    connection.execute("UPDATE run_object SET shape = ? WHERE id = 'r299'", (shape,))
    connection.commit()
    connection.close()
    assert cli("export", "-o", "out").code == 0
    assert (tmp_path / "out").read_text() == fine


def test_no_output_is_written_over_the_archive_itself(cli: Cli, tmp_path: Path) -> None:
    cli("import", "-", stdin=lines(a_run("a")))
    (tmp_path / "link").symlink_to("runstore.db")
    for path in ("runstore.db", "link", tmp_path / "runstore.db"):
        assert cli("export", "-o", path).code == 2
        assert cli("import", "-", "--rejects", path, stdin='{"id":5}').code == 2
    assert cli("export").out == lines(a_run("a"))


def test_an_export_through_a_link_leaves_the_link(cli: Cli, tmp_path: Path) -> None:
    cli("import", "-", stdin=lines(a_run("a")))
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    assert cli("export", "-o", "link").code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == lines(a_run("a"))


def test_an_export_to_a_device_or_pipe_is_written_as_it_comes(cli: Cli, process: Callable[..., Result]) -> None:
    cli("import", "-", stdin=lines(a_run("a")))
    assert cli("export", "-o", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()
    assert process("export", shell="{command} -o >(cat >&2)").err == lines(a_run("a"))


@pytest.mark.slow
def test_a_full_device_is_a_failure_with_one_line(filled: Path, process: Callable[..., Result]) -> None:
    for args in (("export",), ("list",), ("show", "r7"), ("import", EXAMPLES)):
        result = process(*args, shell="{command} > /dev/full")
        assert (result.code, result.out) == (1, "")
        assert re.fullmatch(r"runstore: (standard output: )?No space left on device\n", result.err)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["list", "export", "lint"])
def test_a_closed_standard_output_is_a_failure_with_one_line(cli: Cli, filled: Path, command: str) -> None:
    shell = f"exec {shlex.join(COMMAND)} {command} --db {shlex.quote(str(filled))} >&-"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, env=env(), check=False)
    assert (done.returncode, done.stderr) == (1, "runstore: standard output is closed\n")


def test_to_be_terminated_is_to_be_interrupted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "input")
    importing = subprocess.Popen([*COMMAND, "import", "input"], cwd=tmp_path, env=env(), stderr=subprocess.PIPE)
    with (tmp_path / "input").open("wb"):  # once the import has opened it too
        importing.terminate()
        importing.wait(30)
    assert "interrupted" in importing.communicate(timeout=30)[1].decode()
    assert importing.returncode == 130


@pytest.mark.parametrize(
    "place", ["host=h password=s3cr3t", "postgresql:u:s3cr3t@h/db", "postgresql://u:a@s3cr3t/x@h/d"]
)
def test_what_is_meant_for_a_url_is_no_file_and_not_shown(cli: Cli, tmp_path: Path, place: str) -> None:
    result = cli("import", EXAMPLES, "--db", place)
    assert result.code == 2
    assert SECRET not in result.err
    assert not [path for path in tmp_path.iterdir() if SECRET in path.name]


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_the_archive_is_no_input_of_its_own(cli: Cli, tmp_path: Path, suffix: str) -> None:
    cli("import", EXAMPLES)
    Path(tmp_path / f"runstore.db{suffix}").touch()
    result = cli("import", f"runstore.db{suffix}")
    assert result.code == 2
    assert "is a file of the archive itself" in result.err


def test_a_closed_standard_error_does_not_keep_an_import_from_its_work(process: Callable[..., Result]) -> None:
    result = process("import", EXAMPLES, shell="{command} 2>&-")
    assert (result.code, result.out) == (0, EXAMPLE_COUNTS)


@pytest.mark.slow
def test_an_encoding_that_lacks_a_character_fails_no_command(cli: Cli, process: Callable[..., Result]) -> None:
    run = a_run("ü😀", model="日本")
    cli("import", "-", stdin=lines(run))
    for encoding in ("ascii", "latin-1"):
        assert json.loads(cli("show", "ü😀", encoding=encoding).out) == run
    assert cli("list", encoding="latin-1").out == lines(run)
    assert cli("show", "日本", encoding="latin-1").code == 3
    assert json.loads(process("show", "ü😀", PYTHONIOENCODING="ascii").out) == run


@pytest.mark.slow
def test_a_full_disk_fails_an_import_and_leaves_a_whole_archive(cli: Cli, filled: Path, tmp_path: Path) -> None:
    before = cli("export").out
    more = lines(*(a_run(f"more{n}", x=random.Random(n).randbytes(800).hex()) for n in range(1500)))
    result = limited(tmp_path, filled.stat().st_size, "import", "-", stdin=more)
    assert (result.code, result.out) == (1, "")
    *so_far, said = result.err.splitlines()
    assert all(line.startswith("runstore: ended early; so far ") for line in so_far)
    assert re.fullmatch(r"runstore: runstore\.db: (database or disk is full|disk I/O error)", said)
    exported = cli("export").out
    assert exported.endswith(before)
    kept = exported.count("\n") - before.count("\n")
    assert kept in (0, 200)  # whole batches, the first one being small
    again = counts(inserted=1500 - kept, unchanged=kept)
    assert cli("import", "-", stdin=more).out == again  # the same again completes it
    assert cli("export").out.endswith(before)


@pytest.mark.slow
def test_a_full_disk_makes_no_half_archive(cli: Cli, tmp_path: Path) -> None:
    result = limited(tmp_path, 20_000, "import", EXAMPLES)
    assert (result.code, result.out) == (1, "")
    assert cli("import", EXAMPLES) == (0, EXAMPLE_COUNTS, NOT_ARCHIVED)


@pytest.mark.slow
def test_a_full_disk_fails_an_export_and_leaves_the_old_file(cli: Cli, filled: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    result = limited(tmp_path, 100_000, "export", "-o", "out")
    assert (result.code, result.out) == (1, "")
    assert re.fullmatch(r"runstore: .*out: File too large\n", result.err)
    assert (tmp_path / "out").read_text() == "old"
    assert not (tmp_path / "out.part").exists()
    assert cli("show", "r7").code == 0


# --- interrupted -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_interrupted_import_exits_with_130_and_keeps_what_was_committed(cli: Cli, tmp_path: Path) -> None:
    given = lines(*(a_run(f"run_{n}", model="m" * 500) for n in range(3000)))
    importing = subprocess.Popen(
        [*COMMAND, "import", "-"],
        cwd=tmp_path,
        env=env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A background job ignores the signal, and its child processes would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert importing.stdin
    importing.stdin.write(given.encode())
    importing.stdin.flush()  # and no end: it waits for more
    archive = f"file:{tmp_path / 'runstore.db'}?mode=ro"

    def stored() -> int:
        try:
            with closing(sqlite3.connect(archive, uri=True)) as connection:
                return int(connection.execute("SELECT count(*) FROM run_object").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # no file yet, or no table in it

    until(lambda: stored() >= 1000)
    importing.send_signal(signal.SIGINT)
    _, err = importing.communicate(timeout=30)
    assert importing.returncode == 130
    result = Result(130, "", err.decode())
    check(result)
    assert result.err.startswith("runstore: ended early; so far ")
    assert result.err.strip().endswith(
        "runstore: interrupted; committed work is kept, and running the same command again completes it"
    )
    kept = cli("export").out.splitlines()
    assert len(kept) >= 1000
    assert set(kept) <= set(given.splitlines())
    assert cli("import", "-", stdin=given).out == counts(inserted=3000 - len(kept), unchanged=len(kept))


# --- terminals -------------------------------------------------------------------------------------------------------

ESCAPES = "\x1b[31mred\x1b]0;title\x07\x9b5m\r\b\x7f\u202e\u2028"
EVIL = f"run{ESCAPES}[bold]"
ALLOWED = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[hl]|\x1b\[[0-9]*[AK]|\x1b\[2K|\r")
"""What rich and the line discipline themselves write."""


@pytest.fixture
def evil(cli: Cli, tmp_path: Path) -> Path:
    """An archive of runs whose text would steer a terminal."""
    run = a_run(EVIL, created_at=10, status=f"done{ESCAPES}", model=ESCAPES, thread_id=f"[red]t{ESCAPES}")
    more = [a_run("far", created_at=2**62), a_run("none", created_at=None, usage={"total_tokens": 5})]
    assert cli("import", "-", stdin=lines(run, *more)).code == 0
    return tmp_path


def test_control_characters_are_neutralised_in_messages(cli: Cli, evil: Path) -> None:
    assert "\\x1b[31mred" in cli("show", f"nowhere{ESCAPES}").err
    (evil / "bad\x1b[31m.json").write_text(
        lines(a_run("y") | {"id": 5}, a_run(EVIL, thread_id="x"), a_run("x", status=[ESCAPES]))
    )
    result = cli("import", "bad\x1b[31m.json")
    assert result.code == 6
    assert "rejected: bad\\x1b[31m.json:1: $.id" in result.err
    for message in (cli("list", "--db", EVIL), cli("export", "--db", f"{EVIL}://user:{SECRET}@host/db")):
        assert message.err.isprintable() or message.err[:-1].isprintable()


def test_control_characters_are_neutralised_in_list_and_show_on_a_terminal(evil: Path, terminal: Terminal) -> None:
    listed = terminal("list")
    for code, seen in (listed, terminal("show", EVIL)):
        assert code == 0
        left = ALLOWED.sub("", seen)
        assert all(c.isprintable() or c == "\n" for c in left), repr(left)
        assert "\x1b[31m" not in seen
        assert "red" in left
    _, seen = listed
    assert "1970-01-01 00:00:10" in seen
    assert str(2**62) in seen
    assert "\\x1b[31mred" in seen
    assert "[bold]" in seen


@pytest.mark.parametrize("form", ["jsonl", "json", "csv"])
@pytest.mark.parametrize("command", ["list", "export"])
def test_control_characters_are_neutralised_in_any_format_on_a_terminal(
    evil: Path, command: str, form: str, terminal: Terminal
) -> None:
    code, seen = terminal(command, "--format", form)
    assert code == 0
    assert all(c.isprintable() or c == "\n" for c in seen.replace("\r\n", "\n")), repr(seen)
    assert "\\u001b[31mred" in seen


def test_on_a_terminal_show_prints_json_that_is_equal_to_the_run(cli: Cli, evil: Path, terminal: Terminal) -> None:
    _, seen = terminal("show", EVIL)
    assert json.loads(seen) == json.loads(cli("show", EVIL).out)


def test_in_a_pipe_list_and_show_give_the_text_as_it_is(cli: Cli, evil: Path) -> None:
    assert json.loads(cli("show", EVIL).out)["id"] == EVIL
    assert [json.loads(line)["id"] for line in cli("list").out.split("\n")[:-1]] == ["far", EVIL, "none"]


def test_a_terminal_that_lacks_characters_shows_a_list_all_the_same(evil: Path, terminal: Terminal) -> None:
    code, seen = terminal("list", PYTHONIOENCODING="ascii")
    assert code == 0
    assert "\\x1b[31mred" in seen


@pytest.mark.slow
def test_an_import_on_a_terminal_shows_its_progress_and_ends_with_the_counts(evil: Path) -> None:
    (evil / "more.jsonl").write_text(lines(a_run("more"), {"id": 5, "object": "thread.run"}))
    code, seen = on_a_terminal(evil, "import", EXAMPLES, "more.jsonl")
    assert code == 6
    assert "rejected: more.jsonl:2: $.id: expected a string, found number" in seen
    assert "40 runs archived from 51 records: 8 newer snapshots replaced stored ones" in seen
    assert "Traceback" not in seen


# --- help ------------------------------------------------------------------------------------------------------------

LOADED = """
import sys
sys.argv = ["runstore", "--help"]
try:
    from runstore.cli import main
    main()
finally:
    heavy = {"sqlalchemy", "alembic", "psycopg", "rich", "msgspec", "json"} & set(sys.modules)
    print("loaded:", *sorted(heavy))
"""


def test_help_lists_all_commands_and_loads_no_database() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOADED], env=env(), capture_output=True, encoding="utf-8", timeout=30, check=True
    )
    assert not {"sqlalchemy", "alembic", "psycopg", "rich", "msgspec"} & set(ended.stdout.splitlines()[-1].split())
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\w", ended.stdout, re.MULTILINE)
    assert "Exit codes: 0 success" in ended.stdout


@pytest.mark.parametrize(
    "command",
    [[name] for name in COMMANDS]
    + [["db", name] for name in ("upgrade", "current", "check")]
    + [["prices", name] for name in ("import", "list")],
)
def test_every_command_has_help(cli: Cli, command: list[str]) -> None:
    for option in ("--help", "-h"):
        result = cli(*command, option)
        assert (result.code, result.err) == (0, "")
        assert result.out.startswith(f"Usage: runstore {' '.join(command)} ")
    assert "--db" in result.out or command in (["db"], ["prices"], ["diff"], ["copy"], ["completion"])


def test_python_m_runstore_is_the_command(process: Callable[..., Result]) -> None:
    from importlib.metadata import version

    result = process("--version")
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith(f" {version('runstore')}\n")


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
