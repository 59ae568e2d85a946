"""Secrets that payloads carry by mistake: keys and tokens in texts, headers of tools, members named like a password.

What is found is replaced by :data:`REDACTED`. The identifiers of a run (:data:`KEPT`) stay, so that it is still the
same run. Rules find the usual forms of secrets, not every secret: ``docs/operate/secrets.md`` lists which.

:mod:`~runstore.redact.names` knows what a name says about its value, :mod:`~runstore.redact.tokens` what a secret looks
like by itself, :mod:`~runstore.redact.named` and :mod:`~runstore.redact.texts` what stands next to one in a text; here
are the runs that they stand in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from msgspec import Raw

from runstore import wire
from runstore.redact import texts
from runstore.redact.named import REDACTED
from runstore.redact.names import Says, says, words
from runstore.redact.tokens import SHORTEST, is_token, looks_random
from runstore.wire.spelling import spellings

__all__ = ["KEPT", "REDACTED", "Secret", "message", "redacted", "row", "secrets"]

KEPT = frozenset(spelling for name in ("id", "thread_id", "assistant_id") for spelling in (name, *spellings(name)))
"""Members of a run that say which run it is: they are never touched."""

_REMEMBERED = range(256, 32_768)
"""Bytes of the members whose result is remembered: many runs have the same instructions and tools."""

_MEMBER = "a secret by the name of its member"
_HEADER = "the value of a header"
_JSON_STYLES = (
    *(partial(json.dumps, ensure_ascii=ascii_only, separators=(",", ":")) for ascii_only in (False, True)),
    *(
        partial(json.dumps, ensure_ascii=ascii_only, indent=indent)
        for indent in (None, 2, 4)
        for ascii_only in (False, True)
    ),
)
"""How programs usually spell JSON."""

_JSON_TYPES = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))
_SECURITY_TYPES = frozenset(("apiKey", "http", "oauth2", "openIdConnect", "mutualTLS"))
_DESCRIBES = words(
    "type format description title pattern minLength maxLength minimum maximum minItems maxItems required",
    "nullable $ref readOnly writeOnly deprecated in scheme bearerFormat name contentEncoding uniqueItems strict",
)
"""Keywords of a JSON Schema, and of OpenAPI, that say what a value is."""
_HOLDS = words(
    "properties patternProperties items anyOf oneOf allOf not additionalProperties $defs definitions",
)
"""Keywords under which other schemas stand."""


_HINTS = tuple(hint.encode() for hint in texts.HINTS)
_USAGE = re.compile(rb"(?:prompt|completion|total|cached|reasoning)_tokens?")
"""Of nearly all runs, and no secret."""
_WORDS = bytes(c if (c < 128 and chr(c).isalnum()) or chr(c) in "_.~+/|$=:%-" else ord(" ") for c in range(256))
"""For bytes.translate: a space for each byte that is in no token."""


class Secret(NamedTuple):
    """Something in a run that looks like a secret."""

    path: str
    """Where in the run's JSON; a key that is a secret is not shown."""
    kind: str
    """What it looks like."""


Found = Callable[[Secret], object]


def redacted(text: bytes) -> bytes:
    """The canonical JSON text of a run without the secrets that are found in it; the very same where there are none."""
    found: list[Secret] = []
    clean = _run(text, found.append)
    return clean if found else text


def secrets(text: bytes) -> list[Secret]:
    """What looks like a secret in a run, given as canonical JSON text."""
    found: list[Secret] = []
    _run(text, found.append)
    return found


def message(text: str) -> str:
    """A text for a person, as an error has it, without secrets."""
    return texts.clean(text, _nobody)


