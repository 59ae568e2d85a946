"""Secrets recognized by their names in a text: settings, headers, parameters, and JSON that cannot be decoded."""

from __future__ import annotations

import re
from collections.abc import Callable

from runstore.redact.names import Says, says
from runstore.redact.tokens import looks_random

REDACTED = "[redacted]"

Note = Callable[[str], object]
"""A function that is called with the kind of each secret."""

BY_NAME = "a secret, judging by its name"

# --- values that are not secret --------------------------------------------------------------------------------------

_PLACEHOLDER = re.compile(
    r"(?i)\[.*|/.*/.*|<.*|\(.*|\{.*|\$[{(].*|\$[A-Z_][A-Z0-9_]*|%\(?\w*\)?s?%?|[x*._…#?-]+|.{1,2}"
    r"|(?:.*[^a-z0-9])?(?:your|my|some|example|placeholder|redacted|changeme|secret|here)(?:[^a-z0-9].*)?|.*(?:\.\.\.|…)"
    r"|none|null|nil|true|false|yes|no|on|off|str|string|text|int|integer|bool|boolean|bytes|any|object|array|list|dict"
    r"|required|optional|default|empty|auto|hidden|unset|undefined|missing|invalid|valid|enabled|disabled|prompt|values?"
    r"|type|name|id|key|field|env|file|path|url|hash|auth|login|user|username|access|basic|bearer|digest|the|an?|is|this"
    r"|that|see|use|if|for|not|and|or|with|from|of|to|in|only|must|should|may|can|will|when|which|it|we|you"
    r"|expired|revoked|rejected|changed|incorrect|wrong|correct|unknown|never|always|plain|strong|weak|new|old|rotated"
    r"|generated|stored|encrypted|hashed|needed|available|provided|supported|given|found|sent|set|ok|failed|error|denied"
)
"""A placeholder for a value, or a remark about it."""
CODE = re.compile(r"[A-Za-z_][\w.]*[(\[].*|[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+|&?[A-Za-z_]+\*?")
"""An expression of a program, such as a call or an attribute, or a word of letters only."""


def stands_for(value: str) -> bool:
    """Return whether *value* is not itself a secret, but a placeholder or the name of a variable."""
    return bool(_PLACEHOLDER.fullmatch(value)) or (value.isidentifier() and says(value) is Says.SECRET)


def telling(value: str) -> bool:
    """Return whether *value* is unlikely to be a word of a sentence or of a program."""
    if CODE.fullmatch(value) or len(value) < 4:
        return False
    return any(map(str.isdigit, value)) or any(c in "!#$%^&*+=@~?/" for c in value[:-1])


# --- names with their values -----------------------------------------------------------------------------------------

_NAMED = re.compile(
    r"""(?<![\w.])(?P<flag>--?)?(?P<name>[^\W\d][\w.-]{0,99}+)(?P<close>\\{0,15}["'`]?\]?)[ \t]{0,8}"""
    r"""(?P<sign>=>|:=|[=:])(?![=:])(?P<space>(?:\s|\\n){0,8})"""
)
_QUOTED = re.compile(r"""(?P<quote>\\{0,15}["'`])(?P<value>[^\n]{1,1024}?)(?<!\\)(?P=quote)""")
_BARE = re.compile(r"""[^\s"'`\\\u3002\uff0c\uff1b&;,<>)\]}]+""")
_BARE_IN_YAML = re.compile(r"""[^\s"'`\\\u3002\uff0c\uff1b,<>)\]}]+""")
_BARE_IN_ENVIRONMENT = re.compile(r"""[^\s"'`\\]+""")
_BRACED = re.compile(r"""\{([^{}\s"']{1,200})\}""")
_HELD = re.compile(r"\[[^\[\]{}]{1,4096}\]|\{[^{}]{1,4096}\}")
"""A list or an object in JSON that is part of a sentence or cut off. Complete JSON is decoded instead."""
_DESCRIBED = re.compile(r"""["']type\\{0,15}["']\s{0,4}:""")
_BEGINNING = re.compile(r"(?:^|\n)[ \t-]*(?:(?:export|set)[ \t]+)?$")
"""The text that may precede the name of a setting on its line."""
_SCHEME = re.compile(r"[A-Za-z][\w-]{1,30}(?:[ \t]{1,4}|%20|\+)")
_PARAMETERS = re.compile(r"""(?:[\w-]{1,40}=(?:\\{0,8}"[^"\n]{0,500}"|[^\s,"']{1,500})[,\s]{0,3}){1,20}""")
_COOKIE = re.compile(r"""[\w.-]{1,100}=[^\n"'\\]{1,4096}""")


