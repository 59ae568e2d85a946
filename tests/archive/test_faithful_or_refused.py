"""Faithful or refused: what cannot be kept is rejected identically on every database, and never altered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Engine

from runstore.errors import NotARun, RunRejected, RunStoreError
from runstore.repository import RunRepository
from runstore.save.writer import Outcome
from tests.helpers.comparison import compact, contents, difference
from tests.helpers.refused import DEPARTS, INDEXED, LONGEST, NO_UTF8, PYTHON, REFUSED, STRICT, nested
from tests.helpers.strategies import DOCUMENTED


def test_what_cannot_be_kept_is_refused_with_its_path(runs: RunRepository) -> None:
    refused = [*((text, path, reason) for text, path, reason in [*REFUSED.values(), *PYTHON.values()])]
    for given, path, reason in [*refused, *((raw, path, "is not UTF-8") for raw, path in NO_UTF8)]:
        with pytest.raises(RunRejected) as refusal:
            runs.save(given)
        assert (refusal.value.path, refusal.value.reason[: len(reason)]) == (path, reason)
    assert runs.count() == 0


def test_a_refused_run_costs_no_other_one(runs: RunRepository) -> None:
    good = [{"id": f"run_{place:03}"} for place in range(len(REFUSED))]
    bad = [text.encode() for text, _, _ in REFUSED.values()]
    report = runs.save_many(each for pair in zip(good, bad, strict=True) for each in pair)
    assert (report.inserted, report.rejected, report.complete) == (len(good), len(bad), False)
    assert [rejection.record for rejection in report.rejections] == bad
    for rejection, (_, path, reason) in zip(report.rejections, REFUSED.values(), strict=True):
        assert rejection.reason.startswith(f"{path}: {reason}")
    assert list(runs.iterate()) == good
    report = runs.save_many([*(value for value, _, _ in PYTHON.values()), {"id": "last"}])
    assert (report.inserted, report.rejected) == (1, len(PYTHON))


def test_nothing_of_a_refused_run_is_stored(engine: Engine, runs: RunRepository) -> None:
    runs.save({"id": "a"}, observed_at=1)
    before = contents(engine, without=())
    for text, _, _ in REFUSED.values():
        with pytest.raises(RunRejected):
            runs.save(text.replace('{"id":"a"', '{"instructions":"new","tools":[{"type":"new"}],"id":"a"', 1))
    assert contents(engine, without=()) == before


@pytest.mark.parametrize(
    "member", ["required_action", "tools", "tool_choice", "response_format", "truncation_strategy", "metadata"]
)
def test_what_stands_inside_free_members_is_stored_whatever_it_is(runs: RunRepository, member: str) -> None:
    values: list[Any] = [None, "x", 1, 1.5, True, [], {}, [[{}]], {"type": {"function": []}}]
    for n, value in enumerate(values):
        inner = dict.fromkeys(("type", "function", "name", "last_messages", "strict", "submit_tool_outputs"), value)
        given: dict[str, Any] = {
            "id": f"run_{n}",
            member: [inner, value] if member == "tools" else {**inner, "function": inner},
        }
        runs.save(given)
        assert not difference(given, runs.load(given["id"]))


def test_an_integer_may_be_spelled_with_a_fraction_of_zero(runs: RunRepository) -> None:
    runs.save('{"id":"a","created_at":1795220740.0,"usage":{"total_tokens":1e3},"max_prompt_tokens":256.00}')
    loaded = runs.load("a")
    assert loaded == {"id": "a", "created_at": 1795220740, "usage": {"total_tokens": 1000}, "max_prompt_tokens": 256}
    assert type(loaded["created_at"]) is int
    assert runs.count(created_from=1795220740, created_before=1795220741) == 1
    assert runs.save(b'{"id":"a","created_at":1795220740,"usage":{"total_tokens":1000},"max_prompt_tokens":256}') is (
        Outcome.UNCHANGED
    )


def test_every_key_but_id_may_be_absent_and_null(runs: RunRepository) -> None:
    runs.save({"id": "a"})
    everything = {"id": "b", **dict.fromkeys(DOCUMENTED)}
    runs.save(everything)
    assert not difference({"id": "a"}, runs.load("a"))
    assert not difference(everything, runs.load("b"))


def test_strings_in_no_index_have_any_length(runs: RunRepository) -> None:
    text = "é" * 5000
    call = {"id": text, "type": text, "function": {"name": text, "arguments": text}}
    given = {
        "id": "a",
        "object": "thread.run",
        "instructions": text,
        "last_error": {"message": text},
        "tools": [text, {"function": {"description": text, "type": text}}],
        "tool_choice": text,
        "response_format": {"type": text},
        "truncation_strategy": {"type": text},
        "required_action": {"type": text, "submit_tool_outputs": {"tool_calls": [call]}},
        "metadata": {text: text},
        text: text,
    }
    runs.save(given)
    assert not difference(given, runs.load("a"))


@pytest.mark.parametrize("member", ["x", "metadata", "usage", "tools", "required_action", "tool_choice"])
def test_a_run_may_be_nested_200_levels_deep(runs: RunRepository, member: str) -> None:
    if member == "tools":
        text = '{"id":"a","tools":[' + nested(198) + "]}"
    else:
        text = f'{{"id":"a","{member}":' + '{"k":' * 198 + "[]" + "}" * 198 + "}"
    runs.save(text)
    assert compact(runs.load("a")) == text.encode()


def test_brackets_in_strings_are_no_levels(runs: RunRepository) -> None:
    given = {"id": "a", "x": '[{"\\' * 500, "metadata": {"[" * 300: "{" * 300}}
    runs.save(given)
    assert not difference(given, runs.load("a"))


@pytest.mark.parametrize("name", LONGEST)
def test_the_longest_indexed_strings_come_back(runs: RunRepository, name: str) -> None:
    for text in INDEXED.values():
        given = text % json.dumps(LONGEST[name], ensure_ascii=name == "four bytes")
        runs.save(given, on_conflict="replace")
        run_id = next(iter(json.loads(given).values()))
        assert not difference(json.loads(given), runs.load(run_id))
        assert runs.delete(run_id) == 1


class OwnDict(dict[str, Any]):
    """A mapping that has a ``to_dict`` with another meaning."""

    def to_dict(self) -> None:
        raise AssertionError

    as_dict = to_dict


def test_a_mapping_is_taken_as_it_is_whatever_methods_it_has(runs: RunRepository) -> None:
    assert runs.save(OwnDict(id="a", object="thread.run", metadata=OwnDict(x="1"))) == "inserted"
    assert runs.load("a") == {"id": "a", "object": "thread.run", "metadata": {"x": "1"}}


def test_an_object_of_another_kind_is_skipped_not_rejected(runs: RunRepository) -> None:
    report = runs.save_many([{"id": "msg_a", "object": "thread.message"}, {"status": "queued"}, {"id": "a"}])
    assert (report.skipped, report.inserted, report.rejected, report.complete) == (2, 1, 0, True)
    assert not report.rejections
    with pytest.raises(NotARun):
        runs.save({"id": "msg_a", "object": "thread.message"})


def test_strict_refuses_what_departs_from_the_document_and_nothing_else(runs: RunRepository) -> None:
    assert runs.save(STRICT, strict=True) is Outcome.INSERTED
    departing = [
        {**STRICT, name.split()[0]: value, "id": f"run_{place}"}
        for place, (name, (_, value)) in enumerate(DEPARTS.items())
    ]
    report = runs.save_many(departing, strict=True)
    assert (report.rejected, runs.count()) == (len(DEPARTS), 1)
    assert all("deviates from the API specification" in rejection.reason for rejection in report.rejections)
    assert runs.save_many(departing).inserted == len(DEPARTS)
    for run in departing:
        assert not difference(run, runs.load(run["id"]))


@pytest.mark.parametrize(
    "arguments",
    [{"source": "a\0"}, {"source": "\ud800"}, {"observed_at": 2**70}, {"observed_at": 1.5}, {"on_conflict": "newer"}],
)
def test_arguments_that_cannot_be_kept_are_refused_alike(runs: RunRepository, arguments: dict[str, Any]) -> None:
    with pytest.raises(RunStoreError, match=r"source|observed_at|on_conflict"):
        runs.save({"id": "a"}, **arguments)
    assert runs.count() == 0
