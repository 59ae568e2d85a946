"""Which of two snapshots of a run stays, as the caller of a save wants it."""

from typing import Literal, get_args

from runstore.errors import ConfigurationError

Policy = Literal["newest", "replace", "keep", "error"]
"""What ``on_conflict`` takes: keep the newer snapshot, the given one, the stored one, or refuse one that differs."""

POLICIES: tuple[str, ...] = get_args(Policy)


def check(policy: str) -> None:
    """Raise :class:`ConfigurationError` for another value of ``on_conflict``."""
    if policy not in POLICIES:
        raise ConfigurationError(detail=f"on_conflict is {policy!r}; expected one of {', '.join(POLICIES)}")
