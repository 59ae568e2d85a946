"""The example of a service, as a process that a client asks."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest
from sqlalchemy.engine import URL

from runstore import RunRepository, create_engine
from tests.helpers.paths import ROOT
from tests.helpers.runs import a_run, stored, waiting_run


@pytest.fixture
def service(own_url: URL) -> Iterator[str]:
    """The address of a process that runs the example on an archive."""
    environment = os.environ | {
        "RUNSTORE_DATABASE_URL": own_url.render_as_string(hide_password=False),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT / "examples/service"), "main:app", "--port", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        said = ""
        while not (found := re.search(r"running on (http://\S+)", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        try:
            yield found[1]
        finally:
            process.send_signal(signal.SIGTERM)
            rest = process.stderr.read()
        assert "Traceback" not in rest, rest


@pytest.mark.slow
def test_a_service_saves_runs_with_its_own_rows_and_answers_from_the_archive(service: str, own_url: URL) -> None:
    runs = [a_run(f"run_{n:04}", thread_id="thread_a", created_at=n) for n in range(2500)]
    body = b"".join(json.dumps(run).encode() + b"\n" for run in [*runs, {"id": 5, "object": "thread.run"}])

    async def main() -> None:
        async with httpx2.AsyncClient(base_url=service, timeout=120) as client:
            ticket = {"title": "a slow answer", "run": stored("run_1")}
            assert (await client.post("/tickets", json=ticket)).json() == {"number": 1, "run": "inserted"}
            assert json.loads((await client.get("/runs/run_1")).content) == stored("run_1")
            assert (await client.get("/runs/run_2")).status_code == 404
            refused = await client.post("/tickets", json={"title": "no run", "run": a_run("run_2", x="\0")})
            assert (refused.status_code, "U+0000" in refused.json()["detail"]) == (422, True)

            uploading = asyncio.create_task(client.post("/runs", content=body))
            tickets = [{"title": str(n), "run": waiting_run(f"run_t{n}")} for n in range(20)]
            made = await asyncio.gather(*(client.post("/tickets", json=each) for each in tickets))
            assert {each.status_code for each in made} == {201}
            uploaded = (await uploading).json()
            assert (uploaded["stored"], len(uploaded["rejected"])) == (2500, 1)

            page = (await client.get("/threads/thread_a/runs", params={"limit": 100})).json()
            assert page["data"] == runs[:-101:-1]
            page = (await client.get("/threads/thread_a/runs", params={"cursor": page["next"]})).json()
            assert page["data"] == runs[-101:-121:-1]
            lines = (await client.get("/runs")).content.splitlines()
            assert len(lines) == 2521
            async with client.stream("GET", "/runs") as left:  # a client that goes away
                await anext(left.aiter_bytes())
            assert (await client.get("/runs/run_1")).status_code == 200

    asyncio.run(main())
    engine = create_engine(own_url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM ticket").scalar() == 21
        assert list(RunRepository(connection).verify()) == []
    engine.dispose()
