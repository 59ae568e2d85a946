"""The place of an archive: each spelling means one place for every command, or is refused with a hint."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.helpers.commands import SECRET, Cli, lines
from tests.helpers.paths import EXAMPLES
from tests.helpers.runs import a_run

RUN = '{"id":"run_1","object":"thread.run"}'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "file"),
    [
        ("x.db", "x.db"),
        ("file:x.db", "x.db"),
        ("sqlite:///file:x.db", "x.db"),
        ("sqlite:///file:x.db?uri=true", "x.db"),
        ("sqlite:///x.db?mode=rwc", "x.db"),
        ("file:a%20b%25.db?mode=rwc", "a b%.db"),
        ("./file:x.db", "file:x.db"),
        ("a?b#%20.db", "a?b#%20.db"),
        ("x.db\n", "x.db"),
        ("x=y.db", "x=y.db"),
    ],
)
def test_a_place_is_one_file_for_every_command(cli: Cli, tmp_path: Path, place: str, file: str) -> None:
    assert cli("import", "-", "--db", place, stdin=RUN).code == 0
    before = (tmp_path / file).read_bytes()
    for suffix in ("-wal", "-shm"):
        assert not (tmp_path / f"{file}{suffix}").exists()
    assert [path.name for path in tmp_path.iterdir()] == [file]
    os.link(tmp_path / file, tmp_path / "link")
    for output in (file, "link"):
        spared = cli("export", "--db", place, "-o", output)
        assert (spared.code, "the archive itself" in spared.err) == (2, True)
    (tmp_path / "link").unlink()
    assert (tmp_path / file).read_bytes() == before
    assert cli("export", "--db", place).out.strip() == RUN
    assert cli("sql", "--db", place, "SELECT id FROM runs").out.strip() == '{"id":"run_1"}'
    for args in (("db", "check"), ("db", "upgrade"), ("verify",), ("backup", "copy.db"), ("db", "status")):
        assert cli(args[0], *args[1:], "--db", place).code == 0, args
    assert {path.name for path in tmp_path.iterdir()} == {file, "copy.db"}


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("service=x", "expected postgresql://"),
        ("sslmode=require host=x", "expected postgresql://"),
        ("x\ny.db", "line break"),
        ("sqlite:///x%0Ay.db", "line break"),
        ("sqlite:///x.db?foo=1", "no option 'foo'"),
        ("x.db?mode=ro", "write sqlite:///x.db?..."),
        ("sqlite:///x.db?timeout=long", "cannot parse"),
        ("folder", "is a directory"),
        ("pipe", "a pipe or a device"),
        ("/dev/null", "a pipe or a device"),
        ("loop", "symbolic links"),
        ("none/x.db", "the directory none does not exist"),
        ("text/x.db", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_can_be_no_archive_is_said_and_nothing_is_made(cli: Cli, tmp_path: Path, place: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("text")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.iterdir())
    for args in (("import", "-"), ("db", "upgrade"), ("list",), ("export", "-o", "out"), ("sql", "SELECT 1")):
        refused = cli(*args, "--db", place)
        assert refused.code in ((2, 3) if said == "the directory none does not exist" else (2,)), refused.err
        assert said in refused.err or refused.code == 3
        assert "Traceback" not in refused.err
        assert refused.err.count("\n") == 1 or "Usage" in refused.err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs users")
def test_an_archive_in_a_folder_that_cannot_be_written_is_read_as_immutable(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "medium"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert cli("import", "-", "--db", "x.db", stdin=RUN).code == 0
    (folder / "x.db").chmod(0o444)
    folder.chmod(0o555)
    tmp_path.chmod(0o755)
    try:
        if os.geteuid():
            refused = cli("list", "--db", "x.db")
            assert (refused.code, "?immutable=1" in refused.err) == (1, True)
        for place in ("sqlite:///x.db?immutable=1", "file:x.db?immutable=1"):
            assert cli("export", "--db", place).out.strip() == RUN
            assert cli("sql", "--db", place, "SELECT id FROM runs").out.strip() == '{"id":"run_1"}'
            assert cli("verify", "--db", place).code == 0
        assert [path.name for path in folder.iterdir()] == ["x.db"]
    finally:
        folder.chmod(0o755)


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


def test_a_sqlite_url_with_two_slashes_is_told_with_the_one_that_was_meant(cli: Cli, tmp_path: Path) -> None:
    for rest, path in (("a.db", "a.db"), ("dir/a.db?mode=ro", "dir/a.db"), ("~/a.db", "~/a.db")):
        result = cli("import", "-", "--db", f"sqlite://{rest}", stdin=RUN)
        expected = f"runstore: sqlite:// takes no host; write sqlite:///{path}, or only the path {path}\n"
        assert (result.code, result.err) == (2, expected)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite://host/x.db", "sqlite:///x.db?timeout=abc"])
def test_a_sqlite_url_that_makes_no_sense_is_a_usage_error(cli: Cli, url: str) -> None:
    assert cli("list", "--db", url).code == 2


@pytest.mark.parametrize(
    "place", ["host=h password=s3cr3t", "postgresql:u:s3cr3t@h/db", "postgresql://u:a@s3cr3t/x@h/d"]
)
def test_what_is_meant_for_a_url_is_no_file_and_not_shown(cli: Cli, tmp_path: Path, place: str) -> None:
    result = cli("import", EXAMPLES, "--db", place)
    assert result.code == 2
    assert SECRET not in result.err
    assert not [path for path in tmp_path.iterdir() if SECRET in path.name]
