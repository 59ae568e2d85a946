"""Price files, and the commands that store prices, tell findings and take filters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import URL

from runstore import ConfigurationError, RunRepository, prices
from runstore.cli import logs, runstore
from runstore.prices import Price


def invoke(*arguments: str) -> Result:
    logs.set_up()
    return CliRunner().invoke(runstore, arguments)


def place(url: URL) -> str:
    return url.render_as_string(hide_password=False)


CSV = """model,valid_from,prompt,cached,completion,currency
example-large*,2024-05-13,4.50,2.25,13.50,EUR
example-small,,0.15,,0.60,EUR
"""
READ = [
    Price("example-large*", 1_715_558_400, 4.5, 2.25, 13.5, "EUR"),
    Price("example-small", 0, 0.15, None, 0.6, "EUR"),
]


def test_a_price_file_is_csv_or_json(tmp_path: Path) -> None:
    file = tmp_path / "prices"
    file.write_text("\ufeff" + CSV, encoding="utf-8")
    assert prices.read(file) == READ
    file.write_text(json.dumps([price._asdict() for price in READ]), encoding="utf-8")
    assert prices.read(file) == READ
    file.write_text('[{"model": "m", "prompt": "1", "completion": 2, "currency": "USD"}]', encoding="utf-8")
    assert prices.read(file) == [Price("m", 0, 1.0, None, 2.0, "USD")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected CSV with a line of names, or a JSON array of objects"),
        ("[]", "expected CSV with a line of names"),
        ("[5]", "price 1: expected an object"),
        ("[{", "line 1 column"),
        ("model,price\nm,1\n", "price 1: there is no 'price'; expected model, valid_from, prompt, cached"),
        ("model,prompt,completion\nm,1,1\n", "price 1: currency is None, expected a string"),
        ("model,prompt,completion,currency\n,1,1,EUR\n", "price 1: model is None, expected a string"),
        ("model,prompt,completion,currency\nm,cheap,1,EUR\n", "price 1: prompt is 'cheap', expected a price"),
        ("model,prompt,completion,currency\nm,1,,EUR\n", "price 1: completion is None, expected a price"),
        ("model,prompt,completion,currency\nm,1,-1,EUR\n", "price 1: completion is '-1', expected a price"),
        ("model,prompt,completion,currency\nm,nan,1,EUR\n", "price 1: prompt is 'nan', expected a price"),
        (
            "model,valid_from,prompt,completion,currency\nm,soon,1,1,EUR\n",
            "valid_from is 'soon', expected Unix",
        ),
        ("model,prompt,completion,currency\nm,1,1,EUR\nm,2,2,EUR\n", "price 2: m has another price of that time"),
        ('[{"model": "m", "prompt": true, "completion": 2, "currency": "USD"}]', "prompt is True, expected a price"),
    ],
)
def test_what_is_wrong_in_a_price_file_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "prices"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        prices.read(file)
    assert str(file) in str(error.value)
    assert message in str(error.value)


def test_prices_are_imported_and_listed(url: URL, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(CSV, encoding="utf-8")
    done = invoke("prices", "import", "--db", place(url), str(file))
    assert (done.exit_code, done.stderr) == (0, "2 prices stored\n")
    listed = invoke("prices", "list", "--db", place(url))
    assert [json.loads(line) for line in listed.stdout.splitlines()] == [price._asdict() for price in READ]


def test_prices_that_make_no_sense_are_not_stored(runs: RunRepository) -> None:
    senseless: list[tuple[Any, str]] = [
        ([prices.Price("m", 0, "x", None, 1, "EUR")], "price 1: prompt is 'x', expected a price"),  # type: ignore[arg-type]
        ([prices.Price("m", 0, 1, None, 1, "EUR")] * 2, "price 2: m has another price of that time"),
        ([("m", 0, 1, None, 1, "EUR")], "price 1: expected an object"),
    ]
    for given, message in senseless:
        with pytest.raises(ConfigurationError, match=message):
            runs.set_prices(given)
    assert runs.prices() == []


def test_lint_tells_findings_and_exits_with_1_where_there_are_any(url: URL) -> None:
    with RunRepository.open(url) as runs:
        runs.save({"id": "a", "object": "thread.run", "status": "paused"})
    done = invoke("lint", "--db", place(url), "--status", "paused")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert {"run_id": "a", "rule": "status", "path": "$.status", "detail": 'unknown status "paused"'} in found
    assert done.stderr == f"{len(found)} findings\n"
    nothing = invoke("lint", "--db", place(url), "--status", "queued")
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", "0 findings\n")


def test_every_filter_is_an_option_of_list_and_export(url: URL) -> None:
    run: dict[str, Any] = {
        "id": "a",
        "object": "thread.run",
        "created_at": 100,
        "started_at": 101,
        "failed_at": 110,
        "thread_id": "t",
        "assistant_id": "s",
        "model": "m",
        "status": "failed",
        "metadata": {"team": "a=b"},
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "file_ids": ["x"],
        "last_error": {"code": "c"},
        "incomplete_details": {"reason": "r"},
        "usage": {"total_tokens": 5},
    }
    with RunRepository.open(url) as runs:
        runs.save_many([run, {"id": "b", "object": "thread.run", "required_action": {}}])
    options = [
        *("--id a", "--thread t", "--assistant s", "--model m", "--status failed", "--metadata-key team"),
        *("--tool-type function", "--function f", "--file x", "--error-code c", "--incomplete-reason r"),
        *("--metadata team=a=b", "--created-from 100", "--created-before 101", "--started-from 101"),
        *("--started-before 102", "--finished-from 1970-01-01", "--finished-before 7d", "--tokens-min 5"),
        *("--tokens-max 5", "--seconds-min 10", "--seconds-max 10", "--no-requires-action"),
    ]
    for option in options:
        done = invoke("list", "--db", place(url), *option.split(" "))
        assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["a"], option
    everything = " ".join(options).split(" ")
    done = invoke("export", "--db", place(url), *everything)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["a"], done.output
    assert invoke("list", "--db", place(url), "--metadata", "team").exit_code == 2
    two = invoke("list", "--db", place(url), "--metadata", "team=a", "--metadata", "team=b")
    assert (two.exit_code, "'team' is given two values, but no run has both" in two.stderr) == (2, True)
    assert isinstance(invoke("list", "--db", place(url), "--created-from", "x").exception, ConfigurationError)
