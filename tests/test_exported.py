"""An archive's own export comes back whole: also runs that nothing but the archive says are runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from runstore import NotARun, RunObject, RunRejected, RunRepository, formats
from runstore.sources import read_stream
from tests.strategies import examples, mutilated
from tests.strategies import runs as some_runs
from tests.test_cli import Cli, a_run, cli, lines, shown

__all__ = ["cli"]

SILENT: list[dict[str, Any]] = [
    {"id": "run_x"},
    {"Id": "spelled"},
    {"id": "like a message", "role": "user", "content": "hello"},
    {"id": "like an envelope", "data": [1, {"id": "inner"}], "event": "thread.message.created"},
    {"id": "like a step", "run_id": "run_x", "object": None},
    {"id": "half a run", "object": "", "metadata": {"a": "b"}},
    {"id": "\U0001f9f5\n", "status": "of its own"},
    a_run("says so", status="completed"),
]
"""Runs that somebody has saved, of which a file would not tell that they are runs but for the last one."""

QUOTED = '{"object":"thread.run","id":"quoted"}'


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


def test_import_stores_what_does_not_say_that_it_is_a_run_only_if_told(cli: Cli, url: URL, runs: RunRepository) -> None:
    for run in SILENT:
        runs.save(run)
    number = cli("fingerprint", "--db", shown(url)).out
    assert cli("export", "--db", shown(url), "-o", "all.jsonl").code == 0
    result = cli("import", "--db", "copy.db", "all.jsonl")
    assert result.code == 0
    assert "1 inserted" in result.out
    assert "if the file was written by 'runstore export', import it with --exported\n" in result.err
    result = cli("import", "--db", "copy.db", "--exported", "all.jsonl")
    assert (result.code, result.err) == (0, "")
    assert "7 inserted, 0 updated, 1 unchanged, 0 stale, 0 conflict, 0 rejected, 0 skipped" in result.out
    assert cli("fingerprint", "--db", "copy.db").out == number


def test_what_says_that_it_is_something_else_is_no_run_of_an_export(cli: Cli) -> None:
    others = [{"object": "thread.message", "id": "msg_1"}, {"role": "user"}]
    Path("chat.jsonl").write_text(lines(*others) + json.dumps(others) + '\n5\n{"id": 7}\n')
    result = cli("import", "--exported", "chat.jsonl")
    assert (result.code, result.out.split(", ")[5:]) == (6, ["2 rejected", "4 skipped (4 objects that are not runs)\n"])
