"""Input that arrives slowly is stored soon, even if it ends unexpectedly."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import pytest
from sqlalchemy.engine import URL

from runstore import ConfigurationError, NotARun, RunRejected, RunRepository
from runstore.save.batches import Batches
from runstore.sources import read_stream
from tests.helpers.paths import SAMPLES

SAMPLE = json.loads((SAMPLES / "v2_2024_08.json").read_text())


def run(run_id: str, **members: Any) -> dict[str, Any]:
    return {"id": run_id, "object": "thread.run", **members}


def stored(url: URL, *run_ids: str) -> bool:
    with RunRepository.open(url.render_as_string(hide_password=False)) as runs:
        return len(runs.load_many(run_ids)) == len(run_ids)


LINES, ARRAY, PAGE = ("", "\n"), ("[\n", ", "), ('{"object": "list", "data": [', ", ")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("form", [LINES, ARRAY, PAGE], ids=["lines", "array", "page"])
def test_a_live_pipe_is_stored_after_a_pause_and_before_an_interrupt(
    url: URL, number: int, form: tuple[str, str]
) -> None:
    begin, end = form
    command = [sys.executable, "-m", "runstore", "import", "--db", url.render_as_string(hide_password=False), "-"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background makes them ignore the signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        file = process.stdin.fileno()
        if form is PAGE:  # only its end shows whether it is an envelope or a run
            os.write(file, (json.dumps(run("first")) + "\n").encode())
        os.write(file, f"{begin}{json.dumps(run('a'))}{end}{json.dumps(run('b'))}{end}".encode())
        until = time.monotonic() + 60
        while not stored(url, *(["first"] if form is PAGE else ["a", "b"])):
            assert time.monotonic() < until, "not stored after 60 s"
            time.sleep(0.2)
        os.write(file, f'{json.dumps(run("c"))}{end}{{"id": "cut'.encode())
        time.sleep(0.3)
        process.send_signal(number)
        errors = process.stderr.read()
        assert process.wait(60) == 130
    assert stored(url, "a", "b", "c")
    assert f"so far {4 if form is PAGE else 3} inserted" in errors
    assert "incomplete, because reading was interrupted" in errors
    assert "interrupted; committed work is kept" in errors


class Interrupting(io.RawIOBase):
    """A pipe that pauses after this many runs of a page until the user interrupts the wait."""

    def __init__(self, number: int) -> None:
        page = json.dumps({"data": [run(f"run_{n}") for n in range(number)]})
        self.pieces = iter([page.removesuffix("]}").encode()])

    def read(self, size: int = -1) -> bytes:
        for data in self.pieces:
            return data
        raise KeyboardInterrupt


def test_the_complete_runs_of_a_page_are_stored_when_it_is_interrupted(runs: RunRepository) -> None:
    with pytest.raises(KeyboardInterrupt):
        runs.save_many(read_stream(cast(BinaryIO, Interrupting(2500)), "-", observed_at=1))
    assert runs.count() == 2500


def test_a_second_interrupt_ends_the_import_at_once(runs: RunRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def write(self: Batches, snapshots: list[Any], known: Any) -> list[Any]:
        begun.append(len(snapshots))
        raise KeyboardInterrupt

    monkeypatch.setattr(Batches, "write", write)
    with pytest.raises(KeyboardInterrupt):
        runs.save_many(read_stream(cast(BinaryIO, Interrupting(100)), "-", observed_at=1))
    assert begun == [100]


def test_what_is_rejected_while_a_pipe_pauses_is_reported_by_the_thread_that_saves(
    runs: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runstore.save.saver.PAUSE", 0.05)
    reported: list[tuple[str, threading.Thread]] = []

    def slow() -> Iterator[Any]:
        yield run("a")
        yield {"id": 5, "object": "thread.run"}
        until = time.monotonic() + 60
        while runs.count() == 0:
            assert time.monotonic() < until, "not stored after 60 s"
            time.sleep(0.02)
        yield run("b")

    report = runs.save_many(slow(), on_rejected=lambda each: reported.append((each.where, threading.current_thread())))
    assert (report.inserted, report.rejected) == (2, 1)
    assert reported == [("run 2", threading.main_thread())]


def test_what_came_before_a_failure_of_the_iterable_is_stored(runs: RunRepository) -> None:
    def failing() -> Iterator[dict[str, Any]]:
        yield run("a")
        raise OSError("the API is gone")

    with pytest.raises(OSError, match="the API is gone"):
        runs.save_many(failing())
    assert runs.load("a") == run("a")


@pytest.mark.slow
@pytest.mark.xdist_group("openai")
def test_events_pages_and_dicts_of_sdk_objects_are_saved(runs: RunRepository) -> None:
    from openai.types.beta.assistant_stream_event import ThreadRunCreated
    from openai.types.beta.threads import Run

    created = ThreadRunCreated(event="thread.run.created", data=Run.model_validate(SAMPLE))
    assert runs.save_many([created]).inserted == 1
    assert runs.load(SAMPLE["id"])["usage"] == SAMPLE["usage"]
    report = runs.save_many(
        [dict(Run.model_validate(SAMPLE | {"id": "run_d"})), ("thread.run.created", run("e"), None)]
    )
    assert (report.inserted, report.rejected) == (2, 0), report.rejections
    page = {"data": [run("f"), {"id": "m", "object": "thread.message"}], "has_more": False}
    report = runs.save_many([page, {"id": "batch_req_1", "response": {"body": run("g")}}])
    assert (report.inserted, report.skipped_kinds) == (2, {"thread.message": 1})


def test_runs_in_envelopes_and_strings_are_saved_and_not_what_is_around_them(runs: RunRepository) -> None:
    job = {"id": "job_1", "thread_id": "t", "status": "completed"}
    lines = "\n".join(json.dumps(run(name)) for name in "cd")
    report = runs.save_many(
        [
            {"id": "task-1", "status": "completed", "created_at": 1, "result": run("a")},
            job | {"openai_run": run("b")},
            {"level": "info", "log": lines},
            json.dumps(json.dumps(run("e"))),
            job | {"id": "f", "metadata": {"quoted": run("g")}},
        ]
    )
    assert (report.inserted, report.rejected, report.skipped) == (6, 0, 0), report.rejections
    assert list(runs.load_many(["a", "b", "c", "d", "e", "f"]))
    assert runs.count() == 6
    assert runs.load("f")["metadata"] == {"quoted": run("g")}
    with pytest.raises(NotARun, match="save_many extracts"):
        runs.save(job | {"openai_run": run("b")})


@pytest.mark.xdist_group("openai")
def test_what_save_and_save_many_do_not_take_is_said(runs: RunRepository) -> None:
    from openai.types.beta.threads import Run

    async def page() -> Any:
        yield run("a")

    with pytest.raises(ConfigurationError, match="asynchronous"):
        runs.save_many(page())
    with pytest.raises(ConfigurationError, match="to save one run, use save"):
        runs.save_many(Run.model_validate(SAMPLE))
    with pytest.raises(NotARun, match="save_many extracts"):
        runs.save({"id": "batch_req_1", "response": {"body": run("g")}})


@pytest.mark.parametrize("member", ["x", "metadata", "temperature"])
def test_an_integer_beyond_64_bits_that_a_double_equals_is_that_double(runs: RunRepository, member: str) -> None:
    def text(number: str) -> str:
        value = f'{{"a":{number}}}' if member == "metadata" else number
        return f'{{"id":"r","object":"thread.run","{member}":{value}}}'

    assert runs.save(text("1e20"), observed_at=1) == "inserted"
    assert runs.save(text("100000000000000000000"), observed_at=1) == "unchanged"
    value: Any = {"a": 10**20} if member == "metadata" else 10**20
    assert runs.save(run("r", **{member: value}), observed_at=1) == "unchanged"
    for number in ("100000000000000000001", "18446744073709551616", "1" + "0" * 5000):
        with pytest.raises(RunRejected, match=r"\$\.\w+.*: neither a 64-bit integer nor a double equals"):
            runs.save(text(number))
    with pytest.raises(RunRejected, match="neither a 64-bit integer"):
        runs.save(run("r", **{member: 10**5000}))
