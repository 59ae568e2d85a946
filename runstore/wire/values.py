"""Values of one type: read one by one, with the path for errors, or many in one pass, which is faster."""

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
"""The maximum length of an indexed string, in UTF-8 bytes. An entry of a PostgreSQL b-tree has at most 2,704 bytes."""


def text(raw: bytes, path: str, depth: int = 1) -> tuple[str, bytes] | None:
    """Return a string and its canonical text."""
    if raw[:1] != b'"':
        return None
    spelled = canonical(raw, path, depth) if b"\\" in raw else raw
    try:
        value: str = loads(spelled)
    except (msgspec.MsgspecError, ValueError) as exc:
        refuse(raw, path, depth, exc)
    return value, spelled


def indexed(raw: bytes, path: str, depth: int = 1) -> tuple[str, bytes] | None:
    """Return an indexed string and its canonical text. Refuse more than :data:`MAX_INDEXED_BYTES`."""
    if (found := text(raw, path, depth)) is None:
        return None
    value, spelled = found
    if len(spelled) - 2 > MAX_INDEXED_BYTES and (size := len(value.encode())) > MAX_INDEXED_BYTES:
        reason = f"is {size} bytes long, but an indexed string has at most {MAX_INDEXED_BYTES}"
        raise RunRejected(path=path, reason=reason)
    return found


def integer(raw: bytes, path: str, depth: int = 1) -> tuple[int, bytes] | None:
    """Return a 64-bit integer (also spelled ``1.0``) and its canonical text."""
    if raw.isdigit() and len(raw) < 19:
        return int(raw), raw
    spelled = canonical(raw, path, depth)
    value = loads(spelled)
    return (value, spelled) if type(value) is int else None


def number(raw: bytes, path: str, depth: int = 1) -> tuple[int | float, bytes] | None:
    """Return a number and its canonical text."""
    spelled = canonical(raw, path, depth)
    value = loads(spelled)
    return (value, spelled) if type(value) is int or type(value) is float else None


def boolean(raw: bytes, path: str, depth: int = 1) -> tuple[bool, bytes] | None:
    """Return a boolean and its canonical text."""
    return (raw == b"true", raw) if raw in (b"true", b"false") else None


def strings(raw: bytes, path: str, depth: int = 1) -> tuple[list[str], bytes] | None:
    """Return a list of indexed strings and its canonical text."""
    if raw[:1] != b"[":
        return None
    found = []
    for position, inner in enumerate(elements(raw, path)):
        if (each := indexed(bytes(inner), f"{path}[{position}]", depth + 1)) is None:
            return None
        found.append(each)
    return [value for value, _ in found], b"[" + b",".join([spelled for _, spelled in found]) + b"]"


def document(raw: bytes, path: str, depth: int = 1) -> tuple[str, bytes] | None:
    """Return the canonical text of an object, as a string and as bytes."""
    if raw[:1] != b"{":
        return None
    spelled = canonical(raw, path, depth)
    return spelled.decode(), spelled


Reader = Callable[[bytes, str, int], tuple[Any, bytes] | None]
"""One of the functions above. It takes text, path and depth, and returns the value and its canonical text.

It returns None for a value of another type, and raises :class:`RunRejected` for a value that cannot be stored. Null is
never passed to it.
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
"""The type of nearly all values that a reader accepts."""


def at_once(readers: tuple[Reader, ...], raws: Sequence[Raw]) -> Sequence[Any] | None:
    """Return what these readers would return for these texts (None for null), decoded together and much faster.

    Returns None if the result might differ or if a reader would refuse a value; then read them one by one.
    """
    text = b"[" + b",".join(raws) + b"]"
    decode, floats, documents = _decoder(readers)
    if (values := _exactly(decode, text)) is None:
        return None
    for place in floats:  # the canonical spelling of 1.0 is 1
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
    """Return a function that decodes, in the same way, an object with only these members.

    The function returns None if the result might differ, and always if the members include numbers or documents.
    """
    if {number, document} & set(readers.values()):
        return lambda raw: None
    types: dict[str, Any] = {key: _AT_ONCE[reader] | None for key, reader in readers.items()}
    decode = msgspec.json.Decoder(TypedDict("_", types, total=False)).decode  # type: ignore[operator]
    return lambda raw: _exactly(decode, raw)


def _exactly(decode: Callable[[bytes], T], text: bytes) -> T | None:
    """Return the decoded text if it has no escapes and encodes to the same bytes, else None."""
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
    decode = msgspec.json.Decoder(tuple[types]).decode  # type: ignore[valid-type]  # built at run time
    return decode, floats, documents
