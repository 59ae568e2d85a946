"""The places of the files that tests read."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
"""The checkout."""
EXAMPLES = ROOT / "examples" / "runs.jsonl"
README = ROOT / "README.md"
SAMPLES = TESTS / "samples"
"""One run of each documented generation."""
SECRETS = TESTS / "secrets"
PAYLOADS = ROOT.parent / "shared" / "payloads"
"""Payloads of real servers next to the checkout, where there are any."""
