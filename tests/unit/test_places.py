"""Where an archive is, read from what somebody wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore import config


@pytest.mark.parametrize("place", ["~/x.db", "sqlite:///~/x.db"])
def test_a_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config.sqlite_file(config.database_url(place)) == tmp_path / "x.db"
