"""Secrets that payloads contain by mistake are found and removed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from runstore.redact import REDACTED, redacted, secrets
from runstore.upkeep.lint import RULES
from tests.helpers.comparison import compact
from tests.helpers.leaks import KEYS
from tests.helpers.paths import ROOT


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


def test_lint_has_all_rules_of_the_view() -> None:
    ddl = (ROOT / "migrations" / "ddl" / "sqlite.sql").read_text()
    view = ddl[ddl.rindex("run_findings") :]
    assert {*re.findall(r"'(\w+)' AS rule", view), *re.findall(r"SELECT [\w.]+, '(\w+)'", view)} < set(RULES)


def test_a_run_without_secrets_stays_to_the_byte() -> None:
    text = b'{"id":"a","token_count":1.5,"metadata":{"keyboard":"sk-short","url":"https://example.org/a@b"}}'
    assert redacted(text) is text
