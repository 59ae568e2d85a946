"""A realistic dump of runs, which depends on a seed only: a few assistants reuse their prompts and tools."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

ASSISTANTS = 40
CHANGED_TOOL = 0.002
"""Probability that a run replaces one of its assistant's tools from then on."""
OWN_SENTENCE = 0.25
"""Probability that the instructions of a run end with a sentence of its own."""
REQUIRED_ACTION, LAST_ERROR, INCOMPLETE = 0.03, 0.04, 0.02

Run = dict[str, Any]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_VOCABULARY = (
    "account address agent agree allow always amount answer any appointment ask assistant attach available average "
    "balance before billing book brief budget calculate calendar call cancel careful case category change charge check "
    "choose city clear client close code collect company compare complete confirm contact contract cost country create "
    "credit currency current customer daily data date deadline decide default delay deliver department describe detail "
    "device discount discuss document draft during each edit email employee empty enough error estimate every exact "
    "example expect expense explain export extra facts failure fee field figure file filter final find first flight "
    "follow format friendly from full general give goal group guest handle help history hotel hour if important "
    "include income index inform input invoice issue item keep kind know label language last later length level limit "
    "line link list local location long lookup maintain make manager market match matter measure meeting member "
    "mention message method minute missing month must name need never next note notify number offer office only open "
    "option order other outcome owner package page part partner pay period person phone place plan please point "
    "policy polite previous price private problem process product profile project promise proof provide public "
    "purchase quality quantity question quote range rate reason receipt record refund region reject remember remind "
    "rent repeat reply report request require reserve result return review room rule safe sale save schedule search "
    "second section seller send service set shipment short show sign simple size skill source speak staff start state "
    "status step stock store subject suggest summary supplier support table task tax team term test text thank ticket "
    "time title today topic total track transfer travel trip type unit until update urgent use user valid value "
    "vendor verify version visit wait warehouse week weight welcome when where which work write year zone"
)
_WORDS = _VOCABULARY.split()
_NAMES = ("Ana", "Bjørn", "Chloé", "Dmitri", "Emeka", "Fatima", "Gülşen", "Hiroshi", "Inés", "Jürgen", "Kamala")
_MODELS = {"v1": ("gpt-3.5-turbo-1106", "gpt-4-1106-preview"), "v2": ("gpt-4o", "gpt-4o-mini", "gpt-4-turbo")}
_TERMINAL = (("completed", "completed_at"), ("cancelled", "cancelled_at"), ("expired", "expires_at"))
_ERRORS = (
    ("server_error", "Sorry, something went wrong."),
    ("rate_limit_exceeded", "You exceeded your current quota, please check your plan and billing details."),
    ("invalid_prompt", "Your prompt was flagged."),
)


@dataclass
class _Assistant:
    id: str
    generation: str
    model: str
    instructions: str
    tools: list[dict[str, Any]]
    threads: list[str] = field(default_factory=list)
    formats: tuple[Any, Any, Any] = ("auto", None, "auto")
    """tool_choice, truncation_strategy and response_format."""


def runs(count: int, *, seed: int = 1, unique: float = 0, offset: int = 0, every: int = 40) -> Iterator[Run]:
    """Return the runs *offset* to *offset* + *count* of the dump for this seed, the oldest first.

    *unique* percent of the runs have instructions and tools that no other run has. Two calls with the same seed begin
    with the same assistants; if their offsets differ, they share no run. A run is created *every* seconds on average.
    """
    dice = random.Random(seed)
    assistants = [_assistant(dice, place) for place in range(ASSISTANTS)]
    # The runs of an offset have a random generator of their own, so that earlier runs need not be generated.
    dice = random.Random(f"{seed}/{offset}")
    created_at = 1_706_000_000 + every * offset
    for _ in range(count):
        created_at += dice.randrange(2 * every)
        yield _run(dice, dice.choice(assistants), created_at, unique)


def write(file: Path, made: Iterable[Run]) -> int:
    """Write runs as JSON Lines of compact JSON, and return the bytes of the JSON without line breaks."""
    encode = msgspec.json.Encoder().encode
    size = 0
    with file.open("wb") as out:
        for run in made:
            line = encode(run)
            size += len(line)
            out.write(line + b"\n")
    return size


def changed(run: Run) -> Run:
    """Return a later snapshot of a run, with one more pair in its metadata."""
    return {**run, "metadata": {**(run["metadata"] or {}), "reviewed_by": "night shift"}}


