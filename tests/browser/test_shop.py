"""The demo shop's shelf and its product page, as a shopper uses them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

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


def test_filters_narrow_the_shelf_and_are_in_its_address(
    page: Page, service: ServiceProcess
) -> None:
    page.goto(f"{service.address}/demo/?category=mugs")
    tiles = page.locator("#grid").get_by_role("listitem")
    expect(tiles).to_have_count(12)
    clear = page.get_by_role("button", name="Clear filters")
    expect(clear).to_be_hidden()
    page.get_by_label("In stock").check()
    expect(tiles).to_have_count(10)
    page.get_by_label("Lowest price").fill("2000")
    page.get_by_label("Highest price").fill("3000")
    page.get_by_label("Highest price").press("Enter")
    expect(tiles).to_have_count(3)
    page.get_by_label("Brand").select_option("Kumo")
    expect(page.locator("#count")).to_have_text("3 of 3")
    asked = parse_qs(urlsplit(page.url).query)
    assert asked == {
        "category": ["mugs"],
        "brand": ["Kumo"],
        "low": ["2000"],
        "high": ["3000"],
        "stock": ["1"],
    }
    page.reload()
    expect(tiles).to_have_count(3)
    expect(page.get_by_label("Lowest price")).to_have_value("2000")
    page.go_back()
    expect(page.get_by_label("Brand")).to_have_value("")
    clear.click()
    expect(tiles).to_have_count(12)
    expect(page.get_by_label("In stock")).not_to_be_checked()
    expect(page.locator(".chip[aria-current]")).to_contain_text("mugs")


def test_a_filter_that_leaves_nothing_says_so(page: Page, service: ServiceProcess) -> None:
    page.goto(f"{service.address}/demo/?low=999999")
    expect(page.locator("#count")).to_have_text("Nothing here fits.")
    page.get_by_label("Lowest price").fill("cheap")
    page.get_by_label("Lowest price").blur()
    expect(page.locator("#grid").get_by_role("listitem")).to_have_count(24)


def test_a_purchase_is_told_of_the_answer_that_led_to_it(
    page: Page, service: ServiceProcess
) -> None:
    page.route("**/v1/bundle", offer_events)
    page.goto(item_page(service))
    ready(page)
    answer = page.evaluate("document.querySelector('similar-items').answer")
    page.locator("similar-items a").nth(1).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(answer["hits"][1]["title"])
    with page.expect_request(is_conversion) as told:
        page.get_by_role("button", name="Add to basket").click()
    event = events_in(told.value)[0]
    assert event["query_id"] == answer["query_id"]
    assert (event["item_id"], event["bundle"]) == (PLAIN, "shop-1")
    assert (event["hit_item_id"], event["position"]) == (answer["hits"][1]["item_id"], 2)
    expect(page.locator("#basket")).to_have_text("1")
    expect(page.get_by_text("In your basket.")).to_be_attached()
    page.goto(f"{service.address}/demo/")
    expect(page.locator("#basket")).to_have_text("1")


def offer_events(route: Route) -> None:
    """Let the service say that it takes events, whatever this one does with them."""
    answer = route.fetch()
    body = answer.json()
    route.fulfill(response=answer, json={**body, "capabilities": {"events": True}})


def events_in(request: Request) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(request.post_data or "{}").get("events", [])
    return events


def is_conversion(request: Request) -> bool:
    return request.url.endswith("/v1/events") and any(
        event["type"] == "conversion" for event in events_in(request)
    )


def test_what_is_sold_out_is_not_put_into_a_basket(page: Page, service: ServiceProcess) -> None:
    page.goto(item_page(service, "shoes-05"))
    expect(page.get_by_role("button", name="Add to basket")).to_be_disabled()


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


def test_an_unknown_product_has_stand_ins(page: Page, service: ServiceProcess) -> None:
    with ServiceProcess(service.home, popularity="price") as popular:
        page.goto(f"{popular.address}/demo/item.html?id=not-sold")
        ready(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("This product is no longer here")
        dearest = page.locator("similar-items a").first
        expect(dearest).to_contain_text("number 10")  # the next dearest: 11 is sold out
        dearest.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("number 10")


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


def test_a_phone_is_shown_the_answer_to_its_click(
    browser: Browser, service: ServiceProcess
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 700}, has_touch=True)
    with watched(context.new_page()) as page:
        page.goto(item_page(service))
        ready(page)
        expect(page.locator("similar-items a").first).not_to_be_in_viewport(ratio=1)
        with page.expect_response("**/similar?*region=*"):
            page.get_by_role("button", name="product 2").tap()
        expect(page.locator("similar-items a").first).to_be_in_viewport(ratio=0.9)
    context.close()
