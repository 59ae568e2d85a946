"""Revision 0010, which gives runs numbers: what was stored stays, and so does what others have added."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from runstore import RunRepository, config, migrate
from runstore.backends import Transaction, backend_of
from runstore.errors import DatabaseFailure, RunStoreError
from runstore.mapping import RUN
from runstore.upkeep import fingerprint
from tests.helpers.catalog import catalog, views_of
from tests.helpers.deployed import Later, revision_of
from tests.helpers.interruptions import killed_at, small_disk, small_disk_of_server
from tests.migrate.old_databases import FOLDER, restore

BEFORE = "0009"
EARLIER = sorted(path.stem for path in FOLDER.glob("*.jsonl"))
VIEWS = (
    *("SELECT * FROM runs", "SELECT * FROM run_tools", "SELECT * FROM run_files", "SELECT * FROM run_tool_calls"),
    *("SELECT * FROM run_changes", "SELECT run_id, rule, path FROM run_findings"),
)
"""What stays the same; the details of findings have other words."""
"""The views that show the id of the run."""


def fingerprints(engine: Engine) -> tuple[object, object]:
    with engine.connect() as connection:
        archive = Transaction(connection, backend_of(connection))
        return fingerprint.of_runs(archive), fingerprint.of_history(archive)


def execute(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def viewed(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {view: sorted(connection.execute(text(view)).all(), key=repr) for view in VIEWS}


@pytest.mark.parametrize("earlier", [BEFORE, *(pytest.param(name, marks=pytest.mark.slow) for name in EARLIER[:-1])])
def test_fingerprint_and_export_are_the_same_before_and_after(empty_url: URL, earlier: str) -> None:
    restore(FOLDER / earlier, empty_url)
    with migrate.engine(empty_url) as engine:
        before = fingerprints(engine)
        for _ in range(2):
            migrate.upgrade(engine, backup=False)
            runs = RunRepository(engine)
            assert fingerprints(engine) == before
            exported = b"".join(line + b"\n" for line in runs.iterate_json())
            assert exported == (FOLDER / f"{earlier}.jsonl").read_bytes()
            assert list(runs.verify()) == []
            migrate.downgrade(engine, earlier, backup=False)
            assert fingerprints(engine) == before


@pytest.mark.slow
def test_the_views_show_the_same_before_and_after(empty_url: URL) -> None:
    restore(FOLDER / BEFORE, empty_url)
    with migrate.engine(empty_url) as engine:
        before = viewed(engine)
        assert all(before.values())
        for step in (migrate.REVISION, BEFORE):
            (migrate.upgrade if step != BEFORE else migrate.downgrade)(engine, step, backup=False)
            assert viewed(engine) == before


@pytest.mark.slow
def test_references_of_an_application_to_runs_stay(empty_url: URL) -> None:
    restore(FOLDER / BEFORE, empty_url)
    with migrate.engine(empty_url) as engine:
        key = "text" if engine.dialect.name == "sqlite" else 'text COLLATE "C"'
        execute(
            engine,
            f"CREATE TABLE ticket (number integer PRIMARY KEY, run {key} REFERENCES run_object (id))",
            "INSERT INTO ticket VALUES (1, 'run_odd')",
        )
        for step in (migrate.REVISION, BEFORE, migrate.REVISION):
            (migrate.upgrade if step != BEFORE else migrate.downgrade)(engine, step, backup=False)
        with pytest.raises(RunStoreError, match="a row of table ticket refers to it"):
            RunRepository(engine).delete("run_odd")
        execute(engine, "DELETE FROM ticket")
        RunRepository(engine).delete("run_odd")


def test_a_view_of_an_application_over_our_views_stays(empty_url: URL) -> None:
    restore(FOLDER / BEFORE, empty_url)
    with migrate.engine(empty_url) as engine:
        execute(engine, "CREATE VIEW failed AS SELECT r.id, t.type FROM runs r JOIN run_tools t ON t.run_id = r.id")
        with engine.connect() as connection:
            before = connection.execute(text("SELECT * FROM failed ORDER BY 1, 2")).all()
            assert before
        made = views_of(engine)["failed"]
        migrate.upgrade(engine, backup=False)
        assert views_of(engine)["failed"] == made
        with engine.connect() as connection:
            assert connection.execute(text("SELECT * FROM failed ORDER BY 1, 2")).all() == before


@pytest.mark.slow
def test_a_view_over_a_table_that_changes_stops_the_migration(empty_url: URL) -> None:
    restore(FOLDER / BEFORE, empty_url)
    with migrate.engine(empty_url) as engine:
        if engine.dialect.name == "sqlite":
            pytest.skip("SQLite does not look at the views of others")
        execute(engine, "CREATE VIEW theirs AS SELECT run_object FROM run_completion_usage")
        with pytest.raises(DatabaseFailure, match="cannot alter type of a column used by a view"):
            migrate.upgrade(engine)
        with engine.connect() as connection:
            assert migrate.current(connection) == BEFORE
        execute(engine, "DROP VIEW theirs")
        migrate.upgrade(engine)
        assert list(RunRepository(engine).verify()) == []


def test_indexes_and_triggers_of_others_stay(empty_url: URL) -> None:
    restore(FOLDER / BEFORE, empty_url)
    with migrate.engine(empty_url) as engine:
        if engine.dialect.name != "sqlite":
            pytest.skip("PostgreSQL changes its tables in place")
        execute(
            engine,
            "CREATE TABLE log (note text)",
            "CREATE INDEX theirs ON run_object (source)",
            "CREATE TRIGGER noting AFTER DELETE ON run_object BEGIN INSERT INTO log VALUES ('gone: ' || OLD.id); END",
        )
        migrate.upgrade(engine, backup=False)
        RunRepository(engine).delete("run_odd")
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT note FROM log")) == "gone: run_odd"
            assert connection.scalar(text("SELECT 1 FROM sqlite_master WHERE name = 'theirs'"))


HELD = """
    SELECT c.relname, '', acl.grantee, acl.privilege_type, acl.is_grantable
    FROM pg_class c, aclexplode(c.relacl) AS acl WHERE c.relname = ANY (:names) AND acl.grantee <> c.relowner
    UNION ALL
    SELECT c.relname, a.attname, acl.grantee, acl.privilege_type, acl.is_grantable
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) AS acl
    WHERE c.relname = ANY (:names)
    ORDER BY 1, 2, 3, 4
