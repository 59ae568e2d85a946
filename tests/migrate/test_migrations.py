"""One schema: the migrations create what the models define, on every backend."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from runstore import NotAnArchive, RunRepository, SchemaBehind, SchemaNewer, migrate
from runstore.schema import Base
from tests.helpers.catalog import catalog, views_of
from tests.helpers.deployed import alembic
from tests.helpers.paths import ROOT
from tests.migrate import ddl


def test_the_migrated_catalog_is_the_one_of_the_models(engine: Engine, empty_url: URL) -> None:
    with migrate.engine(empty_url) as other:
        Base.metadata.create_all(other)
        assert catalog(engine) == catalog(other)


def test_the_committed_ddl_makes_what_the_migrations_make(engine: Engine, empty_url: URL) -> None:
    backend = empty_url.get_backend_name()
    script = (ddl.FOLDER / f"{backend}.sql").read_text()
    with migrate.engine(empty_url) as other:
        with other.begin() as connection:
            driver: Any = connection.connection.driver_connection
            driver.executescript(script) if backend == "sqlite" else driver.execute(script)
        assert catalog(other) == catalog(engine)
        assert views_of(other) == views_of(engine)


@pytest.mark.parametrize("name", ddl.DIALECTS)
def test_the_committed_ddl_is_the_one_of_the_models(name: str) -> None:
    committed = (ddl.FOLDER / f"{name}.sql").read_text()
    assert committed == ddl.ddl(ddl.DIALECTS[name]), "rewrite it with: python -m tests.migrate.ddl"


@pytest.mark.slow
def test_up_down_and_up_again_leaves_the_same_schema(empty_url: URL) -> None:
    with migrate.engine(empty_url) as engine:
        assert migrate.upgrade(engine) == (None, migrate.REVISION)
        first = catalog(engine)
        migrate.downgrade(engine, "base")
        with engine.connect() as connection:
            left = sqlalchemy.inspect(connection)
            assert set(left.get_table_names()) <= {migrate.VERSION_TABLE}
            assert left.get_view_names() == []
        migrate.upgrade(engine)
        assert catalog(engine) == first
        assert migrate.upgrade(engine) == (migrate.REVISION, migrate.REVISION)


NOTHING_ON_SQLITE = {"0005", "0008"}
"""Revisions that are about schemas, functions and comments, which SQLite has not."""

IN_THE_VERSION_TABLE = {"0007"}
"""Revisions that change nothing but the version table, which is not part of the catalog."""


@pytest.mark.slow
def test_each_revision_goes_up_down_and_up_again(empty_url: URL) -> None:
    with migrate.engine(empty_url) as engine:
        earlier = "base"
        for step in migrate.history():
            low = catalog(engine), views_of(engine)
            migrate.upgrade(engine, step.revision, backup=False)
            high = catalog(engine), views_of(engine)
            migrate.downgrade(engine, earlier, backup=False)
            assert (catalog(engine), views_of(engine)) == low
            migrate.upgrade(engine, step.revision, backup=False)
            assert (catalog(engine), views_of(engine)) == high
            nothing = IN_THE_VERSION_TABLE | (NOTHING_ON_SQLITE if engine.dialect.name == "sqlite" else set())
            assert (high == low) is (step.revision in nothing)
            earlier = step.revision


def test_the_code_expects_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(migrate.alembic_config()).get_current_head() == migrate.REVISION


def test_revisions_import_nothing_of_runstore() -> None:
    for path in (ROOT / "migrations" / "versions").glob("*.py"):
        assert not re.search(r"^\s*(from|import) runstore", path.read_text(), re.MULTILINE), path.name


def test_names_fit_into_63_bytes(engine: Engine) -> None:
    inspector = sqlalchemy.inspect(engine)
    names = []
    for table in Base.metadata.tables:
        names += [table, str(inspector.get_pk_constraint(table)["name"])]
        names += [str(key["name"]) for key in inspector.get_foreign_keys(table)]
    names += [str(index.name) for table in Base.metadata.tables.values() for index in table.indexes]
    assert not [name for name in names if len(name.encode()) > 63 or name == "None"]


def test_the_documented_views_have_the_documented_columns(engine: Engine) -> None:
    documented = {
        "RunObject": "id object created_at thread_id assistant_id status required_action last_error expires_at "
        "started_at cancelled_at failed_at completed_at incomplete_details model instructions metadata usage "
        "max_prompt_tokens max_completion_tokens truncation_strategy tool_choice response_format temperature number",
        "RunObjectAssistantObjectToolsInner": "runObject assistantObjectToolsInner",
        "RunObjectFileIds": "runObject fileIds",
    }
    with engine.connect() as connection:
        for view, columns in documented.items():
            assert list(connection.execute(text(f'SELECT * FROM "{view}"')).keys()) == columns.split()


def test_the_documented_views_show_what_was_saved(engine: Engine) -> None:
    run = {
        "id": "run_1",
        "instructions": "Be brief.",
        "usage": {"total_tokens": 3},
        "tools": [{"type": "retrieval"}] * 2,
        "file_ids": ["b", "a", "b"],
        "tool_choice": "auto",
    }
    RunRepository(engine).save(run)
    with engine.connect() as connection:
        columns = "instructions, usage, last_error, tool_choice, number"
        row = connection.execute(text(f'SELECT {columns} FROM "RunObject"')).one()
        choice = connection.execute(text("SELECT id FROM assistants_api_tool_choice_option")).scalar()
        number = connection.execute(text("SELECT number FROM run_object WHERE id = 'run_1'")).scalar()
        assert tuple(row) == ("Be brief.", number, None, choice, number)
        tools = connection.execute(text('SELECT * FROM "RunObjectAssistantObjectToolsInner"')).all()
        assert [tool[0] for tool in tools] == [number, number]
        assert tools[0] == tools[1]
        files = connection.execute(text('SELECT "fileIds" FROM "RunObjectFileIds"')).scalars().all()
        assert sorted(files) == ["a", "b", "b"]


@pytest.mark.slow
def test_alembic_works_in_a_checkout(empty_url: URL) -> None:
    assert alembic(empty_url, "upgrade", "head").returncode == 0
    assert migrate.REVISION in alembic(empty_url, "current").stdout
    check = alembic(empty_url, "check")
    assert check.returncode == 0, check.stdout + check.stderr
    assert alembic(empty_url, "downgrade", "base").returncode == 0
    offline = alembic(empty_url, "upgrade", "head", "--sql")
    assert offline.returncode == 0
    assert "CREATE TABLE run_object" in offline.stdout


def test_a_new_file_that_somebody_writes_to_is_waited_for(tmp_path: Path) -> None:
    """SQLite does not wait there by itself, so one of several that made an archive at once could fail."""
    file = tmp_path / "new.db"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        later = threading.Timer(0.5, other.rollback)
        later.start()
        with RunRepository.open(file) as runs:
            assert runs.save({"id": "run_1"}) == "inserted"
        later.join()


@pytest.mark.slow
def test_several_at_once_make_one_schema(empty_url: URL) -> None:
    failures: list[BaseException] = []

    def upgrade() -> None:
        command = [sys.executable, "-m", "runstore", "db", "upgrade", "--db", place]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            failures.append(RuntimeError(done.stderr))

    place = empty_url.render_as_string(hide_password=False)
    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with RunRepository.open(empty_url) as runs:
        assert runs.save({"id": "run_1"}) == "inserted"


def test_a_database_at_another_revision_says_what_to_do(empty_url: URL) -> None:
    with migrate.engine(empty_url) as engine:
        migrate.upgrade(engine)
        for revision, error, words in (
            (
                "0000",
                SchemaBehind,
                f"is at revision 0000, this runstore expects revision {migrate.REVISION}; run 'runstore db upgrade'",
            ),
            (
                "9999",
                SchemaNewer,
                f"is at revision 9999, newer than the {migrate.REVISION} of this runstore; upgrade runstore",
            ),
        ):
            with engine.begin() as connection:
                connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '{revision}'"))
            with pytest.raises(error, match=re.escape(words)):
                RunRepository(engine).count()
            with pytest.raises(error):
                RunRepository(engine).save({"id": "run_1"})


def test_tables_of_our_names_without_a_revision_are_left_alone(empty_url: URL) -> None:
    with migrate.engine(empty_url) as engine:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE run_object (id text)"))
        with pytest.raises(NotAnArchive, match="it contains run_object, but no table runstore_version"):
            migrate.upgrade(engine)
        with pytest.raises(NotAnArchive):
            RunRepository(engine).save({"id": "run_1"})
