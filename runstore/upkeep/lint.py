"""What is wrong with stored runs: departures from the document, and what looks like a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from runstore import redact
from runstore.errors import no_such
from runstore.wire import departures

SECRET = "secret"
"""The rule of :meth:`runstore.RunRepository.findings` for what looks like a secret."""

RULES = (*departures.RULES, SECRET)
"""What findings are about."""

_CUT = re.compile(r'(?:(?<=^\$\.metadata\.)|(?<="))[^\s"]{100}(?="|$)')
"""A word that a finding has cut off after a hundred characters: a secret may not be known by its beginning."""


_WORD = re.compile(r"\w{20,}")
"""What a key or a status that is a secret may be, whatever stands around it in a path."""


class Finding(NamedTuple):
    """A departure from the document, or what looks like a secret."""

    run_id: str
    rule: str
    """What is broken: status, metadata, usage, missing ...; secret."""
    path: str
    """Where in the run's JSON."""
    detail: str


def chosen(rules: Iterable[str] | None) -> tuple[str, ...]:
    """The rules that were asked for, all for None. Raises :class:`ConfigurationError`."""
    wanted = RULES if rules is None else tuple(rules)
    if unknown := [rule for rule in wanted if rule not in RULES]:
        raise no_such("rule", unknown[0], RULES)
    return wanted


def of_run(run_id: str, text: bytes, rules: tuple[str, ...]) -> Iterator[Finding]:
    """The findings of these rules in a run's canonical text."""
    for rule, path, detail in departures.of_run(text):
        if rule in rules:
            yield Finding(run_id, rule, _shown(path), _shown(detail))
    if SECRET in rules:
        for path, kind in redact.secrets(text):
            yield Finding(run_id, SECRET, path, f"looks like {kind}")


def _shown(text: str) -> str:
    """What a finding says, in which a key or a status may itself be a secret."""
    words = _WORD.sub(lambda word: redact.message(word[0]), text)
    return _CUT.sub(redact.REDACTED, redact.message(words))
