"""All that differs between the databases: one small interface, nothing about runs."""

from __future__ import annotations

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL

from runstore.backends.base import Backend
from runstore.backends.postgresql import PostgreSQL
from runstore.backends.sqlite import SQLite
from runstore.errors import ConfigurationError

__all__ = ["Backend", "backend_of", "create_engine"]

_BACKENDS: dict[tuple[str, str], Backend] = {
    ("postgresql", "psycopg"): PostgreSQL(),
    ("sqlite", "pysqlite"): SQLite(),
}


def backend_of(bind: Engine | Connection) -> Backend:
    """The backend of an engine or connection; :class:`ConfigurationError` for a database or driver without one."""
    return _backend(bind.dialect.name, bind.dialect.driver)


def create_engine(url: URL) -> Engine:
    """An engine with the settings that runstore's promises rest on: foreign keys, durable commits."""
    return _backend(url.get_backend_name(), url.get_driver_name()).create_engine(url)


def _backend(*key: str) -> Backend:
    if key not in _BACKENDS:
        known = ", ".join(f"{name}+{driver}" for name, driver in _BACKENDS)
        raise ConfigurationError(detail=f"runstore has no backend for {key[0]}+{key[1]}; it has {known}")
    return _BACKENDS[key]
