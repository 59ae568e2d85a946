"""Remove secrets that runs contain by mistake: keys and tokens in texts, headers of tools, members named as passwords.

Each secret is replaced by :data:`REDACTED`. The identifiers of a run (:data:`KEPT`) are kept, so that it remains the
same run. The rules recognize common forms of secrets, not every secret; ``docs/operate/secrets.md`` lists them.

:mod:`~runstore.redact.names` judges a value by its name, :mod:`~runstore.redact.tokens` recognizes secrets by their
own form, and :mod:`~runstore.redact.named` and :mod:`~runstore.redact.texts` by the surrounding text. This module
applies them to runs.
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
"""The members that identify a run. They are never changed."""

_REMEMBERED = range(256, 32_768)
"""The sizes, in bytes, of members whose result is cached: many runs have the same instructions and tools."""

_MEMBER = "a secret, judging by its key"
_HEADER = "the value of a header"
_JSON_STYLES = (
    *(partial(json.dumps, ensure_ascii=ascii_only, separators=(",", ":")) for ascii_only in (False, True)),
    *(
        partial(json.dumps, ensure_ascii=ascii_only, indent=indent)
        for indent in (None, 2, 4)
        for ascii_only in (False, True)
    ),
)
"""The usual ways in which programs format JSON."""

_JSON_TYPES = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))
_SECURITY_TYPES = frozenset(("apiKey", "http", "oauth2", "openIdConnect", "mutualTLS"))
_DESCRIBES = words(
    "type format description title pattern minLength maxLength minimum maximum minItems maxItems required",
    "nullable $ref readOnly writeOnly deprecated in scheme bearerFormat name contentEncoding uniqueItems strict",
)
"""Keywords of JSON Schema and OpenAPI that describe a value."""
_GIVES = words("default const enum example examples")
"""Keywords whose value is a value, or several, of what the schema describes."""
_HOLDS = words(
    "properties patternProperties items anyOf oneOf allOf not additionalProperties $defs definitions",
)
"""Keywords whose value contains other schemas."""


_HINTS = tuple(hint.encode() for hint in texts.HINTS)
_USAGE = re.compile(rb"(?:prompt|completion|total|cached|reasoning)_tokens?")
"""Names that almost all runs contain and that are not secrets."""
_WORDS = bytes(c if (c < 128 and chr(c).isalnum()) or chr(c) in "_.~+/|$=:%-" else ord(" ") for c in range(256))
"""A table for bytes.translate that maps each byte that no token contains to a space."""


class Secret(NamedTuple):
    """Something in a run that looks like a secret."""

    path: str
    """The place in the run's JSON; a key that is a secret is not shown."""
    kind: str
    """What it looks like."""


Found = Callable[[Secret], object]


def redacted(text: bytes) -> bytes:
    """Return the canonical JSON text of a run without its secrets, or the same object if it has none."""
    found: list[Secret] = []
    clean = _run(text, found.append)
    return clean if found else text


def secrets(text: bytes) -> list[Secret]:
    """Return everything that looks like a secret in a run, given as canonical JSON text."""
    found: list[Secret] = []
    _run(text, found.append)
    return found


def message(text: str) -> str:
    """Return the text of a message without secrets."""
    return texts.clean(text, _nobody)


def row(values: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
    """Return a row of the view ``runs`` without secrets, given the names of its columns; :data:`KEPT` are kept."""
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
    # Small members are checked together, which is faster than one by one.
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
    """Return a member of a run without secrets, and the secrets with their paths relative to the member."""
    if not _tells(key) and not _is_suspect(raw):
        return raw, ()
    found: list[Secret] = []
    value = wire.loads(raw)
    clean = _clean(value, "", found.append, _hidden(key, value))
    return (wire.encode(clean) if found else raw), tuple(found)


def _is_suspect(raw: bytes) -> bool:
    """Return whether a JSON text may contain a secret. Most texts contain neither a telling name nor a token."""
    if len(raw) < 6:
        return False
    lowered = _USAGE.sub(b"", raw.lower())
    if any(hint in lowered for hint in _HINTS):
        return True
    words = raw.replace(b"\\n", b" ").replace(b"\\t", b" ").translate(_WORDS).split()
    return any(is_token(word.decode()) for word in words if len(word) >= SHORTEST)


_remembered = lru_cache(maxsize=512)(_member)


def _clean(value: Any, path: str, found: Found, hidden: str = "", *, given: bool = False) -> Any:
    """Return *value* without secrets. If *hidden* is set, everything in it is a secret of that kind.

    Of a schema, only the values in it are secrets. With *given*, *value* is not a schema, even if it looks like one.
    """
    if isinstance(value, dict):
        return _object(value, path, found, hidden, given)
    if isinstance(value, list):
        return [_clean(inner, f"{path}[{place}]", found, hidden, given=given) for place, inner in enumerate(value)]
    if isinstance(value, str):
        if hidden and value not in ("", REDACTED):
            found(Secret(path, hidden))
            return REDACTED
        return _text(value, path, found)
    if hidden == _MEMBER and type(value) in (int, float):
        found(Secret(path, hidden))
        return REDACTED
    return value


def _object(value: dict[str, Any], path: str, found: Found, hidden: str, given: bool) -> dict[str, Any]:
    describes = bool(hidden) and not given and _is_schema(value)
    clean: dict[str, Any] = {}
    for key, inner in value.items():
        new = _key(key, value, clean, path, found)
        is_told = describes and key in _DESCRIBES
        kind = "" if is_told else hidden or _hidden(key, inner, value)
        gives = bool(hidden) and (given or (describes and key in _GIVES))
        clean[new] = _clean(inner, wire.join(path, new), found, kind, given=gives)
    return clean


def _key(key: str, siblings: dict[str, Any], taken: dict[str, Any], path: str, found: Found) -> str:
    """Return a key without secrets that differs from all other keys."""
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
    """Return the kind of secret that the key indicates for its value, or an empty string."""
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
    """Return whether an object describes values rather than being one: {"password": {"type": "string"}}."""
    kind = value.get("type")
    if isinstance(kind, list):
        return bool(kind) and all(each in _JSON_TYPES for each in kind if isinstance(each, str))
    if isinstance(kind, str) and (kind in _JSON_TYPES or kind in _SECURITY_TYPES):
        return True
    return not value.keys().isdisjoint(_DESCRIBES | _HOLDS) and value.keys() <= _DESCRIBES | _HOLDS | _GIVES


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
    """Return a JSON text without secrets in its original formatting, or None if the text is not JSON."""
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
    """Ignore the kind of a secret."""
