"""Secrets that payloads carry by mistake: keys and tokens in texts, headers of tools, members named like a password.

What is found is replaced by :data:`REDACTED`, in what is given out; an archive keeps runs as they came. Patterns find
the usual forms of keys, not every secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from runstore import wire

REDACTED = "[redacted]"

_NAMES = (
    r"authorization|proxy-authorization|cookie|set-cookie|password|passwd|secret|client_secret|api[_-]?key|x-api-key"
    r"|access_token|refresh_token|id_token|auth_token|private_key|account_key|subscription[_-]key|sas_token|token"
)
_NAMED = re.compile(rf"(?i:{_NAMES})")
_HEADERS = re.compile(r"(?i:headers)")

_KEYS = re.compile(
    r"\bsk-[A-Za-z0-9_-]{20,}"  # OpenAI and others
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|\bAIza[A-Za-z0-9_-]{35}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"  # JSON web token
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*|(?<=[Bb]asic )[A-Za-z0-9+/]{16,}=*"
    r"|(?<=AccountKey=)[A-Za-z0-9+/]{20,}=*"
    # The password of a URL, and a member of JSON that stands in a text, as the arguments of a function do.
    r"|(?<=://)[^\s/:@\"]{0,100}:[^\s/@\"]{1,200}(?=@)"
    rf"|(?<=\")(?i:{_NAMES})\"\s{{0,8}}:\s{{0,8}}\"[^\"]+(?=\")"
)
_SUSPECT = re.compile(
    rb"(?i)headers|authorization|cookie|passw|secret|key|token\\?\"|bearer|basic |sk-|gh[pousr]_|github_pat|glpat"
    rb"|akia|asia|xox|aiza|eyj|://[^\s/\"]{0,300}@"
)
"""What a text has in which the others can find something: most runs are not looked at further."""


def redacted(text: bytes) -> bytes:
    """The JSON text of a run without the secrets that are found in it; the very same where there are none."""
    if not _SUSPECT.search(text):
        return text
    found: list[str] = []
    value = _clean(wire.loads(text), "$", found.append)
    return wire.encode(value) if found else text


def secrets(text: bytes) -> list[str]:
    """The paths at which a run, given as JSON text, has something that looks like a secret."""
    found: list[str] = []
    if _SUSPECT.search(text):
        _clean(wire.loads(text), "$", found.append)
    return found


def _clean(value: Any, path: str, found: Callable[[str], None], *, hide: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            key: _clean(inner, wire.join(path, key), found, hide=hide or _hides(key, inner))
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_clean(inner, f"{path}[{place}]", found, hide=hide) for place, inner in enumerate(value)]
    if not isinstance(value, str) or not value:
        return value
    clean = REDACTED if hide else _KEYS.sub(_without, value)
    if clean != value:
        found(path)
    return clean


def _hides(key: str, value: Any) -> bool:
    """Whether what stands under this key is a secret: a string by its name, all texts of headers."""
    return bool(_NAMED.fullmatch(key) if isinstance(value, str) else _HEADERS.fullmatch(key))


def _without(match: re.Match[str]) -> str:
    name, quote, _ = match[0].partition('"')
    if quote:  # a member in a text
        return f'{name}": "{REDACTED}'
    user, colon, _ = match[0].partition(":")
    return f"{user}:{REDACTED}" if colon else REDACTED
