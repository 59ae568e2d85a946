"""Connections: pools that are too small, and sessions that the server ends."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, QueuePool, event
from sqlalchemy.engine import URL

from runstore.backends import create_engine
from runstore.errors import DatabaseFailure
from runstore.query.reader import BATCH
from runstore.repository import RunRepository
from tests.helpers.runs import full


@pytest.fixture
def narrow(url: URL) -> Iterator[Engine]:
    """An engine with one connection."""
    made = sqlalchemy.create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.05)
    if url.get_backend_name() == "sqlite":
        event.listen(made, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    yield made
    made.dispose()


def ask(runs: RunRepository) -> object:
    with runs.sql("SELECT 1") as answer:
        return list(answer.rows)


def test_a_pool_of_one_connection_says_what_to_do(narrow: Engine) -> None:
    runs = RunRepository(narrow)
    saved = [full(f"run_{n}") for n in range(3)]
    runs.save_many(saved)
    work: list[Callable[[], object]] = [
        lambda: runs.save(full("more")),
        lambda: runs.save_many([full(f"more_{n}") for n in range(300)]),
        lambda: runs.load("run_1"),
        lambda: runs.find(status="queued"),
        runs.count,
        lambda: list(runs.rows()),
        lambda: runs.stats("day"),
        lambda: runs.delete("run_1"),
        lambda: runs.prune(status="queued"),
        lambda: list(runs.verify()),
        runs.fingerprint,
        runs.vacuum,
        lambda: runs.copy_to(runs),
        lambda: RunRepository(narrow).count(),
    ]
    if narrow.dialect.name != "sqlite":  # where it has a connection of its own
        work.append(lambda: ask(runs))
    found = runs.iterate()
    assert next(found)["id"] == "run_0"
    for each in work:
        with pytest.raises(DatabaseFailure, match="enlarge the pool"):
            each()
    assert [run["id"] for run in found] == ["run_1", "run_2"]
    runs.save(full("run_3"))
    assert runs.count() == 4


# --- sessions that idle ----------------------------------------------------------------------------------------------


@pytest.fixture
def hasty(url: URL) -> Iterator[RunRepository]:
    """An archive on a server that ends transactions which idle."""
    if url.get_backend_name() == "sqlite":
        pytest.skip("SQLite has no sessions")
    made = create_engine(url.update_query_dict({"options": "-c idle_in_transaction_session_timeout=800"}))
    yield RunRepository(made)
    made.dispose()


READS: dict[str, Callable[[RunRepository], Iterator[Any]]] = {
    "iterate": RunRepository.iterate,
    "rows": lambda runs: runs.rows("id"),
}


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, BATCH])
@pytest.mark.parametrize("read", READS)
def test_whoever_is_long_busy_with_the_last_run_has_them_all(
    hasty: RunRepository, read: str, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    hasty.save_many([{"id": f"run_{n}", "object": "thread.run"} for n in range(count)])
    number = 0
    for _ in READS[read](hasty):
        number += 1
        if number == count:
            time.sleep(1.2)
    assert number == count
    assert not [record for record in caplog.records if record.name.startswith("sqlalchemy")]
    assert hasty.count() == count


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")  # the cursor went with its session
def test_whoever_is_long_busy_in_the_middle_is_told_why(hasty: RunRepository, caplog: pytest.LogCaptureFixture) -> None:
    hasty.save_many([{"id": f"run_{n}", "object": "thread.run"} for n in range(3 * BATCH)])
    found = hasty.iterate()
    next(found)
    time.sleep(1.2)
    with pytest.raises(DatabaseFailure, match="idle-in-transaction timeout"):
        list(found)
    gc.collect()
    assert not [record for record in caplog.records if record.name.startswith("sqlalchemy")]
    assert hasty.count() == 3 * BATCH


@pytest.mark.slow
def test_a_save_goes_on_where_the_server_has_ended_a_session_of_the_pool(hasty: RunRepository, url: URL) -> None:
    engine = create_engine(url.update_query_dict({"options": "-c idle_session_timeout=800"}))
    runs = RunRepository(engine)
    for n in range(2):
        runs.save(full(f"run_{n}"))
        time.sleep(1.2)
    engine.dispose()
    assert hasty.count() == 2
