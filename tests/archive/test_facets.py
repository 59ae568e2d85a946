"""What narrows a selection: facets, and the prompts of an assistant."""

from __future__ import annotations

from collections import Counter

import pytest

from runstore import ConfigurationError, RunNotFound, RunRepository
from runstore.query import prompts
from tests.helpers.filter_cases import CASES, RUNS, T, number_of, save
from tests.helpers.runs import a_run


def test_facets_count_the_runs_that_find_returns(runs: RunRepository) -> None:
    save(runs, RUNS)
    for where, meets in CASES[::3]:
        chosen = [run for run in RUNS if meets(run)]
        found = runs.facets(**where)
        assert (found.runs, found.complete) == (len(chosen), True), where
        assert dict(found.values["status"]) == Counter(run["status"] for run in chosen), where
        assert dict(found.values["model"]) == Counter(run["model"] for run in chosen), where
        assert dict(found.values["assistant_id"]) == Counter(run["assistant_id"] for run in chosen), where
        assert dict(found.values["source"]) == Counter(("eu", "us", None)[number_of(run) % 3] for run in chosen), where
        errors = Counter(run.get("last_error", {}).get("code") for run in chosen)
        assert dict(found.values["error_code"]) == errors, where
        for values in found.values.values():
            counts = [count for _, count in values]
            assert counts == sorted(counts, reverse=True)


def test_facets_count_the_newest_runs_of_a_large_archive(runs: RunRepository) -> None:
    save(runs, RUNS)
    newest = [run["id"] for run in runs.find(limit=50).runs]
    found = runs.facets("model", limit=50)
    assert (found.runs, found.complete, list(found.values)) == (50, False, ["model"])
    assert dict(found.values["model"]) == Counter(run["model"] for run in RUNS if run["id"] in newest)
    assert runs.facets("model", limit=len(RUNS)).complete
    assert runs.facets(limit=5, status=["failed", "expired"], error_code="server_error").runs == 5
    assert runs.facets(id="nowhere").values["status"] == []


def test_facets_are_those_of_the_table(runs: RunRepository) -> None:
    with pytest.raises(ConfigurationError, match=r"names is 'modle', expected .*model"):
        runs.facets("modle")
    with pytest.raises(ConfigurationError, match="limit is 0"):
        runs.facets(limit=0)


def test_the_place_of_a_run_in_time(runs: RunRepository) -> None:
    runs.save_many([*(a_run(f"r{n}", created_at=T + n) for n in range(5)), a_run("none")])
    assert [runs.created_at_of(place) for place in (0, 4, 5, 6)] == [T + 4, T, None, None]


def test_the_prompts_of_an_assistant(runs: RunRepository) -> None:
    texts = ["Be brief.", "Be brief.", "Be brief. Be kind.", None, "Be verbose. Be kind."]
    runs.save_many(
        a_run(f"r{n}", created_at=T + n, assistant_id="asst_a", instructions=text) for n, text in enumerate(texts)
    )
    runs.save(a_run("other", assistant_id="asst_b", instructions="x"))
    runs.save(a_run("timeless", assistant_id="asst_a", instructions="x"))
    found = runs.prompts("asst_a")
    assert [(v.text, v.first, v.last, v.runs) for v in found.versions] == [
        ("Be verbose. Be kind.", T + 4, T + 4, 1),
        (None, T + 3, T + 3, 1),
        ("Be brief. Be kind.", T + 2, T + 2, 1),
        ("Be brief.", T, T + 1, 2),
        ("x", None, None, 1),
    ]
    assert (found.runs, found.complete) == (6, True)
    newest = runs.prompts("asst_a", limit=2)
    assert ([v.runs for v in newest.versions], newest.runs, newest.complete) == ([1, 1], 2, False)
    for nobody in ("asst_c", "\x00"):
        with pytest.raises(RunNotFound):
            runs.prompts(nobody)


def texts_of(*texts: str | None) -> list[list[str | None]]:
    made = [prompts.Prompt(text, 0, 0, 1) for text in texts]
    return [[prompt.text for prompt in version.prompts] for version in prompts.gathered(made)]


def test_prompts_that_differ_in_a_sentence_of_their_own_are_gathered() -> None:
    ours = [f"You are a clerk.\nThe user is {name}. Version 3.5 of the rules holds." for name in "ABC"]
    assert texts_of(*ours, "Something else.") == [ours, ["Something else."]]
    base = "Answer. Be brief."
    assert texts_of(f"{base} Now it is 1.", base, f"{base} Now it is 2.") == [
        [f"{base} Now it is 1.", base, f"{base} Now it is 2."]
    ]
    at_the_start = [f"Hello {n}. Answer." for n in range(3)]
    assert texts_of(*at_the_start) == [at_the_start]


def test_an_edited_prompt_is_a_version_of_its_own() -> None:
    assert texts_of("Be kind. Be brief.", "Be kind. Be long.") == [["Be kind. Be brief."], ["Be kind. Be long."]]
    alone = ["One.", "Two.", "Three.", "", " ", None]
    assert texts_of(*alone) == [[text] for text in alone]
    two_apart = [f"{n}. Middle. {n}." for n in range(3)]
    assert texts_of(*two_apart) == [[text] for text in two_apart]
