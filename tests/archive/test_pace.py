"""Saving leaves the settings of the process to the application."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from runstore import RunRepository


def test_what_the_application_sets_while_runs_are_saved_stays(runs: RunRepository) -> None:
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()

    def records() -> Iterator[object]:
        for n in range(50):
            if n == 25:
                gc.set_threshold(1234, 5, 5)
                sys.setswitchinterval(0.003)
            yield {"id": f"run_{n}"}

    try:
        runs.save_many(records())
        assert gc.get_threshold()[:2] == (1234, 5)
        assert sys.getswitchinterval() == pytest.approx(0.003)
    finally:
        gc.set_threshold(*threshold)
        sys.setswitchinterval(interval)
