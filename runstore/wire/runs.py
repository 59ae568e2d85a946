"""A run as somebody hands it over: JSON text, a mapping, or an object of an SDK."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Raw

from runstore.errors import NotARun, RunRejected
from runstore.wire.codec import INT64, MAX_DEPTH, check_number, check_string, encode, examine, expected, join, members
from runstore.wire.values import text

MAX_VALUES = 200_000
"""Members and elements in a run, at all levels: decoded, each takes up to a hundred times the memory of its text."""

RUN_NAMES = ("thread.run", "assistant.run")
"""What ``object`` is in a run; ``assistant.run`` was sent for two days in November 2023."""

RUN_OBJECTS = (*RUN_NAMES, "", None)
"""The same, and what servers send that do not say it."""

_RUN_OBJECTS = frozenset(map(encode, RUN_OBJECTS))
"""As they are nearly always spelled."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


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
        check_number(literal, path)
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
