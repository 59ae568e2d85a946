"""Values of rows as JSON holds them, and as text."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import msgspec

from runstore import wire

DECIMALS = 10
"""Decimals of an amount of money in files for spreadsheets: exact for prices with four decimals per million tokens."""

encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode


def plain(value: Any) -> Any:
    """Return a value that JSON can hold: bytes in hexadecimal, null for NaN, all digits of a large integer."""
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is int:
        return value if value in wire.INT64 else Decimal(value)
    if kind is bytes:
        return value.hex()
    if kind in (float, Decimal):
        return value if isfinite(value) else None
    if kind is list:
        return [plain(each) for each in value]
    return value


def text_of(value: Any) -> str | None:
    """Return a value as text; None for NULL and NaN."""
    value = plain(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    text = encode(value)
    # A type of PostgreSQL that JSON does not have, such as uuid, is a string in JSON.
    return msgspec.json.decode(text, type=str) if text.startswith(b'"') else text.decode()


def rounded(amount: float) -> float:
    """Return an amount of money without the errors of binary fractions."""
    return round(amount, DECIMALS)
