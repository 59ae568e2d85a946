"""db status: its figures as JSON, as a table and as metrics."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from runstore import RunRepository, config, migrate
from tests.helpers.commands import Cli, shown
from tests.helpers.main_jobs import RUN
from tests.helpers.metrics import samples


def test_the_metrics_say_what_the_status_says(url: URL, engine: Engine, cli: Cli) -> None:
    RunRepository(engine).save_many([RUN, {"id": "run_2"}], observed_at=1_700_000_000_123_456)
    done = cli("db", "status", "--db", shown(url), "--format", "prometheus")
    assert (done.code, done.err) == (0, "")
    with engine.connect() as connection:
        said = migrate.status(connection)
    found = samples(done.out)
    archive = f'archive="{config.shown(url)}"'
    assert found["runstore_runs"] == {archive: 2}
    assert found["runstore_newest_snapshot_timestamp_seconds"] == {archive: 1_700_000_000.123457}
    assert found["runstore_last_import_timestamp_seconds"] == {archive: pytest.approx((said.last_import or 0) / 10**6)}
    assert found["runstore_archive_bytes"][archive] > 0
    labels = f'{archive},revision="{migrate.REVISION}",expected="{migrate.REVISION}",version="'
    assert [labels in key for key in found["runstore_revision_info"]] == [True]
    known = {f'{archive},table="{entry.table}"' for entry in said.tables if entry.bytes is not None}
    assert found.get("runstore_table_bytes", {}).keys() == known
    assert len(found) == 7 - (not known) - all(entry.rows is None for entry in said.tables)


def test_an_archive_without_runs_has_no_times(url: URL, engine: Engine, cli: Cli) -> None:
    found = samples(cli("db", "status", "--db", shown(url), "--format", "prometheus").out)
    assert set(found["runstore_runs"].values()) == {0}
    assert not {name for name in found if name.endswith("timestamp_seconds")}


def test_status_has_the_form_that_is_asked_for(url: URL, engine: Engine, cli: Cli) -> None:
    db: tuple[Any, ...] = ("db", "status", "--db", shown(url))
    assert cli(*db).out == cli(*db, "--json").out == cli(*db, "--format", "json").out
    assert cli(*db, "--json", "--format", "json").code == 0
    first = f"revision        {migrate.REVISION} (this runstore: {migrate.REVISION})\n"
    assert cli(*db, "--format", "table").out.startswith(first)
    both = cli(*db, "--json", "--format", "prometheus")
    assert (both.code, both.out) == (2, "")
    assert "--json and --format prometheus contradict each other" in both.err
