"""An archive's export can be imported completely, even runs that cannot be recognised as runs."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from runstore import NotARun, RunObject, RunRejected, RunRepository, formats
from runstore.sources import read_stream
from tests.helpers.silent_runs import QUOTED, SILENT
from tests.helpers.strategies import examples, mutilated
from tests.helpers.strategies import runs as some_runs


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_an_export_comes_back_whole_as_an_export(engine: Engine, runs: RunRepository, form: str) -> None:
    for run in SILENT:
        runs.save(run)
    with Session(engine) as session:
        session.add(RunObject(id="of the ORM", instructions=QUOTED))
        session.commit()
    file = BytesIO()
    formats.write_texts(form, file, runs.iterate_json())
    with RunRepository.open("sqlite://") as again:
        file.seek(0)
        report = again.save_many(read_stream(file, "export", observed_at=1, exported=True))
        assert (report.inserted, report.skipped, report.rejected) == (len(SILENT) + 1, 0, 0)
        assert again.fingerprint() == runs.fingerprint()


@pytest.fixture(scope="module")
def memory() -> Iterator[RunRepository]:
    with RunRepository.open("sqlite://") as archive:
        archive.save_many([])
        yield archive


@examples(60)
@given(run=mutilated() | some_runs())
def test_each_run_that_can_be_saved_is_read_from_an_export_as_it_is(memory: RunRepository, run: dict[str, Any]) -> None:
    try:
        memory.save(run)
    except (RunRejected, NotARun):
        return
    (text,) = memory.iterate_json()
    records = list(
        read_stream(BytesIO(b"[\n" + text + b"\n]\n" + text + b"\n"), "export", observed_at=1, exported=True)
    )
    assert [(record.raw, record.error, record.kind) for record in records] == [(text, None, None)] * 2
    assert memory.save_many(records, observed_at=1).unchanged == 2
    memory.delete([found["id"] for found in memory.iterate()])
