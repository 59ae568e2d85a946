"""Rows as Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

from runstore.formats import arrow
from runstore.formats.columns import Column, Row, typed
from runstore.formats.extras import imported

GROUP_BYTES = 32 * 2**20
"""Bytes of Arrow arrays after which a row group is written."""


def write_parquet(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write Parquet. If the kinds of the columns are known, the schema depends on nothing else."""
    pyarrow = imported("pyarrow", "Parquet", "parquet")
    parquet = imported("pyarrow.parquet", "Parquet", "parquet")
    with typed(columns, rows) as (known, values):
        schema = arrow.schema(known)
        with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            group: list[Any] = []
            for batch in arrow.batches(schema, values):
                group.append(batch)
                if sum(part.nbytes for part in group) >= GROUP_BYTES:
                    writer.write_table(pyarrow.Table.from_batches(group, schema))
                    group = []
            if group:
                writer.write_table(pyarrow.Table.from_batches(group, schema))
