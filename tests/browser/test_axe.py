"""axe-core finds nothing: in every state of the widget, light and dark, en, ja, right to left."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched
from tests.browser.embedding import opened, reached, tag
from tests.browser.fake_service import FakeService, hit, hits, photo_answer, shoppers_photo
from tests.browser.host_pages import HostPages

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
DARK = "body { background: #171614; color: #efebe4; color-scheme: dark; }"
REGION = {"region_id": "a" * 16, "kind": "product", "box": [0.2, 0.25, 0.8, 0.95], "confidence": 1}
WHOLE = {"region_id": "c" * 16, "kind": "whole", "box": [0, 0, 1, 1], "confidence": 0}
IMAGE = {"image_url": "/images/x.jpg", "width_px": 320, "height_px": 400}
LOOKS = {
    "light": ("en", "ltr", ""),
    "dark": ("en", "ltr", DARK),
    "japanese": ("ja", "ltr", ""),
    "japanese-dark": ("ja", "ltr", DARK),
    "right-to-left": ("ar", "rtl", ""),
}
FACETS: dict[str, Any] = {
    "category": [{"value": "shoes", "count": 4}, {"value": "bags", "count": 2}],
    "price": {"low": 10, "high": 99},
}


def violations(page: Page) -> list[str]:
    """What axe-core objects to; it fetches nothing, as the page's policy would not let it."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, { preload: false })")
    assert len(found["passes"]) > 10
    return [
        f"{each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def _as_it_is(page: Page) -> None:
    reached(page, "ready")
    expect(page.locator("product-photo [part=box]")).to_be_visible()


def _loading(page: Page) -> None:
    page.route("**/similar?*", lambda route: None)
    page.locator("similar-items").evaluate("widget => widget.setAttribute('item-id', 'b')")
    reached(page, "loading")
    expect(page.locator("similar-items [part=waiting]").first).to_be_visible()


def _filtered(page: Page) -> None:
    with page.expect_response("**/similar?*filter=*"):
        page.locator("similar-items [part=chip]").first.click()
    reached(page, "ready")


def _nothing(page: Page) -> None:
    page.route("**/similar?*", lambda route: route.fulfill(json={"hits": []}))
    page.locator("similar-items [part=chip]").first.click()
    reached(page, "none")


def _failed(page: Page) -> None:
    page.route("**/similar?*", lambda route: route.abort())
    page.locator("similar-items [part=chip]").first.click()
    reached(page, "failed")


def _by_photo(page: Page) -> None:
    page.set_input_files("similar-items input[type=file]", shoppers_photo())
    expect(page.locator("similar-items [part=box]")).to_have_count(2)


def _scrolled(page: Page) -> None:
    page.locator("similar-items .next").click()
    expect(page.locator("similar-items .previous")).to_have_attribute("aria-disabled", "false")


STATES: dict[str, Callable[[Page], None]] = {
    "ready": _as_it_is,
    "loading": _loading,
    "filtered": _filtered,
    "none": _nothing,
    "failed": _failed,
    "photo": _by_photo,
    "scrolled": _scrolled,
}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(
    browser: Browser, fake_shop: HostPages, fake: FakeService, look: str
) -> None:
    """Every state in every look, by turns at a desk's width and at a phone's."""
    language, direction, sheet = LOOKS[look]
    fallen_back = [hit(1, in_stock=False), hit(2, fallback="popular"), hit(3, brand=None)]
    fake.similar("a", [*fallen_back, *hits(9, 4)], facets=FACETS)
    fake.offers(photo=True, events=True)
    fake.answers["/v1/search/image"] = photo_answer()
    fake.answers["/v1/items/a"] = {
        "item_id": "a",
        "images": [{**IMAGE, "regions": [REGION, WHOLE]}],
    }
    fake_shop.language, fake_shop.direction = language, direction
    fake_shop.sheet += sheet
    picture = f'<img src="{fake.address}/images/x.jpg" alt="Shoes" width="320" height="400">'
    attributes = 'facets="category,price" photo-search link="/product/{item_id}"'
    body = f"<product-photo>{picture}</product-photo>{tag(fake, 'a', attributes)}"
    for number, (state, reach) in enumerate(STATES.items(), [*LOOKS].index(look)):
        width = (1280, 390)[number % 2]
        context = browser.new_context(viewport={"width": width, "height": 900})
        with watched(context.new_page()) as page:
            opened(page, fake_shop, body)
            reach(page)
            assert violations(page) == [], (state, width)
        context.close()


def test_axe_finds_nothing_where_nothing_is_a_link_and_cards_are_the_page_s_own(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", hits(12, url=None))
    fake.similar("b", hits(12))
    card = '<template slot="card"><article><a data-field="url"><b data-field="title"></b></a>'
    body = tag(fake, "a") + tag(fake, "b", inside=f"{card}</article></template>")
    opened(page, fake_shop, body)
    expect(page.locator("similar-items article")).to_have_count(12)
    assert [each for each in violations(page) if not each.startswith("landmark-unique")] == []


def test_axe_would_find_something(page: Page, fake_shop: HostPages, fake: FakeService) -> None:
    """So that a page on which axe does not run cannot pass for one without fault."""
    fake.similar("a", hits(3))
    opened(page, fake_shop, tag(fake, "a"))
    page.evaluate(
        "document.querySelector('similar-items').shadowRoot.querySelector('a').textContent = ''"
    )
    assert any(each.startswith("link-name") for each in violations(page))
