"""The run as it travels: JSON text in, canonical text out, and the checks that refuse what an archive cannot keep.

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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated, Any, NoReturn, TypedDict, TypeVar

import msgspec
from msgspec import Meta, Raw

from runstore.errors import NotARun, RunRejected

T = TypeVar("T")

MAX_DEPTH = 200
"""Levels of objects and arrays in a run, the run itself being the first."""

MAX_INDEXED_BYTES = 1024
"""Bytes of UTF-8 in a string that stands in an index: an entry of a PostgreSQL b-tree ends at 2,704."""

MAX_VALUES = 200_000
"""Members and elements in a run, at all levels: decoded, each takes up to a hundred times the memory of its text."""

RUN_NAMES = ("thread.run", "assistant.run")
"""What ``object`` is in a run; ``assistant.run`` was sent for two days in November 2023."""

RUN_OBJECTS = (*RUN_NAMES, "", None)
"""The same, and what servers send that do not say it."""

MOST_KEYS = 100
"""Keys of an object beyond which nothing is remembered of them: no run has so many, and memory is to stay bounded."""

INT64 = range(-(2**63), 2**63)

encode = msgspec.json.Encoder().encode
"""Compact JSON bytes of plain Python values."""

_RUN_OBJECTS = frozenset(map(encode, RUN_OBJECTS))
"""As they are nearly always spelled."""


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


_values = msgspec.json.Decoder(float_hook=_float)
_objects = msgspec.json.Decoder(dict[str, Raw])
_arrays = msgspec.json.Decoder(list[Raw])

_LONG_INTEGER = re.compile(rb"\d{19}")
_NUL = b"\\u0000"
_SMALL_BYTES = 64
_small: dict[bytes, bytes] = {}
"""Canonical texts of small values, for the same numbers and empty objects come in most runs. None nests deep."""
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


# --- texts -----------------------------------------------------------------------------------------------------------


def loads(text: bytes | str) -> Any:
    """Plain Python values of canonical text."""
    return _values.decode(text)


def canonical(raw: Raw | bytes, path: str, depth: int = 1) -> bytes:
    """The canonical text of one JSON value.

    *path* names the value in messages, *depth* is the number of objects and arrays around it.
    Raises :class:`RunRejected` with the path of whatever cannot be kept.
    """
    raw = bytes(raw)
    if (known := _small.get(raw)) is not None:
        return known
    try:
        text = encode(_values.decode(raw))
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        _refuse(raw, path, depth, exc)
    if _LONG_INTEGER.search(text):  # it may be one that only a double equals: 100000000000000000000 is 1e20
        examine(raw, path, depth)
        text = encode(_as_doubles(_values.decode(raw)))
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
        _refuse(text, path, depth, exc)
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
        _refuse(raw, path, 1, exc)


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


def _refuse(raw: bytes, path: str, depth: int, cause: Exception) -> NoReturn:
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
        _check_number(value, path)
    elif isinstance(value, str):
        _check_string(value, path)
    elif isinstance(value, _Pairs):
        seen = set()
        for key, inner in value:
            place = join(path, key)
            if key in seen:
                raise RunRejected(path=place, reason="the key stands twice in its object")
            seen.add(key)
            _check_string(key, place)
            _walk(inner, place)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            _walk(inner, f"{path}[{position}]")


def _check_string(value: str, path: str) -> None:
    if "\x00" in value:
        raise RunRejected(path=path, reason="has the character U+0000, which PostgreSQL cannot keep")
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        code = ord(value[exc.start])
        raise RunRejected(path=path, reason=f"has the lone surrogate U+{code:04X}, which is no character") from None


def is_text(value: object) -> bool:
    """Whether this is a string that an archive can hold: one that it cannot hold is not in it either."""
    try:
        return isinstance(value, str) and b"\x00" not in value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False


def _check_number(literal: str, path: str) -> None:
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


# --- values of one type ----------------------------------------------------------------------------------------------

_TYPES = {b"{": "object", b"[": "array", b'"': "string", b"t": "boolean", b"f": "boolean", b"n": "null"}


def type_name(raw: Raw | bytes) -> str:
    """The JSON type of a text, by its first byte."""
    return _TYPES.get(bytes(raw)[:1], "number")


def expected(kind: str, raw: Raw | bytes, path: str) -> RunRejected:
    """The error for a value of another type than the one that it must have."""
    return RunRejected(path=path, reason=f"expected {kind}, found {type_name(raw)}")


def text(raw: bytes, path: str, depth: int = 1) -> tuple[str, bytes] | None:
    """A string and its canonical text."""
    if raw[:1] != b'"':
        return None
    spelled = canonical(raw, path, depth) if b"\\" in raw else raw
    try:
        value: str = _values.decode(spelled)
    except (msgspec.MsgspecError, ValueError) as exc:
        _refuse(raw, path, depth, exc)
    return value, spelled


def indexed(raw: bytes, path: str, depth: int = 1) -> tuple[str, bytes] | None:
    """A string that stands in an index, and its canonical text; refused beyond :data:`MAX_INDEXED_BYTES`."""
    if (found := text(raw, path, depth)) is None:
        return None
    value, spelled = found
    if len(spelled) - 2 > MAX_INDEXED_BYTES and (size := len(value.encode())) > MAX_INDEXED_BYTES:
        raise RunRejected(path=path, reason=f"is {size} bytes long, an indexed string has at most {MAX_INDEXED_BYTES}")
    return found


def integer(raw: bytes, path: str, depth: int = 1) -> tuple[int, bytes] | None:
    """A 64-bit integer (also spelled ``1.0``) and its canonical text."""
    if raw.isdigit() and len(raw) < 19:
        return int(raw), raw
    spelled = canonical(raw, path, depth)
    value = _values.decode(spelled)
    return (value, spelled) if type(value) is int else None


def number(raw: bytes, path: str, depth: int = 1) -> tuple[int | float, bytes] | None:
    """A number and its canonical text."""
    spelled = canonical(raw, path, depth)
    value = _values.decode(spelled)
    return (value, spelled) if type(value) is int or type(value) is float else None


def boolean(raw: bytes, path: str, depth: int = 1) -> tuple[bool, bytes] | None:
    """A boolean and its canonical text."""
    return (raw == b"true", raw) if raw in (b"true", b"false") else None


def strings(raw: bytes, path: str, depth: int = 1) -> tuple[list[str], bytes] | None:
    """A list of strings that stand in an index, and its canonical text."""
    if raw[:1] != b"[":
        return None
    found = []
    for position, inner in enumerate(elements(raw, path)):
        if (each := indexed(bytes(inner), f"{path}[{position}]", depth + 1)) is None:
            return None
        found.append(each)
    return [value for value, _ in found], b"[" + b",".join([spelled for _, spelled in found]) + b"]"


def document(raw: bytes, path: str, depth: int = 1) -> tuple[str, bytes] | None:
    """An object as its canonical text, twice."""
    if raw[:1] != b"{":
        return None
    spelled = canonical(raw, path, depth)
    return spelled.decode(), spelled


Reader = Callable[[bytes, str, int], tuple[Any, bytes] | None]
"""One of the functions above: text, path and depth to value and canonical text, None for a value of another type.

