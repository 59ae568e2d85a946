"""The same archive for tasks: the event loop never stops, and a cancelled task leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, get_type_hints

import anyio
import pytest
from sqlalchemy import Engine, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.ext.asyncio import create_async_engine as of_sqlalchemy

from benchmarks import generator
from runstore import (
    AsyncRunRepository,
    ConfigurationError,
    QueryRefused,
    QueryTimeout,
    RunNotFound,
    RunObject,
    RunRejected,
    RunRepository,
    create_async_engine,
    create_engine,
)
from runstore.backends import sqlite_async
from runstore.save import saver
from tests.helpers.paths import ROOT
from tests.helpers.runs import a_run, stored, waiting_run
from tests.helpers.statements import counted

# SQLAlchemy drops the cursor of a cancelled statement together with its connection.
pytestmark = pytest.mark.filterwarnings("ignore:.*AsyncServerCursor:ResourceWarning")

FOR_OPERATORS = {
    *(
        "consistent",
        "fetched",
        "fetched_completely",
        "set_fetched",
        "prune",
        "forecast",
        "vacuum",
        "check_vacuum",
        "verify",
        "fingerprint",
        "fingerprints_by_day",
        "differences",
        "backup",
        "copy_to",
    )
}
"""What computes for long, and is run by operators rather than in a service."""

FOR_LIBRARIES = {"arrow_stream"}
"""What other libraries read, which do not await."""


@asynccontextmanager
async def opened(url: URL, **options: Any) -> AsyncIterator[tuple[AsyncRunRepository, AsyncEngine]]:
    """A repository on an engine, to which all connections have been returned at the end."""
    engine = create_async_engine(url, **options)
    try:
        yield AsyncRunRepository(engine), engine
        await asyncio.sleep(0)
        assert checked_out(engine) == 0
    finally:
        await engine.dispose()


def checked_out(engine: AsyncEngine) -> int:
    return int(engine.pool.checkedout())  # type: ignore[attr-defined]


def in_task(url: URL, use: Callable[[AsyncRunRepository, AsyncEngine], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine on a repository."""

    async def main() -> None:
        async with opened(url) as (archive, engine):
            await use(archive, engine)

    asyncio.run(main())


# --- signature for signature ------------------------------------------------------------------------------------------


def public(kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kind).items() if not name.startswith("_")}


def test_it_has_the_methods_of_the_synchronous_class() -> None:
    assert public(AsyncRunRepository).keys() == public(RunRepository).keys() - FOR_OPERATORS - FOR_LIBRARIES


def awaited(kind: Any) -> str:
    """The type that a method returns, as that of the method for threads."""
    text = str(kind).replace("collections.abc.AsyncIterator", "collections.abc.Generator")
    text = text.replace("contextlib.AbstractAsyncContextManager", "contextlib.AbstractContextManager")
    return (
        text.replace("asynchronous.AsyncAnswer", "answers.Answer")
        .replace("Async", "")
        .replace("runstore.asynchronous", "runstore.repository")
    )


@pytest.mark.parametrize("name", sorted(public(AsyncRunRepository).keys() - {"on", "place", "tz"}))
def test_each_method_has_the_signature_of_the_synchronous_one(name: str) -> None:
    ours, theirs = getattr(AsyncRunRepository, name), getattr(RunRepository, name)
    parameters = [list(inspect.signature(method).parameters.values()) for method in (ours, theirs)]
    if name == "save_many":
        parameters = [[p for p in found if p.name != "runs"] for found in parameters]
        assert "AsyncIterable" in str(inspect.signature(ours).parameters["runs"])
    assert parameters[0] == parameters[1]
    assert awaited(get_type_hints(ours)["return"]) == str(get_type_hints(theirs)["return"])


# --- the same answers -------------------------------------------------------------------------------------------------


