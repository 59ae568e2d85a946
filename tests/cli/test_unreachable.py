"""A server that cannot be reached: distinguished from one that refuses; commands that write wait; exit code 7."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.engine import URL

from runstore import DatabaseFailure, DatabaseUnreachable, RunRepository, migrate
from runstore.backends import create_engine
from tests.helpers.commands import Cli, lines, shown
from tests.helpers.door import Door, refusal
from tests.helpers.paths import EXAMPLES
from tests.helpers.runs import a_run

NOWHERE = "postgresql://user:s3cr3t@127.0.0.1:1/runs"
STARTING = refusal("57P03", "the database system is starting up")
FULL = refusal("53300", "sorry, too many clients already")
WRONG = refusal("28P01", 'password authentication failed for user "user"', asks=True)


@pytest.mark.parametrize("said", [STARTING, FULL, refusal("57P03", "das Datenbanksystem startet")])
def test_what_the_server_says_of_itself_ends_with_7(cli: Cli, said: bytes) -> None:
    with Door(None, said) as door:
        for command in (("list",), ("db", "check"), ("sql", "SELECT 1"), ("prune", "--status", "x", "--patience", "0")):
            result = cli(*command, "--db", shown(door.url))
            assert (result.code, result.out) == (7, ""), command
            assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    "said",
    [
        WRONG,
        refusal("28P01", "Passwort-Authentifizierung für Benutzer fehlgeschlagen", asks=True),
        refusal("3D000", 'database "runs" does not exist'),
        refusal("42501", 'permission denied for database "runs"'),
    ],
)
def test_who_is_refused_is_not_told_to_try_again_and_does_not_wait(cli: Cli, said: bytes) -> None:
    with Door(None, said) as door:
        commands: list[tuple[object, ...]] = [("list",), ("import", EXAMPLES), ("db", "upgrade"), ("db", "wait")]
        for count, command in enumerate(commands, 1):
            result = cli(*command, "--db", shown(door.url))
            assert (result.code, result.out) == (1, ""), command
            assert door.connections == count


WRITING: list[tuple[object, ...]] = [
    ("import", EXAMPLES),
    ("prices", "import", "prices.csv"),
    ("prune", "--status", "x", "--yes"),
    ("db", "upgrade"),
    ("db", "downgrade", "0005", "--yes"),
    ("db", "stamp", migrate.REVISION),
]


@pytest.fixture
def prices(cli: Cli) -> None:
    """A file of prices, for commands in the folder of the test."""
    with open("prices.csv", "w", encoding="utf-8") as file:
        file.write("model,prompt,completion,currency\ngpt-4o,1,2,USD\n")


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize("command", WRITING, ids=lambda command: " ".join(map(str, command[:2])))
def test_what_writes_waits_says_so_once_and_gives_up_with_7(cli: Cli, command: tuple[object, ...]) -> None:
    for patience, said in (("0.3", 1), ("0", 0)):
        result = cli(*command, "--db", NOWHERE, "--patience", patience)
        assert (result.code, result.out) == (7, ""), result.err
        assert result.err.count("; trying again for 0.3 seconds\n") == said
        assert len(result.err.splitlines()) == said + 1


def test_copy_waits_for_both_ends(cli: Cli) -> None:
    cli("import", EXAMPLES)
    for ends in (("runstore.db", NOWHERE), (NOWHERE, "copy.db")):
        result = cli("copy", *ends, "--patience", "0.2")
        assert (result.code, result.err.count("trying again")) == (7, 1)


@pytest.fixture
def postgresql(url: URL) -> URL:
    """An empty archive on a server."""
    if url.get_backend_name() == "sqlite":
        pytest.skip("a file is there or not")
    return url


@pytest.mark.slow
@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize("command", WRITING, ids=lambda command: " ".join(map(str, command[:2])))
def test_what_writes_goes_on_when_the_server_is_there(cli: Cli, postgresql: URL, command: tuple[object, ...]) -> None:
    with Door(postgresql, STARTING, FULL) as door:
        result = cli(*command, "--db", shown(door.url))
    assert result.code == 0, result.err
    assert result.err.count("trying again") == 1
    with migrate.engine(postgresql) as engine:
        migrate.upgrade(engine)


def test_db_wait_waits_for_the_server_and_says_so_once(cli: Cli, postgresql: URL) -> None:
    with Door(postgresql, STARTING) as door:
        result = cli("db", "wait", "--timeout", "20", "--db", shown(door.url))
    assert result.code == 0
    assert result.err.count("waiting (at most 20 seconds)") == 1
    assert cli("db", "wait", "--timeout", "0", "--db", NOWHERE).code == 7


def test_an_import_that_gives_up_in_the_middle_tells_what_is_stored(
    postgresql: URL, caplog: pytest.LogCaptureFixture
) -> None:
    def records(door: Door) -> Iterator[dict[str, Any]]:
        for n in range(1500):
            if n == 1300:
                door.shut()
            yield a_run(f"run_{n}")

    with Door(postgresql) as door, RunRepository.open(door.url, patience=0.2) as runs:
        with pytest.raises(DatabaseUnreachable) as raised:
            runs.save_many(records(door))
        assert raised.value.exit_code == 7
        with pytest.raises(DatabaseUnreachable):
            runs.count()
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    (told,) = [text for text in said if text.startswith("stopped early; so far ")]
    assert sum("; trying again for 0.2 seconds" in text for text in said) == 1
    with RunRepository.open(postgresql) as runs:
        assert told.startswith(f"stopped early; so far {runs.count()} inserted, ")


def test_a_prune_that_gives_up_in_the_middle_tells_what_is_deleted(
    cli: Cli, postgresql: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runstore.upkeep import pruner

    monkeypatch.setattr(pruner, "BATCH", 3)
    cli("import", "-", "--db", shown(postgresql), stdin=lines(*(a_run(f"run_{n}", status="x") for n in range(7))))
    chosen, choose = 0, pruner.next_runs
    with Door(postgresql) as door:

        def next_runs(*arguments: Any) -> list[str]:
            nonlocal chosen
            chosen += 1
            if chosen == 3:
                door.shut()
            return choose(*arguments)

        monkeypatch.setattr(pruner, "next_runs", next_runs)
        result = cli("prune", "--status", "x", "--yes", "--patience", "0.1", "--db", shown(door.url))
    assert (result.code, result.out) == (7, "")
    assert "runstore: stopped early; deleted so far: 6 runs, 0 earlier snapshots, 0 shared values\n" in result.err


def test_in_python_reading_fails_at_once_and_saving_waits(caplog: pytest.LogCaptureFixture) -> None:
    with RunRepository.open(NOWHERE, patience=0.2) as runs:
        with pytest.raises(DatabaseUnreachable):
            runs.count()
        assert not caplog.records
        with pytest.raises(DatabaseUnreachable):
            runs.save(a_run("a"))
        assert len(caplog.records) == 1
    assert issubclass(DatabaseUnreachable, DatabaseFailure)


def test_a_file_is_never_unreachable(cli: Cli, url: URL) -> None:
    if url.get_backend_name() != "sqlite":
        pytest.skip("of files")
    assert cli("list", "--db", "nowhere.db").code == 3
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP VIEW runs")
        connection.commit()
        assert cli("stats", "--db", shown(url)).code == 1
    engine.dispose()
