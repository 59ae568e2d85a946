"""Calls that run at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def in_threads(*work: Callable[[], Any]) -> list[Any]:
    """Return the results of concurrent calls, or raise the first error."""
    found: list[Any] = [None] * len(work)
    start = threading.Barrier(len(work))

    def one(place: int, call: Callable[[], Any]) -> None:
        start.wait()
        try:
            found[place] = call()
        except Exception as error:  # raised in the test's own thread
            found[place] = error

    threads = [threading.Thread(target=one, args=numbered) for numbered in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    errors = [result for result in found if isinstance(result, Exception)]
    if errors:
        raise errors[0]
    return found
