"""Amounts as messages print them: counts with the right form of the noun, sizes in readable units."""

from __future__ import annotations

UNITS = ("kB", "MB", "GB", "TB")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: ``1 run``, ``2 runs``. *plural* is needed where it is not the noun with an s."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def readable_size(size: int) -> str:
    """Return a number of bytes in decimal units, as in ``6.5 MB``."""
    if size < 1000:
        return counted(size, "byte")
    value = size / 1000
    for unit in UNITS:
        if round(value, 1) < 1000 or unit == UNITS[-1]:
            break
        value /= 1000
    return f"{value:.1f} {unit}"
