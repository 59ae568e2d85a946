"""Filters as SQL, made for each database without asking one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy.engine import URL

from runstore import ConfigurationError
from runstore.backends import Backend
from runstore.backends.postgresql import PostgreSQL
from runstore.backends.sqlite import SQLite
from runstore.query import criteria, filters
from tests.helpers.filter_cases import CASES

BACKENDS: dict[str, type[Backend]] = {"postgresql": PostgreSQL, "sqlite": SQLite}


@pytest.fixture(params=BACKENDS)
def database(request: pytest.FixtureRequest) -> str:
    """The name of a database that is not queried."""
    return str(request.param)


def compiled(database: str, where: dict[str, Any]) -> tuple[str, list[Any]]:
    """The text of all conditions, and the values of their parameters."""
    tests = filters.understood(BACKENDS[database](), where, paged=False).tests()
    made = [test.compile(dialect=URL.create(database).get_dialect()()) for test in tests]
    values = [value for each in made for value in each.params.values()]
    return "\n".join(map(str, made)), values


def test_a_value_of_a_filter_is_a_parameter_and_never_text(database: str, subtests: pytest.Subtests) -> None:
    for where, _ in CASES:
        with subtests.test(where=where):
            text, values = compiled(database, where)
            assert bool(text) == (where != {"metadata": {}})
            assert bool(values) or {*where} <= {"metadata", "requires_action"}
            for given in re.findall(r"[a-z]+_\d+|newest|retrieval|server_error|eu\b", str([*where.values()])):
                assert f"'{given}'" not in text


def test_a_text_that_would_be_sql_stays_a_value(database: str) -> None:
    evil = "x' OR 1 = 1 --"
    for name in ("id", "thread_id", "model", "status", "tool_type", "function_name", "file_id", "error_code"):
        text, values = compiled(database, {name: evil})
        assert evil not in text, name
        assert any(evil in str(value) for value in values), name


def test_every_filter_is_made_conditions_of(database: str) -> None:
    assert {name for where, _ in CASES for name in where} == criteria.FILTERS.keys() == filters.MAKERS.keys()


def test_a_name_that_is_no_filter_is_a_configuration_error(database: str) -> None:
    with pytest.raises(ConfigurationError, match="colour"):
        compiled(database, {"colour": "red"})
