"""Faithful or refused: what cannot be kept is rejected with its path before any database is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runstore import wire
from runstore.errors import NotARun, RunRejected
from runstore.mapping import Mapper
from runstore.wire import deviations
from tests.helpers.mapped import mapped, text_of
from tests.helpers.refused import DEPARTS, INDEXED, LONGEST, NO_UTF8, PYTHON, REFUSED, STRICT


def test_what_cannot_be_kept_is_refused_with_its_path(subtests: pytest.Subtests) -> None:
    for name, (text, path, reason) in REFUSED.items():
        with subtests.test(name):
            with pytest.raises(RunRejected) as refusal:
                mapped(text)
            assert (refusal.value.path, refusal.value.reason[: len(reason)]) == (path, reason)


@pytest.mark.parametrize(("raw", "path"), NO_UTF8)
def test_bytes_that_are_no_utf8_are_refused(raw: bytes, path: str) -> None:
    with pytest.raises(RunRejected, match="is not UTF-8") as refusal:
        mapped(raw)
    assert refusal.value.path == path


def test_python_values_without_an_exact_json_form_are_refused(subtests: pytest.Subtests) -> None:
    for name, (value, path, reason) in PYTHON.items():
        with subtests.test(name):
            with pytest.raises(RunRejected) as refusal:
                mapped(value)
            assert (refusal.value.path, refusal.value.reason[: len(reason)]) == (path, reason)


@pytest.mark.parametrize(
    "other",
    [
        {"id": "msg_a", "object": "thread.message"},
        {"object": "list", "data": []},
        {"id": "step_a", "object": "thread.run.step"},
        {"id": "a", "object": "Thread.Run"},
        {},
        {"status": "queued"},
        {"object": None},
    ],
)
def test_an_object_of_another_kind_is_not_a_run(other: dict[str, Any]) -> None:
    with pytest.raises(NotARun):
        mapped(other)


# --- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LONGEST)
def test_an_indexed_string_has_at_most_1024_bytes(name: str, subtests: pytest.Subtests) -> None:
    too_long = "is 1025 bytes long, but an indexed string has at most 1024"
    for path, run in INDEXED.items():
        with subtests.test(path=path):
            longest, longer = (
                run % json.dumps(text, ensure_ascii=name == "four bytes")
                for text in (LONGEST[name], LONGEST[name] + "x")
            )
            assert json.loads(text_of(mapped(longest))) == json.loads(longest)
            with pytest.raises(RunRejected, match=too_long) as refusal:
                mapped(longer)
            assert refusal.value.path == path


@pytest.mark.parametrize("member", ["x", "metadata", "usage", "last_error", "tools", "file_ids", "tool_choice"])
def test_no_depth_is_too_deep_to_be_refused(member: str) -> None:
    """Decoders count Python's own levels too, so where they give up depends on who calls them."""
    mapper = Mapper()
    for levels in (*range(200, 205), *range(205, 1100, 6)):
        text = f'{{"id":"a","{member}":' + '{"x":' * levels + "[]" + "}" * levels + "}"
        with pytest.raises(RunRejected):
            mapper.snapshot(mapper.draft(wire.run_members(text)), 1)


# --- strict ----------------------------------------------------------------------------------------------------------


def check(run: dict[str, Any]) -> None:
    """Refuse a run as save(strict=True) does."""
    deviations.check(text_of(mapped(run)))


def test_strict_takes_what_keeps_to_the_document() -> None:
    check(STRICT)


def test_strict_refuses_what_departs_from_the_document(subtests: pytest.Subtests) -> None:
    for name, (path, value) in DEPARTS.items():
        with subtests.test(name):
            with pytest.raises(RunRejected, match="deviates from the API specification") as refusal:
                check({**STRICT, name.split()[0]: value})
            assert refusal.value.path.startswith(path.removesuffix("[...]"))


@pytest.mark.parametrize("member", ["created_at", "thread_id", "status", "tools", "metadata", "required_action"])
def test_strict_refuses_a_run_without_a_required_member(member: str) -> None:
    with pytest.raises(RunRejected, match=member):
        check({key: value for key, value in STRICT.items() if key != member})
