"""Secrets in payloads are removed on request, and no message or traceback shows any."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from runstore.errors import ConfigurationError, DatabaseFailure, RunRejected
from runstore.redact import REDACTED, redacted
from runstore.repository import RunRepository
from runstore.upkeep.lint import RULES
from tests.helpers.commands import invoke, shown
from tests.helpers.comparison import compact
from tests.helpers.leaks import KEYS
from tests.helpers.runs import full
from tests.helpers.traps import disarm, fail_on


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
        ("b", "secret", "$.metadata.password", "looks like a secret, judging by its key"),
    ]
    found = list(runs.findings())
    assert sorted(finding for finding in found if finding.rule == "secret") == sorted(leaks)
    assert [finding.run_id for finding in found] == sorted(finding.run_id for finding in found)
    assert "c" in {finding.run_id for finding in found}
    assert {finding for finding in runs.findings(id="a") if finding.rule == "secret"} == set(leaks[:2])
    done = invoke("lint", "--db", shown(url), "--id", "b")
    assert done.exit_code == 1
    assert [json.loads(line) for line in done.stdout.splitlines()] == [f._asdict() for f in runs.findings(id="b")]
    assert not any(text in done.output for text in hidden)


def test_lint_shows_no_secret_that_is_a_key_or_a_status(runs: RunRepository, url: URL) -> None:
    cut = "ey" + "JhbGciOiJI" + "a1B2" * 40  # the view shows the first hundred characters
    for run_id, text in (("a", KEYS[0]), ("b", KEYS[1]), ("c", cut)):
        runs.save(full(run_id, status=text, metadata={text: 7}, model=None, last_error={"code": text, "message": ""}))
    found = list(runs.findings())
    assert {"status", "metadata", "last_error", "secret"} <= {finding.rule for finding in found}
    assert not any(text[:20] in str(found) for text in (*KEYS, cut))
    assert not any(text[:20] in invoke("lint", "--db", shown(url)).output for text in (*KEYS, cut))
    paths = {f.path for f in found if f.rule == "metadata"}
    assert paths == {f"$.metadata.{REDACTED}", f'$.metadata["{REDACTED}"]'}


def test_lint_tells_of_chosen_rules_alone(runs: RunRepository, url: URL) -> None:
    runs.save_many([full("a", status="paused", metadata={"password": "hunter2"}), full("b", temperature=7)])
    every = list(runs.findings())
    for rules in (["secret"], ["status"], ["secret", "temperature"], list(RULES), []):
        assert list(runs.findings(rules=rules)) == [finding for finding in every if finding.rule in rules]
    with pytest.raises(ConfigurationError, match="there is no rule 'sekret'; expected one of id, object, "):
        runs.findings(rules=["sekret"])
    done = invoke("lint", "--db", shown(url), "--rule", "secret", "--rule", "status")
    assert done.exit_code == 1
    assert [json.loads(line)["rule"] for line in done.stdout.splitlines()] == ["status", "secret"]
    assert invoke("lint", "--db", shown(url), "--rule", "top_p").exit_code == 0
    assert isinstance(invoke("lint", "--db", shown(url), "--rule", "sekret").exception, ConfigurationError)


LEAKY: dict[str, Any] = full(
    "run_1",
    thread_id="thread_1",
    status=KEYS[1],
    instructions=f"Use {KEYS[0]}, password: hunter2!",
    metadata={"password": "hunter2", "n": 1, KEYS[1]: "x"},
    last_error={"code": "server_error", "message": f"Incorrect API key provided: {KEYS[0]}"},
    tools=[{"type": "mcp", "headers": {"X": "hunter2"}}],
)


@pytest.mark.parametrize("form", ["csv", "parquet", "xlsx", "jsonl", "json"])
def test_export_leaves_out_secrets_in_every_format(runs: RunRepository, url: URL, tmp_path: Path, form: str) -> None:
    runs.save(LEAKY)
    columns = "id,thread_id,status,instructions,metadata,error_message,total_tokens,created_time"
    for asked in (["--columns", "all"] if form in ("csv", "xlsx") else [], ["--columns", columns]):
        file = tmp_path / f"runs.{form}"
        done = invoke("export", "--redact", "--format", form, "-o", str(file), "--db", shown(url), *asked)
        assert done.exit_code == 0
        text = file.read_bytes()
        if form == "parquet":
            from pyarrow import parquet

            text = compact(
                [{key: str(value) for key, value in row.items()} for row in parquet.read_table(file).to_pylist()]
            )
        elif form == "xlsx":
            text = str(list(openpyxl.load_workbook(file).active.values)).encode()
        assert not any(secret.encode() in text for secret in ("hunter2", *KEYS))
        assert text.count(REDACTED.encode()) >= 5
        assert b"run_1" in text
        assert b"thread_1" in text


def test_a_run_can_be_stored_without_its_secrets(runs: RunRepository, url: URL, tmp_path: Path) -> None:
    expected = json.loads(redacted(compact(LEAKY)))
    assert runs.save(LEAKY, redact=True) == "inserted"
    assert runs.load("run_1") == expected
    assert list(runs.load("run_1")["metadata"]) == ["password", "n", REDACTED]
    assert runs.save_many([LEAKY] * 30, redact=True).unchanged == 30
    assert runs.save(compact(LEAKY | {"id": "run_2"}), redact=True, strict=False) == "inserted"
    (tmp_path / "runs.jsonl").write_bytes(compact(LEAKY | {"id": "run_3"}) + b"\n" + compact(LEAKY))
    done = invoke("import", "--redact", "--db", shown(url), str(tmp_path / "runs.jsonl"))
    assert done.output.startswith("1 inserted, 0 updated, 1 unchanged")
    assert {compact(run | {"id": ""}) for run in runs.iterate()} == {compact(expected | {"id": ""})}
    assert list(runs.verify()) == []
    assert not [finding for finding in runs.findings() if finding.rule == "secret"]


def test_what_is_rejected_shows_no_secret_either(runs: RunRepository, url: URL, tmp_path: Path) -> None:
    """If secrets must not be stored, neither the file of rejects nor a message may contain them."""
    bad = [
        compact(LEAKY | {"x": {KEYS[0]: 1e400}}).replace(b"Infinity", b"1e400"),
        compact(LEAKY)[:-1] + b',"model":"a","model":"b"}',
        compact(LEAKY)[:-1],
        compact(LEAKY | {"id": 7}),
        compact({"id": "run_9", "object": "thread.run", f"password={KEYS[0]}": "\u0000", "y": KEYS[1]}),
    ]
    file, rejects = tmp_path / "runs.jsonl", tmp_path / "rejects"
    file.write_bytes(b"\n".join(bad))
    done = invoke("import", "--redact", "--verbose", "--rejects", str(rejects), "--db", shown(url), str(file))
    assert done.exit_code == 6
    report = runs.save_many(bad, redact=True)
    assert (report.rejected, report.inserted) == (5, 0)
    told = [done.output, rejects.read_text(), str(report.rejections)]
    for run in bad:
        with pytest.raises(RunRejected) as caught:
            runs.save(run, redact=True)
        told.append("".join(traceback.format_exception(caught.value)))
    for text in told:
        assert not [secret for secret in ("hunter2", *KEYS[:2]) if secret in text], text


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
