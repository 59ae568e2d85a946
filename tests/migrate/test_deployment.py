"""Archives next to other services: commands for operators, shared databases, schemas, roles, newer and older code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, select, text
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from runstore import (
    ConfigurationError,
    DatabaseFailure,
    NotAnArchive,
    RunObject,
    RunRepository,
    SchemaBehind,
    SchemaNewer,
    config,
    create_engine,
    migrate,
)
from runstore.schema import Base
from tests.helpers.catalog import catalog
from tests.helpers.commands import Cli, shown
from tests.helpers.deployed import Later, admin, revision_of, runstore, tables_of
from tests.helpers.main_jobs import DONE, RUN, everything_works
from tests.helpers.paths import SAMPLES

HEAD = migrate.REVISION


# --- commands --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_each_db_command_is_a_function_and_says_what_it_found(empty_url: URL) -> None:
    sqlite = empty_url.get_backend_name() == "sqlite"
    assert runstore(empty_url, "db", "check").returncode == (3 if sqlite else 4)
    upgraded = runstore(empty_url, "db", "upgrade", "0001")
    assert upgraded.stderr.endswith(": schema created at revision 0001\n")
    assert runstore(empty_url, "db", "check").returncode == 4
    assert runstore(empty_url, "import", SAMPLES).returncode == 4
    assert runstore(empty_url, "db", "upgrade", "--no-backup").stderr.endswith(
        f": migrated from revision 0001 to {HEAD}\n"
    )
    assert runstore(empty_url, "db", "upgrade").stderr.endswith(f": already at revision {HEAD}\n")
    assert runstore(empty_url, "db", "check").returncode == 0
    assert runstore(empty_url, "db", "wait", "--timeout", "0").returncode == 0
    assert runstore(empty_url, "db", "current").stdout == f"{HEAD}\n"
    assert runstore(empty_url, "import", SAMPLES).returncode == 0
    status = json.loads(runstore(empty_url, "db", "status").stdout)
    assert (status["revision"], status["expected"], status["runs"]) == (HEAD, HEAD, 5)
    assert status["newest_snapshot"] > 0
    assert status["last_import"] > 0
    assert {entry["table"] for entry in status["tables"]} == set(Base.metadata.tables)
    assert 0 < sum(entry["bytes"] or 0 for entry in status["tables"]) <= status["bytes"]
    assert runstore(empty_url, "db", "diff").returncode == 0
    down = runstore(empty_url, "db", "downgrade", "-1", "--no-backup")
    assert down.stderr.endswith(f": migrated from revision {HEAD} to {migrate.history()[-2].revision}\n")
    assert runstore(empty_url, "db", "upgrade", "--no-backup").returncode == 0
    elsewhere = runstore(empty_url, "db", "stamp", "0001")
    assert (elsewhere.returncode, "stamp is for an archive whose revision was lost" in elsewhere.stderr) == (1, True)
    assert runstore(empty_url, "db", "stamp", HEAD).returncode == 0
    assert runstore(empty_url, "db", "check").returncode == 0
    unknown = runstore(empty_url, "db", "upgrade", "no_such")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    hint = "'runstore db history' lists the revisions"
    known = ", ".join(revision.revision for revision in migrate.history())
    expected = f"runstore: there is no revision 'no_such'; expected one of base, {known}, head; {hint}\n"
    assert unknown.stderr == expected
    span = runstore(empty_url, "db", "upgrade", "0001:0002")
    assert (span.returncode, "is a range of revisions; expected one revision" in span.stderr) == (2, True)
    for nothing in (("upgrade", ""), ("stamp", ""), ("sql", ":"), ("sql", "0001:"), ("sql", "0001:0002:0003")):
        refused = runstore(empty_url, "db", *nothing)
        assert (refused.returncode, "is not a revision" in refused.stderr) == (2, True)
    assert runstore(empty_url, "db", "downgrade", "base", "--no-backup", "--yes").stderr.endswith(
        f": schema dropped; it was at revision {HEAD}\n"
    )


def test_history_tells_of_each_revision_what_it_does_and_its_phase(cli: Cli) -> None:
    told = migrate.history()
    assert [step.revision for step in told] == sorted(step.revision for step in told)
    assert told[-1].revision == HEAD
    for step in told:
        assert step.title
        assert re.search(r"lock|rewrit", step.text), step.revision
        assert re.search(r"^Phase: (expand|contract)", step.text, re.MULTILINE), step.revision
    said = cli("db", "history")
    assert said.code == 0
    assert [line[:4] for line in said.out.splitlines() if line[:1].isdigit()][::-1] == [step.revision for step in told]


def test_each_revision_after_the_first_says_which_code_reads_it_and_from_0007_on_which_writes_it() -> None:
    for path in (migrate.scripts() / "versions").glob("*.py"):
        said = dict(re.findall(r'^oldest_(reader|writer) = "(\d{4})"$', path.read_text(), re.MULTILINE))
        expected = {"reader": path.name > "0002", "writer": path.name > "0007"}
        assert {kind: kind in said for kind in expected} == expected, path.name
        assert said.get("reader", "") <= said.get("writer", "9999"), path.name


def test_the_script_of_db_sql_makes_what_upgrade_makes(empty_url: URL, engine: Engine) -> None:
    backend = empty_url.get_backend_name()
    script = migrate.sql(backend)
    with migrate.engine(empty_url) as other:
        with other.connect() as connection:
            driver: Any = connection.connection.driver_connection
            if backend == "sqlite":
                driver.executescript(script)
            else:
                driver.autocommit = True
                for statement in script.split(";\n\n"):  # one at a time, as psql sends them
                    driver.execute(statement)
        assert revision_of(other) == HEAD
        assert catalog(other) == catalog(engine)
        with other.connect() as connection:
            migrate.check(connection)


@pytest.mark.slow
def test_the_script_of_one_step_begins_and_ends_where_it_is_told(cli: Cli) -> None:
    up, down = migrate.sql("postgresql", "0001:0002"), migrate.sql("postgresql", "0002:0001")
    assert "CREATE TABLE run_object (" not in up
    assert "version_num='0002'" in up
    assert "version_num='0001'" in down
    assert migrate.sql("sqlite", ":head") == migrate.sql("sqlite") == migrate.sql("sqlite", "base:head")
    assert 'SET search_path = "elsewhere", pg_temp' in migrate.sql("postgresql", schema="elsewhere")
    for backend, span, schema in (("oracle", "head", None), ("sqlite", "head", "s"), ("sqlite", "0001:9999", None)):
        with pytest.raises(ConfigurationError):
            migrate.sql(backend, span, schema=schema)
    assert cli("db", "sql", "--backend", "postgresql", "0001:0002") == (0, up, "")


@pytest.mark.slow
def test_diff_names_what_somebody_changed(own_url: URL) -> None:
    with migrate.engine(own_url) as engine:
        assert migrate.diff(engine) == []
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE of_another_service (id integer)"))
            connection.execute(text("DROP VIEW run_findings"))
            connection.execute(text("DROP INDEX ix_run_object_file_ids_file_ids"))
            connection.execute(text("ALTER TABLE truncation_object ADD COLUMN added integer"))
        found = migrate.diff(engine)
        assert sorted(found) == [
            "column truncation_object.added is unexpected",
            "index ix_run_object_file_ids_file_ids of run_object_file_ids is missing",
            "view run_findings is missing",
        ]
    said = runstore(own_url, "db", "diff")
    assert (said.returncode, sorted(said.stdout.splitlines())) == (1, sorted(found))


@pytest.mark.slow
def test_wait_ends_when_somebody_has_migrated(empty_url: URL, later: Later) -> None:
    behind = runstore(empty_url, "db", "wait", "--timeout", "2")
    assert behind.returncode in (3, 4)
    waiting, failed = behind.stderr.splitlines()
    assert "waiting (at most 2 seconds)" in waiting
    assert ("runstore db upgrade" in waiting, "runstore db upgrade" in failed) == (False, True)
    slow = later.start(empty_url, "upgrade", HEAD)
    assert runstore(empty_url, "db", "wait", "--timeout", "60").returncode == 0
    assert slow.wait(60) == 0
    slow.communicate()


def test_an_empty_database_is_stamped_with_no_revision_but_base(empty_url: URL) -> None:
    with migrate.engine(empty_url) as engine:
        with pytest.raises(NotAnArchive, match="it has no table run_object, so it can only be at revision base"):
            migrate.stamp(engine, "0002")
        assert migrate.stamp(engine, "base") == (None, None)
        assert migrate.upgrade(engine) == (None, HEAD)


@pytest.mark.slow
def test_alembic_stamps_past_a_revision_that_nobody_knows(own_url: URL, later: Later) -> None:
    with migrate.engine(own_url) as engine:
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = 'lost'"))
        assert later.alembic(own_url, "stamp", "head").returncode
        assert later.alembic(own_url, "stamp", "--purge", "head").returncode == 0
        assert revision_of(engine) == HEAD


@pytest.mark.slow
def test_alembic_says_in_one_line_what_we_refuse_and_what_the_database_does(later: Later) -> None:
    place = config.database_url("postgresql://bob:s3cret@127.0.0.1:1/runs")
    for arguments, more in ((("current",), {}), (("upgrade", "head", "--sql"), {"RUNSTORE_LOCK_TIMEOUT": "soon"})):
        said = later.alembic(place, *arguments, **more)
        assert said.returncode
        assert "FAILED: " in said.stdout
        assert "Traceback" not in said.stderr
        assert "s3cret" not in said.stdout + said.stderr


@pytest.mark.slow
def test_alembic_commands_have_the_same_safety(empty_url: URL, later: Later) -> None:
    with migrate.engine(empty_url) as engine:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE run_object (id integer)"))
        refused = later.alembic(empty_url, "upgrade", "head")
        assert refused.returncode
        assert "but no table runstore_version; nothing was changed" in refused.stdout
        assert len(tables_of(engine)) == 1


# --- databases that are not ours ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run_object", "runs", "model_price", "fetched_thread"])
def test_a_table_of_our_name_is_left_alone(empty_url: URL, name: str) -> None:
    with migrate.engine(empty_url) as engine:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE TABLE {name} (id text)"))
            connection.execute(text(f"INSERT INTO {name} VALUES ('mine')"))
        before = tables_of(engine)
        for refused in (
            lambda: migrate.upgrade(engine),
            lambda: RunRepository(engine).save(RUN),
            lambda: RunRepository(engine).count(),
        ):
            with pytest.raises(NotAnArchive, match=f"it contains {name}, but no table runstore_version"):
                refused()
        assert tables_of(engine) == before
        with engine.connect() as connection:
            assert connection.scalar(text(f"SELECT id FROM {name}")) == "mine"


@pytest.mark.slow
def test_other_tables_and_another_alembic_do_no_harm(empty_url: URL) -> None:
    with migrate.engine(empty_url) as engine:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)"))
            connection.execute(text("INSERT INTO alembic_version VALUES ('ae1027a6acf')"))
            connection.execute(text("CREATE TABLE runs_of_the_cinema (id integer)"))
        migrate.upgrade(engine)
        everything_works(RunRepository(engine))
        migrate.downgrade(engine, "base", delete_runs=True)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "ae1027a6acf"
        assert sqlalchemy.inspect(engine).has_table("runs_of_the_cinema")


def test_a_version_table_that_is_not_ours_is_recognised(empty_url: URL) -> None:
    with migrate.engine(empty_url) as engine:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE TABLE {migrate.VERSION_TABLE} (version_num varchar(32))"))
            connection.execute(text(f"INSERT INTO {migrate.VERSION_TABLE} VALUES ('ae1027a6acf')"))
        before = tables_of(engine)
        with pytest.raises(NotAnArchive, match="'ae1027a6acf', which is not a revision"):
            migrate.upgrade(engine)
        assert tables_of(engine) == before


@pytest.mark.slow
def test_a_half_archive_is_recognised(own_url: URL) -> None:
    with migrate.engine(own_url) as engine:
        cascade = "" if engine.dialect.name == "sqlite" else " CASCADE"
        with engine.begin() as connection:
            connection.execute(text(f"DROP TABLE truncation_object{cascade}"))
        for refused in (lambda: migrate.upgrade(engine), lambda: RunRepository(engine).save(RUN)):
            with pytest.raises(NotAnArchive, match=r"incomplete: .* but truncation_object is missing"):
                refused()
    assert runstore(own_url, "db", "check").returncode == 1


# --- newer and older code -------------------------------------------------------------------------------------------


@pytest.fixture
def later(tmp_path: Path) -> Later:
    return Later(tmp_path)


@pytest.mark.slow
def test_a_newer_schema_that_only_adds_is_read_and_not_written(own_url: URL, later: Later) -> None:
    added = later.add(
        "op.create_table('later', sa.Column('id', sa.Integer))", "op.drop_table('later')", oldest_reader=HEAD
    )
    with migrate.engine(own_url) as engine:
        RunRepository(engine).save(RUN)
        later.upgrade(engine)
        runs = RunRepository(engine)
        assert runs.load("run_1") == RUN
        for refused in (lambda: runs.save(DONE), lambda: runs.delete("run_1"), lambda: migrate.upgrade(engine)):
            with pytest.raises(SchemaNewer):
                refused()
        with Session(engine) as session:
            session.add(RunObject(id="run_2"))
            with pytest.raises(SchemaNewer):
                session.flush()
        with engine.connect() as connection, pytest.raises(SchemaNewer):
            migrate.check(connection)
        assert list(runs.iterate()) == [RUN]
    listed = runstore(own_url, "list")
    assert (listed.returncode, json.loads(listed.stdout)) == (0, RUN)
    assert re.search(
        rf"is at revision {added}, newer than the {HEAD} of this runstore; this runstore can read", listed.stderr
    )
    assert runstore(own_url, "db", "status").returncode == 0
    for command in (("import", SAMPLES), ("db", "upgrade"), ("db", "check"), ("db", "wait")):
        refused_command = runstore(own_url, *command)
        assert refused_command.returncode == 5, refused_command
        assert "upgrade runstore" in refused_command.stderr
    with migrate.engine(own_url) as engine:
        later.downgrade(engine, HEAD)
        assert RunRepository(engine).save(DONE) == "updated"


@pytest.mark.slow
def test_a_newer_schema_is_written_where_its_revisions_say_so(
    own_url: URL, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2):
        added = later.add(
            f"op.create_table('later{number}', sa.Column('id', sa.Integer))",
            f"op.drop_table('later{number}')",
            oldest_reader="0001",
            oldest_writer="0006",
        )
    with migrate.engine(own_url) as engine:
        later.upgrade(engine)
        everything_works(RunRepository(engine))
        assert (
            f"is at revision {added}, newer than the {HEAD} of this runstore; this runstore can read and write it"
            in caplog.text
        )
        with Session(engine) as session:
            session.get_one(RunObject, "run_3").status = "failed"
            session.add(RunObject(id="made"))
            session.commit()
        with engine.begin() as connection:
            assert RunRepository(connection).save({"id": "inside"}) == "inserted"
            migrate.check(connection)
        # Commands about this code's own schema do not report on a newer one.
        for refused in (lambda: migrate.upgrade(engine), lambda: migrate.diff(engine)):
            with pytest.raises(SchemaNewer):
                refused()
    for command in (("import", SAMPLES), ("db", "check"), ("db", "wait", "--timeout", "0")):
        done = runstore(own_url, *command)
        assert (done.returncode, done.stderr.count("can read and write it")) == (0, 1), done
    assert done.stderr.endswith(f": at revision {added}\n")


@pytest.mark.parametrize(
    ("oldest_reader", "oldest_writer", "reads"),
    [("0001", "9001", True), ("0001", None, True), ("9001", "0001", False), (None, "0001", False)],
)
def test_a_newer_schema_is_not_written_otherwise(
    own_url: URL, later: Later, oldest_reader: str | None, oldest_writer: str | None, reads: bool
) -> None:
    later.add("pass", oldest_reader=oldest_reader, oldest_writer=oldest_writer)
    with migrate.engine(own_url) as engine:
        later.upgrade(engine)
        with pytest.raises(SchemaNewer):
            RunRepository(engine).save(RUN)
        if reads:
            assert RunRepository(engine).count() == 0


def test_what_a_revision_said_of_its_writers_holds_for_it_alone(own_url: URL, later: Later) -> None:
    later.add("pass", oldest_reader="0001", oldest_writer="0006")
    later.add("pass", oldest_reader="0001")
    with migrate.engine(own_url) as engine:
        later.upgrade(engine, "9001")
        RunRepository(engine).save(RUN)
        later.upgrade(engine)
        with pytest.raises(SchemaNewer):
            RunRepository(engine).save(RUN)
        later.downgrade(engine, "9001")
        RunRepository(engine).save(DONE)


def test_an_archive_whose_version_table_was_lost_says_again_who_may_use_it(own_url: URL) -> None:
    with migrate.engine(own_url) as engine:
        with engine.begin() as connection:
            connection.execute(text(f"DROP TABLE {migrate.VERSION_TABLE}"))
        migrate.stamp(engine, HEAD)
        with engine.connect() as connection:
            found = connection.execute(text(f"SELECT * FROM {migrate.VERSION_TABLE}")).mappings().one()
        assert found == {
            "version_num": HEAD,
            "readable_by": f"0010..{HEAD}",
            "writable_by": f"0010..{HEAD}",
            "last_import": None,
        }
        assert RunRepository(engine).save_many([RUN]).inserted == 1


@pytest.mark.parametrize("oldest_reader", [None, "9001"])
def test_a_newer_schema_that_changes_more_is_not_read(own_url: URL, later: Later, oldest_reader: str | None) -> None:
    later.add("pass", oldest_reader=oldest_reader)
    with migrate.engine(own_url) as engine:
        later.upgrade(engine)
        with pytest.raises(SchemaNewer):
            RunRepository(engine).count()


def test_what_a_revision_said_of_its_readers_holds_for_it_alone(own_url: URL) -> None:
    with migrate.engine(own_url) as engine:
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'"))
        with pytest.raises(SchemaNewer):
            RunRepository(engine).count()


# --- schemas ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def postgresql_url(empty_url: URL) -> URL:
    if empty_url.get_backend_name() != "postgresql":
        pytest.skip("SQLite has neither schemas nor roles")
    return empty_url


@pytest.mark.slow
@pytest.mark.parametrize("schema", ["Archive-1", "2 of $us"])
def test_everything_is_in_the_schema_whatever_the_search_path(postgresql_url: URL, schema: str) -> None:
    with admin(postgresql_url) as server:
        server.execute(text(f"ALTER DATABASE {postgresql_url.database} SET search_path = nowhere"))
    url = config.database_url(postgresql_url, schema)
    with migrate.engine(url) as engine:
        for revision in migrate.history():
            migrate.upgrade(engine, revision.revision)
        with engine.connect() as connection:
            migrate.check(connection)
            assert migrate.status(connection).bytes > 0
        assert migrate.diff(engine) == []
        everything_works(RunRepository(engine))
        with engine.begin() as connection:
            assert RunRepository(connection).save({"id": "inside"}) == "inserted"
        with Session(engine) as session:
            session.add(RunObject(id="made", tools=session.get_one(RunObject, "run_1").tools))
            session.commit()
            assert session.scalars(select(RunObject.id).where(RunObject.id == "made")).one() == "made"
        assert {name.partition(".")[0] for name in tables_of(engine)} == {schema}
    with RunRepository.open(postgresql_url, schema=schema) as runs:
        assert runs.count() == 12
    with (
        pytest.raises(ConfigurationError, match="search_path contains no existing schema"),
        RunRepository.open(postgresql_url) as runs,
    ):
        runs.count()
    with migrate.engine(url) as engine:
        migrate.downgrade(engine, "base", delete_runs=True)
        assert tables_of(engine) == {f"{schema}.{name}" for name in ("runstore_version", "runstore_version_pkc")}


def test_the_catalog_of_a_schema_is_that_of_the_models(postgresql_url: URL, engine: Engine) -> None:
    with migrate.engine(config.database_url(postgresql_url, "elsewhere")) as other:
        migrate.upgrade(other)
        found = {line.replace("elsewhere.", "") for line in catalog(other, "elsewhere")}
        assert found == {line.replace("public.", "") for line in catalog(engine)}


@pytest.mark.slow
def test_two_archives_in_one_database_do_not_touch(postgresql_url: URL) -> None:
    one, two = (config.database_url(postgresql_url, name) for name in ("one", "two"))
    with migrate.engine(one) as first, migrate.engine(two) as second, migrate.engine(postgresql_url) as third:
        migrate.upgrade(first)
        with pytest.raises(SchemaBehind):
            RunRepository(second).count()
        migrate.upgrade(second)
        RunRepository(first).save(RUN)
        RunRepository(second).save(DONE)
        assert RunRepository(first).load("run_1") == RUN
        assert RunRepository(second).load("run_1") == DONE
        migrate.upgrade(third)
        assert RunRepository(third).count() == 0
        migrate.downgrade(first, "base", delete_runs=True)
        assert RunRepository(second).load("run_1") == DONE


@pytest.mark.slow
def test_the_schema_comes_from_the_option_the_url_or_the_environment(
    postgresql_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert config.schema_of(config.database_url(postgresql_url)) is None
    monkeypatch.setenv("RUNSTORE_SCHEMA", "")
    assert config.schema_of(config.database_url(postgresql_url)) is None
    monkeypatch.setenv("RUNSTORE_SCHEMA", "of_the_environment")
    assert config.schema_of(config.database_url(postgresql_url)) == "of_the_environment"
    named = config.database_url(postgresql_url.update_query_dict({"schema": "of_the_url"}))
    assert config.schema_of(named) == "of_the_url"
    assert config.schema_of(config.database_url(named, "of_the_option")) == "of_the_option"
    assert config.schema_of(config.database_url("runs.db")) is None
    with pytest.raises(ConfigurationError, match="only PostgreSQL has schemas"):
        config.database_url("runs.db", "s")
    for name in ('a"b', "a.b", "$user", "ü" * 40, " a", "a ", "a%"):
        with pytest.raises(ConfigurationError, match="not a usable schema name"):
            config.database_url(postgresql_url, name)
    made = runstore(postgresql_url, "db", "upgrade", "--schema", "of_the_option")
    assert made.returncode == 0, made.stderr
    assert "schema=of_the_option: schema created" in made.stderr
    assert runstore(postgresql_url, "db", "check", "--schema", "of_the_option").returncode == 0
    assert runstore(postgresql_url, "db", "check", RUNSTORE_SCHEMA="of_the_option").returncode == 0
    for elsewhere in ({}, {"RUNSTORE_SCHEMA": "wrong"}):
        wrong = runstore(postgresql_url, "list", **elsewhere)
        assert wrong.returncode == 4, wrong
        assert "does not exist yet" in wrong.stderr


# --- where migrations connect to -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_migrations_have_a_url_of_their_own(empty_url: URL, tmp_path: Path) -> None:
    wrong = str(tmp_path / "wrong.db")
    done = runstore(None, "db", "upgrade", RUNSTORE_DATABASE_URL=wrong, RUNSTORE_MIGRATIONS_URL=shown(empty_url))
    assert done.returncode == 0, done.stderr
    assert runstore(empty_url, "db", "check").returncode == 0
    assert not Path(wrong).exists()
    # Given values take precedence; empty ones count as not given.
    assert runstore(None, "db", "upgrade", "--db", wrong, RUNSTORE_MIGRATIONS_URL=shown(empty_url)).returncode == 0
    assert Path(wrong).exists()
    assert runstore(empty_url, "db", "upgrade", RUNSTORE_MIGRATIONS_URL="").stderr.endswith(
        f"already at revision {HEAD}\n"
    )


def test_prepared_statements_can_be_switched_off(postgresql_url: URL) -> None:
    def prepared(query: dict[str, str]) -> int:
        engine = create_engine(postgresql_url.update_query_dict(query))
        with engine.connect() as connection:
            for _ in range(10):
                connection.execute(text("SELECT 1"))
            count = connection.scalar(text("SELECT count(*) FROM pg_prepared_statements"))
        engine.dispose()
        return int(count or 0)

    assert prepared({}) > 0
    assert prepared({"prepare_threshold": "none"}) == 0
    assert prepared({"prepare_threshold": "0"}) > 0
    for wrong in ("-1", "never", "1.5"):
        with pytest.raises(ConfigurationError, match="expected a number or none"):
            prepared({"prepare_threshold": wrong})


def test_bad_limits_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTORE_LOCK_TIMEOUT", "0.5")
    monkeypatch.setenv("RUNSTORE_STATEMENT_TIMEOUT", "")
    assert config.limits() == config.Limits(lock=0.5)
    for wrong in ("soon", "-1", "nan", "1e9"):
        monkeypatch.setenv("RUNSTORE_LOCK_TIMEOUT", wrong)
        with pytest.raises(ConfigurationError, match=r"RUNSTORE_LOCK_TIMEOUT is .* expected a number of seconds"):
            config.limits()


# --- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("schema", [None, "archive"])
def test_owner_writer_and_reader_work_with_exactly_the_grants_printed(postgresql_url: URL, schema: str | None) -> None:
    names = [f"{kind}-{postgresql_url.database}" for kind in ("owner", "writer", "reader", "nobody")]
    database = postgresql_url.database
    with admin(postgresql_url) as server:
        for name in names:
            server.execute(text(f"CREATE ROLE \"{name}\" LOGIN PASSWORD 'x'"))
        server.execute(text(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"))
        server.execute(text("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
        server.execute(text(f'ALTER DEFAULT PRIVILEGES FOR ROLE "{names[0]}" REVOKE ALL ON FUNCTIONS FROM PUBLIC'))
        server.execute(text(f'GRANT CONNECT, CREATE ON DATABASE {database} TO "{names[0]}"'))
        server.execute(text(f'GRANT USAGE, CREATE ON SCHEMA public TO "{names[0]}"'))
    owner, writer, reader, nobody = (
        config.database_url(postgresql_url.set(username=name, password="x"), schema) for name in names
    )
    try:
        assert runstore(owner, "db", "upgrade").returncode == 0
        printed = runstore(owner, "db", "grants", "--writer", names[1], "--reader", names[2])
        assert printed.returncode == 0, printed.stderr
        with admin(postgresql_url) as server:
            server.exec_driver_sql(printed.stdout)

        with RunRepository.open(writer) as runs:
            assert runs.save(RUN, observed_at=1) == "inserted"
            assert runs.save(DONE, observed_at=2) == "updated"
            many = [{"id": f"run_{n}", "tools": [{"n": n}], "last_error": {"code": "e"}} for n in range(2, 12)]
            assert runs.save_many(many).inserted == 10
            with pytest.raises(DatabaseFailure, match="permission denied for table run_object"):
                runs.delete("run_1")
        with migrate.engine(writer) as engine, Session(engine) as session:
            run = session.get_one(RunObject, "run_1")
            assert run.usage
            run.usage.total_tokens, run.file_ids = 4, ["b"]
            session.commit()
        for url in (writer, reader):
            with RunRepository.open(url) as runs:
                assert runs.load("run_1")["usage"]["total_tokens"] == 4
                assert runs.count() == len(list(runs.iterate())) == 11
                assert [change.status for change in runs.changes("run_1")] == ["completed", "queued"][::-1]
            for command in (
                ("list",),
                ("export",),
                ("db", "check"),
                ("db", "status"),
                ("db", "current"),
                ("db", "diff"),
            ):
                done = runstore(url, *command)
                assert done.returncode == 0, done.stderr
            with migrate.engine(url) as engine, engine.connect() as connection:
                place = f'"{schema}".' if schema else ""
                for view in migrate.VIEWS:
                    connection.execute(text(f'SELECT * FROM {place}"{view}"')).all()
            refused = runstore(url, "db", "downgrade", "base", "--yes")
            assert refused.returncode == 1
            assert "must be owner of view RunObject" in refused.stderr
        for statement in (
            "DELETE FROM {}",
            "UPDATE {} SET status = 'x'",
            "INSERT INTO {} (id) VALUES ('x')",
            "TRUNCATE {}",
        ):
            denied = pytest.raises(sqlalchemy.exc.ProgrammingError, match="denied")
            with migrate.engine(reader) as engine, engine.connect() as connection, denied:
                connection.execute(text(statement.format(f"{place}run_object")))
        assert runstore(nobody, "list").returncode == 1
        with RunRepository.open(owner) as runs:
            assert runs.delete("run_1") == 1
    finally:
        with admin(postgresql_url) as server:
            for name in names:
                server.execute(text(f'DROP OWNED BY "{name}" CASCADE'))
                server.execute(text(f'DROP ROLE "{name}"'))


def test_an_archive_is_where_the_search_path_finds_it_and_not_where_that_begins(postgresql_url: URL) -> None:
    place = postgresql_url.update_query_dict({"options": "-csearch_path=first,public"})
    with migrate.engine(place) as engine:
        migrate.upgrade(engine, "0002")
        with engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA first"))
        migrate.upgrade(engine)
        assert {name.partition(".")[0] for name in tables_of(engine)} == {"public"}
        with engine.connect() as connection:
            assert migrate.status(connection).bytes > 0
            printed = migrate.grants(connection, writer="100%", reader='"')
            assert f'ON DATABASE "{postgresql_url.database}" TO "100%", """";' in printed
            assert 'ON SCHEMA "public"' in printed


