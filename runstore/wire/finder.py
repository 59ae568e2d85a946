"""Recognize runs, and find runs inside other JSON: in pages, envelopes, events and log records.

A record that is not itself a run is searched for runs at any depth. The search does not descend into runs, nor into
messages, steps, and answers of models, whose texts may quote anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Raw

from runstore.errors import NotARun, RunRejected
from runstore.statuses import STATUSES
from runstore.wire import codec, embedded
from runstore.wire.runs import RUN_NAMES

UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError)
"""The exceptions that decoders raise."""

_STATUSES = frozenset(STATUSES)

_RARE = (
    *("required_action", "last_error", "incomplete_details", "max_prompt_tokens", "max_completion_tokens"),
    *("truncation_strategy", "parallel_tool_calls"),
)
"""Documented members that few other objects have."""

_COMMON = (
    *("model", "instructions", "tools", "file_ids", "metadata", "usage", "temperature", "top_p", "tool_choice"),
    "response_format",
)
"""Documented members that many other objects have. They count only if an object has no members of its own."""

_TIMES = ("created_at", "expires_at", "started_at", "cancelled_at", "failed_at", "completed_at")
"""Documented members that every task and job has. They do not count."""

_SENT = ("tool_resources", "reasoning_effort")
"""Members that the API sends without documenting them. They do not count either."""

_OTHERS = (
    *("role", "content", "message", "messages", "choices", "delta", "run_id", "step_details", "level"),
    *("trace_id", "span_id", "run", "runs", "data", "response", "body", "payload"),
    *("attachments", "vector_store_id", "previous_response_id", "max_output_tokens", "output"),
    *("subject", "label_ids", "run_type", "kwargs"),
)
"""Members that messages, steps, traces, tickets, responses, log records and envelopes have, but runs do not."""

_LEAVES = (
    *("thread.message", "thread.message.delta", "thread.run.step", "thread.run.step.delta"),
    *("assistant", "assistant.deleted"),
    *("chat.completion", "chat.completion.chunk", "text_completion", "response", "response.compaction"),
    *("realtime.item", "realtime.response"),
)
"""Objects that contain no run, and whose texts may quote one."""

_SPEAKERS, _SPOKEN = ("role", "author", "sender"), ("content", "parts", "tool_calls")
"""A message of a chat has one of each, or else one of :data:`_SAID` and a ``type`` that is one of :data:`_SPEAKING`."""

_SPEAKING = frozenset(("user", "human", "assistant", "ai", "system", "developer", "tool", "message"))
_SAID = ("content", "text")

_CALLS, _RETURNED = ("tool_call_id", "tool_use_id", "call_id"), ("output", "content", "result", "arguments", "input")
"""A call of a tool, or what it returned, has one of each."""


def _spelled(*names: str) -> frozenset[str]:
    """Return the names as documented, in camelCase and in PascalCase."""
    words = [(name, name.title().replace("_", "")) for name in names]
    return frozenset(form for name, pascal in words for form in (name, pascal[0].lower() + pascal[1:], pascal))


_OBJECT, _ID, _STATUS = _spelled("object"), _spelled("id"), _spelled("status")
_THREAD, _ASSISTANT, _LAST_ERROR = _spelled("thread_id"), _spelled("assistant_id"), _spelled("last_error")
_SPECIAL, _GENERAL, _FOREIGN = _spelled(*_RARE) - _LAST_ERROR, _spelled(*_COMMON), _spelled(*_OTHERS)

DOCUMENTED = _OBJECT | _ID | _STATUS | _THREAD | _ASSISTANT | _spelled(*_RARE, *_COMMON, *_TIMES, *_SENT)
"""The members of runs. In any other member, an object that only looks like a run may contain a run."""

SETTLED = DOCUMENTED | _FOREIGN
"""Members in which no run needs to be looked for: with those of other objects, an object does not look like a run."""

SAYS_NOTHING = "object with an id that is not a run"
"""The kind of an object that may be a run but is not marked as one."""

NAMELESS = "object "
"""The start of the kind of an object that has no name of its own."""

OF_A_CHAT = "object of a chat"
"""The kind of a message, or of the call of a tool, that has no name of its own."""

SIGNS = frozenset(("event", "type", *_SPEAKERS, *_SPOKEN, *_SAID, *_CALLS, *_RETURNED)) | DOCUMENTED | _FOREIGN
"""Members that help to decide whether an object is a run."""

OTHER = ""
"""A placeholder for all other members, if not all of them are kept."""

_PREFIX = b'"run_'
_RUN_NAMES = frozenset((b'"thread.run"', b'"assistant.run"'))
_NO_NAMES = frozenset((b"null", b'""'))
_ENVELOPES = frozenset(("list", "event"))
_PLAIN_NAME = re.compile(r"[\w.:/ -]{1,64}", re.ASCII)
_objects = msgspec.json.Decoder(dict[str, Raw]).decode
_arrays = msgspec.json.Decoder(list[Raw]).decode
_strings = msgspec.json.Decoder(str).decode


_TRACES = (b"hread", b"ssistant", b"tatus", b'"object"', b"\\u")
"""A text with none of these contains neither a run nor any named object; escapes may hide each of them."""


_QUOTES = (b"thread.run", b"assistant.run", b"\\u")
"""A text with none of these contains no object that is marked as a run."""

HOLDS_A_RUN = _QUOTES[0]
"""A placeholder for the value of a member that contains, or seems to contain, an object marked as a run."""


class Found(NamedTuple):
    """A run, or the object that was found where a run was expected."""

    path: str
    raw: bytes
    line: int
    """The number of newlines before it in the searched text."""
    event: str | None = None
    members: dict[str, Raw] | None = None
    kind: str | None = None
    """The kind of an object that is not a run."""
    error: str | None = None
    """The reason why it cannot be searched."""


def is_run(members: Mapping[str, Raw | bytes], event: str | None = None) -> bool:
    """Return whether an object with these members is definitely a run; *event* is the name of its server-sent event.

    It is a run if its ``object`` is ``thread.run`` or ``assistant.run``, or if it looks like a run and no object inside
    it can be marked as one.
    """
    name = members.get("object") or _first(members, _OBJECT)
    if name is not None and bytes(name) not in _NO_NAMES:
        return bytes(name) in _RUN_NAMES or text(name) in RUN_NAMES
    return _looks_like_run(members, event) and not any(
        key not in DOCUMENTED and seems_to_hold_run(inner) for key, inner in members.items()
    )


def says_it_is_run(members: Mapping[str, Raw | bytes]) -> bool:
    """Return whether an object is marked as a run by its ``object`` member."""
    return _name(members) in RUN_NAMES


def seems_to_hold_run(raw: Raw | bytes) -> bool:
    """Return whether a value may contain an object marked as a run. The test is quick; in doubt it returns True."""
    content = bytes(raw)
    return any(quote in content for quote in _QUOTES)


def _looks_like_run(members: Mapping[str, Raw | bytes], event: str | None) -> bool:
    """Return whether an object without a name has the characteristics of a run.

    These are a string ``id``, no member of messages, traces, log records or envelopes, something that only runs of this
    API have (a thread, an assistant, an event, the beginning of the id), and two signs: emails have thread ids too, and
    tasks have a status. An object with members of its own may be, for example, a phone call, which has an assistant and
    a status, so it needs one more.
    """
    if event is not None and not _may_carry(event):
        return False
    run_id = _first(members, _ID)
    if run_id is None or not _is_string(run_id) or not members.keys().isdisjoint(_FOREIGN):
        return False
    is_named, is_carried = bytes(run_id).startswith(_PREFIX), event is not None and event.startswith("thread.run.")
    belongs = _is_string(_first(members, _THREAD)) + _is_string(_first(members, _ASSISTANT)) + is_carried
    if not belongs and not is_named:
        return False
    status, error = _first(members, _STATUS), _first(members, _LAST_ERROR)
    has_status = status is not None and text(status) in _STATUSES
    # The last error of a queued job is a string or null.
    is_special = not members.keys().isdisjoint(_SPECIAL) or (error is not None and bytes(error)[:1] == b"{")
    is_plain = members.keys() <= DOCUMENTED
    signs = belongs + has_status + (is_special or (is_plain and not members.keys().isdisjoint(_GENERAL)))
    return signs > (1 if is_plain or is_special or is_named or is_carried else 2)


def may_be_run(raw: bytes) -> bool:
    """Return whether an object passed as a run may be one: it has an id, and nothing contradicts that."""
    try:
        members = _objects(raw)
    except UNREADABLE:
        return False
    return _first(members, _ID) is not None and not _name(members) and members.keys().isdisjoint(_FOREIGN)


def leaf(members: Mapping[str, Raw | bytes]) -> str | None:
    """Return the kind of an object that is not searched for runs (a message, a step, an answer), else None."""
    name = _name(members)
    if name in _LEAVES:
        return name
    return (name or OF_A_CHAT) if name not in _ENVELOPES and _is_of_a_chat(members) else None


def _is_of_a_chat(members: Mapping[str, Raw | bytes]) -> bool:
    """Return whether an object is a message of a chat, the call of a tool, or the result of one."""
    keys = members.keys()
    if not keys.isdisjoint(_SPEAKERS):
        return not keys.isdisjoint(_SPOKEN)
    if not keys.isdisjoint(_CALLS):
        return not keys.isdisjoint(_RETURNED)
    return "type" in keys and not keys.isdisjoint(_SAID) and text(members["type"]) in _SPEAKING


def not_a_run(kind: str) -> NotARun:
    """Return the error for an object of this kind."""
    what = f'object is "{kind}"' if not kind.startswith(NAMELESS) else f"it is an {kind}"
    return NotARun(reason=f"it is an event {kind}" if kind.endswith(" event") else what, kind=kind)


def found_in(
    raw: bytes, path: str = "$", event: str | None = None, members: dict[str, Raw] | None = None
) -> list[Found]:
    """Return the runs in a JSON value: the value itself, or those inside it. If there are none, return what it is.

    Named objects next to runs, or alone in a page, are returned too.
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
        values = list(embedded.values(text(raw) or "", event))
        for at, (inner, name) in enumerate(values):
            yield from _search(inner, f"{path}[{at}]" if len(values) > 1 else path, line, name, depth + 1)
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
        for _, one in _inside(raw, children, line, event, depth):
            yield one
        return
    if (kind := leaf(members)) is not None:
        if kind != OF_A_CHAT:  # an export of chats is one record, not as many as it has messages
            yield Found(path, raw, line, event, members, kind)
        return
    name = _name(members)
    doubtful = name is None and _looks_like_run(members, event)
    if children and not doubtful:
        try:
            codec.members(raw, path, depth, members)
        except RunRejected as error:  # a duplicate key: one of the two values would be lost
            yield Found(path, raw, line, event, members, error=f"{error.path}: {error.reason}")
            return
    inside = list(_inside(raw, children, line, _event(members) or event, depth))
    if doubtful:
        ours = {codec.join(path, key) for key in members.keys() & DOCUMENTED}
        if not any(place not in ours and one.members and says_it_is_run(one.members) for place, one in inside):
            yield Found(path, raw, line, event, members)
            return
    if name is not None and name not in _ENVELOPES and all(one.kind for _, one in inside):
        yield Found(path, raw, line, event, members, kind_of(members, event))
    else:
        for _, one in inside:
            yield one


