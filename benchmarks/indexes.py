"""The cost of each index: its share of the time of an import, and its size."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from benchmarks.measure import Bench, Figure, isolated, save_file
from runstore import migrate
from runstore.schema import Base

SIZE = {
    "sqlite": "SELECT sum(pgsize) FROM dbstat WHERE name = :name",
    "postgresql": "SELECT pg_relation_size(to_regclass(:name))",
}


def index_cost(bench: Bench) -> Figure:
    """Compare an import with one without any index; the note contains the cost of each index."""
    with bench.imported() as url:
        sizes = isolated(_sizes, url)
    without = {name: bench.into_archive(partial(_import_without, [name])) for name in sizes}
    nothing = bench.into_archive(partial(_import_without, list(sizes)))
    measured = bench.alternate(all=bench.into_archive(save_file), none=nothing, **without)
    whole = median(measured["all"])
    costs = "".join(
        f"\n  {name}: {(whole - median(measured[name])) / whole:+.1%}, {size / bench.runs:.0f} bytes per run"
        for name, size in sizes.items()
    )
    room = sum(sizes.values()) / bench.runs
    note = (
        f"all indexes take {room:.0f} bytes per run; the share of each in the time of an import, and its size:{costs}"
    )
    whole_cost = Figure.slower("all", "none", measured, note)
    return replace(whole_cost, room={name: size / bench.runs for name, size in sizes.items()})


def _sizes(url: URL) -> dict[str, int]:
    """Return the bytes of each index except the primary keys."""
    with migrate.engine(url) as engine:
        return {name: size for name in _names() if (size := _size(engine, name)) is not None}


def _names() -> list[str]:
    return sorted(str(index.name) for table in Base.metadata.tables.values() for index in table.indexes)


def _size(engine: Engine, name: str) -> int | None:
    """Return the bytes of an index, or None if this database does not have it."""
    with engine.connect() as connection:
        size = connection.execute(text(SIZE[engine.dialect.name]), {"name": name}).scalar()
    return None if size is None else int(size)


def _import_without(names: list[str], url: URL, file: Path) -> float:
    with migrate.engine(url) as engine, engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f"DROP INDEX {name}")
    return save_file(url, file)
