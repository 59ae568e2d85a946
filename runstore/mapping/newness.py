"""Which of two snapshots of a run is the newer: by the rank of the status, the time it was seen, and the digest."""

from __future__ import annotations

RANKS = {"cancelling": 1} | dict.fromkeys(("cancelled", "failed", "completed", "expired", "incomplete"), 2)
"""A run never goes back to a status of lower rank; those that are not listed, and unknown ones, have rank 0."""

Order = tuple[int, int, bytes]
"""Of two snapshots of a run the one with the greater order is the newer."""


def order(status: str | None, observed_at: int, digest: bytes) -> Order:
    """The order of a snapshot with this status and digest, seen at this time in Unix microseconds."""
    return RANKS.get(status or "", 0), observed_at, digest
