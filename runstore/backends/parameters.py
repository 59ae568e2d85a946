"""The parameters of a query written by the user: values that the driver binds to names such as ``:model``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from runstore import wire
from runstore.errors import InvalidArgument

Parameter = str | int | float | bool | bytes | None
"""The value of a parameter."""

Parameters = Mapping[str, Parameter]
"""The values of the parameters by name, without the colon."""

ARGUMENT = "parameters"

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

EXPECTED = "text without U+0000, a 64-bit integer, a finite number, True, False, None or bytes"


def bindable(parameters: object) -> dict[str, Parameter]:
    """Return the parameters. Raise :class:`InvalidArgument` for what the databases would not bind alike."""
    if not isinstance(parameters, Mapping):
        kind = type(parameters).__name__
        raise InvalidArgument(argument=ARGUMENT, reason=f"is of type {kind}, expected a mapping of names to values")
    for name, value in parameters.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            hint = "a name of ASCII letters, digits and underscores that does not begin with a digit"
            raise InvalidArgument(argument=ARGUMENT, reason=f"contains the name {name!r}, expected {hint}")
        if not _is_bindable(value):
            reason = f"contains a value for {name!r} that cannot be bound, expected {EXPECTED}"
            raise InvalidArgument(argument=ARGUMENT, reason=reason)
    return dict(parameters)


def _is_bindable(value: object) -> bool:
    if type(value) is str:
        return wire.is_text(value)
    if type(value) is int:
        return value in wire.INT64
    if type(value) is float:
        return math.isfinite(value)
    return value is None or type(value) in (bool, bytes)


def missing(name: str) -> InvalidArgument:
    """Return the error for a name that has no value."""
    return InvalidArgument(argument=ARGUMENT, reason=f"gives no value for :{name}, which the query contains")


def unused(name: str) -> InvalidArgument:
    """Return the error for a value whose name is not in the query."""
    return InvalidArgument(
        argument=ARGUMENT, reason=f"gives a value for {name!r}, but the query does not contain :{name}"
    )


_PLACES = re.compile(
    r"""
      (?<![\w$])[eE]'(?:[^'\\]|''|\\.)*+'   # a string with backslashes
    | '(?:[^']|'')*+'                       # any other string
    | "(?:[^"]|"")*+"                       # a quoted name
    | (?<![\w$])(\$(?:[^\W\d]\w*)?\$).*?\1  # a string in dollars
    | --[^\n\r]*
    | /\*
    | ::
    | (?<![\w)\]":]):(?P<name>[A-Za-z_][A-Za-z0-9_]*)  # after a value, the colon is that of an array's slice
    """,
    re.VERBOSE | re.DOTALL,
)
"""What a colon can be part of in the SQL of PostgreSQL, and a named placeholder."""


def numbered(statement: str, parameters: Mapping[str, Parameter]) -> tuple[str, list[Parameter]]:
    """Return a statement of PostgreSQL with ``$1`` for the first named placeholder and so on, and the values.

    The protocol has no named parameters. A NULL gets no number but is written, because it has no type, and in a cursor
    PostgreSQL infers the type of a parameter from the first place in which it occurs, which ``IS NULL`` does not give.

    Raise :class:`InvalidArgument` for a missing or an unused value.
    """
    used: set[str] = set()
    numbers: dict[str, int] = {}
    parts, end = [], 0
    for start, stop, name in _placeholders(statement):
        if name not in parameters:
            raise missing(name)
        used.add(name)
        is_null = parameters[name] is None
        parts += [statement[end:start], "NULL" if is_null else f"${numbers.setdefault(name, len(numbers) + 1)}"]
        end = stop
    for name in parameters:
        if name not in used:
            raise unused(name)
    return "".join([*parts, statement[end:]]), [parameters[name] for name in numbers]


def _placeholders(statement: str) -> Iterator[tuple[int, int, str]]:
    """Yield where each placeholder begins and ends, and its name."""
    place = 0
    while found := _PLACES.search(statement, place):
        place = _end_of_comment(statement, found.end()) if found[0] == "/*" else found.end()
        if found["name"]:
            yield found.start(), found.end(), found["name"]


_COMMENT_ENDS = re.compile(r"/\*|\*/")


def _end_of_comment(statement: str, place: int) -> int:
    """Return the end of the comment that began before *place*; comments of PostgreSQL contain comments."""
    depth = 1
    while depth and (found := _COMMENT_ENDS.search(statement, place)):
        depth += 1 if found[0] == "/*" else -1
        place = found.end()
    return len(statement) if depth else place
