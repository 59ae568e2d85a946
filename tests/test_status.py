"""How an archive is, for those who watch it: when runs were last imported, and metrics for Prometheus."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from runstore import RunObject, RunRepository, config, migrate, repository
from runstore.cli.metrics import exposition
from tests.comparison import contents
from tests.deployed import shown
from tests.test_cli import Cli, cli

__all__ = ["cli"]

RUN = {"id": "run_1", "object": "thread.run", "status": "completed"}


def status(engine: Engine) -> migrate.Status:
    with engine.connect() as connection:
        return migrate.status(connection)


def noted(engine: Engine) -> int | None:
    with engine.connect() as connection:
        found: int | None = connection.scalar(text("SELECT last_import FROM runstore_version"))
        return found


@pytest.fixture
def unnoted(engine: Engine) -> Engine:
    """An archive of which nobody has noted an import: the database of the tests is used again."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE runstore_version SET last_import = NULL"))
    return engine


def now() -> int:
    return time.time_ns() // 1000


# --- the last import -------------------------------------------------------------------------------------------------


def test_an_import_that_brings_nothing_new_is_the_last_one(unnoted: Engine) -> None:
    assert status(unnoted).last_import is None
    for records in ([RUN], [RUN], [], [{"id": 1}]):
        began = now()
        RunRepository(unnoted).save_many(records, observed_at=1)
        assert began <= (status(unnoted).last_import or 0) <= now()
    assert status(unnoted).newest_snapshot == 1


def test_a_run_that_comes_in_another_way_counts_when_it_is_new(unnoted: Engine) -> None:
    def alone() -> None:
        RunRepository(unnoted).save(RUN)

    def inside() -> None:
        with unnoted.begin() as connection:
            RunRepository(connection).save_many([{"id": "run_2"}])

    def session() -> None:
        with Session(unnoted) as session, session.begin():
            session.add(RunObject(id="run_3"))

    for save in (alone, inside, session):
        began = now()
        save()
        assert began <= (status(unnoted).last_import or 0) <= now()
    assert noted(unnoted) is None


def test_the_time_that_is_noted_is_the_latest_whoever_comes_last(unnoted: Engine) -> None:
    for ended_at, expected in ((5, 5), (3, 5), (7, 7)):
        with unnoted.begin() as connection:
            migrate.note_import(connection, ended_at)
        assert noted(unnoted) == expected


