"""Run payloads published by others, through the commands, each file in a separate archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from runstore import RunRepository
from runstore.sources import read_file
from tests.helpers.comparison import difference
from tests.helpers.paths import PAYLOADS

FILES = sorted(PAYLOADS.rglob("*.json"))

if not FILES:
    pytest.skip("no folder of payloads next to the project", allow_module_level=True)


def snapshots_in(path: Path) -> list[dict[str, Any]]:
    content = json.loads(path.read_text("utf-8-sig"))
    runs: list[dict[str, Any]] = content["data"] if content.get("object") == "list" else [content]
    return runs


@pytest.mark.slow
def test_every_payload_comes_back_as_it_came(engine: Engine) -> None:
    runs = RunRepository(engine)
    for path in FILES:
        given = {run["id"]: run for run in snapshots_in(path)}
        report = runs.save_many(read_file(path))
        assert (report.inserted, report.rejected, report.conflict) == (len(given), 0, 0), f"{path.name}: {report}"
        exported = {run["id"]: run for run in map(json.loads, runs.iterate_json())}
        assert exported.keys() == given.keys(), path.name
        for run_id, run in given.items():
            assert not difference(run, exported[run_id]), path.name
            assert not difference(run, runs.load(run_id)), path.name
        again = runs.save_many(read_file(path))
        assert again.unchanged == len(snapshots_in(path)), f"{path.name}: {again}"
        # The ids of another file belong to other runs.
        assert runs.delete(list(given)) == len(given)
