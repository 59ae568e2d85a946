"""Write batches of snapshots in transactions that are retried, and update the cache of shared rows."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

from runstore.connections import Connections
from runstore.connections.seen import Pending, SeenRows
from runstore.mapping import Snapshot
from runstore.query.reader import Reader
from runstore.save import writer
from runstore.save.policy import Policy

log = logging.getLogger(__name__)


class Batches:
    """Writes the batches of one save.

    *seen* is the cache of shared rows that are known to be stored. Rows written in the caller's transaction go to
    *pending*, because they are stored only if the caller commits.
    """

    def __init__(
        self, connections: Connections, reader: Reader, seen: SeenRows, pending: Pending | None, policy: Policy
    ) -> None:
        self._connections = connections
        self._reader = reader
        self._seen = seen
        self._pending = pending
        self._policy: Policy = policy
        self._abandoned = threading.Event()

    @property
    def may_overlap(self) -> bool:
        """Whether one thread may write a batch while another thread queries what is stored of the next one."""
        return self._connections.may_be_several

    @property
    def may_be_watched(self) -> bool:
        """Whether a batch may be written next to the code that waits for more runs."""
        return self._connections.are_pooled

    def abandon(self) -> None:
        """Stop retrying and waiting for other writers, because nobody waits for a batch any longer."""
        self._abandoned.set()

    def known(self, run_ids: list[str]) -> writer.Known:
        """Return those of these runs that are stored."""
        return self._connections.retried(
            lambda transaction: writer.known(transaction, run_ids), write=False, abandoned=self._abandoned
        )

    def write(self, snapshots: list[Snapshot], known: writer.Known | None) -> list[writer.Verdict]:
        """Write a batch, given what is known of its runs, and return a verdict for each snapshot, in order."""
        began = time.monotonic()
        # Used in the first attempt only, as another writer may interfere. On a caller's connection there is only one.
        beliefs = [known] if self._connections.are_ours else []
        verdicts, shared = self._connections.retried(
            lambda transaction: writer.write(
                transaction,
                snapshots,
                policy=self._policy,
                now=time.time_ns() // 1000,
                seen=self._seen.rows,
                stored=beliefs.pop() if beliefs else None,
                reader=self._reader,
            ),
            abandoned=self._abandoned,
        )
        if self._pending is not None:
            self._pending.add(shared)
        elif self._connections.are_ours:
            self._seen.learn(shared)
        if log.isEnabledFor(logging.DEBUG):
            outcomes = Counter(verdict.outcome for verdict in verdicts)
            counts = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
            log.debug("%d snapshots in %.3f s: %s", len(snapshots), time.monotonic() - began, counts)
        return verdicts
