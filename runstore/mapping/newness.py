"""The order of snapshots of a run: by rank of the status, then time of observation, then digest."""

from __future__ import annotations

RANKS = {"cancelling": 1} | dict.fromkeys(("cancelled", "failed", "completed", "expired", "incomplete"), 2)
"""The ranks of statuses. A run never returns to a lower rank; statuses that are not listed have rank 0."""

Order = tuple[int, int, bytes]
"""The order of a snapshot. Of two snapshots of a run, the one with the greater order is the newer."""


def order(status: str | None, observed_at: int, digest: bytes) -> Order:
    """Return the order of a snapshot with this status and digest, observed at this time in Unix microseconds."""
    return RANKS.get(status or "", 0), observed_at, digest
