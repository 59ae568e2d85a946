"""An archive with runs of a few threads, and clients of the application over it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from runstore import RunRepository
from runstore.web import asgi_app

SAMPLES = Path(__file__).parent.parent / "samples"
Ask = Callable[..., TestClient]
Run = dict[str, Any]


def threaded(number: int, thread: str = "thread_a", **members: Any) -> Run:
    """A run of a thread; two follow one another in a second, so that their ids decide about the order."""
    return {
        "id": f"run_{number:03}",
        "object": "thread.run",
        "created_at": 1_700_000_000 + number // 2,
        "thread_id": thread,
        "assistant_id": "asst_1",
        "status": "completed",
        "model": "gpt-4o",
        "instructions": "Answer in Gülşen's words: <b>&amp;</b> \U0001f600",
        "metadata": {"number": str(number), "user": "a=b"},
        "tools": [{"type": "code_interpreter"}],
        "usage": {"prompt_tokens": number, "completion_tokens": 1, "total_tokens": number + 1},
        **members,
    }


A_RUNS = [threaded(number) for number in range(45)]
B_RUNS = [threaded(number, "thread_b", status="failed") for number in range(100, 103)]
PUBLISHED = [
    run | {"id": f"run_of_{path.stem}", "thread_id": "thread_published"}
    for path in sorted(SAMPLES.glob("*.json"))
    for run in [json.loads(path.read_text("utf-8"))]
]


def newest_first(runs: list[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: (run["created_at"], run["id"]), reverse=True)


@pytest.fixture
def archive(runs: RunRepository) -> RunRepository:
    """An archive with all of these runs."""
    runs.save_many([*A_RUNS, *B_RUNS, *PUBLISHED])
    return runs


@pytest.fixture
def ask(archive: RunRepository) -> Iterator[Ask]:
    """Makes clients of the application over the archive."""
    with ExitStack() as stack:

        def made(**options: Any) -> TestClient:
            headers = options.pop("headers", {"Accept-Encoding": "identity"})
            app = asgi_app(archive, **options)
            client = TestClient(app, headers=headers, raise_server_exceptions=False)
            return stack.enter_context(client)

        yield made
