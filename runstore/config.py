"""Where the archive is, and how patient a migration is: from arguments and environment.

A place is one URL. The PostgreSQL schema stands in its query (``?schema=archive``), as ``prepare_threshold`` does: so
it goes wherever the URL goes and stands in every message.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.util import asbool

from runstore.errors import ConfigurationError
from runstore.masking import HARMLESS, masked

DEFAULT = "runstore.db"
"""The embedded default: a SQLite file in the current folder."""

OWN_OPTIONS = ("schema", "prepare_threshold")
"""What the query of a PostgreSQL URL says to runstore and not to the driver."""

Place = str | os.PathLike[str] | URL


def database_url(given: Place | None = None, schema: str | None = None) -> URL:
    """The URL of the archive: *given*, else RUNSTORE_DATABASE_URL, else DATABASE_URL, else :data:`DEFAULT`.

    A URL, the path of a SQLite file, or its URI as SQLite has it (``file:runs.db?immutable=1``); ``postgres://`` is
    taken for ``postgresql://``. On PostgreSQL the schema is *schema*, else that of the URL, else RUNSTORE_SCHEMA, else
    none: what the role's search_path begins with. Empty values count as unset. Raises :class:`ConfigurationError` for
    what makes no sense.
    """
    value = given or os.environ.get("RUNSTORE_DATABASE_URL") or os.environ.get("DATABASE_URL") or DEFAULT
    if isinstance(value, os.PathLike):
        value = _at_path(os.fspath(value))
    url = _parsed(value) if isinstance(value, str) else value
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if url.get_backend_name() == "sqlite":
        url = _with_options(url)
    if url.get_backend_name() == "postgresql":
        url = _for_libpq(url)
    else:
        if schema:
            raise ConfigurationError(detail="only PostgreSQL has schemas; give a SQLite archive a file of its own")
        return url
    schema = schema or schema_of(url) or os.environ.get("RUNSTORE_SCHEMA")
    if not schema:
        return url
    if not re.fullmatch(r"\w([\w $-]*[\w$-])?", schema) or len(schema.encode()) > 63:
        expected = "expected letters, digits and _, inside also -, $ and spaces, at most 63 bytes"
        raise ConfigurationError(detail=f"{schema!r} is no name for a schema; {expected}")
    return url.update_query_dict({"schema": schema})


def migrations_url(given: Place | None = None, schema: str | None = None) -> URL:
    """Where migrations connect to: *given*, else RUNSTORE_MIGRATIONS_URL, else as :func:`database_url`.

    For a connection past the pooler, or as another role.
    """
    return database_url(given or os.environ.get("RUNSTORE_MIGRATIONS_URL"), schema)


def schema_of(url: URL) -> str | None:
    """The schema in the query of a URL; None where it names none."""
    named = url.query.get("schema")
    return (named if isinstance(named, str) else named[-1]) if named else None


_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    **{
        f"{name}+{driver}": "postgresql+psycopg"
        for name in ("postgres", "postgresql")
        for driver in ("psycopg", "psycopg_async", "psycopg2", "psycopg2cffi", "asyncpg", "pg8000")
    },
    "sqlite+aiosqlite": "sqlite",
}
"""How others name what is reached by the driver of ours."""

_HOSTS = re.compile(r"(postgresql\+psycopg://(?:[^@/?]*@)?)([^@/?,]+(?:,[^@/?,]+)+)((?:[/?].*)?)", re.DOTALL)
"""A URL of libpq's with several hosts: what is before, the hosts, what is behind them."""

_HOST = re.compile(r"\[?([^\]:]+|[0-9a-fA-F:]+)\]?(?::(\d+))?")

_UNPREPARED = {("pgbouncer", "true"), ("prepared_statements", "false"), ("statement_cache_size", "0")} | {
    ("prepared_statement_cache_size", "0")
}
"""What other libraries are told where a pooler keeps no prepared statements."""

