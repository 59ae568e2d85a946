"""Runs and answers as Arrow data, data frames and named tuples have the same types on both databases."""

from __future__ import annotations

import gc
import io
import pickle
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas
import pyarrow
import pytest
from pyarrow import parquet
from sqlalchemy import Engine

from runstore import ConfigurationError, InvalidArgument, Price, RunRepository, formats
from runstore.schema.views import RUNS

NOON = int(datetime(2024, 5, 31, 12, tzinfo=UTC).timestamp())

COLUMNS = ["id", "created_at", "created_time", "temperature", "parallel_tool_calls", "total_tokens", "cost", "metadata"]


@pytest.fixture
def archive(runs: RunRepository) -> RunRepository:
    """Runs with a value of every type, and with none."""
    usage = {"prompt_tokens": 2**53 + 1, "completion_tokens": 1, "total_tokens": 2**53 + 2}
    runs.save_many(
        [
            {"id": "run_1", "object": "thread.run", "created_at": NOON, "model": "m", "status": "completed",
             "temperature": 1, "parallel_tool_calls": True, "metadata": {"a": 1}, "usage": usage},
            {"id": "run_2", "object": "thread.run", "created_at": NOON + 1, "temperature": 0.5},
            {"id": "run_3"},
        ]
    )  # fmt: skip
    runs.set_prices([Price("m", 0, 1.0, None, 2.0, "USD")])
    return runs


def exported(runs: RunRepository) -> pyarrow.Table:
    """What the export writes as Parquet."""
    file = io.BytesIO()
    formats.write("parquet", file, [formats.column_of(column) for column in RUNS.c], runs.rows())
    return parquet.read_table(file)


def pooled(engine: Engine) -> int:
    return int(engine.pool.checkedout())  # type: ignore[attr-defined]


# --- runs ------------------------------------------------------------------------------------------------------------


def test_arrow_data_is_that_of_the_parquet_export(archive: RunRepository, engine: Engine) -> None:
    assert archive.arrow().equals(exported(archive))
    assert archive.arrow(COLUMNS, status="completed").column_names == COLUMNS
    assert archive.arrow("id", newest_first=True, limit=2).to_pydict() == {"id": ["run_2", "run_1"]}
    assert archive.arrow(id="nowhere").schema == archive.arrow().schema
    assert pooled(engine) == 0


def test_a_data_frame_has_nullable_integers_and_times_in_utc(archive: RunRepository, engine: Engine) -> None:
    frame = archive.df(COLUMNS, sort="temperature")
    assert {name: str(kind) for name, kind in frame.dtypes.items() if kind != frame.dtypes["id"]} == {
        "created_at": "Int64",
        "created_time": "datetime64[us, UTC]",
        "temperature": "float64",
        "parallel_tool_calls": "boolean",
        "total_tokens": "Int64",
        "cost": "float64",
    }
    assert list(frame["id"]) == ["run_1", "run_2", "run_3"]
    assert frame["total_tokens"][0] == 2**53 + 2  # a double would be another number
    assert frame["total_tokens"].isna().tolist() == [False, True, True]
    assert frame["created_time"][1] == pandas.Timestamp(NOON + 1, unit="s", tz="UTC")
    assert frame["metadata"][0] == '{"a":1}'
    empty = archive.df(COLUMNS, id="nowhere")
    assert (len(empty), list(empty.dtypes)) == (0, list(frame.dtypes))
    assert pooled(engine) == 0


def test_a_stream_can_be_read_again_and_by_other_threads(archive: RunRepository, engine: Engine) -> None:
    stream = archive.arrow_stream(COLUMNS, created_from=NOON)
    assert pyarrow.table(stream) == archive.arrow(COLUMNS, created_from=NOON)
    archive.save({"id": "run_4", "created_at": NOON + 2})
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(pyarrow.table(stream)))
    thread.start()
    thread.join()
    assert found[0]["id"].to_pylist() == ["run_1", "run_2", "run_4"]
    assert pyarrow.schema(stream) == found[0].schema
    assert pooled(engine) == 0


def test_a_stream_that_is_not_read_to_its_end_returns_its_connection(archive: RunRepository, engine: Engine) -> None:
    archive.save_many({"id": f"more_{number}"} for number in range(3000))
    reader = pyarrow.RecordBatchReader.from_stream(archive.arrow_stream("id"))
    assert reader.read_next_batch().num_rows == 1000
    assert pooled(engine) == 1
    del reader
    gc.collect()
    assert pooled(engine) == 0


