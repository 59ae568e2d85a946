"""Findings in stored runs: deviations from the API specification, and what looks like a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from runstore import redact
from runstore.errors import no_such
from runstore.wire import deviations

SECRET = "secret"
"""The rule of :meth:`runstore.RunRepository.findings` about secrets."""

RULES = (*deviations.RULES, SECRET)
"""The rules that a finding can break."""

_CUT = re.compile(r'(?:(?<=^\$\.metadata\.)|(?<="))[^\s"]{100}(?="|$)')
"""A word that a finding has truncated to a hundred characters: a secret may not be recognisable by its beginning."""


_WORD = re.compile(r"\w{20,}")
"""A part of a path that may be a secret, such as a key of metadata or a status."""


class Finding(NamedTuple):
    """A deviation from the API specification, or what looks like a secret."""

    run_id: str
    rule: str
    """The rule, one of :data:`RULES`."""
    path: str
    """The path in the run's JSON."""
    detail: str


def chosen(rules: Iterable[str] | None) -> tuple[str, ...]:
    """Return the requested rules; None means all of them. Raise :class:`ConfigurationError`."""
    wanted = RULES if rules is None else tuple(rules)
    if unknown := [rule for rule in wanted if rule not in RULES]:
        raise no_such("rule", unknown[0], RULES)
    return wanted


def of_run(run_id: str, text: bytes, rules: tuple[str, ...]) -> Iterator[Finding]:
    """Return the findings of these rules in a run's canonical text."""
    for rule, path, detail in deviations.of_run(text):
        if rule in rules:
            yield Finding(run_id, rule, _shown(path), _shown(detail))
    if SECRET in rules:
        for path, kind in redact.secrets(text):
            yield Finding(run_id, SECRET, path, f"looks like {kind}")


def _shown(text: str) -> str:
    """Return the text of a finding without secrets, because a key or a status may itself be one."""
    words = _WORD.sub(lambda word: redact.message(word[0]), text)
    return _CUT.sub(redact.REDACTED, redact.message(words))
