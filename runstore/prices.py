"""What tokens cost: price files, and the table ``model_price`` that the view ``runs`` reads.

The prices are the user's: runstore knows none.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select

from runstore import wire
from runstore.backends import Transaction
from runstore.errors import ConfigurationError
from runstore.mapping import table_of
from runstore.schema import ModelPrice
from runstore.times import seconds

PRICE = table_of(ModelPrice)


class Price(NamedTuple):
    """What a million tokens of a model cost, in runs that were created at some time or later."""

    model: str
    """Its name, or the beginning of names and a ``*``. A whole name comes first, then the longest beginning."""
    valid_from: int
    """Unix seconds. Of several prices that are valid the latest one counts."""
    prompt: float
    cached: float | None
    """Of prompt tokens that came from a cache; None where they cost what the others cost."""
    completion: float
    currency: str


def read(path: Path) -> list[Price]:
    """The prices in a file: CSV with a line of names, or a JSON array of objects with these names.

    Names are those of :class:`Price`; ``cached`` and ``valid_from`` may be left out or empty. Times are those of
    filters, as 2024-05-13. Raises :class:`ConfigurationError` with the place of what is wrong.
    """
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    try:
        rows: Any = json.loads(text) if text.lstrip()[:1] in ("[", "{") else list(csv.DictReader(io.StringIO(text)))
    except (ValueError, csv.Error, RecursionError) as error:
        raise ConfigurationError(detail=f"{path}: {error}") from None
    if not isinstance(rows, list) or not rows:
        raise ConfigurationError(detail=f"{path}: expected CSV with a line of names, or a JSON array of objects")
    return checked(rows, f"{path}: ")


def checked(rows: Iterable[Any], where: str = "") -> list[Price]:
    """Prices, or objects with their names, as prices. Raises :class:`ConfigurationError`."""
    found: dict[tuple[str, int], Price] = {}
    for number, row in enumerate(rows, 1):
        price = _price(f"{where}price {number}", row._asdict() if isinstance(row, Price) else row)
        if (key := (price.model, price.valid_from)) in found:
            raise ConfigurationError(detail=f"{where}price {number}: {price.model} has another price of that time")
        found[key] = price
    return list(found.values())


def _price(where: str, row: Any) -> Price:
    if not isinstance(row, Mapping):
        raise ConfigurationError(detail=f"{where}: expected an object")
    if unknown := [str(name) for name in row if name not in Price._fields]:
        raise ConfigurationError(detail=f"{where}: there is no {unknown[0]!r}; expected {', '.join(Price._fields)}")
    given = {name: value for name, value in row.items() if value not in (None, "")}
    for name in ("model", "currency"):
        value = given.get(name)
        if not isinstance(value, str) or not wire.is_text(value) or len(value.encode()) > wire.MAX_INDEXED_BYTES:
            raise ConfigurationError(detail=f"{where}: {name} is {value!r}, expected a string")
    return Price(
        given["model"],
        seconds(f"{where}: valid_from", given.get("valid_from", 0)),
        _amount(where, "prompt", given.get("prompt")),
        _amount(where, "cached", given["cached"]) if "cached" in given else None,
        _amount(where, "completion", given.get("completion")),
        given["currency"],
    )


def _amount(where: str, name: str, value: Any) -> float:
    try:
        amount = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        amount = math.nan
    if not 0 <= amount <= 1e9:
        raise ConfigurationError(detail=f"{where}: {name} is {value!r}, expected a price for a million tokens")
    return amount


def store(transaction: Transaction, prices: Sequence[Price]) -> None:
    """Store prices; one of the same model and time is replaced."""
    transaction.delete(PRICE, ("model", "valid_from"), [(price.model, price.valid_from) for price in prices])
    transaction.insert(PRICE, prices)


def stored(transaction: Transaction) -> list[Price]:
    """All prices, by model and time."""
    rows: Iterable[Any] = transaction.execute(select(PRICE).order_by(PRICE.c.model, PRICE.c.valid_from))
    return [Price(*row) for row in rows]
