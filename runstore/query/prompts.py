"""The instructions of an assistant's runs: each version with its time, and those gathered that differ in a sentence.

Programs often put something of the user or of the day into a prompt, so an assistant may have thousands of prompts that
are the same but for that sentence. They are one version.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select

from runstore.backends import Transaction
from runstore.mapping import INSTRUCTIONS, RUN
from runstore.query import queries
from runstore.schema.run import NO_TIME

LIMIT = 20_000
"""Maximum number of runs of an assistant that are counted, so that the time does not grow with the archive."""

MOST = 500
"""Maximum number of prompts whose texts are read and compared."""

ALIKE = 3
"""Minimum number of prompts that are gathered to a version because they differ in one sentence."""

_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+|\s*\n\s*")


class Prompt(NamedTuple):
    """One text of instructions."""

    text: str | None
    """None for runs without instructions."""
    first: int | None
    """The first created_at of its runs (Unix seconds); None if none of them has one."""
    last: int | None
    runs: int


class Version(NamedTuple):
    """A prompt, with those that differ from it in one sentence."""

    prompts: tuple[Prompt, ...]
    """The one that was used last comes first."""

    @property
    def text(self) -> str | None:
        """The text that was used last."""
        return self.prompts[0].text

    @property
    def first(self) -> int | None:
        """The first created_at of all runs."""
        return min((prompt.first for prompt in self.prompts if prompt.first is not None), default=None)

    @property
    def last(self) -> int | None:
        """The last created_at of all runs."""
        return max((prompt.last for prompt in self.prompts if prompt.last is not None), default=None)

    @property
    def runs(self) -> int:
        """The number of all runs."""
        return sum(prompt.runs for prompt in self.prompts)


class Prompts(NamedTuple):
    """The versions of an assistant's instructions."""

    versions: list[Version]
    """The one that was used last comes first."""
    runs: int
    """The number of runs that were counted."""
    complete: bool
    """Whether these are all runs of the assistant and all their prompts, and not only the newest."""


def of_assistant(
    transaction: Transaction, assistant_id: str, limit: int, conditions: Iterable[ColumnElement[bool]] = ()
) -> Prompts:
    """Return the versions among the newest runs of an assistant that meet these conditions on ``run_object``."""
    where = [RUN.c.assistant_id == assistant_id, *conditions]
    newest = queries.ordered(select(RUN.c.instructions_id, RUN.c.created_at).where(*where), newest_first=True)
    newest_runs = newest.limit(limit).correlate(None).subquery()
    created = newest_runs.c.created_at
    grouped = (
        select(newest_runs.c.instructions_id, func.min(created), func.max(created), func.count())
        .group_by(newest_runs.c.instructions_id)
        .order_by(func.max(func.coalesce(created, NO_TIME)).desc(), newest_runs.c.instructions_id)
    )
    found = transaction.execute(grouped).all()
    texts = _texts(transaction, [row[0] for row in found[:MOST] if row[0] is not None])
    prompts = [Prompt(texts.get(key), first, last, runs) for key, first, last, runs in found[:MOST]]
    runs = sum(row[3] for row in found)
    # Whether there are more is counted without their order, for which the database would have to read the rows.
    more = select(RUN.c.assistant_id).where(*where).limit(limit + 1).subquery()
    total = transaction.execute(select(func.count()).select_from(more)).scalar_one() if runs == limit else runs
    return Prompts(gathered(prompts), runs, total <= limit and len(found) <= MOST)


def _texts(transaction: Transaction, keys: Sequence[int]) -> dict[int, str]:
    if not keys:
        return {}
    statement = select(INSTRUCTIONS.c.id, INSTRUCTIONS.c.instructions).where(INSTRUCTIONS.c.id.in_(keys))
    return {row[0]: row[1] for row in transaction.execute(statement)}


def gathered(prompts: Sequence[Prompt]) -> list[Version]:
    """Return prompts as versions, in their order: at least :data:`ALIKE` texts that differ in one sentence are one.

    One of them may lack the sentence. Fewer texts are versions of their own, since somebody may have edited a sentence.
    """
    frames = [list(_frames(prompt.text or "")) for prompt in prompts]
    sizes = Counter(frame for found in frames for frame in found)
    versions: dict[object, list[Prompt]] = {}
    for number, (prompt, found) in enumerate(zip(prompts, frames, strict=True)):
        frame = max(found, key=sizes.__getitem__, default=None)
        home = frame if frame is not None and sizes[frame] >= ALIKE else number
        versions.setdefault(home, []).append(prompt)
    return [Version(tuple(found)) for found in versions.values()]


def sentences(text: str) -> list[str]:
    """Return the sentences of a prompt; a line break ends a sentence, too."""
    return _BETWEEN_SENTENCES.split(text.strip()) if text.strip() else []


def _frames(text: str) -> Iterator[tuple[int, int]]:
    """Return the text without each of its sentences, and as if a sentence followed it, as pairs of hashes.

    The pair consists of the text before the sentence and the text after it.
    """
    parts = sentences(text)
    if not parts:
        return
    before, after = [0], [0]
    for sentence in parts:
        before.append(hash((before[-1], sentence)))
    for sentence in reversed(parts):
        after.append(hash((sentence, after[-1])))
    for place in range(len(parts) + 1):
        if place > 0 or len(parts) > 1:  # a frame of nothing would be common to all texts
            yield before[place], after[max(0, len(parts) - place - 1)]
