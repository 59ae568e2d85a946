"""The commands that verify, prune and copy an archive: their output, exit codes and questions."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import click
import pytest

from runstore import RunRepository
from runstore.backends import create_engine
from tests.helpers.commands import Cli, Terminal
from tests.helpers.paths import EXAMPLES


@pytest.fixture
def archive(cli: Cli) -> Path:
    """The example dump, in the file that commands take by default."""
    assert cli("import", EXAMPLES).code == 0
    return Path("runstore.db")


def test_verify_says_each_finding_and_exits_with_1(cli: Cli, archive: Path) -> None:
    result = cli("verify")
    assert (result.code, result.out) == (0, "")
    assert re.fullmatch(r"39 runs verified in [0-9.]+ s: no findings\n", result.err)
    engine = create_engine(archive)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE run_object SET status = '\x1b[2J' WHERE id = '17'")
    engine.dispose()
    result = cli("verify")
    assert result.code == 1
    assert result.out == "run 17: run_object: digest mismatch: rows were modified, deleted or added outside runstore\n"
    assert "1 finding\n" in result.err


def test_fingerprint_prints_one_number_or_one_a_day(cli: Cli, archive: Path) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}  39\n", cli("fingerprint").out)
    days = [line.split() for line in cli("fingerprint", "--by", "day").out.splitlines()]
    assert days[0][0] == "-" * 10
    assert days[1][0] == "2024-01-15"
    assert sum(int(runs) for *_, runs in days) == 39
    assert sum(int(number, 16) for _, number, _ in days) % 2**256 == int(cli("fingerprint").out.split()[0], 16)
    assert cli("fingerprint", "--status", "nothing").out == "0" * 64 + "  0\n"


def test_backup_copy_and_diff_prove_that_archives_are_the_same(cli: Cli, archive: Path) -> None:
    number = cli("fingerprint").out
    assert cli("backup", "backup.db").out == number
    again = cli("backup", "backup.db")
    assert (again.code, again.err) == (2, "runstore: backup.db already exists; choose a new file for the backup\n")
    assert cli("diff", "runstore.db", "backup.db") == (0, "", "")
    with RunRepository.open("backup.db") as runs:
        runs.delete("17")
        runs.save({"id": "new\n", "object": ""})
    assert cli("diff", "runstore.db", "backup.db")[:2] == (1, "17: only in the first\nnew\\n: only in the second\n")
    result = cli("copy", "runstore.db", "backup.db")
    assert result.code == 0
    assert result.out.splitlines()[0] == "1 inserted, 0 replaced, 38 unchanged, 0 ahead, 0 conflict"
    assert result.out.splitlines()[1] == f"from  {number.strip()}"
    assert cli("copy", "nowhere.db", "backup.db").code == 3
    assert not Path("nowhere.db").exists()


def test_prune_asks_and_wants_to_know_which_runs(cli: Cli, archive: Path) -> None:
    assert cli("prune", "--yes").code == 2
    assert cli("prune", "--yes", "--orphans", "--status", "failed").code == 2
    told = cli("prune", "--status", "failed", "--dry-run")
    assert told.code == 0
    assert told.err.startswith("would delete: 4 runs, 0 earlier snapshots, ")
    assert cli("prune", "--status", "failed").code == 2
    assert cli("fingerprint").out.endswith("  39\n")
    done = cli("prune", "--status", "failed", "--yes")
    assert (done.code, done.out) == (0, "deleted: 4 runs, 0 earlier snapshots, 0 shared values\n")
    assert cli("prune", "--status", "failed", "--yes", "--vacuum").out.startswith("deleted: 0 runs")
    assert cli("verify").code == 0


def test_delete_asks_and_prints_the_ids_that_are_not_in_the_archive(
    cli: Cli, archive: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = cli("delete", "17")
    assert (refused.code, refused.out) == (2, "")
    assert "refusing to delete run 17 with its history: there is no terminal" in refused.err
    assert cli("delete").code == 2
    unknown = cli("delete", "run_0", "run_1", "--yes")
    assert (unknown.code, unknown.out) == (3, "")
    assert unknown.err == "runstore: run run_0 is not in this archive\nrunstore: run run_1 is not in this archive\n"
    assert cli("delete", "17", "17", "--yes") == (0, "deleted: 1 run\n", "")
    assert cli("show", "17").code == 3
    some = cli("delete", "--yes", "run_6OeoA4GxpGcK9G4SAUixnYNp", "run_0", "run_GlIQAtRRkP28wDUYANeTBO6y")
    assert (some.code, some.out) == (3, "deleted: 2 runs\n")
    assert some.err == "runstore: run run_0 is not in this archive\n"
    assert cli("fingerprint").out.endswith("  36\n")
    assert cli("verify").code == 0
    monkeypatch.setattr(click, "confirm", lambda *_, **__: False)
    code, seen = terminal("delete", "run_feadVbyRgxVByDuxDAcZG7q1")
    assert (code, "nothing was deleted" in seen) == (1, True)
    monkeypatch.setattr(
        click, "confirm", lambda text, **_: text == "delete run run_feadVbyRgxVByDuxDAcZG7q1 with its history?"
    )
    assert terminal("delete", "run_feadVbyRgxVByDuxDAcZG7q1")[0] == 0
    assert cli("fingerprint").out.endswith("  35\n")


def test_export_leaves_out_secrets_when_asked(cli: Cli) -> None:
    key = "sk-" + "a1B2" * 10
    Path("one.json").write_text(json.dumps({"id": "a", "object": "thread.run", "instructions": f"with {key}"}))
    cli("import", "one.json")
    assert key in cli("export").out
    assert json.loads(cli("export", "--redact").out)["instructions"] == "with [redacted]"


def test_the_largest_record_is_settable(cli: Cli) -> None:
    Path("two.jsonl").write_text(
        "\n".join(json.dumps({"id": f"r{n}", "object": "thread.run", "x": "x" * n}) for n in (1, 3 << 20))
    )
    result = cli("import", "--max-record", "1", "two.jsonl")
    assert (result.code, result.out[:11]) == (6, "1 inserted,")
    assert "record larger than 1 MiB" in result.err
    assert cli("import", "--max-record", "4", "two.jsonl").code == 0


def test_each_batch_is_a_line_in_the_log_and_the_log_is_quiet_by_default(
    archive: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with RunRepository.open(archive) as runs:
        runs.save({"id": "quiet", "object": ""})
        with caplog.at_level(logging.DEBUG, "runstore"):
            runs.save_many([{"id": f"r{n}", "object": ""} for n in range(1500)])
    assert capfd.readouterr() == ("", "")
    assert {record.name for record in caplog.records} == {"runstore.save.batches"}
    said = [re.sub(r"[0-9.]+ s\b", "T s", record.getMessage()) for record in caplog.records]
    assert said == [f"{size} snapshots in T s: {size} inserted" for size in (200, 1000, 300)]
