"""What messages may show of the text that says how to reach a database: nothing that could be a password or key.

Masked is everything that is not known to be harmless, for options are misspelt and drivers gain new ones.
"""

from __future__ import annotations

import re

MASK = "***"

HARMLESS = frozenset(
    (
        *("schema", "prepare_threshold", "host", "hostaddr", "port", "dbname", "user", "application_name"),
        *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("tcp_user_timeout", "sslmode", "sslnegotiation", "channel_binding", "gssencmode", "client_encoding"),
        *("target_session_attrs", "load_balance_hosts", "require_auth"),
        *("mode", "cache", "immutable", "uri", "timeout", "check_same_thread"),
    )
)
"""Options of a database URL, of PostgreSQL and SQLite, whose values are no secrets."""

_OF_URL = re.compile(r"(:/{1,2}[^\s:/@]*):(?:(?:(?!: ).)*(@)|(?!\d+\b)[^\s/?]+)")
"""A password may hold anything; a colon and a blank stand between the place in one of our messages and the reason.

Without a host after it, it is what is not the number of a port. As a path a URL has one slash.
"""
_OF_LOGIN = re.compile(r"(?<![^\s'\"(=,/])([^\s'\"():/@=,]+):(?!//)\S*@")
"""A URL without its scheme."""
_OF_QUERY = re.compile(r"(?<=[?&])([^\s?&=]*)=[^\s&]*")
_PAIR = re.compile(r"([\w-]+)(\s*=\s*)('(?:[^'\\]|\\.)*'|\"[^\"]*\"|[^\s'\"&;,)]+)")
_NAMED = re.compile(r"(?i)pass|pwd|secret|token(?!s)|credential|private|api_?key")
_KEYWORDS = re.compile(r"(?i)\b(?:host|hostaddr|dbname|user|server|service|uid|data source)\s*=")


def masked(text: str) -> str:
    """*text* with the secrets of the URLs and connection strings in it masked: passwords, options not known here."""
    text = _OF_URL.sub(rf"\1:{MASK}\2", text)
    text = _OF_LOGIN.sub(rf"\1:{MASK}@", text)
    text = _OF_QUERY.sub(lambda found: found[0] if found[1] in HARMLESS else f"{found[1]}={MASK}", text)
    keywords = _KEYWORDS.search(text) is not None

    def pair(found: re.Match[str]) -> str:
        name = found[1].lower()
        private = _NAMED.search(name) or (keywords and name not in HARMLESS)
        return f"{found[1]}{found[2]}{MASK}" if private else found[0]

    return _PAIR.sub(pair, text)
