"""SQLite locations: paths, URLs and SQLite's own URIs, all read by the same rules."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from sqlalchemy.engine import URL
from sqlalchemy.util import asbool

from runstore.errors import ConfigurationError

_OPTIONS = {"mode", "cache", "immutable", "nolock", "psow", "vfs", "modeof"}
"""The options that SQLite accepts in the query of a URI."""

_DRIVER_OPTIONS = {"uri", "timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements"}
"""The options that Python's driver accepts through SQLAlchemy."""


def at_path(path: str) -> URL:
    """Return the URL of the SQLite file with this name, which is taken literally and never as a URI."""
    _refuse_control_characters(path)
    return URL.create("sqlite", database=f"./{path}" if path.startswith("file:") else path)


def _refuse_control_characters(path: str) -> None:
    if any(character < " " or character == "\x7f" for character in path):
        raise ConfigurationError(detail=f"the path {path!r} contains a line break or another control character")


def from_uri(text: str) -> URL:
    """Return the URL for a SQLite URI such as ``file:runs.db?immutable=1``."""
    path, _, options = text.partition("?")
    return as_written(URL.create("sqlite", database=path, query=dict(parse_qsl(options))))


def as_written(url: URL) -> URL:
    """Return a URL as its author meant it: ``~`` is expanded, and a path that begins with ``file:`` is a URI."""
    _refuse_control_characters(url.database or "")
    if (url.database or "").startswith("file:"):
        _refuse_control_characters(unquote(url.database or ""))
        url = url.update_query_dict({"uri": "true"})
    elif url.database:
        url = url.set(database=os.path.expanduser(url.database))
    return with_options(url)


def with_options(url: URL) -> URL:
    """Turn the path into a URI if SQLite's own options are given, which work in a URI only; refuse unknown options."""
    if strange := url.query.keys() - _OPTIONS - _DRIVER_OPTIONS:
        known = ", ".join(sorted(_OPTIONS))
        detail = f"a SQLite URL has no option {sorted(strange)[0]!r}; expected one of {known}"
        raise ConfigurationError(detail=detail)
    if not url.query.keys() & ({"uri"} | _OPTIONS):
        return url
    database = url.database or ":memory:"
    uri = database if database.startswith("file:") else f"file:{quote(os.fsencode(database))}"
    return url.set(database=uri).update_query_dict({"uri": "true"})


def file_of(url: URL) -> Path | None:
    """Return the file of a SQLite URL as the driver reads it, or None for PostgreSQL or an in-memory database."""
    if url.get_backend_name() != "sqlite":
        return None
    database = url.database or ":memory:"
    if not (asbool(url.query.get("uri", False)) and database.startswith("file:")):
        return None if database == ":memory:" else Path(database)
    uri = urlsplit(database)
    path = unquote(uri.path)
    options = dict(parse_qsl(uri.query)) | dict(url.query)
    in_memory = path in ("", ":memory:") or options.get("mode") == "memory" or options.get("vfs") == "memdb"
    return None if in_memory else Path(path)


def is_in_memory(url: URL) -> bool:
    """Return whether a URL refers to a SQLite database that is discarded with its connection."""
    return url.get_backend_name() == "sqlite" and file_of(url) is None


def uri_of(url: URL, file: Path, **options: str) -> str:
    """Return the URI of a SQLite file with the SQLite options of the URL and the given ones."""
    own = {name: value for name, value in url.query.items() if name in _OPTIONS}
    return f"{file.absolute().as_uri()}?{urlencode(own | options)}"
