"""Settings of the Python interpreter while many runs are saved or read: garbage collection and thread switching.

Both settings apply to the whole process. They are changed as long as anyone here needs them; then the application's
values are restored. If the application changes a setting in the meantime, its new value is kept.
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
"""New objects between two garbage collections. Other code is unlikely to set exactly this number."""

TURN = 2.1e-5
"""Seconds after which a running thread yields to a waiting one."""

Value = TypeVar("Value")


class _Setting(Generic[Value]):
    """A setting of the interpreter that any number of threads may need changed at the same time."""

    def __init__(
        self, read: Callable[[], Value], write: Callable[[Value], None], wanted: Callable[[Value], Value]
    ) -> None:
        self._read, self._write, self._wanted = read, write, wanted
        self._lock = threading.Lock()
        self._holders = 0
        self._before = self._ours = read()
        if hasattr(os, "register_at_fork"):  # in the child, no thread would be left to release a held lock
            give_back = self._lock.release
            os.register_at_fork(before=self._lock.acquire, after_in_parent=give_back, after_in_child=give_back)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the setting changed from the first entry to the last exit."""
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
                # Any other value was set by the application in the meantime.
                if not self._holders and self._read() == self._ours:
                    self._write(self._before)


_threshold: _Setting[tuple[int, int, int]] = _Setting(
    gc.get_threshold,
    lambda threshold: gc.set_threshold(*threshold),
    # Leave it alone if it is off (0) or already higher.
    lambda usual: (SELDOM, usual[1], usual[2]) if 0 < usual[0] < SELDOM else usual,
)
_switch_interval = _Setting(sys.getswitchinterval, sys.setswitchinterval, lambda usual: min(usual, TURN))


def seldom_collected() -> AbstractContextManager[None]:
    """Run the garbage collector less often: a batch consists of thousands of objects without cycles.

    With the usual threshold the collector visits all of them every few runs, which costs a tenth of the time of saving
    and reading.
    """
    return _threshold.held()


def quick_turns() -> AbstractContextManager[None]:
    """Make threads wait for each other as briefly as possible.

    A thread that writes while another one maps needs the interpreter for a moment between two statements; with the
    usual interval it would wait 5 ms each time.
    """
    return _switch_interval.held()
