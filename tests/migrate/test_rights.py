"""Roles on PostgreSQL: each may do what its kind is for and nothing more, even after a migration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from runstore import ConfigurationError, DatabaseFailure, RunRepository, config, migrate
from runstore.migrate.rights import KINDS
from runstore.schema import TABLES
from tests.helpers.commands import Cli, shown
from tests.helpers.deployed import Later, admin
from tests.helpers.threads import in_threads
from tests.migrate.old_databases import FOLDER, restore

SECRET = "what a person or a model wrote"
RUN: dict[str, Any] = {
    "id": "run_1",
    "object": "thread.run",
    "created_at": 1_700_000_000,
    "started_at": 1_700_000_001,
    "failed_at": 1_700_000_010,
    "thread_id": "thread_1",
    "assistant_id": "asst_1",
    "status": "requires_action",
    "model": "gpt-4o",
    "instructions": SECRET,
    "metadata": {"key": SECRET, SECRET: "value"},
    "last_error": {"code": "server_error", "message": SECRET, "more": SECRET},
    "incomplete_details": {"reason": "max_completion_tokens", "more": SECRET},
    "usage": {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3, "more": SECRET},
    "tools": [
        {"type": "file_search", "more": SECRET},
        {
            "type": "function",
            "function": {"name": "f", "description": SECRET, "parameters": {"title": SECRET}, "strict": True},
        },
    ],
    "file_ids": ["file_1"],
    "required_action": {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": SECRET}}]
        },
    },
    "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"title": SECRET}}},
    "tool_choice": {"type": "function", "function": {"name": "f"}, "more": SECRET},
    "truncation_strategy": {"type": "auto", "more": SECRET},
    "more": SECRET,
}
ENDED = {**RUN, "status": "failed", "instructions": f"{SECRET}, later", "required_action": None}
FILTERS: dict[str, Any] = {
    "id": "run_1",
    "thread_id": "thread_1",
    "assistant_id": "asst_1",
    "model": "gpt-4o",
    "status": "failed",
    "created_from": 1,
    "created_before": 2_000_000_000,
    "started_from": 1,
    "started_before": 2_000_000_000,
    "finished_from": 1,
    "finished_before": 2_000_000_000,
    "tool_type": "function",
    "function_name": "f",
    "file_id": "file_1",
    "error_code": "server_error",
    "incomplete_reason": "max_completion_tokens",
    "total_tokens_min": 3,
    "total_tokens_max": 3,
    "total_seconds_min": 1,
    "total_seconds_max": 20,
    "requires_action": False,
}
"""All but those on metadata, each of which the run meets when it has ended."""


@pytest.fixture
def place(request: pytest.FixtureRequest, backend: str) -> URL:
    """An empty archive (or an empty database) on which only its owner has rights."""
    if backend == "sqlite":
        pytest.skip("SQLite has no roles")
    url: URL = request.getfixturevalue(getattr(request, "param", "own_url"))
    with admin(url) as server:
        server.execute(text(f"REVOKE ALL ON DATABASE {url.database} FROM PUBLIC"))
        server.execute(text("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
    return url


in_an_empty_database = pytest.mark.parametrize("place", ["empty_url"], indirect=True)


Roles = Callable[..., list[URL]]


@pytest.fixture
def roles(place: URL) -> Iterator[Roles]:
    """Makes login roles of these kinds; gives the URL of each."""
    made: list[str] = []

    def make(*kinds: str) -> list[URL]:
        names = [f"{kind} 100% of {place.database}"[:60] for kind in kinds]
        with admin(place) as server:
            for name in names:
                server.execute(text(f'CREATE ROLE "{name}" LOGIN'))
                made.append(name)
        return [place.set(username=name) for name in names]

    yield make
    with admin(place) as server:
        for name in made:
            server.execute(text(f'DROP OWNED BY "{name}" CASCADE'))
            server.execute(text(f'DROP ROLE "{name}"'))


@contextmanager
def connected(url: URL) -> Iterator[Connection]:
    with migrate.engine(url) as engine, engine.connect() as connection:
        yield connection


def grant(place: URL, **roles: URL) -> None:
    """As ``db grants --apply`` does."""
    with connected(place) as connection:
        migrate.apply_grants(connection, **{kind: url.username for kind, url in roles.items()})
        connection.commit()


def refused(url: URL, *statements: str) -> None:
    with connected(url) as connection:
        for statement in statements:
            with pytest.raises(sqlalchemy.exc.ProgrammingError, match="permission denied"):
                connection.execute(text(statement))
            connection.rollback()


def archive(place: URL) -> None:
    """An archive with a run that has a secret in every text, and an earlier snapshot of it."""
    with migrate.engine(place) as engine:
        migrate.upgrade(engine)
        runs = RunRepository(engine)
        assert runs.save(RUN, observed_at=1) == "inserted"
        assert runs.save(ENDED, observed_at=2) == "updated"


# --- kinds -----------------------------------------------------------------------------------------------------------


def test_a_pruner_prunes_and_owns_nothing(place: URL, roles: Roles) -> None:
    archive(place)
    (pruner,) = roles("pruner")
    grant(place, pruner=pruner)
    with RunRepository.open(place) as runs:
        runs.save_many([{**ENDED, "id": f"run_{n}", "tools": [{"n": n}]} for n in range(2, 5)])
    with RunRepository.open(pruner) as runs:
        assert runs.load("run_1") == ENDED
        assert runs.forecast(metadata={"key": SECRET}).runs == 4
        assert runs.delete("run_2") == 1
        # Its own error, its own prompt, its tools; what run_2 left was collected with it.
        pruned = runs.prune(status="failed")
        assert (pruned.runs, pruned.snapshots) == (3, 1)
        assert pruned.shared > 5
        assert runs.prune() == runs.forecast()._replace(bytes=0)
        with pytest.raises(DatabaseFailure, match="permission denied"):
            runs.save(RUN)
    refused(
        pruner,
        "UPDATE run_object SET status = 'x'",
        "UPDATE run_object_shape SET id = 1",
        "UPDATE run_object_instructions SET instructions = 'x'",
        "INSERT INTO run_object_instructions VALUES (1, '', 'x')",
        "DELETE FROM run_object_change",
        "DELETE FROM run_object_shape",
        "TRUNCATE run_object",
        "UPDATE runstore_version SET version_num = 'x'",
    )


def test_the_command_prunes_as_a_pruner(place: URL, roles: Roles, cli: Cli) -> None:
    archive(place)
    (pruner,) = roles("pruner")
    assert cli("db", "grants", "--db", shown(place), "--pruner", pruner.username, "--apply").code == 0
    done = cli("prune", "--db", shown(pruner), "--status", "failed", "--yes")
    assert (done.code, done.out[:22]) == (0, "deleted: 1 run, 1 earl"), done


def test_prune_with_vacuum_is_refused_before_it_deletes(place: URL, roles: Roles, cli: Cli) -> None:
    archive(place)
    (pruner,) = roles("pruner")
    grant(place, pruner=pruner)
    for option in ("--yes", "--dry-run"):
        done = cli("prune", "--db", shown(pruner), "--status", "failed", option, "--vacuum")
        assert (done.code, "this role may not vacuum" in done.err, done.out) == (1, True, ""), done
        assert "nothing was deleted; to delete runs with this role, omit --vacuum" in done.err
    with RunRepository.open(pruner) as runs, pytest.raises(DatabaseFailure, match="permission denied to vacuum"):
        runs.vacuum()  # of which PostgreSQL would only warn
    done = cli("prune", "--db", shown(place), "--status", "failed", "--yes", "--vacuum")
    assert (done.code, done.out[:14]) == (0, "deleted: 1 run")


def test_a_stats_reader_has_the_numbers(place: URL, roles: Roles, cli: Cli) -> None:
    archive(place)
    (reader,) = roles("stats")
    grant(place, stats_reader=reader)
    with RunRepository.open(place) as runs:
        by = ["hour", "day", "week", "month", "model", "assistant", "thread", "status", "error", "tool", "function"]
        expected = [runs.stats(group) for group in by], runs.stats(by)
    with RunRepository.open(reader) as runs:
        assert ([runs.stats(group) for group in by], runs.stats(by)) == expected
        for name, value in FILTERS.items():
            assert runs.count(**{name: value}) == 1, name
            assert runs.stats(columns="runs", **{name: value}) == [{"runs": 1}], name
        with runs.sql("SELECT model, sum(total_tokens), max(total_seconds) FROM runs GROUP BY model") as answer:
            assert list(answer.rows) == [("gpt-4o", 3, 10)]
        assert list(runs.rows(["id", "error_code", "cost"])) == [("run_1", "server_error", None)]
        assert runs.find_rows(["id", "status"], status="failed").rows == [("run_1", "failed")]
        assert runs.prices() == []
    stats = cli("stats", "--db", shown(reader), "--by", "model", "--columns", "runs,total_tokens", "--format", "csv")
    assert (stats.code, stats.out) == (0, "model,runs,total_tokens\r\ngpt-4o,1,3\r\n"), stats
    listed = cli("list", "--db", shown(reader), "--columns", "id,status", "--format", "csv")
    assert (listed.code, listed.out) == (0, "id,status\r\nrun_1,failed\r\n"), listed
    assert json.loads(cli("db", "status", "--db", shown(reader)).out)["runs"] == 1
    assert cli("db", "check", "--db", shown(reader)).code == 0


def test_a_stats_reader_reads_nothing_that_a_person_or_a_model_wrote(place: URL, roles: Roles, cli: Cli) -> None:
    archive(place)
    (reader,) = roles("stats")
    grant(place, stats_reader=reader)
    everything = "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
    ours = "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0"
    with connected(reader) as connection:
        readable = connection.execute(text(f"{everything} {ours} AND has_column_privilege(c.oid, a.attnum, 'SELECT')"))
        columns = [(table, column) for table, column in readable]
        seen = [str(connection.execute(text(f'SELECT "{column}" FROM "{table}"')).all()) for table, column in columns]
    assert len(columns) > 70
    assert [columns[n] for n, values in enumerate(seen) if SECRET in values] == []
    # Where it does stand, so that the test would notice.
    with connected(place) as connection:
        rows = [str(connection.execute(text(f'SELECT * FROM "{name}"')).all()) for name in (*TABLES, *migrate.VIEWS)]
        assert sum(SECRET in row for row in rows) > 14
        hidden = connection.execute(text(f"{everything} {ours} AND NOT a.attisdropped"))
        forbidden = sorted({(table, column) for table, column in hidden} - {*columns})
    refused(reader, *(f'SELECT "{column}" FROM "{table}"' for table, column in forbidden if table in {*TABLES, "runs"}))
    refused(reader, "SELECT * FROM runs", "SELECT runs FROM runs", 'SELECT id FROM "RunObject"')
    refused(reader, "SELECT key FROM run_metadata", "SELECT detail FROM run_findings", "DELETE FROM run_object")
    with RunRepository.open(reader) as runs:
        for asked in (
            lambda: runs.load("run_1"),
            lambda: list(runs.iterate()),
            lambda: runs.changes("run_1"),
            lambda: runs.count(metadata_key="key"),
            lambda: runs.save(RUN),
            lambda: runs.prune(status="failed"),
        ):
            with pytest.raises(DatabaseFailure, match="permission denied"):
                asked()
    said = cli("sql", "--db", shown(reader), "SELECT instructions FROM runs")
    assert (said.code, "permission denied for view runs" in said.err, SECRET in said.err) == (1, True, False)


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", [None, "Archive-1"])
def test_what_is_printed_is_what_is_applied(place: URL, roles: Roles, cli: Cli, schema: str | None) -> None:
    home = config.database_url(place, schema)
    archive(home)
    urls = dict(zip(KINDS, roles(*KINDS), strict=True))
    options = [option for kind, url in urls.items() for option in (f"--{kind}", url.username)]
    printed = cli("db", "grants", "--db", shown(home), *options)
    assert (printed.code, printed.err) == (0, "")
    for statement in printed.out.splitlines():
        assert statement.startswith("GRANT ")
        assert statement.endswith(";")

    def rights() -> list[str]:
        with connected(place) as connection:
            found = connection.execute(text("SELECT relname, relacl::text FROM pg_class WHERE relacl IS NOT NULL"))
            columns = connection.execute(
                text("SELECT attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL")
            )
            return sorted(map(str, [*found, *columns]))

    before = rights()
    for times in range(2):  # twice is once
        applied = cli("db", "grants", "--db", shown(home), *options, "--apply")
        assert (applied.code, applied.out) == (0, ""), applied
        assert applied.err.count("\n") == 1
        assert "rights granted to writer writer 100% of" in applied.err
        if times == 0:
            once = rights()
    assert before != once == rights()
    with connected(place) as connection:
        for url in urls.values():
            connection.execute(text(f'DROP OWNED BY "{url.username}"'))
        for statement in printed.out.splitlines():
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
        connection.commit()
    assert rights() == once


def test_nothing_is_applied_where_not_all_of_it_can_be(place: URL, roles: Roles, cli: Cli) -> None:
    archive(place)
    reader, poor = roles("reader", "poor")
    grant(place, reader=poor)
    # PostgreSQL would only warn that nothing was granted.
    done = cli("db", "grants", "--db", shown(poor), "--reader", reader.username, "--apply")
    assert (done.code, done.out) == (1, "")
    assert f"{reader.username} would still lack CONNECT on the database, USAGE on the schema public" in done.err
    assert "nothing was granted; execute the grants as the owner of the tables" in done.err
    done = cli("db", "grants", "--db", shown(place), "--reader", reader.username, "--pruner", "nobody", "--apply")
    assert (done.code, 'role "nobody" does not exist' in done.err) == (1, True)
    with admin(place) as server:
        assert (
            server.scalar(text("SELECT has_table_privilege(:r, 'run_object', 'SELECT')"), {"r": reader.username})
            is False
        )


def test_many_may_grant_at_the_same_time(place: URL, roles: Roles) -> None:
    archive(place)
    (reader,) = roles("reader")
    in_threads(*[lambda: grant(place, reader=reader, stats_reader=reader)] * 4)
    with RunRepository.open(reader) as runs:
        assert runs.count() == 1


def test_of_a_stats_reader_that_can_read_more_it_is_told(
    place: URL, roles: Roles, caplog: pytest.LogCaptureFixture
) -> None:
    archive(place)
    (reader,) = roles("reader")
    grant(place, stats_reader=reader)
    assert caplog.text == ""
    grant(place, reader=reader, stats_reader=reader)
    assert (
        f"{reader.username} can read more than a stats reader should, because of other rights: RunObject.id, "
        in caplog.text
    )


def test_names_that_are_none_are_refused(url: URL, cli: Cli) -> None:
    db = ("--db", shown(url))
    if url.get_backend_name() == "sqlite":
        for kind in KINDS:
            for apply in ((), ("--apply",)):
                done = cli("db", "grants", *db, f"--{kind}", "r", *apply)
                assert (done.code, done.err) == (
                    2,
                    "runstore: SQLite has no roles; the permissions of the file decide who can use the archive\n",
                )
        return
    none = cli("db", "grants", *db)
    assert (none.code, none.out) == (2, "")
    assert none.err == "runstore: give at least one role with --writer, --reader, --pruner, --stats-reader\n"
    for name in ("", "public", "ü" * 32, "a\udcff"):
        for more in ((), ("--apply",)):
            done = cli("db", "grants", *db, "--reader", name, *more)
            assert (done.code, done.out, "cannot be the reader" in done.err) == (2, "", True), done
    with migrate.engine(url) as engine, engine.connect() as connection:
        printed = migrate.grants(connection, reader='x"; DROP TABLE run_object; --')
        assert printed.count('TO "x""; DROP TABLE run_object; --";') == len(printed.splitlines())
        with pytest.raises(ConfigurationError):
            migrate.apply_grants(connection)


# --- after a migration -----------------------------------------------------------------------------------------------


def use(writer: URL, reader: URL, number: int) -> None:
    """Every operation of the two roles, on every object."""
    with RunRepository.open(writer) as runs:
        assert runs.save({**RUN, "id": f"new_{number}"}) == "inserted"
        assert runs.save_many([{**ENDED, "id": f"new_{number}"}]).updated == 1
    for url in (writer, reader):
        with connected(url) as connection:
            for name in (*TABLES, *migrate.VIEWS):
                connection.execute(text(f'SELECT * FROM "{name}" LIMIT 1'))
        with RunRepository.open(url) as runs:
            assert runs.load(f"new_{number}") == {**ENDED, "id": f"new_{number}"}
            assert len(runs.find(metadata={"key": SECRET}, limit=50).runs) == number
            assert runs.stats("model")


OLD_GRANTS = """
GRANT CONNECT ON DATABASE {database} TO {writer}, {reader};
GRANT USAGE ON SCHEMA public TO {writer}, {reader};
GRANT SELECT ON runstore_version, {tables}, {views} TO {writer}, {reader};
GRANT INSERT, UPDATE ON run_object TO {writer};
GRANT INSERT, UPDATE, DELETE ON {belonging} TO {writer};
GRANT INSERT ON {shared} TO {writer};
"""
"""What db grants of that time printed."""


@pytest.mark.slow
@in_an_empty_database
@pytest.mark.parametrize("revision", ["0001", "0003", "0006"])
def test_roles_of_an_old_revision_work_after_the_upgrade(
    place: URL, roles: Roles, revision: str, caplog: pytest.LogCaptureFixture
) -> None:
    writer, reader, other = roles("writer", "reader", "other")
    restore(FOLDER / revision, place)
    with admin(place) as server:
        server.execute(text("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"))
        inspector = sqlalchemy.inspect(server)
        tables = {*inspector.get_table_names()} - {"runstore_version"}
        shared = {name for name in tables if "digest" in {c["name"] for c in inspector.get_columns(name)}}
        shared -= {"run_object", "run_object_change"}
        names = {
            "tables": tables,
            "views": inspector.get_view_names(),
            "shared": shared,
            "belonging": tables - shared - {"run_object"},
        }
        listed = {key: ", ".join(f'"{name}"' for name in found) for key, found in names.items()}
        people = {"writer": f'"{writer.username}"', "reader": f'"{reader.username}"', "database": place.database}
        execute = {"execution_options": {"no_parameters": True}}
        server.exec_driver_sql(OLD_GRANTS.format(**listed, **people), **execute)
        if revision != "0001":
            for name in (writer.username, reader.username):
                server.exec_driver_sql(f'GRANT EXECUTE ON FUNCTION runstore_json_terms(json) TO "{name}"', **execute)
        server.exec_driver_sql(f'GRANT INSERT, SELECT ON run_object TO "{other.username}"', **execute)
    with migrate.engine(place) as engine:
        before = len(list(RunRepository(engine).iterate())) if revision == migrate.REVISION else 0
        assert migrate.upgrade(engine)[0] == revision
    use(writer, reader, before + 1)
    assert f"granted again to {writer.username}: " in caplog.text
    assert "could not be recorded" not in caplog.text
    # A role that does not have exactly the rights of a kind gets no new ones.
    assert str(other.username) not in caplog.text
    with admin(place) as server:
        of_other = text("SELECT count(*) FROM pg_class, aclexplode(relacl) WHERE grantee = CAST(:r AS regrole)")
        assert server.scalar(of_other, {"r": f'"{other.username}"'}) == 2
    refused(reader, "DELETE FROM run_object", "UPDATE runstore_version SET last_import = 1")
    refused(writer, "DELETE FROM run_object", "UPDATE runstore_version SET version_num = 'x'")


@pytest.mark.slow
@in_an_empty_database
def test_what_a_revision_makes_anew_is_granted_anew(place: URL, roles: Roles, tmp_path: Path) -> None:
    owner, *others = roles("owner", *KINDS)
    urls = dict(zip(KINDS, others, strict=True))
    with admin(place) as server:
        for what in (f"CONNECT ON DATABASE {place.database}", "USAGE, CREATE ON SCHEMA public"):
            statement = f'GRANT {what} TO "{owner.username}" WITH GRANT OPTION'
            server.exec_driver_sql(statement, execution_options={"no_parameters": True})
    archive(owner)
    grant(owner, **{kind.replace("-", "_"): url for kind, url in urls.items()})
    later = Later(tmp_path)
    with connected(owner) as connection:
        query = connection.scalar(text("SELECT pg_get_viewdef('runs'::regclass)"))
    remake = f"op.execute('DROP VIEW runs'); op.execute({f'CREATE VIEW runs AS {query}'!r})"
    later.add(remake, remake, oldest_reader="0001", oldest_writer="0006")
    with migrate.engine(owner) as engine:
        for step in (later.upgrade, lambda engine: later.downgrade(engine, migrate.REVISION)):
            step(engine)
            for kind in ("writer", "reader", "pruner"):
                with connected(urls[kind]) as connection:
                    assert connection.scalar(text("SELECT instructions FROM runs")) == ENDED["instructions"]
            with RunRepository.open(urls["stats-reader"]) as runs:
                assert runs.stats("model", columns="runs") == [{"model": "gpt-4o", "runs": 1}]
            refused(urls["stats-reader"], "SELECT instructions FROM runs")


@pytest.mark.slow
def test_what_is_left_of_an_archive_makes_nobody_a_writer(place: URL, roles: Roles) -> None:
    archive(place)
    (reader,) = roles("reader")
    grant(place, reader=reader)
    with migrate.engine(place) as engine:
        # The version table stays, and with it the reader's right on it.
        migrate.downgrade(engine, "base", delete_runs=True)
        migrate.upgrade(engine)
    refused(reader, "SELECT id FROM run_object", "INSERT INTO run_object (id) VALUES ('x')")
