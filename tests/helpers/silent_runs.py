"""Runs that do not declare themselves runs."""

from __future__ import annotations

from typing import Any

from tests.helpers.runs import a_run

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
"""Runs that a program has saved; in a file, only the last one would be recognised as a run."""
QUOTED = '{"object":"thread.run","id":"quoted"}'
