"""Where the archive is: database URLs from arguments and environment."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from runstore.errors import ConfigurationError

DEFAULT = "runstore.db"
"""The embedded default: a SQLite file in the current folder."""


def database_url(given: str | os.PathLike[str] | URL | None = None) -> URL:
    """The URL of the archive: *given*, else RUNSTORE_DATABASE_URL, else DATABASE_URL, else :data:`DEFAULT`.

    A URL or the path of a SQLite file; ``postgres://`` is taken for ``postgresql://``. Empty environment values count
    as unset. Raises :class:`ConfigurationError` for what is neither.
    """
    if isinstance(given, URL):
        return given
    for value in (given, os.environ.get("RUNSTORE_DATABASE_URL"), os.environ.get("DATABASE_URL"), DEFAULT):
        if value:
            break
    text = os.fspath(value or DEFAULT)
    if "://" not in text:
        return URL.create("sqlite", database=text)
    if text.startswith("postgres://"):
        text = text.replace("postgres://", "postgresql://", 1)
    try:
        url = make_url(text)
        url = url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url
        url.get_dialect()().create_connect_args(url)
    except (ArgumentError, ImportError, ValueError):
        scheme = text.split("://", 1)[0]
        # The text may hold a password: only its scheme is shown.
        detail = f"cannot make sense of the database URL ({scheme}://...); expected postgresql://, sqlite:/// or a path"
        raise ConfigurationError(detail=detail) from None
    if "@" in (url.host or ""):
        raise ConfigurationError(detail="the password in the database URL holds an @; write it as %40 there")
    return url


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite URL; None for PostgreSQL and for a database in memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:") or "mode=memory" in str(url.query):
        return None
    return Path(str(url.database).removeprefix("file:"))


def shown(url: URL) -> str:
    """The URL for messages: the path of a SQLite file, else the URL with its password masked."""
    file = sqlite_file(url)
    # A password may stand among the options too, where SQLAlchemy does not mask it.
    url = url.set(drivername=url.get_backend_name()).difference_update_query(["password", "sslpassword"])
    return str(file) if file else url.render_as_string(hide_password=True)