_OF_POOLS = {
    *("connection_limit", "pool", "pool_size", "max_overflow", "pool_timeout", "pool_recycle", "pool_pre_ping"),
    *("conn_max_age", "conn_health_checks", "max_connections", "min_connections", "socket_timeout", "command_timeout"),
    *("pgbouncer", "prepared_statements", "statement_cache_size", "prepared_statement_cache_size"),
}
"""Options by which other libraries are told how many connections to keep, and for how long."""

_NO_PATH = re.compile(
    r"(?i)\s*(?:(?:postgres\w*(?:\+\w+)?|sqlite)(?::(?!//)|//)|(?://)?[^/@]*:(?!//).*@"
    r"|(?:.*[\s;])?(?:host|hostaddr|port|dbname|user|passw\w*|passfile|pwd|service|server|uid|database|options|ssl\w+"
    r"|connect_timeout)\s*=)"
)
"""What somebody writes who means a URL: one without its scheme or slashes, or the keywords of a connection string."""


class Limits(NamedTuple):
    """How patient a migration is on PostgreSQL, in seconds; 0 is without limit."""

    lock: float = 5
    """For a lock on a table: everybody else queues behind a migration that waits for one."""
    statement: float = 900
    """For a statement in a transaction."""
    turn: float = 600
    """For another migration of the same archive; on SQLite for another writer of the file too."""


def limits() -> Limits:
    """The limits of RUNSTORE_LOCK_TIMEOUT, RUNSTORE_STATEMENT_TIMEOUT and RUNSTORE_MIGRATION_WAIT (seconds).

    Raises :class:`ConfigurationError` for what is no number of seconds.
    """
    names = ("RUNSTORE_LOCK_TIMEOUT", "RUNSTORE_STATEMENT_TIMEOUT", "RUNSTORE_MIGRATION_WAIT")
    found = []
    for name, default in zip(names, Limits(), strict=True):
        text = os.environ.get(name)
        try:
            seconds = float(text) if text else default
        except ValueError:
            seconds = -1
        if not 0 <= seconds <= 2_000_000:
            raise ConfigurationError(detail=f"{name} is {text!r}, expected seconds, as 5 or 0.5; 0 is without limit")
        found.append(seconds)
    return Limits(*found)


def _parsed(text: str) -> URL:
    text = text.strip("\r\n")
    if _NO_PATH.match(text):
        # It may hold a password too, and a file of that name would be made.
        detail = "the archive is named like a database, but not as a URL; expected postgresql://, sqlite:/// or a path"
        raise ConfigurationError(detail=detail)
    if text.startswith("file:"):
        path, _, options = text.partition("?")
        url = URL.create("sqlite", database=path, query=dict(parse_qsl(options)))
        return _sqlite(url)
    if "://" not in text:
        return _at_path(os.path.expanduser(text))
    text = text.strip()  # a file of a secret ends with a line break
    scheme, _, rest = text.partition("://")
    text = f"{_DRIVERS.get(scheme.lower(), scheme)}://{rest}"
    hosts = _HOSTS.fullmatch(text)
    url: URL | None
    try:
        url = make_url(hosts.expand(r"\1\3") if hosts else text)
        if hosts:
            found = [_HOST.fullmatch(host) for host in hosts[2].split(",")]
            names, ports = zip(*((host[1], host[2] or "5432") if host else ("", "") for host in found), strict=True)
            url = url.update_query_dict({"host": ",".join(names), "port": ",".join(ports)})
        url = _sqlite(url) if url.get_backend_name() == "sqlite" else url
        url.get_dialect()().create_connect_args(url)
    except (ArgumentError, ImportError, ValueError):
        url = None
    if url is None:  # outside of the handler, for what was caught there quotes the text
        # The text may hold a password: only its scheme is shown.
        beginning = f" ({scheme}://...)" if re.fullmatch(r"[A-Za-z][\w.+-]*", scheme) else ""
        detail = f"cannot make sense of the database URL{beginning}; expected postgresql://, sqlite:/// or a path"
        raise ConfigurationError(detail=detail)
    if "@" in f"{url.host}{url.database}{''.join(url.query)}" and url.get_backend_name() == "postgresql":
        raise ConfigurationError(detail="the password in the database URL holds an @; write it as %40 there")
    return url


