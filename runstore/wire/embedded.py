"""The JSON values in a string: a single one, several in sequence, or the data of server-sent events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

_BLANKS = " \t\r\n\x1e\ufeff"
_BETWEEN = re.compile(r"[\s,\x1e\ufeff]*+")
_TO_NEXT = re.compile(r'[^\n]*+(?:\n(?![ \t]*+[{\["])[^\n]*+)*+')
_PATIENCE = 4  # to find values in text that is not JSON, at most this many times its length is examined
_DEEP = 1000  # characters counted as examined when a value is nested too deep for the decoder
_LINE = re.compile(r"[^\n]*+")
_FIELD = re.compile(r"(event|data|id|retry)?:[ ]?(.*+)")
_decoded = json.JSONDecoder().raw_decode


def values(content: str, event: str | None) -> Iterator[tuple[bytes, str | None]]:
    """Yield the texts of the objects, arrays and strings in a string, each with the name of its event.

    A string that begins like a sentence yields nothing, even if it quotes JSON. A line that is not JSON does not affect
    other lines.
    """
    content = content.strip(_BLANKS)
    if content[:1] in ("{", "[", '"'):
        for value in _following(content):
            yield value.encode(errors="replace"), event
    elif _FIELD.match(content):
        for name, data in _events(content):
            for value in _following(data):
                yield value.encode(errors="replace"), name or event


def _following(content: str) -> Iterator[str]:
    """Yield the values that follow each other, on separate lines or not."""
    if _is_json(content):
        yield content
        return
    at = spent = 0
    while (at := _after(_BETWEEN, content, at)) < len(content) and spent <= _PATIENCE * len(content):
        if content[at - 1] == "\n" or at == 0:
            line = content[at : _after(_LINE, content, at)].rstrip()
            if _is_json(line):
                yield line
                at += len(line)
                continue
        try:
            _, end = _decoded(content, at)
        except (ValueError, RecursionError) as error:
            spent += max(getattr(error, "pos", at + _DEEP) - at, 1)
            at = _after(_TO_NEXT, content, at)
        else:
            yield content[at:end]
            at = end


def _is_json(content: str) -> bool:
    """Return whether this is one JSON value. The decoded value is not built, since it may need much more memory."""
    try:
        msgspec.json.decode(content.encode(errors="replace"), type=msgspec.Raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError):
        return False
    return True


def _events(content: str) -> Iterator[tuple[str | None, str]]:
    """Yield the name and data of each server-sent event."""
    name: str | None = None
    data: list[str] = []
    for line in (*content.splitlines(), ""):
        if not line.strip():
            yield name, "\n".join(data)
            name, data = None, []
        elif (field := _FIELD.match(line)) is not None:
            if field[1] == "data":
                data.append(field[2])
            elif field[1] == "event":
                name = field[2].strip() or None


def _after(pattern: re.Pattern[str], content: str, at: int) -> int:
    """Return the position after the match of a pattern that matches everywhere."""
    match = pattern.match(content, at)
    return match.end() if match else at
