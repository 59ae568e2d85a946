"""Imports of the same file by other means: bare driver calls, one JSON column, a plain ORM, sqlite-utils, dlt.

Each function is called in a separate process with a database and the file. It creates the tables that it needs, and
returns the seconds from opening the file to the last commit. All but dlt use connections of runstore's engine.
"""

from __future__ import annotations

import gc
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Table, Text, cast, select
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from benchmarks import plain_orm
from benchmarks.measure import BATCH
from runstore import RunRepository, migrate
from runstore.backends import create_engine
from runstore.mapping import CHILD_TABLES, RUN, SHARED_TABLES
from runstore.schema.base import JSONText

Driver = psycopg.Connection[Any] | sqlite3.Connection
Rows = list[tuple[Table, list[tuple[Any, ...]]]]
"""The rows of each table; a table comes after those to which it refers."""


@contextmanager
def connected(url: URL) -> Iterator[Driver]:
    """Yield a connection of the driver, with the settings of runstore's engine."""
    engine = create_engine(url)
    pooled = engine.raw_connection()
    driver = pooled.driver_connection
    assert isinstance(driver, psycopg.Connection | sqlite3.Connection)
    try:
        yield driver
    finally:
        pooled.close()
        engine.dispose()


def fill(driver: Driver, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows in the fastest way of the driver, in the current transaction."""
    names = ", ".join(f'"{column}"' for column in columns)
    if isinstance(driver, sqlite3.Connection):
        places = ", ".join("?" * len(columns))
        driver.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)  # noqa: S608
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def transaction(driver: Driver) -> Iterator[None]:
    """Run a transaction; on SQLite it begins as a writer, which Python's driver would not do by itself."""
    if isinstance(driver, sqlite3.Connection):
        driver.execute("BEGIN IMMEDIATE")
    yield
    driver.commit()


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch


# --- the floor: the rows of an archive, prepared ----------------------------------------------------------------------


def floor(url: URL, file: Path, prepared_in: URL) -> float:
    """Insert the rows of *prepared_in*, an archive into which the file was imported; they are read beforehand."""
    batches = list(transactions(prepared_in, BATCH))
    gc.freeze()
    start = perf_counter()
    with connected(url) as driver:
        for batch in batches:
            with transaction(driver):
                for table, rows in batch:
                    fill(driver, table.name, table.columns.keys(), rows)
    seconds = perf_counter() - start
    with RunRepository.open(prepared_in) as archive, RunRepository.open(url) as copy, file.open("rb") as lines:
        run_id = msgspec.json.decode(next(lines))["id"]
        assert copy.count() == archive.count()
        assert copy.load(run_id) == archive.load(run_id)
    return seconds


def transactions(url: URL, size: int, stored: set[tuple[Table, int]] | None = None) -> Iterator[Rows]:
    """Return the rows of an archive, grouped into the transactions of an import with *size* runs in each.

    *stored* contains the shared rows that exist already.
    """
    stored = stored if stored is not None else set()
    with migrate.engine(url) as engine, engine.connect() as connection:
        # JSON is read as text, and other values as the drivers accept them.
        found = {
            table: connection.execute(
                select(*[cast(c, Text) if isinstance(c.type, JSONText) else c for c in table.columns])
            ).all()
            for table in (*SHARED_TABLES, RUN, *CHILD_TABLES)
        }
    shared = {(table, row.id): tuple(row) for table in SHARED_TABLES for row in found[table]}
    children: dict[tuple[Table, int], list[tuple[Any, ...]]] = {}
    for table in CHILD_TABLES:
        places = [table.columns.keys().index(column.name) for column in table.primary_key]
        for row in sorted(map(tuple, found[table]), key=lambda row: [row[place] for place in places]):
            children.setdefault((table, row[places[0]]), []).append(row)
    in_order = sorted(found[RUN], key=lambda row: row.observed_at)
    for start in range(0, len(in_order), size):
        runs = sorted(map(tuple, in_order[start : start + size]), key=itemgetter(-1))  # by number
        own = {table: [row for run in runs for row in children.get((table, run[-1]), ())] for table in CHILD_TABLES}
        new: dict[Table, list[tuple[Any, ...]]] = {table: [] for table in SHARED_TABLES}
        for table, rows in ((RUN, runs), *own.items()):
            for row in rows:
                _refer(table, row, shared, stored, new)
        everything = [*((table, sorted(rows)) for table, rows in new.items()), (RUN, runs), *own.items()]
        yield [(table, rows) for table, rows in everything if rows]


def shared_keys(url: URL) -> set[tuple[Table, int]]:
    """Return the keys of the shared rows of an archive."""
    with migrate.engine(url) as engine, engine.connect() as connection:
        return {(table, key) for table in SHARED_TABLES for key in connection.scalars(select(table.c.id))}


def _refer(
    table: Table,
    row: tuple[Any, ...],
    shared: dict[tuple[Table, int], tuple[Any, ...]],
    stored: set[tuple[Table, int]],
    new: dict[Table, list[tuple[Any, ...]]],
) -> None:
    """Add the shared rows to which a row refers, unless they are stored already."""
    for place, column in enumerate(table.columns):
        for reference in column.foreign_keys:
            key = (reference.column.table, row[place])
            if key in shared and key not in stored:
                stored.add(key)
                _refer(key[0], shared[key], shared, stored, new)
                new[key[0]].append(shared[key])


# --- one JSON column --------------------------------------------------------------------------------------------------


class _Head(msgspec.Struct):
    """The columns next to the JSON."""

    id: str
    created_at: int
    thread_id: str
    status: str


def blob(url: URL, file: Path) -> float:
    """Insert the lines into one column (jsonb, or text on SQLite), with four other columns and two indexes."""
    head = msgspec.json.Decoder(_Head).decode

    def row(line: bytes) -> tuple[Any, ...]:
        found = head(line)
        return found.id, found.created_at, found.thread_id, found.status, line.decode()

    with connected(url) as driver:
        key, document = ("TEXT", "TEXT") if isinstance(driver, sqlite3.Connection) else ('TEXT COLLATE "C"', "jsonb")
        driver.execute(
            f"CREATE TABLE runs (id {key} PRIMARY KEY, created_at BIGINT, thread_id {key}, status {key}, "
            f"document {document})"
        )
        driver.execute("CREATE INDEX ix_created ON runs (created_at, id)")
        driver.execute("CREATE INDEX ix_thread ON runs (thread_id)")
        driver.commit()
    columns = ("id", "created_at", "thread_id", "status", "document")
    start = perf_counter()
    with connected(url) as driver, file.open("rb") as lines:
        for batch in _batches(lines):
            with transaction(driver):
                fill(driver, "runs", columns, map(row, batch))
    return perf_counter() - start


# --- what a user would write first ------------------------------------------------------------------------------------


def orm(url: URL, file: Path) -> float:
    """Import through a plain SQLAlchemy ORM: json.loads, an object for each nested object, session.add_all."""
    engine = create_engine(url)
    plain_orm.Base.metadata.create_all(engine)
    start = perf_counter()
    with file.open("rb") as lines:
        for batch in _batches(lines):
            with Session(engine) as session, session.begin():
                session.add_all([plain_orm.run(json.loads(line)) for line in batch])
    engine.dispose()
    return perf_counter() - start


# --- tools ------------------------------------------------------------------------------------------------------------


def sqlite_utils(url: URL, file: Path) -> float:
    """Import with sqlite-utils: insert_all with pk and alter (members depend on the version of the API).

    Nested values are stored as JSON text. The transactions have the size of runstore's: by default, sqlite-utils
    commits every few dozen rows.
    """
    import sqlite_utils as tool

    start = perf_counter()
    with connected(url) as driver, file.open("rb") as lines:
        assert isinstance(driver, sqlite3.Connection)
        database = tool.Database(driver)
        for batch in _batches(lines):
            with database.atomic():
                database.table("runs").insert_all(map(json.loads, batch), pk="id", alter=True, batch_size=BATCH)
    return perf_counter() - start


def dlt(url: URL, file: Path) -> float:
    """Import with a dlt pipeline with max_table_nesting=0 (nested values as JSON) and default settings otherwise."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
    import dlt as tool

    @tool.resource(name="runs", primary_key="id", write_disposition="append", max_table_nesting=0)
    def runs() -> Iterator[dict[str, Any]]:
        with file.open("rb") as lines:
            yield from map(json.loads, lines)

    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLT_DATA_DIR"] = folder
        destination: Any
        if url.get_backend_name() == "sqlite":
            destination = tool.destinations.sqlalchemy(f"sqlite:///{url.database}")
        else:
            # dlt requires a host and a password; the directory of the socket, in the query, overrides the host.
            place = {"username": url.username, "database": url.database, "query": dict(url.query)}
            place |= {"host": url.host or "localhost", "password": url.password or "none"}
            destination = tool.destinations.postgres(credentials=place)
        start = perf_counter()
        pipeline = tool.pipeline("bench", destination=destination, dataset_name="main", pipelines_dir=folder)
        pipeline.run(runs())
        return perf_counter() - start
