"""Behaviour that is specific to SQLite files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from runstore import ConfigurationError, DatabaseFailure, RunRepository, create_engine, migrate


def test_a_url_object_means_what_it_says(tmp_path: Path) -> None:
    url = make_url(f"sqlite:///{tmp_path / 'x.db'}?mode=ro")
    with RunRepository.open(tmp_path / "x.db") as runs:
        runs.save({"id": "run_1", "object": "thread.run"})
    with RunRepository.open(url) as runs:
        assert runs.count() == 1
        with pytest.raises(DatabaseFailure, match="readonly"):
            runs.save({"id": "run_2", "object": "thread.run"})


def test_what_is_in_the_log_is_not_left_out(tmp_path: Path) -> None:
    with RunRepository.open(tmp_path / "x.db") as runs:
        runs.save({"id": "run_1", "object": "thread.run"})
        immutable = f"sqlite:///{tmp_path / 'x.db'}?immutable=1"
        with RunRepository.open(immutable) as other, pytest.raises(ConfigurationError, match="log"):
            other.count()


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_a_file_in_utf_16_is_refused(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "x.db"
    with closing(sqlite3.connect(file)) as driver:
        driver.execute(f"PRAGMA encoding = '{encoding}'")
        driver.execute("CREATE TABLE ours (a)")
    engine = create_engine(file)
    with pytest.raises(ConfigurationError, match=f"{encoding}.*runstore copy"):
        migrate.upgrade(engine)
    engine.dispose()
    with closing(sqlite3.connect(file)) as driver:
        assert [name for (name,) in driver.execute("SELECT name FROM sqlite_master")] == ["ours"]
