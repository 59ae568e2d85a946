"""The picture of a terminal in the README, drawn from what the commands really print."""

from __future__ import annotations

import html
import io
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.docs.shell import COLUMNS, TAKEN_BACK, shell_in
from tests.helpers.paths import ROOT

PICTURE = ROOT / "docs" / "_static" / "terminal.svg"

COMMANDS = (
    "runstore import examples/runs.jsonl",
    "runstore list --limit 4",
    "runstore prices import examples/prices.csv",
    "runstore stats --by month --created-from 2025-01-01 --columns runs,failure_rate,total_tokens,cost",
    "runstore sql \"SELECT model, error_code FROM runs WHERE status = 'failed' ORDER BY model\"",
)


def drawn() -> str:
    """The picture as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    with tempfile.TemporaryDirectory(prefix="runstore-picture-") as folder, shell_in(Path(folder)) as shell:
        for command in COMMANDS:
            output = re.sub(r"\x1b\[\?25[lh]", "", TAKEN_BACK.sub("\r", shell.run(command)))
            lines = [line.rpartition("\r\x1b[2K")[2] for line in output.rstrip("\n").split("\n")]
            console.print(Text(f"$ {command}", style="bold"))
            for line in lines:
                console.print(Text.from_ansi(line))
    return console.export_svg(title="runstore", unique_id="terminal")


def words(svg: str) -> str:
    """The text in the picture, whatever version of rich has drawn it."""
    return "\n".join(html.unescape(text) for text in re.findall(r"<text [^>]*>(.*?)</text>", svg))
