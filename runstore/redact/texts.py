"""Secrets in a text that are told by what stands next to them: names, headers, URLs, commands, sentences."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from runstore.redact.names import HINTS as HINTS_OF_NAMES
from runstore.redact.names import Says, says
from runstore.redact.tokens import looks_random, without_blocks, without_tokens

REDACTED = "[redacted]"

Note = Callable[[str], object]
"""Is given the kind of what is found."""

BY_NAME = "a secret by its name"

# --- what is no secret -----------------------------------------------------------------------------------------------

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
"""What stands for a value, or says something about it."""
_CODE = re.compile(r"[A-Za-z_][\w.]*[(\[].*|[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+|&?[A-Za-z_]+\*?")
"""A call, an attribute: an expression of a program. Or letters alone."""


def _stands_for(value: str) -> bool:
    """Whether *value* is no secret itself: a placeholder, or the name of a variable."""
    return bool(_PLACEHOLDER.fullmatch(value)) or (value.isidentifier() and says(value) is Says.SECRET)


def _telling(value: str) -> bool:
    """Whether *value* can hardly be a word of a sentence or of a program."""
    if _CODE.fullmatch(value) or len(value) < 4:
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
"""A list or an object, where JSON stands in a sentence or is cut off: other JSON is read."""
_DESCRIBED = re.compile(r"""["']type\\{0,15}["']\s{0,4}:""")
_SCHEME = re.compile(r"[A-Za-z][\w-]{1,30}(?:[ \t]{1,4}|%20|\+)")
_PARAMETERS = re.compile(r"""(?:[\w-]{1,40}=(?:\\{0,8}"[^"\n]{0,500}"|[^\s,"']{1,500})[,\s]{0,3}){1,20}""")
_COOKIE = re.compile(r"""[\w.-]{1,100}=[^\n"'\\]{1,4096}""")


def _without_named(text: str, note: Note) -> str:
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
    """Where the secret stands that belongs to a name, if there is one."""
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
        return None  # "password:" and "group:"
    if lowered.endswith("authorization"):
        return _credentials(quoted.start("value") if quoted else at, text)
    if lowered.endswith("cookie") and match["sign"] == ":" and not quoted:
        cookie = _COOKIE.match(text, at)
        return cookie.span() if cookie else None
    if quoted:
        value, span = quoted["value"], quoted.span("value")
        is_secret = value.count(" ") < 3 and not _stands_for(value)
        return span if is_secret and (level is Says.SECRET or looks_random(value, 16)) else None
    if braced := _BRACED.match(text, at):
        return braced.span(1) if level is Says.SECRET and _telling(braced[1]) else None
    line = text.rfind("\n", 0, match.start()) + 1
    first = not text[line : match.start()].strip(" \t-").removeprefix("export").removeprefix("set").strip()
    if match["sign"] == ":":
        bare = _BARE_IN_YAML.match(text, at)
    elif first and name.isupper():
        bare = _BARE_IN_ENVIRONMENT.match(text, at)
    else:
        bare = _BARE.match(text, at)
    if bare is None or "\n" in match["space"] or _stands_for(value := bare[0].rstrip(".:")):
        return None
    span = (bare.start(), bare.start() + len(value))
    if level is Says.MAYBE:
        return span if looks_random(value, 16) else None
    if _telling(value) or (match["sign"] != ":" and not match["space"] and not _CODE.fullmatch(value)):
        return span
    if match["close"] or len(value) < 4:
        return None
    # Nothing but letters: the value of a setting or header, unless it is a word of a sentence or a variable.
    after = text[span[1] : span[1] + 1]
    is_setting = match["sign"] == "=" and not match["space"]
    if after and after in "\"'" and text[match.start() - 1 : match.start()] == after:
        return span
    is_alone = after in ("", "\n", "&", ";") and (first or is_setting)
    return span if is_alone and (is_setting or value.islower() or not value.isalpha()) else None


def _credentials(at: int, text: str) -> tuple[int, int] | None:
    """Where the credentials stand in the value of an Authorization header, behind the name of their scheme."""
    scheme = _SCHEME.match(text, at)
    if scheme:
        at = scheme.end()
        if parameters := _PARAMETERS.match(text, at):
            return parameters.start(), parameters.start() + len(parameters[0].rstrip(", \n"))
    bare = _BARE_IN_YAML.match(text, at)
    if bare is None or _stands_for(bare[0]) or not (_telling(bare[0]) or looks_random(bare[0], 12)):
        return None
    return bare.span()


# --- the other forms -------------------------------------------------------------------------------------------------

_PARTING = re.compile(
    r"""(?P<before>://[^\s/:@"'<>\\`]{0,200}:)(?P<secret>(?!\d{1,5}[/?#])[^\s/"'<>\\`]{1,256})(?=@[\w\[{$(%.-])"""
    r"""|(?P<plain>://)(?P<user>[A-Za-z0-9_-]{16,200})(?=@[\w\[])"""
)
_BEARER = re.compile(
    r"(?P<before>\b(?P<scheme>[Bb]earer|BEARER|[Bb]asic|BASIC|Token|ApiKey|Apikey|Bot)[ \t]{1,4})"
    r"(?P<secret>[A-Za-z0-9._~+/-]{12,}+=*)"
)
_HOOK = re.compile(
    r"(?P<before>hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/\d+/"
    r"|webhook\.office\.com/webhookb2/|api\.telegram\.org/bot|hooks\.zapier\.com/hooks/catch/)(?P<secret>[\w/@:-]{12,})"
)
_ELEMENT = re.compile(
    r"(?P<before><(?P<name>[A-Za-z][\w.:-]{0,60})(?: [^<>]{0,200})?>)(?P<secret>[^<>\n]{1,400})(?=</)"
)
_ATTRIBUTES = re.compile(
    r"""(?P<before>\b(?:key|name)=\\?["'](?P<name>[\w.:-]{1,80})\\?["'] {1,4}value=\\?["'])"""
    r"""(?P<secret>[^"'\n<>]{1,400})(?=\\?["'])"""
)
_FLAG = re.compile(
    r"""(?P<before>(?<![\w-])--?(?P<name>[A-Za-z][\w-]{1,60})[ \t]{1,4}\\?["']?)"""
    r"""(?P<secret>[^\s"'\\<>-][^\s"'\\<>]{3,400})"""
)
_SHORT = re.compile(
    r"""(?P<before>(?<![\w-])-(?P<flag>u|p|a|-user|-proxy-user)(?P<space>[ \t=]{0,4})\\?["']?)"""
    r"""(?P<secret>[^\s"'\\<>-][^\s"'\\<>]{2,400})"""
)
_COMMANDS = {
    "u": re.compile(r"\b(?:curl|wget|http|https|xh)\b"),
    "p": re.compile(r"\b(?:sshpass|login|mysql\w*|mariadb\w*|mongo\w*|htpasswd)\b"),
    "a": re.compile(r"\bredis-cli\b"),
}
_ORACLE = re.compile(r"(?P<before>:thin:[^\s/@:]{1,60}/)(?P<secret>[^\s@]{1,100})(?=@)")
_IDENTIFIED = re.compile(r"(?i)(?P<before>\bidentified by ')(?P<secret>[^'\n]{1,100})(?=')")
_NOUN = (
    r"pass(?:word|phrase|code)|passwort|kennwort|contrase[nñ]a|senha|mot de passe|wachtwoord|пароль|密码|パスワード|pwd"
    r"|(?:api|access|secret|private|account|license|master|encryption|signing|auth)[ _-]?key|secret|token|credentials?"
)
_SENTENCE = re.compile(
    rf"""(?i)(?P<before>\b(?:{_NOUN})\b(?:[ \t]{{1,3}}(?:is|was|to|as|ist|es|est))?[ \t:=]{{1,4}}[(\\]?["'`*]{{0,2}})"""
    r"""(?P<secret>[^\s"'`*,;<>()\\\[\]][^\s"'`,;<>()\\\[\]]{5,200})"""
)
_VERSION = re.compile(r"v?\d+(?:[.:/-]\d+)*\w{0,2}|[a-z]+-?\d{1,2}|\d+\w{0,3}")


def _with(pattern: re.Pattern[str], kind: str, holds: Callable[[re.Match[str]], bool], text: str, note: Note) -> str:
    def clean(match: re.Match[str]) -> str:
        if not holds(match):
            return match[0]
        note(kind)
        secret = match["secret"]
        end = len(secret.rstrip(".,:!?*。")) or len(secret)
        return f"{match['before']}{REDACTED}{secret[end:]}"

    return pattern.sub(clean, text)


def _is_credentials(match: re.Match[str]) -> bool:
    secret = match["secret"]
    if _stands_for(secret):
        return False
    if match["scheme"].lower() == "basic":
        try:
            return b":" in base64.b64decode(secret, validate=True)
        except (binascii.Error, ValueError):
            return False
    return any(map(str.isdigit, secret)) and not _VERSION.fullmatch(secret)


def _is_named(match: re.Match[str]) -> bool:
    secret = match["secret"]
    level = says(match["name"])
    is_key = level is Says.SECRET or (level is Says.MAYBE and looks_random(secret, 16))
    return is_key and not _stands_for(secret)


def _is_flag(match: re.Match[str]) -> bool:
    return says(match["name"]) is Says.SECRET and not _stands_for(match["secret"]) and _telling(match["secret"])


def _is_short_flag(match: re.Match[str]) -> bool:
    flag, secret = match["flag"][-1] if match["flag"] in "pa" else "u", match["secret"]
    command = _COMMANDS[flag].search(match.string, max(0, match.start() - 200), match.start())
    if command is None or "\n" in match.string[command.end() : match.start()] or _stands_for(secret):
        return False
    if flag == "u":
        return ":" in secret and not _stands_for(secret.partition(":")[2])
    return not command[0].startswith(("mysql", "maria")) or not match["space"]


def _is_told(match: re.Match[str]) -> bool:
    secret = match["secret"].rstrip(".,:!?*")
    if len(secret) < 6 or _VERSION.fullmatch(secret) or _stands_for(secret) or _CODE.fullmatch(secret):
        return False
    digits = sum(map(str.isdigit, secret))
    return (0 < digits < len(secret) or _telling(secret)) and not secret.isdigit() and "://" not in secret


def _always(_: re.Match[str]) -> bool:
    return True


HINTS = (
    *HINTS_OF_NAMES,
    "://",
    "headers",
    "private-lines",
    "basic ",
    "bot ",
    "curl",
    "wget",
    "http ",
    "login",
    "identified by",
    ":thin:",
)
"""One of these is in a text, in lower case, that has a secret next to something that tells; a block has "key"."""


def clean(text: str, note: Note) -> str:
    """*text* with :data:`REDACTED` in place of what looks like a secret; *note* is called with the kind of each."""
    if len(text) < 6:
        return text
    lowered = text.lower()
    if any(hint in lowered for hint in HINTS):
        text = _without_told(text, lowered, note)
    return without_tokens(text, REDACTED, note)


def _without_told(text: str, lowered: str, note: Note) -> str:
    text = without_blocks(text, REDACTED, note)
    if "://" in text:
        if "@" in text:
            text = _without_passwords(text, note)
        text = _with(_HOOK, "an address that is a secret", _always, text, note)
    if "=" in text or ":" in text:
        text = _without_named(text, note)
        if ":thin:" in text:
            text = _with(_ORACLE, "the password of a URL", _always, text, note)
    if "</" in text:
        text = _with(_ELEMENT, BY_NAME, _is_named, text, note)
    if "value=" in text:
        text = _with(_ATTRIBUTES, BY_NAME, _is_named, text, note)
    if " -" in text or text.startswith("-"):
        text = _with(_FLAG, BY_NAME, _is_flag, text, note)
        text = _with(_SHORT, "credentials", _is_short_flag, text, note)
    if " " in text:
        text = _with(_BEARER, "credentials", _is_credentials, text, note)
        text = _with(_SENTENCE, "a password", _is_told, text, note)
    if "identified by" in lowered:
        text = _with(_IDENTIFIED, "a password", _always, text, note)
    return text


def _without_passwords(text: str, note: Note) -> str:
    def clean(match: re.Match[str]) -> str:
        if match["plain"]:
            if not any(map(str.isdigit, match["user"])):
                return match[0]
            note("credentials")
            return f"{match['plain']}{REDACTED}"
        if _stands_for(match["secret"]):
            return match[0]
        note("the password of a URL")
        return f"{match['before']}{REDACTED}"

    return _PARTING.sub(clean, text)
