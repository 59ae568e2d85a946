"""Errors: each has its text and typed arguments, however Python was started, and survives pickling."""

from __future__ import annotations

import inspect
import logging
import pickle
import sys
from typing import Any

import pytest

from runstore import cli, errors
from runstore.errors import RunStoreError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RunStoreError)]


def made(kind: type[RunStoreError]) -> RunStoreError:
    """An error of this class with a value for each argument of its constructor."""
    values: dict[str, Any] = {"float": 2.5, "int": 7}
    arguments = {
        name: values.get(str(parameter.annotation), f"<{name}>")
        for name, parameter in inspect.signature(kind).parameters.items()
    }
    return kind(**arguments)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_names_all_its_fields_and_can_be_pickled(kind: type[RunStoreError]) -> None:
    error = made(kind)
    assert error.fields
    for name, value in error.fields.items():
        assert str(value) in str(error) or name in ("kind", "status", "may_pass")  # what reports and programs go by
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.fields) == (kind, str(error), error.fields)


@pytest.mark.parametrize("kind", KINDS)
def test_the_docstring_of_an_error_says_when_it_is_raised(kind: type[RunStoreError]) -> None:
    assert "raised" in (kind.__doc__ or "").lower()
    assert "{" not in (kind.__doc__ or "")


def test_the_traceback_of_an_internal_error_is_logged_at_debug(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("postgresql://user:s3cr3t@host/db")

    monkeypatch.setattr(cli.Commands, "invoke", fails)
    monkeypatch.setattr(sys, "argv", ["runstore", "list"])
    with caplog.at_level(logging.DEBUG, "runstore"), pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    expected = "runstore: internal error; please report it: ZeroDivisionError: postgresql://user:***@host/db\n"
    assert capsys.readouterr().err == expected
    assert [record.exc_info is not None for record in caplog.records] == [True]
