"""Judge a value by its name: members of JSON, headers, parameters of URLs, environment variables, flags."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

MOST_CHARACTERS = 100
"""The maximum length of a name that is considered."""


class Says(IntEnum):
    """What a name indicates about its value."""

    NOTHING = 0
    MAYBE = 1
    """The value is a secret if it looks random."""
    SECRET = 2


def words(*lines: str) -> frozenset[str]:
    """Return the words in these lines."""
    return frozenset(" ".join(lines).split())


_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
"""A part of a name: clientSecret, client_secret, Client-Secret and CLIENT_SECRET have the same parts."""

_AFTER = words(
    "value plain plaintext raw old new current confirm confirmation hash base64 b64 pem prod production dev",
    "staging test live primary secondary default main",
)
"""Parts that may follow the decisive part, as in password_hash."""

_ALWAYS = words(
    "password passwords passwd passphrase passphrases passcode passcodes pwd pwds pass secret secrets credential",
    "credentials creds authorization cookie jwt otp cvv cvc csrf xsrf mnemonic dsn sig pw apikey apikeys passwort",
    "kennwort contraseña contrasena senha wachtwoord пароль 密码 密碼 パスワード",
)
"""The value is a secret if the last part of its name is one of these."""

_GLUED = (
    *("password", "passwd", "passphrase", "apikey", "apikeys", "accesskey", "secretkey", "privatekey", "signingkey"),
    *("authkey", "encryptionkey", "masterkey", "accountkey", "clientsecret", "apisecret", "appsecret", "authtoken"),
    *("accesstoken", "refreshtoken", "apitoken", "idtoken", "bearertoken", "sessiontoken", "sastoken", "csrftoken"),
    *("xsrftoken", "connectionstring", "connstr", "connstring", "securityanswer", "recoverycodes", "backupcodes"),
    *(
        "creditcardnumber",
        "cardnumber",
        "mfacode",
        "webhookurl",
        "webhookuri",
        "pincode",
        "sasurl",
        "sasuri",
        "motdepasse",
        "seedphrase",
        "mnemonicphrase",
        "amzsignature",
        "googsignature",
    ),
)
"""The value is a secret if its name, without separators, ends with one of these."""

_DATABASES = words("database db mongo mongodb redis postgres postgresql pg mysql mariadb amqp rabbitmq broker")
_PLACES = words("url uri string")
"""Together with the name of a database these indicate a secret, as in DATABASE_URL."""

_KEYS = words(
    "api app application secret private access account storage encryption encrypt decryption signing signature",
    "master subscription shared ssh tls ssl rsa dsa ecdsa ed25519 pgp gpg hmac aes jwt jws jwe license licence auth",
    "authentication deploy service admin root webhook ingest ingestion integration server functions write seller",
    "merchant openai anthropic azure aws gcp google gemini github gitlab stripe twilio sendgrid slack huggingface",
    "hf cohere mistral groq fal datadog algolia pinecone supabase cloudflare deepgram elevenlabs wandb vault",
    "session cookie",
)
"""The parts that make a key a secret."""

_NOT_KEYS = words(
    "public pub primary foreign sort partition cache row hash range group object file item short hot product",
    "locale i18n translation message routing event idempotency dedupe deduplication natural surrogate unique",
    "index lookup map dict json field column property attribute header metadata label tag search order bucket",
    "state issue jira project answer plate",
)

_NOT_TOKENS = words(
    "max min prompt completion total cached input output reasoning next previous prev page pagination",
    "continuation continue cursor sync change num number count per stop eos bos pad unk cls sep mask special",
    "first last start end begin delimiter nft erc20 word punctuation cancellation audio text image average avg",
    "limit budget used remaining",
)
"""The parts that make a token harmless: counts of tokens, positions in a list, pieces of text."""

_TOKENS = words("access auth api refresh bearer session secret id personal device security")
"""The parts that make several tokens secrets."""

_ASKS = words(
    "is has had have needs requires require required use uses allow allows show hide forgot no with",
)
"""The first part of names that ask a yes-or-no question, as in has_password."""

_MAYBE = words("auth bearer signature cookies hmac")


@lru_cache(maxsize=4096)
def says(name: str) -> Says:
    """Return what *name* indicates about its value."""
    if len(name) > MOST_CHARACTERS:
        return Says.NOTHING
    parts = [part.lower() for part in _PART.findall(name)]
    while len(parts) > 1 and (parts[-1] in _AFTER or parts[-1].isdigit()):
        parts.pop()
    if not parts:
        return Says.NOTHING
    *before, last = parts
    found = {*before}
    if before and before[0] in _ASKS:
        return Says.NOTHING
    if last in _ALWAYS or "".join(parts).endswith(_GLUED):
        return Says.SECRET
    if last == "token":
        return Says.NOTHING if found & _NOT_TOKENS else Says.SECRET
    if last == "tokens":
        return Says.SECRET if found & _TOKENS and not found & _NOT_TOKENS else Says.NOTHING
    if last in ("key", "keys"):
        if found & _KEYS and not found & _NOT_KEYS:
            return Says.SECRET
        return Says.MAYBE if found and not found & _NOT_KEYS else Says.NOTHING
    if last in _PLACES and found & _DATABASES:
        return Says.SECRET
    return Says.MAYBE if last in _MAYBE else Says.NOTHING


HINTS = (
    *("pass", "key", "token", "secret", "pwd", "auth", "credential", "creds", "cookie", "jwt", "otp", "dsn", "hmac"),
    *(
        "bearer",
        "signature",
        "securitya",
        "security_a",
        "recoveryc",
        "recovery_c",
        "backupc",
        "backup_c",
        "mnemonic",
        "seedp",
        "seed_p",
        "connection",
        "connstr",
    ),
    *("cvv", "cvc", "csrf", "xsrf", "cardn", "card_n", "card-n", "mfac", "mfa_c", "mfa-c", "webhook"),
    *("pincode", "pin_code", "pin-code", "sasur", "sas_ur", "sas-ur", "kennwort", "contrase", "senha", "wachtwoord"),
    *("пароль", "密码", "密碼", "パスワード", "database", "dbur", "db_u", "db-u", "mongo", "redis", "postgres", "pgur"),
    *("pg_u", "mysql", "mariadb", "amqp", "rabbit", "broker"),
    *(f"{short}{end}" for short in ("sig", "pw") for end in ("=", '"', "'", ":", "\\", " ", "_value")),
)
"""Every name that indicates a secret contains one of these, in lower case. Most texts contain none of them."""