def without_named(text: str, note: Note) -> str:
    out: list[str] = []
    done = 0
    for match in _NAMED.finditer(text):
        if match.start() < done:
            continue
        span = _value_of(match, text)
        if span:
            note("credentials" if match["name"].lower().endswith("authorization") else BY_NAME)
            out += [text[done : span[0]], REDACTED]
            done = span[1]
    return "".join([*out, text[done:]]) if out else text


def _value_of(match: re.Match[str], text: str) -> tuple[int, int] | None:
    """Return the span of the secret that belongs to a name, or None."""
    name, at = match["name"], match.end()
    level = says(name)
    if match["close"] and (level is Says.SECRET or name.lower() == "headers") and (held := _HELD.match(text, at)):
        return None if _DESCRIBED.search(held[0]) else (held.start() + 1, held.end() - 1)
    if name == "key" and text[match.start() - 1 : match.start()] in ("?", "&"):
        return bare.span() if (bare := _BARE.match(text, at)) and looks_random(bare[0], 12) else None
    if level is Says.NOTHING:
        return None
    lowered = name.lower()
    quoted = _QUOTED.match(text, at)
    if (
        quoted
        and not match["close"]
        and not match["space"]
        and text[match.start() - 1 : match.start()] == quoted["quote"]
    ):
        return None  # for example "password:" and "group:"
    if lowered.endswith("authorization"):
        return _credentials(quoted.start("value") if quoted else at, text)
    if lowered.endswith("cookie") and match["sign"] == ":" and not quoted:
        cookie = _COOKIE.match(text, at)
        return cookie.span() if cookie else None
    if quoted:
        value, span = quoted["value"], quoted.span("value")
        is_secret = value.count(" ") < 3 and not stands_for(value)
        return span if is_secret and (level is Says.SECRET or looks_random(value, 16)) else None
    if braced := _BRACED.match(text, at):
        return braced.span(1) if level is Says.SECRET and telling(braced[1]) else None
    first = bool(_BEGINNING.search(text, max(0, match.start() - 40), match.start()))
    if match["sign"] == ":":
        bare = _BARE_IN_YAML.match(text, at)
    elif first and name.isupper():
        bare = _BARE_IN_ENVIRONMENT.match(text, at)
    else:
        bare = _BARE.match(text, at)
    if bare is None or "\n" in match["space"] or stands_for(value := bare[0].rstrip(".:")):
        return None
    span = (bare.start(), bare.start() + len(value))
    if level is Says.MAYBE:
        return span if looks_random(value, 16) else None
    if telling(value) or (match["sign"] != ":" and not match["space"] and not CODE.fullmatch(value)):
        return span
    if match["close"] or len(value) < 4:
        return None
    # Only letters: this is the value of a setting or header, unless it is a word of a sentence or a variable.
    after = text[span[1] : span[1] + 1]
    is_setting = match["sign"] == "=" and not match["space"]
    if after and after in "\"'" and text[match.start() - 1 : match.start()] == after:
        return span
    is_alone = after in ("", "\n", "&", ";") and (first or is_setting)
    return span if is_alone and (is_setting or value.islower() or not value.isalpha()) else None


def _credentials(at: int, text: str) -> tuple[int, int] | None:
    """Return the span of the credentials after the scheme in an Authorization header, or None."""
    scheme = _SCHEME.match(text, at)
    if scheme:
        at = scheme.end()
        if parameters := _PARAMETERS.match(text, at):
            return parameters.start(), parameters.start() + len(parameters[0].rstrip(", \n"))
    bare = _BARE_IN_YAML.match(text, at)
    if bare is None or stands_for(bare[0]) or not (telling(bare[0]) or looks_random(bare[0], 12)):
        return None
    return bare.span()
