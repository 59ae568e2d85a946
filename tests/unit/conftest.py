"""No test here has a database: a fixture that would start one fails."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def backend() -> str:
    """No database: a test that asks for one belongs to tests/archive."""
    pytest.fail("a unit test has no database; tests of archives belong in tests/archive")
