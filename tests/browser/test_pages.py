"""What a person does on the pages, and what each of them looks like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import pytest

from tests.browser.conftest import HOSTILE, Console

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

THREAD = "thread_1Gmd9hbcxgUyHVlAXxOqAPF4"
ASSISTANT = "asst_JPtY6KeZBhO5mQnN8w2l7ExJ"
QUERY = "SELECT model, count(*) AS runs FROM runs GROUP BY model ORDER BY runs DESC, model"

PAGES = {
    "runs": "/runs",
    "runs-failed": "/runs?status=failed",
    "runs-none": "/runs?text=nothing+like+this",
    "run": "/runs/run_R18qs14KUT45zFNK30vM4T8r",
    "run-failed": "/runs/run_bSw4pIVfwe5PDyc55t846aXo",
    "run-hostile": f"/runs/{quote(HOSTILE, safe='')}",
    "thread": f"/threads/{THREAD}",
    "prompts": f"/assistants/{ASSISTANT}/prompts",
    "stats": "/stats?by=month&by=model&show=cost",
    "stats-status": "/stats?by=week&by=status&show=runs",
    "stats-rows": "/stats?by=model&show=total_tokens",
    "stats-lines": "/stats?by=month&by=&show=seconds_p95",
    "sql": f"/sql?query={quote(QUERY)}",
    "sql-start": "/sql",
    "not-found": "/runs/none",
    "bad-filter": "/runs?created_from=soon",
}
LOOKS: dict[str, tuple[int, Literal["light", "dark"]]] = {
    "light": (1280, "light"),
    "dark": (1280, "dark"),
    "phone": (390, "light"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_has_no_barrier_and_does_not_scroll_sideways(
    browser: Browser, site: str, shots: Path, look: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    console = Console(site)
    width, scheme = LOOKS[look]
    with browser.new_context(base_url=site, viewport={"width": width, "height": 844}, color_scheme=scheme) as context:
        page = context.new_page()
        problems = []
        for name, address in PAGES.items():
            page.goto(address)
            page.screenshot(path=shots / f"{name}-{look}.png", full_page=True)
            problems += [
                (name, found["id"], [node["html"] for node in found["nodes"]][:3])
                for found in axe.run(page).response["violations"]
                if found["impact"] in ("serious", "critical")
            ]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                problems.append((name, "scrolls sideways", []))
            console.watch(page)
        assert problems == []
    assert console.foreign == []


def test_the_picture_of_the_documentation_can_be_taken(page: Page, shots: Path) -> None:
    page.goto("/stats?by=month&by=model&show=cost&created_from=2024-01-01&created_before=2025-09-01")
    page.screenshot(path=shots / "picture.png")
    assert page.get_by_role("img").is_visible()


def test_from_the_list_to_a_run_and_to_its_thread(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="run_s90yB4WLg3WS1LhVoDi3depZ").click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("run_s90yB4WLg3WS1LhVoDi3depZ")
    page.get_by_role("link", name=THREAD).click()
    assert page.get_by_role("row").count() == 9  # with the headings
    page.go_back()
    page.get_by_role("link", name="its prompts").click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("Prompts of asst_")


def test_filter_page_and_sort(page: Page) -> None:
    page.goto("/runs?limit=20")
    page.get_by_role("complementary").get_by_role("link", name="failed", exact=True).click()
    assert page.get_by_role("status").inner_text().startswith("4 runs match")
    assert "status=failed" in page.url
    page.get_by_role("link", name="status: failed").click()
    first = page.locator("tbody th").first.inner_text()
    page.get_by_role("link", name="Earlier runs").click()
    assert page.locator("tbody th").first.inner_text() != first
    page.get_by_role("link", name="First page").click()
    assert page.locator("tbody th").first.inner_text() == first
    page.get_by_role("link", name="Created").click()
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    page.get_by_label("Text").fill("LENDING desk")
    page.get_by_role("button", name="Search").click()
    assert page.get_by_role("status").inner_text().startswith("6 runs match")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "runs.csv"


def test_a_chart_is_there_and_follows_the_choice(page: Page) -> None:
    page.goto("/stats")
    chart = page.get_by_role("img", name="Runs by week and model")
    assert chart.is_visible()
    assert chart.locator("rect.bar").count() > 5
    page.get_by_label("Show").select_option("cost")  # shown at once
    chart = page.get_by_role("img", name="Cost by week and model")
    chart.wait_for()
    assert "USD" in (chart.text_content() or "")
    page.get_by_role("link", name="Tokens").click()
    assert "sort=total_tokens" in page.url


def test_colours_of_the_chart_are_those_of_the_style(page: Page) -> None:
    page.goto("/stats?by=month&by=model&show=runs")
    colours = page.locator("rect.bar").evaluate_all("bars => bars.map(bar => getComputedStyle(bar).fill)")
    assert len(set(colours)) >= 6
    assert "rgb(0, 0, 0)" not in colours


def test_hostile_texts_are_shown_and_not_run(page: Page) -> None:
    hostile = quote(HOSTILE, safe="")
    for address in ("/runs", f"/runs/{hostile}", "/stats?by=model", f"/threads/{hostile}", f"/runs?model={hostile}",
                    f"/assistants/{hostile}/prompts", f"/sql?query={quote('SELECT model FROM runs')}"):  # fmt: skip
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.title().endswith("· runstore")
        assert page.locator("main img, main script").count() == 0
        assert "<script>" in page.locator("main").inner_text(), address


def test_a_query_is_run_by_the_keyboard(page: Page) -> None:
    page.goto("/sql")
    page.get_by_role("textbox").fill(QUERY)
    page.keyboard.press("Control+Enter")
    page.get_by_role("status").wait_for()
    assert page.get_by_role("columnheader").all_inner_texts() == ["model", "runs"]


def test_everything_works_without_javascript(browser: Browser, site: str) -> None:
    with browser.new_context(base_url=site, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/runs")
        page.get_by_label("Text").fill("lending desk")
        page.get_by_role("button", name="Search").click()
        page.get_by_text("The command for this").click()
        assert page.locator(".command code").is_visible()
        page.goto("/stats")
        page.get_by_label("by time").select_option("month")
        page.get_by_role("button", name="Show").click()
        assert page.get_by_role("img").is_visible()


def test_the_keyboard_reaches_the_content_first(page: Page) -> None:
    page.goto("/runs")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
