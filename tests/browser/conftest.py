"""A browser, and a server for an archive with values of every kind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runstore import RunRepository, prices
from tests.helpers.paths import ROOT
from tests.web.conftest import threaded

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = os.environ.get("RUNSTORE_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<script>document.title = 'run'; console.log('run')</script><img src=x onerror=\"document.title='run'\">"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. It is closed after a module, because Playwright runs an event loop, which tests of asyncio refuse."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the extra 'browser'")
    if CHROMIUM is None:
        pytest.skip("no Chromium was found: apt-get install chromium, or set RUNSTORE_TEST_CHROMIUM")
    with playwright.sync_playwright() as started:
        # The sandbox of Chromium does not work for root, as which containers run.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = started.chromium.launch(executable_path=CHROMIUM, args=options)
        yield found
        found.close()


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the screenshots, which a person can look at: RUNSTORE_TEST_SCREENSHOTS, or one of pytest's."""
    folder = Path(os.environ.get("RUNSTORE_TEST_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server over the example dump, forty more runs, and one whose every text is hostile."""
    path = tmp_path_factory.mktemp("site") / "runs.db"
    with RunRepository.open(path) as runs:
        runs.save_many((ROOT / "examples/runs.jsonl").read_text("utf-8").splitlines())
        runs.save_many(threaded(number, created_at=1_720_000_000 + 40_000 * number) for number in range(40))
        hostile: dict[str, Any] = threaded(99, HOSTILE, model=HOSTILE, assistant_id=HOSTILE, status=HOSTILE)
        hostile |= {"id": HOSTILE, "metadata": {HOSTILE: HOSTILE}, "instructions": HOSTILE, "created_at": 1_760_000_000}
        runs.save(hostile | {"last_error": {"code": HOSTILE, "message": HOSTILE}}, source=HOSTILE)
        runs.set_prices(prices.read(ROOT / "examples/prices.csv"))
    command = [sys.executable, "-m", "runstore", "serve", "--db", str(path), "--port", "0", "--sql"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        line = process.stderr.readline()
        found = re.search(r"served at (http://\S+)", line)
        assert found, line
        yield found[1]
        process.terminate()


class Console:
    """The messages of a page on the console, and its requests to other hosts."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.lines: list[str] = []
        self.foreign: list[str] = []

    def watch(self, page: Page) -> Page:
        page.on("console", lambda message: self.lines.append(message.text))
        page.on("pageerror", lambda error: self.lines.append(str(error)))
        page.on("request", lambda request: self._note(request.url))
        return page

    def _note(self, url: str) -> None:
        if not url.startswith((f"{self.site}/", "data:")):
            self.foreign.append(url)


@pytest.fixture
def console(site: str) -> Iterator[Console]:
    """The console, which has to remain empty."""
    console = Console(site)
    yield console
    assert console.lines == []
    assert console.foreign == []


@pytest.fixture
def context(browser: Browser, site: str) -> Iterator[BrowserContext]:
    """A window on a desk."""
    with browser.new_context(base_url=site, viewport={"width": 1280, "height": 800}) as made:
        yield made


@pytest.fixture
def page(context: BrowserContext, console: Console) -> Page:
    """A page in the browser, whose console is monitored."""
    return console.watch(context.new_page())
