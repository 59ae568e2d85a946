"""Query parameters: those of pages and statistics, and those generated from the table of filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from runstore import times
from runstore.errors import ConfigurationError
from runstore.query import filters, queries, statistics
from runstore.query.criteria import FILTERS, Criterion, Kind
from runstore.statuses import STATUSES
from runstore.web.refusals import bad_parameter, shown, text_hidden

MOST_RUNS = 100
"""Maximum number of runs of a page, as in the API."""

MOST_ROWS = 1000
"""Maximum number of rows of statistics."""

MOST_VALUES = 100
"""Maximum number of values of a filter that matches any of them."""

MOST_CONDITIONS = 16
"""Maximum number of values of a filter that matches all of them: as many pairs as the metadata of a run may have."""

TEXTS = ("text", "metadata", "metadata_key")
"""Filters by texts of runs."""

IGNORED = frozenset(("api-version",))
"""Parameters that Azure's SDKs add to each request; they are ignored."""

_INTEGER = re.compile(r"-?[0-9]{1,30}")

Schema = dict[str, Any]


class Parameter(NamedTuple):
    """One parameter."""

    schema: Schema
    """The JSON Schema of a value."""
    help: str
    read: Callable[[str, str], Any]
    """Converts a text, given the name of the parameter. Raises :class:`Refusal`."""
    most: int = 1
    """How often it may be given; if more than once, its values are a list."""


def read(
    query: bytes, known: Mapping[str, Parameter], *, skip: Callable[[str, str], bool] = lambda _, __: False
) -> dict[str, Any]:
    """Return the values of the parameters in a query. Raises :class:`Refusal` for one that is unknown or invalid.

    Also for one that is not known: a filter that is misspelt would give runs that nobody asked for.
    """
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeError:
        raise bad_parameter("", "The query of the URL is not percent-encoded UTF-8.", "invalid_query") from None
    found: dict[str, list[Any]] = {}
    for name, text in pairs:
        if name in IGNORED or skip(name, text):
            continue
        if name not in known:
            raise bad_parameter(name[:100], f"Unknown parameter: {shown(name)}.", "unknown_parameter")
        values = found.setdefault(name, [])
        if len(values) == known[name].most:
            times_ = "once" if known[name].most == 1 else f"{known[name].most} times"
            raise bad_parameter(name, f"Invalid '{name}': it may be given {times_} at most.", "too_many_values")
        values.append(known[name].read(name, text))
    return {name: values[0] if known[name].most == 1 else values for name, values in found.items()}


# --- values ----------------------------------------------------------------------------------------------------------


def _text(_: str, text: str) -> str:
    return text


