"""Run objects of every form for Hypothesis: built from the parts of the API specification, or mutilated real ones."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from runstore import wire
from runstore.wire import finder
from runstore.wire.spelling import spellings
from tests.helpers.paths import PAYLOADS, SAMPLES


def examples(count: int) -> settings:
    """Settings for a property with this number of examples; the fast run of all tests uses a sixth of them.

    A test that stores them has to empty the archive.
    """
    if settings.get_current_profile_name() == "fast":
        count = max(5, count // 6)
    ignored = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count, deadline=None, suppress_health_check=ignored, print_blob=True)


# --- values ----------------------------------------------------------------------------------------------------------

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
odd_text = text | st.sampled_from(
    [
        "",
        " ",
        "\t\n",
        "auto",
        "null",
        "true",
        "1",
        "{}",
        '["a"]',
        '{"a": 1}',
        "a'b\"c\\d",
        "\x01\x1f\x7f",
        "é",
        "é",
        "\u2028",
        "\ufeff",
        "\ufffe",
        "😀",
        "\\u0000",
        "\\ud800",
        "%s %(a)s :b ?",
        "\\N",
        "\\.",
        "x" * 1000,
    ]
)
integers = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)])
floats = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [
        0.0,
        -0.0,
        1.0,
        0.7,
        0.1,
        0.30000000000000004,
        5e-324,
        2.2250738585072014e-308,
        1.7976931348623157e308,
        1e22,
        1e23,
        4.611686018427388e18,
        -9.223372036854776e18,
        9.223372036854776e18,
        1e16,
        1.2345678901234568e17,
        1e-07,
        1795220740.5,
    ]
)
scalars = st.none() | st.booleans() | integers | floats | odd_text
ODD_KEYS = [
    "",
    " ",
    "id",
    "type",
    "function",
    "name",
    "arguments",
    "tool_calls",
    "submit_tool_outputs",
    "metadata ",
    "usage ",
    'a"b',
    "a'b",
    "a\\b",
    "a.b",
    "$",
    "é",
    "😀",
    "\u2028",
    "\n",
    "%s",
    ":a",
    "null",
    "constructor",
    "0",
    "a" * 300,
]
keys = st.sampled_from(ODD_KEYS) | text
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)
objects = st.dictionaries(keys, json_values, max_size=4)


def either(*values: Any) -> st.SearchStrategy[Any]:
    """One of these values."""
    return st.sampled_from(values)


def shaped(others: st.SearchStrategy[str] = keys, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with some of these members, each also null, some unknown ones, in any order."""
    optional = {name: st.none() | values for name, values in members.items()}
    return st.builds(
        _shuffled,
        st.fixed_dictionaries({}, optional=optional),
        st.dictionaries(others.filter(lambda key: key not in members), json_values, max_size=2) | st.just({}),
        st.integers(0, 99),
    )


def _shuffled(known: dict[str, Any], unknown: dict[str, Any], seed: int) -> dict[str, Any]:
    members = list({**known, **unknown}.items())
    if seed:
        random.Random(seed).shuffle(members)
    return dict(members)


# --- runs ------------------------------------------------------------------------------------------------------------

timestamps = integers | st.integers(0, 2**33) | st.integers(0, 2**33).map(float)
numbers = integers | floats
statuses = either("queued", "in_progress", "requires_action", "cancelling", "cancelled", "failed", "completed") | (
    either("expired", "incomplete", "", "paused")
)
functions = shaped(name=odd_text, description=odd_text, parameters=objects, strict=st.booleans())
tools = (
    either({"type": "code_interpreter"}, {"type": "retrieval"}, {"type": "file_search"}, {"type": "function"}, {})
    | shaped(type=st.just("function"), function=functions | json_values)
    | shaped(type=either("mcp", "openapi", "file_search"), mcp=objects, openapi=objects, file_search=objects)
    | json_values
)
tool_calls = st.lists(
    shaped(
        id=odd_text | json_values,
        type=either("function", "mcp") | json_values,
        function=shaped(name=odd_text, arguments=odd_text) | shaped(name=json_values, arguments=json_values),
    )
    | json_values,
    max_size=4,
)
required_actions = (
    shaped(
        type=either("submit_tool_outputs"),
        submit_tool_outputs=st.fixed_dictionaries({"tool_calls": tool_calls}) | shaped(tool_calls=tool_calls),
    )
    | shaped(type=either("submit_tool_approval", ""), submit_tool_approval=shaped(tool_calls=tool_calls))
    | shaped(type=json_values, submit_tool_outputs=json_values)
    | objects
)

