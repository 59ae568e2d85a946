"""The output of commands, even if nobody reads it, somebody else writes the file, or the disk is full."""

from __future__ import annotations

import os
import re
import shlex
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from runstore import RunRepository, migrate
from runstore.backends import create_engine
from runstore.errors import ConfigurationError
from runstore.files import complete_file
from runstore.upkeep import fingerprint
from tests.helpers.commands import COMMAND, db, in_bash
from tests.helpers.paths import ROOT
from tests.helpers.waiting import until

RUNS = 1500
BAD = 500


@pytest.fixture
def full(url: URL, tmp_path: Path) -> URL:
    """An archive with more findings than a pipe holds: runs with an undocumented status."""
    with RunRepository.open(url) as runs:
        runs.save_many(
            {"id": f"run_{n:05}", "object": "thread.run", "created_at": n, "status": "?"} for n in range(RUNS)
        )
    with migrate.engine(url) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE run_object SET status = 'x'"))
    return url


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """First bad records, which cause many messages, then runs."""
    good = "".join(f'{{"id":"run_{n}","object":"thread.run"}}\n' for n in range(RUNS))
    file = tmp_path / "dump.jsonl"
    file.write_text('{"id":5,"object":"thread.run"}\n' * BAD + good)
    return file


# --- readers that go away --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["2> >(true)", "2>/dev/full", "2>&-", "2> >(head -n 1 >&2)"])
def test_nobody_who_reads_errors_is_no_end_of_the_work(url: URL, tmp_path: Path, dump: Path, lost: str) -> None:
    done = in_bash(tmp_path, f"$R import {dump.name} --verbose {db(url)} {lost}")
    assert done.returncode == 6
    assert done.stdout.startswith(f"{RUNS} inserted, 0 updated, 0 unchanged, 0 stale, 0 conflict, {BAD} rejected")
    with RunRepository.open(url) as runs:
        assert runs.count() == RUNS


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["2>&1 | head -n 1", "2>&1 | true", ">/dev/full 2>&1", ">/dev/full 2>&-"])
def test_an_import_of_which_nobody_reads_the_counts_is_made_and_no_success(
    url: URL, tmp_path: Path, dump: Path, lost: str
) -> None:
    assert in_bash(tmp_path, f"$R import {dump.name} {db(url)} {lost}").returncode == 1
    with RunRepository.open(url) as runs:
        assert runs.count() == RUNS


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["| head -n 1", "| true", ">/dev/full", "2>&1 | true", ">/dev/full 2>/dev/full"])
def test_a_command_whose_exit_code_is_the_answer_never_says_0_unheard(full: URL, tmp_path: Path, lost: str) -> None:
    empty = create_engine(tmp_path / "empty.db")
    migrate.upgrade(empty)
    empty.dispose()
    place = shlex.quote(full.render_as_string(hide_password=False))
    for command in (
        f"verify {db(full)}",
        f"diff {place} empty.db",
        f"lint {db(full)}",
        f"lint --format table {db(full)}",
        f"export {db(full)}",
        f"export --format parquet {db(full)}",
    ):
        done = in_bash(tmp_path, f"$R {command} {lost}")
        assert done.returncode == 1, command
        assert "Traceback" not in done.stderr
        assert "internal error" not in done.stderr


@pytest.mark.slow
def test_copy_counts_and_db_check_are_answers_too(full: URL, tmp_path: Path) -> None:
    place = shlex.quote(full.render_as_string(hide_password=False))
    assert in_bash(tmp_path, f"$R copy {place} copy.db | true").returncode == 1
    assert in_bash(tmp_path, f"$R fingerprint {db(full)} >/dev/full").returncode == 1
    engine = create_engine(tmp_path / "behind.db")
    migrate.upgrade(engine, "0001")
    engine.dispose()
    for lost in ("2>&-", "2>/dev/full", "2>&1 | true", ">&- 2>&-"):
        assert in_bash(tmp_path, f"$R db check --db behind.db {lost}").returncode in (1, 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["list --limit 1500", "list --format table --limit 900", "show run_00001", "sql 'SELECT id FROM runs'"]
)
def test_who_has_seen_enough_of_a_list_is_no_failure(full: URL, tmp_path: Path, command: str) -> None:
    for lost in ("| head -n 1", "| true"):
        done = in_bash(tmp_path, f"$R {command} {db(full)} {lost}")
        assert (done.returncode, "standard output" in done.stderr) == (0, False)
    done = in_bash(tmp_path, f"$R {command} {db(full)} >/dev/full")
    assert (done.returncode, done.stderr) == (1, "runstore: standard output: No space left on device\n")


