"""Decode JSON text, encode canonical text, and refuse what an archive cannot store.

*Canonical text* is compact JSON that keeps the order of keys, escapes only what must be escaped, and spells integral
numbers as integers. Digests and shared ids are computed from it. A value without a faithful canonical text is refused,
with its path: U+0000, lone surrogates, duplicate keys, NaN and infinities, numbers that equal neither a 64-bit integer
nor the shortest spelling of a double, and nesting deeper than :data:`MAX_DEPTH`.

JSON decoders accept some of these silently: msgspec drops duplicate keys, and json passes lone surrogates. Therefore
the fast path is taken only for a text that yields the same bytes when it is decoded and encoded again, which is
impossible if a key was dropped. Every other text goes through :func:`examine`, which checks each key, number and string
and knows its path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NoReturn

import msgspec
from msgspec import Raw

from runstore.errors import RunRejected

MAX_DEPTH = 200
"""The maximum number of nested objects and arrays in a run, counting the run itself."""

MOST_KEYS = 100
"""The maximum number of keys of an object for which results are cached. It bounds memory; no run has more."""

INT64 = range(-(2**63), 2**63)

encode = msgspec.json.Encoder().encode
"""Encode plain Python values as compact JSON bytes."""


def _float(literal: str) -> int | float:
    """Return the number for a JSON float literal, as an int if integral. Raise ValueError if no double equals it."""
    value = float(literal)
    try:
        exact = Decimal(literal)
    except InvalidOperation:  # for example an exponent of twenty digits
        raise ValueError(literal) from None
    if not exact.is_finite() or abs(value) == float("inf"):
        raise ValueError(literal)
    if Decimal(repr(value)) != exact:
        if INT64.start <= exact < INT64.stop and exact == int(exact):  # 9007199254740993.0
            return int(exact)
        raise ValueError(literal)
    # A large double and its shortest spelling can be different integers; such a number stays a float.
    return int(value) if exact == int(value) and int(value) in INT64 else value


loads = msgspec.json.Decoder(float_hook=_float).decode
"""Decode canonical text to plain Python values."""

_objects = msgspec.json.Decoder(dict[str, Raw])
_arrays = msgspec.json.Decoder(list[Raw])

_LONG_INTEGER = re.compile(rb"\d{19}")
_NUL = b"\\u0000"
_SMALL_BYTES = 64
_small: dict[bytes, bytes] = {}
"""The canonical texts of small values, because most runs repeat the same numbers and empty objects. None is nested."""
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


# --- texts -----------------------------------------------------------------------------------------------------------


def canonical(raw: Raw | bytes, path: str, depth: int = 1) -> bytes:
    """Return the canonical text of one JSON value.

    *path* is the path of the value for messages, *depth* the number of objects and arrays around it. Raises
    :class:`RunRejected` with the path of the first thing that cannot be stored.
    """
    raw = bytes(raw)
    if (known := _small.get(raw)) is not None:
        return known
    try:
        text = encode(loads(raw))
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        refuse(raw, path, depth, exc)
    if _LONG_INTEGER.search(text):  # possibly an integer that only a double equals: 100000000000000000000 is 1e20
        examine(raw, path, depth)
        text = encode(_as_doubles(loads(raw)))
    elif (
        (text != raw and text != msgspec.json.format(raw, indent=-1))
        or (b"\\" in text and _NUL in text)
        or (len(text) > MAX_DEPTH - depth and text.count(b"[") + text.count(b"{") > MAX_DEPTH - depth)
    ):
        examine(raw, path, depth)
    if len(raw) <= _SMALL_BYTES and len(_small) < 4096:
        _small[raw] = text
    return text


def _as_doubles(value: Any) -> Any:
    """Return *value* with each integer outside the 64-bit range replaced by the double that equals it."""
    if type(value) is int:
        return value if value in INT64 else float(value)
    if type(value) is list:
        return [_as_doubles(inner) for inner in value]
    if type(value) is dict:
        return {key: _as_doubles(inner) for key, inner in value.items()}
    return value


def members(raw: Raw | bytes, path: str, depth: int = 0, decoded: dict[str, Raw] | None = None) -> dict[str, Raw]:
    """Return the members of a JSON object as raw texts, in order. Refuse duplicate keys; do not check the values.

    *decoded* is the decoded text, if the caller already has it.
    """
    text = bytes(raw)
    try:
        found = _objects.decode(text) if decoded is None else decoded
        # The compact text is the shortest one with these keys and values: a text of that length has no duplicate key.
        if len(text) != _compact_size(tuple(found), found.values()):
            text = msgspec.json.format(text, indent=-1)
            found = _objects.decode(text)
            if len(text) != _compact_size(tuple(found), found.values()):
                examine(text, path, depth)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        refuse(text, path, depth, exc)
    return found


def _compact_size(keys: tuple[str, ...], values: Iterable[Raw]) -> int:
    frame_size = _known_frame_size if len(keys) <= MOST_KEYS else _frame_size
    return frame_size(keys) + sum(map(len, values))


def _frame_size(keys: tuple[str, ...]) -> int:
    """Return the bytes of braces, commas, colons and keys of a compact object, or a negative number for U+0000."""
    if any("\x00" in key for key in keys):
        return -(2**63)
    return len("{}") + sum(len(encode(key)) + len(":,") for key in keys) - (len(",") if keys else 0)


_known_frame_size = lru_cache(maxsize=4096)(_frame_size)


def elements(raw: bytes, path: str) -> list[Raw]:
    """Return the elements of a JSON array as raw texts, without checking them."""
    try:
        return _arrays.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        refuse(raw, path, 1, exc)


# --- what cannot be stored -------------------------------------------------------------------------------------------


class _Literal(str):
    """The spelling of a number."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """An object with all its keys, including duplicates."""

    __slots__ = ()


def examine(raw: bytes, path: str, depth: int = 0) -> None:
    """Raise :class:`RunRejected` for the first thing in the JSON text *raw* that an archive cannot store."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as exc:
        raise RunRejected(path=path, reason=f"is not UTF-8 (byte {exc.start} of {len(raw)})") from None
    _check_depth(text, path, depth)
    try:
        value = json.loads(
            text, object_pairs_hook=_Pairs, parse_int=_Literal, parse_float=_Literal, parse_constant=_Literal
        )
    except json.JSONDecodeError as exc:
        what = "ends in the middle of a value" if exc.pos >= len(text.rstrip()) else f"is not JSON: {exc.msg}"
        raise RunRejected(path=path, reason=f"{what} (character {exc.pos} of {len(text)})") from None
    _walk(value, path)


