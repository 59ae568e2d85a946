"""How Python shares its time while many runs are saved or read: its garbage collector and its threads.

Both settings belong to the whole process. Ours hold while anybody here needs them, and what the application had set
before comes back; what it sets meanwhile stays.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, TypeVar

SELDOM = 50_021
"""New objects after which the garbage collector comes by. A number that nobody else is likely to set."""

TURN = 2.1e-5
"""Seconds after which a thread gives way to one that waits."""

Value = TypeVar("Value")


class _Setting(Generic[Value]):
    """A setting of the interpreter, which any number of threads may want changed at the same time."""

    def __init__(
        self, read: Callable[[], Value], write: Callable[[Value], None], wanted: Callable[[Value], Value]
    ) -> None:
        self._read, self._write, self._wanted = read, write, wanted
        self._lock = threading.Lock()
        self._holders = 0
        self._before = self._ours = read()
        if hasattr(os, "register_at_fork"):  # a thread that holds the lock would not be in the child to give it back
            give_back = self._lock.release
            os.register_at_fork(before=self._lock.acquire, after_in_parent=give_back, after_in_child=give_back)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have it as it is wanted: from the first who comes to the last who leaves."""
        with self._lock:
            self._holders += 1
            if self._holders == 1:
                self._before = self._read()
                self._write(self._wanted(self._before))
                self._ours = self._read()
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                # Another value is the application's, set since.
                if not self._holders and self._read() == self._ours:
                    self._write(self._before)


_threshold: _Setting[tuple[int, int, int]] = _Setting(
    gc.get_threshold,
    lambda threshold: gc.set_threshold(*threshold),
    # Off (0), or somebody's wish already.
    lambda usual: (SELDOM, usual[1], usual[2]) if 0 < usual[0] < SELDOM else usual,
)
_switch_interval = _Setting(sys.getswitchinterval, sys.setswitchinterval, lambda usual: min(usual, TURN))


def seldom_collected() -> AbstractContextManager[None]:
    """Let the garbage collector come by less often: what a batch is made of has no cycles, and is thousands of objects.

    At its usual pace it goes through all of them every few runs, a tenth of the time of saving and of reading.
    """
    return _threshold.held()


def quick_turns() -> AbstractContextManager[None]:
    """Let threads wait for one another as shortly as they can.

    One that writes while another one maps needs Python for a moment between two statements of the database; at the
    usual pace it would wait for 5 ms each time.
    """
    return _switch_interval.held()
