"""What is a run, and the runs that stand inside other JSON: in pages, envelopes, events and log records.

A record that is not a run itself is searched for runs at any depth. Nothing is searched inside a run, nor inside the
messages and steps of a thread, whose texts may quote anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Raw

from runstore.errors import NotARun, RunRejected
from runstore.statuses import STATUSES
from runstore.wire import codec
from runstore.wire.runs import RUN_NAMES

UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError)
"""What decoders raise."""

_STATUSES = frozenset(STATUSES)

_MEMBERS = (
    *("created_at", "required_action", "last_error", "expires_at", "started_at", "cancelled_at", "failed_at"),
    *("completed_at", "incomplete_details", "model", "instructions", "tools", "file_ids", "metadata", "usage"),
    *("temperature", "top_p", "max_prompt_tokens", "max_completion_tokens", "truncation_strategy", "tool_choice"),
    *("parallel_tool_calls", "response_format"),
)
"""Documented members that say nothing alone, but next to a documented status."""

_OTHERS = (
    *("role", "content", "message", "messages", "choices", "delta", "run_id", "step_details", "level"),
    *("trace_id", "span_id", "run", "runs", "data", "response", "body", "payload"),
)
"""Members that messages, steps, traces, log records and envelopes have and runs have not."""


def _spelled(*names: str) -> frozenset[str]:
    """Names as documented, in camelCase and in PascalCase."""
    words = [(name, name.title().replace("_", "")) for name in names]
    return frozenset(form for name, pascal in words for form in (name, pascal[0].lower() + pascal[1:], pascal))


_OBJECT, _ID, _STATUS = _spelled("object"), _spelled("id"), _spelled("status")
_OWNERS, _DOCUMENTED, _FOREIGN = _spelled("thread_id", "assistant_id"), _spelled(*_MEMBERS), _spelled(*_OTHERS)

SAYS_NOTHING = "object with an id that is not a run"
"""The kind of an object that may be a run, but does not say so."""

NAMELESS = "object "
"""How the kind of what has no name of its own begins."""

SIGNS = frozenset(("event",)) | _OBJECT | _ID | _STATUS | _OWNERS | _DOCUMENTED | _FOREIGN
"""Members that tell whether an object is a run."""

_RUN_NAMES = frozenset((b'"thread.run"', b'"assistant.run"'))
_NO_NAMES = frozenset((b"null", b'""'))
_ENVELOPES = frozenset(("list", "event"))
_PLAIN_NAME = re.compile(r"[\w.:/ -]{1,64}", re.ASCII)
_objects = msgspec.json.Decoder(dict[str, Raw]).decode
_arrays = msgspec.json.Decoder(list[Raw]).decode
_strings = msgspec.json.Decoder(str).decode


_TRACES = (b"hread", b"ssistant", b"tatus", b'"object"', b"\\u")
"""A text that has none of these has no run in it, nor anything with a name; escapes may hide each."""


class Found(NamedTuple):
    """A run, or what stands where a run was looked for."""

    path: str
    raw: bytes
    line: int
    """Newlines before it in what was searched."""
    event: str | None = None
    members: dict[str, Raw] | None = None
    kind: str | None = None
    """What it is, of what is not a run."""
    error: str | None = None
    """Why it cannot be searched."""


def is_run(members: Mapping[str, Raw | bytes], event: str | None = None) -> bool:
    """Whether an object with these members is a run; *event* names the server-sent event it came in.

    It is if its ``object`` is ``thread.run`` or ``assistant.run``. It also is if ``object`` is absent, null or empty
    and it has a string ``id``, none of the members of messages, traces, log records and envelopes, and a thread or
    assistant id or a documented status with another documented member.
    """
    name = members.get("object") or _first(members, _OBJECT)
    if name is not None and bytes(name) not in _NO_NAMES:
        return bytes(name) in _RUN_NAMES or text(name) in RUN_NAMES
    if event is not None and not _may_carry(event):
        return False
    if not members.keys().isdisjoint(_FOREIGN) or not _is_string(_first(members, _ID)):
        return False
    if any(_is_string(members.get(name)) for name in _OWNERS):
        return True
    status = _first(members, _STATUS)
    return status is not None and text(status) in _STATUSES and not members.keys().isdisjoint(_DOCUMENTED)


def may_be_run(raw: bytes) -> bool:
    """Whether an object that somebody hands over as a run may be one: it has an id, and nothing speaks against it."""
    try:
        members = _objects(raw)
    except UNREADABLE:
        return False
    return _first(members, _ID) is not None and not _name(members) and members.keys().isdisjoint(_FOREIGN)


def leaf(members: Mapping[str, Raw | bytes]) -> str | None:
    """The name of an object in which no run is looked for: a message, a step, an assistant, what a stream says."""
    name = _name(members)
    if name is None or name in RUN_NAMES or not _PLAIN_NAME.fullmatch(name):
        return None
    return name if name.startswith(("thread", "assistant")) else None


def not_a_run(kind: str) -> NotARun:
    """The error for what is of this kind."""
    what = f'object is "{kind}"' if not kind.startswith(NAMELESS) else f"it is an {kind}"
    return NotARun(reason=f"it is an event {kind}" if kind.endswith(" event") else what, kind=kind)


def found_in(
    raw: bytes, path: str = "$", event: str | None = None, members: dict[str, Raw] | None = None
) -> list[Found]:
    """The runs in a JSON value: the value itself, or those inside it; where there is none, what the value is instead.

    Objects with a name of their own that stand next to runs, or alone in a page, are told too.
    """
    if members is not None and is_run(members, event):
        return [Found(path, raw, 0, event, members)]
    found = list(_search(raw, path, 0, event, 0))
    return found or [Found(path, raw, 0, event, members, _kind(raw, event))]


def _search(raw: bytes, path: str, line: int, event: str | None, depth: int) -> Iterator[Found]:
    first = raw[:1]
    if depth > codec.MAX_DEPTH or not any(trace in raw for trace in _TRACES):
        return
    if first == b'"':
        inner = _embedded(raw)
        if inner is not None:
            yield from _search(inner, path, line, event, depth + 1)
        return
    try:
        if first == b"[":
            children = [(f"{path}[{at}]", inner) for at, inner in enumerate(_arrays(raw)) if _may_hold(inner)]
        elif first == b"{":
            members = _objects(raw)
            if is_run(members, event):
                yield Found(path, raw, line, event, members)
                return
            children = [(codec.join(path, key), inner) for key, inner in members.items() if _may_hold(inner)]
        else:
            return
    except UNREADABLE:
        return
    if first == b"[":
        yield from _inside(raw, children, line, event, depth)
        return
    if (name := leaf(members)) is not None:
        yield Found(path, raw, line, event, members, name)
        return
    if children:
        try:
            codec.members(raw, path, depth, members)
        except RunRejected as error:  # a key twice: one of the two values would be lost
            yield Found(path, raw, line, event, members, error=f"{error.path}: {error.reason}")
            return
    name = _name(members)
    found = list(_inside(raw, children, line, _event(members) or event, depth))
    if name is not None and name not in _ENVELOPES and all(one.kind for one in found):
        yield Found(path, raw, line, event, members, kind_of(members, event))
    else:
        yield from found


def _inside(raw: bytes, children: list[tuple[str, Raw]], line: int, event: str | None, depth: int) -> Iterator[Found]:
    place, several = 0, b"\n" in raw
    for path, inner in children:
        text = bytes(inner)
        if several:
            found = raw.find(text, place)
            line += raw.count(b"\n", place, found)
            place = found
        yield from _search(text, path, line, event, depth + 1)


def _may_hold(raw: Raw) -> bool:
    """Whether a value may hold an object: a string begins with one then, perhaps after blanks."""
    return bytes(raw)[:1] in b"{[" or (bytes(raw)[:1] == b'"' and any(one in bytes(raw)[1:64] for one in b"{["))


def _embedded(raw: bytes) -> bytes | None:
    """The JSON text that a string holds, if it may hold an object or array."""
    inner = (text(raw) or "").strip(" \t\r\n")
    return inner.encode(errors="replace") if inner.startswith(("{", "[")) else None


def _first(members: Mapping[str, Raw | bytes], names: frozenset[str]) -> Raw | bytes | None:
    return next((members[name] for name in names if name in members), None)


def _is_string(raw: Raw | bytes | None) -> bool:
    return raw is not None and bytes(raw)[:1] == b'"'


def text(raw: Raw | bytes) -> str | None:
    """The string of a JSON text that is one."""
    try:
        return _strings(raw)
    except UNREADABLE:
        return None


def _name(members: Mapping[str, Raw | bytes]) -> str | None:
    raw = _first(members, _OBJECT)
    return (text(raw) or None) if raw is not None else None


def _event(members: Mapping[str, Raw]) -> str | None:
    return text(members["event"]) if "event" in members and "data" in members else None


def _may_carry(event: str) -> bool:
    """Whether an event of this name may carry a run that does not say what it is."""
    return not event.startswith("thread.") or (event.startswith("thread.run.") and ".step" not in event)


def _kind(raw: bytes, event: str | None) -> str | None:
    """What this is, in words for a person and without its values; None for what is not even an object."""
    try:
        members = _objects(raw)
    except UNREADABLE:
        return None
    return kind_of(members, _event(members) or event)


def kind_of(members: Mapping[str, Raw | bytes], event: str | None) -> str:
    """What an object with these members is that is not a run."""
    name = _name(members)
    if name is not None:
        return name if _PLAIN_NAME.fullmatch(name) else "object of another kind"
    if event is not None:
        return f"{event} event" if _PLAIN_NAME.fullmatch(event) else "object of another kind"
    return "object without id" if _first(members, _ID) is None else SAYS_NOTHING