"""
"""The privileges that others hold on tables and views, and on their columns."""


@pytest.mark.slow
def test_privileges_of_others_stay(empty_url: URL) -> None:
    restore(FOLDER / BEFORE, empty_url)
    with migrate.engine(empty_url) as engine:
        if engine.dialect.name == "sqlite":
            pytest.skip("SQLite has no privileges")
        execute(
            engine,
            'GRANT SELECT, INSERT ON "RunObject", "RunObjectFileIds", runs, run_object, run_object_file_ids TO PUBLIC',
            'GRANT SELECT (id, instructions) ON "RunObject" TO pg_monitor WITH GRANT OPTION',
            'GRANT SELECT ("fileIds") ON "RunObjectFileIds" TO PUBLIC',
        )
        names = {"names": ["RunObject", "RunObjectFileIds", "runs", "run_object", "run_object_file_ids"]}
        with engine.connect() as connection:
            before = connection.execute(text(HELD), names).all()
        assert len(before) == 13
        for step in (migrate.REVISION, BEFORE):
            (migrate.upgrade if step != BEFORE else migrate.downgrade)(engine, step, backup=False)
            with engine.connect() as connection:
                assert connection.execute(text(HELD), names).all() == before


def test_a_row_without_its_run_is_not_lost_but_an_error(empty_url: URL) -> None:
    restore(FOLDER / BEFORE, empty_url)
    with migrate.engine(empty_url) as engine:
        if engine.dialect.name != "sqlite":
            pytest.skip("PostgreSQL has no such rows")
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("INSERT INTO run_completion_usage (run_object) VALUES ('nobody')")
            connection.commit()
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        with pytest.raises(RunStoreError, match="a row of run_completion_usage would violate a foreign key"):
            migrate.upgrade(engine, backup=False)
        with engine.connect() as connection:
            assert migrate.current(connection) == BEFORE


@pytest.mark.slow
def test_the_numbers_of_converted_runs_are_those_of_their_rows(empty_url: URL) -> None:
    restore(FOLDER / BEFORE, empty_url)
    with migrate.engine(empty_url) as engine:
        migrate.upgrade(engine, backup=False)
        RunRepository(engine).save({"id": "new", "object": "thread.run"})
        with engine.connect() as connection:
            found = connection.execute(RUN.select().order_by(RUN.c.number)).all()
        assert [run.number for run in found] == list(range(1, len(found) + 1))
        assert found[-1].id == "new"


# --- interrupted -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_killed_at_any_statement_it_changes_nothing(empty_url: URL, tmp_path: Path) -> None:
    restore(FOLDER / BEFORE, empty_url)
    later = Later(tmp_path)
    with migrate.engine(empty_url) as engine:
        shown = viewed(engine)
        for command, revision in (("upgrade", migrate.REVISION), ("downgrade", BEFORE)):
            at, before = revision_of(engine), catalog(engine)
            counted = killed_at(0, later, empty_url, command, revision)
            assert counted.returncode == 0, counted.stderr
            assert at is not None
            (later.downgrade if command == "upgrade" else later.upgrade)(engine, at, backup=False)
            statements = int(counted.stdout.splitlines()[-1])
            for place in range(1, statements + 1, statements // 4):
                killed = killed_at(place, later, empty_url, command, revision)
                assert killed.returncode == -signal.SIGKILL, killed.stderr
                # The first answer waits until the server has ended what the dead client had begun.
                assert (viewed(engine), revision_of(engine), catalog(engine)) == (shown, at, before)
            getattr(later, command)(engine, revision, backup=False)
            assert (viewed(engine), revision_of(engine)) == (shown, revision)


def fill(engine: Engine, runs: int) -> None:
    """Add so many runs with two tools each."""
    numbers = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {runs})"
    links = "run_object_assistant_object_tools_inner"
    columns = ", ".join(f'"{name}"' for name in RUN.columns.keys() if name not in ("id", "number"))  # noqa: SIM118
    execute(
        engine,
        f"INSERT INTO run_object (id, {columns}) {numbers} "
        f"SELECT 'run_' || n, {columns} FROM n, run_object WHERE id = 'run_odd'",
        f"INSERT INTO {links} {numbers} SELECT 'run_' || n, position, assistant_object_tools_inner "
        f"FROM n, {links} WHERE run_object = 'run_odd'",
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
def test_on_a_full_disk_it_changes_nothing(empty_url: URL, tmp_path: Path) -> None:
    file = config.sqlite_file(empty_url)
    restore(FOLDER / BEFORE, empty_url)
    with migrate.engine(empty_url) as engine:
        fill(engine, 20_000)
        before, shown = fingerprints(engine), catalog(engine)
        with engine.connect() as connection:
            size = 0 if file else connection.scalar(text("SELECT pg_database_size(current_database())")) or 0
    if file is None:
        with small_disk_of_server(empty_url, round(size * 1.2)), migrate.engine(empty_url) as engine:
            with pytest.raises(DatabaseFailure, match="No space left on device"):
                migrate.upgrade(engine)
            assert (fingerprints(engine), catalog(engine), revision_of(engine)) == (before, shown, BEFORE)
        return
    with small_disk(tmp_path / "disk", round(file.stat().st_size * 1.3)) as disk:
        full = config.database_url(shutil.copy(file, disk / "runs.db"))
        with migrate.engine(full) as engine:
            with pytest.raises(RunStoreError, match="disk is full"):
                migrate.upgrade(engine, backup=False)
            assert (fingerprints(engine), catalog(engine), revision_of(engine)) == (before, shown, BEFORE)
