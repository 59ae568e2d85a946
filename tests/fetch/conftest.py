"""A server of the API, and waiting times that tests can afford."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runstore.fetch import fetcher, server
from tests.helpers.api import API


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses and the time limits."""
    monkeypatch.setattr(server, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(server, "READ_SECONDS", 2.0)
    monkeypatch.setattr(fetcher, "PAUSES", (0.02, 0.1))


@pytest.fixture
def api() -> Iterator[API]:
    """A server that answers well."""
    with API() as made:
        yield made
