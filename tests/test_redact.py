"""Secrets: what payloads carry by mistake is left out where it is asked for, and no message or traceback shows any."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from sqlalchemy import Engine

from runstore.errors import DatabaseFailure
from runstore.redact import REDACTED, redacted, secrets
from runstore.repository import RunRepository
from tests.comparison import compact
from tests.test_all_or_nothing import disarm, fail_on, full

# Put together here, so that nobody's scanner takes this file for a leak.
KEYS = [
    "sk-" + "proj-" + "a1B2" * 8,
    "gh" + "p_" + "a1B2" * 9,
    "AK" + "IA" + "ABCD1234" * 2,
    "xo" + "xb-" + "1234567890-abcdef",
    "ey" + "JhbGciOiJI.ey" + "JzdWIiOiIx.c2lnbmF0dXJl",
    "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEabc\n-----END RSA " + "PRIVATE KEY-----",
]


@pytest.mark.parametrize("key", KEYS)
def test_keys_and_tokens_are_left_out_wherever_they_stand(key: str) -> None:
    run = {"id": "a", "instructions": f"Use {key} for it.", "metadata": {"note": key}, "x": [[{"deep": key}]]}
    clean = json.loads(redacted(compact(run)))
    assert clean == {
        "id": "a",
        "instructions": f"Use {REDACTED} for it.",
        "metadata": {"note": REDACTED},
        "x": [[{"deep": REDACTED}]],
    }
    assert secrets(compact(run)) == ["$.instructions", "$.metadata.note", "$.x[0][0].deep"]


def test_headers_passwords_and_arguments_are_left_out() -> None:
    run: dict[str, Any] = {
        "id": "a",
        "tool_resources": {"mcp": [{"server_label": "crm", "headers": {"X-Anything": "abc", "n": 1}}]},
        "metadata": {"password": "hunter2", "Api-Key": "k", "topic": "password"},
        "instructions": "Ask postgresql://bot:hunter2@db/crm with Bearer abcdefghijklmnop0123 only.",
        "arguments": '{"query": "x", "api_key": "k-1", "n": 2}',
        "usage": {"total_tokens": 3},
    }
    clean = json.loads(redacted(compact(run)))
    assert clean["tool_resources"]["mcp"][0] == {"server_label": "crm", "headers": {"X-Anything": REDACTED, "n": 1}}
    assert clean["metadata"] == {"password": REDACTED, "Api-Key": REDACTED, "topic": "password"}
    assert clean["instructions"] == f"Ask postgresql://bot:{REDACTED}@db/crm with Bearer {REDACTED} only."
    assert clean["arguments"] == f'{{"query": "x", "api_key": "{REDACTED}", "n": 2}}'
    assert clean["usage"] == {"total_tokens": 3}
    assert list(clean) == list(run)


def test_a_run_without_secrets_stays_to_the_byte() -> None:
    text = b'{"id":"a","token_count":1.5,"metadata":{"keyboard":"sk-short","url":"https://example.org/a@b"}}'
    assert redacted(text) is text


@pytest.mark.parametrize("count", [1, 10], ids=["a run", "many runs"])
@pytest.mark.parametrize("table", ["run_object", "run_object_file_ids"])
def test_no_traceback_shows_the_values_of_a_run(engine: Engine, runs: RunRepository, table: str, count: int) -> None:
    """One run goes by INSERT, many by COPY, which quotes the line that it fails in."""
    hidden = "nobody may read " + "this"  # a traceback shows the line of the code too
    fail_on(engine, table, "a")
    try:
        with pytest.raises(DatabaseFailure, match="the trap is sprung") as caught:
            runs.save_many(
                full(run_id, model=hidden, metadata={"k": hidden}, file_ids=[hidden]) for run_id in "abcdefghij"[:count]
            )
    finally:
        disarm(engine, table)
    assert hidden not in "".join(traceback.format_exception(caught.value))
