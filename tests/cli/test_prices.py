"""The commands that store and list prices."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy.engine import URL

from runstore.prices import Price
from tests.helpers.commands import invoke, shown

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
