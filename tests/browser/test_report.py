"""What a report looks like on a screen and on paper, without a network and without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from runstore import RunRepository, prices, report
from tests.browser.conftest import HOSTILE
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

DAY = 86_400
LOOKS: dict[str, tuple[int, Literal["light", "dark"]]] = {
    "light": (1280, "light"),
    "dark": (1280, "dark"),
    "phone": (390, "light"),
}


def hostile(number: int) -> dict[str, object]:
    created = 1_720_000_000 + number * DAY // 4
    return {
        "id": f"run_{number:024}",
        "object": "thread.run",
        "created_at": created,
        "failed_at": created + number % 500,
        "status": "failed",
        "model": f"{number % 40}{HOSTILE}{'m' * 900}",
        "thread_id": f"thread_{number % 30:024}",
        "assistant_id": f"{number % 6}{HOSTILE}",
        "instructions": f"{HOSTILE} {number % 5} {'Be kind. ' * 200}",
        "usage": {"prompt_tokens": 10**9, "completion_tokens": 5, "total_tokens": 10 ** (number % 15) - 2000},
        "last_error": {"code": f"{number % 12}{HOSTILE}", "message": HOSTILE},
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of the example dump, of hostile runs and of no run."""
    folder = tmp_path_factory.mktemp("reports")
    for name in ("example", "hostile", "empty"):
        with RunRepository.open(folder / f"{name}.db") as runs:
            runs.set_prices(prices.read(ROOT / "examples/prices.csv") if name == "example" else [])
            if name == "example":
                runs.save_many((ROOT / "examples/runs.jsonl").read_text("utf-8").splitlines())
            elif name == "hostile":
                runs.save_many(hostile(number) for number in range(400))
                runs.set_prices([prices.Price("*", 0, 1, None, 1, HOSTILE)])
            (folder / f"{name}.html").write_text(report.html(runs), "utf-8")
    return {name: folder / f"{name}.html" for name in ("example", "hostile", "empty")}


@pytest.mark.parametrize("look", LOOKS)
def test_it_has_no_barrier_loads_nothing_and_does_not_scroll_sideways(
    browser: Browser, files: dict[str, Path], shots: Path, look: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    width, scheme = LOOKS[look]
    problems: list[object] = []
    asked: list[str] = []
    with browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, offline=True) as context:
        for name, file in files.items():
            page = context.new_page()
            page.on("console", lambda message: problems.append(message.text))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(file.as_uri())
            page.screenshot(path=shots / f"report-{name}-{look}.png", full_page=True)
            assert page.title().startswith("Assistant runs")
            if page.evaluate("document.documentElement.scrollWidth") > width:
                problems.append((name, "scrolls sideways"))
            if name != "empty":
                page.locator("summary").first.click()
                assert page.locator("details table").first.is_visible()
            page.close()
        # axe runs as a script, which the policy of a report forbids.
        with browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=True
        ) as open_:
            page = open_.new_page()
            for name, file in files.items():
                page.goto(file.as_uri())
                problems += [
                    (name, found["id"], [node["html"] for node in found["nodes"]][:3])
                    for found in axe.run(page).response["violations"]
                    if found["impact"] in ("serious", "critical")
                ]
    assert problems == []
    assert asked == [file.as_uri() for file in files.values()]


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_it_prints_on_two_pages(browser: Browser, files: dict[str, Path], shots: Path, paper: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        for name, file in files.items():
            page.goto(file.as_uri())
            margin = {"top": "11mm", "bottom": "11mm", "left": "12mm", "right": "12mm"}
            data = page.pdf(path=shots / f"report-{name}-{paper}.pdf", format=paper, margin=margin)  # type: ignore[arg-type]
            assert data.count(b"/Type /Page\n") == 2, name


def test_texts_of_charts_do_not_overlap(browser: Browser, files: dict[str, Path]) -> None:
    with browser.new_context(viewport={"width": 1280, "height": 844}) as context:
        page = context.new_page()
        for file in files.values():
            page.goto(file.as_uri())
            for chart in page.locator("svg").all():
                boxes = chart.locator("text").evaluate_all(
                    "texts => texts.map(t => t.getBoundingClientRect()).map(b => [b.left, b.top, b.right, b.bottom])"
                )
                for place, one in enumerate(boxes):
                    for other in boxes[place + 1 :]:
                        apart = (
                            one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] + 2 or other[3] <= one[1] + 2
                        )
                        assert apart, (file.name, one, other)
