"""The types of the values of options. Each error states which values are possible."""

from __future__ import annotations

import math
from typing import Any

import click

from runstore.suggestions import did_you_mean


class Choice(click.Choice[str]):
    """One of several names."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Return the message for another name."""
        one_of = "one of " if len(self.choices) > 1 else ""
        return (
            f"{value!r} is not supported; expected {one_of}{', '.join(self.choices)}{did_you_mean(value, self.choices)}"
        )

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Return the end of the message for a missing name, on one line."""
        return f"Expected one of {', '.join(self.choices)}."


class Integer(click.ParamType[int]):
    """An integer within limits."""

    name = "integer"

    def __init__(self, least: int | None = None, most: int | None = None) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the integer, or raise :class:`click.BadParameter`."""
        try:
            number = int(value)
        except ValueError:
            number = None
        least, most = self._least, self._most
        if number is None or (least is not None and number < least) or (most is not None and number > most):
            self.fail(f"{value!r} is not {self._expected()}", param, ctx)
        return number

    def _expected(self) -> str:
        if self._most is not None:
            return f"an integer from {self._least} to {self._most}"
        return "an integer" if self._least is None else f"an integer of at least {self._least}"


class Pair(click.ParamType[tuple[str, str]]):
    """A name and a value with an equals sign between them. The value may contain more of them."""

    def __init__(self, metavar: str) -> None:
        self.name = metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return the pair, or raise :class:`click.BadParameter`."""
        name, equals, text = str(value).partition("=")
        if not equals:
            self.fail(f"{value!r} is not a pair; expected {self.name}", param, ctx)
        return name, text


class Seconds(click.ParamType[float]):
    """A number of seconds, such as 0.5."""

    name = "seconds"

    def __init__(self, *, zero: bool) -> None:
        self._zero = zero

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or raise :class:`click.BadParameter`."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (number >= 0 if self._zero else number > 0):
            least = "of at least 0" if self._zero else "greater than 0"
            self.fail(f"{value!r} is not a number of seconds {least}, such as 30 or 0.5", param, ctx)
        return number
