"""Several writers at any isolation level produce the same archive, or get an error that states what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from runstore.backends import create_engine
from runstore.errors import DatabaseFailure
from runstore.repository import RunRepository
from runstore.upkeep import pruner
from tests.helpers.comparison import contents
from tests.helpers.runs import PROMPT, full
from tests.helpers.transactions import transaction

ISOLATIONS = ("read committed", "repeatable read", "serializable")


@pytest.fixture(params=ISOLATIONS)
def plain(request: pytest.FixtureRequest, url: URL, engine: Engine) -> Iterator[Engine]:
    """The application's own engine, on a database with this default isolation."""
    if url.get_backend_name() == "sqlite":
        if request.param != ISOLATIONS[0]:
            pytest.skip("SQLite has one isolation")
        made = create_engine(url)
    else:
        with engine.begin() as connection:
            setting = "default_transaction_isolation"
            connection.execute(text(f"ALTER DATABASE \"{url.database}\" SET {setting} = '{request.param}'"))
        made = sqlalchemy.create_engine(url)
    yield made
    made.dispose()
    if url.get_backend_name() != "sqlite":
        with engine.begin() as connection:
            connection.execute(text(f'ALTER DATABASE "{url.database}" RESET default_transaction_isolation'))


# --- prune -----------------------------------------------------------------------------------------------------------

TOOL = {"type": "function", "function": {"name": "old"}}
GOING: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "requires_action": ({"requires_action": True}, {}, {"required_action": None}),
    "error_code": ({"error_code": "e"}, {"last_error": {"code": "e", "message": ""}}, {"last_error": None}),
    "incomplete_reason": ({"incomplete_reason": "r"}, {"incomplete_details": {"reason": "r"}}, {}),
    "tokens": ({"total_tokens_max": 5}, {}, {"usage": {"total_tokens": 9}}),
    "tool_type": ({"tool_type": "code_interpreter"}, {}, {"tools": []}),
    "function": ({"function_name": "old"}, {"tools": [TOOL]}, {"tools": []}),
    "file": ({"file_id": "file_a"}, {}, {"file_ids": ["file_b"]}),
    "metadata": ({"metadata": {"k": "v"}}, {"metadata": {"k": "v"}}, {"metadata": {}}),
    "status": ({"status": "queued"}, {}, {}),
}
"""A filter, what a run has that meets it, what another snapshot has that does not."""


