"""Waiting without stopping others: a thread waits by itself, but a task shares its thread with an event loop.

There is one implementation for threads and for tasks. In a task it runs in a greenlet of SQLAlchemy's asyncio
extension, which can await although its code is synchronous. What waits, or takes long, does so through this module.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy.util.concurrency import AsyncAdaptedLock, await_, greenlet_spawn, in_greenlet

SLICE = 0.005
"""Seconds of computation after which other tasks of the event loop get their turn."""

THREADS = 32
"""Maximum number of threads for what would block an event loop."""

T = TypeVar("T")

_log = logging.getLogger(__name__)

_turn = threading.local()


class _Call:
    """A call of a task. It runs in a greenlet that has a task of its own."""

    def __init__(self, caller: asyncio.Task[Any]) -> None:
        self.caller = caller
        self.task: asyncio.Task[Any]
        self.is_uncancelled = False
        self.is_cancelled_next = False

    def cancel(self) -> None:
        """Cancel the call: after :func:`uncancelled`, if that is in progress."""
        if self.is_uncancelled:
            self.is_cancelled_next = True
        else:
            self.task.cancel()


_call: ContextVar[_Call] = ContextVar("runstore_call")


async def spawned(work: Callable[[], T]) -> T:
    """Return the result of synchronous code, which runs in a greenlet.

    The greenlet has a task of its own. If the caller is cancelled, so is this task, once; then the caller waits until
    it has cleaned up, however often it is cancelled. A cancel scope of anyio would repeat that at each step of the
    event loop, which then leaves no time to the thread of aiosqlite; the wait is shielded from it.
    """
    caller = asyncio.current_task()
    assert caller is not None
    call = _Call(caller)
    token = _call.set(call)
    task = call.task = asyncio.create_task(greenlet_spawn(work))
    _call.reset(token)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        call.cancel()
        while not task.done():
            with suppress(asyncio.CancelledError), _shielded():
                await asyncio.wait([task])
        if not task.cancelled() and (failure := task.exception()) is not None:
            _log.info("a cancelled call also failed: %s", failure)
        raise


def _shielded() -> AbstractContextManager[object]:
    """Return a scope that the cancellation of anyio's outer scopes does not enter, if anyio is in use."""
    anyio = sys.modules.get("anyio")
    return nullcontext() if anyio is None else anyio.CancelScope(shield=True)


def current_task() -> asyncio.Task[Any] | None:
    """Return the task for which this code runs."""
    call = _call.get(None)
    return asyncio.current_task() if call is None else call.caller


def in_task() -> bool:
    """Return whether this code runs in a task, whose event loop must not be blocked."""
    return "greenlet" in sys.modules and in_greenlet()  # in_greenlet fails if greenlet is not installed


@contextmanager
def uncancelled() -> Iterator[None]:
    """Do something short to its end, although the task is cancelled: the cancellation takes effect afterwards."""
    call = _call.get(None)
    if call is None:
        yield
        return
    call.is_uncancelled = True
    try:
        yield
    finally:
        call.is_uncancelled = False
        if call.is_cancelled_next:
            call.is_cancelled_next = False
            call.task.cancel()


def sleep(seconds: float) -> None:
    """Wait so many seconds."""
    if in_task():
        await_(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)


def until(over: threading.Event, seconds: float) -> bool:
    """Wait so many seconds; a thread waits only until *over* is set. Return whether it is."""
    if in_task():
        await_(asyncio.sleep(seconds))
        return over.is_set()
    return over.wait(seconds)


def breathe() -> None:
    """Let the other tasks of the event loop run, if it is time. Loops that compute call this for each run or row."""
    if in_task() and time.monotonic() - getattr(_turn, "began", 0.0) >= SLICE:
        await_(asyncio.sleep(0))
        _turn.began = time.monotonic()


def in_thread(work: Callable[[], T], *, stop: Callable[[], object] = lambda: None) -> T:
    """Return the result of work that blocks its thread; for a task, do the work in a thread of its own.

    If the task is cancelled, *stop* has to end the work, which is then awaited, because it uses what is closed next.
    """
    return await_(_in_thread(work, stop)) if in_task() else work()


async def _in_thread(work: Callable[[], T], stop: Callable[[], object]) -> T:
    working = asyncio.get_running_loop().run_in_executor(_threads(), work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([working])
        raise


@lru_cache
def _threads() -> ThreadPoolExecutor:
    """Return threads apart from those of the event loop, which the application needs too."""
    return ThreadPoolExecutor(THREADS, "runstore")


def new_lock() -> AbstractContextManager[object]:
    """Return a lock for the threads, or for the tasks, that work on one thing."""
    return AsyncAdaptedLock() if in_task() else threading.Lock()


@contextmanager
def repeated(work: Callable[[], bool], seconds: float) -> Iterator[None]:
    """Do some work next to this block, after each interval of so many seconds, until it returns False."""
    if in_task():
        task = asyncio.ensure_future(_repeat(work, seconds))
        try:
            yield
        finally:
            task.cancel()
            await_(asyncio.wait([task]))
        return
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(seconds) and work():
            pass

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def _repeat(work: Callable[[], bool], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        if not await greenlet_spawn(work):
            return
