"""Price files, and the commands that store prices, report findings and take filters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runstore import ConfigurationError, prices
from runstore.prices import Price

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


def test_price_lists_may_have_other_names_signs_and_a_default_currency(tmp_path: Path) -> None:
    file = tmp_path / "prices"
    file.write_text(
        "model,input,cached_input,output,currency\na,$2.50,$1,$10,\nb,€2,,€ 3,EUR\nc,1,,2,\nd,$1,,$2,AUD\ne,1,,£2,\n",
        encoding="utf-8",
    )
    assert prices.read(file, currency="CHF") == [
        Price("a", 0, 2.5, 1.0, 10.0, "USD"),
        Price("b", 0, 2.0, None, 3.0, "EUR"),
        Price("c", 0, 1.0, None, 2.0, "CHF"),
        Price("d", 0, 1.0, None, 2.0, "AUD"),
        Price("e", 0, 1.0, None, 2.0, "GBP"),
    ]
    file.write_text('[{"model": "m", "input": 1, "output": "$2"}]', encoding="utf-8")
    assert prices.read(file) == [Price("m", 0, 1.0, None, 2.0, "USD")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected CSV with a header line, or a JSON array of objects"),
        ("[]", "expected CSV with a header line"),
        ("[5]", "price 1: expected an object"),
        ("[{", "line 1 column"),
        ("model,price\nm,1\n", "price 1: unknown field 'price'; expected model, valid_from, prompt, cached"),
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
        ("model,prompt,completion,currency\nm,1,1,EUR\nm,2,2,EUR\n", "price 2: m already has a price for that time"),
        ("model,prompt,completion,currency\nm,$1,$1,EUR\n", "price 1: prompt is '$1', but the currency is EUR"),
        ("model,prompt,completion\nm,$1,€1\n", "price 1: completion is '€1', but the currency is USD"),
        ("model,prompt,completion\nm,$,$1\n", "price 1: prompt is '', expected a price"),
        ("model,prompt,input,completion\nm,1,1,1\n", "price 1: input and prompt mean the same; give only one"),
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
