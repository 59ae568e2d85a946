"""Secrets: what payloads carry by mistake is left out where it is asked for, and no message or traceback shows any."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from runstore.errors import DatabaseFailure
from runstore.redact import REDACTED, redacted, secrets
from runstore.repository import RunRepository
from tests.comparison import compact
from tests.test_all_or_nothing import disarm, fail_on, full
from tests.test_prices import invoke, place

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
    found = secrets(compact(run))
    assert [secret.path for secret in found] == ["$.instructions", "$.metadata.note", "$.x[0][0].deep"]
    assert len({secret.kind for secret in found}) == 1
    assert secrets(redacted(compact(run))) == []


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


def test_lint_tells_where_secrets_stand_and_of_what_kind_and_shows_none(runs: RunRepository, url: URL) -> None:
    hidden = [KEYS[0], "hunter2", "abc-header"]
    runs.save_many(
        [
            full(
                "a", instructions=f"Use {hidden[0]} at https://bot:{hidden[1]}@example.org", metadata={"note": "none"}
            ),
            full("b", tool_resources={"mcp": [{"headers": {"X": hidden[2]}}]}, metadata={"password": hidden[1]}),
            full("c", status="paused"),
        ]
    )
    leaks = [
        ("a", "secret", "$.instructions", "looks like an API key"),
        ("a", "secret", "$.instructions", "looks like the password of a URL"),
        ("b", "secret", "$.tool_resources.mcp[0].headers.X", "looks like the value of a header"),
        ("b", "secret", "$.metadata.password", "looks like a secret by the name of its member"),
    ]
    found = list(runs.findings())
    assert sorted(finding for finding in found if finding.rule == "secret") == sorted(leaks)
    assert [finding.run_id for finding in found] == sorted(finding.run_id for finding in found)
    assert "c" in {finding.run_id for finding in found}
    assert {finding for finding in runs.findings(id="a") if finding.rule == "secret"} == set(leaks[:2])
    done = invoke("lint", "--db", place(url), "--id", "b")
    assert done.exit_code == 1
    assert [json.loads(line) for line in done.stdout.splitlines()] == [f._asdict() for f in runs.findings(id="b")]
    assert not any(text in done.output for text in hidden)


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
