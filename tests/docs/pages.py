"""The blocks of a page, executed in their order: consoles, Python programs and what they print.

- ``console``: each line after ``$`` is a command (continued by lines after ``>``), the lines below are its output.
- ``python``: a program; its output is in the block ``text`` that follows. Blocks of a page share their names.
- ``sh``: commands that cannot run here. A comment ``<!-- skip: next -->`` marks any other block as such.
  ``not_run.txt`` lists both.

``...`` in an output matches anything, as in doctest.
"""

from __future__ import annotations

import gc
import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, redirect_stdout
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path
from typing import NamedTuple
from unittest import SkipTest

from sqlalchemy.engine import URL
from sybil import Document, Example
from sybil.parsers.myst import CodeBlockParser, SkipParser

from runstore.config import shown
from tests.docs.shell import Shell, plain, shell_in
from tests.helpers.paths import ROOT

PAGES = sorted(
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
    if not {"_build", "_static"} & set(path.parts)
)

ARCHIVE = "postgresql://archive@localhost/runs"
"""The database of the pages, which is replaced by one on the tests' server."""

MEASURED = re.compile(r"\bin \d+\.\d+ s\b")
"""What differs from one execution to the next."""

FENCE = re.compile(r"^(<!-- skip: next[^\n]*-->\n+)?```(\w+)\n([^\n]*)\n", re.M)
NOT_RUN = Path(__file__).parent / "not_run.txt"


class Renewed(NamedTuple):
    """A block whose output differs from the page."""

    start: int
    end: int
    text: str


class Page:
    """A page, with everything that its blocks need."""

    def __init__(self, path: Path, folder: Path, database: Callable[[], URL], *, write: bool = False) -> None:
        self.path = path
        self.renewed: list[Renewed] = []
        self._folder, self._database, self._write = folder, database, write
        self._url: URL | None = None
        self._shell: Shell | None = None
        self._printed = ""

    def run(self) -> None:
        """Execute the blocks. Raises :class:`AssertionError` for the first whose output is another one."""
        with ExitStack() as stack:
            stack.enter_context(chdir(self._folder))
            self._shell = stack.enter_context(shell_in(self._folder))
            document = parsed(self.path, console=self._console, python=self._python, text=self._text)
            for example in document.examples():
                try:
                    example.evaluate()
                except SkipTest:
                    continue
            assert not self._printed, f"{self.path.name}: the last program prints what the page does not show"
            document.namespace.clear()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a page need not close what the end of a program closes
                gc.collect()

    def _console(self, example: Example) -> str | None:
        assert self._shell is not None
        lines = []
        for command, expected in commands(str(example.parsed)):
            lines += [f"{'> ' if place else '$ '}{line}".rstrip() for place, line in enumerate(command.split("\n"))]
            output = self._told(plain(self._shell.run(self._real(command))))
            if output := expected if same(expected, output, several="|" in command) else output:
                lines.append(output)
        return self._compare(example, "\n".join(lines) + "\n")

    def _python(self, example: Example) -> str | None:
        if self._printed:
            return f"the program before prints what the page does not show:\n{self._printed}"
        printed = io.StringIO()
        program = "\n" * (example.line + example.parsed.line_offset) + self._real(str(example.parsed))
        with redirect_stdout(printed):
            exec(compile(program, str(self.path), "exec"), example.namespace)
        self._printed = self._told(plain(printed.getvalue()))
        return None

    def _text(self, example: Example) -> str | None:
        printed, self._printed = self._printed, ""
        expected = str(example.parsed).rstrip("\n")
        return self._compare(example, (expected if same(expected, printed) else printed) + "\n")

    def _compare(self, example: Example, text: str) -> str | None:
        expected = str(example.parsed)
        if text.rstrip("\n") == expected.rstrip("\n"):
            return None
        if not self._write:
            return f"expected:\n{expected}\ngot:\n{text}"
        start = example.start + example.parsed.offset
        self.renewed.append(Renewed(start, start + len(expected), text))
        return None

    def _real(self, text: str) -> str:
        if ARCHIVE in text and self._url is None:
            self._url = self._database()
        if self._url is None:
            return text
        url = self._url.set(drivername="postgresql")  # psql knows no drivers of SQLAlchemy
        return text.replace(ARCHIVE, url.render_as_string(hide_password=False))

    def _told(self, text: str) -> str:
        text = MEASURED.sub("in 0.1 s", text).replace(f"{self._folder}/", "")
        return text if self._url is None else text.replace(shown(self._url), ARCHIVE)

    def write(self) -> None:
        """Write the outputs into the page."""
        text = self.path.read_text("utf-8")
        for start, end, output in reversed(self.renewed):
            text = text[:start] + output + text[end:]
        self.path.write_text(text, "utf-8")


def parsed(path: Path, **evaluators: Callable[[Example], str | None]) -> Document:
    """The blocks of these languages in a page."""
    parsers = [CodeBlockParser(language, evaluator) for language, evaluator in evaluators.items()]
    return Document.parse(str(path), SkipParser(), *parsers)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """The commands of a console and their outputs."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, *rest = part.rstrip("\n").split("\n")
        while rest and re.match(r">( |$)", rest[0]):
            command += "\n" + rest.pop(0)[2:]
        yield command, "\n".join(rest)


def same(expected: str, output: str, *, several: bool = False) -> bool:
    """Return whether an output equals that of the page; lines of *several* processes may have another order."""
    if several and sorted(expected.split("\n")) == sorted(output.split("\n")):
        return True
    return OutputChecker().check_output(expected + "\n", output + "\n", ELLIPSIS)


def not_run() -> str:
    """What NOT_RUN has to have: the first line of each block that is not executed, by page."""
    return "".join(
        f"{path.relative_to(ROOT)}: {first}\n"
        for path in PAGES
        for skip, language, first in FENCE.findall(path.read_text("utf-8"))
        if skip or language == "sh"
    )