DOCUMENTED: dict[str, st.SearchStrategy[Any]] = {
    "object": either("thread.run", "thread.run", "assistant.run", ""),
    "created_at": timestamps,
    "thread_id": odd_text,
    "assistant_id": odd_text,
    "status": statuses | odd_text,
    "required_action": required_actions,
    "last_error": shaped(code=odd_text, message=odd_text),
    "expires_at": timestamps,
    "started_at": timestamps,
    "cancelled_at": timestamps,
    "failed_at": timestamps,
    "completed_at": timestamps,
    "incomplete_details": shaped(reason=odd_text),
    "model": odd_text,
    "instructions": odd_text,
    "tools": st.lists(tools, max_size=4) | tools.map(lambda tool: [tool, tool]),
    "file_ids": st.lists(odd_text, max_size=4) | odd_text.map(lambda file_id: [file_id, file_id]),
    "metadata": objects,
    "usage": shaped(prompt_tokens=timestamps, completion_tokens=timestamps, total_tokens=timestamps),
    "temperature": numbers,
    "top_p": numbers,
    "max_prompt_tokens": timestamps,
    "max_completion_tokens": timestamps,
    "truncation_strategy": shaped(type=odd_text, last_messages=timestamps | json_values),
    "tool_choice": odd_text | shaped(type=odd_text, function=shaped(name=odd_text) | json_values),
    "parallel_tool_calls": st.booleans(),
    "response_format": odd_text | shaped(type=odd_text, json_schema=objects),
}
"""Member of a run -> values the archive has to keep; each may also be null or absent."""

UNDOCUMENTED = [
    "tool_resources",
    "reasoning_effort",
    "extra",
    "shape",
    "digest",
    "observed_at",
    "archived_at",
    "source",
    "instructions_id",
    "run_object",
    "position",
    "keys",
    "null",
    "tool_calls",
    "usage ",
    "data",
    "event",
    *ODD_KEYS,
]
unknown_keys = (st.sampled_from(UNDOCUMENTED) | text).filter(lambda key: key != "id" and key not in DOCUMENTED)

_V1 = tuple(DOCUMENTED)[:18]
_V2 = tuple(key for key in DOCUMENTED if key != "file_ids")


@st.composite
def runs(draw: st.DrawFn, ids: st.SearchStrategy[str] | None = None) -> dict[str, Any]:
    """A run of any form: of three keys or thirty, in any order."""
    wanted = draw(either(_V1, _V2, tuple(DOCUMENTED), ()) | st.lists(either(*DOCUMENTED), max_size=6, unique=True))
    members: dict[str, Any] = {"id": draw(text | odd_text if ids is None else ids)}
    for key in wanted:
        # Most values are plain, or the examples would grow without end.
        form = draw(either("absent", "null", "value", "value"))
        if form != "absent":
            members[key] = draw(DOCUMENTED[key]) if form == "value" else None
    others = draw(st.dictionaries(unknown_keys, json_values, max_size=2))
    if members.get("object") not in wire.RUN_NAMES:  # then members of other objects show that it is not a run
        others = {key: value for key, value in others.items() if key not in finder.SETTLED - finder.DOCUMENTED}
    return _shuffled(members, others, draw(st.integers(0, 99)))


def batches(size: int = 4) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Several runs with different ids."""
    return st.lists(runs(), min_size=1, max_size=size, unique_by=lambda run: run["id"])


@st.composite
def spelled(draw: st.DrawFn, value: Any) -> bytes:
    """A JSON text of a value: compact or with white space, with or without escapes."""
    indent = draw(either(None, None, 1, "\t"))
    separators = draw(either((",", ":"), (", ", ": "))) if indent is None else None
    return json.dumps(value, ensure_ascii=draw(st.booleans()), indent=indent, separators=separators).encode()


_FREE = ("metadata", "parameters", "schema")
"""Members whose keys are the user's own."""


