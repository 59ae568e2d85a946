"""Masking of passwords and keys in the URLs and connection strings that messages show.

Everything that is not known to be harmless is masked, because options may be misspelt and drivers add new ones.
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
"""Options of PostgreSQL and SQLite URLs whose values are not secret."""

_OF_URL = re.compile(r"(:/{1,2}[^\s:/@]*):(?:(?:(?!: ).)*(@)|(?!\d+\b)[^\s/?]+)")
"""The password of a URL. It may contain any character; in messages a colon and a blank separate a URL from the reason.

If no host follows, anything but a port number is taken for a password. A URL treated as a path has a single slash.
"""
_OF_LOGIN = re.compile(r"(?<![^\s'\"(=,/])([^\s'\"():/@=,]+):(?!//)\S*@")
"""The login of a URL without its scheme."""
_OF_QUERY = re.compile(r"(?<=[?&])([^\s?&=]*)=[^\s&]*")
_PAIR = re.compile(r"([\w-]+)(\s*=\s*)('(?:[^'\\]|\\.)*'|\"[^\"]*\"|[^\s'\"&;,)]+)")
_NAMED = re.compile(r"(?i)pass|pwd|secret|token(?!s)|credential|private|api_?key")
_KEYWORDS = re.compile(r"(?i)\b(?:host|hostaddr|dbname|user|server|service|uid|data source)\s*=")


def masked(text: str) -> str:
    """Return *text* with passwords and unknown options of the URLs and connection strings in it masked."""
    text = _OF_URL.sub(rf"\1:{MASK}\2", text)
    text = _OF_LOGIN.sub(rf"\1:{MASK}@", text)
    text = _OF_QUERY.sub(lambda found: found[0] if found[1] in HARMLESS else f"{found[1]}={MASK}", text)
    keywords = _KEYWORDS.search(text) is not None

    def pair(found: re.Match[str]) -> str:
        name = found[1].lower()
        private = _NAMED.search(name) or (keywords and name not in HARMLESS)
        return f"{found[1]}{found[2]}{MASK}" if private else found[0]

    return _PAIR.sub(pair, text)