@pytest.mark.slow
@pytest.mark.parametrize("name", GOING)
def test_prune_spares_a_run_that_changes_while_it_waits_for_it(
    plain: Engine, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, meets, spared = GOING[name]
    runs = RunRepository(plain)
    runs.save_many([full(f"run_{n}", **meets) for n in range(3)], observed_at=1)
    choose, chosen = pruner.next_runs, threading.Event()

    def next_runs(*arguments: Any) -> list[str]:
        found = choose(*arguments)
        chosen.set()
        return found

    monkeypatch.setattr(pruner, "next_runs", next_runs)
    deleted: list[int] = []
    thread = threading.Thread(target=lambda: deleted.append(runs.prune(**where).runs))
    with plain.begin() as connection:
        writer = RunRepository(connection)
        writer.save_many([full(f"run_{n}", status="completed", **spared) for n in (0, 2)], observed_at=2)
        thread.start()
        assert chosen.wait(60)
        thread.join(0.2)  # until it waits for the writer
    thread.join(60)
    assert deleted == [1]
    assert sorted(run["id"] for run in runs.iterate()) == ["run_0", "run_2"]
    assert list(runs.verify()) == []


# --- the caller's transaction ----------------------------------------------------------------------------------------


ADVICE = "roll this one back and try it again"


def _save(*moments: tuple[str, int]) -> Callable[[RunRepository], object]:
    return lambda runs: [runs.save(full("run", status=status), observed_at=at) for status, at in moments]


WRITERS: dict[str, Callable[[RunRepository], object]] = {
    "late": _save(("queued", 2)),
    "late in another place": _save(("requires_action", 4)),
    "seen again": _save(("in_progress", 9)),
    "newer": _save(("completed", 3)),
    "two": _save(("cancelling", 5), ("queued", 6)),
    "deleted": lambda runs: runs.delete("run"),
    "pruned": lambda runs: runs.prune(status="in_progress"),
}


@pytest.mark.slow
@pytest.mark.parametrize("first", WRITERS)
def test_a_transaction_that_began_before_another_writer_makes_the_same_history_or_is_refused(
    plain: Engine, first: str
) -> None:
    runs = RunRepository(plain)

    def begin() -> None:
        runs.delete("run")
        _save(("in_progress", 7), ("in_progress", 1))(runs)

    with plain.connect() as connection:
        mine = RunRepository(connection)
        for second in ("late", "late in another place", "newer", "seen again", "two"):
            begin()
            WRITERS[first](runs)
            WRITERS[second](runs)
            expected = contents(plain)["run_object_change"], runs.fingerprint()
            begin()
            advice = ""
            with connection.begin():
                assert mine.load("run")["status"] == "in_progress"
                WRITERS[first](runs)
                try:
                    WRITERS[second](mine)
                except DatabaseFailure as failure:
                    advice = str(failure)
            if advice:
                assert ADVICE in advice
                with connection.begin():
                    WRITERS[second](mine)
            assert (contents(plain)["run_object_change"], runs.fingerprint()) == expected, second
            assert list(runs.verify()) == []


def test_a_run_that_another_one_saves_first_is_refused_with_advice(plain: Engine) -> None:
    runs = RunRepository(plain)
    runs.count()
    with plain.connect() as connection:
        mine = RunRepository(connection)
        with connection.begin():
            assert mine.count() == 0
            runs.save_many([full("run"), full("other")], observed_at=1)
            advice = ADVICE
            try:
                mine.save(full("run", status="completed"), observed_at=2)
            except DatabaseFailure as failure:
                advice = str(failure)
            assert ADVICE in advice
    with plain.begin() as connection:
        RunRepository(connection).save(full("run", status="completed"), observed_at=2)
    assert [run["status"] for run in runs.iterate()] == ["queued", "completed"]
    assert list(runs.verify()) == []


# --- transactions of our own -----------------------------------------------------------------------------------------


def test_our_own_transactions_choose_their_isolation(plain: Engine) -> None:
    if plain.dialect.name == "sqlite":
        pytest.skip("SQLite has one isolation")
    question = "SELECT current_setting('transaction_isolation')"
    for engine in (plain, plain.execution_options(isolation_level="SERIALIZABLE")):
        runs = RunRepository(engine)
        for write, isolation in ((True, "read committed"), (False, "repeatable read")):
            with transaction(engine, write=write) as connection:
                assert connection.execute(text(question)).scalar_one() == isolation
        with runs.sql(question) as answer:
            assert list(answer.rows) == [("repeatable read",)]
    with plain.connect() as connection:  # the pool gets its connection back unchanged
        default = connection.execute(text("SHOW default_transaction_isolation")).scalar_one()
        assert connection.execute(text(question)).scalar_one() == default


@pytest.mark.slow
def test_saves_prunes_and_readers_run_side_by_side(plain: Engine) -> None:
    """Under SERIALIZABLE each of them could fail to serialize access."""
    runs = RunRepository(plain)
    runs.save_many([full(f"run_{n}") for n in range(40)], observed_at=1)
    errors: list[BaseException] = []

    def repeat(work: Callable[[int], object]) -> None:
        try:
            for n in range(12):
                work(n)
        except BaseException as error:
            errors.append(error)

    def save(n: int) -> object:
        return runs.save_many(
            [full(f"run_{m}", status=("completed", "queued")[m % 2], n=n) for m in range(n, 40, 3)], observed_at=50 - n
        )

    work: list[Callable[[int], object]] = [
        save,
        save,
        lambda n: runs.prune(total_tokens_min=1, requires_action=True, metadata_key=f"{n}"),
        lambda n: runs.prune(id=f"run_{n}", requires_action=True),
        lambda n: runs.prune(any_version=True, id=f"run_{n + 20}", total_tokens_min=2),
        lambda _: [list(runs.iterate()), runs.stats("status"), list(runs.verify()), list(runs.rows())],
    ]
    threads = [threading.Thread(target=repeat, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []
    assert list(runs.verify()) == []


def test_what_a_prune_has_taken_since_a_transaction_began_is_stored_again(plain: Engine) -> None:
    """That transaction still sees the prompt, next to the rows that it has inserted."""
    runs = RunRepository(plain)
    runs.save(full("gone"), observed_at=1)
    advice = ""
    with plain.connect() as connection:
        mine = RunRepository(connection)
        with connection.begin():
            assert mine.count() == 1
            runs.prune(id="gone")
            try:
                mine.save_many([full(f"run_{n}", instructions=text) for n in range(3) for text in (PROMPT, f"new {n}")])
            except DatabaseFailure as failure:
                advice = str(failure)
        if advice:
            assert ADVICE in advice
            with connection.begin():
                mine.save_many([full("run_0"), full("run_0", instructions="new 0")])
    assert runs.count() >= 1
    assert list(runs.verify()) == []
