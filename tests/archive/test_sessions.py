"""Sessions of PostgreSQL that are not the default: planted names, settings, encodings, row level security."""

from __future__ import annotations

import io
import logging
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from runstore import (
    ConfigurationError,
    DatabaseFailure,
    RunObject,
    RunRepository,
    config,
    create_engine,
    formats,
    migrate,
)
from runstore.formats import Column
from runstore.prices import Price
from runstore.schema.views import RUNS
from tests.helpers.comparison import difference
from tests.helpers.deployed import admin, runstore
from tests.helpers.main_jobs import DONE, RUN, everything_works
from tests.helpers.secret_places import SECRET

FULL = {
    **DONE,
    "id": "run_full",
    "created_at": 1_700_000_000,
    "completed_at": 1_700_000_030,
    "model": "gpt-4o",
    "metadata": {"team": "blå \\ 'é'", "NULL": "NULL"},
    "tools": [{"type": "function", "function": {"name": "f", "description": "\\d"}}] * 2,
    "temperature": 0.1,
    "last_error": {"code": "server_error", "message": "NULL"},
    "required_action": {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [{"id": "c"}]}},
}


@pytest.fixture
def postgresql_url(empty_url: URL) -> URL:
    if empty_url.get_backend_name() != "postgresql":
        pytest.skip("SQLite has neither sessions nor roles")
    return empty_url


@pytest.fixture
def archive_url(own_url: URL) -> URL:
    """An empty archive on a server."""
    if own_url.get_backend_name() != "postgresql":
        pytest.skip("SQLite has neither sessions nor roles")
    return own_url


@contextmanager
def role(url: URL, name: str) -> Iterator[URL]:
    """The database as seen by a separate role."""
    name = f"{name}_{uuid.uuid4().hex[:8]}"
    with admin(url) as server:
        server.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD 'x'"))
        server.execute(text(f"GRANT ALL ON SCHEMA public TO {name}"))
        server.execute(text(f"GRANT ALL ON DATABASE {url.database} TO {name}"))
    try:
        yield url.set(username=name, password="x")
    finally:
        with admin(url) as server:
            server.execute(text(f"DROP OWNED BY {name} CASCADE"))
            server.execute(text(f"DROP ROLE {name}"))


def the_main_jobs(runs: RunRepository, other: RunRepository | None = None) -> None:
    """Each way to write, read and verify, once."""
    if not runs.prices():
        everything_works(runs)
    runs.delete([run["id"] for run in runs.iterate()])
    many = [
        {**FULL, "id": f"run_{n}", "temperature": n / 7, "instructions": f"n{n}" if n % 2 else None} for n in range(12)
    ]
    assert runs.save_many(many, observed_at=5).inserted == 12
    assert runs.save_many(many, observed_at=5).unchanged == 12
    assert runs.save({**FULL, "status": "queued"}, observed_at=1) == "inserted"
    assert runs.save(FULL, observed_at=2) == "updated"
    assert [change.status for change in runs.changes("run_full")] == ["queued"]
    assert not difference(FULL, runs.load("run_full"))
    assert [run["id"] for run in runs.iterate()][:2] == ["run_0", "run_1"]
    for where in FILTERS:
        assert runs.count(**where) == 13, where
        assert len(runs.find(limit=20, **where).runs) == 13, where
        assert len(list(runs.iterate_json(**where))) == 13, where
    assert runs.set_prices([Price("gpt-4o", 0, 1.0, None, 2.0, "EUR")]) == 1
    for by in ("day", "model", "error", "tool", "function"):
        assert runs.stats(by)[0]["runs"] == 13
    columns = [Column(column.name) for column in RUNS.c]
    for form in ("jsonl", "json", "csv"):
        formats.write(form, io.BytesIO(), columns, runs.rows())
    assert {finding.rule for finding in runs.findings()}
    assert list(runs.verify()) == []
    before = runs.fingerprint()
    assert before.runs == 13
    assert runs.forecast(model="gpt-4o").runs == 13
    if other is not None:
        assert runs.copy_to(other).complete
        assert other.fingerprint() == before
    assert runs.prune(function_name="f", error_code="server_error").runs == 13


