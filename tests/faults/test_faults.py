"""A few of the faults of ``tests.faults``: processes killed, servers stopped, disks full, files that lie."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from runstore.repository import RunRepository
from tests.faults import damage, disk, hostile, kills, schedules
from tests.faults.places import BACKENDS, Place, place
from tests.helpers.runs import full

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]


@pytest.fixture(scope="module")
def places() -> Iterator[dict[str, Place]]:
    """One of each kind."""
    with (
        tempfile.TemporaryDirectory(prefix="runstore-", ignore_cleanup_errors=True) as one,
        tempfile.TemporaryDirectory(prefix="runstore-", ignore_cleanup_errors=True) as other,
        place("sqlite", Path(one)) as files,
        place("postgresql", Path(other)) as server,
    ):
        yield {"sqlite": files, "postgresql": server}


@pytest.mark.parametrize("kind", BACKENDS)
def test_a_killed_import_loses_nothing_that_was_committed(places: dict[str, Place], kind: str) -> None:
    kills.kill_imports(places[kind], runs=2500, kills=2)


def test_an_import_goes_on_when_the_server_was_restarted(places: dict[str, Place]) -> None:
    kills.restart_server(places["postgresql"], runs=6000, stops=1)


@pytest.mark.parametrize("kind", BACKENDS)
def test_an_import_that_waits_can_be_interrupted(places: dict[str, Place], kind: str) -> None:
    kills.interrupt_waiting(places[kind], runs=6000)


def test_an_import_gives_up_on_a_server_that_stays_away(places: dict[str, Place]) -> None:
    kills.lose_server(places["postgresql"], runs=6000, patience=1)


def test_a_database_dropped_under_an_import_is_a_clear_error(places: dict[str, Place]) -> None:
    kills.drop_database(places["postgresql"], runs=6000)


def test_every_schedule_of_writers_ends_in_the_same_archive(places: dict[str, Place]) -> None:
    schedules.run_schedules(list(places.values()), schedules=4, runs=120)
    schedules.run_schedules(list(places.values()), schedules=2, runs=120, prune=True)


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_every_schedule_of_writers_ends_in_the_same_archive_whatever_the_isolation(
    places: dict[str, Place], isolation: str
) -> None:
    schedules.run_schedules([places["postgresql"]], schedules=2, runs=120, prune=True, isolation=isolation)


@pytest.mark.parametrize("kind", BACKENDS)
def test_damage_in_any_table_is_found(places: dict[str, Place], kind: str) -> None:
    damage.damage(places[kind], rows=60)


def test_a_full_disk_is_a_clear_error_and_loses_nothing(places: dict[str, Place]) -> None:
    disk.full_disk(places["sqlite"], runs=2500)


def test_what_may_not_be_written_is_a_clear_error(places: dict[str, Place]) -> None:
    disk.read_only(places["sqlite"])


def test_a_file_that_is_no_archive_is_left_as_it_is(places: dict[str, Place]) -> None:
    disk.no_database(places["sqlite"])


def test_a_corrupt_page_is_found(places: dict[str, Place]) -> None:
    disk.corrupt_pages(places["sqlite"], pages=2)


def test_the_log_of_a_dead_process_belongs_to_the_archive(places: dict[str, Place]) -> None:
    disk.dead_log(places["sqlite"], runs=6000)


@pytest.mark.parametrize("kind", BACKENDS)
def test_fuzzed_bytes_are_refused_or_stored_as_they_are(places: dict[str, Place], kind: str) -> None:
    hostile.import_fuzzed(places[kind], inputs=150)


def test_bad_input_is_refused_in_bounded_memory_and_the_rest_is_stored(places: dict[str, Place]) -> None:
    hostile.import_bad_files(places["sqlite"])


@pytest.mark.parametrize("strange", hostile.STRANGE)
def test_strange_strings_are_kept_and_harm_nobody(engine: Engine, strange: str) -> None:
    runs = RunRepository(engine)
    run = full(
        strange, status=strange, model=strange, thread_id=strange, instructions=strange, metadata={strange: strange}
    )
    run["tools"] = [{"type": strange, "function": {"name": strange, "description": strange}}]
    runs.save(run, source=strange)
    assert runs.load(strange) == run
    assert runs.find(status=strange, thread_id=strange).runs == [run]
    assert list(runs.verify()) == []
    assert runs.prune(status=strange).runs == 1
