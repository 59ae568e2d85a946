"""Suggestions: which known name a misspelt one probably stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

ALIKE = 0.76
"""Similarity, as difflib computes it, from which one name is taken for a misspelling of another. With less, ``run`` is
taken for ``prune`` and ``init`` for ``lint``."""

SHORTEST = 2
"""Minimum length of a name that is taken for the beginning of another."""


def closest(name: object, known: Iterable[str]) -> str | None:
    """Return the known name that *name* probably stands for, or None.

    It is similar, begins with *name*, has the same letters in another order, or consists of some of the same words
    (``tokens`` for ``total_tokens``, ``thread_id`` for ``thread``).
    """
    if not isinstance(name, str):
        return None
    given = _bare(name)
    likeness = {each: SequenceMatcher(None, _bare(each), given).ratio() for each in known}
    near = [each for each, ratio in likeness.items() if ratio >= ALIKE or _stands_for(given, _bare(each))]
    return max(near, key=likeness.__getitem__, default=None)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of a message that suggests the closest known name, or an empty string if none is close."""
    near = closest(name, known)
    return f"; did you mean {near!r}?" if near else ""


def _bare(name: str) -> str:
    """Return a name in lower case and without the dashes of an option, which all options have in common."""
    return name.lstrip("-").lower()


def _stands_for(given: str, known: str) -> bool:
    if len(given) >= SHORTEST and (known.startswith(given) or sorted(given) == sorted(known)):
        return True
    words, of_known = _words(given), _words(known)
    return bool(words and of_known) and (words <= of_known or of_known <= words)


def _words(name: str) -> set[str]:
    return set(re.split(r"[\W_]+", name)) - {""}
