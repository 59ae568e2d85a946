"""Secrets recognized by their own form: formats that vendors publish, private keys, and words that look random."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

_BASE64 = r"[A-Za-z0-9+/]"
_ANY = r"[A-Za-z0-9_-]"
_HEX = r"[0-9a-f]"
_UUID = rf"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"

_VENDORS = (
    # OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse and others; an OpenAI key contains T3BlbkFJ.
    r"sk-(?:[a-z]{2,10}(?:\d{2})?-|v1-){0,3}+(?=[A-Za-z_-]{0,60}+\d)[A-Za-z0-9_-]{20,}",
    rf"sess-[A-Za-z0-9]{{40}}|csk-[a-z0-9]{{40,}}|sk_{_HEX}{{40,}}",
    r"(?:fw|aio|rnd|nfp|vcp|ion)_(?=[A-Za-z]*\d)[A-Za-z0-9]{22,}|re_[A-Za-z0-9]{6,10}_[A-Za-z0-9]{20,}",
    r"(?:gsk|r8|pcsk|ntn|jina|hf|api_org|tgp_v1)_[A-Za-z0-9_-]{30,}|secret_[A-Za-z0-9]{40,}",
    r"(?:xai|pplx|nvapi|tvly(?:-[a-z]{3,4})?|llx|ico|as|ak|fc)-(?=[A-Za-z]*\d)[A-Za-z0-9]{22,}",
    rf"(?:pa|tk-us|fio-u|nvapi)-(?=[A-Za-z_-]*\d){_ANY}{{40,}}",
    # Amazon
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    rf"ABSK{_BASE64}{{80,}}={{0,2}}|amzn\.mws\.{_UUID}",
    # Google
    rf"AIza{_ANY}{{35}}|ya29\.{_ANY}{{20,}}|GOCSPX-{_ANY}{{20,}}|1//0{_ANY}{{30,}}|AQ\.Ab8{_ANY}{{30,}}",
    rf"{_ANY}{{8,24}}:APA91b{_ANY}{{100,}}",
    # Azure: keys with a checksum, secrets of applications, tokens of DevOps
    r"[A-Za-z0-9]{50,60}JQQJ9[A-Za-z0-9]{20,}",
    r"[A-Za-z0-9+/_-]{30,120}(?:AzFu|AzSe|ACR|AIoT|ASb|AEh|ACDb|APIM)[A-Za-z0-9+/_-]{4,12}={0,2}",
    r"[A-Za-z0-9]{3}8Q~[A-Za-z0-9._~-]{31,37}|[a-z0-9]{52}(?![A-Za-z0-9])(?<=[a-z][0-9][a-z0-9]{50})",
    # GitHub, GitLab, Bitbucket, Atlassian
    rf"gh[pousr]_[A-Za-z0-9]{{30,}}|github_pat_\w{{22,}}|gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct|sd)-{_ANY}{{20,}}(?:\.[0-9a-z]{{2,}})*",
    rf"GR1348941{_ANY}{{20}}",
    rf"AT(?:ATT3x|CTT3x|BB){_ANY}{{20,}}(?:=[0-9A-F]{{8}})?",
    # Slack, Discord, Telegram, Teams
    rf"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{{10,}}|xapp-{_ANY}{{20,}}",
    rf"[MNO][A-Za-z0-9_-]{{23,27}}\.{_ANY}{{6}}\.{_ANY}{{27,}}",
    rf"\d{{8,10}}:AA{_ANY}{{32,}}",
    # Payments: Stripe, Square, PayPal, Flutterwave, EasyPost, Shippo, Duffel, Plaid
    r"(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=_-]{20,}",
    r"(?:EZ[AT]K)[A-Za-z0-9]{50,}",
    rf"sq0[a-z]{{3}}-{_ANY}{{20,}}|EAAA{_ANY}{{56,}}",
    r"access_token\$(?:production|sandbox)\$[0-9a-z]{8,}\$[0-9a-f]{20,}",
    rf"FLW(?:SEC|PUB)K(?:_TEST)?-{_ANY}{{20,}}|(?:shippo|duffel)_(?:live|test)_{_ANY}{{30,}}",
    rf"access-[a-z]+-{_UUID}",
    # Mail and messages: Twilio, SendGrid, Mailgun, Mailchimp, Brevo
    rf"(?:SK|AC){_HEX}{{32}}(?![A-Za-z0-9])|SG\.{_ANY}{{16,}}\.{_ANY}{{16,}}|key-{_HEX}{{32}}",
    rf"{_HEX}{{32}}-us\d{{1,2}}|md-{_ANY}{{22}}",
    rf"{_HEX}{{32}}-{_HEX}{{8}}-{_HEX}{{8}}(?!-)|x(?:keysib|smtpsib)-{_HEX}{{32,}}-[A-Za-z0-9]{{10,}}",
    # Packages: npm, PyPI, RubyGems, NuGet, crates.io, Docker, Clojars, Artifactory
    rf"npm_[A-Za-z0-9]{{30,}}|pypi-Ag{_ANY}{{30,}}|rubygems_{_HEX}{{40,}}|oy2[a-z0-9]{{43}}",
    r"cio[A-Za-z0-9]{32}(?![A-Za-z0-9])",
    rf"dckr_(?:pat|oat)_{_ANY}{{20,}}|CLOJARS_[a-z0-9]{{50,}}|AKCp[A-Za-z0-9]{{60,}}",
    r"cmVmdGtu[A-Za-z0-9]{40,}",
    # Shops, notes, designs and others
    rf"shp(?:at|ss|ca|pa|tka|ua)_{_HEX}{{32}}|lin_(?:api|oauth)_[A-Za-z0-9]{{32,}}|fig[durh]+_{_ANY}{{30,}}",
    rf"figo?[a-z]?_{_ANY}{{40,}}",
    rf"pat[A-Za-z0-9]{{14}}\.{_HEX}{{64}}|pat-[a-z]{{2}}\d-{_UUID}|CFPAT-{_ANY}{{40,}}",
    rf"PMAK-{_HEX}{{24}}-{_HEX}{{34}}|tfp_{_ANY}{{40,}}",
    rf"dG9rO{_BASE64}{{50,}}={{0,2}}|(?:p8e|sdk|api)-(?:{_UUID}|[a-z0-9]{{32}}(?![a-z0-9]))",
    rf"sk\.eyJ{_ANY}{{20,}}\.{_ANY}{{16,}}",
    rf"[A-Za-z0-9]{{6}}_[A-Za-z0-9]{{29}}_mmk|{_HEX}{{10}}msh{_HEX}{{15}}p1{_HEX}{{5}}jsn{_HEX}{{12}}",
    rf"LTAI[A-Za-z0-9]{{16,}}|AQVN{_ANY}{{35,}}",
    rf"s-s4t2(?:ud|af)-{_HEX}{{60,}}|samsara_api_[A-Za-z0-9]{{28}}|rdme_[a-z0-9]{{60,}}",
    rf"A3-[A-Z0-9]{{6}}(?:-[A-Z0-9]{{5,6}}){{5}}|ops_eyJ{_BASE64}{{60,}}=*",
    rf"1/\d{{16}}:{_HEX}{{32}}|\d{{15,16}}\|{_ANY}{{27}}|EAAC[A-Za-z0-9]{{40,}}",
    rf"00{_ANY}{{40}}(?!{_ANY})(?<=[A-Za-z0-9]{{4}})",
    # Clouds and their tools: DigitalOcean, Heroku, Cloudflare, Tailscale, Vault, Terraform, Doppler, Databricks, Sentry
    rf"do[opr]_v1_{_HEX}{{40,}}|HRKU-{_ANY}{{30,}}|v1\.0-{_HEX}{{24}}-{_HEX}{{100,}}",
    r"cf[a-z]{2}_[A-Za-z0-9]{40,}|tskey-[a-z]+-[A-Za-z0-9-]{20,}",
    rf"hv[bsr]\.{_ANY}{{20,}}|s\.[A-Za-z0-9]{{24}}(?![A-Za-z0-9.])",
    rf"[A-Za-z0-9]{{14}}\.atlasv1\.{_ANY}{{40,}}",
    r"dp\.[a-z]{2,6}\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,}",
    rf"dapi{_HEX}{{32}}(?:-\d)?|gl(?:sa|c)_[A-Za-z0-9+/_-]{{30,}}={{0,2}}|sntry[su]_[A-Za-z0-9+/=_-]{{40,}}",
    rf"NR(?:AK|II|JS|RA|BR)-{_ANY}{{16,}}|{_HEX}{{36}}NRAL",
    rf"pscale_(?:tkn|pw|oauth)_{_ANY}{{30,}}|pn[ub]_[a-z0-9]{{30,}}|pul-{_HEX}{{40}}",
    rf"sb_secret_{_ANY}{{20,}}|sb[pa]_{_HEX}{{40}}|ph[xsr]_{_ANY}{{30,}}",
    rf"dt0[a-z]\d{{2}}\.[A-Z0-9]{{24}}\.[A-Z0-9]{{64}}|lsv2_[a-z]{{2}}_{_HEX}{{32}}_{_HEX}{{10}}",
    rf"e2b_{_HEX}{{40}}|bku?[ai]_{_HEX}{{40}}|CCI(?:PAT|PRJ)_{_ANY}{{30,}}",
    rf"sgp_(?:{_HEX}{{16}}_|local_)?{_HEX}{{40}}|sq[upa]_{_HEX}{{40}}|sm_[a-z]{{3}}_[A-Za-z0-9]{{16}}",
    rf"sha256~{_ANY}{{40,}}|fo1_{_ANY}{{40,}}|FlyV1 fm[12]r?_{_BASE64}{{60,}}=*|fm[12]r?_{_BASE64}{{60,}}=*",
    # Prefixes that state the purpose
    r"(?:[a-z]{2,12}_)?(?:live|prod|sk|secret|key|api|pat|token)_(?=[A-Za-z_-]{0,60}+\d)[A-Za-z0-9]{24,}",
    rf"AstraCS:[A-Za-z0-9]{{20,}}:{_HEX}{{40,}}|mlsn\.{_HEX}{{60,}}|napi_[a-z0-9]{{40,}}|sl\.{_ANY}{{100,}}|rpa_[A-Z0-9]{{30,}}",
    # age, SSH
    rf"AGE-SECRET-KEY-1[A-Z0-9]{{50,}}|ed25519:{_BASE64}{{80,}}={{0,2}}",
)
_JWT = (
    rf"ey[A-Za-z0-9]{_ANY}{{6,}}\.(?:ey{_ANY}{{8,}}\.{_ANY}{{8,}}|{_ANY}{{20,}}(?:\.{_ANY}{{8,}}){{3}}|{_ANY}{{20,}}\.{_ANY}{{40,}})"
    rf"|eyJrIjoi{_ANY}{{40,}}={{0,2}}"  # the older keys of Grafana
)
_START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-F]{2})|(?<=\\u00[0-9a-f]{2}))"
"""The start of a token: no letter or digit precedes it, except those of an escape sequence."""
_DATA = r"(?<![\w.~-])[A-Za-z0-9+/]{200,}"
"""Base64 data of a file, which may contain any token by chance."""

_LINE = re.compile(r"(?:[A-Za-z0-9+/]{60}|[A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{76})\s?")
"""A line of base64, as in a certificate."""

_BEFORE_LINE = re.compile(r"[A-Za-z0-9+/]{50,}\n$")

SHORTEST = 16
"""The minimum length of a token. A token without a digit must be twice as long."""

_DIGIT = re.compile(r"\d")
_VENDOR = re.compile(
    # Rule out most words quickly: they are short or consist only of letters.
    rf"(?=[A-Za-z0-9][!-~]{{15}}){_START}(?=[!-/:-~]{{0,60}}+\d|[A-Za-z_-]{{30}})(?:({_JWT})|({'|'.join(_VENDORS)})|{_DATA})"
)
_SPACE = r"(?:\s|\\[nr])"
_BLOCK = re.compile(
    r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
    r"(?:(?:[^-]|-(?!---))*+-{4,5} ?END [A-Z0-9 ]{0,60}-{4,5}"
    # A block that is cut off ends with its last line of base64.
    rf"|(?:{_SPACE}*+[A-Za-z-]+: [^\n\\]{{0,200}}+)*+"
    rf"(?:{_SPACE}*+[A-Za-z0-9+/=]{{16,}}+)*+(?:{_SPACE}++[A-Za-z0-9+/]{{1,15}}==?)?)"
)
_PUTTY = re.compile(r"(Private-Lines: ?\d+(?:\s|\\[nr])+)((?:(?!Private-)[A-Za-z0-9+/=]{4,}+(?:\s|\\[nr])*+)++)")

_WORD = re.compile(
    r"(?:(?<![\w+/=.~%@\\-])|(?<=\\[nrt]))[A-Za-z0-9][A-Za-z0-9+/_~-]{14,198}[A-Za-z0-9]={0,2}(?![\w+/~=])"
)
_ID = re.compile(
    r"(?i)(?:run|thread|asst|assistant|msg|message|step|file|call|chatcmpl|cmpl|resp|batch|req|request|vs|vsfb?|vsfc|proj"
    r"|project|org|user|usr|ft|ftjob|ftevent|gpt|fp|tool|toolu|srvtoolu|conv|conversation|session|evt|event|trace|span"
    r"|cus|customer|sub|si|pi|pm|ch|in|inv|prod|price|acct|seti|cs|upload|part|img|image|job|eval|evalrun|ckpt|container|item"
    r"|task|agent|workflow|node|doc|chunk|mcp|rs|fc|ws|ci|sha\d{1,3}|md5|blake2[bs]|checkpoint|build|release|version|v\d+"
    r")[-_]"
)
_PUBLIC = re.compile(r"AAAA[BCE]3NzaC1|AAAAE2VjZHNh|MI[IGCM][A-Za-z0-9]{2}")
"""The start of public keys."""
_HEXADECIMAL = re.compile(r"[0-9a-fA-F-]+")
_ABOUT = re.compile(
    r"(?i)(?:key|token|secret|passw\w{0,4}|passwort|credentials?|pwd)s?\b[^\w\n]{0,4}(?:[\w'-]{1,9}[^\w\n]{1,4}){0,4}$"
)
_NOT_ABOUT = re.compile(
    r"(?i)hash|sha-?\d|commit|digest|checksum|fingerprint|uuid|\bids?\b|public|primary|cache|revision|foreign"
)


def looks_random(word: str, least: int) -> bool:
    """Return whether *word* looks like a key: at least *least* letters and digits in no apparent order."""
    return not _ID.match(word) and _disorder(word, least) >= 0.22


def _disorder(word: str, least: int) -> float:
    """Return how often digits, lower-case and capital letters alternate in *word*, from 0 to 1; 0 if inconclusive."""
    kinds = [c.isdigit() + 2 * c.isupper() for c in word if c.isalnum()]
    if len(kinds) < least or kinds.count(1) < 2 or not word.isascii():
        return 0
    return sum(a != b for a, b in pairwise(kinds)) / len(kinds)


def _is_key(word: str, before: str) -> bool:
    """Return whether a word of no known format is still a key; *before* is the text that precedes it."""
    if looks_random(word, SHORTEST) and _ABOUT.search(before) and not _NOT_ABOUT.search(before):
        return True
    if _HEXADECIMAL.fullmatch(word) or _PUBLIC.match(word) or word.islower() or word.isupper() or _ID.match(word):
        return False
    return _disorder(word, 28) >= 0.38


def is_token(word: str) -> bool:
    """Return whether a word contains a token, regardless of the text around it."""
    if not _may_be_token(word):
        return False
    return any(match.lastindex for match in _VENDOR.finditer(word)) or any(
        _is_key(match[0], "") for match in _WORD.finditer(word)
    )


def _may_be_token(word: str) -> bool:
    return len(word) >= SHORTEST and bool(_DIGIT.search(word) or len(word) >= 2 * SHORTEST)


def without_blocks(text: str, mark: str, note: Callable[[str], object]) -> str:
    """Return *text* with private keys replaced by *mark*; *note* is called with the kind of each."""

    def block(match: re.Match[str]) -> str:
        note("a private key")
        return mark

    def putty(match: re.Match[str]) -> str:
        note("a private key")
        return f"{match[1]}{mark}"

    if "PRIVATE KEY" in text:
        text = _BLOCK.sub(block, text)
    if "Private-Lines" in text:
        text = _PUTTY.sub(putty, text)
    return text


def without_tokens(text: str, mark: str, note: Callable[[str], object]) -> str:
    """Return *text* with tokens replaced by *mark*; *note* is called with the kind of each."""

    def vendor(match: re.Match[str]) -> str:
        if match.lastindex is None:
            return match[0]
        note("a JSON web token" if match.lastindex == 1 else "an API key")
        return mark

    def clean(word: str, before: str) -> str:
        def key(match: re.Match[str]) -> str:
            if not _is_key(match[0], (before + word[: match.start()])[-60:]):
                return match[0]
            note("a key")
            return mark

        found = _VENDOR.sub(vendor, word)
        is_line = _LINE.fullmatch(word) or _BEFORE_LINE.search(before)
        return found if found != word or "://" in word or is_line else _WORD.sub(key, word)

    out: list[str] = []
    done = 0
    for word in text.split():
        if not _may_be_token(word):
            continue
        place = text.index(word, done)
        out += [text[done:place], clean(word, text[max(0, place - 60) : place])]
        done = place + len(word)
    return "".join([*out, text[done:]]) if out else text
