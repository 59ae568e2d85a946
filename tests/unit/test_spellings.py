"""Values of other types than documented reject no run, whatever the spelling of its keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runstore.wire.spelling import spellings
from tests.helpers.comparison import difference
from tests.helpers.mapped import mapped, text_of
from tests.helpers.strategies import DOCUMENTED


@pytest.mark.parametrize("member", [member for member in DOCUMENTED if member != "object"])
@pytest.mark.parametrize("value", ["x", 1.5, 1, True, [], {}, [1, None], {"type": [1]}], ids=repr)
def test_no_type_of_a_documented_member_rejects_a_run(member: str, value: Any) -> None:
    for key in (member, *spellings(member)):
        given = {"id": "a", key: value}
        assert not difference(given, json.loads(text_of(mapped(given))))
