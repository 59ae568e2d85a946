"""A run as the caller passes it: JSON text, a mapping, or an SDK object."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import isfinite
from typing import Any

from msgspec import Raw

from runstore.errors import NotARun, RunRejected
from runstore.wire.codec import INT64, MAX_DEPTH, check_number, check_string, encode, examine, expected, join, members
from runstore.wire.values import text

MAX_VALUES = 200_000
"""The maximum number of members and elements in a run. Decoded, each needs up to a hundred times its text's memory."""

RUN_NAMES = ("thread.run", "assistant.run")
"""The values of ``object`` in a run; ``assistant.run`` was sent for two days in November 2023."""

RUN_OBJECTS = (*RUN_NAMES, "", None)
"""These values, and those of servers that do not mark runs."""

_RUN_OBJECTS = frozenset(map(encode, RUN_OBJECTS))
"""The usual spellings of these values."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


def run_members(raw: bytes | str, decoded: dict[str, Raw] | None = None) -> dict[str, Raw]:
    """Return the members of a run object, given its JSON text (and optionally the decoded text, as in :func:`members`).

    Raises :class:`NotARun` for another kind of object, and :class:`RunRejected` for a value that is not an object, has
    no string ``id``, or has a duplicate key.
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
    """Return the JSON text of a mapping, or of an object of the ``openai`` or ``azure-ai-agents`` SDK.

    Keys that the response did not contain stay absent. Raises :class:`RunRejected` for values that have no exact JSON
    form (NaN, dates, decimals, keys that are not strings) and for objects that raise while they are read.
    """
    if not isinstance(value, Mapping):
        with _read("$"):
            value = _of_sdk(value) or value
    if _is_event(value):
        value = {"event": str(getattr(value[0], "value", value[0])), "data": value[1]}
    if not isinstance(value, Mapping):
        raise RunRejected(path="$", reason=f"expected a run object, found {type(value).__name__}")
    with suppress(RuntimeError, UnicodeEncodeError):  # another thread changes it, or it has a lone surrogate
        if _is_plain(value, 0) and _NUL not in (text := encode(value)):
            return text
    return encode(_plain(value, "$", 0))


_NUL = b"\\u0000"


def _is_plain(value: Any, depth: int) -> bool:
    """Return whether a value consists only of what JSON text is decoded to. Most do; this is eight times as fast as
    :func:`_plain`, which finds the place of what does not.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is dict:
        return depth < MAX_DEPTH and all(
            type(key) is str and (type(inner) is str or _is_plain(inner, depth + 1)) for key, inner in value.items()
        )
    if kind is list:
        return depth < MAX_DEPTH and all(type(inner) is str or _is_plain(inner, depth + 1) for inner in value)
    return value in INT64 if kind is int else kind is float and isfinite(value)


@contextmanager
def _read(path: str) -> Iterator[None]:
    """Reject the run if reading the caller's object raises anything; other runs are not affected."""
    try:
        yield
    except (RunRejected, MemoryError):
        raise
    except Exception as error:
        raise RunRejected(path=path, reason=f"cannot be read: {type(error).__name__}") from error


def is_sdk_run(value: Any) -> bool:
    """Return whether this is a single SDK object rather than a page or stream of them."""
    return callable(getattr(value, "to_dict", None)) and not hasattr(value, "iter_pages")


def _of_sdk(value: Any) -> Any:
    """Return the JSON form of an object of the ``openai`` SDK, whose models are pydantic models, or None.

    The models of ``azure-ai-agents`` are mappings.
    """
    if isinstance(value, type) or not callable(to_wire := getattr(value, "to_dict", None)):
        return None
    return to_wire(mode="json", use_api_names=True, exclude_unset=True, warnings=False)


def _is_event(value: Any) -> bool:
    """Return whether this is an item of an ``azure-ai-agents`` stream: event name, data, and the handler's result."""
    return isinstance(value, tuple) and len(value) == 3 and isinstance(value[0], str)


def _beyond_64_bits(value: int, path: str) -> float:
    """Return the double for an integer that exceeds 64 bits. The same exactness is required as for one in JSON text."""
    try:
        literal = str(value)
        check_number(literal, path)
        return float(value)
    except ValueError:  # Python refuses to convert it to a string
        digits = value.bit_length() * 30103 // 100000
        reason = f"neither a 64-bit integer nor a double equals the number of about {digits} digits"
        raise RunRejected(path=path, reason=reason) from None


def _plain(value: Any, path: str, depth: int) -> Any:
    """Return *value* with mappings as dicts and sequences as lists. Raises :class:`RunRejected`."""
    # Instances of subclasses (enums, NumPy floats) become the plain type, since msgspec encodes only that.
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        number = int.__int__(value)  # with a subclass, range would compare each of its elements
        return number if number in INT64 else _beyond_64_bits(number, path)
    if isinstance(value, float):
        if not abs(value) < float("inf"):
            raise RunRejected(path=path, reason=f"{value} is not a JSON number")
        return float.__float__(value)
    if isinstance(value, str):
        check_string(value, path)
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
            check_string(name, place)
            if name in plain:
                raise RunRejected(path=place, reason="the key occurs twice in its object")
            plain[name] = _plain(inner, place, depth + 1)
        return plain
    if isinstance(value, list | tuple):
        with _read(path):
            elements = list(value)
        return [_plain(inner, f"{path}[{position}]", depth + 1) for position, inner in enumerate(elements)]
    with _read(path):
        on_wire = _of_sdk(value)
    if on_wire is not None:  # dict(run) does not convert nested SDK objects
        return _plain(on_wire, path, depth)
    raise RunRejected(path=path, reason=f"{type(value).__name__} is not a JSON type")
