"""Revision 0010, which gives runs numbers: what was stored stays, and so does what others have added."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from runstore import RunRepository, migrate
from runstore.backends import Transaction, backend_of
from runstore.errors import DatabaseFailure, RunStoreError
from runstore.mapping import RUN
from runstore.upkeep import fingerprint
from tests.helpers.catalog import views_of
from tests.migrate.old_databases import FOLDER, restore

BEFORE = "0008"


def fingerprints(engine: Engine) -> tuple[object, object]:
    with engine.connect() as connection:
        archive = Transaction(connection, backend_of(connection))
        return fingerprint.of_runs(archive), fingerprint.of_history(archive)


def execute(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_fingerprint_and_export_are_the_same_before_and_after(empty_url: URL) -> None:
    restore(FOLDER / BEFORE, empty_url)
    with migrate.engine(empty_url) as engine:
        before = fingerprints(engine)
        for _ in range(2):
            migrate.upgrade(engine, backup=False)
            runs = RunRepository(engine)
            assert fingerprints(engine) == before
            exported = b"".join(line + b"\n" for line in runs.iterate_json())
            assert exported == (FOLDER / f"{BEFORE}.jsonl").read_bytes()
            assert list(runs.verify()) == []
            migrate.downgrade(engine, BEFORE, backup=False)
            assert fingerprints(engine) == before


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


def test_the_numbers_of_converted_runs_are_those_of_their_rows(empty_url: URL) -> None:
    restore(FOLDER / BEFORE, empty_url)
    with migrate.engine(empty_url) as engine:
        migrate.upgrade(engine, backup=False)
        RunRepository(engine).save({"id": "new", "object": "thread.run"})
        with engine.connect() as connection:
            found = connection.execute(RUN.select().order_by(RUN.c.number)).all()
        assert [run.number for run in found] == list(range(1, len(found) + 1))
        assert found[-1].id == "new"