def test_what_looks_like_a_database_is_not_taken_for_a_file() -> None:
    for place in ("postgresql:/bob:s3cret@h/x", "postgres:x", "host=h password=s3cret", "dbname=x"):
        with pytest.raises(ConfigurationError, match="is not a URL") as refused:
            config.database_url(place)
        assert "s3cret" not in str(refused.value)
    assert config.sqlite_file(config.database_url("postgres/host=h.db")) == Path("postgres/host=h.db")


@pytest.mark.slow
def test_a_role_that_may_not_create_tables_is_told_so(postgresql_url: URL) -> None:
    name = f"poor_{postgresql_url.database}"
    with admin(postgresql_url) as server:
        server.execute(text(f"CREATE ROLE {name} LOGIN"))
        server.execute(text("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
        server.execute(text("GRANT USAGE ON SCHEMA public TO PUBLIC"))
        try:
            poor = postgresql_url.set(username=name)
            for arguments in ((), ("--schema", "new")):
                refused = runstore(poor, "db", "upgrade", *arguments)
                assert refused.returncode == 1
                assert "permission denied for" in refused.stderr
            with migrate.engine(postgresql_url) as engine:
                assert tables_of(engine) == set()
        finally:
            server.execute(text(f"DROP OWNED BY {name} CASCADE"))
            server.execute(text(f"DROP ROLE {name}"))


def test_sqlite_has_no_roles(url: URL, cli: Cli) -> None:
    if url.get_backend_name() == "sqlite":
        done = cli("db", "grants", "--db", shown(url), "--writer", "w", "--reader", "r")
        said = "runstore: SQLite has no roles; the permissions of the file decide who can use the archive\n"
        assert (done.code, done.err) == (2, said)