def test_every_method_answers_as_the_synchronous_one(url: URL) -> None:
    async def use(archive: AsyncRunRepository, _: AsyncEngine) -> None:
        assert await archive.save(stored("run_1"), source="svc") == "inserted"
        report = await archive.save_many([waiting_run("run_2"), {"id": 1}, stored("run_1", status="completed")])
        assert (report.inserted, report.updated, report.rejected) == (1, 1, 1)
        with RunRepository.open(url) as runs:
            assert await archive.load("run_2") == runs.load("run_2") == waiting_run("run_2")
            assert await archive.load_json("run_2") == runs.load_json("run_2")
            assert await archive.load_many(["run_2", "run_0"]) == runs.load_many(["run_2", "run_0"])
            assert await archive.find(status="completed") == runs.find(status="completed")
            assert await archive.find_json(limit=1) == runs.find_json(limit=1)
            assert await archive.find_rows(["id"], limit=1) == runs.find_rows(["id"], limit=1)
            assert [run async for run in archive.iterate()] == list(runs.iterate())
            newest = [text async for text in archive.iterate_json(newest_first=True)]
            assert newest == list(runs.iterate_json(newest_first=True))
            assert [row async for row in archive.rows(["id", "status"])] == list(runs.rows(["id", "status"]))
            assert [found async for found in archive.findings()] == list(runs.findings())
            assert await archive.count(source="svc") == runs.count(source="svc") == 0
            assert await archive.changes("run_1") == runs.changes("run_1")
            assert await archive.snapshots("run_1") == runs.snapshots("run_1")
            assert await archive.missing_prices() == runs.missing_prices() == []
            assert await archive.remove_prices("m") == 0
            assert await archive.stats("status") == runs.stats("status")
            assert await archive.arrow(["id", "status"]) == runs.arrow(["id", "status"])
            assert (await archive.df(["id", "total_tokens"])).equals(runs.df(["id", "total_tokens"]))
            assert await archive.prices() == runs.prices() == []
            assert await archive.status() == runs.status()
            assert archive.place == runs.place
            berlin = archive.in_zone("Europe/Berlin")
            assert (archive.tz, berlin.tz) == (runs.tz, runs.in_zone("Europe/Berlin").tz)
            assert await berlin.stats("hour") == runs.in_zone("Europe/Berlin").stats("hour")
        await archive.check()
        assert await archive.delete("run_1") == 1
        with pytest.raises(RunNotFound):
            await archive.load("run_1")
        with pytest.raises(RunRejected):
            await archive.save(stored("run_3", x="\0"))

    in_task(url, use)


def test_sql_answers_in_a_task(url: URL) -> None:
    async def use(archive: AsyncRunRepository, _: AsyncEngine) -> None:
        await archive.save_many(a_run(f"run_{n:03}") for n in range(200))
        async with archive.sql("SELECT id FROM runs ORDER BY id") as answer:
            assert answer.columns == ("id",)
            assert [row async for row in answer.rows] == [(f"run_{n:03}",) for n in range(200)]
        async with archive.sql("SELECT id FROM runs") as answer:
            assert await anext(answer.rows)
        async with archive.sql("SELECT id, created_at FROM runs ORDER BY id") as answer:
            assert (await answer.df())["id"].tolist()[:2] == ["run_000", "run_001"]
        async with archive.sql("SELECT id FROM runs WHERE id = 'run_003'") as answer:
            assert (await answer.arrow()).to_pylist() == [{"id": "run_003"}]
        async with archive.sql("SELECT id, id FROM runs WHERE id = 'run_003'") as answer:
            assert await answer.dicts() == [{"id": "run_003", "id_2": "run_003"}]
        async with archive.sql("SELECT id FROM runs WHERE id = :id", {"id": "run_007"}) as answer:
            assert [row async for row in answer.rows] == [("run_007",)]
        with pytest.raises(QueryRefused):
            async with archive.sql("SELECT 1; SELECT 2"):
                pass

    in_task(url, use)


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.mark.slow
def test_the_loop_runs_while_a_query_does(url: URL) -> None:
    async def use(archive: AsyncRunRepository, _: AsyncEngine) -> None:
        await archive.count()
        asking = asyncio.create_task(asked(archive, ENDLESS, timeout=1))
        await asyncio.sleep(0.2)
        assert await archive.count() == 0
        with pytest.raises(QueryTimeout):
            await asking
        asking = asyncio.create_task(asked(archive, ENDLESS, timeout=60))
        await asyncio.sleep(0.5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asking, 5)

    in_task(url, use)


async def asked(archive: AsyncRunRepository, query: str, timeout: float) -> None:
    async with archive.sql(query, timeout=timeout) as answer:
        async for _ in answer.rows:
            pass


def test_a_reading_view_stops_what_takes_too_long(url: URL) -> None:
    async def use(archive: AsyncRunRepository, _: AsyncEngine) -> None:
        await archive.save_many(a_run(f"run_{n}") for n in range(300))
        view = archive.reading(30)
        assert await view.count() == 300
        with pytest.raises(ConfigurationError, match="only reads"):
            await view.save(a_run("run_1"))
        with pytest.raises(QueryTimeout):
            await archive.reading(0.0001).stats("model")
        await archive.save(a_run("run_new"))

    in_task(url, use)


