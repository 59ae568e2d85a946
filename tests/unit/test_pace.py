"""The settings of the process that saving and reading change: they come back, and what the application sets stays."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator

import pytest

from runstore import pace


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


def test_settings_hold_from_the_first_who_comes_to_the_last_who_leaves() -> None:
    before = gc.get_threshold(), sys.getswitchinterval()
    first, second = pace.seldom_collected(), pace.seldom_collected()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] == pace.SELDOM
    second.__exit__(None, None, None)
    with pace.quick_turns(), pace.quick_turns():
        assert sys.getswitchinterval() == pytest.approx(pace.TURN)
    assert (gc.get_threshold(), sys.getswitchinterval()) == before


@pytest.mark.parametrize("wish", [(1234, 5, 5), (0, 10, 10), (200_000, 20, 20), (700, 10, 10)])
def test_what_the_application_sets_meanwhile_stays(wish: tuple[int, int, int]) -> None:
    gc.set_threshold(*wish)
    expected = gc.get_threshold()  # of some versions of Python the third is always 0
    gc.set_threshold(700, 10, 10)
    with pace.seldom_collected(), pace.quick_turns():
        gc.set_threshold(*wish)
        sys.setswitchinterval(0.003)
    assert gc.get_threshold() == expected
    assert sys.getswitchinterval() == pytest.approx(0.003)


@pytest.mark.parametrize("wish", [(0, 10, 10), (200_000, 20, 20)])
def test_a_collector_that_is_off_or_comes_by_less_often_is_left_alone(wish: tuple[int, int, int]) -> None:
    gc.set_threshold(*wish)
    expected = gc.get_threshold()
    gc.disable()
    try:
        with pace.seldom_collected():
            assert (gc.get_threshold(), gc.isenabled()) == (expected, False)
        assert (gc.get_threshold(), gc.isenabled()) == (expected, False)
    finally:
        gc.enable()


def test_many_threads_leave_the_settings_as_they_were() -> None:
    before = gc.get_threshold(), sys.getswitchinterval()

    def busy() -> None:
        for _ in range(500):
            with pace.seldom_collected(), pace.quick_turns():
                pass

    threads = [threading.Thread(target=busy) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (gc.get_threshold(), sys.getswitchinterval()) == before
