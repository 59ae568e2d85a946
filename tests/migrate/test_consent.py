"""No runs are deleted without confirmation: db downgrade, prune, and Alembic's own command."""

from __future__ import annotations

import os
import pty
import select

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from runstore import RunRepository, RunsWouldBeDeleted, config, migrate
from runstore.schema import Base
from tests.helpers.commands import COMMAND, Cli, env, shown
from tests.helpers.deployed import alembic, revision_of, tables_of
from tests.helpers.runs import a_run

REFUSED = (
    "runstore: refusing to delete {}: there is no terminal to ask for confirmation; use --yes to delete without "
    "confirmation\n"
)


@pytest.fixture
def doomed(own_url: URL) -> URL:
    """An archive of two runs, one of which has failed."""
    with migrate.engine(own_url) as engine:
        RunRepository(engine).save_many([a_run("a", status="failed"), a_run("b", status="completed")])
    return own_url


def count(url: URL) -> int:
    with RunRepository.open(url) as runs:
        return runs.count()


def answering(answer: bytes, *args: object) -> tuple[int, str]:
    """The exit code, and what a person sees who gives this answer."""
    pid, terminal = pty.fork()
    if not pid:
        os.execve(COMMAND[0], [*COMMAND, *map(str, args)], env(TERM="dumb"))
    seen = b""
    try:
        while select.select([terminal], [], [], 60)[0] and (piece := os.read(terminal, 65536)):
            if b"[y/N]" not in seen and b"[y/N]" in seen + piece:
                os.write(terminal, answer)
            seen += piece
    except OSError:
        pass  # the other end is closed
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


@pytest.mark.parametrize("revision", ["base", pytest.param(f"-{len(migrate.history())}", marks=pytest.mark.slow)])
def test_a_downgrade_that_deletes_runs_needs_yes_where_nobody_can_be_asked(
    cli: Cli, doomed: URL, revision: str
) -> None:
    place = shown(doomed)
    for given in ("", "y\n"):
        refused = cli("db", "downgrade", revision, "--db", place, stdin=given)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err == REFUSED.format(f"all runs of {config.shown(doomed)} (2 runs)")
    assert count(doomed) == 2
    if file := config.sqlite_file(doomed):
        assert [path.name for path in file.parent.glob("*.backup")] == []
    done = cli("db", "downgrade", revision, "--db", place, "--yes", "--no-backup")
    assert (done.code, done.out) == (0, "")
    assert (
        done.err == f"deleted: 2 runs\n{config.shown(doomed)}: schema dropped; it was at revision {migrate.REVISION}\n"
    )


@pytest.mark.slow
def test_a_downgrade_that_deletes_no_runs_asks_nothing(cli: Cli, doomed: URL) -> None:
    assert cli("db", "downgrade", "0001", "--db", shown(doomed), "--no-backup").code == 0
    assert cli("db", "upgrade", "--db", shown(doomed), "--no-backup").code == 0
    with RunRepository.open(doomed) as runs:
        runs.delete(["a", "b"])
    assert cli("db", "downgrade", "base", "--db", shown(doomed), "--no-backup").code == 0


@pytest.mark.slow
def test_on_a_terminal_a_downgrade_asks(doomed: URL) -> None:
    code, seen = answering(b"\n", "db", "downgrade", "base", "--db", shown(doomed))
    assert code == 1
    assert f"delete all runs of {config.shown(doomed)} (2 runs)? [y/N]" in seen.replace("\r\n", "")
    assert seen.endswith("runstore: nothing was deleted\r\n")
    assert answering(b"\x03", "db", "downgrade", "base", "--db", shown(doomed))[0] == 130
    assert count(doomed) == 2
    code, seen = answering(b"y\n", "db", "downgrade", "base", "--no-backup", "--db", shown(doomed))
    assert (code, "deleted: 2 runs\r\n" in seen) == (0, True)
    with migrate.engine(doomed) as engine:
        assert revision_of(engine) is None


@pytest.mark.slow
def test_alembic_refuses_unless_it_is_told(doomed: URL) -> None:
    for arguments in (("downgrade", "base"), ("-x", "delete-runs=no", "downgrade", "base")):
        refused = alembic(doomed, *arguments)
        assert refused.returncode
        assert "the downgrade would delete all runs (2); to allow it, pass --yes" in refused.stdout + refused.stderr
    assert count(doomed) == 2
    assert alembic(doomed, "-x", "delete-runs=yes", "downgrade", "base").returncode == 0
    with migrate.engine(doomed) as engine:
        assert "run_object" not in "".join(tables_of(engine))


def test_in_python_a_downgrade_says_how_many_runs_it_would_delete(doomed: URL) -> None:
    with migrate.engine(doomed) as engine:
        with pytest.raises(RunsWouldBeDeleted) as raised:
            migrate.downgrade(engine, "base")
        assert (raised.value.runs, raised.value.exit_code, count(doomed)) == (2, 2, 2)
        assert migrate.downgrade(engine, "base", backup=False, delete_runs=True) == (migrate.REVISION, None)


@pytest.mark.slow
def test_each_revision_whose_downgrade_drops_runs_says_so(doomed: URL) -> None:
    from alembic.script import ScriptDirectory

    says = {
        script.revision: getattr(script.module, "deletes_runs", False)
        for script in ScriptDirectory.from_config(migrate.alembic_config()).walk_revisions()
    }
    kept = set(Base.metadata.tables) - {"model_price", "fetched_thread"}
    with migrate.engine(doomed) as engine:
        for step in reversed(migrate.history()):
            migrate.downgrade(engine, "-1", backup=False, delete_runs=True)
            left = {name.rpartition(".")[2] for name in tables_of(engine)}
            assert bool(kept - left) == says[step.revision], step.revision


def test_runs_that_row_level_security_hides_are_not_deleted_unasked(doomed: URL) -> None:
    if doomed.get_backend_name() == "sqlite":
        pytest.skip("a file has no policies")
    with migrate.engine(doomed) as engine:
        with engine.begin() as connection:
            connection.execute(text("CREATE ROLE hidden_from LOGIN"))
            connection.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO hidden_from"))
            connection.execute(text("ALTER TABLE run_object ENABLE ROW LEVEL SECURITY"))
        try:
            with (
                migrate.engine(doomed.set(username="hidden_from")) as theirs,
                pytest.raises(Exception, match="row-level"),
            ):
                migrate.downgrade(theirs, "base")
            assert count(doomed) == 2
        finally:
            with engine.begin() as connection:
                connection.execute(text("DROP OWNED BY hidden_from"))
                connection.execute(text("DROP ROLE hidden_from"))


@pytest.mark.slow
def test_prune_without_a_terminal_refuses_and_on_one_asks(cli: Cli, doomed: URL) -> None:
    place = shown(doomed)
    for given in ("", "y\n", "n\n"):
        refused = cli("prune", "--status", "failed", "--db", place, stdin=given)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err.endswith(REFUSED.format("1 run, 0 earlier snapshots, 0 shared values"))
    assert cli("prune", "--status", "nothing", "--db", place).code == 0
    code, seen = answering(b"n\n", "prune", "--status", "failed", "--db", place)
    assert (code, seen.endswith("runstore: nothing was deleted\r\n")) == (1, True)
    assert count(doomed) == 2
    code, seen = answering(b"y\n", "prune", "--status", "failed", "--db", place)
    assert (code, "deleted: 1 run, " in seen) == (0, True)
    assert count(doomed) == 1
