"""report: one HTML file, with a name that browsers open."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from runstore import RunRepository, report
from runstore.errors import ConfigurationError
from tests.helpers.commands import Cli, Terminal, invoke, shown
from tests.helpers.counted import made


def test_the_command_writes_a_report(runs: RunRepository, url: URL, cli: Cli, tmp_path: Path) -> None:
    runs.save_many(made(60))
    db = ("--db", shown(url))
    file = tmp_path / "report.html"
    result = cli("report", *db, "-o", file)
    assert (result.code, result.out) == (0, "")
    assert result.err == f"{file}: {file.stat().st_size / 1000:.1f} kB\n"
    assert cli("report", *db).out == cli("report", *db, "-o", "-").out == file.read_text("utf-8") == report.html(runs)
    few = cli(
        "report",
        *db,
        "--title",
        "Quarter",
        "--no-prompts",
        "--redact",
        "--status",
        "failed",
        "--created-from",
        "2023-12-01",
    )
    assert few.out == report.html(
        runs, title="Quarter", prompts=False, redact=True, status=["failed"], created_from="2023-12-01"
    )


def test_a_file_that_would_not_open_is_refused(cli: Cli, terminal: Terminal, filled: Path, tmp_path: Path) -> None:
    result = cli("report", "-o", "report.pdf")
    assert result.code == 2
    assert "report.pdf: a report is an HTML file; to get a PDF, print it in a browser" in result.err
    code, seen = terminal("report")
    assert code == 2
    assert "specify its name with -o, for example -o report.html" in seen.replace("\r\n", " ")
    assert cli("report", "-o", filled).code == 2
    assert cli("report", "--db", tmp_path / "none.db", "-o", "report.html").code == 3
    assert not (tmp_path / "report.html").exists()
    assert cli("report", "--title", "x" * 200).err.endswith("--title has 200 characters, expected at most 120\n")


def test_it_names_the_command_that_installs_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(("runstore.report", "jinja2")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("runstore.report", raising=False)
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "jinja2":
            raise ModuleNotFoundError(f"No module named {name!r}", name="jinja2")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    error = invoke("report", "--db", "none.db").exception
    assert isinstance(error, ConfigurationError)
    assert str(error) == "the package jinja2 is missing; pip install 'runstore[report]'"
