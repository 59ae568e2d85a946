"""import --rejects: the file of the records that were not stored."""

from __future__ import annotations

import json
from pathlib import Path

from tests.helpers.commands import (
    Cli,
    counts,
    lines,
)
from tests.helpers.paths import EXAMPLES
from tests.helpers.runs import a_run


def test_the_rejected_records_can_be_mended_in_their_file_and_imported(cli: Cli, tmp_path: Path) -> None:
    good, bad = a_run("é", status="queued"), {"id": 5, "object": "thread.run", "model": "日本"}
    (tmp_path / "in.json").write_text(
        lines(good) + json.dumps(bad, indent=1, ensure_ascii=False) + '\n{"id":"cut","object":\n' + lines(a_run("c")),
        "utf-8",
    )
    assert cli("import", "in.json", "--rejects", "bad.txt").out == counts(inserted=2, rejected=2)
    rejects = tmp_path / "bad.txt"
    assert rejects.read_text("utf-8").startswith(
        "# in.json:2: $.id: expected a string, found number\n" + json.dumps(bad, indent=1, ensure_ascii=False)
    )
    # As it is, it is rejected again, also into the file itself.
    records = [line for line in rejects.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert cli("import", "bad.txt", "--rejects", "bad.txt").out == counts(rejected=2)
    assert [line for line in rejects.read_text("utf-8").splitlines() if not line.startswith("#")] == records
    mended = (
        rejects.read_text("utf-8").replace('"id": 5', '"id": "5"').replace('"object":\n', '"object":"thread.run"}\n')
    )
    rejects.write_text(mended, "utf-8")
    assert cli("import", "bad.txt", "--rejects", "bad.txt") == (0, counts(inserted=2), "")
    assert rejects.read_text("utf-8") == mended  # nothing was rejected, nothing written
    assert json.loads(cli("show", "5").out) == {**bad, "id": "5"}


def test_a_file_of_rejects_that_is_larger_than_a_buffer_can_be_its_own_input(cli: Cli, tmp_path: Path) -> None:
    rejects = tmp_path / "bad.jsonl"
    rejects.write_text(lines(*({"id": n, "object": "thread.run", "instructions": "x" * 1000} for n in range(3000))))
    assert cli("import", "bad.jsonl", "--rejects", "bad.jsonl").out == counts(rejected=3000)
    assert rejects.read_text().count('"thread.run"') == 3000
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_no_rejects_file_is_made_where_nothing_was_rejected(cli: Cli, tmp_path: Path) -> None:
    assert cli("import", "-", "--rejects", "bad", stdin=lines(a_run("a"))).code == 0
    assert not (tmp_path / "bad").exists()


def test_a_rejects_file_that_cannot_be_made_is_said_before_the_work_begins(cli: Cli, tmp_path: Path) -> None:
    for option in (("import", EXAMPLES, "--rejects", "no/bad"), ("export", "-o", "no/out")):
        result = cli(*option)
        assert result.code == 2
        assert "no is not a directory" in result.err
    assert not (tmp_path / "runstore.db").exists()


def test_a_conflicting_record_goes_to_the_rejects(cli: Cli, tmp_path: Path) -> None:
    other = lines(a_run("a", thread_id="t2"))
    cli("import", "-", stdin=lines(a_run("a", thread_id="t1")))
    assert cli("import", "-", "--rejects", "bad", stdin=other).code == 6
    assert (tmp_path / "bad").read_text().endswith("\n" + other)