def _for_libpq(url: URL) -> URL:
    """The URL with such options alone as libpq or runstore knows; some that other libraries have say the same."""
    from psycopg.pq import Conninfo

    known = {option.keyword.decode() for option in Conninfo.get_defaults()} | {*OWN_OPTIONS}
    query: dict[str, Any] = {}
    for name, value in url.query.items():
        text = str(value).lower()
        if name in known:
            query[name] = value
        elif name == "ssl" and isinstance(value, str):
            query["sslmode"] = {"true": "require", "1": "require", "false": "disable", "0": "disable"}.get(text, value)
        elif name == "currentSchema":
            query["schema"] = value
        elif (name, text) in _UNPREPARED:
            query.setdefault("prepare_threshold", "none")
        elif name not in _OF_POOLS:
            # A name of another form may be the end of a password.
            shown = f"the option {name}" if re.fullmatch(r"[a-zA-Z_]{1,40}", name) else "an option"
            detail = f"the database URL has {shown}, which neither libpq nor runstore knows; leave it out"
            raise ConfigurationError(detail=detail)
    return url.set(query=query)


def _at_path(path: str) -> URL:
    """The SQLite file of this name, which is neither a URI nor a pattern."""
    _refuse_control_characters(path)
    return URL.create("sqlite", database=f"./{path}" if path.startswith("file:") else path)


def _refuse_control_characters(path: str) -> None:
    if any(character < " " or character == "\x7f" for character in path):
        raise ConfigurationError(detail=f"the path {path!r} holds a line break or another control character")


def _sqlite(url: URL) -> URL:
    """A URL as somebody has written it: ``~`` is a home, and ``file:`` begins a URI, whether or not it says so."""
    _refuse_control_characters(url.database or "")
    if (url.database or "").startswith("file:"):
        url = url.update_query_dict({"uri": "true"})
    elif url.database:
        url = url.set(database=os.path.expanduser(url.database))
    return _with_options(url)


def _with_options(url: URL) -> URL:
    """SQLite's own options take effect in a URI only: the path becomes one. What is no option is refused."""
    if strange := url.query.keys() - _SQLITE_OPTIONS - _DRIVER_OPTIONS:
        known = ", ".join(sorted(_SQLITE_OPTIONS))
        detail = f"a SQLite URL has no option {sorted(strange)[0]!r}; SQLite has {known}"
        raise ConfigurationError(detail=detail)
    if not url.query.keys() & ({"uri"} | _SQLITE_OPTIONS):
        return url
    database = url.database or ":memory:"
    uri = database if database.startswith("file:") else f"file:{quote(os.fsencode(database))}"
    return url.set(database=uri).update_query_dict({"uri": "true"})


_SQLITE_OPTIONS = {"mode", "cache", "immutable", "nolock", "psow", "vfs", "modeof"}
"""What SQLite understands in the query of a URI."""

_DRIVER_OPTIONS = {"uri", "timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements"}
"""What Python's driver understands, by way of SQLAlchemy."""


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite URL, as the driver reads it; None for PostgreSQL and for a database in memory."""
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


def sqlite_uri(url: URL, file: Path, **options: str) -> str:
    """The URI of a SQLite file with the options that the URL has for SQLite, and others."""
    own = {name: value for name, value in url.query.items() if name in _SQLITE_OPTIONS}
    return f"{file.absolute().as_uri()}?{urlencode(own | options)}"


def shown(url: URL) -> str:
    """The URL for messages: the path of a SQLite file, else the URL without its password and unknown options."""
    file = sqlite_file(url)
    if file:
        return str(file)
    harmless = {name: value for name, value in url.query.items() if name in HARMLESS}
    return masked(url.set(drivername=url.get_backend_name(), query=harmless).render_as_string(hide_password=True))
