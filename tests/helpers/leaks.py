"""Texts that look like secrets but are not."""

from __future__ import annotations

# Assembled here, so that scanners do not report this file as a leak.
KEYS = [
    "sk-" + "proj-" + "a1B2" * 8,
    "gh" + "p_" + "a1B2" * 9,
    "AK" + "IA" + "ABCD1234" * 2,
    "xo" + "xb-" + "1234567890-abcdef",
    "ey" + "JhbGciOiJI.ey" + "JzdWIiOiIx.c2lnbmF0dXJl",
    "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEabc\n-----END RSA " + "PRIVATE KEY-----",
]