FILTERS: list[Any] = [
    {"model": "gpt-4o"},
    {"status": ["completed", "failed"]},
    {"thread_id": None, "created_from": 0, "created_before": 2**40},
    {"finished_from": 0, "total_seconds_min": 1, "total_seconds_max": 100},
    {"metadata": {"team": "blå \\ 'é'"}},
    {"metadata_key": "NULL"},
    {"tool_type": "function"},
    {"function_name": "f"},
    {"file_id": "a"},
    {"error_code": "server_error"},
    {"total_tokens_min": 1},
    {"requires_action": True},
    {"id": [*(f"run_{n}" for n in range(12)), "run_full", *map(str, range(2000))]},
]


# --- planted names ---------------------------------------------------------------------------------------------------

TYPES = ("text", "varchar", "bigint", "integer", "json", "bytea", "numeric")


def planted(schema: str) -> Iterator[str]:
    """Statements that plant what fits better than PostgreSQL's own; whatever of it is executed raises."""
    yield (
        f"CREATE FUNCTION {schema}.boom() RETURNS boolean LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'planted'; END $$"
    )
    body = f"LANGUAGE plpgsql AS $$ BEGIN PERFORM {schema}.boom(); RETURN NULL; END $$"
    for kind in ("text", "varchar", "bigint", "integer", "json"):
        yield f"CREATE FUNCTION {schema}.grow(json, {kind}) RETURNS json {body}"
        for name in ("json_agg", "array_agg"):
            yield f"CREATE AGGREGATE {schema}.{name}({kind}) (SFUNC = {schema}.grow, STYPE = json)"
    for name, given, made in (
        ("json_build_array", "text, text, text, text, text", "json"),
        ("json_build_array", "text, text, text, text, json", "json"),
        ("json_extract_path_text", "json, varchar", "text"),
        ("json_extract_path_text", "json, text", "text"),
        ("json_extract_path", "json, text", "json"),
        ("json_typeof", "json", "text"),
        ("hashtext", "varchar", "integer"),
        ("to_timestamp", "bigint", "timestamptz"),
        ("to_regclass", "varchar", "regclass"),
        ("set_config", "varchar, varchar, boolean", "text"),
        ("get_byte", "bytea, bigint", "integer"),
        ("pg_advisory_xact_lock", "integer", "text"),
        ("row_security_active", "text", "boolean"),
    ):
        yield f"CREATE FUNCTION {schema}.{name}({given}) RETURNS {made} {body}"
    compared = [(one, other) for one in TYPES for other in TYPES]
    compared += [("name", "varchar"), ("oid", "regclass"), ("oid", "regtype"), ("int[]", "int[]")]
    for number, (one, other) in enumerate(compared):
        yield f"CREATE FUNCTION {schema}.compare{number}({one}, {other}) RETURNS boolean {body}"
        for operator in ("=", "<>", "<", ">", "<=", ">=", "@>"):
            yield (
                f"CREATE OPERATOR {schema}.{operator} (LEFTARG = {one}, RIGHTARG = {other}, "
                f"FUNCTION = {schema}.compare{number})"
            )
    for number, (one, other) in enumerate((("text", "varchar"), ("varchar", "text"), ("text", "unknown"))):
        yield f"CREATE FUNCTION {schema}.joined{number}({one}, {other}) RETURNS text {body}"
        yield f"CREATE OPERATOR {schema}.|| (LEFTARG = {one}, RIGHTARG = {other}, FUNCTION = {schema}.joined{number})"
    yield f"CREATE DOMAIN {schema}.bigint AS text"
    yield f"CREATE DOMAIN {schema}.json AS text CHECK (VALUE IS NULL)"


def plant(url: URL, schema: str) -> None:
    with migrate.engine(url) as engine, engine.begin() as connection:
        for statement in planted(schema):
            if "unknown" not in statement and "joined2" not in statement:
                connection.exec_driver_sql(statement)


