"""lint: findings, and an exit code that shows whether there are any."""

from __future__ import annotations

import json

from sqlalchemy.engine import URL

from runstore import RunRepository
from tests.helpers.commands import invoke, shown


def test_lint_tells_findings_and_exits_with_1_where_there_are_any(url: URL) -> None:
    with RunRepository.open(url) as runs:
        runs.save({"id": "a", "object": "thread.run", "status": "paused"})
    done = invoke("lint", "--db", shown(url), "--status", "paused")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert {"run_id": "a", "rule": "status", "path": "$.status", "detail": 'unknown status "paused"'} in found
    assert done.stderr == f"{len(found)} findings\n"
    nothing = invoke("lint", "--db", shown(url), "--status", "queued")
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", "0 findings\n")
