"""Renew what the pages show: ``python -m tests.docs --write [PAGE ...]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from sqlalchemy.engine import URL

from tests.docs.pages import NOT_RUN, PAGES, Page, not_run
from tests.docs.picture import PICTURE, drawn, words
from tests.helpers.paths import ROOT
from tests.helpers.servers import database, server


def main() -> int:
    """Renew the pages separately, so that a failure of one does not affect the others."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs", description=__doc__)
    parser.add_argument("--write", action="store_true", required=True, help="write the outputs into the pages")
    parser.add_argument("pages", nargs="*", type=Path, metavar="PAGE", help="these alone")
    chosen = [path.resolve() for path in parser.parse_args().pages]
    failed = 0
    with ExitStack() as stack:
        running = cache(lambda: stack.enter_context(server(18)))

        def empty() -> URL:
            return stack.enter_context(database(running(), "docs"))

        for path in chosen or PAGES:
            with tempfile.TemporaryDirectory(prefix="runstore-docs-") as folder:
                page = Page(path, Path(folder), empty, write=True)
                name = path.relative_to(ROOT)
                try:
                    page.run()
                except Exception as error:
                    failed += 1
                    sys.stderr.write(f"{name}: {type(error).__name__}: {error}\n")
                page.write()
                if page.renewed:
                    sys.stdout.write(f"{name}: {len(page.renewed)} blocks renewed\n")
    picture = drawn()
    if words(picture) != words(PICTURE.read_text("utf-8")):
        PICTURE.write_text(picture, "utf-8")
        sys.stdout.write(f"{PICTURE.relative_to(ROOT)}: drawn\n")
    NOT_RUN.write_text(not_run(), "utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
