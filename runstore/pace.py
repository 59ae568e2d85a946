"""How Python shares its time while many runs are saved or read: its garbage collector and its threads."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 50_000
"""New objects after which the garbage collector comes by."""

TURN = 2e-5
"""Seconds after which a thread gives way to one that waits."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the garbage collector come by less often: what a batch is made of has no cycles, and is thousands of objects.

    At its usual pace it goes through all of them every few runs, a tenth of the time of saving and of reading.
    """
    usual = gc.get_threshold()
    if not 0 < usual[0] < SELDOM:  # off, or somebody's wish already, such as that of a save in another thread
        yield
        return
    gc.set_threshold(SELDOM, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@contextmanager
def quick_turns() -> Iterator[None]:
    """Let threads wait for one another as shortly as they can.

    One that writes while another one maps needs Python for a moment between two statements of the database; at the
    usual pace it would wait for 5 ms each time.
    """
    usual = sys.getswitchinterval()
    if usual <= TURN:
        yield
        return
    sys.setswitchinterval(TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