def test_a_new_file_is_created_by_the_first_save(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncRunRepository.open(tmp_path / "new.db") as archive:
            assert await archive.save(a_run("run_1")) == "inserted"
        async with AsyncRunRepository.open("sqlite+aiosqlite://") as archive:
            assert await archive.save(a_run("run_1")) == "inserted"
            assert await archive.count() == 1

    asyncio.run(main())


# --- in the transaction of the caller ---------------------------------------------------------------------------------


def test_a_run_is_saved_in_the_transaction_of_a_session(url: URL) -> None:
    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        sessions = async_sessionmaker(engine)
        async with sessions() as session:
            await archive.on(session).save(stored("run_1"))
            assert (await session.scalars(select(RunObject.id))).all() == ["run_1"]
            await session.rollback()
        assert await archive.count() == 0
        async with sessions.begin() as session:
            await archive.on(session).save(stored("run_1"), source="svc")
            view = archive.on(session)
            assert [run["id"] async for run in view.iterate()] == ["run_1"]
        assert await archive.load("run_1") == stored("run_1")

    in_task(url, use)


def test_the_bridge_of_sqlalchemy_works_too(url: URL) -> None:
    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            assert await connection.run_sync(lambda c: archive.on(c).save(stored("run_1"))) == "inserted"
        async with engine.begin() as connection:
            assert await connection.run_sync(lambda c: RunRepository(c).save(stored("run_2"))) == "inserted"
        with RunRepository.open(url) as runs:
            runs.check()
            async with engine.begin() as connection:
                assert await connection.run_sync(lambda c: runs.on(c).save(stored("run_3"))) == "inserted"
        async with AsyncSession(engine) as session, session.begin():
            run = await session.get_one(RunObject, "run_1")
            run.status = "completed"  # a flush goes through the mapping as well
        assert [run["status"] async for run in archive.iterate()] == ["completed", "queued", "queued"]

    in_task(url, use)


def test_it_executes_the_statements_of_the_synchronous_one(url: URL) -> None:
    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        await archive.save(waiting_run("run_0"))
        await archive.save(waiting_run("run_1"))
        synchronous = create_engine(url)
        runs = RunRepository(synchronous)
        runs.save(waiting_run("run_2"))
        runs.save(waiting_run("run_3"))
        with counted(synchronous) as theirs, synchronous.begin() as connection:
            runs.on(connection).save(waiting_run("run_4"))
        synchronous.dispose()
        with counted(engine.sync_engine) as ours:
            async with engine.begin() as awaiting:
                await archive.on(awaiting).save(waiting_run("run_5"))
        assert ours == theirs
        with counted(engine.sync_engine) as ours:
            async with AsyncSession(engine) as session, session.begin():
                await archive.on(session).save(waiting_run("run_6"))
        assert ours == theirs

    in_task(url, use)


def test_what_a_rolled_back_view_has_stored_is_not_known(url: URL) -> None:
    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        await archive.save(a_run("run_0"))
        async with engine.connect() as connection:
            await archive.on(connection).save(waiting_run("run_1"))
            await connection.rollback()
        async with engine.begin() as connection:
            assert await archive.on(connection).save(waiting_run("run_2")) == "inserted"
        assert await archive.save(waiting_run("run_3")) == "inserted"

    in_task(url, use)


def test_tasks_take_turns_on_one_connection(url: URL) -> None:
    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        await archive.check()
        async with engine.connect() as connection:
            view = archive.on(connection)
            await asyncio.gather(*(view.save(waiting_run(f"run_{n}")) for n in range(20)))
            assert await view.count() == 20
            await connection.commit()
        assert await archive.count() == 20
        async with AsyncRunRepository.open("sqlite+aiosqlite://") as memory:
            await memory.save(a_run("run_0"))
            await asyncio.gather(*(memory.save_many([a_run(f"run_{n}")]) for n in range(20)))
            assert await memory.count() == 20
            async for run in memory.iterate():  # a task that reads may also write
                await memory.save(run | {"status": "completed"})
            assert await memory.count(status="completed") == 20

    in_task(url, use)


# --- many runs --------------------------------------------------------------------------------------------------------


def test_an_asynchronous_iterable_is_saved(url: URL) -> None:
    seen: list[str] = []

    async def coming() -> AsyncIterator[dict[str, Any]]:
        for n in range(50):
            if n % 10 == 0:
                await asyncio.sleep(0.001)
            yield a_run(f"run_{n}")

    async def failing() -> AsyncIterator[dict[str, Any]]:
        yield a_run("run_50")
        raise LookupError("the server is gone")

    async def use(archive: AsyncRunRepository, _: AsyncEngine) -> None:
        report = await archive.save_many(coming(), on_rejected=lambda rejection: seen.append(rejection.where))
        assert (report.inserted, seen) == (50, [])
        with pytest.raises(LookupError):
            await archive.save_many(failing())
        assert await archive.count() == 51  # as without tasks: what came before the error is stored

    in_task(url, use)


def test_runs_are_written_while_no_more_come(url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saver, "PAUSE", 0.1)
    is_stored = asyncio.Event()

    async def coming(archive: AsyncRunRepository) -> AsyncIterator[dict[str, Any]]:
        yield a_run("run_1")
        while not await archive.count():
            await asyncio.sleep(0.02)
        is_stored.set()
        yield a_run("run_2")

    async def use(archive: AsyncRunRepository, _: AsyncEngine) -> None:
        report = await asyncio.wait_for(archive.save_many(coming(archive)), 30)
        assert is_stored.is_set()
        assert report.inserted == 2

    in_task(url, use)


@pytest.mark.slow
def test_a_hundred_tasks_save_overlapping_runs(url: URL) -> None:
    """Each saves its own run, a newer snapshot of it, and the run of the next one."""

    async def use(archive: AsyncRunRepository, _: AsyncEngine) -> None:
        async def save(n: int) -> None:
            runs = [waiting_run(f"run_{m % 100:03}", metadata={"n": str(m % 100)}) for m in range(n, n + 2)]
            done = waiting_run(f"run_{n:03}", status="completed", metadata={"n": "done"})
            if n % 20:
                await archive.save_many([*runs, done])
            else:
                for run in (done, *runs):
                    await archive.save(run)

        await asyncio.gather(*(save(n) for n in range(100)))
        found = [run async for run in archive.iterate()]
        assert [run["id"] for run in found] == [f"run_{n:03}" for n in range(100)]
        assert all(run["status"] == "completed" and run["metadata"] == {"n": "done"} for run in found)

    in_task(url, use)
    with RunRepository.open(url) as runs:
        assert list(runs.verify()) == []


# --- leaving and cancelling -------------------------------------------------------------------------------------------


def test_an_iteration_that_is_left_early_returns_its_connection(url: URL) -> None:
    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        await archive.save_many(a_run(f"run_{n}") for n in range(1200))
        async with aclosing(archive.iterate()) as found:  # type: ignore[type-var]
            async for _ in found:
                assert checked_out(engine) == 1
                break
        assert checked_out(engine) == 0
        for method in (archive.iterate, archive.iterate_json, archive.rows, archive.findings):
            async for _ in method():
                break
            for _ in range(1000):
                if not checked_out(engine):
                    break
                await asyncio.sleep(0.01)
            assert checked_out(engine) == 0
        assert await archive.save(a_run("run_new")) == "inserted"

    in_task(url, use)


async def cancelled_after(seconds: float, work: Awaitable[object]) -> bool:
    """Cancel some work. Return whether it had not ended before."""
    task = asyncio.ensure_future(work)
    await asyncio.sleep(seconds)
    task.cancel()
    try:
        await asyncio.wait_for(task, 20)
    except asyncio.CancelledError:
        return True
    return False


@pytest.mark.slow
def test_a_cancelled_save_leaves_no_half_batch_and_no_connection(url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is cancelled at different moments, and repeated until it was cancelled often enough."""
    monkeypatch.setattr(saver, "BATCH", 50)

    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        await archive.check()
        started = time.perf_counter()
        await archive.save_many([waiting_run(f"run_0_{n}") for n in range(150)])
        whole = time.perf_counter() - started
        part = was_cancelled = 0
        while was_cancelled < 8:
            part += 1
            assert part < 100
            runs = [waiting_run(f"run_{part}_{n}") for n in range(150)]
            was_cancelled += await cancelled_after(whole * (part % 12 + 1) / 13, archive.save_many(runs))
            assert checked_out(engine) == 0
            assert await archive.count() % 50 == 0

    in_task(url, use)
    with RunRepository.open(url) as runs:
        assert list(runs.verify()) == []


@pytest.mark.slow
def test_any_call_can_be_cancelled(url: URL) -> None:
    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        await archive.save_many(waiting_run(f"run_{n}") for n in range(600))

        async def iterate() -> None:
            async with aclosing(archive.iterate()) as found:  # type: ignore[type-var]
                async for _ in found:
                    await asyncio.sleep(0)

        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: archive.save(waiting_run("run_1", status="completed")),
            lambda: archive.find(limit=300),
            lambda: archive.load_many([f"run_{n}" for n in range(300)]),
            lambda: archive.stats("model"),
            iterate,
        )
        for call in calls:
            for n in range(8):
                await cancelled_after(0.003 * n, call())
                assert checked_out(engine) == 0
                with anyio.move_on_after(0.003 * n):  # which cancels again at each step of the cleaning up
                    await call()
                assert checked_out(engine) == 0
        assert await archive.count() == 600

    in_task(url, use)


def test_a_cursor_of_a_cancelled_statement_is_closed_after_it_has_ended(tmp_path: Path) -> None:
    """Python's sqlite3 crashes if a cursor is closed while another thread fetches its rows."""
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 800000) SELECT max(x) FROM n"

    async def main() -> None:
        connection = await sqlite_async.connect(str(tmp_path / "any.db"), check_same_thread=False)
        cursor = await connection.cursor()
        statement = asyncio.ensure_future(cursor.execute(numbers))
        await asyncio.sleep(0.05)
        statement.cancel()
        await cursor.close()
        assert statement.cancelled()
        assert [*await connection.execute_fetchall("SELECT 1")] == [(1,)]
        await connection.close()

    asyncio.run(main())


def test_a_save_changes_to_the_thread_of_sqlite_five_times(url: URL, caplog: pytest.LogCaptureFixture) -> None:
    """To begin, find the run, get a number, insert the rows and commit: each change costs more than a statement."""
    if url.get_backend_name() != "sqlite":
        pytest.skip("psycopg has no thread")

    async def use(archive: AsyncRunRepository, _: AsyncEngine) -> None:
        await archive.save(waiting_run("run_1"))
        with caplog.at_level(logging.DEBUG, "aiosqlite"):
            await archive.save(waiting_run("run_2"))
        assert sum(record.message.startswith("executing") for record in caplog.records) == 5

    in_task(url, use)


@pytest.mark.slow
def test_a_call_that_a_scope_of_anyio_cancels_ends_soon(url: URL) -> None:
    """Such a scope cancels its tasks again at each step of the event loop, as in a request whose client is gone."""

    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        await archive.save_many(waiting_run(f"run_{n}") for n in range(600))
        started = time.perf_counter()
        for n in range(40):
            with anyio.move_on_after(0.001 * n):
                await archive.find(limit=300)
            assert checked_out(engine) == 0
        assert time.perf_counter() - started < 8

    in_task(url, use)


def test_a_task_that_is_cancelled_while_it_connects_leaves_no_connection(url: URL) -> None:
    """Nor does it leave one to the garbage collector."""

    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        was_cancelled = 0
        for steps in range(6):
            task = asyncio.ensure_future(archive.count())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            was_cancelled += isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
            assert checked_out(engine) == 0
            await engine.dispose()
        assert was_cancelled > 3

    gc.collect()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        in_task(url, use)
        gc.collect()
    assert [str(warning.message) for warning in warned] == []


@pytest.mark.slow
def test_a_cancelled_task_does_not_wait_for_another_writer(url: URL) -> None:
    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        await archive.save(a_run("run_1"))
        async with engine.connect() as connection:
            await archive.on(connection).save(a_run("run_1", status="queued"))
            started = time.monotonic()
            newer = a_run("run_1", status="completed")
            assert await cancelled_after(0.3, archive.save(newer))
            assert await cancelled_after(0.3, archive.save_many([newer]))
            assert time.monotonic() - started < 10
            await connection.rollback()
        assert await archive.load("run_1") == a_run("run_1")
        assert await archive.save(newer) == "updated"

    in_task(url, use)


# --- the event loop ---------------------------------------------------------------------------------------------------


MOST_STALLED = 0.05
"""Seconds for which the thread of the loop may compute before another task runs."""


@pytest.mark.slow
def test_the_event_loop_is_never_blocked_for_long(url: URL) -> None:
    """At default sizes; measured up to five times in the time of the thread: other processes use the machine too."""
    runs = list(generator.runs(1100))
    longest: dict[str, float] = {}

    async def use(archive: AsyncRunRepository, _: AsyncEngine) -> None:
        async def everything() -> None:
            async for _ in archive.iterate():
                pass

        await archive.check()
        gc.disable()  # a full collection takes 0.1 s, and is not ours
        for name, call in {
            "save_many": lambda: archive.save_many(runs),
            "iterate": everything,
            "find": lambda: archive.find(),
            "load_many": lambda: archive.load_many([run["id"] for run in runs]),
            "stats": lambda: archive.stats("model"),
        }.items():
            for _attempt in range(5):
                longest[name] = await longest_stall(call)
                if longest[name] < MOST_STALLED:
                    break

    try:
        in_task(url, use)
    finally:
        gc.enable()
    assert max(longest.values()) < MOST_STALLED, longest


async def longest_stall(call: Callable[[], Awaitable[object]]) -> float:
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            began = time.thread_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.thread_time() - began)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.01)
    await call()
    await asyncio.sleep(0.002)
    ticking.cancel()
    return longest


