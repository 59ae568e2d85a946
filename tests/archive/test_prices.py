"""Prices in an archive."""

from __future__ import annotations

from typing import Any

import pytest

from runstore import ConfigurationError, RunRepository, prices


def test_prices_that_make_no_sense_are_not_stored(runs: RunRepository) -> None:
    senseless: list[tuple[Any, str]] = [
        ([prices.Price("m", 0, "x", None, 1, "EUR")], "price 1: prompt is 'x', expected a price"),  # type: ignore[arg-type]
        ([prices.Price("m", 0, 1, None, 1, "EUR")] * 2, "price 2: m already has a price for that time"),
        ([("m", 0, 1, None, 1, "EUR")], "price 1: expected an object"),
    ]
    for given, message in senseless:
        with pytest.raises(ConfigurationError, match=message):
            runs.set_prices(given)
    assert runs.prices() == []
