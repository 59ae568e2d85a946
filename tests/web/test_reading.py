"""A read-only repository: neither it nor the database writes, and slow statements are stopped."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.engine import URL

from runstore import ConfigurationError, DatabaseFailure, QueryTimeout, RunNotFound, RunRepository
from runstore.backends import create_engine
from runstore.connections import Connections
from runstore.connections.seen import SeenRows
from runstore.mapping import RUN
from runstore.query import reader
from tests.web.conftest import threaded

ENDLESS = """
WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000000000) SELECT count(*) FROM n
"""


def test_it_reads_and_does_not_write(runs: RunRepository) -> None:
    runs.save(threaded(1))
    reading = runs.reading(5)
    assert reading.load("run_001") == threaded(1)
    assert reading.load_json("run_001").thread_id == "thread_a"
    assert reading.count() == 1
    assert reading.status().runs == 1
    reading.check()
    for write in (
        lambda: reading.save(threaded(2)),
        lambda: reading.save_many([threaded(2)]),
        lambda: reading.delete("run_001"),
        lambda: reading.prune(thread_id="thread_a"),
        lambda: reading.set_prices([]),
        lambda: reading.vacuum(),
    ):
        with pytest.raises(ConfigurationError, match="only reads"):
            write()
    assert runs.count() == 1


def test_it_may_be_made_before_the_repository_is_used(url: URL) -> None:
    with RunRepository.open(url) as runs:
        reading = runs.reading(5)
        runs.save(threaded(1))
        assert reading.load("run_001") == threaded(1)
        reading.check()


def test_the_database_does_not_write_either(engine: Engine, runs: RunRepository) -> None:
    runs.save(threaded(1))
    with (
        pytest.raises(DatabaseFailure, match=r"(?i)read.?only"),
        Connections(engine, patience=0, seen=SeenRows()).reading(5).transaction(write=False) as transaction,
    ):
        transaction.execute(RUN.delete())
    assert runs.delete("run_001") == 1


def test_other_work_on_the_same_connection_may_write(url: URL) -> None:
    """The application's work too, on a connection of its own or on one of the driver."""
    engine = create_engine(url, connections=1)
    runs = RunRepository(engine)
    runs.save(threaded(1))
    reading = runs.reading(5)
    assert reading.count() == 1
    with engine.begin() as connection:
        connection.execute(RUN.update().values(source="theirs"))
    assert reading.count() == 1
    driver = engine.raw_connection()
    driver.cursor().execute("UPDATE run_object SET source = NULL")
    driver.commit()
    driver.close()
    assert reading.count() == 1
    assert runs.save(threaded(2)) == "inserted"
    engine.dispose()


def test_reading_again_and_again_sets_the_connection_once(url: URL) -> None:
    """SQLite prepares all statements again after each change of query_only."""
    if url.get_backend_name() != "sqlite":
        pytest.skip("PostgreSQL has read-only transactions")
    engine = create_engine(url, connections=1)
    reading = RunRepository(engine).reading(5)
    sent: list[str] = []
    event.listen(engine, "connect", lambda driver, _: driver.set_trace_callback(sent.append))
    for _ in range(3):
        assert reading.count() == 0
    engine.dispose()
    assert [statement for statement in sent if "query_only" in statement] == ["PRAGMA query_only = ON"]


def test_what_takes_too_long_is_stopped_and_the_connection_stays_good(url: URL) -> None:
    engine = create_engine(url, connections=1)
    runs = RunRepository(engine)
    runs.save(threaded(1))
    with (
        pytest.raises(QueryTimeout, match=r"stopped after 0\.2 s"),
        Connections(engine, patience=0, seen=SeenRows()).reading(0.2).transaction(write=False) as transaction,
    ):
        transaction.execute(text(ENDLESS)).scalar_one()
    assert runs.reading(5).count() == 1
    runs.save(threaded(2))  # on the same connection
    assert runs.reading(5).count() == 2
    engine.dispose()


def test_a_repository_keeps_as_many_connections_as_it_is_told(url: URL) -> None:
    with RunRepository.open(url, connections=3) as runs:
        runs.save_many(threaded(number) for number in range(reader.BATCH * 2))
        reading = [runs.reading(30).iterate_json() for _ in range(3)]
        for each in reading:
            next(each)
        waiting = threading.Thread(target=lambda: runs.count())
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        for each in reading:
            each.close()
        waiting.join(30)
        assert not waiting.is_alive()


def test_a_view_for_reading_needs_an_engine_and_a_time(engine: Engine, runs: RunRepository, tmp_path: Path) -> None:
    for timeout in (0, -1, "1"):
        with pytest.raises(ConfigurationError, match="expected a number of seconds greater than 0"):
            runs.reading(timeout)  # type: ignore[arg-type]
    with engine.connect() as connection, pytest.raises(ConfigurationError, match="made from an engine"):
        RunRepository(connection).reading(1)


def test_texts_are_given_with_what_a_program_has_to_know(runs: RunRepository) -> None:
    runs.save_many(threaded(number) for number in range(5))
    page = runs.find_json(limit=2, thread_id="thread_a")
    assert [run.id for run in page.runs] == ["run_004", "run_003"]
    assert page.has_more
    assert page.next == runs.find(limit=2, thread_id="thread_a").next
    assert not runs.find_json(limit=2, before="run_003").has_more
    assert runs.find_json(limit=1, before="run_002").has_more
    assert runs.load_json("run_004") == page.runs[0]
    with pytest.raises(RunNotFound):
        runs.load_json("run_none")
