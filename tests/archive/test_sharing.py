"""One archive used by threads and forked processes: nothing that was reported as stored is lost."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, Pool, SingletonThreadPool, StaticPool, event
from sqlalchemy.engine import URL

from runstore import ConfigurationError, DatabaseFailure, RunRepository, create_engine, migrate
from tests.helpers.commands import env, shown

DONE, REFUSED, FAILED = 0, 3, 4

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def run(name: object, **members: object) -> dict[str, Any]:
    return {"id": str(name), "object": "thread.run", **members}


def forked(work: Callable[[], object]) -> int:
    """The id of a process that does some work."""
    if pid := os.fork():
        return pid
    code = FAILED
    try:
        work()
        code = DONE
    except ConfigurationError as error:
        code = REFUSED if "fork" in str(error) else FAILED
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def assert_whole(url: URL, expected: int) -> None:
    with RunRepository.open(url) as runs:
        assert runs.count() == expected
        assert list(runs.verify()) == []


# --- forks ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_parent_and_children_store_at_the_same_time_is_all_there(url: URL) -> None:
    def store(name: str) -> None:
        for n in range(20):
            runs.save_many(run(f"{name}_{n}_{m}") for m in range(3))

    with RunRepository.open(url) as runs:
        runs.save(run("first"))
        children = []
        for child in range(4):
            runs.count()  # leaves a connection in the pool
            children.append(forked(partial(store, f"child_{child}")))
            store(f"parent_{child}")
        assert [ended(child) for child in children] == [DONE] * 4
        assert runs.count() == 1 + 8 * 60
    assert_whole(url, 1 + 8 * 60)


def test_a_file_that_is_in_use_at_a_fork_is_refused_in_the_forked_process(url: URL, backend: str) -> None:
    """In whatever way the process is forked; on PostgreSQL each connection has its own session."""

    def again() -> None:
        with RunRepository.open(url) as other:
            other.save(run("child"))

    def with_a_bare_engine() -> None:
        engine = sqlalchemy.create_engine(url)
        event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys = ON"))
        RunRepository(engine).save(run("child"))

    expected = REFUSED if backend == "sqlite" else DONE
    with RunRepository.open(url) as runs:
        runs.save_many(run(n) for n in range(3))
        reading = runs.iterate_json()
        next(reading)
        assert ended(forked(lambda: runs.save(run("child")))) == expected
        assert ended(forked(again)) == expected
        assert ended(forked(lambda: migrate.check(create_engine(url).connect()))) == expected
        if backend == "sqlite":
            assert ended(forked(with_a_bare_engine)) == REFUSED
        assert len(list(reading)) == 2
        assert ended(forked(lambda: runs.save(run("child")))) == DONE
    assert_whole(url, 4)


def test_a_fork_in_the_middle_of_a_batch_hangs_nobody_and_loses_nothing(url: URL) -> None:
    def store() -> None:
        runs.save_many(run(f"parent_{n}", instructions="x" * 1000) for n in range(2000))

    with RunRepository.open(url) as runs:
        runs.save(run("first"))
        thread = threading.Thread(target=store)
        thread.start()
        children: list[int] = []
        while thread.is_alive() and len(children) < 10:
            children.append(forked(lambda: runs.save(run(f"child_{os.getpid()}"))))
            thread.join(0.05)
        codes = [ended(child) for child in children]
        thread.join()
        assert set(codes) <= {DONE, REFUSED}
    assert_whole(url, 2001 + codes.count(DONE))


IN_A_TRANSACTION = """
import os, sys
from runstore import RunRepository, create_engine

engine = create_engine(sys.argv[1])
with engine.begin() as connection:
    runs = RunRepository(connection)
    # More than the cache holds, so part of the transaction is in the log before the commit.
    runs.save_many({"id": f"a{n}", "object": "thread.run", "instructions": f"{n}" + "x" * 9000} for n in range(5000))
    pid = os.fork()
    if not pid:
        sys.exit()  # which ends the transaction, closes the connection and the interpreter
    os.waitpid(pid, 0)
    runs.save_many({"id": f"b{n}", "object": "thread.run", "instructions": f"{n}" + "y" * 9000} for n in range(1000))
