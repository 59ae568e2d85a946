"""The recipes of the documentation: each is one query that gives the known answer, the same on every database."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from runstore import RunRepository
from runstore.prices import Price
from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs" / "howto" / "recipes.md").read_text("utf-8")
RECIPES = dict(re.findall(r"^## (.+?)\n\n(?:[^#`].*?\n\n)?```sql\n(.*?)\n```", PAGE, flags=re.M | re.S))

# --- the archive -----------------------------------------------------------------------------------------------------


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> int:
    return int(datetime(2024, 5, day, hour, minute, second, tzinfo=UTC).timestamp())


def a_run(run_id: str, thread: str, model: str, created: int, status: str, **members: Any) -> dict[str, Any]:
    """A run that complies with the API specification, except for the given members."""
    return {
        "id": run_id,
        "object": "thread.run",
        "created_at": created,
        "thread_id": thread,
        "assistant_id": f"asst_{run_id[4]}",
        "status": status,
        "required_action": None,
        "last_error": None,
        "expires_at": None,
        "started_at": None,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "model": model,
        "instructions": "Be brief.",
        "tools": [],
        "metadata": {},
        **members,
    }


def functions(*names: str) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": name}} for name in names]


def usage(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **more}


def call(name: str, arguments: str) -> dict[str, Any]:
    calls = [{"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": arguments}}]
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": calls}}


STEPS = "run_ZJylBReSLbWO0R9KujMfvgtS"
"""The run that the page asks for the states of."""

ACME, GLOBEX = {"customer": "acme"}, {"customer": "globex"}
LIMIT = {"code": "rate_limit_exceeded", "message": "Slow down."}
RUNS = [
    a_run("run_A1", "thread_1", "big", at(6, 9), "completed", started_at=at(6, 9, 0, 2), completed_at=at(6, 9, 0, 30),
          usage=usage(1000, 100, prompt_tokens_details={"cached_tokens": 400}), metadata=ACME,
          tools=[*functions("find"), {"type": "code_interpreter"}], file_ids=["file_1", "file_2"]),
    a_run("run_A2", "thread_1", "big", at(6, 9, 30), "failed", started_at=at(6, 9, 30, 6), failed_at=at(6, 9, 30, 10),
          last_error=LIMIT, tools=functions("find"), metadata=ACME),
    a_run("run_A3", "thread_1", "big", at(6, 9, 40), "completed", started_at=at(6, 9, 40, 1),
          completed_at=at(6, 9, 41, 1), usage=usage(2000, 200, prompt_tokens_details={"cached_tokens": 0}),
          instructions="Be brief. Be kind.", tools=functions("find", "find"), metadata=GLOBEX),
    a_run("run_B1", "thread_2", "small", at(13, 10), "requires_action", required_action=call("book", '{"room":7}'),
          tools=functions("book", "rate")),
    a_run("run_B1", "thread_2", "small", at(13, 10), "failed", failed_at=at(13, 10, 1, 40),
          tools=functions("book", "rate"), last_error={"code": "server_error", "message": "Sorry."}),
    a_run("run_B2", "thread_2", "small", at(13, 10, 10), "requires_action", required_action=call("book", '{"room":1}'),
          tools=functions("book"), metadata=ACME, usage=None),
    a_run("run_B3", "thread_3", "small", at(13, 11), "incomplete", started_at=at(13, 11, 0, 3),
          completed_at=at(13, 11, 0, 20), incomplete_details={"reason": "max_completion_tokens"},
          usage=usage(500, 500), file_ids=["file_1", "file_1"]),
    a_run("run_B4", "thread_3", "small", at(13, 11, 5), "requires_action", required_action=call("pay", "{}"),
          tools=functions("pay")),
    a_run("run_B4", "thread_3", "small", at(13, 11, 5), "expired", expires_at=at(13, 11, 15), tools=functions("pay")),
    a_run("run_A4", "thread_4", "small", at(13, 11, 30), "failed", failed_at=at(13, 11, 30, 1), last_error=LIMIT,
          instructions="Be brief. Be kind."),
    a_run(STEPS, "thread_5", "small", at(14, 8), "queued"),
    a_run(STEPS, "thread_5", "small", at(14, 8), "in_progress"),
    a_run(STEPS, "thread_5", "small", at(14, 8), "cancelled", cancelled_at=at(14, 8, 0, 9), temperature=3),
]  # fmt: skip
PRICES = {"big": 10, "small": 1}

ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "What did each model cost, week by week?": [
        ("2024-W19", "big", 0.033, "EUR"),
        ("2024-W20", "small", 0.001, "EUR"),
    ],
    "How many tokens did each model use, day by day?": [
        ("2024-05-06", "big", 2, 3000, 300),
        ("2024-05-13", "small", 1, 500, 500),
    ],
    "Which runs were the most expensive?": [
        ("run_A3", "big", 2200, 0.022, "EUR"),
        ("run_A1", "big", 1100, 0.011, "EUR"),
        ("run_B3", "small", 1000, 0.001, "EUR"),
    ],
    "How much of the prompts came from the cache?": [("big", 400, 3000)],
    "Which threads are the slowest?": [
        ("thread_3", 2, 620),
        ("thread_1", 3, 101),
        ("thread_2", 1, 100),
        ("thread_5", 1, 9),
        ("thread_4", 1, 1),
    ],
    "How long do runs wait before they start?": [("2024-05-06", 3, 3, 6), ("2024-05-13", 1, 3, 3)],
    "How many runs of each model fail?": [("small", 6, 2), ("big", 3, 1)],
    "Why do runs fail?": [("rate_limit_exceeded", 2, "Slow down."), ("server_error", 1, "Sorry.")],
    "In which hours do we run into the rate limit?": [("2024-05-06T09", 1), ("2024-05-13T11", 1)],
    "Which runs tried again after one that failed?": [
        ("thread_1", "run_A2", "run_A3", "completed"),
        ("thread_2", "run_B1", "run_B2", "requires_action"),
    ],
    "Which function calls led to failed runs?": [("book", 1)],
    "Which runs are stuck waiting for tool outputs, and for which?": [("run_B2", "2024-05-13", "book", '{"room":1}')],
    "Which function calls received no output before the run expired?": [("pay", 1)],
    "How often is each function called, and in how many runs?": [("book", 2, 2), ("pay", 1, 1)],
    "Which tools were runs given?": [
        ("function", "find", 3),
        ("function", "book", 2),
        ("code_interpreter", None, 1),
        ("function", "pay", 1),
        ("function", "rate", 1),
    ],
    "Which functions were given to runs and never called?": [("find",), ("rate",)],
    "When did the prompt of an assistant change?": [
        ("asst_A", "Be brief.", "2024-05-06", "2024-05-06", 2),
        ("asst_A", "Be brief. Be kind.", "2024-05-06", "2024-05-13", 2),
        ("asst_B", "Be brief.", "2024-05-13", "2024-05-13", 4),
        ("asst_Z", "Be brief.", "2024-05-14", "2024-05-14", 1),
    ],
    "Which files are used most?": [("file_1", 2), ("file_2", 1)],
    "How much does each customer use?": [("acme", 3, 1100), ("globex", 1, 2200)],
    "Which states did a run go through?": [
        (0, None, "queued", "1970-01-01 00:00:10"),
        (1, "queued", "in_progress", "1970-01-01 00:00:11"),
        (2, "in_progress", "cancelled", "1970-01-01 00:00:12"),
    ],
    "Which runs were cut off, and why?": [("max_completion_tokens", "small", 1, 500)],
    "What deviates from the API specification?": [("temperature", "$.temperature", 1)],
}


@pytest.fixture
def archive(runs: RunRepository) -> RunRepository:
    for place, run in enumerate(RUNS):
        runs.save(run, observed_at=place * 1_000_000)
    runs.set_prices(Price(model, 0, price, None, price, "EUR") for model, price in PRICES.items())
    return runs


def compared(value: Any) -> Any:
    """Numbers as numbers; times as the views of SQLite write them."""
    if isinstance(value, Decimal | float):
        return pytest.approx(float(value))
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)Z$", r"\1 \2", value) if isinstance(value, str) else value


def test_every_recipe_has_a_known_answer() -> None:
    assert list(RECIPES) == list(ANSWERS)
    assert len(RECIPES) >= 15


def test_a_recipe_gives_the_known_answer(archive: RunRepository, subtests: pytest.Subtests) -> None:
    for question in ANSWERS:
        with subtests.test(question), archive.sql(RECIPES[question]) as answer:
            assert [tuple(map(compared, row)) for row in answer.rows] == ANSWERS[question]


def test_recipes_ask_the_views_and_are_short() -> None:
    for question, query in RECIPES.items():
        assert not re.search(r"run_object|assistant_object|::|->>|strftime|to_char", query), question
        assert len(query.splitlines()) <= 4, question
