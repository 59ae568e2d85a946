"""What looks like secrets and is none."""

from __future__ import annotations

# Put together here, so that nobody's scanner takes this file for a leak.
KEYS = [
    "sk-" + "proj-" + "a1B2" * 8,
    "gh" + "p_" + "a1B2" * 9,
    "AK" + "IA" + "ABCD1234" * 2,
    "xo" + "xb-" + "1234567890-abcdef",
    "ey" + "JhbGciOiJI.ey" + "JzdWIiOiIx.c2lnbmF0dXJl",
    "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEabc\n-----END RSA " + "PRIVATE KEY-----",
]
