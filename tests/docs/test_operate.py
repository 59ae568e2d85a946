"""The pages for operators list every exit code, variable, metric, command of ``db`` and dependency that there is."""

from __future__ import annotations

import inspect
import re
import tomllib
from functools import cache

import click
import pytest
from packaging.requirements import Requirement

from runstore import errors
from runstore.cli import runstore
from runstore.metrics import exposition
from runstore.migrate.report import Status, TableStatus
from tests.helpers.paths import ROOT

CODE = "\n".join(
    path.read_text("utf-8") for folder in ("runstore", "migrations") for path in sorted((ROOT / folder).rglob("*.py"))
)


@cache
def page(name: str) -> str:
    return (ROOT / "docs" / "operate" / f"{name}.md").read_text("utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of all tables."""
    return [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]


def test_every_exit_code_is_in_the_table() -> None:
    raised = {kind.exit_code for _, kind in inspect.getmembers(errors, inspect.isclass) if hasattr(kind, "exit_code")}
    of_commands = {int(code) for code in re.findall(r"sys\.exit\((\d+)\)", CODE)}
    listed = [int(cells[0]) for cells in rows(page("exit-codes")) if cells[0].strip().isdigit()]
    assert listed == sorted({0, 1, *raised, *of_commands})


def test_the_messages_of_a_migration_are_those_of_the_code() -> None:
    table = page("exit-codes").partition("## Exit code 1 of a migration")[2]
    for message in re.findall(r"^\| `could not be migrated: (.+?)` \|", table, re.M):
        assert message in CODE
    assert errors.MigrationBlocked.message == "{place} could not be migrated: {reason}"
    assert "is not a runstore archive" in errors.NotAnArchive.message


def test_every_environment_variable_is_listed() -> None:
    used = set(re.findall(r"\bRUNSTORE_[A-Z]+(?:_[A-Z]+)*\b", CODE))
    listed = {name for cells in rows(page("environment")) for name in re.findall(r"`(RUNSTORE_\w+)`", cells[0])}
    assert listed == used


def test_every_command_of_db_is_listed() -> None:
    listed = re.findall(r"^\| `runstore db (\w+)", page("deployment"), re.M)
    group = runstore.get_command(click.Context(runstore), "db")
    assert isinstance(group, click.Group)
    assert sorted(listed) == sorted(group.list_commands(click.Context(group)))


def test_every_metric_is_listed() -> None:
    status = Status("0007", "0007", 1, 1, 1, 1, 1, 1, 1, [TableStatus("run_object", 1, 1)])
    made = set(re.findall(r"^# TYPE (\w+)", exposition("runs.db", status), re.M))
    listed = set(re.findall(r"`(runstore_\w+)(?:\{[\w,]+\})?`", page("monitoring"))) - {"runstore_version"}
    assert listed == made


@pytest.mark.parametrize("extra", [None, "parquet", "async", "serve", "fetch"])
def test_every_dependency_has_its_licence(extra: str | None) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = project["dependencies"] if extra is None else project["optional-dependencies"][extra]
    for dependency in wanted:
        assert Requirement(dependency).name.lower() in page("licences").lower()