def test_an_import_does_not_wait_for_another_one_that_notes_its_end(unnoted: Engine) -> None:
    if unnoted.dialect.name == "sqlite":
        pytest.skip("one writer at a time")
    with unnoted.connect() as other:
        migrate.note_import(other, 5)
        writers = [
            threading.Thread(target=RunRepository(unnoted).save_many, args=([{**RUN, "id": f"run_{n}"}],), daemon=True)
            for n in range(3)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(30)
        assert not any(writer.is_alive() for writer in writers)
        other.commit()
    assert noted(unnoted) == 5
    assert RunRepository(unnoted).count() == 3


def test_many_small_imports_of_a_process_note_their_end_now_and_then(
    unnoted: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = RunRepository(unnoted)
    runs.save_many([RUN])
    first = noted(unnoted)
    runs.save_many([RUN])
    assert noted(unnoted) == first
    monkeypatch.setattr(repository, "NOTED_EVERY", 0)
    runs.save_many([RUN])
    assert (noted(unnoted) or 0) > (first or 0)


def test_an_import_that_cannot_note_its_end_has_stored_its_runs(
    unnoted: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with unnoted.begin() as connection:
        connection.execute(text("ALTER TABLE runstore_version RENAME COLUMN last_import TO elsewhere"))
    try:
        assert RunRepository(unnoted).save_many([RUN]).inserted == 1
        assert "the time of this import could not be noted: " in caplog.text
    finally:
        with unnoted.begin() as connection:
            connection.execute(text("ALTER TABLE runstore_version RENAME COLUMN elsewhere TO last_import"))


def test_the_archive_is_the_same_whenever_it_was_imported(unnoted: Engine, tmp_path: Path) -> None:
    runs = RunRepository(unnoted)
    runs.save_many([RUN], observed_at=1)
    before = contents(unnoted), runs.fingerprint()
    with RunRepository.open(tmp_path / "copy.db") as copy:
        began = now()
        assert runs.copy_to(copy).complete
        assert list(runs.differences(copy)) == []
        assert copy.fingerprint() == runs.fingerprint()
    with migrate.engine(config.database_url(tmp_path / "copy.db")) as engine:
        assert (noted(engine) or 0) >= began  # what it has brought is in the archive since then
    RunRepository(unnoted).save_many([RUN], observed_at=1)
    assert (contents(unnoted), runs.fingerprint()) == before
    assert list(runs.verify()) == []


# --- metrics ---------------------------------------------------------------------------------------------------------

_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)\{{((?:{_LABEL})(?:,{_LABEL})*)\}} (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)")
"""A line of the text format, without a time, as its grammar has it."""


def samples(exposed: str) -> dict[str, dict[str, float]]:
    """The samples by metric and labels, of a text that keeps to the format."""
    assert exposed.endswith("\n")
    found: dict[str, dict[str, float]] = {}
    metric = ""
    lines = iter(exposed[:-1].split("\n"))
    for line in lines:
        if line.startswith("# HELP "):
            metric = line.split(" ")[2]
            assert metric not in found  # the lines of a metric stand together
            assert re.fullmatch(r"# HELP [a-z_]+ [^\\]+", line)
            assert next(lines) == f"# TYPE {metric} gauge"
            found[metric] = {}
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        assert sample[1] == metric
        assert sample[2] not in found[metric]
        found[metric][sample[2]] = float(sample[3])
    return found


def test_the_metrics_say_what_the_status_says(url: URL, unnoted: Engine, cli: Cli) -> None:
    RunRepository(unnoted).save_many([RUN, {"id": "run_2"}], observed_at=1_700_000_000_123_456)
    done = cli("db", "status", "--db", shown(url), "--format", "prometheus")
    assert (done.code, done.err) == (0, "")
    found, said = samples(done.out), status(unnoted)
    archive = f'archive="{config.shown(url)}"'
    assert found["runstore_runs"] == {archive: 2}
    assert found["runstore_newest_snapshot_timestamp_seconds"] == {archive: 1_700_000_000.123457}
    assert found["runstore_last_import_timestamp_seconds"] == {archive: pytest.approx((said.last_import or 0) / 10**6)}
    assert found["runstore_archive_bytes"][archive] > 0
    labels = f'{archive},revision="{migrate.REVISION}",expected="{migrate.REVISION}",version="'
    assert [labels in key for key in found["runstore_revision_info"]] == [True]
    known = {f'{archive},table="{entry.table}"' for entry in said.tables if entry.bytes is not None}
    assert found.get("runstore_table_bytes", {}).keys() == known
    assert len(found) == 7 - (not known) - all(entry.rows is None for entry in said.tables)


def test_an_archive_without_runs_has_no_times(url: URL, unnoted: Engine, cli: Cli) -> None:
    found = samples(cli("db", "status", "--db", shown(url), "--format", "prometheus").out)
    assert set(found["runstore_runs"].values()) == {0}
    assert not {name for name in found if name.endswith("timestamp_seconds")}


def test_what_stands_in_a_path_is_escaped_in_labels() -> None:
    found = migrate.Status("0007", "0007", 1, -5, 2**62, 10**16, [migrate.TableStatus("t", None, 5)])
    path = 'a "b"\\c\nd é \udcff } \x1b[2J'
    exposed = exposition(path, found)
    exposed.encode()
    assert 'runstore_runs{archive="a \\"b\\"\\\\c\\nd é \ufffd } \ufffd[2J"} 1\n' in exposed
    assert len(samples(exposed)) == 6


def test_status_has_the_form_that_is_asked_for(url: URL, engine: Engine, cli: Cli) -> None:
    db: tuple[Any, ...] = ("db", "status", "--db", shown(url))
    assert cli(*db).out == cli(*db, "--json").out == cli(*db, "--format", "json").out
    assert cli(*db, "--json", "--format", "json").code == 0
    first = f"revision        {migrate.REVISION} (this runstore: {migrate.REVISION})\n"
    assert cli(*db, "--format", "table").out.startswith(first)
    both = cli(*db, "--json", "--format", "prometheus")
    assert (both.code, both.out) == (2, "")
    assert "--json and --format prometheus contradict each other" in both.err
