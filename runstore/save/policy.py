"""Which of two snapshots of a run a save keeps, as chosen by the caller."""

from typing import Literal, get_args

from runstore.errors import InvalidArgument

Policy = Literal["newest", "replace", "keep", "error"]
"""The values of ``on_conflict``: keep the newer snapshot, the given one, or the stored one, or refuse a difference."""

POLICIES: tuple[str, ...] = get_args(Policy)


def check(policy: str) -> None:
    """Raise :class:`ConfigurationError` for an unknown value of ``on_conflict``."""
    if policy not in POLICIES:
        raise InvalidArgument(argument="on_conflict", reason=f"is {policy!r}, expected one of {', '.join(POLICIES)}")