All raise :class:`RunRejected` for what cannot be kept; null is not for them.
"""

_INTEGER = Annotated[int, Meta(ge=INT64[0], le=INT64[-1])]
_INDEXED = Annotated[str, Meta(max_length=MAX_INDEXED_BYTES // len("\U0010ffff".encode()))]
_AT_ONCE: dict[Reader, Any] = {
    text: str,
    indexed: _INDEXED,
    integer: _INTEGER,
    number: _INTEGER | float,
    boolean: bool,
    strings: list[_INDEXED],
    document: dict[str, str | _INTEGER | bool | None],
}
"""Reader -> the type of nearly all values it reads."""


def at_once(readers: tuple[Reader, ...], raws: Sequence[Raw]) -> Sequence[Any] | None:
    """What these readers would make of these texts (None of null), decoded together, which is several times as fast.

    None where that is not certain to be the same, or where one of them would refuse: then read one by one.
    """
    text = b"[" + b",".join(raws) + b"]"
    decode, floats, documents = _decoder(readers)
    if (values := _exactly(decode, text)) is None:
        return None
    for place in floats:  # 1.0 is spelled 1
        value = values[place]
        if type(value) is float and value.is_integer():
            return None
    if documents:
        values = [*values]
        for place in documents:
            if values[place] is not None:
                values[place] = str(raws[place], "utf-8")
    return values


def object_at_once(readers: Mapping[str, Reader]) -> Callable[[bytes], dict[str, Any] | None]:
    """Makes a function that decodes an object with no other members than these in the same way.

    It gives None where that is not certain: always, if there are numbers or documents among them.
    """
    if {number, document} & set(readers.values()):
        return lambda raw: None
    types: dict[str, Any] = {key: _AT_ONCE[reader] | None for key, reader in readers.items()}
    decode = msgspec.json.Decoder(TypedDict("_", types, total=False)).decode  # type: ignore[operator]
    return lambda raw: _exactly(decode, raw)


def _exactly(decode: Callable[[bytes], T], text: bytes) -> T | None:
    """What is decoded of a text in which nothing is escaped, if it encodes to the very same text; else None."""
    try:
        values = decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return values if encode(values) == text and b"\\" not in text else None


@lru_cache(maxsize=4096)
def _decoder(
    readers: tuple[Reader, ...],
) -> tuple[Callable[[bytes], Sequence[Any]], tuple[int, ...], tuple[int, ...]]:
    types = tuple(_AT_ONCE[reader] | None for reader in readers)
    floats = tuple(place for place, reader in enumerate(readers) if reader is number)
    documents = tuple(place for place, reader in enumerate(readers) if reader is document)
    decode = msgspec.json.Decoder(tuple[types]).decode  # type: ignore[valid-type]  # made at run time
    return decode, floats, documents


# --- runs ------------------------------------------------------------------------------------------------------------


def run_members(raw: bytes | str, decoded: dict[str, Raw] | None = None) -> dict[str, Raw]:
    """The members of a run object, given its JSON text (and what the decoder made of it, as in :func:`members`).

    Raises :class:`NotARun` for an object of another kind and :class:`RunRejected` for what is no object, has no
    string ``id`` or a key twice.
    """
    if isinstance(raw, str):
        try:
            raw = raw.encode()
        except UnicodeEncodeError as exc:
            raise RunRejected(path="$", reason=f"has a lone surrogate at character {exc.start}") from None
    raw = raw.strip(b" \t\r\n")
    if raw[:1] != b"{":
        if not raw:
            raise RunRejected(path="$", reason="is empty, expected a run object")
        examine(raw, "$")
        raise expected("a run object", raw, "$")
    if len(raw) > 2 * MAX_VALUES and raw.count(b",") >= MAX_VALUES and _STRING.sub(b"", raw).count(b",") >= MAX_VALUES:
        raise RunRejected(path="$", reason=f"has more than {MAX_VALUES:,} members and elements")
    found = members(raw, "$", decoded=decoded)
    kind = bytes(found["object"] if "object" in found else found.get("Object", b"null"))
    if kind not in _RUN_OBJECTS:
        if (name := text(kind, "$.object")) is None:
            raise expected("a string", kind, "$.object")
        if name[0] not in RUN_OBJECTS:
            raise NotARun(reason=f'object is "{name[0]}"')
    if "id" not in found and "Id" not in found:
        if kind not in (b"null", b'""'):
            raise RunRejected(path="$.id", reason="is missing")
        raise NotARun(reason="it has neither an id nor an object name")
    return found


def from_python(value: Any) -> bytes:
    """JSON text of a run given as a mapping, or as an object of the ``openai`` or ``azure-ai-agents`` SDK.

    Keys that were absent on the wire stay absent. Raises :class:`RunRejected` for values JSON has no exact form for
    (NaN, dates, decimals, keys that are no strings) and for objects that fail when they are read.
    """
    if not isinstance(value, Mapping):
        with _read("$"):
            value = _of_sdk(value) or value
    if _is_event(value):
        value = {"event": str(getattr(value[0], "value", value[0])), "data": value[1]}
    if not isinstance(value, Mapping):
        raise RunRejected(path="$", reason=f"expected a run object, found {type(value).__name__}")
    return encode(_plain(value, "$", 0))


@contextmanager
def _read(path: str) -> Iterator[None]:
    """Reading what belongs to the caller, whose code may fail in any way: that run is rejected, no other one."""
    try:
        yield
    except (RunRejected, MemoryError):
        raise
    except Exception as error:
        raise RunRejected(path=path, reason=f"cannot be read: {type(error).__name__}") from error


def is_sdk_run(value: Any) -> bool:
    """Whether this is one object of an SDK, and not a page or stream of them."""
    return callable(getattr(value, "to_dict", None)) and not hasattr(value, "iter_pages")


def _of_sdk(value: Any) -> Any:
    """What stands on the wire for an object of openai's SDK, whose models are pydantic's; None for anything else.

    The models of azure-ai-agents are mappings.
    """
    if isinstance(value, type) or not callable(to_wire := getattr(value, "to_dict", None)):
        return None
    return to_wire(mode="json", use_api_names=True, exclude_unset=True, warnings=False)


def _is_event(value: Any) -> bool:
    """Whether this is what the streams of azure-ai-agents give: name, data, and what the caller's handler answered."""
    return isinstance(value, tuple) and len(value) == 3 and isinstance(value[0], str)


