"""Runs, and for each filter which of them it finds, as Python tells it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from runstore import RunRepository
from tests.helpers.runs import a_run

DAY = 86_400
T = 1_700_000_000
FINISHED = {
    "completed": "completed_at",
    "incomplete": "completed_at",
    "failed": "failed_at",
    "cancelled": "cancelled_at",
    "expired": "expires_at",
}


def some_runs(count: int = 300) -> list[dict[str, Any]]:
    """Runs with every filtered member, some of them irregular, oldest first but for ties."""
    dice = random.Random(7)
    found = []
    for number in range(count):
        created = T + 3600 * (number // 3)
        status = dice.choice(["completed"] * 6 + ["failed", "cancelled", "expired", "incomplete", "queued", "paused"])
        run = a_run(
            f"run_{number:03}",
            created_at=created,
            started_at=created + 1,
            thread_id=f"thread_{number % 40}",
            assistant_id=f"asst_{number % 5}",
            model=dice.choice(["gpt-4o", "gpt-4o", "gpt-4o-mini", "o1"]) if number < 280 else "newest",
            status=status,
            metadata=dice.choice([{"team": "a"}, {"team": "b", "x": "1"}, {}, {"x": 1}, {"deep": {"team": "a"}}]),
            instructions=f"Answer {number % 9}." if number % 11 else None,
            usage={"total_tokens": number * 10, "prompt_tokens": 1} if number % 3 else None,
            tools=dice.choice(
                [[{"type": "retrieval"}], [], [{"type": "function", "function": {"name": f"f{number // 50}"}}] * 2]
            ),
            file_ids=[f"file_{number % 7}"] * 2 if number % 2 else [],
        )
        if (stamp := FINISHED.get(status)) is not None:
            run[stamp] = created + number % 100
        if status == "failed":
            run["last_error"] = {
                "code": dice.choice(["server_error", "rate_limit_exceeded"]),
                "message": f"m über {number}",
            }
        if status == "incomplete":
            run["incomplete_details"] = {"reason": dice.choice(["max_prompt_tokens", "max_completion_tokens"])}
        if status == "queued":
            run["required_action"] = {"type": "x"}
        match number:
            case 50:
                run |= {"created_at": None}
            case 51:
                run |= {"started_at": created + 9 * DAY}
            case 52:
                run |= {"status": "completed", "completed_at": created - 5 * DAY}
            case 53:
                run |= {"created_at": -(2**63), "started_at": 2**63 - 1}
            case 55:
                run |= {"metadata": {"said": 'SAY "X"'}}
            case 54:
                run |= {"started_at": None}
        found.append(run)
    return found


RUNS = some_runs()


def number_of(run: dict[str, Any]) -> int:
    return int(run["id"].removeprefix("run_"))


def save(runs: RunRepository, found: Iterable[dict[str, Any]], **options: Any) -> None:
    """Save runs, each third one under the source eu, each third one under us, the others under none."""
    found = list(found)
    for part, source in enumerate(("eu", "us", None)):
        runs.save_many([run for run in found if number_of(run) % 3 == part], source=source, **options)


def finished(run: dict[str, Any]) -> int | None:
    found: int | None = run.get(FINISHED.get(run["status"], ""))
    return found


def took(run: dict[str, Any]) -> int | None:
    end, created = finished(run), run["created_at"]
    return end - created if end is not None and created is not None and abs(created) < 10**11 else None


def tool(run: dict[str, Any], *path: str) -> Iterator[Any]:
    for found in run["tools"]:
        value: Any = found
        for name in path:
            value = value.get(name, {})
        yield value


def within(value: int | None, first: int | None = None, end: int | None = None) -> bool:
    return value is not None and (first is None or first <= value) and (end is None or value < end)


Meets = Callable[[dict[str, Any]], bool]
CASES: list[tuple[dict[str, Any], Meets]] = [
    ({"id": "run_007"}, lambda run: run["id"] == "run_007"),
    ({"id": ["run_007", "run_299", "nowhere"]}, lambda run: run["id"] in ("run_007", "run_299")),
    ({"thread_id": "thread_3"}, lambda run: run["thread_id"] == "thread_3"),
    ({"thread_id": ["thread_3", "thread_9", "thread_3"]}, lambda run: run["thread_id"] in ("thread_3", "thread_9")),
    ({"assistant_id": ("asst_1", "asst_2")}, lambda run: run["assistant_id"] in ("asst_1", "asst_2")),
    ({"model": "newest"}, lambda run: run["model"] == "newest"),
    ({"model": ["gpt-4o", "newest"]}, lambda run: run["model"] in ("gpt-4o", "newest")),
    ({"status": "completed"}, lambda run: run["status"] == "completed"),
    ({"status": ["completed", "failed", "paused"]}, lambda run: run["status"] in ("completed", "failed", "paused")),
    ({"source": "eu"}, lambda run: number_of(run) % 3 == 0),
    ({"source": ["eu", "us", "nowhere"]}, lambda run: number_of(run) % 3 < 2),
    ({"source": "eu", "status": "failed"}, lambda run: number_of(run) % 3 == 0 and run["status"] == "failed"),
    ({"started_from": T + 5 * DAY}, lambda run: within(run["started_at"], T + 5 * DAY)),
    ({"started_before": T + DAY}, lambda run: within(run["started_at"], None, T + DAY)),
    (
        {"started_from": T + DAY, "started_before": T + 2 * DAY},
        lambda run: within(run["started_at"], T + DAY, T + 2 * DAY),
    ),
    ({"finished_from": T + DAY}, lambda run: within(finished(run), T + DAY)),
    ({"finished_before": T + DAY // 2}, lambda run: within(finished(run), None, T + DAY // 2)),
    ({"metadata": {"team": "a"}}, lambda run: run["metadata"].get("team") == "a"),
    ({"metadata": {"team": "b", "x": "1"}}, lambda run: run["metadata"] == {"team": "b", "x": "1"}),
    ({"metadata": {"x": "1"}}, lambda run: run["metadata"].get("x") == "1"),
    ({"metadata": {}}, lambda run: True),
    ({"metadata_key": "x"}, lambda run: "x" in run["metadata"]),
    ({"metadata_key": ["team", "x"]}, lambda run: {"team", "x"} <= run["metadata"].keys()),
    ({"metadata_key": "tea"}, lambda run: False),
    ({"text": "TEAM"}, lambda run: "team" in str(run["metadata"])),
    ({"text": ["a", '":"1']}, lambda run: False),
    ({"text": 'say "x"'}, lambda run: 'SAY "X"' in run["metadata"].values()),
    ({"text": "answer 7"}, lambda run: run["instructions"] == "Answer 7."),
    ({"text": "ÜBER"}, lambda run: False),
    ({"text": "über"}, lambda run: "über" in run.get("last_error", {}).get("message", "")),
    (
        {"text": ["m", "ANSWER 3"], "status": "failed"},
        lambda run: run["status"] == "failed" and run["instructions"] == "Answer 3.",
    ),
    ({"tool_type": "retrieval"}, lambda run: "retrieval" in tool(run, "type")),
    ({"tool_type": ["retrieval", "function"]}, lambda run: bool(run["tools"])),
    ({"function_name": "f2"}, lambda run: "f2" in tool(run, "function", "name")),
    ({"file_id": "file_3"}, lambda run: "file_3" in run["file_ids"]),
    ({"error_code": "server_error"}, lambda run: run.get("last_error", {}).get("code") == "server_error"),
    (
        {"incomplete_reason": ["max_prompt_tokens", "x"]},
        lambda run: run.get("incomplete_details", {}).get("reason") == "max_prompt_tokens",
    ),
    ({"total_tokens_min": 2900}, lambda run: within((run["usage"] or {}).get("total_tokens"), 2900)),
    (
        {"total_tokens_min": 100, "total_tokens_max": 200},
        lambda run: within((run["usage"] or {}).get("total_tokens"), 100, 201),
    ),
    ({"total_seconds_min": 95}, lambda run: within(took(run), 95)),
    ({"total_seconds_max": 3}, lambda run: within(took(run), None, 4)),
    ({"requires_action": True}, lambda run: "required_action" in run),
    ({"requires_action": False}, lambda run: "required_action" not in run),
    (
        {"status": ["completed", "failed"], "started_from": T + DAY, "tool_type": "function"},
        lambda run: (
            run["status"] in ("completed", "failed")
            and within(run["started_at"], T + DAY)
            and "function" in tool(run, "type")
        ),
    ),
    (
        {"thread_id": "thread_3", "metadata": {"team": "a"}, "created_from": T + DAY},
        lambda run: (
            run["thread_id"] == "thread_3" and run["metadata"].get("team") == "a" and within(run["created_at"], T + DAY)
        ),
    ),
    (
        {"started_from": T + DAY, "finished_before": T + 3 * DAY, "created_before": T + 2 * DAY},
        lambda run: (
            within(run["started_at"], T + DAY)
            and within(finished(run), None, T + 3 * DAY)
            and within(run["created_at"], None, T + 2 * DAY)
        ),
    ),
]
