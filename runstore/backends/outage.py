"""Whether an error of psycopg's means that the server cannot be reached, or that it does not want us.

Of a failed connection libpq keeps no SQLSTATE, so it is told by its text. The texts of libpq are in English; those of
the server are in the language of its ``lc_messages``. Hence what is not recognised is taken for an outage, unless the
server has asked for a password: where there is no room and while it starts it refuses before that.
"""

from __future__ import annotations

import re

import psycopg

_STATES = {
    "53300",  # too many connections
    "57P01",  # it is shutting down, an administrator ended the session, or the database was dropped
    "57P02",  # it crashed
    "57P03",  # it is starting up, recovering or shutting down
}
"""And the whole class 08, of connections."""

_OF_CONNECTING = re.compile("connection failed|connection is bad")
"""How psycopg begins what libpq says of a connection that could not be made."""

_OUTAGE = re.compile(
    "(?i)the database system is |too many (?:clients|connections)|remaining connection slots|no more connections"
    "|closed the connection|connection re(?:fused|set)|time(?:d )?out|EOF detected"
)

_REFUSAL = re.compile(
    "(?i)does not exist|pg_hba.conf|authentication|password|permi(?:ssion|tted)|not (?:allowed|currently accepting)"
    "|no such (?:user|database)|invalid|unrecognized|unsupported|not support|certificate|definition of service"
)

_NAME = re.compile('"[^"]*"')


def is_meant(error: psycopg.Error) -> bool:
    """Whether the server cannot be reached, or not any more."""
    if error.sqlstate is not None:
        return error.sqlstate in _STATES or error.sqlstate.startswith("08")
    if not isinstance(error, psycopg.OperationalError):
        return False
    said = _NAME.sub("", str(error).partition("\n")[0])
    if not _OF_CONNECTING.match(said) or _OUTAGE.search(said):
        return True
    asked = error.pgconn is not None and bool(error.pgconn.needs_password or error.pgconn.used_password)
    return not asked and not _REFUSAL.search(said)
