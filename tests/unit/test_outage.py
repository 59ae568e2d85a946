"""An outage is distinguished from a refusal by the text of the connection error."""

from __future__ import annotations

import psycopg
import pytest

from runstore.backends import outage

AT = 'connection failed: connection to server at "127.0.0.1", port 5432 failed: '


OUTAGES = [
    f"{AT}Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
    f"{AT}FATAL:  the database system is not yet accepting connections",
    f"{AT}FATAL:  the database system is shutting down",
    f'{AT}FATAL:  too many connections for role "does not exist"',
    f"{AT}FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
    f"{AT}FATAL:  das Datenbanksystem startet",
    f"{AT}server closed the connection unexpectedly",
    f"{AT}timeout expired",
    'connection is bad: connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory',
    'connection failed: could not translate host name "invalid.example" to address: Name or service not known',
    "failed to resolve host 'db.invalid': [Errno -2] Name or service not known",
    "connection timeout expired",
    "consuming input failed: server closed the connection unexpectedly",
    "the connection is lost",
]


REFUSALS = [
    f'{AT}FATAL:  password authentication failed for user "a"',
    f"{AT}fe_sendauth: no password supplied",
    f'{AT}FATAL:  database "timeout" does not exist',
    f'{AT}FATAL:  role "a" does not exist',
    f'{AT}FATAL:  role "a" is not permitted to log in',
    f'{AT}FATAL:  permission denied for database "a"',
    f'{AT}FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "a", database "b", no encryption',
    f"{AT}server does not support SSL, but SSL was required",
    f"{AT}SSL error: certificate verify failed",
    'connection is bad: invalid port number: "99999"',
]


@pytest.mark.parametrize("text", OUTAGES)
def test_a_server_that_is_not_there_or_has_no_room_is_unreachable(text: str) -> None:
    assert outage.is_meant(psycopg.OperationalError(text))


@pytest.mark.parametrize("text", REFUSALS)
def test_what_no_waiting_mends_is_not(text: str) -> None:
    assert not outage.is_meant(psycopg.OperationalError(text))
