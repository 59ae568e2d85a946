"""What commands do when a file is damaged, a disk is full, standard output is closed, or a signal arrives."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.helpers.commands import (
    COMMAND,
    EXAMPLE_COUNTS,
    NOT_ARCHIVED,
    Cli,
    Result,
    check,
    counts,
    env,
    limited,
    lines,
)
from tests.helpers.paths import EXAMPLES
from tests.helpers.runs import a_run
from tests.helpers.waiting import until


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
        assert not (tmp_path / "out.part").exists()
        for log in ("runstore.db-wal", "runstore.db-shm"):
            (tmp_path / log).unlink(missing_ok=True)
    assert failures > 5


def test_a_truncated_database_is_a_failure(cli: Cli, filled: Path) -> None:
    whole = filled.read_bytes()
    filled.write_bytes(whole[: len(whole) // 2])
    result = cli("export")
    assert result.code == 1
    assert result.err == "runstore: runstore.db: database disk image is malformed\n"


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


@pytest.mark.slow
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
    assert all(line.startswith("runstore: stopped early; so far ") for line in so_far)
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
    assert "runstore: stopped early; so far " in result.err
    assert result.err.strip().endswith(
        "runstore: interrupted; committed work is kept, and running the same command again completes it"
    )
    kept = cli("export").out.splitlines()
    assert len(kept) >= 1000
    assert set(kept) <= set(given.splitlines())
    assert cli("import", "-", stdin=given).out == counts(inserted=3000 - len(kept), unchanged=len(kept))
