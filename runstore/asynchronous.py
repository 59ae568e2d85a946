"""The archive for tasks: the methods of :class:`RunRepository`, executed in a greenlet that awaits the database."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from copy import copy
from datetime import datetime, tzinfo
from functools import cache
from itertools import islice
from types import TracebackType
from typing import Any, Concatenate, NamedTuple, ParamSpec, Self, TypeVar, Unpack, overload

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session
from sqlalchemy.util.concurrency import await_

from runstore import migrate, prices, waiting
from runstore.answers import Answer, Statistics
from runstore.backends import Parameters, create_awaited_engine
from runstore.errors import ConfigurationError
from runstore.query import facets, prompts
from runstore.query.criteria import Filter
from runstore.query.facets import Facets
from runstore.query.pages import Page, RowPage, RunText, TextPage
from runstore.query.prompts import Prompts
from runstore.repository import PATIENCE, RunRepository
from runstore.save.history import Change, Observed
from runstore.save.policy import Policy
from runstore.save.saver import Rejection, SaveReport
from runstore.save.writer import Outcome
from runstore.schema import Base
from runstore.times import Time
from runstore.upkeep.lint import Finding
from runstore.zones import Zone

try:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
except ImportError as missing:
    raise ImportError(
        "asynchronous archives require the extra async; install it with: pip install 'runstore[async]'"
    ) from missing

PIECE = 50
"""The maximum number of items that an iteration reads at a time."""

P = ParamSpec("P")
T = TypeVar("T")


class AsyncAnswer(NamedTuple):
    """The result of a query written by the user. Its rows can be read once, in one of these forms."""

    columns: tuple[str, ...]
    rows: AsyncIterator[tuple[Any, ...]]
    """Rows, fetched while they are iterated, with the values of :class:`Answer`."""

    async def dicts(self) -> list[dict[str, Any]]:
        """Return a dictionary for each row: :meth:`Answer.dicts`."""
        return await self._read(Answer.dicts)

    async def arrow(self) -> Any:
        """Return a ``pyarrow.Table``: :meth:`Answer.arrow`."""
        return await self._read(Answer.arrow)

    async def df(self) -> Any:
        """Return a ``pandas.DataFrame``: :meth:`Answer.df`."""
        return await self._read(Answer.df)

    async def _read(self, form: Callable[[Answer], T]) -> T:
        rows = [row async for row in self.rows]
        return await waiting.spawned(lambda: form(Answer(self.columns, iter(rows))))


class AsyncRunRepository:
    """An archive of assistant runs, for tasks: each method does what the one of :class:`RunRepository` does.

    *bind* is an asynchronous engine or connection, of psycopg or aiosqlite. Tasks may share a repository; on a single
    connection they take turns. The event loop is never blocked for long: while the database works, and after a few
    milliseconds of computation, other tasks run.

    A cancelled call rolls back the batch that it was writing, writes no more, and returns its connection. The batches
    before that one remain stored. An iteration that is left early returns its connection when it is closed:
    :func:`contextlib.aclosing` does so immediately, else the event loop does so soon afterwards.
    """

    def __init__(
        self, bind: AsyncEngine | AsyncConnection, *, patience: float = PATIENCE, tz: Zone | None = None
    ) -> None:
        self._runs = RunRepository(_synchronous(bind), patience=patience, tz=tz)
        self._bind: Connection | Session | None = None
        self._owned: AsyncEngine | None = None

    @classmethod
    def open(
        cls,
        place: str | os.PathLike[str] | URL | None = None,
        *,
        schema: str | None = None,
        patience: float = PATIENCE,
        connections: int | None = None,
        tz: Zone | None = None,
    ) -> Self:
        """Open the archive at a database URL or the path of a SQLite file: :meth:`RunRepository.open`.

        Close the repository, or use it in an ``async with`` statement.
        """
        engine = create_async_engine(place, schema=schema, connections=connections)
        repository = cls(engine, patience=patience, tz=tz)
        repository._owned = engine
        return repository

    @overload
    def on(self, bind: AsyncConnection | AsyncSession) -> AsyncRunRepository: ...

    @overload
    def on(self, bind: Connection | Session) -> RunRepository: ...

    def on(self, bind: AsyncConnection | AsyncSession | Connection | Session) -> AsyncRunRepository | RunRepository:
        """Return a view of this archive inside the transaction of a connection or session: :meth:`RunRepository.on`.

        The view of a synchronous connection or session, such as ``run_sync`` passes to its function, is synchronous.
        An error of :meth:`RunRepository.on` is raised by the first method that uses the view of an asynchronous one.
        """
        if isinstance(bind, Connection | Session):
            return self._runs.on(bind)
        view = copy(self)
        view._owned = None
        if isinstance(bind, AsyncSession):
            view._bind = bind.sync_session
        elif isinstance(bind, AsyncConnection):
            view._bind = _started(bind)
        else:
            raise ConfigurationError(detail="on takes a connection or a session; pass an engine to AsyncRunRepository")
        return view

    def in_zone(self, tz: Zone) -> AsyncRunRepository:
        """Return a view of this archive with another time zone: :meth:`RunRepository.in_zone`."""
        view = copy(self)
        view._runs = self._runs.in_zone(tz)
        view._owned = None
        return view

    @property
    def tz(self) -> tzinfo:
        """The time zone of dates in filters, and of the hours, days, weeks and months of :meth:`stats`."""
        return self._runs.tz

    def reading(self, timeout: float) -> AsyncRunRepository:
        """Return a view of this archive that only reads, with a time limit: :meth:`RunRepository.reading`."""
        if self._bind is not None:
            raise ConfigurationError(
                detail="reading needs a repository made from an engine: no transaction may be open"
            )
        view = copy(self)
        view._runs = self._runs.reading(timeout)
        view._owned = None
        return view

    async def close(self) -> None:
        """Close the connections of a repository that :meth:`open` returned."""
        if self._owned is not None:
            await self._owned.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # --- saving ------------------------------------------------------------------------------------------------------

    async def save(
        self,
        run: object,
        *,
        observed_at: int | datetime | None = None,
        source: str | None = None,
        on_conflict: Policy = "newest",
        strict: bool = False,
        redact: bool = False,
    ) -> Outcome:
        """Save one run: :meth:`RunRepository.save`."""
        return await self._do(
            RunRepository.save,
            run,
            observed_at=observed_at,
            source=source,
            on_conflict=on_conflict,
            strict=strict,
            redact=redact,
        )

    async def save_many(
        self,
        runs: Iterable[object] | AsyncIterable[object],
        *,
        observed_at: int | datetime | None = None,
        source: str | None = None,
        on_conflict: Policy = "newest",
        strict: bool = False,
        redact: bool = False,
        on_rejected: Callable[[Rejection], None] | None = None,
        on_skipped: Callable[[Rejection], None] | None = None,
    ) -> SaveReport:
        """Save many runs, each batch in one transaction: :meth:`RunRepository.save_many`.

        *runs* may be an asynchronous iterable, such as a page of the SDK's asynchronous client.
        """
        return await self._do(
            RunRepository.save_many,
            _awaited(runs) if isinstance(runs, AsyncIterable) else runs,
            observed_at=observed_at,
            source=source,
            on_conflict=on_conflict,
            strict=strict,
            redact=redact,
            on_rejected=on_rejected,
            on_skipped=on_skipped,
        )

    # --- loading -----------------------------------------------------------------------------------------------------

    async def load(self, run_id: str) -> dict[str, Any]:
        """Return a run exactly as it was saved: :meth:`RunRepository.load`."""
        return await self._do(RunRepository.load, run_id)

    async def load_json(self, run_id: str) -> RunText:
        """Return the same as compact JSON text: :meth:`RunRepository.load_json`."""
        return await self._do(RunRepository.load_json, run_id)

    async def load_many(self, run_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return runs by id: :meth:`RunRepository.load_many`."""
        return await self._do(RunRepository.load_many, run_ids)

    async def find(
        self,
        *,
        newest_first: bool = True,
        limit: int = 20,
        cursor: str | None = None,
        after: str | None = None,
        before: str | None = None,
        **where: Unpack[Filter],
    ) -> Page:
        """Return a page of runs that meet all conditions: :meth:`RunRepository.find`."""
        return await self._do(
            RunRepository.find,
            newest_first=newest_first,
            limit=limit,
            cursor=cursor,
            after=after,
            before=before,
            **where,
        )

    async def find_json(
        self,
        *,
        newest_first: bool = True,
        limit: int = 20,
        cursor: str | None = None,
        after: str | None = None,
        before: str | None = None,
        **where: Unpack[Filter],
    ) -> TextPage:
        """Return the page of :meth:`find` as compact JSON texts: :meth:`RunRepository.find_json`."""
        return await self._do(
            RunRepository.find_json,
            newest_first=newest_first,
            limit=limit,
            cursor=cursor,
            after=after,
            before=before,
            **where,
        )

    async def find_rows(
        self,
        columns: str | Iterable[str] | None = None,
        *,
        newest_first: bool = True,
        limit: int = 20,
        cursor: str | None = None,
        after: str | None = None,
        before: str | None = None,
        **where: Unpack[Filter],
    ) -> RowPage:
        """Return the rows of the view ``runs`` for a page of :meth:`find`: :meth:`RunRepository.find_rows`."""
        return await self._do(
            RunRepository.find_rows,
            columns,
            newest_first=newest_first,
            limit=limit,
            cursor=cursor,
            after=after,
            before=before,
            **where,
        )

    def iterate(self, **where: Unpack[Filter]) -> AsyncIterator[dict[str, Any]]:
        """Yield all runs that meet the conditions of :meth:`find`: :meth:`RunRepository.iterate`."""
        return self._yielded(RunRepository.iterate, **where)

    def iterate_json(self, *, newest_first: bool = False, **where: Unpack[Filter]) -> AsyncIterator[bytes]:
        """Yield the same runs as compact JSON texts: :meth:`RunRepository.iterate_json`."""
        return self._yielded(RunRepository.iterate_json, newest_first=newest_first, **where)

    async def count(self, **where: Unpack[Filter]) -> int:
        """Return the number of runs that meet the conditions of :meth:`find`: :meth:`RunRepository.count`."""
        return await self._do(RunRepository.count, **where)

    async def changes(self, run_id: str) -> list[Change]:
        """Return the snapshots of a run except its newest: :meth:`RunRepository.changes`."""
        return await self._do(RunRepository.changes, run_id)

    async def snapshots(self, run_id: str) -> list[Observed]:
        """Return all snapshots of a run, oldest first: :meth:`RunRepository.snapshots`."""
        return await self._do(RunRepository.snapshots, run_id)

    # --- asking ------------------------------------------------------------------------------------------------------

    def sql(
        self, query: str, parameters: Parameters | None = None, *, timeout: float = 30
    ) -> AbstractAsyncContextManager[AsyncAnswer]:
        """Run an SQL query that cannot change anything: :meth:`RunRepository.sql`."""
        return self._asked(query, parameters, timeout)

    def rows(
        self,
        columns: str | Iterable[str] | None = None,
        *,
        newest_first: bool = False,
        sort: str | None = None,
        limit: int | None = None,
        **where: Unpack[Filter],
    ) -> AsyncIterator[Any]:
        """Yield the rows of the view ``runs`` that meet the conditions of :meth:`find`: :meth:`RunRepository.rows`."""
        return self._yielded(RunRepository.rows, columns, newest_first=newest_first, sort=sort, limit=limit, **where)

    async def df(
        self,
        columns: str | Iterable[str] | None = None,
        *,
        newest_first: bool = False,
        sort: str | None = None,
        limit: int | None = None,
        **where: Unpack[Filter],
    ) -> Any:
        """Return the same rows as a ``pandas.DataFrame``: :meth:`RunRepository.df`."""
        return await self._do(RunRepository.df, columns, newest_first=newest_first, sort=sort, limit=limit, **where)

    async def arrow(
        self,
        columns: str | Iterable[str] | None = None,
        *,
        newest_first: bool = False,
        sort: str | None = None,
        limit: int | None = None,
        **where: Unpack[Filter],
    ) -> Any:
        """Return the same rows as a ``pyarrow.Table``: :meth:`RunRepository.arrow`."""
        return await self._do(RunRepository.arrow, columns, newest_first=newest_first, sort=sort, limit=limit, **where)

    async def stats(
        self,
        by: str | Iterable[str] = (),
        *,
        columns: str | Iterable[str] | None = None,
        sort: str | None = None,
        limit: int | None = None,
        **where: Unpack[Filter],
    ) -> Statistics:
        """Return counts, tokens, cost and durations of runs, per group: :meth:`RunRepository.stats`."""
        return await self._do(RunRepository.stats, by, columns=columns, sort=sort, limit=limit, **where)

    async def facets(
        self, names: str | Iterable[str] | None = None, *, limit: int = facets.LIMIT, **where: Unpack[Filter]
    ) -> Facets:
        """Return how often the values of some filters occur among the newest runs: :meth:`RunRepository.facets`."""
        return await self._do(RunRepository.facets, names, limit=limit, **where)

    async def prompts(self, assistant_id: str, /, *, limit: int = prompts.LIMIT, **where: Unpack[Filter]) -> Prompts:
        """Return the versions of an assistant's instructions: :meth:`RunRepository.prompts`."""
        return await self._do(RunRepository.prompts, assistant_id, limit=limit, **where)

    async def created_at_of(self, place: int) -> int | None:
        """Return the created_at of the run at this place from the newest: :meth:`RunRepository.created_at_of`."""
        return await self._do(RunRepository.created_at_of, place)

    def findings(self, *, rules: Iterable[str] | None = None, **where: Unpack[Filter]) -> AsyncIterator[Finding]:
        """Yield the deviations of runs from the API specification: :meth:`RunRepository.findings`."""
        return self._yielded(RunRepository.findings, rules=rules, **where)

    @property
    def place(self) -> str:
        """The path of a SQLite file, else the database URL without its password."""
        return self._runs.place

    async def status(self) -> migrate.Status:
        """Return the size and the freshness of the archive: :meth:`RunRepository.status`."""
        return await self._do(RunRepository.status)

    async def check(self) -> None:
        """Check that this code can read the archive: :meth:`RunRepository.check`."""
        await self._do(RunRepository.check)

    # --- prices ------------------------------------------------------------------------------------------------------

    async def set_prices(self, found: Iterable[prices.Price]) -> int:
        """Store token prices, and return their number: :meth:`RunRepository.set_prices`."""
        return await self._do(RunRepository.set_prices, found)

    async def missing_prices(self) -> list[prices.MissingPrice]:
        """Return the models of runs that have tokens and no price: :meth:`RunRepository.missing_prices`."""
        return await self._do(RunRepository.missing_prices)

    async def prices(self) -> list[prices.Price]:
        """Return all prices: :meth:`RunRepository.prices`."""
        return await self._do(RunRepository.prices)

    async def remove_prices(self, model: str, *, valid_from: Time | None = None) -> int:
        """Delete the prices stored for a model, and return their number: :meth:`RunRepository.remove_prices`."""
        return await self._do(RunRepository.remove_prices, model, valid_from=valid_from)

    # --- deleting ----------------------------------------------------------------------------------------------------

    async def delete(self, run_ids: str | Iterable[str]) -> int:
        """Delete runs with their history, and return their number: :meth:`RunRepository.delete`."""
        return await self._do(RunRepository.delete, run_ids)

    # --- the greenlet ------------------------------------------------------------------------------------------------

    async def _do(self, method: Callable[Concatenate[RunRepository, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Execute a method of the synchronous repository in a greenlet, which awaits in this task."""

        def do() -> T:
            _configure_models()
            if self._bind is not None:  # the connection of a session may have to be opened, which is awaited
                self._runs, self._bind = self._runs.on(self._bind), None
            return method(self._runs, *args, **kwargs)

        return await waiting.spawned(do)

    async def _yielded(
        self, method: Callable[Concatenate[RunRepository, P], Iterator[T]], *args: P.args, **kwargs: P.kwargs
    ) -> AsyncGenerator[T]:
        found = await self._do(method, *args, **kwargs)
        assert isinstance(found, Generator)
        try:
            async for item in _in_pieces(found):
                yield item
        finally:
            await waiting.spawned(found.close)

    @asynccontextmanager
    async def _asked(self, query: str, parameters: Parameters | None, timeout: float) -> AsyncGenerator[AsyncAnswer]:
        stack = ExitStack()
        try:
            manager = await self._do(RunRepository.sql, query, parameters, timeout=timeout)
            answer = await waiting.spawned(lambda: stack.enter_context(manager))
            yield AsyncAnswer(answer.columns, _in_pieces(answer.rows))
        finally:
            await waiting.spawned(stack.close)


def create_async_engine(
    place: str | os.PathLike[str] | URL | None = None, *, schema: str | None = None, connections: int | None = None
) -> AsyncEngine:
    """Return an asynchronous engine with the settings of :func:`create_engine`, which takes the same arguments.

    Its driver is psycopg or aiosqlite. Raises :class:`ConfigurationError` for a URL that names asyncpg.
    """
    return AsyncEngine(create_awaited_engine(place, schema=schema, connections=connections))


@cache
def _configure_models() -> None:
    """Have SQLAlchemy configure the models in a thread: it would do so at their first use, and compute for 50 ms."""
    waiting.in_thread(Base.registry.configure)


async def _in_pieces(found: Iterator[T]) -> AsyncGenerator[T]:
    while piece := await waiting.spawned(lambda: _piece(found)):
        for item in piece:
            yield item


def _piece(found: Iterator[T]) -> list[T]:
    """Return the next items: few if they take long, because they may be large."""
    piece: list[T] = []
    end = time.monotonic() + waiting.SLICE
    for item in islice(found, PIECE):
        piece.append(item)
        if time.monotonic() > end:
            break
    return piece


def _awaited(items: AsyncIterable[T]) -> Iterator[T]:
    """Return the items of an asynchronous iterable, inside the greenlet of a method."""
    iterator = aiter(items)
    while True:
        try:
            item = await_(anext(iterator))
        except StopAsyncIteration:
            return
        yield item


def _synchronous(bind: object) -> Any:
    if isinstance(bind, AsyncEngine):
        return bind.sync_engine
    if isinstance(bind, AsyncConnection):
        return _started(bind)
    if isinstance(bind, str | os.PathLike | URL):
        hint = "AsyncRunRepository.open(...) takes a URL or a path"
    elif isinstance(bind, AsyncSession):
        hint = "with a session use AsyncRunRepository(engine).on(session)"
    else:
        hint = f"not {type(bind).__name__}; make one with runstore.create_async_engine"
    raise ConfigurationError(detail=f"AsyncRunRepository takes an asynchronous engine or connection; {hint}")


def _started(connection: AsyncConnection) -> Connection:
    if connection.sync_connection is None:
        raise ConfigurationError(detail="the connection is not open; use it in an async with statement, or await it")
    return connection.sync_connection
