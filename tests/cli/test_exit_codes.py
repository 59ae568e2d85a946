"""Exit codes: each kind of failure has its own, and leaves every file as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from runstore import migrate
from runstore.backends import create_engine
from tests.helpers.commands import (
    EXAMPLE_COUNTS,
    NOT_ARCHIVED,
    Cli,
    counts,
    lines,
    shown,
)
from tests.helpers.paths import EXAMPLES
from tests.helpers.runs import a_run


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