@st.composite
def respelled(draw: st.DrawFn, of: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """A run with some keys in another spelling, some in two, and some values of another type."""
    run = draw(of)
    chance = random.Random(draw(st.integers(0, 2**32)))
    share = draw(either(0.0, 0.3, 1.0)), draw(either(0, 0, 0.1, 0.4))
    place = draw(either(0, 1, 2))
    changed: dict[str, Any] = _respelled(run, chance, share, place)
    return changed


def _respelled(value: Any, chance: random.Random, share: tuple[float, float], place: int) -> Any:
    if isinstance(value, list):
        return [_respelled(inner, chance, share, place) for inner in value]
    if not isinstance(value, dict):
        return value
    changed: dict[str, Any] = {}
    for key, inner in value.items():
        spelling = spellings(key)[chance.randrange(2) if place == 2 else place] if key else key
        other = spelling if chance.random() < share[0] and spelling not in value else key
        if key not in (*_FREE, "id", "object"):
            inner = _respelled(inner, chance, share, place)
            if chance.random() < share[1]:
                inner = chance.choice(_OTHER_TYPES)
        changed[other] = inner
        if key not in ("id", "object") and chance.random() < share[1] / 4:
            changed[spelling] = changed[key] = inner
    return changed


_OTHER_TYPES: tuple[Any, ...] = (
    "2024-08-21T11:00:18", "1724238017", "0.7", "true", "x", 1724238017.5, 5, 4.611686018427388e18, True,
    [], {}, [1, "a"], {"type": 5}, None,
)  # fmt: skip


# --- real forms, mutilated -------------------------------------------------------------------------------------------


def real_forms() -> list[dict[str, Any]]:
    """One that is built in, the samples of this project, and the payloads next to the checkout."""
    paths = [*sorted(SAMPLES.glob("*.json")), *sorted(PAYLOADS.glob("*.json"))]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [BUILT_IN, *(run for run in found if isinstance(run, dict) and isinstance(run.get("id"), str))]


BUILT_IN: dict[str, Any] = {
    "id": "run_a",
    "object": "thread.run",
    "created_at": 1700000000,
    "thread_id": "thread_a",
    "assistant_id": "asst_a",
    "status": "requires_action",
    "required_action": {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {
            "tool_calls": [{"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
        },
    },
    "last_error": {"code": "server_error", "message": "m"},
    "model": "gpt-4o",
    "instructions": "Be brief.",
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"b": 1, "a": {}}}}],
    "file_ids": ["file_a"],
    "metadata": {"k": "v"},
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {"type": "json_object"},
    "truncation_strategy": {"type": "auto", "last_messages": None},
}
"""A form with something in most places."""

_REPLACEMENTS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.0, 2**62, 1e300, 0.5, "", " ", "x", "é😀", [], {}, [[]], [{}], {"": None}, {"type": 1},
    [None, "a", 1], {"a": {"b": [1.5, {}]}},
)  # fmt: skip


@st.composite
def mutilated(draw: st.DrawFn) -> dict[str, Any]:
    """A real run with members deleted, inserted, nulled, doubled, reordered and replaced at random places."""
    run: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(real_forms())))
    chance = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(1, 6))):
        _mutilate(run, chance)
    run.setdefault("id", "run_x")
    return run


def _mutilate(run: dict[str, Any], chance: random.Random) -> None:
    places = list(_containers(run))
    place: Any = chance.choice(places)
    operations: list[Callable[[], None]] = [lambda: _insert(place, chance)]
    if place:
        key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
        operations += [
            lambda: place.__delitem__(key),
            lambda: place.__setitem__(key, None),
            lambda: place.__setitem__(key, copy.deepcopy(chance.choice(_REPLACEMENTS))),
            lambda: place.__setitem__(key, copy.deepcopy(chance.choice(places)) if len(places) < 200 else None),
            lambda: _insert(place, chance, copy.deepcopy(place[key])),
            lambda: _reorder(place, chance),
        ]
    chance.choice(operations)()


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)


def _insert(place: Any, chance: random.Random, value: Any = None) -> None:
    value = copy.deepcopy(chance.choice(_REPLACEMENTS)) if value is None else value
    if isinstance(place, dict):
        place[chance.choice([*ODD_KEYS, *DOCUMENTED])] = value
    else:
        place.insert(chance.randint(0, len(place)), value)


def _reorder(place: Any, chance: random.Random) -> None:
    if isinstance(place, dict):
        members = list(place.items())
        chance.shuffle(members)
        place.clear()
        place.update(members)
    else:
        chance.shuffle(place)
