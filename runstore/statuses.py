"""The documented statuses of runs."""

STATUSES = (
    *("queued", "in_progress", "requires_action", "cancelling"),
    *("cancelled", "failed", "completed", "incomplete", "expired"),
)
"""In the order in which a run has them."""
