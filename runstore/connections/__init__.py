"""The transactions of one archive: their owner, the checks before the first one, and retries."""

from __future__ import annotations

import logging
import os
import random
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from copy import copy
from itertools import islice
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, NullPool, Pool, QueuePool
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from runstore import config, migrate, waiting
from runstore.backends import Clock, Parameters, QueryRows, Transaction, backend_of, is_same_archive, translated
from runstore.backends.base import in_schema, refuse_explain
from runstore.backends.patience import Patience
from runstore.connections.seen import SeenRows
from runstore.errors import ConfigurationError, DatabaseFailure, InvalidArgument
from runstore.schema.sessions import connection_of

TRIES = 16
"""The number of attempts to write a batch while other writers interfere."""

ALONGSIDE = 2
"""The number of attempts made concurrently with other writers. Then writers queue, as they would keep interfering."""

AHEAD = 500
"""The number of items that are read ahead on the caller's connection."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class Connections:
    """The transactions of one archive: transactions of its own on an engine, or savepoints on the caller's connection.

    Before the first one, the database is checked to be an archive at this code's revision. Errors of the database are
    raised as runstore's errors. *patience* is the time in seconds for which writes are retried while the server cannot
    be reached; *seen* is cleared when it may have become wrong.
    """

    def __init__(self, bind: Engine | Connection, *, patience: float, seen: SeenRows) -> None:
        _refuse_other_binds(bind)
        self.bind = bind
        self.backend = backend_of(bind)
        self._seen = seen
        self._schema: str | None = None
        self._checked: set[bool] = set()
        self._patience = Patience(patience)
        self._process = os.getpid()
        self._inherited: list[Pool] = []
        self._limit: float | None = None

    def on(self, bind: Connection | Session) -> Self:
        """Return a copy that works inside the transaction of a connection or a session to the same archive."""
        if isinstance(bind, Session):
            bind = connection_of(bind)
        _refuse_other_binds(bind)
        if not isinstance(bind, Connection):
            raise ConfigurationError(detail="on takes a connection or a session; pass an engine to RunRepository")
        self.check(write=False)
        if not isinstance(self.bind, Engine) or not is_same_archive(bind, self.bind):
            raise ConfigurationError(detail="the connection is to a different database than this repository")
        view = copy(self)
        view.bind = bind
        return view

    def reading(self, limit: float) -> Self:
        """These for reading alone: what takes longer than *limit* seconds is stopped."""
        if not isinstance(self.bind, Engine):
            raise ConfigurationError(
                detail="reading needs a repository made from an engine: no transaction may be open"
            )
        if not isinstance(limit, int | float) or not limit > 0:
            raise InvalidArgument(
                argument="timeout", reason=f"is {limit!r}, expected a number of seconds greater than 0"
            )
        view = copy(self)
        view._checked = self._checked.copy()  # each names the schema on its own bind when it looks
        view._limit = limit
        return view

    @property
    def are_ours(self) -> bool:
        """Whether the transactions are runstore's own rather than the caller's."""
        return isinstance(self.bind, Engine)

    @property
    def may_be_several(self) -> bool:
        """Whether one thread may write on a connection while another thread reads on a different one."""
        return self.are_pooled and not self.bind.dialect.is_async

    @property
    def are_pooled(self) -> bool:
        """Whether each transaction has a connection of its own."""
        return isinstance(self.bind, Engine) and isinstance(self.bind.pool, QueuePool | NullPool)

    @contextmanager
    def transaction(
        self, *, write: bool, whole: bool = False, abandoned: threading.Event | None = None
    ) -> Iterator[Transaction]:
        """Open a transaction, or a savepoint in the caller's transaction.

        With *whole*, the work concerns all runs: it fails if the database hides some of them from this role.
        """
        self.check(write=write)
        bind = self.bind
        with translated(bind), self.backend.exclusive(bind):
            if isinstance(bind, Connection):
                with self._savepoint(bind, write=write), self._borrowed(bind, write=write, whole=whole):
                    yield Transaction(bind, self.backend)
            elif write:
                with self._connected(bind) as connection, connection.begin():
                    self.backend.begin_own(connection, write=True, whole=whole, abandoned=abandoned)
                    yield Transaction(connection, self.backend)
            else:
                with self._connected(bind) as connection, self._limited(connection):
                    self.backend.begin_own(connection, write=False, whole=whole, limit=self._limit)
                    yield Transaction(connection, self.backend)
                    try:
                        connection.commit()  # on a rollback, psycopg would discard its prepared statements
                    except DBAPIError as error:
                        # The server closed a session that was idle too long, but everything has been read.
                        if not self.backend.is_disconnect(error):
                            raise

    def streamed(self, read: Callable[[Transaction], Generator[T]], *, whole: bool = False) -> Generator[T]:
        """Yield the items of *read* on demand, in one transaction.

        The caller may use its own connection between two items, so on such a connection some items are read ahead.
        """
        bind = self.bind
        if not isinstance(bind, Connection):
            with self.transaction(write=False, whole=whole) as transaction:
                yield from read(transaction)
            return
        self.check(write=False)
        with (
            translated(bind),
            self.backend.exclusive(bind),
            self._savepoint(bind, write=False),
            closing(read(Transaction(bind, self.backend))) as found,
        ):
            full = True
            while full:
                with self._borrowed(bind, write=False, whole=whole):
                    piece = list(islice(found, AHEAD))
                full = len(piece) == AHEAD
                yield from piece

    def retried(
        self,
        work: Callable[[Transaction], T],
        *,
        write: bool = True,
        whole: bool = False,
        abandoned: threading.Event | None = None,
    ) -> T:
        """Return the result of *work* in a transaction; retry it if other writers interfere or the connection is lost.

        If the answer to a commit is lost, the commit may have succeeded, so *work* must be idempotent. *abandoned* is
        set when nobody waits for the result any longer.
        """
        abandoned = abandoned or threading.Event()
        hindered = 0
        outage = self._patience.outage()
        while True:
            try:
                with self.transaction(write=write, whole=whole, abandoned=abandoned) as transaction:
                    if hindered >= ALONGSIDE:
                        self.backend.serialize_writers(transaction.connection)
                    found = work(transaction)
                self._patience.reached()
                return found
            except DatabaseFailure as failure:
                cause = failure.__cause__ or failure
                if isinstance(self.bind, Connection):
                    # A row believed to be stored may have been deleted: retry once without that knowledge.
                    if not self._seen.rows or not self.backend.is_retryable(cause):
                        raise
                    self._seen.forget()
                    continue
                if self.backend.is_retryable(cause):
                    hindered += 1
                    if hindered == TRIES:
                        raise
                    pause = random.uniform(0, 0.01 * 2 ** min(hindered, 6))
                elif self.backend.is_disconnect(cause):
                    pause = outage.pause(failure)
                else:
                    raise
                log.info("retrying in %.2f s: %s", pause, failure)
                self._seen.forget()
                if waiting.until(abandoned, pause):
                    raise

    @contextmanager
    def asked(self, query: str, parameters: Parameters, timeout: float) -> Iterator[QueryRows]:
        """Run a user's query on a separate connection that cannot write; *timeout* is in seconds."""
        if not isinstance(self.bind, Engine):
            raise ConfigurationError(detail="sql needs a separate connection; make the repository from an engine")
        self.check(write=False)
        refuse_explain(query, config.shown(self.bind.url))
        with ExitStack() as stack:
            with translated(self.bind):
                columns, rows = stack.enter_context(self.backend.ask(self.bind, query, parameters, Clock(timeout)))
            yield QueryRows(columns, self._translated(rows))

    def _translated(self, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        with translated(self.bind):
            yield from rows

    @contextmanager
    def without_transaction(self, name: str) -> Iterator[Connection]:
        """Return a connection for work that no transaction may enclose; *name* is the method that needs it."""
        if isinstance(self.bind, Connection):
            raise ConfigurationError(
                detail=f"{name} cannot run inside a transaction; make the repository from an engine"
            )
        self.check(write=True)
        with translated(self.bind), self.backend.exclusive(self.bind), self.bind.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def check(self, *, write: bool, create: bool = False) -> None:
        """Check once that this is an archive at this code's revision. With *create*, make a new SQLite file.

        Reading also accepts a newer revision that has only added to this one.
        """
        if write and self._limit is not None:
            raise ConfigurationError(detail="this repository only reads: it was made by reading()")
        if self.bind.dialect.is_async and not waiting.in_task():
            raise ConfigurationError(
                detail="the engine or connection is asynchronous, but the call is not; "
                "use AsyncRunRepository, or await connection.run_sync(...)"
            )
        self._own_process()
        if write in self._checked:
            return
        with translated(self.bind), self.backend.exclusive(self.bind):
            if isinstance(self.bind, Connection):
                self._schema = migrate.check(self.bind, write=write, views=False)
            else:
                if create and migrate.is_new(self.bind):
                    migrate.create(self.bind)
                migrate.require(self.bind)
                with self._connected(self.bind) as connection:
                    self.backend.set_isolation(connection, write=False)
                    self._schema = migrate.check(connection, write=write, views=False)
                # Qualify names from now on, because the search_path may differ next time.
                self.bind = in_schema(self.bind, self._schema)
        self._checked |= {write, False}

    def check_patiently(self, *, write: bool, create: bool = False) -> None:
        """Check like :meth:`check`, but retry while the server cannot be reached, except on the caller's connection."""
        if isinstance(self.bind, Connection):
            self.check(write=write, create=create)
        else:
            self._patience.until_reached(lambda: self.check(write=write, create=create))

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        """Return a connection. When it returns to the pool, its transaction is rolled back, cancelled or not."""
        with nullcontext() if self._limit is None else self.backend.reserved(engine):
            connection = engine.connect()
        try:
            yield connection
        finally:
            with waiting.uncancelled():
                connection.close()

    @contextmanager
    def _savepoint(self, connection: Connection, *, write: bool) -> Iterator[None]:
        if not connection.in_transaction():
            connection.begin()
        self.backend.begin(connection, write=write)
        with connection.begin_nested():
            yield

    def _limited(self, connection: Connection) -> AbstractContextManager[None]:
        return nullcontext() if self._limit is None else self.backend.limited(connection, self._limit)

    def _borrowed(self, connection: Connection, *, write: bool, whole: bool) -> AbstractContextManager[None]:
        return self.backend.borrowed(connection, self._schema, write=write, whole=whole)

    def _own_process(self) -> None:
        """Leave the connections to the parent process after a fork: sharing one would mix up the answers."""
        if self._process == os.getpid():
            return
        if isinstance(self.bind, Connection):
            raise ConfigurationError(detail="this connection belongs to another process; open one after the fork")
        self._inherited.append(self.bind.pool)  # kept, because discarding it would close the parent's connections
        self.bind.dispose(close=False)
        self._seen.after_fork()
        self._process = os.getpid()


def _refuse_other_binds(bind: object) -> None:
    """Raise :class:`ConfigurationError`, with the right call, unless *bind* is an engine or a connection."""
    if isinstance(bind, Engine | Connection):
        return
    kind = type(bind).__name__
    if isinstance(bind, str | os.PathLike | URL):
        detail = "RunRepository takes an engine or a connection; RunRepository.open(...) takes a URL or a path"
    elif isinstance(bind, Session):
        detail = "RunRepository takes an engine or a connection; with a session use RunRepository(engine).on(session)"
    elif kind.startswith("Async"):
        detail = f"RunRepository is synchronous and cannot use {kind}; use AsyncRunRepository"
    else:
        detail = f"RunRepository takes an engine or a connection, not {kind}"
    raise ConfigurationError(detail=detail)
