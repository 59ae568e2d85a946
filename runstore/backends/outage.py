"""Whether an error of psycopg means that the server cannot be reached, or that the server refuses us.

libpq keeps no SQLSTATE of a failed connection, so the error is classified by its text. The texts of libpq are in
English; those of the server are in the language of its ``lc_messages``. Therefore an unknown text counts as an outage,
unless the server has requested a password: a server that is starting or has no free slots refuses before that.
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
"""The SQLSTATEs of an outage, besides all of class 08 (connection exceptions)."""

_OF_CONNECTING = re.compile("connection failed|connection is bad")
"""The beginning of psycopg's message about a failed connection."""

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
    """Return whether an error means that the server cannot be reached, or no longer."""
    if error.sqlstate is not None:
        return error.sqlstate in _STATES or error.sqlstate.startswith("08")
    if not isinstance(error, psycopg.OperationalError):
        return False
    message = _NAME.sub("", str(error).partition("\n")[0])
    if not _OF_CONNECTING.match(message) or _OUTAGE.search(message):
        return True
    asked = error.pgconn is not None and bool(error.pgconn.needs_password or error.pgconn.used_password)
    return not asked and not _REFUSAL.search(message)
