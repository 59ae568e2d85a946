"""What is found of secrets, and what is left alone: the lists in tests/secrets, with secrets made here at random."""

from __future__ import annotations

import base64
import json
import random
import re
import string
import time
from typing import Any

import pytest

from runstore.redact import REDACTED, message, redacted, secrets
from runstore.redact.names import HINTS, Says, says
from tests.helpers.comparison import compact
from tests.helpers.paths import SECRETS

ALPHABETS = {
    "AN": string.ascii_letters + string.digits,
    "LETTERS": string.ascii_letters,
    "LO": string.ascii_lowercase + string.digits,
    "UP": string.ascii_uppercase + string.digits,
    "NUM": string.digits,
    "HEX": "0123456789abcdef",
    "B64": string.ascii_letters + string.digits + "+/",
    "B64U": string.ascii_letters + string.digits + "-_",
}
SENTENCES = [
    "Use {} for all calls.",
    "My key is {}, keep it.",
    "{}",
    "(see `{}`)",
    'export K="{}"\nthen run',
    "令牌 {}。",
]


def lines(name: str) -> list[str]:
    text = (SECRETS / f"{name}.txt").read_text()
    return [line.replace("\\n", "\n").replace("\\\n", "\\n").replace("\\\\", "\\") for line in text.splitlines()[1:]]


def made(template: str, dice: random.Random) -> tuple[str, str]:
    """A text made of a template, and the longest random piece in it: no part of a secret is written down here."""
    pieces: list[str] = []

    def piece(match: re.Match[str]) -> str:
        name, _, size = match[1].partition(":")
        if name == "PRIVATE":
            return "PRIVATE"
        if name == "SECRET":
            found = f"{random_text(5)}{dice.choice('!#%*')}{random_text(4)}{dice.choice(string.digits)}"
        elif name == "UUID":
            found = "-".join(random_text(size, "HEX") for size in (8, 4, 4, 4, 12))
        elif name == "JWT":
            head, body = (
                base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
                for part in ({"alg": "HS256"}, {"sub": random_text(9)})
            )
            found = f"{head}.{body}.{random_text(43, 'B64U')}"
        else:
            found = random_text(int(size), name)
        pieces.append(found)
        return found

    def random_text(size: int, alphabet: str = "AN") -> str:
        return "".join(dice.choice(ALPHABETS[alphabet]) for _ in range(size))

    text = re.sub(r"\{(\w+(?::\d+)?)\}", lambda match: piece(match) if _is_piece(match[1]) else match[0], template)
    return text, max(pieces, key=len)


def _is_piece(name: str) -> bool:
    return name in ("PRIVATE", "SECRET", "UUID", "JWT") or name.partition(":")[0] in ALPHABETS


def cleaned(text: str) -> str:
    return str(json.loads(redacted(compact({"id": "a", "instructions": text})))["instructions"])


@pytest.mark.parametrize("template", lines("tokens"))
def test_a_token_of_a_published_format_is_found_in_any_text(template: str) -> None:
    dice = random.Random(template)
    found = 0
    for sentence in SENTENCES * 2:
        token, secret = made(template, dice)
        clean = cleaned(sentence.replace("{}", token))
        found += secret not in clean
        assert cleaned(clean) == clean
    assert found >= 11  # one in a hundred random tokens has no digit, or looks like a word


@pytest.mark.parametrize("template", lines("next_to_something"))
def test_a_secret_is_found_by_what_stands_next_to_it(template: str) -> None:
    dice = random.Random(template)
    for _ in range(5):
        text, secret = made(template, dice)
        clean = cleaned(f"{text}\n")
        assert secret not in clean
        assert REDACTED in clean
        assert cleaned(clean) == clean


@pytest.mark.parametrize("text", lines("ordinary"))
def test_an_ordinary_text_stays(text: str) -> None:
    run = compact({"id": "a", "instructions": text, "metadata": {"note": text}})
    assert redacted(run) is run


@pytest.mark.parametrize("template", lines("not_found"))
def test_what_is_documented_as_not_found_is_not(template: str) -> None:
    text, secret = made(template, random.Random(template))
    assert secret in cleaned(text)


VALUES: list[Any] = [
    "hunter2",
    83746192,
    ["hunter2", {"a": "hunter3"}],
    {"first": "hunter2", "second": ["hunter3", 12]},
]


@pytest.mark.parametrize("name", lines("names"))
def test_all_under_the_name_of_a_secret_is_left_out(name: str) -> None:
    assert says(name) is Says.SECRET
    assert any(hint in name.lower() or hint in f'{name.lower()}"' for hint in HINTS)
    for value in VALUES:
        run = compact({"id": "a", "metadata": {name: value}, "x": [{"y": {name: value}}]})
        clean = redacted(run).decode()
        assert "hunter" not in clean
        assert "83746192" not in clean
        assert {secret.kind for secret in secrets(run)} == {"a secret, judging by its key"}
        assert "hunter" not in cleaned(json.dumps({"a": json.dumps({name: value})}))
    for value in (None, True, "", [], {}):
        assert not secrets(compact({"id": "a", "metadata": {name: value}}))


@pytest.mark.parametrize("name", lines("harmless_names"))
def test_a_harmless_name_hides_nothing(name: str) -> None:
    for value in ("seven words", 7, ["one"], {"a": "b"}):
        assert not secrets(compact({"id": "a", "metadata": {name: value}}))


