"""Every page of the demo shop, on a phone and on a desk, light and dark, for everybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched
from tests.browser.photo_search import PhotoSearch
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import PLAIN

DEVICES: dict[str, dict[str, Any]] = {
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
    },
    "desk": {"viewport": {"width": 1440, "height": 900}},
}
DARK = "rgb(23, 22, 20)"


def shelf_is_there(page: Page) -> None:
    expect(page.locator(".tile")).to_have_count(24)


def widget_is_there(page: Page) -> None:
    expect(page.locator("similar-items")).to_have_attribute("data-state", "ready")


def photo_is_searched(page: Page) -> None:
    page.get_by_role("button", name="Try a photo").first.click()
    expect(page.get_by_role("button", name="Whole photo")).to_be_visible()
    expect(page.locator(".tile").first).to_be_visible()


def missing_is_told(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("no longer here")


PAGES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "shelf": (
        "?category=mugs&stock=1",
        lambda page: expect(page.locator(".tile")).to_have_count(10),
    ),
    "all": ("", shelf_is_there),
    "item": (f"item.html?id={PLAIN}", widget_is_there),
    "missing": ("item.html?id=not-sold", missing_is_told),
    "taste": ("taste.html?like=mugs-03&less=bags-01", shelf_is_there),
    "photo": ("photo.html", photo_is_searched),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_nothing_moves_and_nobody_is_shut_out(
    browser: Browser, service: ServiceProcess, pictures: Path, name: str, device: str, scheme: str
) -> None:
    context = browser.new_context(**DEVICES[device], color_scheme=scheme, reduced_motion="reduce")
    address, is_there = PAGES[name]
    with watched(context.new_page()) as page:
        PhotoSearch(service.address).stand_in(page)
        page.goto(f"{service.address}/demo/{address}")
        is_there(page)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.shifts") == []
        width = DEVICES[device]["viewport"]["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == DARK) == (scheme == "dark")
        picture = page.screenshot(path=pictures / f"{name}-{device}-{scheme}.png")
        assert len(picture) > 10_000
        assert told(Axe().run(page).response["violations"]) == []
    context.close()


def told(violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in violations
        for node in one["nodes"]
    ]


def test_the_keyboard_alone_reaches_everything(page: Page, service: ServiceProcess) -> None:
    page.goto(f"{service.address}/demo/")
    shelf_is_there(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the products")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#grid")).to_be_focused()
    page.keyboard.press("Tab")
    first = page.locator(".tile").first
    expect(first).to_be_focused()
    title = first.locator(".name").inner_text()
    page.keyboard.press("Enter")
    widget_is_there(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator("product-photo [part=box]").first).to_be_visible()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(DEEPEST))
        if page.evaluate("document.activeElement === document.body"):
            break
    assert reached >= {"A:Your taste", "BUTTON:Add to basket", "SUMMARY:For developers"}
    assert any(one.startswith("BUTTON:Similar to product") for one in reached), sorted(
        one for one in reached if one.startswith("BUTTON")
    )
    hits = page.locator("similar-items a").all_inner_texts()
    assert len([one for one in reached if one.startswith("A:") and one[2:] in hits[0]]) >= 1


DEEPEST = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  const name = at.getAttribute("aria-label") ?? at.querySelector(".title")?.textContent;
  return `${at.tagName}:${(name ?? at.innerText).trim().split(":")[0]}`;
}"""


def test_a_shelf_is_narrowed_by_the_keyboard_alone(page: Page, service: ServiceProcess) -> None:
    page.goto(f"{service.address}/demo/")
    shelf_is_there(page)
    page.get_by_role("link", name="mugs 12").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(12)
    page.get_by_label("Brand").focus()
    page.keyboard.press("K")
    page.keyboard.press("Tab")
    page.keyboard.type("2000")
    page.keyboard.press("Tab")
    page.keyboard.type("3000")
    page.keyboard.press("Tab")
    expect(page.get_by_label("In stock")).to_be_focused()
    expect(page.locator(".tile")).to_have_count(3)
    page.get_by_role("button", name="Clear filters").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(12)
    expect(page.get_by_label("Brand")).to_be_focused()
