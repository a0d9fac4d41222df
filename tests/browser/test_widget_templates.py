"""A page's own cards: a template in the tag, filled with each look-alike."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.embedding import opened, slides, tag, until
from tests.browser.fake_service import FakeService, hit, hits
from tests.browser.host_pages import HostPages

CARD = """<template slot="card"><article class="mine">
<h3 data-field="title"></h3><a data-field="url">Look</a> <b data-field="price"></b>
<img data-field="image_url" alt="" width="90" height="90"><i data-field="badge"></i>
<span data-field="colour"></span></article></template>"""


def test_the_page_s_own_style_sheet_holds_for_its_cards(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", [hit(0, in_stock=False, colour="<u>red</u>"), *hits(2, 1)])
    fake_shop.sheet += ".mine h3 { color: rgb(9, 8, 7); }"
    opened(page, fake_shop, tag(fake, "a", inside=CARD))
    cards = page.locator("similar-items > .mine")
    expect(cards).to_have_count(3)
    first = cards.first
    expect(first.locator("h3")).to_have_text("Look-alike 0")
    expect(first.locator("h3")).to_have_css("color", "rgb(9, 8, 7)")
    expect(first.locator("b")).to_have_text("¥1,000")
    expect(first.locator("i")).to_have_text("Sold out")
    expect(first.locator("span")).to_have_text("<u>red</u>")
    expect(first.get_by_role("link")).to_have_attribute("href", "https://shop.example/0")
    expect(first.locator("img")).to_have_js_property("complete", True)
    expect(slides(page)).to_have_count(3)
    expect(page.get_by_role("group", name="2 of 3")).to_contain_text("")


def test_cards_of_an_older_answer_do_not_stay(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", hits(5))
    fake.similar("b", hits(2, 10))
    opened(page, fake_shop, tag(fake, "a", inside=CARD))
    page.locator("similar-items").evaluate("widget => widget.setAttribute('item-id', 'b')")
    cards = page.locator("similar-items > .mine")
    expect(cards).to_have_count(2)
    expect(cards.locator("h3")).to_have_text(["Look-alike 10", "Look-alike 11"])
    expect(page.locator("similar-items > template")).to_have_count(1)


def test_clicks_and_keys_work_in_them(page: Page, fake_shop: HostPages, fake: FakeService) -> None:
    fake.similar("a", hits(3))
    page.add_init_script(
        """addEventListener("similar-items:click", (event) => {
          window.clicked = event.detail.position;
          event.preventDefault();
        });"""
    )
    opened(page, fake_shop, tag(fake, "a", inside=CARD))
    page.locator("similar-items > .mine").nth(1).get_by_role("link").focus()
    page.keyboard.press("Enter")
    until(page, "window.clicked === 2")
    assert page.url == f"{fake_shop.address}/"
