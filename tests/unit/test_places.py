"""Where an archive is, read from what somebody wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore import ConfigurationError, config


@pytest.mark.parametrize("place", ["~/x.db", "sqlite:///~/x.db"])
def test_a_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config.sqlite_file(config.database_url(place)) == tmp_path / "x.db"


@pytest.mark.parametrize("place", ["file:a%00b", "file:a%0Ab.db", "sqlite:///file:a%0Ab.db?uri=true"])
def test_a_path_that_decodes_to_control_characters_is_refused(place: str) -> None:
    with pytest.raises(ConfigurationError, match="control character"):
        config.database_url(place)


def test_an_encoded_host_may_be_a_socket_directory() -> None:
    url = config.database_url("postgresql://me@%2Ftmp%2Fpg:5433/runs")
    assert (url.host, url.port, url.query["host"], url.database) == ("", 5433, "/tmp/pg", "runs")


def test_a_database_in_memory_is_shown_as_sqlite_names_it() -> None:
    for place, shown in (
        (":memory:", ":memory:"),
        ("sqlite://", ":memory:"),
        ("sqlite:///:memory:", ":memory:"),
        ("file:runs?mode=memory&cache=shared", "file:runs"),
    ):
        assert config.shown(config.database_url(place)) == shown