# --- what is refused --------------------------------------------------------------------------------------------------


def test_asyncpg_is_refused_with_the_url_to_use() -> None:
    place = "postgresql+asyncpg://writer:secret@db.example/runs"
    expected = r"asyncpg.*: use the URL postgresql\+psycopg://writer:\*\*\*@db.example/runs"
    with pytest.raises(ConfigurationError, match=expected) as refused:
        AsyncRunRepository.open(place)
    assert "secret" not in str(refused.value)


def test_what_is_no_asynchronous_engine_is_refused_with_the_right_call(engine: Engine) -> None:
    others: dict[str, Callable[[], Any]] = {
        r"AsyncRunRepository.open\(\.\.\.\) takes a URL or a path": lambda: "runs.db",
        r"AsyncRunRepository\(engine\)\.on\(session\)": AsyncSession,
        "not Engine; make one with runstore.create_async_engine": lambda: engine,
    }
    for message, make in others.items():
        with pytest.raises(ConfigurationError, match=message):
            AsyncRunRepository(make())


def test_a_connection_is_used_when_it_is_open(url: URL, tmp_path: Path) -> None:
    async def use(archive: AsyncRunRepository, engine: AsyncEngine) -> None:
        with pytest.raises(ConfigurationError, match="is not open"):
            archive.on(engine.connect())
        with pytest.raises(ConfigurationError, match="pass an engine to AsyncRunRepository"):
            archive.on(engine)  # type: ignore[call-overload]
        async with opened(config_url(tmp_path)) as (_, other), other.connect() as connection:
            with pytest.raises(ConfigurationError, match="is to a different database"):
                await archive.on(connection).count()
        async with engine.connect() as connection:
            with pytest.raises(ConfigurationError, match="reading needs a repository made from an engine"):
                archive.on(connection).reading(1)
            await AsyncRunRepository(connection).save(a_run("run_1"))
            await connection.commit()
        assert await archive.count() == 1

    in_task(url, use)


