"""Archives of earlier versions: kept as dumps, upgraded here, and their rows checked."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from runstore import RunRepository, migrate
from runstore.save.writer import Outcome
from runstore.schema import Base
from tests.helpers.catalog import catalog
from tests.helpers.comparison import difference
from tests.migrate.old_databases import FOLDER, restore, snapshots

KEPT = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@pytest.fixture(params=[KEPT[0], *(pytest.param(name, marks=pytest.mark.slow) for name in KEPT[1:])])
def old(request: pytest.FixtureRequest, empty_url: URL) -> Iterator[tuple[str, Engine]]:
    """The number of a released revision, and an archive as it was then."""
    restore(FOLDER / request.param, empty_url)
    with migrate.engine(empty_url) as engine:
        yield request.param, engine


LATER = {"model_price", "fetched_thread"}
"""Tables that later revisions have made."""


def rows(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the tables that the first revision has made, with the ids of runs in place of their numbers."""
    with engine.connect() as connection:
        inspector = sqlalchemy.inspect(connection)
        names = {*inspector.get_table_names()} & {*Base.metadata.tables} - LATER
        found: dict[str, list[tuple[Any, ...]]] = {}
        ids: dict[Any, Any] = {}
        for name in sorted(names, key=lambda name: name != "run_object"):
            columns = [column["name"] for column in inspector.get_columns(name)]
            listed = list(map(tuple, connection.execute(text(f'SELECT * FROM "{name}"'))))
            if "number" in columns:
                ids = {row[-1]: row[0] for row in listed}
                listed = [row[:-1] for row in listed]
            elif "run_object" in columns:
                listed = [(ids.get(row[0], row[0]), *row[1:]) for row in listed]
            found[name] = sorted(listed, key=repr)
        return found


def kept_runs(revision: str) -> list[Any]:
    return [json.loads(line) for line in (FOLDER / f"{revision}.jsonl").read_text().splitlines()]


def test_what_is_kept_is_of_revisions_and_complete() -> None:
    assert KEPT[0] == "0001"
    assert set(KEPT) <= {revision.revision for revision in migrate.history()}
    for revision in KEPT:
        assert {path.suffix for path in Path(FOLDER).glob(f"{revision}.*")} == {".jsonl", ".sql"}


def test_an_old_archive_is_upgraded_with_all_its_rows(old: tuple[str, Engine]) -> None:
    revision, engine = old
    before = rows(engine)
    assert migrate.upgrade(engine, backup=False) == (revision, migrate.REVISION)
    assert rows(engine) == before
    runs = RunRepository(engine)
    found = list(runs.iterate())
    assert len(found) == len(kept_runs(revision))
    for run, loaded in zip(kept_runs(revision), found, strict=True):
        assert not difference(run, loaded)
    # Runs that were stored then are recognised: nothing is stored twice, and no digest has changed.
    again = runs.save_many(snapshots(), observed_at=1)
    assert (again.inserted, again.updated, again.rejected) == (0, 0, 0)
    assert rows(engine) == before
    assert sum(len(runs.changes(run["id"])) for run in found) == len(before["run_object_change"]) > 0
    assert migrate.diff(engine) == []


@pytest.mark.slow
def test_upgrade_downgrade_and_upgrade_again_keeps_every_run_at_every_revision(old: tuple[str, Engine]) -> None:
    revision, engine = old
    numbers = [step.revision for step in migrate.history()]
    before = rows(engine)
    for earlier, later in itertools.pairwise(numbers):
        if earlier < revision:
            continue
        low = catalog(engine)
        assert migrate.upgrade(engine, later, backup=False) == (earlier, later)
        high = catalog(engine)
        assert rows(engine) == before
        assert migrate.downgrade(engine, earlier, backup=False) == (later, earlier)
        assert (catalog(engine), rows(engine)) == (low, before)
        assert migrate.upgrade(engine, later, backup=False) == (earlier, later)
        assert (catalog(engine), rows(engine)) == (high, before)
    found = list(RunRepository(engine).iterate())
    assert not difference(kept_runs(revision), found)


def test_the_views_show_what_an_old_archive_holds(old: tuple[str, Engine]) -> None:
    _, engine = old
    migrate.upgrade(engine, backup=False)
    with engine.connect() as connection:
        stored = connection.scalar(text("SELECT count(*) FROM run_object"))
        for view in ("runs", '"RunObject"'):
            assert connection.scalar(text(f"SELECT count(*) FROM {view}")) == stored


# --- other spellings -------------------------------------------------------------------------------------------------

SPELLED = FOLDER / "spellings" / "0004"
"""An archive of code that did not know camelCase: such members are in extra, even those of shared rows."""


def test_runs_whose_spelling_was_unknown_load_and_verify_and_are_unchanged_when_saved_again(empty_url: URL) -> None:
    restore(SPELLED, empty_url)
    snapshots = [json.loads(line) for line in SPELLED.with_name("0004.jsonl").read_text().splitlines()]
    newest = {snapshot["id"]: snapshot for snapshot in snapshots}
    with migrate.engine(empty_url) as engine:
        before = rows(engine)
        migrate.upgrade(engine, backup=False)
        runs = RunRepository(engine)
        for run in newest.values():
            assert not difference(run, runs.load(run["id"]))
        assert list(runs.verify()) == []
        list(runs.findings())
        again = runs.save_many(snapshots, observed_at=1)
        assert (again.unchanged, again.stale, again.complete) == (3, 2, True)
        assert {**rows(engine), "run_object_shape": None} == {**before, "run_object_shape": None}
        # The next snapshot fills the columns, and what it replaces is history as ever.
        for run in newest.values():
            later = run | {"seen": "again"}
            assert runs.save(later) is Outcome.UPDATED
            assert not difference(later, runs.load(run["id"]))
        assert list(runs.verify()) == []
        assert runs.count(thread_id="thread_a") == 2
        assert [len(runs.changes(run_id)) for run_id in newest] == [2, 2, 1]