"""


@pytest.mark.slow
def test_a_process_that_is_forked_in_a_transaction_does_not_end_that_of_its_parent(url: URL, backend: str) -> None:
    if backend != "sqlite":
        return  # a fork during the application's own transaction is the application's responsibility
    subprocess.run([sys.executable, "-c", IN_A_TRANSACTION, shown(url)], env=env(), check=True, capture_output=True)
    assert_whole(url, 6000)


def test_a_database_in_memory_stays_with_its_process() -> None:
    with RunRepository.open(":memory:") as runs:
        runs.save(run(1))
        assert ended(forked(lambda: runs.save(run(2)))) == REFUSED
        assert runs.count() == 1


@pytest.mark.slow
def test_a_forked_process_uses_no_connection_of_its_parent(engine: Engine) -> None:
    runs = RunRepository(engine)
    runs.save({"id": "parent", "object": "thread.run"})
    answers = multiprocessing.get_context("fork").Queue()

    def child() -> None:
        for n in range(20):
            runs.save({"id": f"{os.getpid()}_{n}", "object": "thread.run"})
        answers.put(runs.count() >= 21)
        answers.close()
        answers.join_thread()
        os._exit(0)

    children = [multiprocessing.get_context("fork").Process(target=child) for _ in range(2)]
    for process in children:
        process.start()
    for n in range(20):
        runs.save({"id": f"parent_{n}", "object": "thread.run"})
    assert all(answers.get(timeout=60) for _ in children)
    for process in children:
        process.join(60)
        assert process.exitcode == 0
    assert runs.count() == 61
    assert list(runs.verify()) == []


@pytest.mark.slow
def test_whatever_a_forked_process_does_first_is_on_a_connection_of_its_own(engine: Engine) -> None:
    def ask(runs: RunRepository) -> None:
        with runs.sql("SELECT 1") as answer:
            assert list(answer.rows) == [(1,)]

    first: list[Callable[[RunRepository], object]] = [
        ask,
        RunRepository.vacuum,
        lambda runs: runs.save({"id": "child", "object": ""}),
        lambda runs: runs.delete("child"),
    ]
    for work in first:
        runs = RunRepository(engine)
        runs.count()  # leaves a connection in the pool
        with engine.connect() as connection:
            inherited = connection.connection.driver_connection

        def child(runs: RunRepository = runs, work: Any = work, inherited: Any = inherited) -> None:
            event.listen(engine, "checkout", lambda driver, *_: os._exit(1) if driver is inherited else None)
            work(runs)
            os._exit(0)

        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join(60)
        assert process.exitcode == 0
        assert runs.count() in (0, 1)


@pytest.mark.slow
def test_a_forked_process_is_refused_the_connection_of_its_parent(engine: Engine) -> None:
    with engine.connect() as connection:
        runs = RunRepository(connection)
        runs.save({"id": "parent", "object": "thread.run"})

        def child() -> None:
            try:
                runs.count()
            except ConfigurationError:
                os._exit(0)
            os._exit(1)

        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join(60)
        assert process.exitcode == 0
        assert runs.count() == 1


# --- threads ----------------------------------------------------------------------------------------------------------


ROUNDS = 8
STORED = 1 + 8 * ROUNDS * 3


def store_and_read(runs: RunRepository) -> None:
    """Eight threads, some of whose saves are refused and therefore rolled back."""

    def work(thread: int) -> None:
        for n in range(ROUNDS):
            runs.save_many(
                [run(f"{thread}_{n}_{m}", thread_id="t") for m in range(3)] + [run("same", thread_id=f"{thread}_{n}")]
            )
            assert runs.load(f"{thread}_{n}_0")["thread_id"] == "t"
            if n % 4 == 0:
                assert sum(1 for _ in runs.iterate(thread_id="t")) >= n

    runs.save(run("same", thread_id="first"))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert runs.count() == STORED
    assert list(runs.verify()) == []


def on_pool(url: URL, pool: type[Pool]) -> Engine:
    arguments = {"check_same_thread": False} if url.get_backend_name() == "sqlite" else {}
    engine = sqlalchemy.create_engine(url, poolclass=pool, connect_args=arguments)
    if arguments:
        event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys = ON"))
    return engine


@pytest.mark.slow
@pytest.mark.parametrize("pool", [StaticPool, SingletonThreadPool])
def test_threads_take_turns_on_an_engine_with_one_connection(url: URL, pool: type[Pool]) -> None:
    engine = on_pool(url, pool)
    try:
        store_and_read(RunRepository(engine))
    finally:
        engine.dispose()
    assert_whole(url, STORED)


def test_threads_take_turns_on_one_connection(engine: Engine, url: URL) -> None:
    with engine.connect() as connection:
        store_and_read(RunRepository(connection))
        connection.commit()
    assert_whole(url, STORED)


def test_two_repositories_on_one_connection_take_turns(engine: Engine, url: URL) -> None:
    with engine.connect() as connection, ThreadPoolExecutor(4) as threads:
        several = [RunRepository(connection) for _ in range(4)]
        list(threads.map(lambda n: several[n].save_many(run(f"{n}_{m}") for m in range(500)), range(4)))
        connection.commit()
    assert_whole(url, 2000)


@pytest.mark.parametrize("place", [":memory:", "sqlite://", "sqlite:///file:shared?mode=memory&cache=shared&uri=true"])
def test_a_database_in_memory_is_shared_by_threads(place: str) -> None:
    with RunRepository.open(place) as runs:
        store_and_read(runs)
        for found in runs.iterate(thread_id="t"):  # a thread does not wait for itself
            runs.save({**found, "status": "completed"})
            break


def test_an_engine_that_gives_each_thread_a_database_of_its_own_is_refused_to_a_second_thread() -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys = ON"))
    try:
        runs = RunRepository(engine)
        runs.save(run(1))
        with ThreadPoolExecutor(1) as threads, pytest.raises(ConfigurationError, match=r"runstore\.create_engine"):
            threads.submit(runs.save, run(2)).result()
        assert runs.count() == 1
    finally:
        engine.dispose()


def test_an_iteration_may_be_handed_to_another_thread(engine: Engine) -> None:
    with engine.connect() as connection:
        runs = RunRepository(connection)
        runs.save_many(run(n) for n in range(5))
        reading = runs.iterate()
        next(reading)
        with ThreadPoolExecutor(1) as threads:
            assert len(threads.submit(list[Any], reading).result()) == 4
        assert runs.save(run("later")) == "inserted"


# --- connections and files that lose what they are given ------------------------------------------------------------


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 has autocommit")
def test_a_sqlite_connection_that_commits_nothing_is_refused(url: URL, backend: str) -> None:
    if backend != "sqlite":
        return
    for value, works in ((True, False), (False, True), (getattr(sqlite3, "LEGACY_TRANSACTION_CONTROL", None), True)):

        def connect(value: Any = value) -> sqlite3.Connection:
            driver = sqlite3.connect(str(url.database), check_same_thread=False)
            driver.execute("PRAGMA foreign_keys = ON")
            driver.autocommit = value  # type: ignore[attr-defined,unused-ignore]
            return driver

        engine = sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=sqlalchemy.QueuePool)
        runs = RunRepository(engine)
        if works:
            assert runs.save(run(str(value))) == "inserted"
        else:
            with pytest.raises(ConfigurationError, match="autocommit=True"):
                runs.save(run(str(value)))
        engine.dispose()
    assert_whole(url, 2)


@pytest.mark.parametrize("level", [None, "", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"])
def test_whatever_begins_the_transactions_of_sqlite_what_is_stored_is_committed(
    url: URL, backend: str, level: str | None
) -> None:
    if backend != "sqlite":
        return
    engine = sqlalchemy.create_engine(url, connect_args={"isolation_level": level})
    event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys = ON"))
    runs = RunRepository(engine)
    assert runs.save_many(run(n) for n in range(50)).inserted == 50
    engine.dispose()
    assert_whole(url, 50)


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_taken_away_is_said_and_nothing_is_written_to_it(
    url: URL, backend: str, suffix: str, replaced: bool
) -> None:
    if backend != "sqlite":
        return
    file = Path(f"{url.database}{suffix}")
    with RunRepository.open(url) as runs:
        runs.save(run(1))
        file.rename(f"{file}.away")
        if replaced:
            file.write_bytes(Path(f"{file}.away").read_bytes())
        what = "replaced by another" if replaced else "deleted or moved"
        for work in (lambda: runs.save(run(2)), runs.count, lambda: runs.delete("1")):
            with pytest.raises(DatabaseFailure, match=what):
                work()
        assert file.exists() == replaced
