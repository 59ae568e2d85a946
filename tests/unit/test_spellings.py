"""Values of other types than documented reject no run, whatever the spelling of its keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runstore.wire.spelling import spellings
from tests.helpers.comparison import difference
from tests.helpers.mapped import mapped, text_of
from tests.helpers.strategies import DOCUMENTED

VALUES: list[Any] = ["x", 1.5, 1, True, [], {}, [1, None], {"type": [1]}]


def test_no_type_of_a_documented_member_rejects_a_run(subtests: pytest.Subtests) -> None:
    for member in (member for member in DOCUMENTED if member != "object"):
        for key in (member, *spellings(member)):
            with subtests.test(key=key):
                for given in ({"id": "a", key: value} for value in VALUES):
                    assert not difference(given, json.loads(text_of(mapped(given))))
