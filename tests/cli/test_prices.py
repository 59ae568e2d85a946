"""The commands that store and list prices."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy.engine import URL

from runstore import RunRepository
from runstore.prices import Price
from tests.helpers.commands import Cli, invoke, shown
from tests.helpers.runs import a_run

CSV = """model,valid_from,prompt,cached,completion,currency
example-large*,2024-05-13,4.50,2.25,13.50,EUR
example-small,,0.15,,0.60,EUR
"""
READ = [
    Price("example-large*", 1_715_558_400, 4.5, 2.25, 13.5, "EUR"),
    Price("example-small", 0, 0.15, None, 0.6, "EUR"),
]


def test_prices_are_imported_and_listed(url: URL, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(CSV, encoding="utf-8")
    done = invoke("prices", "import", "--db", shown(url), str(file))
    assert (done.exit_code, done.stderr) == (0, "2 prices stored\n")
    listed = invoke("prices", "list", "--db", shown(url))
    assert [json.loads(line) for line in listed.stdout.splitlines()] == [price._asdict() for price in READ]


def test_models_without_a_price_are_listed_and_written_into_a_template(
    runs: RunRepository, url: URL, tmp_path: Path, cli: Cli
) -> None:
    db = ("--db", shown(url))
    tokens = {"prompt_tokens": 3, "completion_tokens": 4}
    runs.save_many(
        a_run(f"run_{n}", created_at=n * 86_400, model=model, usage={**tokens, "total_tokens": total})
        for n, (model, total) in enumerate([("b", 7), ("a*", 2**62), ("a*", 2**62), ("c", 7), ("late", 7), ("late", 7)])
    )
    runs.save_many([a_run("run_6", model="no usage", usage=None), a_run("run_7", model=None, usage=None)])
    runs.set_prices([Price("c", 0, 1, None, 1, "EUR"), Price("late", 5 * 86_400, 1, None, 1, "EUR")])
    missing = cli("prices", "missing", *db)
    assert [json.loads(line) for line in missing.out.splitlines()] == [
        {"model": "a*", "runs": 2, "total_tokens": 2**63, "first_day": "1970-01-02", "last_day": "1970-01-03"},
        {"model": "b", "runs": 1, "total_tokens": 7, "first_day": "1970-01-01", "last_day": "1970-01-01"},
        {"model": "late", "runs": 1, "total_tokens": 7, "first_day": "1970-01-05", "last_day": "1970-01-05"},
    ]
    file = tmp_path / "template.csv"
    written = cli("prices", "template", *db, "-o", file)
    assert (written.code, written.out, written.err) == (0, "", "3 models without a price\n")
    assert file.read_text().splitlines() == [
        "model,valid_from,prompt,cached,completion,currency",
        *("a*,,,,,", "b,,,,,", "late,,,,,"),
    ]
    refused = cli("prices", "import", *db, file)
    assert (refused.code, "price 1: currency is None, expected a string" in refused.err) == (2, True)
    file.write_text(file.read_text().replace(",,,,,", ",,1,,2,EUR"))
    assert cli("prices", "import", *db, file).code == 0
    assert cli("prices", "missing", *db) == (0, "", "")


def test_prices_are_removed(runs: RunRepository, url: URL, cli: Cli) -> None:
    db = ("--db", shown(url))
    kept, *removed = prices = [
        Price("m", 0, 1, None, 1, "EUR"),
        *(Price("m*", n, 1, None, 1, "EUR") for n in (0, 1, 2)),
    ]
    runs.set_prices(prices)
    assert cli("prices", "remove", "m*", "--valid-from", "1", *db) == (0, "", "1 price removed\n")
    assert runs.prices() == [kept, removed[0], removed[2]]
    assert cli("prices", "remove", "m*", *db) == (0, "", "2 prices removed\n")
    assert runs.prices() == [kept]
    unknown = cli("prices", "remove", "m*", *db)
    assert (unknown.code, unknown.err) == (3, "runstore: there is no such price of m*\n")
    assert cli("prices", "remove", "m", "--valid-from", "soon", *db).code == 2