def _run(dice: random.Random, assistant: _Assistant, created_at: int, unique: float) -> Run:
    if dice.random() < CHANGED_TOOL:
        assistant.tools = list(assistant.tools)
        assistant.tools[dice.randrange(len(assistant.tools))] = _function(dice)
    instructions, tools = assistant.instructions, assistant.tools
    if dice.random() * 100 < unique:
        instructions = _text(dice, len(instructions))
        tools = [_function(dice) for _ in tools]
    elif dice.random() < OWN_SENTENCE:
        day = f"{1 + dice.randrange(28)}.{1 + dice.randrange(12)}.2024, {dice.randrange(24)}:{dice.randrange(60):02}"
        instructions += f" You are talking to {dice.choice(_NAMES)} {_id(dice, '', 6)}; today is {day}."
    if not assistant.threads or dice.random() < 0.4:
        assistant.threads = [*assistant.threads[-20:], _id(dice, "thread_")]
    ended = created_at + 2 + dice.randrange(60)
    status, stamp = _TERMINAL[0] if dice.random() < 0.95 else dice.choice(_TERMINAL)
    run: Run = {
        "id": _id(dice, "run_"),
        "object": "thread.run",
        "created_at": created_at,
        "assistant_id": assistant.id,
        "thread_id": dice.choice(assistant.threads),
        "status": status,
        "started_at": created_at + 1,
        "expires_at": None,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "required_action": None,
        "last_error": None,
        "model": assistant.model,
        "instructions": instructions,
        "tools": tools,
        "metadata": {
            f"{dice.choice(_WORDS)}_{place}": _id(dice, f"{dice.choice(_WORDS)} ", 8)
            for place in range(dice.randrange(7))
        },
        "usage": None,
    }
    if assistant.generation == "v1":
        run["file_ids"] = [_id(dice, "file-") for _ in range(dice.randrange(6))]
    else:
        choice, truncation, response = assistant.formats
        run |= {
            "temperature": dice.choice((1.0, 1.0, 0.2, 0.7)),
            "top_p": 1.0,
            "max_prompt_tokens": dice.choice((None, None, 20_000)),
            "max_completion_tokens": dice.choice((None, None, 1_000)),
            "truncation_strategy": truncation,
            "incomplete_details": None,
            "tool_choice": choice,
            "parallel_tool_calls": True,
            "response_format": response,
        }
    _outcome(dice, run, stamp, ended)
    return run


def _outcome(dice: random.Random, run: Run, stamp: str, ended: int) -> None:
    """Set how the run ended, or the action that it requires."""
    luck = dice.random()
    run[stamp] = ended
    if luck < REQUIRED_ACTION:
        names = [tool["function"]["name"] for tool in run["tools"] if "function" in tool] or ["look_up"]
        calls = [
            {"id": _id(dice, "call_"), "type": "function", "function": {"name": name, "arguments": _arguments(dice)}}
            for name in dice.choices(names, k=1 + dice.randrange(2))
        ]
        outputs = {"tool_calls": calls}
        run["required_action"] = {"type": "submit_tool_outputs", "submit_tool_outputs": outputs}
        run |= {"status": "requires_action", stamp: None, "expires_at": run["created_at"] + 600}
        return
    if luck < REQUIRED_ACTION + LAST_ERROR:
        code, message = dice.choice(_ERRORS)
        run |= {"status": "failed", stamp: None, "failed_at": ended, "last_error": {"code": code, "message": message}}
    elif luck < REQUIRED_ACTION + LAST_ERROR + INCOMPLETE:
        reason = dice.choice(("max_completion_tokens", "max_prompt_tokens"))
        run |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
    prompt, completion = 500 + dice.randrange(8_000), 20 + dice.randrange(900)
    run["usage"] = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


# --- what runs share -------------------------------------------------------------------------------------------------


def _assistant(dice: random.Random, place: int) -> _Assistant:
    """Return an assistant whose size depends on *place*, so that the size of a dump does not depend on chance."""
    generation = "v1" if place % 5 < 2 else "v2"
    own = {"type": "retrieval"} if generation == "v1" else {"type": "file_search"}
    tools = [own if kind == 0 else {"type": "code_interpreter"} for kind in range(place % 3)]
    tools += [_function(dice) for _ in range(1 + place // 4 - len(tools))]
    truncation = ({"type": "auto", "last_messages": None}, {"type": "last_messages", "last_messages": 10})[place % 2]
    response = ("auto", {"type": "text"}, {"type": "json_object"})[place % 3]
    return _Assistant(
        id=_id(dice, "asst_"),
        generation=generation,
        model=dice.choice(_MODELS[generation]),
        instructions=_text(dice, 1_000 + 3_000 * (place * 7 % ASSISTANTS) // (ASSISTANTS - 1)),
        tools=tools,
        formats=("required" if place % 10 == 9 else "auto", truncation, response),
    )


def _function(dice: random.Random) -> dict[str, Any]:
    """Return a function tool whose JSON has 0.5 to 2 KB."""
    room = 500 + dice.randrange(1_500)
    properties: dict[str, Any] = {}
    parameters = {"type": "object", "properties": properties, "required": []}
    name = "_".join(dice.choices(_WORDS, k=3))
    description = _text(dice, 120)
    room -= 150 + len(name) + len(description)
    while room > 0:
        key = "_".join(dice.choices(_WORDS, k=2))
        properties[key] = _property(dice)
        room -= len(key) + 5 + len(msgspec.json.encode(properties[key]))
    parameters["required"] = list(properties)[::2]
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _property(dice: random.Random) -> dict[str, Any]:
    description = _text(dice, 40 + dice.randrange(80))
    match dice.randrange(4):
        case 0:
            return {"type": "integer", "description": description, "minimum": 0}
        case 1:
            return {"type": "string", "description": description, "enum": dice.choices(_WORDS, k=4)}
        case 2:
            return {"type": "array", "description": description, "items": {"type": "string"}}
        case _:
            return {"type": "string", "description": description}


def _arguments(dice: random.Random) -> str:
    pairs = {word: dice.randrange(1_000) for word in dice.choices(_WORDS, k=4)}
    return msgspec.json.encode(pairs).decode()


def _text(dice: random.Random, size: int) -> str:
    """Return sentences with about *size* characters."""
    words = dice.choices(_WORDS, k=size // 7 + 1)
    sentences = (" ".join(words[start : start + 12]) for start in range(0, len(words), 12))
    return " ".join(f"{sentence.capitalize()}." for sentence in sentences)


def _id(dice: random.Random, prefix: str, length: int = 24) -> str:
    return prefix + "".join(dice.choices(_LETTERS, k=length))