@pytest.mark.slow
@pytest.mark.parametrize("named", [None, "public", "archive"])
def test_nothing_that_is_planted_in_the_search_path_is_executed(postgresql_url: URL, named: str | None) -> None:
    url = config.database_url(postgresql_url, named)
    with migrate.engine(url) as engine:
        migrate.upgrade(engine)
    with role(postgresql_url, "mallory") as mallory, admin(postgresql_url) as server:
        server.execute(text("CREATE SCHEMA postgres"))
        server.execute(text(f"GRANT ALL ON SCHEMA postgres TO {mallory.username}"))
        plant(mallory, "public")
        plant(mallory, "postgres")
        for table in ("run_object", "runs", "model_price", "run_object_shape", "run_object_change"):
            server.execute(text(f"CREATE TABLE postgres.{table} (id text)"))
        for path in ('"$user", public', "public, pg_catalog"):
            server.execute(text(f"ALTER DATABASE {postgresql_url.database} SET search_path = {path}"))
            with migrate.engine(url) as engine:
                the_main_jobs(RunRepository(engine))
                with engine.connect() as connection:
                    migrate.check(connection)
                    assert migrate.status(connection).runs == 0
                    assert "run_object" in migrate.grants(connection, writer="a", reader="b")
                    migrate.current(connection)
                RunRepository(engine).save(RUN)
                if named == "archive":
                    with RunRepository(engine).sql("SELECT id FROM runs") as answer:
                        assert list(answer.rows) == [("run_1",)]
                else:  # a user's query contains unqualified names
                    with (
                        pytest.raises(ConfigurationError, match="of the role mallory"),
                        RunRepository(engine).sql("SELECT id FROM runs"),
                    ):
                        pass
                RunRepository(engine).delete("run_1")
        server.execute(text(f"ALTER DATABASE {postgresql_url.database} RESET search_path"))


def test_a_connection_of_the_callers_is_safe_too_and_as_it_was_afterwards(archive_url: URL) -> None:
    with (
        migrate.engine(archive_url) as engine,
        role(archive_url, "mallory") as mallory,
        engine.connect() as connection,
    ):
        plant(mallory, "public")

        def settings() -> list[Any]:
            names = ("search_path", "DateStyle", "TimeZone", "standard_conforming_strings", "array_nulls")
            return [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]

        connection.exec_driver_sql("SET DateStyle = German")
        connection.exec_driver_sql("SET TimeZone = 'Asia/Kolkata'")
        connection.exec_driver_sql("CREATE TABLE mine (id integer)")
        connection.exec_driver_sql("INSERT INTO mine VALUES (1)")
        connection.commit()
        before = settings()
        runs = RunRepository(connection)
        the_main_jobs(runs)
        assert settings() == before
        runs.save_many({"id": f"run_{n}"} for n in range(1200))
        for number, _ in enumerate(runs.iterate()):
            if number in (0, 700):
                assert settings() == before
                assert connection.exec_driver_sql("SELECT id FROM mine").scalar() == 1
        assert number == 1199
        with pytest.raises(ConfigurationError):
            runs.find(cursor="no")
        assert settings() == before
        assert not connection.get_execution_options().get("schema_translate_map")
        connection.rollback()
        with Session(engine) as session:
            session.add(RunObject(id="made", model="m"))
            session.commit()


@pytest.mark.slow
def test_a_migration_refuses_names_that_somebody_else_has_planted(postgresql_url: URL) -> None:
    with migrate.engine(postgresql_url) as engine, role(postgresql_url, "mallory") as mallory:
        migrate.upgrade(engine, "0004")
        with migrate.engine(mallory) as theirs, theirs.begin() as connection:
            connection.exec_driver_sql(
                "CREATE FUNCTION public.to_timestamp(bigint) RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'"
            )
        with pytest.raises(
            ConfigurationError, match=r"contains the function public\.to_timestamp\(bigint\) of the role mal"
        ):
            migrate.upgrade(engine)
        with migrate.engine(config.database_url(postgresql_url, "archive")) as elsewhere:
            migrate.upgrade(elsewhere)
            the_main_jobs(RunRepository(elsewhere))
        with admin(postgresql_url) as server:
            server.execute(text("DROP FUNCTION public.to_timestamp(bigint)"))
        assert migrate.upgrade(engine) == ("0004", migrate.REVISION)
        with engine.begin() as connection:  # what the role itself or a superuser has made is trusted
            connection.exec_driver_sql("CREATE FUNCTION public.upper(json) RETURNS integer LANGUAGE sql AS 'SELECT 1'")
        assert migrate.diff(engine) == []


# --- settings --------------------------------------------------------------------------------------------------------

