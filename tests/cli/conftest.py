"""Fixtures of the tests of commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.commands import Cli, lines
from tests.helpers.runs import a_run


@pytest.fixture
def filled(cli: Cli, tmp_path: Path) -> Path:
    """An archive of some pages."""
    cli("import", "-", stdin=lines(*(a_run(f"r{n}", created_at=n, model="m" * 900, x="y" * 900) for n in range(300))))
    return tmp_path / "runstore.db"
