"""Secrets recognized by the surrounding text: URLs, commands, sentences, and names of all kinds."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from runstore.redact.named import BY_NAME, CODE, REDACTED, Note, stands_for, telling, without_named
from runstore.redact.names import HINTS as HINTS_OF_NAMES
from runstore.redact.names import Says, says
from runstore.redact.tokens import looks_random, without_blocks, without_tokens

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
    if stands_for(secret):
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
    return is_key and not stands_for(secret)


def _is_flag(match: re.Match[str]) -> bool:
    return says(match["name"]) is Says.SECRET and not stands_for(match["secret"]) and telling(match["secret"])


def _is_short_flag(match: re.Match[str]) -> bool:
    flag, secret = match["flag"][-1] if match["flag"] in "pa" else "u", match["secret"]
    command = _COMMANDS[flag].search(match.string, max(0, match.start() - 200), match.start())
    if command is None or "\n" in match.string[command.end() : match.start()] or stands_for(secret):
        return False
    if flag == "u":
        return ":" in secret and not stands_for(secret.partition(":")[2])
    return not command[0].startswith(("mysql", "maria")) or not match["space"]


def _is_told(match: re.Match[str]) -> bool:
    secret = match["secret"].rstrip(".,:!?*")
    if len(secret) < 6 or _VERSION.fullmatch(secret) or stands_for(secret) or CODE.fullmatch(secret):
        return False
    digits = sum(map(str.isdigit, secret))
    return (0 < digits < len(secret) or telling(secret)) and not secret.isdigit() and "://" not in secret


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
"""Every text with a secret that its surroundings reveal contains one of these in lower case; key blocks have "key"."""


def clean(text: str, note: Note) -> str:
    """Return *text* with each secret replaced by :data:`REDACTED`; *note* is called with the kind of each."""
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
        text = _with(_HOOK, "a secret URL", _always, text, note)
    if "=" in text or ":" in text:
        text = without_named(text, note)
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
        if stands_for(match["secret"]):
            return match[0]
        note("the password of a URL")
        return f"{match['before']}{REDACTED}"

    return _PARTING.sub(clean, text)
