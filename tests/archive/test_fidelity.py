"""Fidelity: what is loaded equals what was saved, to the order of the keys and the character."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from runstore import config, migrate, wire
from runstore.backends import create_engine
from runstore.errors import NotARun, RunRejected
from runstore.mapping import RUN, Mapper
from runstore.repository import RunRepository
from runstore.save.writer import Outcome
from tests.helpers.comparison import compact, contents, difference, empty
from tests.helpers.paths import SAMPLES
from tests.helpers.strategies import BUILT_IN, DOCUMENTED, batches, examples, mutilated, real_forms, runs, spelled


@pytest.fixture(scope="session")
def memory() -> Iterator[Engine]:
    """An archive in memory, to determine what every backend has to hold."""
    engine = create_engine(config.database_url("sqlite://"))
    migrate.upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def kept(engine: Engine, runs: RunRepository, memory: Engine) -> Kept:
    return Kept(engine, runs, memory)


class Kept:
    """Save runs and check everything that fidelity means; the archive is empty afterwards."""

    def __init__(self, engine: Engine, archive: RunRepository, memory: Engine) -> None:
        self.engine, self.archive, self.memory = engine, archive, memory

    def __call__(self, *saved: dict[str, Any], texts: list[bytes] | None = None) -> None:
        given: list[Any] = list(texts or saved)
        self.archive, expected = RunRepository(self.engine), RunRepository(self.memory)
        try:
            self.check(list(saved), given)
            expected.save_many(given, observed_at=1)
            assert contents(self.engine) == contents(self.memory)
        finally:
            empty(self.engine)
            empty(self.memory)

    def check(self, saved: list[dict[str, Any]], given: list[Any]) -> None:
        report = self.archive.save_many(given, observed_at=1)
        assert report.inserted == len(saved), report.rejections
        for run in saved:
            assert not difference(run, self.archive.load(run["id"]))
        exported = {run["id"]: run for run in map(json.loads, self.archive.iterate_json())}
        for run in saved:
            assert not difference(run, exported[run["id"]])
        assert self.archive.save_many(given, observed_at=1).unchanged == len(saved)
        self.check_digests(saved)

    def check_digests(self, saved: list[dict[str, Any]]) -> None:
        with self.engine.connect() as connection:
            stored = {row.id: row.digest for row in connection.execute(select(RUN.c.id, RUN.c.digest))}
        for run in saved:
            again = wire.encode(self.archive.load(run["id"]))
            assert stored[run["id"]] == Mapper().draft(wire.run_members(again)).digest


def in_one_order(value: Any) -> Any:
    """A JSON value with its keys sorted at every level."""
    return json.loads(json.dumps(value, sort_keys=True))


def run(**members: Any) -> dict[str, Any]:
    return {"id": "run_a", "object": "thread.run", **members}


@pytest.mark.slow
@examples(60)
@given(batch=batches())
def test_runs_of_every_form_come_back_as_they_came(kept: Kept, batch: list[dict[str, Any]]) -> None:
    kept(*batch)


@pytest.mark.slow
@examples(30)
@given(data=st.data())
def test_json_texts_of_every_spelling_come_back_by_value(kept: Kept, data: st.DataObject) -> None:
    one = data.draw(runs())
    kept(one, texts=[data.draw(spelled(one))])


@pytest.mark.slow
@examples(100)
@given(broken=mutilated())
def test_a_real_run_mutilated_comes_back_or_is_refused(kept: Kept, broken: dict[str, Any]) -> None:
    mapper = Mapper()
    try:
        mapper.snapshot(mapper.draft(wire.run_members(compact(broken))), 1)
    except (RunRejected, NotARun) as refusal:
        # If a run is in a member of an object that is not a run, this is reported instead.
        with pytest.raises((type(refusal), NotARun), match=f"^{re.escape(str(refusal))}$|^it is not a run but"):
            kept.archive.save(broken)
    else:
        kept(broken)
    assert kept.archive.count() == 0


@examples(30)
@given(first=runs(st.just("run_a")), second=runs(st.just("run_a")))
def test_a_run_that_replaces_another_form_of_itself_comes_back(
    kept: Kept, first: dict[str, Any], second: dict[str, Any]
) -> None:
    kept.archive.save(first, observed_at=1)
    for name in ("thread_id", "assistant_id", "created_at"):
        second.pop(name, None)
    kept.archive.save(second, observed_at=2, on_conflict="replace")
    assert not difference(second, kept.archive.load("run_a"))
    kept.check_digests([second])
    kept.archive.delete("run_a")


def test_the_samples_come_back(kept: Kept) -> None:
    for path in sorted(SAMPLES.glob("*.json")):
        kept(json.loads(path.read_text(encoding="utf-8")))


# --- each thing by its name ------------------------------------------------------------------------------------------


def test_absent_and_null_are_different_for_every_documented_member(kept: Kept) -> None:
    kept({"id": "absent"}, *({"id": f"null {member}", member: None} for member in DOCUMENTED))


def test_empty_values_stay_themselves(kept: Kept) -> None:
    strings = ("object", "thread_id", "assistant_id", "status", "model", "instructions", "tool_choice")
    objects = ("required_action", "last_error", "incomplete_details", "usage", "metadata", "truncation_strategy")
    members: list[tuple[str, Any]] = [*((key, "") for key in strings), *((key, {}) for key in objects)]
    members += [("tools", []), ("file_ids", []), ("tool_choice", {}), ("response_format", ""), ("response_format", {})]
    kept(*({"id": f"run_{n}", key: value} for n, (key, value) in enumerate(members)))


NESTED: dict[str, tuple[str, ...]] = {
    "last_error": ("code", "message"),
    "incomplete_details": ("reason",),
    "usage": ("prompt_tokens", "completion_tokens", "total_tokens"),
    "required_action": ("type", "submit_tool_outputs"),
    "truncation_strategy": ("type", "last_messages"),
    "tool_choice": ("type", "function"),
    "response_format": ("type", "json_schema"),
}


@pytest.mark.parametrize(("member", "keys"), NESTED.items(), ids=NESTED)
def test_members_of_nested_objects_may_be_null_absent_and_in_any_order(
    kept: Kept, member: str, keys: tuple[str, ...]
) -> None:
    forms = [dict.fromkeys(keys[:count]) for count in range(len(keys) + 1)]
    forms += [dict.fromkeys(reversed(keys)), {**dict.fromkeys(keys), "more ": {"a": []}}, {"more": None}]
    kept(*({"id": f"run_{n}", member: form} for n, form in enumerate(forms)))


OWN_NAMES = [
    "extra",
    "shape",
    "digest",
    "observed_at",
    "archived_at",
    "source",
    "instructions_id",
    "run_object",
    "position",
    "metadata_",
    "usage ",
    "Usage",
    "keys",
    "null",
    "tool_calls",
    "",
    "a.b",
    'a"b',
    "a'b",
    "é",
    "\n",
    "%s",
    "id ",
]


def test_unknown_keys_come_back_at_every_level_whatever_their_name(kept: Kept) -> None:
    unknown: dict[str, Any] = {key: {"v": [key, None, 1.5, {}, []]} for key in OWN_NAMES}
    call: dict[str, Any] = {"id": "c", **unknown, "function": {**unknown, "name": "f"}}
    kept(
        run(
            **unknown,
            usage={**unknown, "total_tokens": 1},
            last_error={"code": "c", **unknown},
            incomplete_details=unknown,
            required_action={"submit_tool_outputs": {"tool_calls": [call]}, **unknown},
            truncation_strategy=unknown,
            tool_choice={"function": unknown, **unknown},
            response_format=unknown,
            metadata=unknown,
            tools=[{"function": unknown, **unknown}, unknown],
        )
    )


def test_top_level_keys_come_back_in_any_order(kept: Kept) -> None:
    members = list(BUILT_IN.items())
    kept(*({**dict(members[n:] + members[:n]), "id": f"run_{n}"} for n in range(len(members))))


def test_the_order_of_keys_matters_even_where_it_is_all_that_differs(runs: RunRepository) -> None:
    runs.save({"id": "a", "metadata": {"x": 1, "y": 2}, "tools": [{"b": {}, "a": {}}]}, observed_at=1)
    turned = {"id": "a", "tools": [{"a": {}, "b": {}}], "metadata": {"y": 2, "x": 1}}
    assert runs.save(turned, observed_at=2) is Outcome.UPDATED
    assert not difference(turned, runs.load("a"))


def test_tool_choice_may_be_a_string_or_an_object(kept: Kept) -> None:
    function = {"type": "function", "function": {"name": "f"}}
    turned = {"function": {"name": "f"}, "type": "function"}
    strings = ["none", "auto", "required", "", " ", '{"type":"function"}']
    forms = [*strings, {}, function, turned, {"type": "function"}, {"function": None}, {"function": 1}, {"type": [1]}]
    kept(*({"id": f"run_{n}", "tool_choice": form} for n, form in enumerate(forms)))


def test_response_format_may_be_a_string_or_an_object(kept: Kept) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"z": {}, "a": []}, "strict": None}}
    forms = ["auto", "none", "", {}, {"type": "text"}, {"type": "json_object"}, {"type": None}, {"type": 1}, schema]
    kept(*({"id": f"run_{n}", "response_format": form} for n, form in enumerate(forms)))


STRANGE_CALLS: list[Any] = [
    None,
    "call",
    7,
    [],
    {},
    {"id": 7},
    {"id": None, "type": None, "function": None},
    {"type": "function", "id": "c"},
    {"function": {}},
    {"function": {"name": None}},
    {"function": {"arguments": {"a": 1}}},
    {"function": {"arguments": '{"a": 1e400, "b": "\\u0000"}', "name": "n"}},
    {"function": {"arguments": "", "name": "n" * 5000}},
    {"function": "f"},
    {"function": {"name": "n", "output": None, "arguments": "{}"}, "more": {}},
    {"id": "c", "type": "azure_function", "azure_function": {"name": "n"}},
    {"id": "c", "type": "mcp", "name": "n", "arguments": "{}", "server_label": "s"},
]
ACTIONS: list[Any] = [
    {},
    {"type": None},
    {"type": 7},
    {"type": "submit_tool_outputs"},
    {"type": "submit_tool_outputs", "submit_tool_outputs": None},
    {"type": "submit_tool_outputs", "submit_tool_outputs": {}},
    {"type": "submit_tool_outputs", "submit_tool_outputs": []},
    {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": None}},
    {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": {}}},
    {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": []}},
    {"submit_tool_outputs": {"tool_calls": [], "more": 1}, "type": "submit_tool_outputs"},
    {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [], "tool_calls ": []}},
    *(
        {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [{"id": "fine"}, call, {"id": "fine"}]}}
        for call in STRANGE_CALLS
    ),
    {"type": "submit_tool_approval", "submit_tool_approval": {"tool_calls": [{"id": "c", "type": "mcp"}]}},
    {"type": "unheard_of"},
    {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [{"id": "c"}]}, "submit_tool_approval": {}},
]


def test_required_action_may_be_of_unknown_type_and_shape(kept: Kept) -> None:
    kept(*({"id": f"run_{n}", "required_action": action} for n, action in enumerate(ACTIONS)))


def test_calls_of_one_action_may_differ_in_form(kept: Kept) -> None:
    forms: list[dict[str, Any]] = [
        {"id": "a", "type": "t"},
        {"type": "t", "id": "a"},
        {"id": "a"},
        {"id": "a"},
        {},
        {"x": 1},
        {"id": None},
    ]
    functions: list[Any] = [{"name": "n", "arguments": "a"}, {"arguments": "a", "name": "n"}, {}, {"y": 1, "name": "n"}]
    calls = [form | {"function": function} for form in forms for function in functions] + forms
    for ordered in (calls, calls[::-1], calls[3:] + calls[:3]):
        kept(run(required_action={"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": ordered}}))


def test_file_ids_and_tools_may_repeat(kept: Kept) -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    kept(run(file_ids=["b", "a", "b", "b", "", " "], tools=[tool, {"type": "x"}, tool, tool, {**tool, "x": 1}]))


def test_a_tool_may_be_anything(kept: Kept) -> None:
    tools = ["code_interpreter", "", 7, 1.5, True, None, [], {}, [{}], {"type": None}, {"type": 7, "function": 7}]
    forms = [[tool, {"type": "function", "function": tool}] for tool in tools]
    kept(*({"id": f"run_{n}", "tools": form} for n, form in enumerate([*forms, tools])))


def test_a_run_may_have_three_keys_or_one(kept: Kept) -> None:
    kept({"id": "a", "object": "thread.run", "status": "queued"}, {"id": "b"}, {"status": "queued", "id": ""})


def test_a_prompt_of_256000_characters_comes_back(kept: Kept) -> None:
    kept(run(instructions=('é"\\\n😀' * 52000)[:256_000]), {"id": "run_b", "instructions": "x" * 256_000})


def test_128_tools_come_back_in_order(kept: Kept) -> None:
    schema = {"type": "object", "properties": {"z": {"type": "string"}, "a": {}}, "required": ["z"]}
    names = [f"f{n * 7 % 128}" for n in range(128)]
    kept(run(tools=[{"type": "function", "function": {"name": name, "parameters": schema}} for name in names]))


NUMBERS = [
    0,
    1,
    -1,
    2**31,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    1.0,
    -0.0,
    0.1,
    0.30000000000000004,
    5e-324,
    1e22,
    1e23,
    1e-07,
    4.611686018427388e18,
    9.223372036854776e18,
    -9.223372036854776e18,
    1.7976931348623157e308,
    1.2345678901234568e17,
]


def test_numbers_keep_their_value_wherever_they_stand(kept: Kept) -> None:
    places = [{"temperature": n, "top_p": n, "more": [n], "metadata": {"n": n}, "tools": [{"n": n}]} for n in NUMBERS]
    kept(*({"id": f"run_{n}", **place} for n, place in enumerate(places)))


def test_numbers_keep_their_value_in_an_update(runs: RunRepository) -> None:
    runs.save(run(temperature=0.5, top_p=None), observed_at=1)
    for seen, number in enumerate(NUMBERS, 2):
        later = run(temperature=number, top_p=number, seen=seen)
        assert runs.save(later, observed_at=seen) is Outcome.UPDATED
        assert not difference(later, runs.load("run_a"))


@pytest.mark.parametrize("integer", [2**63 - 1, -(2**63)])
def test_integers_of_64_bits_fit_every_integer_column(kept: Kept, integer: int) -> None:
    stamps = ("created_at", "expires_at", "started_at", "cancelled_at", "failed_at", "completed_at")
    limits = ("max_prompt_tokens", "max_completion_tokens")
    usage = dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), integer)
    truncation = {"type": "last_messages", "last_messages": integer}
    kept(run(**dict.fromkeys((*stamps, *limits), integer), usage=usage, truncation_strategy=truncation))


STRINGS = [
    "",
    " ",
    "\t\r\n",
    "\x01\x08\x0c\x1f\x7f\x80\x9f",
    "é vs e\u0301",
    "\u2028\u2029\ufeff\ufffe\uffff",
    "😀👩‍👩‍👧",
]
STRINGS += [
    "\\u0000 \\ud800 \\",
    "\\N\t\\.",
    "%s %(a)s :b ? {x}",
    "'; DROP TABLE run_object; --",
    "a\u202eb",
    "\U0010ffff",
]


def everywhere(string: str) -> dict[str, Any]:
    """A run with a string in every place that accepts one."""
    names = ("thread_id", "assistant_id", "status", "model", "instructions", "tool_choice", "response_format")
    call = {"id": string, "type": string, "function": {"name": string, "arguments": string}}
    return {
        "id": string,
        **dict.fromkeys(names, string),
        "file_ids": [string, string],
        "metadata": {string: string},
        "tools": [string, {"type": string, "function": {"name": string, "description": string}}],
        "last_error": {"code": string, "message": string},
        "incomplete_details": {"reason": string},
        "required_action": {"type": string, "submit_tool_outputs": {"tool_calls": [call]}},
        "truncation_strategy": {"type": string},
        f"{string}~": string,
    }


def test_strings_come_back_to_the_character_wherever_they_stand(kept: Kept) -> None:
    kept(*map(everywhere, STRINGS))


def test_contradicting_states_come_back(kept: Kept) -> None:
    kept(
        {"id": "a", "status": "completed", "incomplete_details": {"reason": "max_prompt_tokens"}, "completed_at": None},
        {"id": "b", "status": "failed", "last_error": None, "failed_at": None, "completed_at": -5},
        {"id": "c", "status": "incomplete", "completed_at": 0, "required_action": {}, "usage": {}},
    )


# --- what save takes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [BUILT_IN, json.dumps(BUILT_IN), compact(BUILT_IN), json.dumps(BUILT_IN, indent=3)])
def test_a_run_may_be_given_as_mapping_text_or_bytes(runs: RunRepository, given: Any) -> None:
    runs.save(given)
    assert not difference(BUILT_IN, runs.load(BUILT_IN["id"]))
    assert runs.save(compact(BUILT_IN)) is Outcome.UNCHANGED


@pytest.mark.slow
@pytest.mark.xdist_group("openai")
def test_a_run_may_be_an_object_of_the_openai_sdk(runs: RunRepository) -> None:
    from openai.types.beta.threads import Run

    for form in real_forms():
        built = Run.construct(**form)
        runs.save(built)
        stored = runs.load(form["id"])
        # The SDK has its own order of keys.
        assert not difference(in_one_order(form), in_one_order(stored))
        assert runs.save(built) is Outcome.UNCHANGED
        runs.delete(form["id"])


@pytest.mark.slow
@pytest.mark.xdist_group("openai")
def test_a_run_of_the_openai_sdk_parsed_from_a_response_comes_back(runs: RunRepository) -> None:
    from openai.types.beta.threads import Run

    wire_form = {
        **BUILT_IN,
        **dict.fromkeys(("expires_at", "started_at", "cancelled_at", "failed_at", "completed_at"), None),
        **dict.fromkeys(("incomplete_details", "max_completion_tokens", "max_prompt_tokens", "last_error"), None),
        "parallel_tool_calls": True,
        "reasoning_effort": None,
    }
    runs.save(Run.model_validate_json(compact(wire_form)))
    assert not difference(in_one_order(wire_form), in_one_order(runs.load("run_a")))


@pytest.mark.slow
def test_a_run_may_be_an_object_of_the_azure_sdk(runs: RunRepository) -> None:
    from azure.ai.agents.models import ThreadRun

    for form in real_forms():
        runs.save(ThreadRun(form))
        assert not difference(form, runs.load(form["id"]))
        assert runs.save(compact(form)) is Outcome.UNCHANGED
        runs.delete(form["id"])


def test_a_value_of_a_subclass_is_the_plain_value(runs: RunRepository) -> None:
    from enum import Enum, IntEnum, StrEnum

    class Status(str, Enum):  # noqa: UP042 - as SDKs have it
        DONE = "completed"

    class Kind(StrEnum):
        RUN = "thread.run"

    class Count(IntEnum):
        ONE = 1

    class Real(float):
        """As numpy.float64 is."""

    runs.save({"id": "a", "status": Status.DONE, "object": Kind.RUN, "n": [Count.ONE, Real(0.5)], "t": (1, (2,))})
    plain = {"id": "a", "status": "completed", "object": "thread.run", "n": [1, 0.5], "t": [1, [2]]}
    assert not difference(plain, runs.load("a"))