def row(values: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
    """A row of the view ``runs`` without secrets, given the names of its columns; :data:`KEPT` stay."""
    return tuple(
        _value(name, value) if isinstance(value, str) and name not in KEPT else value
        for name, value in zip(names, values, strict=True)
    )


def _value(name: str, value: str) -> str:
    raw = wire.encode(value)
    clean, found = (_remembered if len(raw) in _REMEMBERED else _member)(name, raw)
    return wire.loads(clean) if found else value


def _run(text: bytes, found: Found) -> bytes:
    members: dict[str, Raw] = wire.members(text, "$")
    clean: dict[str, Raw] = {}
    # What is small is looked at together, which takes less than looking at each.
    small = [raw for key, raw in members.items() if len(raw) < _REMEMBERED.start and key not in KEPT]
    is_calm = not _is_suspect(b"\n".join(small))
    for key, raw in members.items():
        if key in KEPT:
            clean[key] = raw
            continue
        new = _key(key, members, clean, "$", found)
        clean[new] = raw
        if len(raw) < _REMEMBERED.start and is_calm and not _tells(key):
            continue
        member = _remembered if len(raw) in _REMEMBERED else _member
        inner, secrets = member(key, bytes(raw))
        if secrets:
            clean[new] = Raw(inner)
            for path, kind in secrets:
                found(Secret(wire.join("$", new) + path, kind))
    return wire.encode(clean)


def _tells(key: str) -> bool:
    return says(key) is not Says.NOTHING or key.lower() == "headers"


def _member(key: str, raw: bytes) -> tuple[bytes, tuple[Secret, ...]]:
    """A member of a run without secrets, and where they stood: paths begin at the member."""
    if not _tells(key) and not _is_suspect(raw):
        return raw, ()
    found: list[Secret] = []
    value = wire.loads(raw)
    clean = _clean(value, "", found.append, _hidden(key, value))
    return (wire.encode(clean) if found else raw), tuple(found)


def _is_suspect(raw: bytes) -> bool:
    """Whether something may be found in a JSON text: in most is no name that says something, and no token."""
    if len(raw) < 6:
        return False
    lowered = _USAGE.sub(b"", raw.lower())
    if any(hint in lowered for hint in _HINTS):
        return True
    words = raw.replace(b"\\n", b" ").replace(b"\\t", b" ").translate(_WORDS).split()
    return any(is_token(word.decode()) for word in words if len(word) >= SHORTEST)


_remembered = lru_cache(maxsize=512)(_member)


def _clean(value: Any, path: str, found: Found, hidden: str = "") -> Any:
    """*value* without secrets; *hidden* is the kind of what makes all that stands in it one."""
    if isinstance(value, dict):
        return _object(value, path, found, hidden)
    if isinstance(value, list):
        return [_clean(inner, f"{path}[{place}]", found, hidden) for place, inner in enumerate(value)]
    if isinstance(value, str):
        if hidden and value not in ("", REDACTED):
            found(Secret(path, hidden))
            return REDACTED
        return _text(value, path, found)
    if hidden == _MEMBER and type(value) in (int, float):
        found(Secret(path, hidden))
        return REDACTED
    return value


def _object(value: dict[str, Any], path: str, found: Found, hidden: str) -> dict[str, Any]:
    describes = bool(hidden) and _is_schema(value)
    clean: dict[str, Any] = {}
    for key, inner in value.items():
        new = _key(key, value, clean, path, found)
        is_told = describes and key in _DESCRIBES
        kind = "" if is_told else hidden or _hidden(key, inner, value)
        clean[new] = _clean(inner, wire.join(path, new), found, kind)
    return clean


def _key(key: str, siblings: dict[str, Any], taken: dict[str, Any], path: str, found: Found) -> str:
    """A key without secrets, unlike all other ones."""
    if len(key) < SHORTEST and key.isidentifier():
        return key
    kinds: dict[str, None] = {}
    clean = texts.clean(key, kinds.setdefault)
    if not kinds:
        return key
    number, new = 1, clean
    while new in siblings or new in taken:
        number += 1
        new = f"{clean} {number}"
    for kind in kinds:
        found(Secret(wire.join(path, new), kind))
    return new


def _hidden(key: str, value: Any, siblings: dict[str, Any] | None = None) -> str:
    """The kind of what stands under this key, if the key tells."""
    if value is None or isinstance(value, bool):
        return ""
    name = siblings.get("name", siblings.get("key")) if siblings and key == "value" else key
    if not isinstance(name, str):
        return ""
    if name.lower() == "headers":
        return "" if isinstance(value, str) else _HEADER
    level = says(name)
    is_key = level is Says.MAYBE and isinstance(value, str) and looks_random(value, 16)
    return _MEMBER if level is Says.SECRET or is_key else ""


def _is_schema(value: dict[str, Any]) -> bool:
    """Whether an object describes values rather than being one: {"password": {"type": "string"}}."""
    kind = value.get("type")
    if isinstance(kind, list):
        return bool(kind) and all(each in _JSON_TYPES for each in kind if isinstance(each, str))
    if isinstance(kind, str) and (kind in _JSON_TYPES or kind in _SECURITY_TYPES):
        return True
    return bool(value) and value.keys() <= _DESCRIBES | _HOLDS


def _text(value: str, path: str, found: Found) -> str:
    if len(value) < SHORTEST and value.isalnum():
        return value
    kinds: dict[str, None] = {}
    clean = _json(value, kinds) if value.lstrip()[:1] in ("{", "[") else None
    if clean is None:
        clean = texts.clean(value, kinds.setdefault)
    for kind in kinds:
        found(Secret(path, kind))
    return clean


def _json(value: str, kinds: dict[str, None]) -> str | None:
    """A text that is JSON without secrets, otherwise spelled as it was; None for another text."""
    try:
        inner = json.loads(value)
        found: list[Secret] = []
        clean = _clean(inner, "", found.append)
        if not found:
            return value
        kinds |= dict.fromkeys(secret.kind for secret in found)
        spell = next((spell for spell in _JSON_STYLES if spell(inner) == value), json.dumps)
        return spell(clean)
    except (ValueError, RecursionError):
        return None


def _nobody(_: str) -> None:
    """Who need not know what is found."""