def config_url(folder: Path) -> URL:
    with RunRepository.open(folder / "other.db") as runs:
        runs.save(a_run("run_1"))
    return make_url(f"sqlite:///{folder / 'other.db'}")


def test_outside_a_task_the_error_shows_the_way(url: URL) -> None:
    async def use(_: AsyncRunRepository, engine: AsyncEngine) -> None:
        with pytest.raises(ConfigurationError, match=r"use AsyncRunRepository, or await connection\.run_sync"):
            RunRepository(engine.sync_engine).count()

    in_task(url, use)


def test_an_engine_without_foreign_keys_is_refused(url: URL) -> None:
    if url.get_backend_name() != "sqlite":
        pytest.skip("PostgreSQL always enforces them")

    async def main() -> None:
        engine = of_sqlalchemy(url.set(drivername="sqlite+aiosqlite"))
        with pytest.raises(ConfigurationError, match="create_async_engine"):
            await AsyncRunRepository(engine).save(a_run("run_1"))
        assert checked_out(engine) == 0
        await engine.dispose()

    asyncio.run(main())


@pytest.mark.slow
def test_without_the_extra_the_import_shows_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "greenlet.py").write_text("raise ImportError('no greenlet')")
    code = "import runstore; runstore.RunRepository; runstore.AsyncRunRepository"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}, capture_output=True)
    assert b"pip install 'runstore[async]'" in done.stderr