def _beyond_64_bits(value: int, path: str) -> float:
    """The double that equals an integer as exactly as one in a JSON text would have to."""
    try:
        literal = str(value)
        _check_number(literal, path)
        return float(value)
    except ValueError:  # Python does not spell it
        digits = value.bit_length() * 30103 // 100000
        reason = f"neither a 64-bit integer nor a double equals the number there (about {digits} digits)"
        raise RunRejected(path=path, reason=reason) from None


def _plain(value: Any, path: str, depth: int) -> Any:
    """*value* with mappings as dicts and sequences as lists, or :class:`RunRejected`."""
    # Subclasses (enums, numpy's floats) become the plain type, which is all that msgspec encodes.
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        number = int.__int__(value)  # of a subclass a range would look at each of its elements
        return number if number in INT64 else _beyond_64_bits(number, path)
    if isinstance(value, float):
        if not abs(value) < float("inf"):
            raise RunRejected(path=path, reason=f"{value} is no JSON number")
        return float.__float__(value)
    if isinstance(value, str):
        _check_string(value, path)
        return str.__str__(value)
    if depth >= MAX_DEPTH:
        raise RunRejected(path="$", reason=f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        with _read(path):
            members = list(value.items())
        plain = {}
        for key, inner in members:
            if not isinstance(key, str):
                raise RunRejected(path=path, reason=f"has a key of type {type(key).__name__}, expected a string")
            name = str.__str__(key)
            place = join(path, name)
            _check_string(name, place)
            if name in plain:
                raise RunRejected(path=place, reason="the key stands twice in its object")
            plain[name] = _plain(inner, place, depth + 1)
        return plain
    if isinstance(value, list | tuple):
        with _read(path):
            elements = list(value)
        return [_plain(inner, f"{path}[{position}]", depth + 1) for position, inner in enumerate(elements)]
    with _read(path):
        on_wire = _of_sdk(value)
    if on_wire is not None:  # dict(run) leaves the objects within as they are
        return _plain(on_wire, path, depth)
    raise RunRejected(path=path, reason=f"{type(value).__name__} is no JSON type")
