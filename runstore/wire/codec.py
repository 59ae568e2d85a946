"""JSON text in, canonical text out, and the checks that refuse what an archive cannot keep.

*Canonical text* is compact JSON with the order of keys kept, no needless escapes and integral numbers spelled as
integers. Digests and shared ids are made of it. A value that has no faithful canonical text is refused with its path:
U+0000, lone surrogates, duplicate keys, NaN and infinities, numbers that neither a 64-bit integer nor the shortest
spelling of a double equals, nesting deeper than :data:`MAX_DEPTH`.

Decoders of JSON differ in what they drop without a word (msgspec: duplicate keys; json: lone surrogates pass). So a
text is taken on the fast way only where decoding and encoding it again gives the very same bytes, which no dropped key
survives; every other text goes through :func:`examine`, which looks at each key, number and string and knows the
path.
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
"""Levels of objects and arrays in a run, the run itself being the first."""

MOST_KEYS = 100
"""Keys of an object beyond which nothing is remembered of them: no run has so many, and memory is to stay bounded."""

INT64 = range(-(2**63), 2**63)

encode = msgspec.json.Encoder().encode
"""Compact JSON bytes of plain Python values."""


def _float(literal: str) -> int | float:
    """The number of a JSON float literal, an int where it is integral; ValueError where no double equals it."""
    value = float(literal)
    try:
        exact = Decimal(literal)
    except InvalidOperation:  # an exponent of twenty digits
        raise ValueError(literal) from None
    if not exact.is_finite() or abs(value) == float("inf"):
        raise ValueError(literal)
    if Decimal(repr(value)) != exact:
        if INT64.start <= exact < INT64.stop and exact == int(exact):  # 9007199254740993.0
            return int(exact)
        raise ValueError(literal)
    # A large double and its shortest spelling can be different integers: such a one stays a float.
    return int(value) if exact == int(value) and int(value) in INT64 else value


loads = msgspec.json.Decoder(float_hook=_float).decode
"""Plain Python values of canonical text."""

_objects = msgspec.json.Decoder(dict[str, Raw])
_arrays = msgspec.json.Decoder(list[Raw])

_LONG_INTEGER = re.compile(rb"\d{19}")
_NUL = b"\\u0000"
_SMALL_BYTES = 64
_small: dict[bytes, bytes] = {}
"""Canonical texts of small values, for the same numbers and empty objects come in most runs. None nests deep."""
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


# --- texts -----------------------------------------------------------------------------------------------------------


def canonical(raw: Raw | bytes, path: str, depth: int = 1) -> bytes:
    """The canonical text of one JSON value.

    *path* names the value in messages, *depth* is the number of objects and arrays around it.
    Raises :class:`RunRejected` with the path of whatever cannot be kept.
    """
    raw = bytes(raw)
    if (known := _small.get(raw)) is not None:
        return known
    try:
        text = encode(loads(raw))
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        refuse(raw, path, depth, exc)
    if _LONG_INTEGER.search(text):  # it may be one that only a double equals: 100000000000000000000 is 1e20
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
    """*value* with the double in place of each integer that no 64-bit one equals."""
    if type(value) is int:
        return value if value in INT64 else float(value)
    if type(value) is list:
        return [_as_doubles(inner) for inner in value]
    if type(value) is dict:
        return {key: _as_doubles(inner) for key, inner in value.items()}
    return value


def members(raw: Raw | bytes, path: str, depth: int = 0, decoded: dict[str, Raw] | None = None) -> dict[str, Raw]:
    """The members of a JSON object as raw texts, in order; duplicate keys are refused, the values not looked at.

    *decoded* is what the decoder made of the text, if somebody did that already.
    """
    text = bytes(raw)
    try:
        found = _objects.decode(text) if decoded is None else decoded
        # No text of these keys and values is shorter than the compact one: one of its length has no key twice.
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
    """Bytes of braces, commas, colons and keys in a compact object with these keys; none has one with U+0000."""
    if any("\x00" in key for key in keys):
        return -(2**63)
    return len("{}") + sum(len(encode(key)) + len(":,") for key in keys) - (len(",") if keys else 0)


_known_frame_size = lru_cache(maxsize=4096)(_frame_size)


def elements(raw: bytes, path: str) -> list[Raw]:
    """The elements of a JSON array as raw texts, not looked at."""
    try:
        return _arrays.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        refuse(raw, path, 1, exc)


# --- what cannot be kept ---------------------------------------------------------------------------------------------


class _Literal(str):
    """A number as it was spelled."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """An object with all its keys, also those that stand twice."""

    __slots__ = ()


def examine(raw: bytes, path: str, depth: int = 0) -> None:
    """Raise :class:`RunRejected` for the first thing in the JSON text *raw* that an archive cannot keep."""
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
                raise RunRejected(path=place, reason="the key stands twice in its object")
            seen.add(key)
            check_string(key, place)
            _walk(inner, place)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            _walk(inner, f"{path}[{position}]")


def check_string(value: str, path: str) -> None:
    if "\x00" in value:
        raise RunRejected(path=path, reason="has the character U+0000, which PostgreSQL cannot keep")
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        code = ord(value[exc.start])
        raise RunRejected(path=path, reason=f"has the lone surrogate U+{code:04X}, which is not a character") from None


def is_text(value: object) -> bool:
    """Whether this is a string that an archive can hold: one that it cannot hold is not in it either."""
    try:
        return isinstance(value, str) and b"\x00" not in value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False


def check_number(literal: str, path: str) -> None:
    # Messages tell where a value is and what is wrong with it, not the value.
    shown = literal if literal.isalpha() else f"there ({len(literal)} characters)"
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
    """The number that a string spells as JSON spells numbers; None if it spells none, or one that cannot be kept."""
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
    """The path of a member: ``$.usage``, or ``$["odd key"]`` where the key is no plain name."""
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key)}]"


_TYPES = {b"{": "object", b"[": "array", b'"': "string", b"t": "boolean", b"f": "boolean", b"n": "null"}


def type_name(raw: Raw | bytes) -> str:
    """The JSON type of a text, by its first byte."""
    return _TYPES.get(bytes(raw)[:1], "number")


def expected(kind: str, raw: Raw | bytes, path: str) -> RunRejected:
    """The error for a value of another type than the one that it must have."""
    return RunRejected(path=path, reason=f"expected {kind}, found {type_name(raw)}")
