"""Rows as CSV, in which no spreadsheet sees a formula."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from runstore.formats.columns import Column, Row
from runstore.formats.values import DECIMALS, plain, text_of

SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Characters that begin a formula in a spreadsheet; the last four are full-width forms."""

FORMULA = (*SIGNS, "\t", "\r", "\n")
"""Characters with which a text may be interpreted as a formula."""


def write_csv(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write RFC 4180 in UTF-8; NULL is an empty field, an empty text is ``""``, and amounts of money are rounded."""
    amounts = [place for place, column in enumerate(columns) if column.kind == "amount"]
    file.write(_line([column.name for column in columns]))
    for row in rows:
        if amounts:
            row = list(row)
            for place in amounts:
                row[place] = _amount(row[place])
        file.write(_line(row))


def _amount(value: Any) -> Any:
    """Return an amount rounded and without an exponent, which not every spreadsheet reads."""
    if not isinstance(value, float | Decimal) or plain(value) is None:
        return value
    return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")


def _line(row: Row) -> bytes:
    cells = [_cell(value) for value in row]
    if cells == [""]:
        cells = ['""']  # an empty line would not be a row
    return f"{','.join(cells)}\r\n".encode()


_INSIDE = re.compile(f'([;\t\r\n]"*)(?=[{re.escape("".join(SIGNS))}])')
"""Places where a cell may begin in a spreadsheet that splits at other characters, and treats our quotes as text."""

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_SPECIAL = re.compile(r'[",\r\n]|^ | $|^$')


def _cell(value: Any) -> str:
    text = text_of(value)
    if text is None:
        return ""
    if isinstance(value, int | float | Decimal):
        return text
    text = harmless(text)
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def harmless(text: str) -> str:
    """Return a text in which no spreadsheet sees a formula: an apostrophe precedes everything that begins like one.

    A formula can begin at the start of the text, and after a semicolon, tab or line break. A plain number is returned
    unchanged.
    """
    text = _INSIDE.sub(r"\1'", text)
    return f"'{text}" if text.startswith(FORMULA) and not _NUMBER.fullmatch(text) else text
