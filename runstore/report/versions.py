"""The prompt versions of a report: when each was used, and what it changed."""

from __future__ import annotations

from datetime import tzinfo
from typing import NamedTuple

from runstore import shown
from runstore.query.edits import Piece, changes
from runstore.query.prompts import Prompts, Version
from runstore.report.blocks import Clean
from runstore.report.figures import Figures

MOST = 3
"""Number of versions of an assistant: the newest ones."""

COMPARED = 20_000
"""Number of characters at the beginning of a prompt that are compared."""

SHOWN = 320
"""Number of characters that are shown of what a version changed."""


class Shown(NamedTuple):
    """A version as a report shows it."""

    number: int
    first: str
    last: str
    runs: int
    texts: int
    pieces: list[Piece]
    """What differs from the previous version; for the first version, the beginning of its prompt."""
    is_first: bool


class Assistant(NamedTuple):
    """An assistant with its newest versions."""

    id: str
    runs: int
    total: int
    """The number of its versions."""
    complete: bool
    """Whether all its runs were counted."""
    versions: list[Shown]


def by_assistant(figures: Figures, clean: Clean) -> list[Assistant]:
    """Return the assistants with the most runs, and their newest versions."""
    zone = figures.zone
    return [
        Assistant(assistant, found.runs, len(found.versions), found.complete, _newest(found, zone, clean))
        for assistant, found in figures.prompts
    ]


def _newest(found: Prompts, zone: tzinfo, clean: Clean) -> list[Shown]:
    versions = found.versions
    return [
        Shown(
            len(versions) - place,
            shown.day(version.first, zone),
            shown.day(version.last, zone),
            version.runs,
            len(version.prompts),
            _pieces(versions[place + 1] if place + 1 < len(versions) else None, version, clean),
            place + 1 == len(versions),
        )
        for place, version in enumerate(versions[:MOST])
    ]


def _pieces(before: Version | None, version: Version, clean: Clean) -> list[Piece]:
    text = clean((version.text or "")[:COMPARED])
    if before is None:
        return [Piece("same", shown.shortened(text.strip(), SHOWN) or "(no instructions)")]
    pieces, room = [], SHOWN
    for kind, part in changes(clean((before.text or "")[:COMPARED]), text):
        if room <= 0:
            pieces.append(Piece("left", " …"))
            break
        pieces.append(Piece(kind, shown.shortened(part, room)))
        room -= len(part)
    return pieces
