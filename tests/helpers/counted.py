"""Runs, and the statistics of them as Python counts them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import product
from math import ceil
from typing import Any

from runstore.query import statistics
from runstore.statuses import STATUSES

Run = dict[str, Any]
ENDS = {
    "completed": "completed_at",
    "incomplete": "completed_at",
    "failed": "failed_at",
    "cancelled": "cancelled_at",
    "expired": "expires_at",
}


def made(count: int = 400, seed: int = 7) -> list[Run]:
    """Runs of every status, some with too little to count."""
    dice = random.Random(seed)
    runs = []
    for number in range(count):
        status = dice.choice([*STATUSES, *["completed"] * 9, "failed", "failed", "odd", None])
        created = dice.choice([None, -(2**62), *(1_700_000_000 + dice.randrange(60 * 86_400) for _ in range(30))])
        run: Run = {"id": f"run_{number:03}", "object": "thread.run", "created_at": created, "status": status}
        run["model"] = dice.choice(["gpt-4o", "gpt-4o-mini", "älter", None])
        run["assistant_id"], run["thread_id"] = f"asst_{dice.randrange(4)}", f"thread_{dice.randrange(20)}"
        if status in ENDS and created is not None and dice.random() < 0.9:
            run[ENDS[status]] = created + dice.choice([0, 1, 5, 5, 60, 3600])
        if status == "failed":
            run["last_error"] = dice.choice([None, {"code": "server_error"}, {"code": "rate_limit_exceeded"}])
        if dice.random() < 0.8:
            tokens = [dice.choice([None, 0, 5, 10**6, 2**62]) for _ in range(3)]
            run["usage"] = dict(zip(("prompt_tokens", "completion_tokens", "total_tokens"), tokens, strict=True))
            if dice.random() < 0.3:
                run["usage"]["prompt_tokens_details"] = {"cached_tokens": dice.randrange(100)}
        names = dice.choices(["find", "book", "pay"], k=dice.randrange(4))
        run["tools"] = [{"type": "function", "function": {"name": name}} for name in names]
        run["tools"] += dice.choices([{"type": "code_interpreter"}, {"type": "file_search"}], k=dice.randrange(3))
        runs.append(run)
    return runs


def time(form: str) -> Callable[[Run], list[str | None]]:
    def groups(run: Run) -> list[str | None]:
        created = run["created_at"]
        if created is None or abs(created) > 2**60:
            return [None]
        moment = datetime.fromtimestamp(created, UTC)
        year, week, _ = moment.isocalendar()
        return [moment.strftime(form) if form else f"{year}-W{week:02}"]

    return groups


def some(values: Iterable[str]) -> list[str | None]:
    return [*dict.fromkeys(values)] or [None]


GROUPS: dict[str, Callable[[Run], list[str | None]]] = {
    "hour": time("%Y-%m-%dT%H"),
    "day": time("%Y-%m-%d"),
    "week": time(""),
    "month": time("%Y-%m"),
    "model": lambda run: [run["model"]],
    "assistant": lambda run: [run["assistant_id"]],
    "thread": lambda run: [run["thread_id"]],
    "status": lambda run: [run["status"]],
    "error": lambda run: [(run.get("last_error") or {}).get("code")],
    "tool": lambda run: some(tool["type"] for tool in run["tools"]),
    "function": lambda run: some(tool["function"]["name"] for tool in run["tools"] if "function" in tool),
}


def pairs_of_tools(run: Run) -> list[tuple[str | None, str | None]]:
    return [*dict.fromkeys((tool["type"], tool.get("function", {}).get("name")) for tool in run["tools"])] or [
        (None, None)
    ]


def expected(runs: Iterable[Run], *by: str) -> list[dict[str, Any]]:
    groups: dict[tuple[str | None, ...], list[Run]] = {}
    for run in runs:
        for names in product(*(GROUPS[name](run) for name in by)):
            groups.setdefault(names, []).append(run)
    ordered = sorted(groups, key=lambda names: [(name is not None, (name or "").encode()) for name in names])
    return [{**dict(zip(by, names, strict=True)), **counted(groups[names])} for names in ordered]


def counted(runs: list[Run]) -> dict[str, Any]:
    statuses = [run["status"] for run in runs]
    ended = sum(status in ENDS for status in statuses)
    seconds = sorted(filter(lambda taken: taken is not None, map(taken_by, runs)))

    def total(read: Callable[[dict[str, Any]], int | None]) -> int | None:
        values = [value for run in runs if (value := read(run.get("usage") or {})) is not None]
        return sum(values) if values else None

    def percentile(percent: int) -> int | None:
        return seconds[ceil(percent * len(seconds) / 100) - 1] if seconds else None

    return {
        "runs": len(runs),
        **{status: statuses.count(status) for status in STATUSES},
        "other_status": sum(status not in STATUSES for status in statuses),
        "failure_rate": statuses.count("failed") / ended if ended else None,
        **{name: total(lambda usage, name=name: usage.get(name)) for name in statistics.TOKENS[:3]},  # type: ignore[misc]
        "cached_tokens": total(lambda usage: usage.get("prompt_tokens_details", {}).get("cached_tokens")),
        "cost": None,
        "currency": None,
        "unpriced": sum((run.get("usage") or {}).get("total_tokens") is not None for run in runs),
        "seconds_mean": sum(seconds) / len(seconds) if seconds else None,
        **{name: percentile(percent) for name, percent in statistics.PERCENTILES.items()},
        "unfinished": len(runs) - len(seconds),
    }


def taken_by(run: Run) -> Any:
    end = run.get(ENDS.get(run["status"], "none"))
    return None if end is None or abs(run["created_at"]) > 2**60 else end - run["created_at"]
