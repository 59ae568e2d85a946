"""The tests; docs/develop/tests.md describes how to run them."""

import pytest

pytest.register_assert_rewrite("tests.helpers")  # their assertions show values too