SETTINGS = {
    "standard_conforming_strings": "off",
    "client_encoding": "LATIN1",
    "DateStyle": "'German, DMY'",
    "TimeZone": "'Asia/Kolkata'",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "IntervalStyle": "postgres_verbose",
    "array_nulls": "off",
    "search_path": "nowhere, public",
    "row_security": "off",
    "default_transaction_isolation": "'repeatable read'",
    "default_transaction_deferrable": "on",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "statement_timeout": "'60s'",
    "lock_timeout": "'10s'",
    "idle_in_transaction_session_timeout": "'20s'",
    "lc_numeric": "'C'",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_role_or_database_change_nothing(postgresql_url: URL, name: str, tmp_path: Path) -> None:
    with admin(postgresql_url) as server:
        server.execute(text(f"ALTER DATABASE {postgresql_url.database} SET {name} = {SETTINGS[name]}"))
    other = config.database_url(tmp_path / "copy.db")
    with migrate.engine(postgresql_url) as engine, migrate.engine(other) as copy:
        migrate.upgrade(engine)
        assert migrate.diff(engine) == []
        the_main_jobs(RunRepository(engine), RunRepository(copy))
        with engine.begin() as connection:
            the_main_jobs(RunRepository(connection))
        assert RunRepository(copy).copy_to(RunRepository(engine)).complete
        runs = RunRepository(engine)
        query = "SELECT '\\d', 0.1::float8 + 0.2, '\\x00ff'::bytea, timestamptz '2024-01-31', 'é', array[NULL, 'a']"
        with runs.sql(query) as answer:
            ((*row, array),) = answer.rows
            assert row == ["\\d", 0.30000000000000004, b"\x00\xff", "2024-01-31T00:00:00Z", "é"]
            assert array == [None, "a"]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["LATIN1", "UTF8", "SQL_ASCII"])
def test_an_engine_of_the_callers_with_another_client_encoding_is_served(archive_url: URL, encoding: str) -> None:
    engine = sqlalchemy.create_engine(archive_url)

    @sqlalchemy.event.listens_for(engine, "checkout")
    def _(driver: Any, *_: Any) -> None:
        driver.execute(f"SET client_encoding = {encoding}")
        driver.commit()

    the_main_jobs(RunRepository(engine))
    with engine.connect() as connection:
        runs = RunRepository(connection)
        assert runs.save({"id": "ü💥"}) == "inserted"
        assert runs.load("ü💥") == {"id": "ü💥"}
        assert connection.exec_driver_sql("SHOW client_encoding").scalar() in (encoding, encoding.encode())
    engine.dispose()


def test_a_role_that_only_reads_by_default_reads(archive_url: URL) -> None:
    with migrate.engine(archive_url) as engine:
        RunRepository(engine).save(RUN)
    with admin(archive_url) as server:
        server.execute(text(f"ALTER DATABASE {archive_url.database} SET default_transaction_read_only = on"))
    with RunRepository.open(archive_url) as runs:
        assert list(runs.iterate()) == [RUN]
        assert list(runs.verify()) == []
        with pytest.raises(DatabaseFailure, match=r"cannot execute .* in a read-only transaction"):
            runs.save(DONE)


