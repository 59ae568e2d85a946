"""Stoplight Prism, a server that somebody else wrote, over the public OpenAPI document of the API."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from runstore import RunRepository
from runstore.fetch import HTTPServer, threads

pytestmark = pytest.mark.slow

KEY = "a-key-for-prism-alone"


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a Prism that answers for threads. RUNSTORE_TEST_OPENAPI names the document."""
    document = os.environ.get("RUNSTORE_TEST_OPENAPI")
    if not document:
        pytest.skip("RUNSTORE_TEST_OPENAPI does not name the OpenAPI document of the API")
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("Node.js is not installed")
    folder = tmp_path_factory.mktemp("prism")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "@stoplight/prism-cli"]
    subprocess.run(install, check=True, timeout=600)
    described = yaml.safe_load(Path(document).read_text())
    described["paths"] = {path: item for path, item in described["paths"].items() if path.startswith("/threads")}
    (folder / "threads.yaml").write_text(yaml.safe_dump(described))
    command = [str(folder / "node_modules/.bin/prism"), "mock", "--port", "0", str(folder / "threads.yaml")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield _address(process)
    finally:
        process.kill()
        process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    """Return the address that Prism prints once it listens. Its later lines are read too: a full pipe would stop it."""
    found: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout
        for line in process.stdout:
            if "listening on " in line:
                found.put(line.partition("listening on ")[2].strip())

    threading.Thread(target=read, daemon=True).start()
    return found.get(timeout=120)


def test_a_run_that_has_every_member_is_fetched(prism: str, runs: RunRepository) -> None:
    server = HTTPServer(prism, key=KEY)
    report = threads(server, ["thread_a"], runs, wait=0)
    assert (report.complete, report.saved.inserted, report.unfinished) == (True, 1, 1)
    assert [run["object"] for run in runs.iterate()] == ["thread.run"]
    assert threads(server, ["thread_a"], runs, wait=0).saved.unchanged == 1