def test_a_schema_keeps_its_types_and_loses_its_secrets() -> None:
    properties: dict[str, Any] = {
        "password": {"type": "string", "description": "Of the user.", "minLength": 8, "default": "hunter2"},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}, "example": {"X": "abc"}},
        "api_key": {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]},
        "credentials": {
            "type": ["object", "null"],
            "properties": {"token": {"type": "string", "enum": ["a"]}},
            "required": ["token"],
            "default": {"type": "string", "description": "hunter2"},
        },
        "client_secret": {"description": "Of the client.", "const": "hunter2", "examples": ["hunter3"]},
    }
    schema = {"type": "object", "properties": properties, "required": ["password"]}
    run = {"id": "a", "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]}
    clean = json.loads(redacted(compact(run)))["tools"][0]["function"]["parameters"]
    properties["password"]["default"] = REDACTED
    properties["headers"]["example"] = {"X": REDACTED}
    properties["credentials"]["properties"]["token"]["enum"] = [REDACTED]
    properties["credentials"]["default"] = {"type": REDACTED, "description": REDACTED}
    properties["client_secret"] |= {"const": REDACTED, "examples": [REDACTED]}
    assert clean == schema


def test_the_value_of_a_pair_of_name_and_value_is_left_out() -> None:
    pairs = [
        {"name": "DB_PASSWORD", "value": "hunter2"},
        {"key": "Authorization", "value": "x"},
        {"name": "n", "value": "v"},
    ]
    clean = json.loads(redacted(compact({"id": "a", "env": pairs})))["env"]
    assert [pair["value"] for pair in clean] == [REDACTED, REDACTED, "v"]


def test_a_key_that_is_a_secret_is_left_out_and_keys_stay_unlike_and_in_order() -> None:
    tokens = [made("ghp_{AN:36}", random.Random(seed))[0] for seed in range(3)]
    run = {"id": "a", "metadata": {"x": 1, tokens[0]: "a", REDACTED: "b", tokens[1]: "c", "y": 2}, tokens[2]: 3}
    text = compact(run)
    clean = json.loads(redacted(text))
    assert list(clean) == ["id", "metadata", REDACTED]
    assert list(clean["metadata"].items()) == [
        *(("x", 1), (f"{REDACTED} 2", "a"), (REDACTED, "b"), (f"{REDACTED} 3", "c"), ("y", 2))
    ]
    assert not any(token in str(secrets(text)) for token in tokens)


def test_identifiers_of_a_run_stay_whatever_they_snapshot_like() -> None:
    token = made("sk-proj-{AN:40}", random.Random(1))[0]
    run = {"id": token, "object": token, "thread_id": token, "assistant_id": token, "status": token}
    clean = json.loads(redacted(compact(run)))
    assert clean == run | {"object": REDACTED, "status": REDACTED}


@pytest.mark.parametrize("style", [{}, {"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}])
def test_json_in_a_text_keeps_its_spelling(style: dict[str, Any]) -> None:
    arguments = {"q": "é\n", "n": 1.5, "db": {"pwd": "hunter2", "port": 1}, "headers": {"X-A": "b", "Accept": None}}
    clean = arguments | {"db": {"pwd": REDACTED, "port": 1}, "headers": {"X-A": REDACTED, "Accept": None}}
    assert cleaned(json.dumps(arguments, **style)) == json.dumps(clean, **style)


def test_a_key_block_is_left_out_whole() -> None:
    body = "\n".join(made("{B64:64}", random.Random(n))[0] for n in range(4))
    for head in ("", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\n"):
        for kind in ("RSA ", "ENCRYPTED ", "OPENSSH ", ""):
            begin, end = (f"-----{word} {kind}PRIVATE" + " KEY-----" for word in ("BEGIN", "END"))
            for text in (f"{begin}\n{head}{body}\n{end}", f"{begin}\n{head}{body}"):
                for spelled in (text, text.replace("\n", "\\n"), json.dumps({"pem": text}), text.replace("\n", "\r\n")):
                    clean = cleaned(f"before {spelled} after")
                    assert not any(line in clean for line in body.split("\n"))
                    assert clean.startswith("before ")
                    assert clean.endswith(" after")


PIECES = [
    *("password=a ", "Authorization: a b1c2 ", "password: hunter2 "),
    *(
        "a",
        "aA1",
        "a ",
        "password='",
        'password="',
        "://",
        "a://b:",
        "@",
        "=",
        "a:",
        "\\",
        "password\\\\",
        "curl -u ",
        " -p ",
    ),
    *("key is ", "eyJ", "sk-", "sk-ab-", "0123456789abcdef", "a.", "A+/b", "-", "_", "<a ", "<password>", 'key="', "["),
    *(
        '{"a":',
        "authorization: bearer ",
        "authorization: digest a=b,",
        "cookie: a=",
        "\n",
        "dp.pt.",
        "a0",
        "密码",
        "\\n",
    ),
    *(
        "-----BEGIN PRIVATE" + " KEY-----",
        "Private-Lines: 1\n",
        "password a ",
        "key abcdefghijklmnop1 ",
        '\\"password\\":',
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_a_hostile_text_takes_no_longer_than_its_length(piece: str) -> None:
    def seconds(size: int) -> float:
        text = compact({"id": "a", "x": (piece * size)[:size]})
        began = time.process_time()
        redacted(text)
        return time.process_time() - began

    assert seconds(1_000_000) < 10 * max(seconds(200_000), 0.02)


def test_a_message_is_cleaned_too() -> None:
    token = made("ghp_{AN:36}", random.Random(1))[0]
    assert message(f'$.metadata["{token}"]: the key occurs twice') == f'$.metadata["{REDACTED}"]: the key occurs twice'
