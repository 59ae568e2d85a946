"""The connections of one archive: whose a transaction is, what is looked at first, what is tried again."""

from __future__ import annotations

import logging
import os
import random
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from copy import copy
from itertools import islice
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, NullPool, Pool, QueuePool
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from runstore import migrate
from runstore.backends import Answer, Clock, Transaction, backend_of, is_same_archive, translated
from runstore.backends.base import in_schema
from runstore.backends.patience import Patience
from runstore.connections.seen import SeenRows
from runstore.errors import ConfigurationError, DatabaseFailure
from runstore.schema.sessions import connection_of

TRIES = 16
"""How often a batch is tried when other writers are in the way."""

BESIDE = 2
"""How often it is tried beside them; then they queue up, for many writers of the same runs hinder one another long."""

AHEAD = 500
"""What is read ahead on a connection of the caller's."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class Connections:
    """The transactions of one archive: of our own on an engine, savepoints on a connection of the caller's.

    Before the first one it is looked once whether there is an archive of this code's revision. What the database raises
    becomes an error of runstore's. *patience* is for how many seconds what writes is tried again while the server
    cannot be reached; *seen* is forgotten where it may have become wrong.
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

    def on(self, bind: Connection | Session) -> Self:
        """These, inside the transaction of a connection or a session to the same archive."""
        if isinstance(bind, Session):
            bind = connection_of(bind)
        _refuse_other_binds(bind)
        if not isinstance(bind, Connection):
            raise ConfigurationError(detail="on takes a connection or a session; for an engine there is RunRepository")
        self.check(write=False)
        if not isinstance(self.bind, Engine) or not is_same_archive(bind, self.bind):
            raise ConfigurationError(detail="the connection is to another database than this repository")
        view = copy(self)
        view.bind = bind
        return view

    @property
    def are_ours(self) -> bool:
        """Whether the transactions are ours, and not the caller's."""
        return isinstance(self.bind, Engine)

    @property
    def may_be_several(self) -> bool:
        """Whether one thread may write on a connection while another one reads on its own."""
        return isinstance(self.bind, Engine) and isinstance(self.bind.pool, QueuePool | NullPool)

    @contextmanager
    def transaction(
        self, *, write: bool, whole: bool = False, abandoned: threading.Event | None = None
    ) -> Iterator[Transaction]:
        """A transaction of our own, or a savepoint in the caller's.

        One that is *whole* is about all runs: it fails where the database hides some from this role.
        """
        self.check(write=write)
        bind = self.bind
        with translated(bind), self.backend.exclusive(bind):
            if isinstance(bind, Connection):
                with self._savepoint(bind, write=write), self._borrowed(bind, write=write, whole=whole):
                    yield Transaction(bind, self.backend)
            elif write:
                with bind.begin() as connection:
                    self.backend.begin_own(connection, write=True, whole=whole, abandoned=abandoned)
                    yield Transaction(connection, self.backend)
            else:
                with bind.connect() as connection:
                    self.backend.begin_own(connection, write=False, whole=whole)
                    yield Transaction(connection, self.backend)
                    try:
                        connection.commit()  # at a rollback psycopg drops the statements that it has prepared
                    except DBAPIError as error:
                        # The server has ended a session that idled too long; what was asked for has been read.
                        if not self.backend.is_disconnect(error):
                            raise

    def streamed(self, read: Callable[[Transaction], Generator[T]], *, whole: bool = False) -> Iterator[T]:
        """What *read* gives, as it is asked for, in one transaction.

        A connection of the caller's is his in between: on it some are read ahead.
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
        """What *work* gives in a transaction of ours, tried again after a hindrance or a lost connection.

        A commit whose answer is lost may have been made: *work* has to be one that may be done twice. *abandoned* says
        that nobody waits for it any more.
        """
        abandoned = abandoned or threading.Event()
        hindered = 0
        outage = self._patience.outage()
        while True:
            try:
                with self.transaction(write=write, whole=whole, abandoned=abandoned) as transaction:
                    if hindered >= BESIDE:
                        self.backend.serialize_writers(transaction.connection)
                    found = work(transaction)
                self._patience.reached()
                return found
            except DatabaseFailure as failure:
                cause = failure.__cause__ or failure
                if isinstance(self.bind, Connection):
                    # What was known to be stored may have been deleted since: once more without knowing anything.
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
                log.info("tried again in %.2f s: %s", pause, failure)
                self._seen.forget()
                if abandoned.wait(pause):
                    raise

    @contextmanager
    def asked(self, query: str, timeout: float) -> Iterator[Answer]:
        """The answer to a query of the user's, on a connection of its own that cannot write; *timeout* in seconds."""
        if not isinstance(self.bind, Engine):
            raise ConfigurationError(detail="sql needs a connection of its own: make the repository from an engine")
        self.check(write=False)
        with ExitStack() as stack:
            with translated(self.bind):
                columns, rows = stack.enter_context(self.backend.ask(self.bind, query, Clock(timeout)))
            yield Answer(columns, self._translated(rows))

    def _translated(self, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        with translated(self.bind):
            yield from rows

    @contextmanager
    def without_transaction(self, name: str) -> Iterator[Connection]:
        """A connection for what no transaction may hold; *name* is the method that needs it."""
        if isinstance(self.bind, Connection):
            raise ConfigurationError(
                detail=f"{name} needs a repository made from an engine: no transaction may be open"
            )
        self.check(write=True)
        with translated(self.bind), self.backend.exclusive(self.bind), self.bind.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def check(self, *, write: bool, create: bool = False) -> None:
        """Look once whether there is an archive of this code's revision; with *create* a new SQLite file is made.

        For reading, one of a newer revision will do that has only added to this one.
        """
        self._own_process()
        if write in self._checked:
            return
        with translated(self.bind), self.backend.exclusive(self.bind):
            if isinstance(self.bind, Connection):
                self._schema = migrate.check(self.bind, write=write, views=False)
            else:
                if create and migrate.is_new(self.bind):
                    migrate.upgrade(self.bind)
                migrate.require(self.bind)
                with self.bind.connect() as connection:
                    self.backend.set_isolation(connection, write=False)
                    self._schema = migrate.check(connection, write=write, views=False)
                # From now on it is named: the search_path may be another one next time.
                self.bind = in_schema(self.bind, self._schema)
        self._checked |= {write, False}

    def check_patiently(self, *, write: bool, create: bool = False) -> None:
        """The same, tried again while the server cannot be reached; not on a connection of the caller's."""
        if isinstance(self.bind, Connection):
            self.check(write=write, create=create)
        else:
            self._patience.until_reached(lambda: self.check(write=write, create=create))

    @contextmanager
    def _savepoint(self, connection: Connection, *, write: bool) -> Iterator[None]:
        if not connection.in_transaction():
            connection.begin()
        self.backend.begin(connection, write=write)
        with connection.begin_nested():
            yield

    def _borrowed(self, connection: Connection, *, write: bool, whole: bool) -> AbstractContextManager[None]:
        return self.backend.borrowed(connection, self._schema, write=write, whole=whole)

    def _own_process(self) -> None:
        """Leave the connections to the process that forked this one: two on one of them would mix up their answers."""
        if self._process == os.getpid():
            return
        if isinstance(self.bind, Connection):
            raise ConfigurationError(detail="this connection belongs to another process; make one after the fork")
        self._inherited.append(self.bind.pool)  # kept, for to drop it would close what the other process uses
        self.bind.dispose(close=False)
        self._seen.after_fork()
        self._process = os.getpid()


def _refuse_other_binds(bind: object) -> None:
    """Raise :class:`ConfigurationError`, with the right call, for what is neither an engine nor a connection."""
    if isinstance(bind, Engine | Connection):
        return
    kind = type(bind).__name__
    if isinstance(bind, str | os.PathLike | URL):
        detail = "RunRepository takes an engine or a connection; RunRepository.open(...) takes a URL or a path"
    elif isinstance(bind, Session):
        detail = "RunRepository takes an engine or a connection; with a session use RunRepository(engine).on(session)"
    elif kind.startswith("Async"):
        detail = f"RunRepository is synchronous and cannot use {kind}; make an engine with runstore.create_engine"
    else:
        detail = f"RunRepository takes an engine or a connection, not {kind}"
    raise ConfigurationError(detail=detail)
