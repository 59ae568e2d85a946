"""import --exported: every object of the file is a run."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy.engine import URL

from runstore import RunRepository
from tests.helpers.commands import Cli, lines, shown
from tests.helpers.silent_runs import SILENT


def test_import_stores_what_does_not_say_that_it_is_a_run_only_if_told(cli: Cli, url: URL, runs: RunRepository) -> None:
    for run in SILENT:
        runs.save(run)
    number = cli("fingerprint", "--db", shown(url)).out
    assert cli("export", "--db", shown(url), "-o", "all.jsonl").code == 0
    result = cli("import", "--db", "copy.db", "all.jsonl")
    assert result.code == 0
    assert "1 inserted" in result.out
    assert "if the file was written by 'runstore export', import it with --exported\n" in result.err
    result = cli("import", "--db", "copy.db", "--exported", "all.jsonl")
    assert (result.code, result.err) == (0, "")
    assert "7 inserted, 0 updated, 1 unchanged, 0 stale, 0 conflict, 0 rejected, 0 skipped" in result.out
    assert cli("fingerprint", "--db", "copy.db").out == number


def test_what_says_that_it_is_something_else_is_no_run_of_an_export(cli: Cli) -> None:
    others = [{"object": "thread.message", "id": "msg_1"}, {"role": "user"}]
    Path("chat.jsonl").write_text(lines(*others) + json.dumps(others) + '\n5\n{"id": 7}\n')
    result = cli("import", "--exported", "chat.jsonl")
    assert (result.code, result.out.split(", ")[5:]) == (6, ["2 rejected", "4 skipped (4 objects that are not runs)\n"])