def test_an_error_while_a_stream_is_read_is_raised_by_its_reader(
    archive: RunRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = archive.arrow_stream("id")

    def fail(*_: Any) -> None:
        raise ConfigurationError(detail="the rows cannot be read")

    monkeypatch.setattr("runstore.formats.arrow.in_batches", fail)
    with pytest.raises(Exception, match="the rows cannot be read"):
        pyarrow.table(stream)


@pytest.mark.slow
def test_polars_reads_a_stream(archive: RunRepository, engine: Engine) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(archive.arrow_stream(COLUMNS))
    assert frame["total_tokens"].to_list() == [None, 2**53 + 2, None]
    assert str(frame.schema["created_time"]) == "Datetime(time_unit='us', time_zone='UTC')"
    assert pooled(engine) == 0


@pytest.mark.slow
def test_duckdb_reads_a_stream(archive: RunRepository, engine: Engine) -> None:
    duckdb = pytest.importorskip("duckdb")
    stream = archive.arrow_stream(COLUMNS)  # duckdb finds it by this name
    query = "SELECT count(*), count(created_time), max(total_tokens) FROM stream"
    for _ in range(2):
        assert duckdb.sql(query).fetchall() == [(3, 2, 2**53 + 2)]
    assert stream is not None
    assert pooled(engine) == 0


@pytest.mark.parametrize("name", ["df", "arrow", "arrow_stream", "rows"])
def test_wrong_arguments_are_reported_before_anything_is_read(archive: RunRepository, name: str) -> None:
    method: Callable[..., Any] = getattr(archive, name)
    for arguments in ({"columns": "shape"}, {"sort": "id"}, {"limit": 0}, {"created_from": "yesterday"}):
        with pytest.raises(InvalidArgument):
            method(**arguments)


def test_rows_are_named_tuples(archive: RunRepository) -> None:
    rows = list(archive.rows(["id", "total_tokens"]))
    assert rows == [("run_3", None), ("run_1", 2**53 + 2), ("run_2", None)]
    assert (rows[1].id, rows[1].total_tokens) == ("run_1", 2**53 + 2)
    assert rows[0]._asdict() == {"id": "run_3", "total_tokens": None}
    assert pickle.loads(pickle.dumps(rows)) == rows
    page = archive.find_rows(["id", "status"], limit=1)
    assert page.rows[0].id == "run_2"
    assert [row.created_time for row in archive.rows(limit=1)] == [None]


# --- answers ---------------------------------------------------------------------------------------------------------

QUERY = """
SELECT id, created_time, parallel_tool_calls AS parallel, temperature, total_tokens, 0.5 AS half, NULL AS none,
       'x' AS id FROM runs ORDER BY 1
"""


def test_the_answer_of_a_query_is_a_table_or_a_frame(archive: RunRepository, backend: str) -> None:
    with archive.sql(QUERY) as answer:
        table = answer.arrow()
    assert table.column_names == [
        "id",
        "created_time",
        "parallel",
        "temperature",
        "total_tokens",
        "half",
        "none",
        "id_2",
    ]
    flag = "int64" if backend == "sqlite" else "bool"  # SQLite has no type for it
    assert [str(kind) for kind in table.schema.types] == [
        *("string", "timestamp[us, tz=UTC]", flag, "double", "int64", "double", "string", "string")
    ]
    assert table["created_time"].to_pylist() == archive.arrow(sort="temperature")["created_time"].to_pylist()
    assert table["total_tokens"].to_pylist() == [2**53 + 2, None, None]
    with archive.sql(QUERY) as answer:
        frame = answer.df()
    assert str(frame["total_tokens"].dtype) == "Int64"
    assert str(frame["created_time"].dtype) == "datetime64[us, UTC]"
    assert list(frame["id"]) == ["run_1", "run_2", "run_3"]


def test_the_sum_of_integers_is_an_integer_on_both_databases(archive: RunRepository) -> None:
    query = "SELECT status, sum(total_tokens) AS tokens, avg(created_at) AS mean FROM runs GROUP BY 1 ORDER BY 2"
    with archive.sql(query) as answer:
        types = {field.name: str(field.type) for field in answer.arrow().schema}
    assert types == {"status": "string", "tokens": "int64", "mean": "double"}


def test_the_answer_of_a_query_is_a_list_of_dictionaries(archive: RunRepository) -> None:
    with archive.sql("SELECT id, 1 AS one, 2 AS one FROM runs WHERE id = :id", {"id": "run_1"}) as answer:
        assert answer.dicts() == [{"id": "run_1", "one": 1, "one_2": 2}]
    with archive.sql("SELECT id FROM runs WHERE id = 'nowhere'") as answer:
        assert answer.dicts() == []


def test_statistics_are_a_list_a_table_and_a_frame(archive: RunRepository) -> None:
    found = archive.stats("status", columns=["runs", "total_tokens", "cost", "seconds_mean"])
    assert found == [
        {"status": None, "runs": 2, "total_tokens": None, "cost": None, "seconds_mean": None},
        {"status": "completed", "runs": 1, "total_tokens": 2**53 + 2, "cost": found[1]["cost"], "seconds_mean": None},
    ]
    table = found.arrow()
    assert table.to_pylist() == found
    assert [str(kind) for kind in table.schema.types] == ["string", "int64", "int64", "double", "double"]
    assert str(found.df()["total_tokens"].dtype) == "Int64"
    assert archive.stats("status", columns=["runs"], id="nowhere").df().dtypes["runs"] == "Int64"
    assert pickle.loads(pickle.dumps(found)).columns == found.columns
