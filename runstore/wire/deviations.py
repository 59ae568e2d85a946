"""Deviations of a run from the API specification. ``strict`` enforces the same rules that ``lint`` reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, inspect

from runstore.errors import RunRejected
from runstore.wire import codec
from runstore.wire.documented import Run
from runstore.wire.spelling import Names, spellings

V1_TOOLS = 20
"""The maximum number of tools in a run of the first generation; the second generation allows 128."""

LAST_SECOND = 253_402_300_799
"""The last second of the year 9999, in Unix seconds. Milliseconds of any time since 1978 are greater."""

ENDED = {"completed": "completed_at", "failed": "failed_at", "cancelled": "cancelled_at"}
"""The member with the end time for each final status. For incomplete and expired the specification has none."""


def _kind_of(struct: type) -> inspect.StructType:
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    return kind


_RUN = _kind_of(Run)
_TIMES = tuple(field.name for field in _RUN.fields if field.name.endswith("_at"))
RULES = (*(field.name for field in _RUN.fields), "missing", "null", "type", "timestamp")
"""The names of all rules."""

_NO_TEXT = "is null, absent or not a string"


class Deviation(NamedTuple):
    """A deviation of a run from the API specification."""

    rule: str
    """The violated rule: ``missing``, ``null``, ``type``, ``timestamp``, or the name of a member of the run."""
    path: str
    """The place in the run's JSON."""
    detail: str
    """The value or state that was found there."""


def of_run(text: bytes) -> list[Deviation]:
    """Return all deviations of a run, given as canonical text, ordered by rule and path."""
    return sorted(_found(text))


def check(text: bytes) -> None:
    """Raise :class:`RunRejected` for the first deviation in a run's canonical text."""
    for _, path, detail in _found(text):
        raise RunRejected(path=path, reason=f"deviates from the API specification: {detail}")


# --- runs that conform -----------------------------------------------------------------------------------------------

_decoder = msgspec.json.Decoder(Run)


def _conforms(text: bytes) -> bool:
    """Return True if a run surely has no deviation, and False if a closer check is needed."""
    try:
        run = _decoder.decode(text)
    except msgspec.ValidationError:
        return False
    if len(run.tools) > V1_TOOLS or _respelled().search(text):
        return False
    return not any(_contradictions(lambda name: None if (value := getattr(run, name)) is UNSET else value))


@cache
def _respelled() -> re.Pattern[bytes]:
    """Return a pattern for keys that spell a documented name of any object differently."""
    others = {other for name in _all_names(_RUN) for other in spellings(name) if other != name}
    return re.compile(rb'"(?:' + "|".join(sorted(others)).encode() + rb')":')


def _all_names(kind: inspect.Type) -> Iterator[str]:
    match kind:
        case inspect.StructType():
            yield from [kind.tag_field] if kind.tag_field else []
            for field in kind.fields:
                yield field.name
                yield from _all_names(field.type)
        case inspect.UnionType():
            for inner in kind.types:
                yield from _all_names(inner)
        case inspect.ListType():
            yield from _all_names(kind.item_type)


# --- members that contradict each other ------------------------------------------------------------------------------


def _contradictions(value_of: Callable[[str], Any]) -> Iterator[Deviation]:
    """Yield contradictions between members, and invalid times; *value_of* returns a member by its documented name."""
    status = value_of("status")
    for name in _TIMES:
        at = value_of(name)
        if type(at) is int and at > LAST_SECOND:
            yield Deviation("timestamp", name, f"{at} is beyond the year 9999: expected seconds, not milliseconds")
    if isinstance(status, str) and status in ENDED and value_of(ENDED[status]) is None:
        yield Deviation("timestamp", ENDED[status], f"is null or absent in a run that is {status}")
    waits = value_of("required_action") is not None
    if waits and status != "requires_action":
        yield Deviation("required_action", "required_action", "is present in a run whose status is not requires_action")
    if not waits and status == "requires_action":
        yield Deviation("required_action", "required_action", "is null or absent in a run that requires action")
    if value_of("usage") is not None and status not in (*ENDED, "incomplete", "expired"):
        yield Deviation("usage", "usage", "is present in a run that has not ended")