def _inside(
    raw: bytes, children: list[tuple[str, Raw]], line: int, event: str | None, depth: int
) -> Iterator[tuple[str, Found]]:
    """Yield what is found in each child, with the path of the child."""
    place, several = 0, b"\n" in raw
    for path, inner in children:
        content = bytes(inner)
        if several:
            found = raw.find(content, place)
            line += raw.count(b"\n", place, found)
            place = found
        for one in _search(content, path, line, event, depth + 1):
            yield path, one


def _may_hold(raw: Raw) -> bool:
    """Return whether a value may contain an object; a string may if it contains a bracket."""
    content = bytes(raw)
    return content[:1] in b"{[" or (content[:1] == b'"' and (b"{" in content or b"\\u007" in content))


def _first(members: Mapping[str, Raw | bytes], names: frozenset[str]) -> Raw | bytes | None:
    return next((members[name] for name in names if name in members), None)


def _is_string(raw: Raw | bytes | None) -> bool:
    return raw is not None and bytes(raw)[:1] == b'"'


def text(raw: Raw | bytes) -> str | None:
    """Return the string that a JSON text encodes, or None for a value of another type."""
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
    """Return whether an event of this name may carry a run that is not marked as one."""
    return not event.startswith("thread.") or (event.startswith("thread.run.") and ".step" not in event)


def _kind(raw: bytes, event: str | None) -> str | None:
    """Return what kind of object this is, without showing its values, or None if it is not an object."""
    try:
        members = _objects(raw)
    except UNREADABLE:
        return None
    return kind_of(members, _event(members) or event)


def kind_of(members: Mapping[str, Raw | bytes], event: str | None) -> str:
    """Return the kind of an object that has these members and is not a run."""
    name = _name(members)
    if name is not None:
        return name if _PLAIN_NAME.fullmatch(name) else "object of another kind"
    if event is not None:
        return f"{event} event" if _PLAIN_NAME.fullmatch(event) else "object of another kind"
    if _is_of_a_chat(members):
        return OF_A_CHAT
    return "object without id" if _first(members, _ID) is None else SAYS_NOTHING
