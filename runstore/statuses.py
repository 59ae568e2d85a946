"""The documented statuses of runs."""

from typing import Literal, get_args

Status = Literal[
    "queued",
    "in_progress",
    "requires_action",
    "cancelling",
    "cancelled",
    "failed",
    "completed",
    "incomplete",
    "expired",
]

STATUSES: tuple[str, ...] = get_args(Status)
"""The statuses, in the order in which a run goes through them."""
