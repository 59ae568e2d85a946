"""Rows as Arrow data, and as data frames of pandas. The types follow from the kinds of the columns."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from functools import partial
from typing import Any

from runstore import waiting
from runstore.errors import RunStoreError
from runstore.formats.columns import Column, Row, distinct, in_batches, typed
from runstore.formats.extras import imported

ARROW = ("Arrow data", "arrow")
"""What needs pyarrow, and the extra that installs it."""

PANDAS = {"int64": "Int64Dtype", "bool": "BooleanDtype"}
"""The types of Arrow that pandas would otherwise convert to another type if a value is missing."""


def schema(columns: Sequence[Column]) -> Any:
    """Return the schema for columns of known kinds, so that tables and files with the same columns agree."""
    pyarrow = imported("pyarrow", *ARROW)
    types = {
        "integer": pyarrow.int64(),
        **dict.fromkeys(("number", "amount"), pyarrow.float64()),
        "flag": pyarrow.bool_(),
        "time": pyarrow.timestamp("us", tz="UTC"),
        **dict.fromkeys(("text", "json"), pyarrow.string()),
        "bytes": pyarrow.binary(),
    }
    names = distinct([column.name for column in columns])
    return pyarrow.schema([(name, types[column.kind]) for name, column in zip(names, columns, strict=True)])


def batches(arrow_schema: Any, rows: Iterable[Row]) -> Generator[Any]:
    """Yield the rows as record batches."""
    import pyarrow

    doubles = [place for place, field in enumerate(arrow_schema) if field.type == pyarrow.float64()]
    for batch in in_batches(rows):
        values = [list(column) for column in zip(*batch, strict=True)]
        for place in doubles:  # Arrow does not convert integers to doubles
            values[place] = [None if value is None else float(value) for value in values[place]]
        arrays = [_array(column, field) for column, field in zip(values, arrow_schema, strict=True)]
        yield pyarrow.record_batch(arrays, arrow_schema)


def _array(values: list[Any], field: Any) -> Any:
    import pyarrow

    try:
        return pyarrow.array(values, field.type)
    except OverflowError:
        detail = f"a value of {field.name} is outside the range of 64-bit integers; CSV and JSON can hold it"
        raise RunStoreError(detail=detail) from None


def table(columns: Sequence[Column], rows: Iterable[Row]) -> Any:
    """Return a ``pyarrow.Table``."""
    pyarrow = imported("pyarrow", *ARROW)
    with typed(columns, rows) as (known, values):
        found = schema(known)
        return pyarrow.Table.from_batches(batches(found, values), found)


def reader(columns: Sequence[Column], rows: Iterable[Row]) -> Any:
    """Return a ``pyarrow.RecordBatchReader``, which reads the rows on demand. The columns have known kinds."""
    pyarrow = imported("pyarrow", *ARROW)
    found = schema(columns)
    return pyarrow.RecordBatchReader.from_batches(found, batches(found, rows))


def frame(columns: Sequence[Column], rows: Iterable[Row]) -> Any:
    """Return a ``pandas.DataFrame`` in which integers remain integers although some values are missing."""
    pandas = imported("pandas", "a data frame", "pandas")
    found = table(columns, rows)
    types = {kind: getattr(pandas, name)() for kind, name in PANDAS.items()}
    # For a task in a thread, because this takes long; it cannot be stopped, but it ends.
    return waiting.in_thread(partial(found.to_pandas, types_mapper=lambda kind: types.get(str(kind))))
