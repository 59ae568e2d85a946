"""PostgreSQL URLs: the forms that other libraries use, translated to the one that libpq takes."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from sqlalchemy.engine import URL, make_url

from runstore.errors import ConfigurationError

OWN_OPTIONS = ("schema", "prepare_threshold")
"""Options in the query of a URL that runstore uses itself and does not pass to the driver."""

DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    **{
        f"{name}+{driver}": "postgresql+psycopg"
        for name in ("postgres", "postgresql")
        for driver in ("psycopg", "psycopg_async", "psycopg2", "psycopg2cffi", "asyncpg", "pg8000")
    },
}
"""The schemes that other libraries use for databases that runstore reaches through psycopg."""

_HOSTS = re.compile(r"(postgresql\+psycopg://(?:[^@/?]*@)?)([^@/?,]+(?:,[^@/?,]+)+)((?:[/?].*)?)", re.DOTALL)
"""A libpq URL with several hosts: the part before the hosts, the hosts, and the part after them."""

_HOST = re.compile(r"\[?([^\]:]+|[0-9a-fA-F:]+)\]?(?::(\d+))?")

_UNPREPARED = {("pgbouncer", "true"), ("prepared_statements", "false"), ("statement_cache_size", "0")} | {
    ("prepared_statement_cache_size", "0")
}
"""Options that other libraries take if a pooler does not keep prepared statements."""

_OF_POOLS = {
    *("connection_limit", "pool", "pool_size", "max_overflow", "pool_timeout", "pool_recycle", "pool_pre_ping"),
    *("conn_max_age", "conn_health_checks", "max_connections", "min_connections", "socket_timeout", "command_timeout"),
    *("pgbouncer", "prepared_statements", "statement_cache_size", "prepared_statement_cache_size"),
}
"""Options of other libraries that set the size of a connection pool and the lifetime of connections."""


def from_text(text: str) -> URL:
    """Return the URL for a text that begins with the name of our driver. Raises SQLAlchemy's errors and ValueError."""
    hosts = _HOSTS.fullmatch(text)
    if hosts is None:
        url = make_url(text)
        # libpq decodes the host, so that it can be the path of a socket directory; SQLAlchemy does not.
        host = unquote(url.host or "")
        return url.set(host="").update_query_dict({"host": host}) if host.startswith("/") else url
    found = [_HOST.fullmatch(host) for host in hosts[2].split(",")]
    names, ports = zip(*((host[1], host[2] or "5432") if host else ("", "") for host in found), strict=True)
    return make_url(hosts.expand(r"\1\3")).update_query_dict({"host": ",".join(names), "port": ",".join(ports)})


def for_libpq(url: URL) -> URL:
    """Return the URL with only those options that libpq or runstore knows; translate those of other libraries."""
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
            # A name of any other form may be the end of a password.
            shown = f"the option {name}" if re.fullmatch(r"[a-zA-Z_]{1,40}", name) else "an option"
            detail = f"the database URL has {shown}, which neither libpq nor runstore knows; remove it"
            raise ConfigurationError(detail=detail)
    return url.set(query=query)
