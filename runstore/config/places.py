"""The location of the archive: one URL, made from arguments and the environment.

The PostgreSQL schema is part of its query (``?schema=archive``), as is ``prepare_threshold``. Thus it is passed on
with the URL and appears in every message.
"""

from __future__ import annotations

import os
import re

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from runstore.config import postgresql, sqlite
from runstore.errors import ConfigurationError
from runstore.masking import HARMLESS, masked

DEFAULT = "runstore.db"
"""The embedded default: a SQLite file in the current directory."""

Place = str | os.PathLike[str] | URL


def database_url(given: Place | None = None, schema: str | None = None) -> URL:
    """Return the URL of the archive: *given*, else RUNSTORE_DATABASE_URL, else DATABASE_URL, else :data:`DEFAULT`.

    *given* is a URL, the path of a SQLite file, or a SQLite URI (``file:runs.db?immutable=1``); ``postgres://`` is
    treated as ``postgresql://``. On PostgreSQL the schema is *schema*, else that of the URL, else RUNSTORE_SCHEMA, else
    none, which means the first schema of the role's search_path. Empty values count as unset. Raises
    :class:`ConfigurationError` for a value that cannot be used.
    """
    value = chosen(given)
    if isinstance(value, os.PathLike):
        value = sqlite.at_path(os.fspath(value))
    url = _parsed(value) if isinstance(value, str) else value
    url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
    if url.get_backend_name() == "sqlite":
        url = sqlite.with_options(url)
    if url.get_backend_name() == "postgresql":
        url = postgresql.for_libpq(url)
    else:
        if schema:
            raise ConfigurationError(detail="only PostgreSQL has schemas; use a separate file for a SQLite archive")
        return url
    schema = schema or schema_of(url) or os.environ.get("RUNSTORE_SCHEMA")
    if not schema:
        return url
    if not re.fullmatch(r"\w([\w $-]*[\w$-])?", schema) or len(schema.encode()) > 63:
        expected = "expected letters, digits and _, inside also -, $ and spaces, at most 63 bytes"
        raise ConfigurationError(detail=f"{schema!r} is not a usable schema name; {expected}")
    return url.update_query_dict({"schema": schema})


def chosen(given: Place | None = None) -> Place:
    """Return the location as somebody wrote it."""
    return given or os.environ.get("RUNSTORE_DATABASE_URL") or os.environ.get("DATABASE_URL") or DEFAULT


def migrations_url(given: Place | None = None, schema: str | None = None) -> URL:
    """Return the URL for migrations: *given*, else RUNSTORE_MIGRATIONS_URL, else that of :func:`database_url`.

    Use it to bypass a connection pooler, or to connect as another role.
    """
    return database_url(given or os.environ.get("RUNSTORE_MIGRATIONS_URL"), schema)


def schema_of(url: URL) -> str | None:
    """Return the schema in the query of a URL, or None if it has none."""
    named = url.query.get("schema")
    return (named if isinstance(named, str) else named[-1]) if named else None


DRIVERS = postgresql.DRIVERS | {"sqlite+aiosqlite": "sqlite"}
"""The schemes that other libraries use for databases that runstore reaches through its own drivers."""

_NO_PATH = re.compile(
    r"(?i)\s*(?:(?:postgres\w*(?:\+\w+)?|sqlite)(?::(?!//)|//)|(?://)?[^/@]*:(?!//).*@"
    r"|(?:.*[\s;])?(?:host|hostaddr|port|dbname|user|passw\w*|passfile|pwd|service|server|uid|database|options|ssl\w+"
    r"|connect_timeout)\s*=)"
)
"""A URL without its scheme or slashes, or the keywords of a connection string: the user probably meant a URL."""

_OPTIONS = re.compile(r"\?[a-z_]+=")
"""The start of the options of a URL. Without this check, a file with such a name would be created."""


def _parsed(text: str) -> URL:
    text = text.strip("\r\n")
    if _NO_PATH.match(text):
        # The text may contain a password, and a file with that name would be created.
        detail = "the archive looks like a database but is not a URL; expected postgresql://, sqlite:/// or a path"
        raise ConfigurationError(detail=detail)
    if text.startswith("file:"):
        return sqlite.from_uri(text)
    if "://" not in text:
        if _OPTIONS.search(text) and not os.path.exists(text):
            path = text.partition("?")[0]  # the value of an option may be a password
            detail = f"the path {path} is followed by options, which only a URL takes; write sqlite:///{path}?..."
            raise ConfigurationError(detail=detail)
        return sqlite.at_path(os.path.expanduser(text))
    scheme, _, rest = text.strip().partition("://")  # a file that holds a secret ends with a line break
    text = f"{DRIVERS.get(scheme.lower(), scheme)}://{rest}"
    url: URL | None
    try:
        url = postgresql.from_text(text) if text.startswith("postgresql") else make_url(text)
        url = sqlite.as_written(url) if url.get_backend_name() == "sqlite" else url
        url.get_dialect()().create_connect_args(url)
    except (ArgumentError, ImportError, ValueError):
        url = None
    if url is None:  # not raised in the handler, because the exception caught there quotes the text
        # The text may contain a password, so only its scheme is shown.
        path = rest.partition("?")[0]
        if text.startswith("sqlite:") and re.fullmatch(r"[^:@/][^:@]*", path):
            detail = f"sqlite:// takes no host; write sqlite:///{path}, or only the path {path}"
            raise ConfigurationError(detail=detail)
        beginning = f" ({scheme}://...)" if re.fullmatch(r"[A-Za-z][\w.+-]*", scheme) else ""
        detail = f"cannot parse the database URL{beginning}; expected postgresql://, sqlite:/// or a path"
        raise ConfigurationError(detail=detail)
    if "@" in f"{url.host}{url.database}{''.join(url.query)}" and url.get_backend_name() == "postgresql":
        raise ConfigurationError(detail="the password in the database URL contains an @; write it as %40")
    return url


def shown(url: URL) -> str:
    """Return the URL for messages: a SQLite file or database as SQLite names it, else without what may be secret."""
    if url.get_backend_name() == "sqlite":
        return str(sqlite.file_of(url) or url.database or ":memory:")
    harmless = {name: value for name, value in url.query.items() if name in HARMLESS}
    return masked(url.set(drivername=url.get_backend_name(), query=harmless).render_as_string(hide_password=True))