def _found(text: bytes) -> Iterator[Deviation]:
    if _conforms(text):
        return
    run: dict[str, Any] = codec.loads(text)
    keys = {name: name for name in run} | {name: key for key, name in _names_of(Run).of(run).items()}
    value_of = {name: run[key] for name, key in keys.items()}.get
    yield from _in_object(_RUN, run, "", "$")
    for rule, name, detail in _contradictions(value_of):
        yield Deviation(rule, codec.join("$", keys.get(name, name)), detail)
    tools, files = value_of("tools"), value_of("file_ids", UNSET)
    if isinstance(tools, list) and V1_TOOLS < len(tools) <= 128 and (files is not UNSET or any(map(_is_v1, tools))):
        detail = f"{len(tools)} tools, expected at most 128, or {V1_TOOLS} in a run of the first generation"
        yield Deviation("tools", codec.join("$", keys["tools"]), detail)


def _is_v1(tool: Any) -> bool:
    return isinstance(tool, dict) and tool.get("type", tool.get("Type")) == "retrieval"


# --- values against their types --------------------------------------------------------------------------------------


@cache
def _names_of(struct: type) -> Names:
    kind = _kind_of(struct)
    return Names([field.name for field in kind.fields] + ([kind.tag_field] if kind.tag_field else []))


def _in_object(kind: inspect.StructType, value: dict[str, Any], rule: str, path: str) -> Iterator[Deviation]:
    """Yield deviations in the members of an object; *rule* is empty for the run itself."""
    keys = {name: key for key, name in _names_of(kind.cls).of(value).items()}
    for field in kind.fields:
        key = keys.get(field.name, field.name)
        place = codec.join(path, key)
        if key in value:
            yield from _in_value(field.type, value[key], rule or field.name, place, at_top=not rule)
        elif field.required:
            yield Deviation(rule or "missing", place, "is null or absent" if rule else "a required member is absent")


def _in_value(kind: inspect.Type, value: Any, rule: str, path: str, *, at_top: bool = False) -> Iterator[Deviation]:
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    if any(isinstance(each, inspect.AnyType) for each in kinds):
        return
    if value is None:
        if not any(isinstance(each, inspect.NoneType) for each in kinds):
            yield _null(rule, path, at_top=at_top)
        return
    fitting = [each for each in kinds if isinstance(value, _PYTHON.get(type(each), ())) and _is_of(each, value)]
    if not fitting:
        wanted = dict.fromkeys(_WORDS[type(each)] for each in kinds if type(each) in _WORDS)
        yield Deviation("type", path, f"is {_word_of(value)}, expected {' or '.join(wanted)}")
    elif isinstance(fitting[0], inspect.StructType):
        yield from _in_one_of(fitting, value, rule, path)  # type: ignore[arg-type]
    else:
        yield from _CHECKS[type(fitting[0])](fitting[0], value, rule, path)


def _null(rule: str, path: str, *, at_top: bool) -> Deviation:
    if not at_top:
        return Deviation(rule, path, "is null or absent")
    return Deviation("object", path, "is null") if rule == "object" else Deviation("null", path, "may not be null")


def _is_of(kind: inspect.Type, value: Any) -> bool:
    """Return whether a value of the right Python type has the JSON type: a Python boolean is not a JSON number."""
    return not isinstance(value, bool) or isinstance(kind, inspect.BoolType)


def _in_one_of(kinds: list[inspect.StructType], value: dict[str, Any], rule: str, path: str) -> Iterator[Deviation]:
    """Yield deviations of an object that may be of several kinds; its tag determines which one applies."""
    tag_field = kinds[0].tag_field
    if tag_field is None:
        yield from _in_object(kinds[0], value, rule, path)
        return
    key = _names_of(kinds[0].cls).key_of(tag_field, value) or tag_field
    tag = value.get(key)
    kind = next((each for each in kinds if each.tag == tag), None) if isinstance(tag, str) else None
    if kind is None:
        yield Deviation(
            rule, codec.join(path, key), f"unknown {tag_field} {_shown(tag)}" if isinstance(tag, str) else _NO_TEXT
        )
    else:
        yield from _in_object(kind, value, rule, path)


