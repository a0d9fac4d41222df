"""The demo shop: the shelf, the product page, on a phone and on a desk, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import NAMELESS, PLAIN, SCRIPTED, SLASHED


def item_page(service: ServiceProcess, item_id: str = PLAIN) -> str:
    return f"{service.address}/demo/item.html?id={quote(item_id, safe='')}"


def ready(page: Page) -> Page:
    expect(page.locator("similar-items")).to_have_attribute("data-state", "ready")
    return page


def test_the_shelf_shows_products_and_more_on_demand(page: Page, service: ServiceProcess) -> None:
    page.goto(f"{service.address}/demo/")
    tiles = page.locator("#grid").get_by_role("listitem")
    expect(tiles).to_have_count(24)
    expect(page.locator("#count")).to_have_text("24 of 63")
    more = page.get_by_role("button", name="Show more")
    more.click()
    expect(tiles).to_have_count(48)
    expect(tiles.nth(24).get_by_role("link")).to_be_focused()
    more.click()
    expect(tiles).to_have_count(63)
    expect(more).to_be_hidden()


def test_chips_narrow_the_shelf(page: Page, service: ServiceProcess) -> None:
    page.goto(f"{service.address}/demo/")
    page.get_by_role("navigation").get_by_role("link", name="mugs 12").click()
    expect(page.locator("#grid").get_by_role("listitem")).to_have_count(12)
    expect(page.locator("#grid .name").first).to_contain_text("Mugs")
    expect(page.locator(".chip[aria-current]")).to_contain_text("mugs")


def test_a_product_is_a_click_away_and_so_is_what_looks_like_it(
    page: Page, service: ServiceProcess
) -> None:
    page.goto(f"{service.address}/demo/?category=watches")
    page.locator("#grid").get_by_role("link").first.click()
    ready(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Watches number")
    hit = page.locator("similar-items a").first
    title = hit.locator(".title").inner_text()
    hit.click()
    ready(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_clicking_what_is_in_the_photo_changes_the_look_alikes(
    page: Page, service: ServiceProcess
) -> None:
    page.goto(item_page(service))
    ready(page)
    expect(page.get_by_text("Click anything framed")).to_be_visible()
    before = page.locator("similar-items .title").all_inner_texts()
    with page.expect_response("**/similar?*region=*"):
        page.get_by_role("button", name="product 2").click()
    expect(page.locator("similar-items").get_by_text("Bags number").first).to_be_visible()
    assert page.locator("similar-items .title").all_inner_texts() != before
    expect(page.locator("#timing")).to_contain_text("found in")


def test_other_photos_of_the_item_have_their_own_boxes(page: Page, service: ServiceProcess) -> None:
    page.goto(item_page(service))
    ready(page)
    first = page.locator("product-photo [part=box]").first.get_attribute("data-region")
    page.get_by_role("button", name="Photo 2").click()
    expect(page.get_by_role("button", name="Photo 2")).to_have_attribute("aria-pressed", "true")
    box = page.locator("product-photo [part=box]").first
    expect(box).to_be_visible()
    assert box.get_attribute("data-region") != first


def test_details_price_and_stock_are_told(page: Page, service: ServiceProcess) -> None:
    page.goto(item_page(service))
    ready(page)
    main = page.get_by_role("main")
    for text in ("Kumo", "¥3,000", "In stock", "blue", PLAIN):
        expect(main.get_by_text(text).first).to_be_visible()
    page.goto(item_page(service, "shoes-05"))
    expect(page.locator("#stock")).to_have_text("Sold out")


@pytest.mark.parametrize("item_id", [SLASHED, SCRIPTED, NAMELESS])
def test_awkward_items_have_a_page_like_any_other(
    page: Page, service: ServiceProcess, item_id: str
) -> None:
    page.goto(item_page(service, item_id))
    ready(page)
    assert "owned" not in page.title().partition("<")[0]
    assert page.locator("h1 b").count() == 0
    expect(page.get_by_role("definition").filter(has_text=item_id)).to_be_visible()


def test_an_unknown_product_says_so_and_leads_back(page: Page, service: ServiceProcess) -> None:
    page.goto(item_page(service, "not-sold"))
    expect(page.get_by_role("heading", level=1)).to_have_text("This product is no longer here")
    page.get_by_role("link", name="Back to all products").click()
    expect(page.locator("#grid").get_by_role("listitem")).to_have_count(24)


def test_the_tag_that_is_shown_works_where_it_is_pasted(
    page: Page, service: ServiceProcess, browser: Browser
) -> None:
    page.goto(item_page(service, SLASHED))
    ready(page)
    page.get_by_text("For developers").click()
    expect(page.locator("#tag")).to_contain_text("integrity=")
    tag = page.locator("#tag").inner_text()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy this tag").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == tag
    context = browser.new_context()
    pasted = context.new_page()
    pasted.goto(f"{service.address}/healthz")
    headers = {"Content-Type": "text/html; charset=utf-8"}
    pasted.route("**/pasted", lambda route: route.fulfill(headers=headers, body=tag))
    pasted.goto(f"{service.address}/pasted")
    ready(pasted)
    assert pasted.evaluate("document.querySelector('similar-items').answer.item_id") == SLASHED
    context.close()


DEVICES: dict[str, dict[str, Any]] = {
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
    },
    "desk": {"viewport": {"width": 1440, "height": 900}},
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", DEVICES)
def test_pages_fit_and_nothing_moves(
    browser: Browser, service: ServiceProcess, pictures: Path, device: str, scheme: str
) -> None:
    context = browser.new_context(**DEVICES[device], color_scheme=scheme)
    width = DEVICES[device]["viewport"]["width"]
    for name, address in {"shelf": f"{service.address}/demo/", "item": item_page(service)}.items():
        with watched(context.new_page()) as page:
            page.goto(address)
            ready(page) if name == "item" else expect(page.locator(".tile")).to_have_count(24)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("window.shifts") == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (background == "rgb(23, 22, 20)") == (scheme == "dark")
            picture = page.screenshot(path=pictures / f"{name}-{device}-{scheme}.png")
            assert len(picture) > 20_000
    context.close()


def test_a_phone_is_shown_the_answer_to_its_click(
    browser: Browser, service: ServiceProcess
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 700}, has_touch=True)
    with watched(context.new_page()) as page:
        page.goto(item_page(service))
        ready(page)
        expect(page.locator("similar-items li").first).not_to_be_in_viewport(ratio=1)
        with page.expect_response("**/similar?*region=*"):
            page.get_by_role("button", name="product 2").tap()
        expect(page.locator("similar-items li").first).to_be_in_viewport(ratio=0.9)
    context.close()
