"""Values of one type: read from their text, one by one with the path of what is wrong, or many at once and fast."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, TypedDict, TypeVar

import msgspec
from msgspec import Meta, Raw

from runstore.errors import RunRejected
from runstore.wire.codec import INT64, canonical, elements, encode, loads, refuse

T = TypeVar("T")

MAX_INDEXED_BYTES = 1024
"""Bytes of UTF-8 in a string that stands in an index: an entry of a PostgreSQL b-tree ends at 2,704."""


def text(raw: bytes, path: str, depth: int = 1) -> tuple[str, bytes] | None:
    """A string and its canonical text."""
    if raw[:1] != b'"':
        return None
    spelled = canonical(raw, path, depth) if b"\\" in raw else raw
    try:
        value: str = loads(spelled)
    except (msgspec.MsgspecError, ValueError) as exc:
        refuse(raw, path, depth, exc)
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
    value = loads(spelled)
    return (value, spelled) if type(value) is int else None


def number(raw: bytes, path: str, depth: int = 1) -> tuple[int | float, bytes] | None:
    """A number and its canonical text."""
    spelled = canonical(raw, path, depth)
    value = loads(spelled)
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