def _in_literal(kind: Any, value: Any, rule: str, path: str) -> Iterator[Deviation]:
    if value not in kind.values:
        name = re.split(r"[.]", path)[-1]
        # A string that may also be an object is shown as JSON.
        shown = f'"{_shown(value)}"' if rule in ("tool_choice", "response_format") and path.count(".") == 1 else ""
        yield Deviation(rule, path, f"unknown {shown or f'{name} {_shown(value)}'}")


def _shown(text: str) -> str:
    return f'"{text[:100]}"'


def _in_string(kind: Any, value: str, rule: str, path: str) -> Iterator[Deviation]:
    if kind.pattern is not None and (not re.search(kind.pattern, value) or len(value) > kind.max_length):
        yield Deviation(rule, path, f"{_shown(value)} is not a valid function name")
    elif kind.max_length is not None and len(value) > kind.max_length:
        yield Deviation(rule, path, f"{len(value)} characters, expected at most {kind.max_length}")


def _in_number(kind: Any, value: float, rule: str, path: str) -> Iterator[Deviation]:
    least, most = kind.ge, kind.le
    if least is not None and most is not None:
        if not least <= value <= most:
            yield Deviation(rule, path, f"expected {least} to {most}")
    elif least is not None and value < least:
        yield Deviation(rule, path, f"{value}, expected at least {least}")


def _in_list(kind: Any, value: list[Any], rule: str, path: str) -> Iterator[Deviation]:
    if kind.max_length is not None and len(value) > kind.max_length:
        things = "files" if rule == "file_ids" else rule
        yield Deviation(rule, path, f"{len(value)} {things}, expected at most {kind.max_length}")
    for position, inner in enumerate(value):
        yield from _in_value(kind.item_type, inner, rule, f"{path}[{position}]")


def _in_dict(kind: Any, value: dict[str, Any], rule: str, path: str) -> Iterator[Deviation]:
    if isinstance(kind.value_type, inspect.AnyType):
        return
    if len(value) > kind.max_length:
        yield Deviation(rule, path, f"{len(value)} pairs, expected at most {kind.max_length}")
    for key, inner in value.items():
        place = codec.join(path, key)
        if len(key) > kind.key_type.max_length:
            detail = f"a key of {len(key)} characters, expected at most {kind.key_type.max_length}"
            yield Deviation(rule, place, detail)
        if not isinstance(inner, str):
            yield Deviation(rule, place, "the value is not a string")
        elif len(inner) > kind.value_type.max_length:
            detail = f"a value of {len(inner)} characters, expected at most {kind.value_type.max_length}"
            yield Deviation(rule, place, detail)


def _in_nothing(*_: Any) -> Iterator[Deviation]:
    return iter(())


_CHECKS: dict[type[inspect.Type], Callable[[Any, Any, str, str], Iterator[Deviation]]] = {
    inspect.LiteralType: _in_literal,
    inspect.StrType: _in_string,
    inspect.IntType: _in_number,
    inspect.FloatType: _in_number,
    inspect.ListType: _in_list,
    inspect.DictType: _in_dict,
    inspect.BoolType: _in_nothing,
}
_PYTHON: dict[type[inspect.Type], type | tuple[type, ...]] = {
    inspect.LiteralType: str,
    inspect.StrType: str,
    inspect.IntType: int,
    inspect.FloatType: (int, float),
    inspect.ListType: list,
    inspect.DictType: dict,
    inspect.StructType: dict,
    inspect.BoolType: bool,
}
_WORDS: dict[type[inspect.Type], str] = {
    inspect.LiteralType: "a string",
    inspect.StrType: "a string",
    inspect.IntType: "an integer",
    inspect.FloatType: "a number",
    inspect.ListType: "an array",
    inspect.DictType: "an object",
    inspect.StructType: "an object",
    inspect.BoolType: "a boolean",
}


def _word_of(value: Any) -> str:
    name = codec.type_name(codec.encode(value))
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
