"""Nothing on the page moves: not while the widget loads, nor when it is used."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import watched
from tests.browser.embedding import opened, reached, slides, tag
from tests.browser.fake_service import FakeService, hits, photo_answer, shoppers_photo
from tests.browser.host_pages import HostPages
from tests.serving.service_process import ServiceProcess

SIZES = [(390, 844), (1440, 900)]
FACETS: dict[str, Any] = {
    "category": [{"value": "shoes", "count": 4}, {"value": "bags", "count": 2}],
    "price": {"low": 10, "high": 99},
}


def still(page: Page) -> None:
    """Nothing has moved, and nothing is wider than the page."""
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.shifts") == []
    width = page.evaluate("document.documentElement.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_moves_while_it_loads(
    browser: Browser, shop: HostPages, service: ServiceProcess, width: int, height: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    with watched(context.new_page()) as page:
        opened(page, shop, tag(service))
        still(page)
        page.locator("similar-items").evaluate(
            "widget => widget.setAttribute('item-id', 'mugs-02')"
        )
        expect(page.get_by_text("Mugs number").first).to_be_visible()
        still(page)
    context.close()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_moves_while_a_slow_service_answers_or_filters(
    browser: Browser, fake_shop: HostPages, fake: FakeService, width: int, height: int
) -> None:
    """Longer than the half second in which a browser blames the shopper's click for a shift."""
    fake.similar("a", hits(12), facets=FACETS)
    fake.offers(photo=True)
    fake.slow_seconds = 0.7
    context = browser.new_context(viewport={"width": width, "height": height})
    with watched(context.new_page()) as page:
        body = tag(fake, "a", 'facets="category,price" photo-search')
        opened(page, fake_shop, body, "loading")
        reached(page, "ready")
        still(page)
        # What is kept free from the start would hide that less is shown than before.
        widget = page.locator("similar-items")
        widget.evaluate("widget => widget.style.setProperty('--similar-items-min-height', '1em')")
        page.evaluate("new Promise(requestAnimationFrame).then(() => { window.shifts = []; })")
        fake.similar("a", hits(2, 20), facets=FACETS)
        page.get_by_role("button", name="shoes").click()
        expect(slides(page)).to_have_count(2)
        still(page)
        fake.similar("a", [], facets=FACETS)
        page.get_by_role("button", name="bags").click()
        reached(page, "none")
        still(page)
    context.close()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_moves_when_a_photo_is_searched_by(
    browser: Browser, fake_shop: HostPages, fake: FakeService, width: int, height: int
) -> None:
    fake.similar("a", hits(12))
    fake.offers(photo=True)
    fake.answers["/v1/search/image"] = photo_answer()
    context = browser.new_context(viewport={"width": width, "height": height})
    with watched(context.new_page()) as page:
        opened(page, fake_shop, tag(fake, "a", "photo-search"))
        fake.slow_seconds = 0.7
        page.set_input_files("similar-items input", shoppers_photo())
        expect(page.locator("similar-items [part=box]")).to_have_count(2)
        still(page)
        page.get_by_role("button", name="Similar to product 2").click()
        page.get_by_role("button", name="Close").click()
        expect(page.locator("similar-items [part=box]")).to_have_count(0)
        reached(page, "ready")
        still(page)
    context.close()


def test_space_is_kept_before_the_first_answer(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", hits(12))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/similar?*", hold)
    opened(page, fake_shop, tag(fake, "a"), "loading")
    waiting = page.locator("similar-items [part=waiting]")
    expect(waiting.first).to_be_visible()
    expect(waiting.first).to_have_attribute("aria-hidden", "true")
    expect(page.locator("similar-items section")).to_have_attribute("aria-busy", "true")
    before = waiting.first.bounding_box()
    held[0].continue_()
    reached(page, "ready")
    expect(waiting).to_have_count(0)
    assert slides(page).first.bounding_box() == before, "a card takes its skeleton's place"
