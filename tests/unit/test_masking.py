"""No exception or repr shows what could be a password, and what is harmless is shown."""

from __future__ import annotations

import traceback

import pytest

from runstore import RunRepository, RunStoreError, config, create_engine
from runstore.masking import masked
from tests.helpers.secret_places import PLACES, SECRET


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_of_a_place_is_in_an_exception_or_what_caused_it(place: str) -> None:
    with pytest.raises(RunStoreError) as raised, RunRepository.open(place, patience=0) as runs:
        runs.load("run_1")
    error: BaseException | None = raised.value
    while error is not None:
        assert SECRET not in "".join(traceback.format_exception_only(error)) + repr(error.args)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("place", [place for place in PLACES if "://" in place])
def test_no_secret_is_in_the_repr_of_an_engine_or_in_its_place(place: str) -> None:
    try:
        engine = create_engine(place)
    except RunStoreError:
        return
    assert SECRET not in repr(engine) + config.shown(engine.url) + repr(engine.url)


@pytest.mark.parametrize(
    "message",
    [
        'postgresql://me%40example.com:***@h:5432/db: connection failed: FATAL: user "me@example.com" is not there',
        'rejected: runs@2024.jsonl:12: $.metadata["a@b"]: expected a string, found number',
        "the schema of postgresql://h/db?schema=s does not exist yet",
        "runs.db: at 0004",
        "$.client_secret: expected a string",
        "total_tokens=5 and status=x are kept",
    ],
)
def test_what_is_harmless_is_shown(message: str) -> None:
    assert masked(message) == message
