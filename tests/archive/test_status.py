"""The status of an archive for operators: when runs were last imported, and metrics for Prometheus."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from runstore import RunObject, RunRepository, config, migrate, repository
from tests.helpers.comparison import contents

RUN = {"id": "run_1", "object": "thread.run", "status": "completed"}


def status(engine: Engine) -> migrate.Status:
    with engine.connect() as connection:
        return migrate.status(connection)


def noted(engine: Engine) -> int | None:
    with engine.connect() as connection:
        found: int | None = connection.scalar(text("SELECT last_import FROM runstore_version"))
        return found


def now() -> int:
    return time.time_ns() // 1000


# --- the last import -------------------------------------------------------------------------------------------------


def test_an_import_that_brings_nothing_new_is_the_last_one(engine: Engine) -> None:
    assert status(engine).last_import is None
    for records in ([RUN], [RUN], [], [{"id": 1}]):
        began = now()
        RunRepository(engine).save_many(records, observed_at=1)
        assert began <= (status(engine).last_import or 0) <= now()
    assert status(engine).newest_snapshot == 1


def test_a_run_that_comes_in_another_way_counts_when_it_is_new(engine: Engine) -> None:
    def alone() -> None:
        RunRepository(engine).save(RUN)

    def inside() -> None:
        with engine.begin() as connection:
            RunRepository(connection).save_many([{"id": "run_2"}])

    def session() -> None:
        with Session(engine) as session, session.begin():
            session.add(RunObject(id="run_3"))

    for save in (alone, inside, session):
        began = now()
        save()
        assert began <= (status(engine).last_import or 0) <= now()
    assert noted(engine) is None


def test_the_time_that_is_noted_is_the_latest_whoever_comes_last(engine: Engine) -> None:
    for ended_at, expected in ((5, 5), (3, 5), (7, 7)):
        with engine.begin() as connection:
            migrate.note_import(connection, ended_at)
        assert noted(engine) == expected


def test_an_import_does_not_wait_for_another_one_that_notes_its_end(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time")
    with engine.connect() as other:
        migrate.note_import(other, 5)
        writers = [
            threading.Thread(target=RunRepository(engine).save_many, args=([{**RUN, "id": f"run_{n}"}],), daemon=True)
            for n in range(3)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(30)
        assert not any(writer.is_alive() for writer in writers)
        other.commit()
    assert noted(engine) == 5
    assert RunRepository(engine).count() == 3


def test_many_small_imports_of_a_process_note_their_end_now_and_then(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = RunRepository(engine)
    runs.save_many([RUN])
    first = noted(engine)
    runs.save_many([RUN])
    assert noted(engine) == first
    monkeypatch.setattr(repository, "NOTED_EVERY", 0)
    runs.save_many([RUN])
    assert (noted(engine) or 0) > (first or 0)


def test_an_import_that_cannot_note_its_end_has_stored_its_runs(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE runstore_version RENAME COLUMN last_import TO elsewhere"))
    try:
        assert RunRepository(engine).save_many([RUN]).inserted == 1
        assert "the time of this import could not be recorded: " in caplog.text
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE runstore_version RENAME COLUMN elsewhere TO last_import"))


def test_the_archive_is_the_same_whenever_it_was_imported(engine: Engine, tmp_path: Path) -> None:
    runs = RunRepository(engine)
    runs.save_many([RUN], observed_at=1)
    before = contents(engine), runs.fingerprint()
    with RunRepository.open(tmp_path / "copy.db") as copy:
        began = now()
        assert runs.copy_to(copy).complete
        assert list(runs.differences(copy)) == []
        assert copy.fingerprint() == runs.fingerprint()
    with migrate.engine(config.database_url(tmp_path / "copy.db")) as copied:
        assert (noted(copied) or 0) >= began  # what it has brought is in the archive since then
    RunRepository(engine).save_many([RUN], observed_at=1)
    assert (contents(engine), runs.fingerprint()) == before
    assert list(runs.verify()) == []