@pytest.mark.parametrize(
    "encoding", ["LATIN1", *(pytest.param(name, marks=pytest.mark.slow) for name in ("SQL_ASCII", "WIN1252"))]
)
def test_a_database_that_cannot_hold_every_text_is_refused(
    postgresql_url: URL, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"narrow_{uuid.uuid4().hex}"
    url = postgresql_url.set(database=name)
    expected = f"the encoding of the database is {encoding}, which cannot hold every run"
    with admin(postgresql_url) as server:
        server.execute(text(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"))
        try:
            with migrate.engine(url) as engine:
                with pytest.raises(ConfigurationError, match=expected):
                    migrate.upgrade(engine)
                with engine.connect() as connection:
                    assert migrate.current(connection) is None
                with monkeypatch.context() as earlier:  # a version that did not check
                    earlier.setattr("runstore.backends.session.refuse_encoding", lambda _: None)
                    migrate.upgrade(engine)
                    RunRepository(engine).save(RUN)
                with pytest.raises(ConfigurationError, match=expected):
                    RunRepository(engine).save(DONE)
                assert list(RunRepository(engine).iterate()) == [RUN]
        finally:
            server.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


# --- row level security ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_row_level_security_is_said_and_nothing_that_is_to_be_whole_is_partial(
    archive_url: URL, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with migrate.engine(archive_url) as engine, role(archive_url, "tenant") as tenant:
        RunRepository(engine).save_many([{"id": "run_1"}, {"id": "run_2"}])
        with admin(archive_url) as server:
            server.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {tenant.username}"))
            server.execute(text("ALTER TABLE run_object ENABLE ROW LEVEL SECURITY"))
            server.execute(text("CREATE POLICY one ON run_object USING (id = 'run_1')"))
        with RunRepository.open(tenant) as runs, migrate.engine(config.database_url(tmp_path / "a.db")) as other:
            with caplog.at_level(logging.WARNING, "runstore"):
                assert [run["id"] for run in runs.iterate()] == ["run_1"]
            assert (
                "row level security hides rows of run_object from this role; results may be incomplete" in caplog.text
            )
            wholes: list[Callable[[], object]] = [
                lambda: list(runs.verify()),
                runs.fingerprint,
                runs.fingerprints_by_day,
                lambda: list(runs.differences(runs)),
                lambda: runs.prune(id="run_1"),
                runs.forecast,
                lambda: runs.copy_to(RunRepository(other)),
                lambda: RunRepository(other).copy_to(runs),
            ]
            for whole in wholes:
                with pytest.raises(DatabaseFailure, match='by row-level security policy for table "run_object"'):
                    whole()
        said = runstore(tenant, "list")
        assert (said.returncode, "row level security hides rows" in said.stderr) == (0, True)
        assert RunRepository(engine).count() == 2


# --- sql -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_large_rows_are_not_held_together(archive_url: URL) -> None:
    with migrate.engine(archive_url) as engine:
        size = "CASE WHEN n % 1500 < 1450 THEN 1 ELSE 3000000 END"
        query = f"SELECT n, repeat('x', {size}) FROM generate_series(0, 2999) AS n"
        tracemalloc.start()
        with RunRepository(engine).sql(query) as answer:
            count = sum(1 for _ in answer.rows)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == 3000
        assert peak < 40 * 2**20


def test_an_answer_can_be_left_at_any_row(archive_url: URL) -> None:
    with migrate.engine(archive_url) as engine:
        runs = RunRepository(engine)
        for left in (0, 1, 41, 200):
            with runs.sql("SELECT n, repeat('x', 1000000) FROM generate_series(1, 2000) AS n", timeout=20) as answer:
                for _ in range(left):
                    next(answer.rows)
        assert runs.count() == 0


# --- URLs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "understood"),
    {
        "postgresql://a@h/x\n": "postgresql://a@h/x",
        "postgres://a@h/x": "postgresql://a@h/x",
        "postgresql+asyncpg://a:b@h/x?ssl=require": "postgresql://a:b@h/x?sslmode=require",
        "postgresql+psycopg2://h/x": "postgresql://h/x",
        "postgresql+psycopg2cffi://h/x": "postgresql://h/x",
        "postgresql+pg8000://h/x": "postgresql://h/x",
        "sqlite+aiosqlite:///x.db": "sqlite:///x.db",
        "postgresql://u:p@h1:5433,h2/x?target_session_attrs=read-write": (
            "postgresql://u:p@/x?host=h1%2Ch2&port=5433%2C5432&target_session_attrs=read-write"
        ),
        "postgresql://[::1]:5433,h2/x": "postgresql:///x?host=%3A%3A1%2Ch2&port=5433%2C5432",
        "postgresql://h/x?pgbouncer=true&connection_limit=1": "postgresql://h/x?prepare_threshold=none",
        "postgresql://h/x?currentSchema=s": "postgresql://h/x?schema=s",
    }.items(),
)
def test_a_url_that_was_written_for_another_library_is_understood(given: str, understood: str) -> None:
    url = config.database_url(given)
    assert url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False) == understood


def test_an_option_that_nobody_knows_is_named_without_what_it_says() -> None:
    with pytest.raises(
        ConfigurationError, match="has the option nonsense, which neither libpq nor runstore"
    ) as refused:
        config.database_url("postgresql://h/x?nonsense=s3cret")
    assert "s3cret" not in str(refused.value)


def test_options_that_are_taken_out_of_the_url_still_reach_the_driver(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no passwords")
    url = engine.url.update_query_dict({"options": "-c statement_timeout=4321", "password": SECRET})
    made = create_engine(url)
    with made.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "4321ms"
    made.dispose()