def refuse(raw: bytes, path: str, depth: int, cause: Exception) -> NoReturn:
    examine(raw, path, depth)
    raise RunRejected(path=path, reason=f"cannot be read: {cause}") from cause


def _check_depth(text: str, path: str, depth: int) -> None:
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise RunRejected(path=path, reason=f"is nested deeper than {MAX_DEPTH} levels")
        elif token[0] in "]}":
            depth -= 1


def _walk(value: Any, path: str) -> None:
    if isinstance(value, _Literal):
        check_number(value, path)
    elif isinstance(value, str):
        check_string(value, path)
    elif isinstance(value, _Pairs):
        seen = set()
        for key, inner in value:
            place = join(path, key)
            if key in seen:
                raise RunRejected(path=place, reason="the key occurs twice in its object")
            seen.add(key)
            check_string(key, place)
            _walk(inner, place)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            _walk(inner, f"{path}[{position}]")


def check_string(value: str, path: str) -> None:
    if "\x00" in value:
        raise RunRejected(path=path, reason="has the character U+0000, which PostgreSQL cannot store")
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        code = ord(value[exc.start])
        raise RunRejected(path=path, reason=f"has the lone surrogate U+{code:04X}, which is not a character") from None


def is_text(value: object) -> bool:
    """Return whether *value* is a string that an archive can store. No archive contains any other string."""
    try:
        return isinstance(value, str) and b"\x00" not in value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False


def check_number(literal: str, path: str) -> None:
    # Messages state where a value is and what is wrong with it, but never show the value.
    shown = literal if literal.isalpha() else f"of {len(literal)} characters"
    try:
        kept = (len(literal) <= 20 and literal.lstrip("-").isdigit() and int(literal) in INT64) or (
            _float(literal) is not None
        )
    except (ValueError, ArithmeticError):
        kept = False
    if not kept:
        reason = f"neither a 64-bit integer nor a double equals the number {shown}"
        raise RunRejected(path=path, reason=reason)


_NUMERAL = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def numeral(text: str) -> int | float | None:
    """Return the number that a string spells in JSON notation, or None if it is not a number that can be stored."""
    if (match := _NUMERAL.fullmatch(text)) is None:
        return None
    if not any(match.groups()):
        return int(text) if len(text) <= 20 and int(text) in INT64 else None
    try:
        value = _float(text)
    except ValueError:
        return None
    return value if type(value) is float or value in INT64 else None


def join(path: str, key: str) -> str:
    """Return the path of a member: ``$.usage``, or ``$["odd key"]`` if the key is not an identifier."""
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key)}]"


_TYPES = {b"{": "object", b"[": "array", b'"': "string", b"t": "boolean", b"f": "boolean", b"n": "null"}


def type_name(raw: Raw | bytes) -> str:
    """Return the JSON type of a text, judged by its first byte."""
    return _TYPES.get(bytes(raw)[:1], "number")


def expected(kind: str, raw: Raw | bytes, path: str) -> RunRejected:
    """Return the error for a value whose type differs from the required one."""
    return RunRejected(path=path, reason=f"expected {kind}, found {type_name(raw)}")
