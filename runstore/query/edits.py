"""The differences between two prompts, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import NamedTuple

MOST_WORDS = 3000
"""Maximum number of words that are compared word by word; longer prompts are compared line by line."""

AROUND = 12
"""Number of words that are shown before and after a change."""

_WORDS = re.compile(r"\s*\S+|\s+$")
_LINES = re.compile(r"[^\n]*\n|[^\n]+$")


class Piece(NamedTuple):
    """A part of a comparison: text that is the same, added or removed, or a sign that text is left out."""

    kind: str
    text: str


def changes(old: str, new: str) -> list[Piece]:
    """Return the differences between two prompts, with some words around each change."""
    cut = _WORDS if len(old) + len(new) < MOST_WORDS * 10 else _LINES
    first, second = cut.findall(old), cut.findall(new)
    if len(first) + len(second) > MOST_WORDS:
        first, second = _LINES.findall(old), _LINES.findall(new)
    found = []
    for kind, start, end, new_start, new_end in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if kind == "equal":
            found += _around(first[start:end], is_first=start == 0, is_last=end == len(first))
            continue
        if removed := "".join(first[start:end]):
            found.append(Piece("removed", removed))
        if added := "".join(second[new_start:new_end]):
            found.append(Piece("added", added))
    return found


def _around(words: list[str], *, is_first: bool, is_last: bool) -> list[Piece]:
    """Return the words next to changes of a part that did not change."""
    head = [] if is_first else words[:AROUND]
    tail = [] if is_last else words[len(words) - AROUND :]
    if len(head) + len(tail) >= len(words):
        return [Piece("same", "".join(words))]
    pieces = [Piece("same", "".join(head)), Piece("left", " … "), Piece("same", "".join(tail))]
    return [piece for piece in pieces if piece.text]
