"""The command before it serves: what it refuses."""

from __future__ import annotations

import builtins
import socket
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from runstore import ArchiveMissing, ConfigurationError, RunRepository, RunStoreError
from runstore.cli import runstore


def refused(*arguments: str) -> BaseException:
    result = CliRunner().invoke(runstore, ["serve", *arguments])
    assert result.exception is not None
    assert not result.output
    return result.exception


def test_it_refuses_to_serve_others_without_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    db = str(tmp_path / "runs.db")
    error = refused("--db", db, "--host", "0.0.0.0")
    assert isinstance(error, ConfigurationError)
    assert "--host 0.0.0.0 lets other machines connect" in str(error)
    for key in ("", " \n"):
        monkeypatch.setenv("ARCHIVE_KEY", key)
        assert str(refused("--db", db, "--api-key-env", "ARCHIVE_KEY")).endswith("ARCHIVE_KEY holds no key")
    monkeypatch.setenv("ARCHIVE_KEY", "s3cr3t")
    error = refused("--db", db, "--api-key-env", "ARCHIVE_KEY")
    assert "at least 16 characters" in str(error)
    assert "s3cr3t" not in str(error)


def test_it_needs_an_archive_and_a_free_port(tmp_path: Any) -> None:
    db = tmp_path / "runs.db"
    assert isinstance(refused("--db", str(db)), ArchiveMissing)
    with RunRepository.open(db) as runs:
        runs.save({"id": "run_1", "object": "thread.run"})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = refused("--db", str(db), "--port", str(port))
    assert isinstance(error, RunStoreError)
    assert str(error) == f"cannot listen on 127.0.0.1 port {port}: Address already in use"


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "jinja2"])
def test_it_names_the_command_that_installs_what_is_missing(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    for name in list(sys.modules):
        if name.startswith(("runstore.web", package)):
            monkeypatch.delitem(sys.modules, name)
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    error = refused()
    assert isinstance(error, ConfigurationError)
    assert str(error) == f"the package {package} is missing; pip install 'runstore[serve]'"