@pytest.mark.slow
def test_a_pipe_with_a_name_that_nobody_reads_on_is_a_failure_with_one_line(full: URL, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = in_bash(tmp_path, f"head -c 1 pipe >/dev/null & $R list --limit {RUNS} {db(full)} -o pipe")
    assert (done.returncode, done.stderr) == (1, "runstore: pipe: Broken pipe\n")


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_exports_to_one_file_at_once_leave_one_that_is_whole(full: URL, tmp_path: Path) -> None:
    assert in_bash(tmp_path, f"$R export {db(full)} -o whole").returncode == 0
    several = " & ".join([f"$R export {db(full)} -o out"] * 4)
    done = in_bash(tmp_path, f"{several} & wait")
    assert (done.stderr, (tmp_path / "out").read_bytes()) == ("", (tmp_path / "whole").read_bytes())
    assert parts(tmp_path) == []


def parts(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if ".part" in path.name]


@pytest.mark.slow
def test_files_and_links_of_others_next_to_the_output_are_left_alone(full: URL, tmp_path: Path, dump: Path) -> None:
    for name in ("out", "backup", "rejects"):
        (tmp_path / f"{name}.part").write_text("not ours")
    (tmp_path / "link").write_text("not ours")
    (tmp_path / "via.part").symlink_to("link")
    assert in_bash(tmp_path, f"$R export {db(full)} -o out && $R export {db(full)} -o via").returncode == 0
    assert in_bash(tmp_path, f"$R import {dump.name} --db new.db --rejects rejects").returncode == 6
    assert in_bash(tmp_path, "$R backup backup --db new.db").returncode == 0
    for name in ("out.part", "backup.part", "rejects.part", "link"):
        assert (tmp_path / name).read_text() == "not ours"
    assert (tmp_path / "via.part").is_symlink()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_import_that_is_stopped_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "rejects").write_text("of yesterday")
    importing = subprocess.Popen(
        [*COMMAND, "import", "-", "--db", "new.db", "--rejects", "rejects"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert importing.stdin
    importing.stdin.write(b'{"id":5,"object":"thread.run"}\n' * 1500)  # more than a batch: some are reported
    importing.stdin.flush()
    until(lambda: parts(tmp_path))
    importing.send_signal(number)
    importing.communicate(timeout=60)
    assert importing.returncode == 130
    assert parts(tmp_path) == []
    assert (tmp_path / "rejects").read_text() == "of yesterday"


@pytest.mark.slow
def test_output_to_an_open_file_is_written_behind_what_stands_in_it(full: URL, tmp_path: Path) -> None:
    for target in ("/dev/stdout", "-", "/dev/fd/1", "/proc/self/fd/1"):
        (tmp_path / "log").write_text("before\n")
        assert in_bash(tmp_path, f"$R list --limit 1 {db(full)} -o {target} >> log").returncode == 0
        assert re.fullmatch(r"before\n{.*}\n", (tmp_path / "log").read_text())
    assert (
        in_bash(
            tmp_path, f"$R list --limit 1 {db(full)} -o /dev/fd/7 7>> log && $R list {db(full)} -o /dev/null"
        ).stdout
        == ""
    )
    assert (tmp_path / "log").read_text().count("\n") == 3
    assert "Bad file descriptor" in in_bash(tmp_path, f"$R list {db(full)} -o /dev/fd/77").stderr
    assert not (tmp_path / "-").exists()


@pytest.mark.slow
def test_a_circle_of_links_is_an_error_wherever_a_path_stands(full: URL, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for command, code in (
        (f"export {db(full)} -o loop", 1),
        ("list --db loop", 2),
        ("import loop", 2),
        ("export --db loop -o out", 2),
        (f"import /dev/null {db(full)} --rejects loop/x", 2),
        ("prices import loop", 2),
        ("copy loop other.db", 2),
        ("import /dev/null --db loop", 2),
    ):
        done = in_bash(tmp_path, f"$R {command}")
        assert done.returncode == code, (command, done.stderr)
        assert "internal" not in done.stderr
    in_bash(tmp_path, "$R import /dev/null --db new.db")
    done = in_bash(tmp_path, "$R backup loop --db new.db")
    assert (done.returncode, done.stderr) == (2, "runstore: loop already exists; choose a new file for the backup\n")


# --- modes -----------------------------------------------------------------------------------------------------------


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(
    ("archive", "replaced", "expected"),
    [
        (0o600, None, 0o600),
        (0o640, None, 0o640),
        (0o644, None, 0o644),
        (0o666, None, 0o644),
        (0o600, 0o644, 0o600),
        (0o644, 0o600, 0o600),
        (0o644, 0o664, 0o644),
        (None, None, 0o644),
        (None, 0o600, 0o600),
        (None, 0o664, 0o664),
    ],
)
def test_a_file_is_open_to_nobody_to_whom_the_archive_or_its_predecessor_is_not(
    tmp_path: Path, archive: int | None, replaced: int | None, expected: int
) -> None:
    path, model = tmp_path / "out", tmp_path / "archive"
    for file, bits in ((model, archive), (path, replaced)):
        if bits is not None:
            file.touch()
            file.chmod(bits)
    with complete_file(path, archive=model if archive is not None else None) as made:
        assert mode(Path(made.name)) == expected  # before anything is written
        made.write(b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", expected)


@pytest.mark.usefixtures("umask")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_belongs_to_the_owner_of_the_archive(tmp_path: Path) -> None:
    archive, path = tmp_path / "archive", tmp_path / "out"
    archive.touch()
    os.chown(archive, 12345, 23456)
    archive.chmod(0o640)
    with complete_file(path, archive=archive):
        pass
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (12345, 23456, 0o640)
    path.chmod(0o664)
    os.chown(path, 777, 888)
    with complete_file(path, archive=archive):
        pass
    # The group of the file that is replaced is another one than that of the archive, which others may not read.
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (777, 888, 0o600)


@pytest.mark.slow
@pytest.mark.usefixtures("umask")
def test_all_that_is_made_of_a_private_archive_is_private(tmp_path: Path, dump: Path) -> None:
    engine = create_engine(tmp_path / "private.db")
    migrate.upgrade(engine, "0003")
    engine.dispose()
    (tmp_path / "private.db").chmod(0o600)
    before = set(tmp_path.iterdir())
    (tmp_path / "old").touch(0o644)
    for command in (
        "db upgrade",
        f"import {dump.name} --rejects rejects",
        "export -o out",
        "export -o old",
        "list --format csv -o page",
        "backup copy.db",
        "lint -o findings",
    ):
        assert in_bash(tmp_path, f"umask 022; $R {command} --db private.db").returncode in (0, 1, 6), command
    made = {path.name: oct(mode(path)) for path in set(tmp_path.iterdir()) - before}
    assert len(made) == 7
    assert set(made.values()) == {"0o600"}, made


# --- backups ---------------------------------------------------------------------------------------------------------


def test_what_killed_upgrades_have_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    engine = create_engine(tmp_path / "runs.db")
    migrate.upgrade(engine, "0003")
    left = [
        "runs.db.0002.20260101T000000.backup.part",  # as earlier versions called them
        ".runs.db.0003.20260101T000000123456.backup.0123456789abcdef.part",
        ".runs.db.0003.20260101T000000123456.backup.0123456789abcdef.part-journal",
    ]
    kept = [
        "runs.db.0002.20260101T000000.backup",
        "runs.db.part",
        ".other.db.0003.20260101T000000123456.backup.0123456789abcdef.part",
        "runs.db.mine.backup.part",
    ]
    for name in (*left, *kept):
        (tmp_path / name).touch()
    migrate.upgrade(engine)
    engine.dispose()
    there = {path.name for path in tmp_path.iterdir()}
    assert not there & set(left)
    assert there >= set(kept)
    assert len(there - set(kept)) == 2  # the archive and its copy


def test_a_backup_does_not_replace_a_file_that_came_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "backup.db"
    of_runs = fingerprint.of_runs

    def somebody_is_faster(*args: Any) -> fingerprint.Fingerprint:
        target.write_text("of another process")
        return of_runs(*args)

    with RunRepository.open(tmp_path / "runs.db") as runs:
        runs.save({"id": "run_1"})
        monkeypatch.setattr(fingerprint, "of_runs", somebody_is_faster)
        with pytest.raises(ConfigurationError, match="already exists"):
            runs.backup(target)
    assert target.read_text() == "of another process"
    assert parts(tmp_path) == []
