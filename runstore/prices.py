"""Token prices: price files, and the table ``model_price`` that the view ``runs`` reads.

Users supply the prices; runstore contains none.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import func, select

from runstore import wire
from runstore.backends import Transaction
from runstore.backends.base import HALF
from runstore.errors import ConfigurationError
from runstore.mapping import table_of
from runstore.schema import ModelPrice
from runstore.schema.views import RUNS
from runstore.times import seconds

PRICE = table_of(ModelPrice)


ALIASES = {"input": "prompt", "output": "completion", "cached_input": "cached"}
"""Names that lists of prices use for fields of :class:`Price`."""

SIGNS = {"$": "USD", "€": "EUR", "£": "GBP"}
"""Signs before amounts, and the currencies that they mean if none is given. Other currencies are written with $ too."""


class Price(NamedTuple):
    """The price of a million tokens of a model, for runs created at or after a given time."""

    model: str
    """A model name, or a prefix followed by ``*``. An exact name is preferred, then the longest prefix."""
    valid_from: int
    """Unix seconds. If several prices are valid, the latest one applies."""
    prompt: float
    cached: float | None
    """The price of cached prompt tokens; None if they cost as much as other prompt tokens."""
    completion: float
    currency: str


class MissingPrice(NamedTuple):
    """A model of runs that have tokens and no price."""

    model: str
    runs: int
    """The number of these runs. Other runs of the model may have a price, if it is valid from a later time."""
    total_tokens: int
    first: int | None
    """The first created_at of these runs (Unix seconds); None if none of them has one."""
    last: int | None


def read(path: Path, *, currency: str | None = None) -> list[Price]:
    """Read prices from a CSV file with a header line, or from a JSON array of objects.

    The columns or keys are the fields of :class:`Price`, or ``input``, ``output`` and ``cached_input``; ``cached`` and
    ``valid_from`` may be missing or empty. Times are written as in filters, for example 2024-05-13, in UTC. Amounts may
    begin with a sign, such as ``$2.50``. *currency* is that of prices without a currency and a sign. Raises
    :class:`ConfigurationError`, which states the place of the error.
    """
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    try:
        rows: Any = json.loads(text) if text.lstrip()[:1] in ("[", "{") else list(csv.DictReader(io.StringIO(text)))
    except (ValueError, csv.Error, RecursionError) as error:
        raise ConfigurationError(
            detail=f"{path}: expected CSV with a header line, or one JSON array of objects ({error})"
        ) from None
    if not isinstance(rows, list) or not rows:
        raise ConfigurationError(detail=f"{path}: expected CSV with a header line, or a JSON array of objects")
    return checked(rows, f"{path}: ", currency)


def checked(rows: Iterable[Any], where: str = "", currency: str | None = None) -> list[Price]:
    """Return prices, or mappings with the fields of a price, as prices. Raises :class:`ConfigurationError`."""
    found: dict[tuple[str, int], Price] = {}
    for number, row in enumerate(rows, 1):
        price = _price(f"{where}price {number}", row._asdict() if isinstance(row, Price) else row, currency)
        if (key := (price.model, price.valid_from)) in found:
            raise ConfigurationError(detail=f"{where}price {number}: {price.model} already has a price for that time")
        found[key] = price
    return list(found.values())


def _price(where: str, row: Any, currency: str | None) -> Price:
    if not isinstance(row, Mapping):
        raise ConfigurationError(detail=f"{where}: expected an object")
    for alias, name in ALIASES.items():
        if alias in row:
            if name in row:
                raise ConfigurationError(detail=f"{where}: {alias} and {name} mean the same; give only one of them")
            row = {name if each == alias else each: value for each, value in row.items()}
    if unknown := [str(name) for name in row if name not in Price._fields]:
        raise ConfigurationError(detail=f"{where}: unknown field {unknown[0]!r}; expected {', '.join(Price._fields)}")
    given = {name: value for name, value in row.items() if value not in (None, "")}
    given.setdefault("currency", _of_signs(where, given) or currency)
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


def _of_signs(where: str, given: dict[str, Any]) -> str | None:
    """Remove the signs before amounts, and return the currency that they mean."""
    known: str | None = given.get("currency")
    for name in ("prompt", "cached", "completion"):
        value = given.get(name)
        if not isinstance(value, str) or (sign := value.lstrip()[:1]) not in SIGNS:
            continue
        if known in SIGNS.values() and known != SIGNS[sign]:
            raise ConfigurationError(detail=f"{where}: {name} is {value!r}, but the currency is {known}")
        known, given[name] = known or SIGNS[sign], value.lstrip()[1:]
    return known


def _amount(where: str, name: str, value: Any) -> float:
    try:
        amount = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        amount = math.nan
    if not 0 <= amount <= 1e9:
        raise ConfigurationError(detail=f"{where}: {name} is {value!r}, expected a price per million tokens")
    return amount


def store(transaction: Transaction, prices: Sequence[Price]) -> None:
    """Store prices. A stored price for the same model and time is replaced."""
    transaction.delete(PRICE, ("model", "valid_from"), [(price.model, price.valid_from) for price in prices])
    transaction.insert(PRICE, prices)


def stored(transaction: Transaction) -> list[Price]:
    """Return all prices, ordered by model and time."""
    rows: Iterable[Any] = transaction.execute(select(PRICE).order_by(PRICE.c.model, PRICE.c.valid_from))
    return [Price(*row) for row in rows]


def missing(transaction: Transaction) -> list[MissingPrice]:
    """Return the models without a price, ordered by name."""
    high, low = transaction.backend.sum_in_halves(RUNS.c.total_tokens)
    times = func.min(RUNS.c.created_at), func.max(RUNS.c.created_at)
    statement = (
        select(RUNS.c.model, func.count(), high, low, *times)
        .where(RUNS.c.model.is_not(None), RUNS.c.total_tokens.is_not(None), RUNS.c.currency.is_(None))
        .group_by(RUNS.c.model)
    )
    found = [
        MissingPrice(model, runs, int(upper) * HALF + int(lower), first, last)
        for model, runs, upper, lower, first, last in transaction.execute(statement)
    ]
    return sorted(found)


def remove(transaction: Transaction, model: str, valid_from: int | None) -> int:
    """Delete the prices of a model, or the one that is valid from this time, and return their number."""
    keys = [(price.model, price.valid_from) for price in stored(transaction) if price.model == model]
    wanted = [key for key in keys if valid_from in (None, key[1])]
    return transaction.delete(PRICE, ("model", "valid_from"), wanted)
