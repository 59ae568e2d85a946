"""The archive as an object that saves, loads and finds runs."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from copy import copy
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from sqlalchemy import Column, ColumnElement, Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from runstore import config, fetched, formats, migrate, prices, waiting, wire, zones
from runstore.answers import Answer, ArrowStream, Statistics, row_type
from runstore.backends import Parameters, QueryRows, Transaction, approximate_bytes, create_engine
from runstore.backends.parameters import bindable
from runstore.connections import Connections
from runstore.connections.seen import Pending, SeenRows
from runstore.errors import ConfigurationError, DatabaseFailure, InvalidArgument, NotARun, RunNotFound
from runstore.fetched import Fetched
from runstore.formats import arrow
from runstore.mapping import RUN, Mapper
from runstore.query import facets, filters, pages, prompts, queries, statistics
from runstore.query.criteria import Filter
from runstore.query.facets import Facets
from runstore.query.pages import Page, RowPage, RunText, TextPage
from runstore.query.prompts import Prompts
from runstore.query.reader import BATCH, BatchSize, Reader, in_batches
from runstore.save import history, policy
from runstore.save.batches import Batches
from runstore.save.history import Change, Observed
from runstore.save.policy import Policy
from runstore.save.saver import Rejection, Saver, SaveReport, rejection
from runstore.save.writer import Outcome
from runstore.schema import TABLES
from runstore.schema.run import NO_TIME
from runstore.times import EPOCH, Time, seconds
from runstore.upkeep import backup, copier, earlier, fingerprint, lint, pruner, verify
from runstore.upkeep.fingerprint import Difference, Fingerprint
from runstore.upkeep.lint import Finding
from runstore.upkeep.pruner import Pruned
from runstore.upkeep.verify import Damage
from runstore.zones import Zone

PATIENCE = 60.0
"""Seconds for which writes are retried while the server cannot be reached. A restart takes less."""

NOTED_EVERY = 1_000_000
"""Microseconds between two records of the end of an import, since ``save_many`` may be called for a few runs each."""

LARGE = 50_000
"""The number of new runs after which a save updates the planner's statistics."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class RunRepository:
    """An archive of assistant runs.

    **Fidelity.** A loaded run equals the saved one as JSON, including the order of keys and every character; only the
    spelling of numbers may differ.

    **Faithful or refused.** A run that cannot be stored exactly is rejected with the path of the reason, on SQLite and
    PostgreSQL alike.

    **Saving again.** Of several snapshots of a run, the newest is kept as the run (by status rank, then observed_at,
    then digest), whatever the order in which they are saved; the others become its history.

    **All or nothing.** A batch is one transaction; a bad run is rejected without affecting the others.

    *bind* is an engine or a connection. With an engine, the repository runs its own transactions. With a connection, it
    saves inside the caller's transaction: each batch is a savepoint, and the caller commits. Threads may share a
    repository; on a single connection they take turns. In a forked process, it opens new connections, and refuses a
    SQLite file that was in use at the time of the fork.

    *patience* is the time in seconds for which writes are retried while the server cannot be reached, including the
    first connection; reads raise :class:`DatabaseUnreachable` immediately.

    *tz* is the time zone of dates and of datetimes without a zone in filters, and of the hours, days, weeks and months
    of :meth:`stats`: a name such as ``Europe/Berlin``, ``local`` for the zone of this machine, or a ``tzinfo``; by
    default UTC. All times that are returned are in UTC.
    """

    def __init__(self, bind: Engine | Connection, *, patience: float = PATIENCE, tz: Zone | None = None) -> None:
        self._tz = zones.named(tz)
        self._seen = SeenRows()
        self._connections = Connections(bind, patience=patience, seen=self._seen)
        self._owned: Engine | None = None
        self._backend = self._connections.backend
        self._mapper = Mapper()
        self._reader = Reader()
        self._pending: Pending | None = None
        self._noted_at = 0

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
        """Open the archive at a database URL or the path of a SQLite file, by default the one set in the environment.

        *schema* is the PostgreSQL schema, like ``?schema=`` in the URL and RUNSTORE_SCHEMA. *connections* is the size
        of the connection pool, by default SQLAlchemy's: each thread that uses the repository needs one connection. The
        first save creates a SQLite file that does not exist. Close the repository, or use it in a ``with`` statement.
        """
        engine = create_engine(place, schema=schema, connections=connections)
        repository = cls(engine, patience=patience, tz=tz)
        repository._owned = engine
        return repository

    def on(self, bind: Connection | Session) -> RunRepository:
        """Return a view of this archive inside the transaction of a connection or a session, whose caller commits.

        The view serves one transaction and costs nothing: it shares what this repository knows, namely that the schema
        is correct, and which prompts and tools are stored. Rows that the transaction stores are added on commit. Saving
        through the view of a session does not refresh objects that the session has read before; expire them.

        Raises :class:`ConfigurationError` for a connection to a different database.
        """
        connections = self._connections.on(bind)
        assert isinstance(connections.bind, Connection)
        view = copy(self)
        view._connections = connections
        view._owned = None
        view._pending = Pending(connections.bind, self._seen)
        return view

    def reading(self, timeout: float) -> RunRepository:
        """Return a read-only view of this archive with a time limit, for programs that serve requests of others.

        Methods that write raise :class:`ConfigurationError`, and the transactions of the view are read-only. A
        statement (on SQLite, a transaction) that runs for longer than *timeout* seconds is stopped with
        :class:`QueryTimeout`. The view shares the engine, through which this repository may still write.

        Raises :class:`ConfigurationError` for a repository made from a connection.
        """
        view = copy(self)
        view._connections = self._connections.reading(timeout)
        view._owned = None
        return view

    @property
    def tz(self) -> tzinfo:
        """The time zone of dates in filters, and of the hours, days, weeks and months of :meth:`stats`."""
        return self._tz

    def in_zone(self, tz: Zone) -> RunRepository:
        """Return a view of this archive with another time zone, for programs whose users are in several zones."""
        view = copy(self)
        view._tz = zones.named(tz)
        view._owned = None
        return view

    @contextmanager
    def consistent(self) -> Iterator[RunRepository]:
        """Yield a repository whose methods all read in one transaction, and therefore the same state of the archive.

        A repository that :meth:`on` returned yields itself: what it reads depends on the caller's transaction.
        """
        if not self._connections.are_ours:
            yield self
            return
        with self._connections.transaction(write=False) as transaction:
            yield self.on(transaction.connection)

    def close(self) -> None:
        """Close the connections of a repository that :meth:`open` returned."""
        if self._owned is not None:
            self._owned.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- saving ------------------------------------------------------------------------------------------------------

    def save(
        self,
        run: object,
        *,
        observed_at: int | datetime | None = None,
        source: str | None = None,
        on_conflict: Policy = "newest",
        strict: bool = False,
        redact: bool = False,
    ) -> Outcome:
        """Save one run: a mapping, JSON text or bytes, or an object of the ``openai`` or ``azure-ai-agents`` SDK.

        *observed_at* (Unix microseconds or datetime; default now) is when the run was observed, *source* where it came
        from. *on_conflict*: ``newest`` keeps the newer snapshot, ``replace`` this one, ``keep`` the stored one;
        ``error`` refuses a snapshot that differs. *strict* refuses runs that deviate from the API specification.
        *redact* removes everything that looks like a secret (:mod:`runstore.redact`) before the run is stored; loading
        returns the redacted run, and no error shows a secret.

        Raises :class:`RunRejected` for a run that cannot be stored, :class:`NotARun` for another kind of object,
        :class:`RunConflict` for a snapshot that cannot belong to the stored run, and :class:`DatabaseFailure`.
        """
        errors: list[Exception] = []
        report = self._save(
            [run], observed_at, source, on_conflict, strict, redact, lambda _, __, error: errors.append(error), one=True
        )
        if errors:
            raise errors[0]
        return next(outcome for outcome in Outcome if getattr(report, outcome))

    def save_many(
        self,
        runs: Iterable[object],
        *,
        observed_at: int | datetime | None = None,
        source: str | None = None,
        on_conflict: Policy = "newest",
        strict: bool = False,
        redact: bool = False,
        on_rejected: Callable[[Rejection], None] | None = None,
        on_skipped: Callable[[Rejection], None] | None = None,
    ) -> SaveReport:
        """Save many runs, each batch in one transaction; memory use does not grow with their number.

        *runs* may contain whatever :meth:`save` accepts, records of :mod:`runstore.sources`, pages and events of the
        SDKs, and other objects and texts that contain runs. Without a time of its own, each run is observed one
        microsecond after the previous one. A run that cannot be stored is counted and reported, and the others are
        stored. *on_rejected* is called with each rejection, which the report then does not keep; *on_skipped* is called
        with each record that neither is nor contains a run. With *redact*, these records contain no secrets either. The
        runs so far are written when no more come for a second, and when the iterable raises or is interrupted.
        """
        if isinstance(runs, Mapping | str | bytes) or wire.is_sdk_run(runs):
            raise ConfigurationError(detail="save_many takes an iterable of runs; to save one run, use save")
        if hasattr(runs, "__aiter__") or hasattr(runs, "__await__"):
            raise ConfigurationError(
                detail="save_many takes no asynchronous page or stream; AsyncRunRepository does, or pass "
                "[run async for run in ...]"
            )
        rejections: list[Rejection] = []
        keep = on_rejected or rejections.append

        def reject(record: object, number: int, error: Exception) -> None:
            if not isinstance(error, NotARun):
                keep(rejection(record, number, error))
            elif on_skipped is not None:
                on_skipped(rejection(record, number, error))

        report = self._save(runs, observed_at, source, on_conflict, strict, redact, reject)
        report.rejections = rejections
        return report

    def _save(
        self,
        records: Iterable[object],
        observed_at: int | datetime | None,
        source: str | None,
        on_conflict: Policy,
        strict: bool,
        redact: bool,
        reject: Callable[[object, int, Exception], None],
        *,
        one: bool = False,
    ) -> SaveReport:
        policy.check(on_conflict)
        if source is not None and not wire.is_text(source):
            raise ConfigurationError(detail="source contains U+0000 or a lone surrogate")
        # Before the first record: report a wrong database at once, and create an archive even if there are no records.
        self._connections.check_patiently(write=True, create=True)
        batches = Batches(self._connections, self._reader, self._seen, self._pending, on_conflict)
        saver = Saver(self._mapper, batches, source=source, strict=strict, redact=redact, reject=reject)
        saver.save(records, _microseconds(observed_at), own_times=observed_at is None, one=one)
        if saver.report.inserted >= LARGE and self._connections.are_ours:
            with suppress(DatabaseFailure):  # only an optimization: the runs are saved
                self._connections.retried(_analyze)
        if not one:
            self._note_import()
        return saver.report

    def _note_import(self) -> None:
        """Record in the archive that an import has ended.

        Do not do this in the caller's transaction: its lock would block others until the caller commits.
        """
        now = _microseconds(None)
        if not self._connections.are_ours or now - self._noted_at < NOTED_EVERY:
            return
        try:
            with self._connections.transaction(write=True) as transaction:
                migrate.note_import(transaction.connection, now)
        except DatabaseFailure as failure:  # the runs are stored
            log.warning("the time of this import could not be recorded: %s", failure)
        self._noted_at = now

    # --- loading -----------------------------------------------------------------------------------------------------

    def load(self, run_id: str) -> dict[str, Any]:
        """Return a run exactly as it was saved. Raises :class:`RunNotFound`."""
        run: dict[str, Any] = wire.loads(self.load_json(run_id).text)
        return run

    def load_json(self, run_id: str) -> RunText:
        """Return the same as compact JSON text, without parsing it."""
        if wire.is_text(run_id):
            with self._connections.transaction(write=False) as transaction:
                for run, text in self._reader.texts(transaction, queries.run_by_id(self._backend), {"id": run_id}):
                    return pages.run_text(run, text)
        raise RunNotFound(id=run_id)

    def load_many(self, run_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return runs by id, in the order of the ids. Runs that are not in the archive are left out."""
        wanted = list(run_ids)
        with self._connections.transaction(write=False) as transaction:
            possible = [run_id for run_id in wanted if wire.is_text(run_id)]
            found = {run_id: wire.loads(text) for run_id, text in self._reader.texts_by_id(transaction, possible)}
        return {run_id: found[run_id] for run_id in wanted if run_id in found}

    def find(
        self,
        *,
        newest_first: bool = True,
        limit: int = 20,
        cursor: str | None = None,
        after: str | None = None,
        before: str | None = None,
        **where: Unpack[Filter],
    ) -> Page:
        """Return a page of runs that meet all conditions of :class:`runstore.query.criteria.Filter`.

        Runs are ordered by created_at and id. *cursor* is the ``next`` of the previous page, which must have had the
        same conditions and order. Instead of a cursor, pass the id of a run: *after* returns the first runs after it,
        *before* the last runs before it; with both, the first runs between the two are returned. Raises
        :class:`ConfigurationError`, and :class:`RunNotFound` for such an id.
        """
        wanted = self._understood(where, paged=True)
        asked = pages.request(wanted, newest_first, limit, cursor, after, before)
        with self._connections.transaction(write=False) as transaction:
            found = pages.find(transaction, self._reader, asked)
        return Page(list(_parsed(text for _, text in found.runs)), found.next)

    def find_json(
        self,
        *,
        newest_first: bool = True,
        limit: int = 20,
        cursor: str | None = None,
        after: str | None = None,
        before: str | None = None,
        **where: Unpack[Filter],
    ) -> TextPage:
        """Return the page of :meth:`find` as compact JSON texts, without parsing them."""
        wanted = self._understood(where, paged=True)
        asked = pages.request(wanted, newest_first, limit, cursor, after, before)
        with self._connections.transaction(write=False) as transaction:
            return pages.find(transaction, self._reader, asked).as_texts()

    def find_rows(
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
        """Return the rows of the view ``runs`` for a page of :meth:`find`, read in the same transaction.

        *columns*: names of its columns (default: all). Rows are named tuples; times are datetimes, metadata is JSON
        text.
        """
        chosen = queries.view_columns(columns)
        named = _named(chosen)
        wanted = self._understood(where, paged=True)
        asked = pages.request(wanted, newest_first, limit, cursor, after, before)
        with self._connections.transaction(write=False) as transaction:
            ids, following = pages.find_ids(transaction, asked)
            of_page = filters.one_of(self._backend, RUN.c.id, ids)
            statement = queries.rows(self._backend, chosen, [of_page], queries.order(newest_first))
            rows = [named(row) for row in transaction.execute(statement)] if ids else []
        return RowPage(rows, following)

    def iterate(self, **where: Unpack[Filter]) -> Generator[dict[str, Any]]:
        """Yield all runs that meet the conditions of :meth:`find`, oldest first, in one consistent read."""
        return _parsed(self.iterate_json(**where))

    def iterate_json(self, *, newest_first: bool = False, **where: Unpack[Filter]) -> Generator[bytes]:
        """Yield the same runs as compact JSON texts, without the cost of parsing them."""
        wanted = self._understood(where, paged=False)
        return self._connections.streamed(lambda transaction: self._texts(transaction, wanted, newest_first))

    def _texts(self, transaction: Transaction, wanted: filters.Where, newest_first: bool) -> Generator[bytes]:
        conditions = pages.conditions(transaction, wanted, filters.FEW)
        statement = queries.ordered(queries.runs(self._backend).where(*conditions), newest_first=newest_first)
        # Close the rows before the connection is released, even if the caller does not read to the end.
        with closing(self._reader.texts(transaction, statement, stream=True)) as found:
            for _, text in found:
                yield text

    def count(self, **where: Unpack[Filter]) -> int:
        """Return the number of runs that meet the conditions of :meth:`find`."""
        wanted = self._understood(where, paged=False)
        with self._connections.transaction(write=False) as transaction:
            ways = pages.chosen(transaction, wanted, filters.MANY).ways
            return int(transaction.execute(queries.count(ways)).scalar_one())

    def changes(self, run_id: str) -> list[Change]:
        """Return the snapshots of a run except its newest, oldest first; empty for a run that never changed.

        A snapshot is older if the other one outranks it by status rank, then observed_at, then digest. To rebuild a
        snapshot, take the members of the next one (for the last snapshot, those of the run), remove the keys in its
        ``absent``, and set those in its ``members``.

        Raises :class:`RunNotFound`.
        """
        if not wire.is_text(run_id):
            raise RunNotFound(id=run_id)
        with self._connections.transaction(write=False) as transaction:
            return history.changes(transaction, run_id)

    def snapshots(self, run_id: str) -> list[Observed]:
        """Return all snapshots of a run, oldest first; the last one is what :meth:`load` returns.

        Raises :class:`RunNotFound`.
        """
        if wire.is_text(run_id):
            with self._connections.transaction(write=False) as transaction:
                for _, text in self._reader.texts(transaction, queries.run_by_id(self._backend), {"id": run_id}):
                    return history.snapshots(transaction, run_id, wire.loads(text))
        raise RunNotFound(id=run_id)

    # --- asking ------------------------------------------------------------------------------------------------------

    def sql(
        self, query: str, parameters: Parameters | None = None, *, timeout: float = 30
    ) -> AbstractContextManager[Answer]:
        """Run an SQL query that cannot change anything, whoever or whatever wrote its text.

        On PostgreSQL, the query runs as a cursor in a READ ONLY transaction; on SQLite, a separate process opens the
        file read-only and allows nothing but queries. What functions may do beyond that (files, other sessions) depends
        on the PostgreSQL role. *timeout* is the time in seconds that the database may take.

        *parameters* are values by name, which the driver binds to the placeholders of the query: ``model`` to
        ``:model``. A value is a text, an integer, a float, a bool, bytes or None; SQLite has no bools and binds 0 or 1.

        Raises :class:`QueryRefused` for text that is not a single query, :class:`InvalidArgument` for a placeholder
        without a value and a value without a placeholder, :class:`QueryTimeout`,
        :class:`DatabaseFailure` for errors that the database reports, and :class:`ConfigurationError`, also for a
        repository made from a connection.
        """
        if not isinstance(timeout, int | float) or not timeout > 0:
            raise InvalidArgument(
                argument="timeout", reason=f"is {timeout!r}, expected a number of seconds greater than 0"
            )
        if not isinstance(query, str) or not wire.is_text(query):
            raise ConfigurationError(detail="a query must be text without U+0000 and lone surrogates")
        return _answered(self._connections.asked(query, bindable({} if parameters is None else parameters), timeout))

    def rows(
        self,
        columns: str | Iterable[str] | None = None,
        *,
        newest_first: bool = False,
        sort: str | None = None,
        limit: int | None = None,
        **where: Unpack[Filter],
    ) -> Generator[Any]:
        """Yield the rows of the view ``runs`` that meet the conditions of :meth:`find`, oldest first, on demand.

        *columns*: names of its columns (default: all). Rows are named tuples; times are datetimes, metadata is JSON
        text. *sort*: a column of numbers; rows with the greatest values come first, rows without a value last. *limit*:
        the maximum number of rows. Raises :class:`ConfigurationError`.
        """
        _, read = self._reading(columns, queries.order(newest_first, sort, limit), where)
        return read()

    def df(
        self,
        columns: str | Iterable[str] | None = None,
        *,
        newest_first: bool = False,
        sort: str | None = None,
        limit: int | None = None,
        **where: Unpack[Filter],
    ) -> Any:
        """Return the same rows as a ``pandas.DataFrame``; integers of which some are missing have the type Int64.

        Raises :class:`ConfigurationError`, also without the extra ``pandas``.
        """
        described, read = self._reading(columns, queries.order(newest_first, sort, limit), where)
        with closing(read()) as rows:
            return arrow.frame(described, rows)

    def arrow(
        self,
        columns: str | Iterable[str] | None = None,
        *,
        newest_first: bool = False,
        sort: str | None = None,
        limit: int | None = None,
        **where: Unpack[Filter],
    ) -> Any:
        """Return the same rows as a ``pyarrow.Table``, with the types of the Parquet export.

        Raises :class:`ConfigurationError`, also without the extra ``arrow``.
        """
        described, read = self._reading(columns, queries.order(newest_first, sort, limit), where)
        with closing(read()) as rows:
            return arrow.table(described, rows)

    def arrow_stream(
        self,
        columns: str | Iterable[str] | None = None,
        *,
        newest_first: bool = False,
        sort: str | None = None,
        limit: int | None = None,
        **where: Unpack[Filter],
    ) -> ArrowStream:
        """Return the same rows as an object that polars, DuckDB and other libraries read, a few rows at a time.

        Each reading is a transaction of its own, while this repository is open. Raises :class:`ConfigurationError`,
        also without the extra ``arrow``.
        """
        return ArrowStream(*self._reading(columns, queries.order(newest_first, sort, limit), where))

    def _reading(
        self, columns: str | Iterable[str] | None, order: queries.Order, where: Filter
    ) -> tuple[list[formats.Column], Callable[[], Generator[Any]]]:
        """Return the columns of rows of the view ``runs``, and a function that reads these rows."""
        wanted = self._understood(where, paged=False)
        chosen = queries.view_columns(columns)

        def read() -> Generator[Any]:
            return self._connections.streamed(lambda transaction: self._rows(transaction, chosen, wanted, order))

        return [formats.column_of(column) for column in chosen], read

    def _rows(
        self, transaction: Transaction, columns: list[Column[Any]], wanted: filters.Where, order: queries.Order
    ) -> Generator[Any]:
        conditions = pages.conditions(transaction, wanted, filters.FEW)
        statement = queries.rows(self._backend, columns, conditions, order)
        named = _named(columns)
        with transaction.selected(statement, options={"yield_per": BATCH}) as found:
            size = BatchSize()
            for rows in in_batches(found, size):
                size.adapt(max(map(approximate_bytes, rows), default=0))
                yield from map(named, rows)

    def stats(
        self,
        by: str | Iterable[str] = (),
        *,
        columns: str | Iterable[str] | None = None,
        sort: str | None = None,
        limit: int | None = None,
        **where: Unpack[Filter],
    ) -> Statistics:
        """Return counts, tokens, cost and durations of the runs that meet the conditions of :meth:`find`, per group.

        The result is a list of dictionaries, which can also be read as a data frame (``df``) or Arrow data (``arrow``).

        *by*: any of hour, day, week, month, model, assistant, thread, status, source, error, tool and function (``BY``
        of :mod:`runstore.query.statistics`), and ``metadata:KEY`` for the values of a key of metadata. *columns*: the
        columns to compute, from its ``COLUMNS``; fewer are faster. Rows are ordered by group; *sort* orders them by a
        column instead, greatest first, and *limit* returns at most that many.

        Raises :class:`ConfigurationError`.
        """
        asked = statistics.question(by, columns, sort, limit, self.tz)
        wanted = self._understood(where, paged=False)
        with self._connections.transaction(write=False) as transaction:
            conditions = pages.conditions(transaction, wanted, filters.MANY)
            groups = statistics.answer(transaction, asked, conditions)
        return Statistics(groups, statistics.kinds(asked))

    def facets(
        self, names: str | Iterable[str] | None = None, *, limit: int = facets.LIMIT, **where: Unpack[Filter]
    ) -> Facets:
        """Return how often each status, model, assistant, source and error code occurs among the runs of :meth:`find`.

        *names*: the filters whose values are counted (default: all of :data:`runstore.query.facets.FACETS`). At most
        *limit* runs are counted, the newest ones, so that the time does not grow with the archive. Raises
        :class:`ConfigurationError`.
        """
        asked = facets.question(names, limit)
        wanted = self._understood(where, paged=True)
        with self._connections.transaction(write=False) as transaction:
            return facets.answer(transaction, asked, wanted)

    def prompts(self, assistant_id: str, /, *, limit: int = prompts.LIMIT, **where: Unpack[Filter]) -> Prompts:
        """Return the instructions that the runs of an assistant had, with their first and last time, the newest first.

        Prompts that differ in one sentence only are gathered (:mod:`runstore.query.prompts`). At most *limit* runs are
        counted: the newest ones that meet the conditions of :meth:`find`. Raises :class:`RunNotFound` if there is none.
        """
        wanted = self._understood(where, paged=False)
        if wire.is_text(assistant_id):
            with self._connections.transaction(write=False) as transaction:
                conditions = pages.conditions(transaction, wanted, filters.MANY)
                if (found := prompts.of_assistant(transaction, assistant_id, limit, conditions)).runs:
                    return found
        raise RunNotFound(id=assistant_id)

    def created_at_of(self, place: int) -> int | None:
        """Return the created_at of the run at this place from the newest, which is 0; None if there are fewer runs."""
        with self._connections.transaction(write=False) as transaction:
            found = transaction.execute(queries.horizon((), place, newest_first=True)).scalar()
        return None if found is None or found == NO_TIME else int(found)

    def findings(self, *, rules: Iterable[str] | None = None, **where: Unpack[Filter]) -> Generator[Finding]:
        """Yield the deviations from the API specification in runs that meet the conditions of :meth:`find`, by run id.

        After those of a run come the places where something looks like a secret (rule ``secret``); no finding shows the
        secret. *rules*: return only findings of these rules (from :data:`runstore.upkeep.lint.RULES`; default: all).
        Raises :class:`ConfigurationError`.
        """
        chosen = lint.chosen(rules)
        statement = queries.runs(self._backend).where(*self._tests(where)).order_by(RUN.c.id)

        def read(transaction: Transaction) -> Generator[Finding]:
            with closing(self._reader.texts(transaction, statement, stream=True)) as texts:
                for run, text in texts:
                    yield from lint.of_run(run.row[0], text, chosen)

        return self._connections.streamed(read)

    @property
    def place(self) -> str:
        """The path of a SQLite file, else the database URL without its password."""
        return config.shown(self._connections.bind.engine.url)

    def status(self) -> migrate.Status:
        """Return the size and the freshness of the archive."""
        with self._connections.transaction(write=False) as transaction:
            return migrate.status(transaction.connection)

    def check(self) -> None:
        """Check that the archive can be reached and that this code can read its schema; raise the error otherwise.

        Other methods check the schema once, before their first transaction.
        """
        with self._connections.transaction(write=False) as transaction:
            migrate.check(transaction.connection, write=False)

    # --- prices ------------------------------------------------------------------------------------------------------

    def set_prices(self, found: Iterable[prices.Price]) -> int:
        """Store token prices for the column cost of the view ``runs``, and return their number.

        A stored price for the same model and time is replaced; others are kept. :func:`runstore.prices.read` reads a
        file. Raises :class:`ConfigurationError` for an invalid price.
        """
        new = prices.checked(found)
        self._connections.check_patiently(write=True, create=True)
        self._connections.retried(lambda transaction: prices.store(transaction, new))
        return len(new)

    def missing_prices(self) -> list[prices.MissingPrice]:
        """Return the models of runs that have tokens and no price, ordered by name."""
        with self._connections.transaction(write=False) as transaction:
            return prices.missing(transaction)

    def prices(self) -> list[prices.Price]:
        """Return all prices, ordered by model and time."""
        with self._connections.transaction(write=False) as transaction:
            return prices.stored(transaction)

    def remove_prices(self, model: str, *, valid_from: Time | None = None) -> int:
        """Delete the prices stored for a model, or the one that is valid from this time, and return their number.

        *model* is the name as it was stored, with its ``*`` if it has one. Raises :class:`ConfigurationError`.
        """
        start = None if valid_from is None else seconds("valid_from", valid_from)
        return self._connections.retried(lambda transaction: prices.remove(transaction, model, start))

    # --- fetching ----------------------------------------------------------------------------------------------------

    def fetched(self, server: str, source: str, thread_id: str) -> Fetched:
        """Return how far a thread of a server was fetched."""
        with self._connections.transaction(write=False) as transaction:
            return fetched.stored(transaction, server, source, thread_id)

    def fetched_completely(self, server: str, source: str) -> set[str]:
        """Return the threads of a server of which the last fetch has reached the last page."""
        with self._connections.transaction(write=False) as transaction:
            return fetched.completed(transaction, server, source)

    def set_fetched(self, state: Fetched) -> None:
        """Store how far a thread of a server was fetched. Its runs up to there must have been saved before."""
        self._connections.retried(lambda transaction: fetched.store(transaction, state))

    # --- deleting ----------------------------------------------------------------------------------------------------

    def delete(self, run_ids: str | Iterable[str]) -> int:
        """Delete runs with their history, and return their number. Ids that are not in the archive are ignored.

        Prompts and tools that no run uses any longer are deleted afterwards, in a separate transaction.
        """
        ids = list(filter(wire.is_text, [run_ids] if isinstance(run_ids, str) else run_ids))
        deleted, used = self._connections.retried(lambda transaction: pruner.delete_runs(transaction, ids))
        self._collect(used)
        return deleted.runs

    def prune(
        self, *, any_version: bool = False, progress: Callable[[Pruned], None] | None = None, **where: Unpack[Filter]
    ) -> Pruned:
        """Delete the runs that meet the conditions of :meth:`find`, then all shared rows without references.

        With *any_version*, also delete runs of which an earlier snapshot meets all conditions; the conditions on id and
        source apply to the newest snapshot. All snapshots of a run are deleted. This rebuilds the whole history, at
        about 4,000 snapshots per second.

        Without a condition no run is deleted, only shared rows. Each batch is a transaction, so an interrupted prune
        can be repeated to continue. *progress* is called after each batch with the totals so far. Raises
        :class:`ConfigurationError`.
        """
        total = Pruned()

        def count(runs: int, snapshots: int, shared: int) -> None:
            nonlocal total
            total = Pruned(total.runs + runs, total.snapshots + snapshots, total.shared + shared)
            if progress:
                progress(total)

        with self._choice(where, any_version) as choice:
            last: str | None = None
            while choice:
                ids, last = self._looked_up(choice.after, last, pruner.BATCH)
                if ids:
                    deleted, _ = self._connections.retried(
                        partial(pruner.delete_runs, run_ids=ids, choice=choice), whole=True
                    )
                    count(deleted.runs, deleted.snapshots, 0)
                if last is None:
                    break
        for table in pruner.COLLECTED:
            after = -1
            while True:
                unused = self._looked_up(pruner.next_unused, table, after, pruner.BATCH)
                if not unused:
                    break
                count(0, 0, self._collect({table: set(unused)}))
                after = unused[-1]
        return total

    def forecast(self, *, any_version: bool = False, **where: Unpack[Filter]) -> Pruned:
        """Return what :meth:`prune` would delete."""
        with self._choice(where, any_version) as choice:
            return self._looked_up(
                lambda transaction: pruner.forecast(transaction, choice.as_conditions(transaction) if choice else None)
            )

    def _looked_up(self, look: Callable[..., T], *arguments: Any) -> T:
        """Look up what to delete, in a transaction that is retried."""
        return self._connections.retried(lambda transaction: look(transaction, *arguments), write=False, whole=True)

    @contextmanager
    def _choice(self, where: Filter, any_version: bool) -> Iterator[pruner.Choice]:
        if any_version:
            with earlier.AnySnapshot(self._backend, self._reader, filters.read(where, self.tz)) as choice:
                yield choice
        else:
            yield pruner.Newest(self._tests(where))

    def _tests(self, where: Filter) -> list[ColumnElement[bool]]:
        return self._understood(where, paged=False).tests()

    def _understood(self, where: Filter, *, paged: bool) -> filters.Where:
        return filters.understood(self._backend, filters.read(where, self.tz), paged=paged)

    def _collect(self, candidates: pruner.Shared) -> int:
        deleted = self._connections.retried(lambda transaction: pruner.collect(transaction, candidates), whole=True)
        self._seen.forget()
        return deleted

    def vacuum(self) -> None:
        """Release the space of deleted rows: on SQLite to the file system, on PostgreSQL to the tables."""
        with self._connections.without_transaction("vacuum") as connection:
            self._backend.vacuum(connection, TABLES.values())

    def check_vacuum(self) -> None:
        """Raise :class:`DatabaseFailure` if the role may not call :meth:`vacuum`, which is for owners on PostgreSQL."""
        self._looked_up(lambda transaction: self._backend.check_vacuum(transaction.connection, TABLES.values()))

    # --- checking ----------------------------------------------------------------------------------------------------

    def verify(self) -> Iterator[Damage]:
        """Yield what differs when everything derived is computed again from the rows: :mod:`runstore.upkeep.verify`."""
        return self._connections.streamed(lambda transaction: verify.verify(transaction, Reader()), whole=True)

    def fingerprint(self, **where: Unpack[Filter]) -> Fingerprint:
        """Return the fingerprint of the runs that meet the conditions of :meth:`find`, a single number to compare."""
        with self._whole() as archive:
            return fingerprint.of_runs(archive, self._tests(where))

    def fingerprints_by_day(self, **where: Unpack[Filter]) -> dict[int | None, Fingerprint]:
        """Return fingerprints by day of creation (UTC, days since 1970-01-01); None for runs without created_at."""
        with self._whole() as archive:
            return fingerprint.by_day(archive, self._tests(where))

    def differences(self, other: RunRepository) -> Iterator[Difference]:
        """Yield the runs in which two archives differ. Earlier snapshots are not compared."""
        with self._whole() as archive, other._whole() as theirs:
            for each in (archive, theirs):
                each.backend.check_encoding(each.connection)
            yield from fingerprint.differences(archive, theirs)

    def backup(self, path: Path) -> Fingerprint:
        """Copy a SQLite archive in use to a new file, and compare the two. Raises :class:`ConfigurationError`."""
        with self._whole() as archive:
            return backup.backup(archive, path)

    def copy_to(self, target: RunRepository, *, progress: Callable[[int], None] | None = None) -> copier.Copied:
        """Copy everything to another archive, and compare the two at the end: see :mod:`runstore.upkeep.copier`."""
        self._connections.check_patiently(write=False)
        target._connections.check_patiently(write=True, create=True)
        with self._whole() as archive:
            report = copier.copy(
                archive, partial(target._connections.retried, whole=True), progress or (lambda _: None)
            )
            target._note_import()
            with target._whole() as copied:
                copier.prove(archive, copied, report)
        return report

    @contextmanager
    def _whole(self) -> Iterator[Transaction]:
        with self._connections.transaction(write=False, whole=True) as transaction:
            yield transaction


def _parsed(texts: Generator[bytes]) -> Generator[dict[str, Any]]:
    with closing(texts):
        for text in texts:
            waiting.breathe()
            yield wire.loads(text)


def _named(columns: list[Column[Any]]) -> Callable[[Iterable[Any]], Any]:
    make: Callable[[Iterable[Any]], Any] = row_type(tuple(column.name for column in columns))._make
    return make


@contextmanager
def _answered(asked: AbstractContextManager[QueryRows]) -> Iterator[Answer]:
    with asked as found:
        yield Answer(*found)


def _analyze(transaction: Transaction) -> None:
    transaction.backend.analyze(transaction.connection, TABLES.values())


def _microseconds(moment: int | datetime | None) -> int:
    if moment is None:
        return time.time_ns() // 1000
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - EPOCH) // timedelta(microseconds=1)
    if type(moment) is not int or abs(moment) >= 2**62:
        raise InvalidArgument(argument="observed_at", reason=f"is {moment!r}, expected Unix microseconds or a datetime")
    return moment
