"""Secrets that payloads carry by mistake: keys and tokens in texts, headers of tools, members named like a password.

What is found is replaced by :data:`REDACTED`, in what is given out; an archive keeps runs as they came. Patterns find
the usual forms of keys, not every secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from runstore import wire

REDACTED = "[redacted]"

_NAMES = (
    r"authorization|proxy-authorization|cookie|set-cookie|password|passwd|secret|client_secret|api[_-]?key|x-api-key"
    r"|access_token|refresh_token|id_token|auth_token|private_key|account_key|subscription[_-]key|sas_token|token"
)
_NAMED = re.compile(rf"(?i:{_NAMES})")
_HEADERS = re.compile(r"(?i:headers)")

_KINDS = {
    "an API key": r"\bsk-[A-Za-z0-9_-]{20,}|\bAIza[A-Za-z0-9_-]{35}",  # of OpenAI and others, of Google
    "an access token": r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "the id of an access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    "a private key": r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?",
    "credentials": r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*|(?<=[Bb]asic )[A-Za-z0-9+/]{16,}=*",
    "an account key": r"(?<=AccountKey=)[A-Za-z0-9+/]{20,}=*",
    "the password of a URL": r"(?<=://)[^\s/:@\"]{0,100}:[^\s/@\"]{1,200}(?=@)",
    # JSON that stands in a text, as the arguments of a function do.
    "a member named like a secret, in JSON text": rf"(?<=\")(?i:{_NAMES})\"\s{{0,8}}:\s{{0,8}}\"[^\"]+(?=\")",
}
"""What a part of a text looks like, and its form. No pattern has a group: the group of a match is its kind."""
_KEYS = re.compile("|".join(f"({pattern})" for pattern in _KINDS.values()))
_KIND = list(_KINDS)
_SUSPECT = re.compile(
    rb"(?i)headers|authorization|cookie|passw|secret|key|token\\?\"|bearer|basic |sk-|gh[pousr]_|github_pat|glpat"
    rb"|akia|asia|xox|aiza|eyj|://[^\s/\"]{0,300}@"
)
"""What a text has in which the others can find something: most runs are not looked at further."""


class Secret(NamedTuple):
    """Something in a run that looks like a secret."""

    path: str
    """Where in the run's JSON."""
    kind: str
    """What it looks like."""


def redacted(text: bytes) -> bytes:
    """The JSON text of a run without the secrets that are found in it; the very same where there are none."""
    if not _SUSPECT.search(text):
        return text
    found: list[Secret] = []
    value = _clean(wire.loads(text), "$", found.append)
    return wire.encode(value) if found else text


def secrets(text: bytes) -> list[Secret]:
    """What looks like a secret in a run, given as JSON text."""
    found: list[Secret] = []
    if _SUSPECT.search(text):
        _clean(wire.loads(text), "$", found.append)
    return found


def _clean(value: Any, path: str, found: Callable[[Secret], None], *, hidden: str = "") -> Any:
    """*value* without secrets; *hidden* is the kind of what makes all of its texts one."""
    if isinstance(value, dict):
        return {
            key: _clean(inner, wire.join(path, key), found, hidden=hidden or _hidden(key, inner))
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_clean(inner, f"{path}[{place}]", found, hidden=hidden) for place, inner in enumerate(value)]
    if not isinstance(value, str) or value in ("", REDACTED):
        return value
    if hidden:
        found(Secret(path, hidden))
        return REDACTED
    kinds: dict[str, None] = {}

    def without(match: re.Match[str]) -> str:
        clean = _without(match[0])
        if clean != match[0]:
            kinds[_KIND[(match.lastindex or 0) - 1]] = None
        return clean

    clean = _KEYS.sub(without, value)
    for kind in kinds:
        found(Secret(path, kind))
    return clean


def _hidden(key: str, value: Any) -> str:
    """The kind of what stands under this key, if that tells: a string by its name, all texts of headers."""
    if isinstance(value, str):
        return "a secret by the name of its member" if _NAMED.fullmatch(key) else ""
    return "the value of a header" if _HEADERS.fullmatch(key) else ""


def _without(secret: str) -> str:
    name, quote, _ = secret.partition('"')
    if quote:  # a member in a text
        return f'{name}": "{REDACTED}'
    user, colon, _ = secret.partition(":")
    return f"{user}:{REDACTED}" if colon else REDACTED
