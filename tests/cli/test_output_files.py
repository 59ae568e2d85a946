"""-o FILE: the file appears when it is complete, and a link, device or pipe stays what it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from tests.helpers.commands import (
    Cli,
    Result,
    lines,
)
from tests.helpers.runs import a_run


def test_an_exported_file_appears_when_it_is_complete(cli: Cli, filled: Path, tmp_path: Path) -> None:
    fine = cli("export").out
    (tmp_path / "out").write_text("old")
    connection = sqlite3.connect(filled)
    shape = connection.execute("SELECT shape FROM run_object WHERE id = 'r299'").fetchone()[0]
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("UPDATE run_object SET shape = 5 WHERE id = 'r299'")
    connection.commit()
    result = cli("export", "-o", "out")
    assert (result.code, result.out) == (1, "")
    assert "r299" in result.err
    assert (tmp_path / "out").read_text() == "old"
    assert cli("export", "-o", "new").code == 1
    assert {path.name for path in tmp_path.iterdir()} & {"new", "new.part", "out.part"} == set()
    connection.execute("UPDATE run_object SET shape = ? WHERE id = 'r299'", (shape,))
    connection.commit()
    connection.close()
    assert cli("export", "-o", "out").code == 0
    assert (tmp_path / "out").read_text() == fine


def test_no_output_is_written_over_the_archive_itself(cli: Cli, tmp_path: Path) -> None:
    cli("import", "-", stdin=lines(a_run("a")))
    (tmp_path / "link").symlink_to("runstore.db")
    for path in ("runstore.db", "link", tmp_path / "runstore.db"):
        assert cli("export", "-o", path).code == 2
        assert cli("import", "-", "--rejects", path, stdin='{"id":5}').code == 2
    assert cli("export").out == lines(a_run("a"))


def test_an_export_through_a_link_leaves_the_link(cli: Cli, tmp_path: Path) -> None:
    cli("import", "-", stdin=lines(a_run("a")))
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    assert cli("export", "-o", "link").code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == lines(a_run("a"))


def test_an_export_to_a_device_or_pipe_is_written_as_it_comes(cli: Cli, process: Callable[..., Result]) -> None:
    cli("import", "-", stdin=lines(a_run("a")))
    assert cli("export", "-o", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()
    assert process("export", shell="{command} -o >(cat >&2)").err == lines(a_run("a"))
