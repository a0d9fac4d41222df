"""The widget and the lookup service itself: filters, stand-ins and events, end to end."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.embedding import opened, slides, tag
from tests.browser.host_pages import HostPages
from tests.serving.service_process import ServiceProcess


def test_the_service_s_filters_narrow_the_look_alikes(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more='facets="category,price,colour" limit="40"'))
    bags = page.get_by_role("button", name=re.compile(r"^bags \d+$"))
    with page.expect_response("**/similar?*filter=*") as answer:
        bags.click()
    assert answer.value.status == 200
    expect(bags).to_have_attribute("aria-pressed", "true")
    expect(slides(page)).to_have_count(12)
    titles = page.locator("similar-items [part=title]").all_inner_texts()
    assert all(title.startswith("Bags number") for title in titles)
    low = page.get_by_role("spinbutton", name="price from")
    low.fill("4000")
    with page.expect_response("**/similar?*price*") as answer:
        low.press("Enter")
    prices = [hit["price"] for hit in answer.value.json()["hits"]]
    assert prices
    assert min(prices) >= 4000
    expect(page.locator("similar-items")).to_have_attribute("data-state", "ready")


def test_the_service_takes_what_the_widget_tells(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    page.add_init_script("addEventListener('click', (event) => event.preventDefault())")
    opened(page, shop, tag(service, more='link="/product/{item_id}"'))
    with page.expect_response("**/v1/events") as views:
        slides(page).first.scroll_into_view_if_needed()
    with page.expect_response("**/v1/events") as click:
        slides(page).first.locator("a").click()
    assert (views.value.status, click.value.status) == (202, 202)
