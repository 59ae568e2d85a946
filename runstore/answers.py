"""What questions return in Python: named tuples, dictionaries, Arrow data and data frames of pandas."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from runstore.formats import Column, arrow, distinct


class Answer(NamedTuple):
    """The result of a query written by the user. Its rows can be read once, in one of these forms.

    ``arrow`` and ``df`` find the types of the columns in all values (:func:`runstore.formats.columns.typed`).
    """

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]
    """Rows, fetched while they are iterated. Numbers are exact, bytes are bytes, and times and JSON are text."""

    def dicts(self) -> list[dict[str, Any]]:
        """Return a dictionary for each row; a second column of the same name has a number (``id_2``)."""
        return dicts(self.columns, self.rows)

    def arrow(self) -> Any:
        """Return a ``pyarrow.Table``. Raises :class:`ConfigurationError` without the extra ``arrow``."""
        return arrow.table(list(map(Column, self.columns)), self.rows)

    def df(self) -> Any:
        """Return a ``pandas.DataFrame``. Raises :class:`ConfigurationError` without the extra ``pandas``."""
        return arrow.frame(list(map(Column, self.columns)), self.rows)


class Statistics(list[dict[str, Any]]):
    """A dictionary for each group of runs, in order."""

    def __init__(self, groups: Iterable[dict[str, Any]], kinds: Mapping[str, str]) -> None:
        super().__init__(groups)
        self.columns = [Column(name, kind) for name, kind in kinds.items()]
        """The keys of each dictionary, with the kinds of their values."""

    @property
    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The values of each dictionary."""
        return (tuple(group.values()) for group in self)

    def arrow(self) -> Any:
        """Return a ``pyarrow.Table``. Raises :class:`ConfigurationError` without the extra ``arrow``."""
        return arrow.table(self.columns, self.rows)

    def df(self) -> Any:
        """Return a ``pandas.DataFrame``. Raises :class:`ConfigurationError` without the extra ``pandas``."""
        return arrow.frame(self.columns, self.rows)


class ArrowStream:
    """Rows for any library that reads Arrow streams, such as polars and DuckDB.

    Each reading queries the archive again, in one transaction, and holds only a few rows at a time. Raises
    :class:`ConfigurationError` without the extra ``arrow``.
    """

    def __init__(self, columns: Sequence[Column], read: Callable[[], Generator[tuple[Any, ...]]]) -> None:
        self._columns = columns
        self._read = read
        self._schema = arrow.schema(columns)

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return arrow.reader(self._columns, self._read()).__arrow_c_stream__(requested_schema)


def dicts(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return a dictionary for each row."""
    names = distinct(columns)
    return [dict(zip(names, row, strict=True)) for row in rows]


@lru_cache
def row_type(names: tuple[str, ...]) -> Any:
    """Return the class of the named tuples with these names."""
    # The names are known only when the rows are read.
    named: Any = namedtuple("Row", names)  # type: ignore[misc]
    return type("Row", (named,), {"__slots__": (), "__reduce__": _reduced})


def _reduced(row: Any) -> tuple[Any, ...]:
    """Return how a row is pickled: its class cannot be imported by another process."""
    return _made, (row._fields, tuple(row))


def _made(names: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    return row_type(names)(*values)
