"""Real servers and clients: a server in a process, a fetch that is killed, SDKs as they are installed.

The tests import the SDKs, because that takes seconds, which the collection of all tests would take longer.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import URL

from runstore import ConfigurationError, RunRepository, ServerRefused, ServerUnreachable
from runstore.fetch import HTTPServer, threads
from runstore.fetch.sdk import AgentsClient as Agents
from tests.helpers.api import API, api_run, error
from tests.helpers.commands import COMMAND, env, shown

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:The Assistants API is deprecated")]

KEY = "a-key-of-the-archive"
NAMES = [f"thread_{number:02}" for number in range(20)]
PLAIN: dict[str, Any] = {"enforce_https": False}  # Azure's policy sends tokens over TLS alone


class Credential:
    """A key in the form of Azure's credentials."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        from azure.core.credentials import AccessToken

        return AccessToken(KEY, int(time.time()) + 3600)


@contextmanager
def serving(place: str) -> Iterator[str]:
    """A process that serves an archive, and its base URL."""
    command = [*COMMAND, "serve", "--db", place, "--port", "0", "--api-key-env", "ARCHIVE_KEY"]
    process = subprocess.Popen(command, env=env(ARCHIVE_KEY=KEY), stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        line = process.stderr.readline()
        found = re.search(r"served at (http://\S+)", line)
        assert found, line
        yield f"{found[1]}/v1"
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """An archive of 20 threads with up to 230 runs, and its server."""
    file = tmp_path_factory.mktemp("served") / "original.db"
    with RunRepository.open(file) as runs:
        runs.save_many(
            api_run(
                number,
                NAMES[number % 20] if number < 400 else NAMES[0],
                created_at=1_700_000_000 + number // 3,
                instructions="Answer in Gülşen's words: <b>&amp;</b> \U0001f600",
                temperature=1 + number / 7,
                metadata={"z": str(number), "a": ""},
            )
            for number in range(610)
        )
    with serving(str(file)) as url:
        yield file, url


def test_a_copy_that_was_fetched_has_the_fingerprint_of_the_original(
    served: tuple[Path, str], runs: RunRepository
) -> None:
    file, url = served
    server = HTTPServer(url, key=KEY)
    assert threads(server, NAMES, runs, jobs=4).saved.inserted == 610
    with RunRepository.open(file) as original:
        assert runs.fingerprint() == original.fingerprint()
        assert [run.text for run in map(runs.load_json, ["run_0000", "run_0399"])] == [
            run.text for run in map(original.load_json, ["run_0000", "run_0399"])
        ]
    # Fetching from the copy gives the same archive again.
    assert threads(server, NAMES, runs, jobs=4).saved.inserted == 0


def test_a_fetch_that_is_killed_goes_on_where_it_was(served: tuple[Path, str], url: URL, runs: RunRepository) -> None:
    file, base = served
    command = [*COMMAND, "fetch", "--db", shown(url), "--base-url", base, "--api-key-env", "ARCHIVE_KEY", "--wait", "0"]
    command += ["--jobs", "2", "--rate", "5/s", *(option for name in NAMES for option in ("--thread", name))]
    for number in (signal.SIGKILL, signal.SIGINT):
        before = runs.count()
        process = subprocess.Popen(command, env=env(ARCHIVE_KEY=KEY), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        end = time.monotonic() + 60
        while (runs.count() <= before or not runs.fetched_completely(base, "")) and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
        assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL), said
        assert before < runs.count() < 610
    complete = runs.fetched_completely(base, "")
    assert 0 < len(complete) < 20
    assert list(runs.verify()) == []
    done = subprocess.run(command, env=env(ARCHIVE_KEY=KEY), capture_output=True, check=True)
    assert done.stdout.endswith(b"0 conflict, 0 rejected, 0 skipped\n")
    with RunRepository.open(file) as original:
        assert runs.fingerprint() == original.fingerprint()


# --- SDKs ------------------------------------------------------------------------------------------------------------


def test_a_client_of_openai_fetches(served: tuple[Path, str], runs: RunRepository) -> None:
    import openai

    file, url = served
    with openai.OpenAI(base_url=url, api_key=KEY) as client:
        report = threads(client, NAMES, runs, source="sdk")
    assert (report.threads, report.saved.inserted) == (20, 610)
    assert runs.fetched(url, "sdk", NAMES[0]).done
    place = url.removesuffix("/v1")
    with openai.AzureOpenAI(azure_endpoint=place, api_key=KEY, api_version="2024-05-01-preview") as client:
        assert threads(client, NAMES[:2], runs).saved.unchanged == 250
    with RunRepository.open(file) as original:
        assert runs.fingerprint() == original.fingerprint()


def test_a_client_of_azure_fetches(served: tuple[Path, str], runs: RunRepository) -> None:
    from azure.ai.agents import AgentsClient

    file, url = served
    place = url.replace("/v1", "/api/projects/p")
    with AgentsClient(place, Credential()) as client:
        report = threads(Agents(client, **PLAIN), NAMES, runs)
        assert (report.threads, report.saved.inserted) == (20, 610)
        assert threads(Agents(client, **PLAIN), NAMES, runs).saved.inserted == 0
    assert runs.fetched(place, "", NAMES[0]).done
    with RunRepository.open(file) as original:
        assert runs.fingerprint() == original.fingerprint()


def test_runs_are_asked_for_again_by_the_clients(runs: RunRepository, api: API) -> None:
    import openai
    from azure.ai.agents import AgentsClient

    api.add(api_run(1, status="queued"), api_run(5))
    with openai.OpenAI(base_url=api.url, api_key=KEY) as client:
        assert threads(client, ["thread_a"], runs, wait=0).unfinished == 1
        api.texts["run_0001"] = b'{"id":"run_0001","status":"completed","thread_id":"thread_a","x":1.0}'
        assert threads(client, ["thread_a"], runs, refresh_unfinished=True).failed == {}
    assert runs.count(status="queued") + runs.count(status="completed") == 2
    with AgentsClient(api.url, Credential()) as azure:
        assert Agents(azure, **PLAIN).run("thread_a", "run_0001") == api.texts["run_0001"]


def test_errors_of_the_clients_are_those_of_a_fetch(runs: RunRepository, api: API) -> None:
    import openai
    from azure.ai.agents import AgentsClient

    with (
        openai.OpenAI(base_url=api.url, api_key=KEY, max_retries=0) as client,
        AgentsClient(api.url, Credential(), retry_total=0) as azure,
    ):
        for made in (client, Agents(azure, **PLAIN)):
            assert "status 404" in threads(made, ["none"], runs).failed["none"]
            api.instead = lambda *_: error(401, "no")
            with pytest.raises(ServerRefused, match="does not accept the client's key"):
                threads(made, ["none"], runs)
            api.instead = lambda *_: error(500, "no")
            assert "status 500" in threads(made, ["none"], runs).failed["none"]
            api.instead = lambda *_: None
    with (
        openai.OpenAI(base_url="http://127.0.0.1:1/v1", api_key=KEY, max_retries=0) as client,
        pytest.raises(ServerUnreachable, match="cannot be reached"),
    ):
        threads(client, ["none"], runs)


def test_what_is_no_client_is_refused(runs: RunRepository) -> None:
    import openai

    with pytest.raises(ConfigurationError, match="AsyncOpenAI is asynchronous"):
        threads(openai.AsyncOpenAI(api_key=KEY), ["thread_a"], runs)
    with pytest.raises(ConfigurationError, match="object is not a client of a known SDK"):
        threads(object(), ["thread_a"], runs)
