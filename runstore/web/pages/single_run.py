"""The page of a run."""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from runstore import charts, wire
from runstore.charts import Chart, Series
from runstore.errors import RunNotFound
from runstore.repository import RunRepository
from runstore.save.history import Change
from runstore.schema.views import RUNS
from runstore.web import parameters
from runstore.web.asking import Archive
from runstore.web.pages import links
from runstore.web.pages import shown as values
from runstore.web.pages.rendering import Site, page
from runstore.web.refusals import no_run

Members = dict[str, Any]

NUMBERS = frozenset((
    "id", "object", "created_at", "thread_id", "assistant_id", "status", "started_at", "expires_at", "cancelled_at",
    "failed_at", "completed_at", "model", "usage", "incomplete_details", "file_ids", "temperature", "top_p",
    "max_prompt_tokens", "max_completion_tokens", "truncation_strategy", "parallel_tool_calls",
))  # fmt: skip
"""The members that --hide-text leaves: what is not known to be without text is hidden."""

LONGEST_VALUE = 300
"""Characters of a value of the history that are shown at once."""


class Difference(NamedTuple):
    """A member that differs between two snapshots, as texts; None where it is absent."""

    name: str
    before: str | None
    after: str | None
    hidden: bool


class Snapshot(NamedTuple):
    """A snapshot of the history."""

    status: Any
    observed_at: float
    changed: list[Difference]
    """What changed since the snapshot before."""


class Tool(NamedTuple):
    """A tool as the page shows it."""

    type: str
    name: str | None
    description: str | None
    schema: Any


async def answer(archive: Archive, site: Site, request: Request) -> Response:
    """Return the page. Raises :class:`Refusal` for a run that is not stored."""
    parameters.read(request.scope["query_string"], {})
    run_id = request.path_params["run"]

    def load(runs: RunRepository) -> tuple[Members, Members, list[Change]]:
        run: Members = wire.loads(runs.load_json(run_id).text)
        (row,) = runs.find_rows(id=run_id).rows or [()]
        if not row:  # deleted in between
            raise RunNotFound(id=run_id)
        return run, dict(zip(RUNS.c.keys(), row, strict=True)), runs.changes(run_id)

    try:
        run, row, changes = await archive.ask(load)
    except RunNotFound:
        raise no_run(run_id) from None
    return page(
        site,
        request.scope,
        "run.html",
        run=run,
        row=row,
        spans=_spans(row),
        error=_mapping(run.get("last_error")),
        action=_calls(run),
        tools=[_tool(tool) for tool in _listed(run.get("tools"))],
        metadata=_mapping(run.get("metadata")),
        snapshots=_snapshots(run, row, changes, hide_text=site.hide_text),
        settings=_settings(row),
        command=f"runstore show {shlex.quote(run_id)}",
        json=_json_path(row),
        of_thread=links.query_of([("thread_id", str(row["thread_id"]))]),
        of_assistant=links.query_of([("assistant_id", str(row["assistant_id"]))]),
    )


def _json_path(row: Members) -> str | None:
    if row["thread_id"] is None:
        return None
    return f"v1/threads/{quote(row['thread_id'], safe='')}/runs/{quote(row['id'], safe='')}"


def _mapping(value: Any) -> Members:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return None if value is None else values.compact_json(value)


def _tool(tool: Any) -> Tool:
    members = _mapping(tool)
    function = _mapping(members.get("function"))
    rest = function.get("parameters") if function else {k: v for k, v in members.items() if k != "type"} or None
    kind = _text(members.get("type")) if members else _text(tool)
    return Tool(kind or "(no type)", _text(function.get("name")), _text(function.get("description")), rest)


def _calls(run: Members) -> list[tuple[str | None, str | None]]:
    """Return the function calls that a run waits for, each with its arguments."""
    action = _mapping(run.get("required_action"))
    calls = _listed(_mapping(action.get("submit_tool_outputs")).get("tool_calls"))
    functions = [_mapping(_mapping(call).get("function")) for call in calls]
    return [(_text(function.get("name")), _text(function.get("arguments"))) for function in functions]


def _settings(row: Members) -> list[tuple[str, Any]]:
    names = ("temperature", "top_p", "max_prompt_tokens", "max_completion_tokens", "parallel_tool_calls", "tool_choice",
             "response_format", "truncation", "source")  # fmt: skip
    return [(name.replace("_", " "), row[name]) for name in names if row[name] is not None]


def _spans(row: Members) -> str | None:
    queued, running = row["queue_seconds"], row["run_seconds"]
    if queued is None or running is None or min(queued, running) < 0 or queued + running == 0:
        return None
    series = [Series("queued", [queued], 5), Series("in progress", [running], 1)]
    text = f"Queued for {values.duration(queued)}, in progress for {values.duration(running)}."
    return charts.spans(Chart("states", "Time in each state", text, ["run"], series, values.duration))


def _snapshots(run: Members, row: Members, changes: list[Change], *, hide_text: bool) -> list[Snapshot]:
    """Return all snapshots, oldest first, each with what changed since the one before."""
    states = [run]
    for change in reversed(changes):
        state = {name: value for name, value in states[-1].items() if name not in change.absent}
        states.append(state | change.members)
    states.reverse()
    observed = [*(change.observed_at for change in changes), row["observed_at"]]
    found = []
    for number, (state, at) in enumerate(zip(states, observed, strict=True)):
        before = states[number - 1] if number else state
        names = [name for name in {**before, **state} if before.get(name, ...) != state.get(name, ...)]
        changed = [_difference(name, before, state, hide_text=hide_text) for name in names]
        found.append(Snapshot(state.get("status"), at / 1e6, changed))
    return found


def _difference(name: str, before: Members, after: Members, *, hide_text: bool) -> Difference:
    if hide_text and name not in NUMBERS:
        return Difference(name, None, None, hidden=True)
    return Difference(name, _value(name, before), _value(name, after), hidden=False)


def _value(name: str, state: Members) -> str | None:
    if name not in state:
        return None
    value = state[name]
    if name.endswith("_at") and isinstance(value, int):
        return values.moment(value)
    return values.shortened(values.compact_json(value), LONGEST_VALUE)