def _integer(name: str, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        message = f"Invalid type for '{name}': expected an integer, but got something else instead."
        raise bad_parameter(name, message, "invalid_type")
    return int(text)


def within(least: int, most: int) -> Callable[[str, str], int]:
    """Return the reader of an integer between two bounds."""

    def within(name: str, text: str) -> int:
        value = _integer(name, text)
        if value > most:
            message = f"Invalid '{name}': integer above maximum value. Expected a value <= {most}."
            raise bad_parameter(name, message, "integer_above_max_value")
        if value < least:
            message = f"Invalid '{name}': integer below minimum value. Expected a value >= {least}."
            raise bad_parameter(name, message, "integer_below_min_value")
        return value

    return within


def _one_of(values: Iterable[str]) -> Callable[[str, str], str]:
    known = list(values)

    def one_of(name: str, text: str) -> str:
        if text not in known:
            supported = ", ".join(f"'{value}'" for value in known)
            raise bad_parameter(name, f"Invalid value for '{name}'. Supported values are: {supported}.")
        return text

    return one_of


def _id(name: str, text: str) -> str:
    if not text:
        raise bad_parameter(name, f"Invalid '{name}': expected the id of a run, but got an empty string instead.")
    return text


def _cursor(name: str, text: str) -> str:
    try:
        queries.parse(text)
    except ConfigurationError:
        raise bad_parameter(name, f"Invalid '{name}': expected the 'next' of an earlier page.") from None
    return text


def _time(name: str, text: str) -> int:
    try:
        return times.seconds(name, text)
    except ConfigurationError:
        raise bad_parameter(name, f"Invalid '{name}': {times.EXPECTED}.") from None


def _yes_or_no(name: str, text: str) -> bool:
    return _one_of(("true", "false"))(name, text) == "true"


def _pair(name: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise bad_parameter(name, f"Invalid '{name}': expected KEY=VALUE.")
    return key, value


# --- parameters ------------------------------------------------------------------------------------------------------


def choice(values: Iterable[str], help: str, most: int = 1, **schema: Any) -> Parameter:  # noqa: A002
    """Return the parameter of one of these values."""
    names = list(values)
    return Parameter({"type": "string", "enum": names, **schema}, help, _one_of(names), most)


def _limit(most: int, default: int, what: str) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return Parameter(schema, f"How many {what} at most.", within(1, most))


_ID = {"type": "string", "minLength": 1}

PAGE: dict[str, Parameter] = {
    "limit": _limit(MOST_RUNS, 20, "runs"),
    "order": choice(("asc", "desc"), "By created_at and id: the newest first, or the oldest.", default="desc"),
    "after": Parameter(_ID, "The id of a run: the page begins after it.", _id),
    "before": Parameter(_ID, "The id of a run: the page ends before it.", _id),
}
"""The parameters of a page of runs, as in the API."""

CURSOR = Parameter({"type": "string"}, "The `next` of the page before, asked for with the same filters.", _cursor)


def _of_filter(name: str, criterion: Criterion) -> Parameter:
    text: Schema = {"type": "string"}
    match criterion.kind:
        case Kind.ONE_OF:
            schema = {**text, "examples": list(STATUSES)} if name == "status" else text
            return Parameter(schema, criterion.help, _text, MOST_VALUES)
        case Kind.ALL_OF:
            return Parameter(text, criterion.help, _text, MOST_CONDITIONS)
        case Kind.PAIRS:
            return Parameter({**text, "pattern": "^[^=]*="}, f"KEY=VALUE. {criterion.help}", _pair, MOST_CONDITIONS)
        case Kind.TIME:
            return Parameter({**text, "examples": ["2026-01-31", "7d"]}, criterion.help, _time)
        case Kind.NUMBER:
            return Parameter({"type": "integer"}, criterion.help, _integer)
        case Kind.YES_OR_NO:
            return Parameter({"type": "boolean"}, criterion.help, _yes_or_no)


OF_FILTERS = {name: _of_filter(name, criterion) for name, criterion in FILTERS.items()}
"""All filters of ``find``, under the same names."""

STATISTICS: dict[str, Parameter] = {
    "by": choice(statistics.BY, "What the runs are grouped by.", len(statistics.BY)),
    "columns": choice(statistics.COLUMNS, "What is computed: the fewer, the faster.", len(statistics.COLUMNS)),
    "sort": choice(statistics.COLUMNS, "The greatest of this column first; it has to be one of `columns`."),
    "limit": _limit(MOST_ROWS, 100, "rows"),
}


def where(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters among the values. Raises :class:`Refusal` for two values of one metadata key."""
    chosen = {name: value for name, value in values.items() if name in FILTERS}
    for name, value in chosen.items():
        if FILTERS[name].kind is Kind.PAIRS:
            pairs = dict(value)
            if any(pairs[key] != given for key, given in value):
                raise bad_parameter(name, f"Invalid '{name}': a key has two values, and no run has both.")
            chosen[name] = pairs
    return filters.read(chosen)


def check_no_text(chosen: Mapping[str, Any]) -> None:
    """Refuse filters by what --hide-text hides: whoever may use them can guess a text piece by piece."""
    if hidden := [name for name in TEXTS if name in chosen]:
        raise text_hidden(f"there is no filter '{hidden[0]}'", hidden[0])
