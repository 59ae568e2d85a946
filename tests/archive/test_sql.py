"""SQL queries change nothing and end within a time limit, on both databases."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import time
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from runstore import (
    ArchiveMissing,
    ConfigurationError,
    DatabaseFailure,
    InvalidArgument,
    QueryRefused,
    QueryTimeout,
    RunRepository,
)
from tests.helpers.commands import COMMAND, Cli, env, shown
from tests.helpers.comparison import contents
from tests.helpers.queries import ENDLESS, TEN_SECONDS, answering, ask
from tests.helpers.waiting import until


@pytest.fixture
def archive(runs: RunRepository) -> RunRepository:
    runs.save_many({"id": f"run_{n:04}", "object": "thread.run", "created_at": n} for n in range(2500))
    return runs


# --- answers ---------------------------------------------------------------------------------------------------------


def test_a_query_is_answered_with_its_columns_and_rows(archive: RunRepository) -> None:
    with archive.sql("SELECT id, created_at AS at FROM runs ORDER BY id -- the last line\n;") as answer:
        assert answer.columns == ("id", "at")
        assert list(answer.rows) == [(f"run_{n:04}", n) for n in range(2500)]
    assert ask(archive, "VALUES (1, 'a'), (2, NULL)") == [(1, "a"), (2, None)]
    assert ask(archive, "SELECT '%', '%s', ':a', '?' WHERE '100%' LIKE '%'") == [("%", "%s", ":a", "?")]
    assert ask(archive, "SELECT id FROM runs WHERE id = 'none'") == []


def test_the_rows_are_fetched_as_they_are_asked_for(archive: RunRepository) -> None:
    with archive.sql(ENDLESS.format("i")) as answer:
        assert [next(answer.rows) for _ in range(1500)] == [(n,) for n in range(1, 1501)]


def test_values_are_exact_bytes_are_bytes_and_times_and_json_are_text(archive: RunRepository, backend: str) -> None:
    assert ask(archive, "SELECT 9223372036854775807, digest FROM run_object LIMIT 1")[0][0] == 2**63 - 1
    assert type(ask(archive, "SELECT digest FROM run_object LIMIT 1")[0][0]) is bytes
    if backend == "sqlite":
        assert ask(archive, "SELECT 0.1, CAST(x'ff' AS TEXT)") == [(0.1, "�")]
        return
    row = ask(
        archive,
        "SELECT 12345678901234567890.10, timestamptz '2024-05-31 14:00+02', timestamp '2024-05-31 14:00:00.5', "
        "timestamptz 'infinity', timestamptz '9999-12-31 23:59:59+00' + interval '1 day', date '2024-05-31', "
        """interval '1 hour', '{"b": 1.10, "a": 2}'::json, array[1, 2], true""",
    )
    assert row == [
        (
            *(Decimal("12345678901234567890.10"), "2024-05-31T12:00:00Z", "2024-05-31T14:00:00.5"),
            *("infinity", "10000-01-01T23:59:59Z", "2024-05-31"),
            *("PT1H", '{"b": 1.10, "a": 2}', [1, 2], True),
        )
    ]


def test_the_views_can_be_asked_with_json_functions(archive: RunRepository, backend: str) -> None:
    function = "json_each" if backend == "sqlite" else "json_array_elements_text"
    assert len(ask(archive, f"SELECT value FROM {function}('[1, 2]')")) == 2
    assert ask(archive, "SELECT count(*) FROM run_findings WHERE rule = 'missing'") > [(0,)]


# --- parameters ------------------------------------------------------------------------------------------------------


def test_parameters_are_bound_to_the_names_in_the_query(archive: RunRepository, backend: str) -> None:
    query = "SELECT id FROM runs WHERE created_at >= :least AND id <> :other AND :least < 9 ORDER BY id LIMIT :most"
    found = ask(archive, query, parameters={"least": 5, "other": "run_0006", "most": 2})
    assert found == [("run_0005",), ("run_0007",)]
    values = {"i": 2**40, "f": 0.5, "t": 'it\'s :t, "$1" and %s', "b": b"\0x", "n": None, "yes": True}
    row = ask(archive, "SELECT :i AS i, :f AS f, :t AS t, :b AS b, :n AS n, :yes AS yes", parameters=values)
    assert row == [tuple(values.values())]
    assert ask(archive, "SELECT count(*) FROM runs WHERE :id IS NULL OR id = :id", parameters={"id": None}) == [(2500,)]
    assert ask(archive, "SELECT count(*) FROM runs WHERE :id IS NULL OR id = :id", parameters={"id": "run_0001"}) == [
        (1,)
    ]
    assert ask(archive, "SELECT id FROM runs WHERE id = :id", parameters={"id": "' OR '1' = '1"}) == []


def test_only_a_name_outside_of_texts_and_comments_is_a_parameter(archive: RunRepository, backend: str) -> None:
    query = """SELECT ':a', 'it''s :a', n.":a" FROM (SELECT :b AS ":a") AS n -- :a
        /* :a */ WHERE ':a' <> '' AND CAST(:b AS text) = 'x'"""
    assert ask(archive, query, parameters={"b": "x"}) == [(":a", "it's :a", "x")]
    if backend != "sqlite":
        query = r"""SELECT (array[1, 2, 3])[1:2], 'x'::text, E'\':a', $$:a$$, $q$ $$ :a $q$, /* /* :a */ :a */ :n::int
            FROM (SELECT array[1] AS list, 1 AS "to") AS t WHERE list[1:"to"] = list[list[1]:list[1]]"""
        assert ask(archive, query, parameters={"n": "7"}) == [([1, 2], "x", "':a", ":a", " $$ :a ", 7)]


def test_a_parameter_without_a_value_and_a_value_without_a_parameter_are_errors(archive: RunRepository) -> None:
    senseless: list[tuple[str, Any, str]] = [
        ("SELECT :model", None, "parameters gives no value for :model, which the query contains"),
        ("SELECT :model", {"modle": "x"}, "parameters gives no value for :model, which the query contains"),
        ("SELECT :a", {"a": 1, "b": 2}, "parameters gives a value for 'b', but the query does not contain :b"),
        ("SELECT ':a'", {"a": 1}, "parameters gives a value for 'a', but the query does not contain :a"),
        ("SELECT :a", {":a": 1}, "parameters contains the name ':a', expected a name of ASCII letters"),
        ("SELECT :a", [1], "parameters is of type list, expected a mapping of names to values"),
        *(
            ("SELECT :a", {"a": value}, "parameters contains a value for 'a' that cannot be bound")
            for value in (2**63, float("nan"), float("inf"), "\0", "\ud800", Decimal(1), [1])
        ),
    ]
    for query, parameters, message in senseless:
        with pytest.raises(InvalidArgument, match=message):
            ask(archive, query, parameters=parameters)
    for query in ("SELECT ?", "SELECT $1"):
        with pytest.raises((QueryRefused, InvalidArgument)):
            ask(archive, query)


def test_a_query_with_parameters_cannot_change_the_archive(archive: RunRepository) -> None:
    for query in ("DELETE FROM run_object WHERE id = :id", "SELECT :id; DELETE FROM run_object"):
        with pytest.raises(QueryRefused):
            ask(archive, query, parameters={"id": "run_0001"})
    assert archive.count() == 2500


# --- what does not get through ---------------------------------------------------------------------------------------

CHANGES = {
    "delete": "DELETE FROM run_object",
    "update": "UPDATE run_object SET status = 'x'",
    "insert": "INSERT INTO run_object_shape (id, digest, document) VALUES (1, '', '')",
    "insert returning": "INSERT INTO run_object_shape (id, digest, document) VALUES (1, '', '') RETURNING id",
    "data-changing CTE": "WITH gone AS (DELETE FROM run_object RETURNING id) SELECT * FROM gone",
    "CTE before a change": "WITH some AS (SELECT id FROM run_object) DELETE FROM run_object",
    "second statement": "SELECT 1; DELETE FROM run_object",
    "commit, then a change": "SELECT 1; COMMIT; DELETE FROM run_object",
    "commit first": "COMMIT; DELETE FROM run_object",
    "commit": "COMMIT",
    "rollback": "ROLLBACK",
    "begin": "BEGIN",
    "savepoint": "SAVEPOINT a",
    "set transaction": "SET TRANSACTION READ WRITE",
    "set": "SET default_transaction_read_only = off",
    "set session": "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "set in a function": "SELECT set_config('transaction_read_only', 'off', false)",
    "pragma": "PRAGMA user_version = 7",
    "pragma that reads": "PRAGMA table_info(run_object)",
    "pragma query_only": "PRAGMA query_only = OFF",
    "pragma as a table": "SELECT * FROM pragma_table_info('run_object')",
    "attach": "ATTACH 'other.db' AS other",
    "extension": "SELECT load_extension('x')",
    "create": "CREATE TABLE evil (a integer)",
    "create temporary": "CREATE TEMPORARY TABLE evil (a integer)",
    "drop": "DROP TABLE run_object_change",
    "select into": "SELECT * INTO evil FROM run_object",
    "for update": "SELECT * FROM run_object FOR UPDATE",
    "vacuum": "VACUUM INTO 'copy.db'",
    "truncate": "TRUNCATE run_object CASCADE",
    "copy to a program": "COPY run_object TO PROGRAM 'touch evil'",
    "copy from": "COPY run_object_shape FROM STDIN",
    "do": "DO $$ BEGIN DELETE FROM run_object; END $$",
    "do and commit": "DO $$ BEGIN COMMIT; DELETE FROM run_object; END $$",
    "explain analyze": "EXPLAIN ANALYZE DELETE FROM run_object",
    "declare": "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "prepare": "PREPARE p AS DELETE FROM run_object",
    "large object": "SELECT lo_create(0)",
    "function that writes": "SELECT forget_all()",
    "nothing": "",
    "a comment": "-- DELETE FROM run_object",
    "a semicolon": ";",
    "no SQL": "show me the runs",
}


@pytest.mark.slow
def test_what_is_not_a_query_is_refused_and_changes_nothing(
    runs: RunRepository, engine: Engine, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs.save({"id": "run_1", "object": "thread.run"})
    if backend != "sqlite":
        with engine.begin() as connection:
            connection.execute(
                text("CREATE FUNCTION forget_all() RETURNS void LANGUAGE sql AS 'DELETE FROM run_object'")
            )
    before, files = contents(engine), sorted(tmp_path.iterdir())
    try:
        for name, query in CHANGES.items():
            with pytest.raises((QueryRefused, DatabaseFailure)) as raised:
                ask(runs, query)
            assert "\n" not in str(raised.value), name
            assert contents(engine) == before, name
            assert sorted(tmp_path.iterdir()) == files, name
    finally:
        if backend != "sqlite":
            with engine.begin() as connection:
                connection.execute(text("DROP FUNCTION forget_all()"))


def test_a_query_that_fails_says_what_is_wrong_in_one_line(archive: RunRepository) -> None:
    with pytest.raises(DatabaseFailure, match="nope"):
        ask(archive, "SELECT nope FROM runs")
    with pytest.raises(QueryRefused, match="one read-only query"):
        ask(archive, "DELETE FROM run_object")


def test_an_explain_is_refused_on_every_database(archive: RunRepository) -> None:
    for query in ("EXPLAIN SELECT 1", "-- why\n/* so slow */ explain SELECT 1", "EXPLAIN QUERY PLAN SELECT 1"):
        with pytest.raises(QueryRefused, match="for the plan of one, use psql or sqlite3"):
            ask(archive, query)
    assert ask(archive, "WITH explain AS (SELECT 1) SELECT * FROM explain") == [(1,)]
    assert ask(archive, "/**/" * 1000 + "SELECT 1") == [(1,)]  # not in exponential time


@pytest.mark.slow
def test_a_text_that_is_too_large_for_printf_is_an_error_and_not_null(archive: RunRepository, backend: str) -> None:
    if backend != "sqlite":
        return
    for function in ("printf", "format"):
        with pytest.raises(DatabaseFailure, match="over 64 MiB"):
            ask(archive, f"SELECT {function}('%.*c', 100000000, 'x')")
        assert ask(archive, f"SELECT {function}('%s %03d %.2f %q', 'ä', 5, 1.5, 'it''s')") == [("ä 005 1.50 it''s",)]
        assert ask(archive, f"SELECT {function}(NULL, 1)") == [(None,)]
        assert ask(archive, f"SELECT coalesce({function}('%s', ''), '')") == [("",)]


def test_what_is_no_query_at_all_is_a_configuration_error(archive: RunRepository, engine: Engine) -> None:
    for query, timeout in (("SELECT '\0'", 1), ("SELECT '\ud800'", 1), (5, 1), ("SELECT 1", 0), ("SELECT 1", "1")):
        with pytest.raises(ConfigurationError):
            ask(archive, query, timeout=timeout)  # type: ignore[arg-type]
    with engine.connect() as connection, pytest.raises(ConfigurationError, match="engine"):
        ask(RunRepository(connection), "SELECT 1")


def test_an_archive_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    with RunRepository.open(tmp_path / "none.db") as none, pytest.raises(ArchiveMissing):
        ask(none, "SELECT 1")
    assert not list(tmp_path.iterdir())


# --- the time limit --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("query", [ENDLESS.format("count(*)"), ENDLESS.format("i"), TEN_SECONDS])
def test_a_query_that_takes_too_long_is_stopped(archive: RunRepository, query: str) -> None:
    started = time.monotonic()
    with pytest.raises(QueryTimeout, match=r"stopped after 0\.5 s"):
        ask(archive, query, timeout=0.5)
    assert time.monotonic() - started < 5


LONG_CALLS = {
    "instr": "SELECT instr(hex(zeroblob(8000000)), hex(zeroblob(4000000)) || 'b')",
    "printf": ENDLESS.format("sum(length(printf('%60000000d', i)))"),
    "trim": "SELECT trim(hex(zeroblob(30000000)), '123456789abcdef' || hex(zeroblob(1000000)))",
    "group_concat": ENDLESS.format("group_concat(i || printf('%10000d', i))"),
    "json": ENDLESS.format("json_group_array(i)"),
    "random": ENDLESS.format("sum(length(hex(randomblob(30000000))))"),
    "large rows": ENDLESS.format("zeroblob(60000000)"),
    "sort": f"SELECT * FROM ({ENDLESS.format('i, hex(zeroblob(1000)) AS x')}) ORDER BY x DESC, i DESC",
    "patch": ENDLESS.format("json_patch(json_group_object(i, i), json_group_object(i, i + 1))").replace(
        "SELECT i + 1 FROM n", "SELECT i + 1 FROM n WHERE i < 300000"
    ),
    "product": "SELECT count(*) FROM runs a, runs b, runs c, runs d, runs e",
}


@pytest.mark.slow
@pytest.mark.parametrize("query", LONG_CALLS.values(), ids=LONG_CALLS)
def test_no_function_of_sqlite_runs_past_the_limit_or_past_an_interrupt(
    archive: RunRepository, url: URL, backend: str, query: str
) -> None:
    """In the middle of a call SQLite does not check the time limit."""
    if backend != "sqlite":
        return
    started = time.monotonic()
    with pytest.raises(QueryTimeout):
        ask(archive, query, timeout=1)
    assert time.monotonic() - started < 5
    asking = subprocess.Popen(
        [*COMMAND, "sql", "--db", shown(url), "-o", "/dev/null", query],
        env=env(),
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with asking:
        until(lambda: answering(url, asking.pid))
        started = time.monotonic()
        asking.send_signal(signal.SIGINT)
        asking.communicate(timeout=10)
        assert asking.returncode == 130
        assert time.monotonic() - started < 5


def test_no_process_that_answers_is_left(archive: RunRepository, backend: str) -> None:
    if backend != "sqlite":
        return
    with pytest.raises(QueryTimeout):
        ask(archive, LONG_CALLS["instr"], timeout=0.5)
    with archive.sql(ENDLESS.format("i")) as answer:
        next(answer.rows)
    tasks = Path("/proc/self/task")
    if tasks.is_dir():
        children = [(task / "children").read_text().split() for task in tasks.iterdir()]
        commands = [Path(f"/proc/{child}/cmdline").read_bytes() for found in children for child in found]
        assert not [line for line in commands if b"sqlite_answer" in line]


def test_large_rows_are_fetched_a_few_at_a_time(archive: RunRepository, backend: str) -> None:
    if backend != "sqlite":
        return
    tracemalloc.start()
    try:
        with archive.sql(ENDLESS.format("zeroblob(4000000)")) as answer:
            assert [len(next(answer.rows)[0]) for _ in range(30)] == [4_000_000] * 30
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()


def test_what_nobody_could_hold_is_refused(archive: RunRepository, backend: str) -> None:
    if backend != "sqlite":
        return
    for query, most in (
        ("SELECT zeroblob(70000000)", "64 MiB"),
        ("SELECT zeroblob(40000000), zeroblob(40000000)", "64 MiB"),
        ("SELECT hex(zeroblob(20000000)), hex(zeroblob(20000000))", "64 MiB"),
        ("SELECT count(*) FROM json_each('[' || replace(hex(zeroblob(15000000)), '0', '1,') || '1]')", "256 MiB"),
    ):
        with pytest.raises(DatabaseFailure, match=most):
            ask(archive, query)


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    [
        *("SELECT fts3_tokenizer('simple')", "SELECT FTS3_Tokenizer('simple')", "SELECT load_extension('x', 'y')"),
        *("SELECT * FROM dbstat", "SELECT * FROM sqlite_stmt", "SELECT * FROM pragma_database_list"),
        *("SELECT 1 FROM", "SELECT 'a", "nonsense"),
    ],
)
def test_functions_and_tables_that_reach_past_the_archive_are_refused_with_2(
    archive: RunRepository, url: URL, backend: str, query: str, cli: Cli
) -> None:
    if backend != "sqlite":
        return
    with pytest.raises(QueryRefused):
        ask(archive, query)
    assert cli("sql", "--db", shown(url), query).code == 2


def test_a_query_cannot_give_itself_more_time(archive: RunRepository, backend: str) -> None:
    if backend == "sqlite":
        return
    query = (
        "SELECT set_config('statement_timeout', '0', false), CASE WHEN n = 1500 THEN pg_sleep(60) END "
        "FROM generate_series(1, 3000) AS n"
    )
    started = time.monotonic()
    with pytest.raises(QueryTimeout):
        ask(archive, query, timeout=0.5)
    assert time.monotonic() - started < 5


@pytest.mark.slow
def test_the_time_that_the_reader_takes_is_not_counted(archive: RunRepository) -> None:
    with archive.sql("SELECT id FROM runs", timeout=1) as answer:
        first = next(answer.rows)
        time.sleep(1.2)
        assert len([first, *answer.rows]) == 2500


def test_the_time_limit_may_be_any_that_makes_sense(archive: RunRepository) -> None:
    for timeout in (0.9, 10**9, 1e300, float("inf")):
        assert ask(archive, "SELECT 1", timeout) == [(1,)]


def test_what_a_query_sets_does_not_come_back_to_the_pool(archive: RunRepository, engine: Engine, backend: str) -> None:
    if backend == "sqlite":
        return
    ask(archive, "SELECT set_config('search_path', 'nowhere', false)")
    assert archive.count() == 2500
    archive.save({"id": "run_later", "object": "thread.run"})


# --- files -----------------------------------------------------------------------------------------------------------


def test_an_archive_that_is_written_to_can_be_asked(url: URL, backend: str) -> None:
    if backend != "sqlite":
        return
    with RunRepository.open(url) as writer:
        writer.save({"id": "run_1", "object": "thread.run"})
        assert Path(f"{url.database}-wal").exists()
        with RunRepository.open(url) as reader, reader.sql("SELECT id FROM runs") as answer:
            writer.save({"id": "run_2", "object": "thread.run"})
            assert list(answer.rows) in ([("run_1",)], [("run_1",), ("run_2",)])
            assert ask(reader, "SELECT count(*) FROM runs") == [(2,)]


def test_a_file_that_may_only_be_read_can_be_asked(url: URL, backend: str) -> None:
    if backend != "sqlite":
        return
    with RunRepository.open(url) as writer:
        writer.save({"id": "run_1", "object": "thread.run"})
        Path(str(url.database)).chmod(stat.S_IRUSR)
        assert ask(writer, "SELECT id FROM runs") == [("run_1",)]


def test_a_path_with_signs_of_a_url_can_be_asked(tmp_path: Path) -> None:
    with RunRepository.open(tmp_path / "a?mode=rw#b%20 c.db") as odd:
        odd.save({"id": "run_1", "object": "thread.run"})
        assert ask(odd, "SELECT id FROM runs") == [("run_1",)]


def test_a_database_in_memory_cannot_be_asked() -> None:
    with RunRepository.open("sqlite://") as memory:
        memory.save({"id": "run_1", "object": "thread.run"})
        with pytest.raises(ConfigurationError, match="memory"):
            ask(memory, "SELECT 1")


def test_sqlite_that_is_read_only_is_so_below_the_authorizer(url: URL, backend: str) -> None:
    """The second line of defence, in case a statement passes the first one."""
    if backend != "sqlite":
        return
    with RunRepository.open(url) as runs:
        runs.save({"id": "run_1", "object": "thread.run"})
    driver = sqlite3.connect(f"{Path(str(url.database)).as_uri()}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        driver.execute("DELETE FROM run_object")
    driver.close()
