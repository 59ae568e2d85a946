"""Packages that only some formats need, imported when one of these formats is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from runstore.errors import ConfigurationError


def imported(module: str, purpose: str, extra: str) -> Any:
    """Return a module, or raise :class:`ConfigurationError` with the extra that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        package = (error.name or module).partition(".")[0]
        detail = f"{purpose} requires {package}; install it with: pip install 'runstore[{extra}]'"
        raise ConfigurationError(detail=detail) from None
