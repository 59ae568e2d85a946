"""Each way to write and to read an archive, once."""

from __future__ import annotations

from runstore import RunRepository
from tests.helpers.comparison import difference

RUN = {
    "id": "run_1",
    "object": "thread.run",
    "status": "queued",
    "tools": [{"type": "code_interpreter"}],
    "usage": None,
}
DONE = {**RUN, "status": "completed", "usage": {"total_tokens": 3}, "instructions": "Be brief.", "file_ids": ["a", "a"]}


def everything_works(runs: RunRepository) -> None:
    """Each way to write and to read, once."""
    assert runs.save(RUN, observed_at=1) == "inserted"
    assert runs.save(DONE, observed_at=2) == "updated"
    assert runs.save(DONE, observed_at=3) == "unchanged"
    assert (
        runs.save_many([{"id": f"run_{n}", "thread_id": "t", "tools": [{"n": n}]} for n in range(2, 12)]).inserted == 10
    )
    assert not difference(DONE, runs.load("run_1"))
    assert len(runs.find(thread_id="t", limit=5).runs) == 5
    assert runs.count() == len(list(runs.iterate())) == len(runs.load_many([f"run_{n}" for n in range(1, 12)])) == 11
    assert [change.status for change in runs.changes("run_1")] == ["queued"]
    assert runs.delete(["run_2"]) == 1
    assert runs.save({"id": "run_12", "metadata": {"k": "v"}, "model": "m"}) == "inserted"
    assert [run["id"] for run in runs.find(metadata={"k": "v"}).runs] == ["run_12"]
    assert "run_1" in {finding.run_id for finding in runs.findings()}
    assert runs.prices() == []
    assert runs.count(metadata_key="k", model="m") == runs.delete("run_12") == 1
