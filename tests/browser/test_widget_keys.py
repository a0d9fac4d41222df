"""The row of look-alikes as a carousel: by keys alone, and as a screen reader meets it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.embedding import opened, slides, tag, until
from tests.browser.fake_service import FakeService, hits
from tests.browser.host_pages import HostPages

ROW = "document.querySelector('similar-items').shadowRoot.querySelector('[part=list]')"
FOCUSED = """() => {
  let focused = document.activeElement;
  while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  return focused.ariaLabel ?? focused.querySelector(".title")?.textContent ?? focused.localName;
}"""


@pytest.fixture
def row(page: Page, fake_shop: HostPages, fake: FakeService) -> Page:
    fake.similar("a", hits(12))
    return opened(page, fake_shop, tag(fake, "a", 'link="/product/{item_id}"'))


def test_it_is_a_labelled_carousel_of_labelled_slides(row: Page) -> None:
    carousel = row.get_by_role("region", name="More like this")
    expect(carousel).to_have_attribute("aria-roledescription", "carousel")
    first = carousel.get_by_role("group", name="1 of 12", exact=True)
    expect(first).to_have_attribute("aria-roledescription", "slide")
    expect(first.get_by_role("link")).to_be_visible()
    expect(carousel.get_by_role("button")).to_have_count(2)
    expect(carousel).not_to_have_attribute("aria-busy", "true")


def test_nothing_moves_by_itself(row: Page) -> None:
    """No autoplay: the row stays, and no timer is left that could move it."""
    row.clock.install()
    scrolled = "list => list.scrollLeft"
    row.locator("similar-items").evaluate("widget => widget.setAttribute('limit', '12')")
    row.clock.run_for(60_000)
    assert row.locator("similar-items [part=list]").evaluate(scrolled) == 0


def test_keys_alone_reach_everything_in_order(row: Page) -> None:
    order = []
    for _ in range(5):
        row.keyboard.press("Tab")
        order.append(row.evaluate(FOCUSED))
    assert order == [
        "Previous items",
        "Next items",
        "More like this",
        "Look-alike 0",
        "Look-alike 1",
    ]
    row.keyboard.press("Shift+Tab")
    assert row.evaluate(FOCUSED) == "Look-alike 0"
    row.keyboard.press("Enter")
    row.wait_for_url("**/product/hit-0")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_previous_and_next_work_by_keys_and_say_when_there_is_no_more(row: Page, key: str) -> None:
    following = row.get_by_role("button", name="Next items")
    previous = row.get_by_role("button", name="Previous items")
    expect(previous).to_have_attribute("aria-disabled", "true")
    expect(following).to_have_attribute("aria-disabled", "false")
    following.focus()
    for _ in range(3):
        row.keyboard.press(key)
        expect(previous).to_have_attribute("aria-disabled", "false")
    expect(slides(row).last).to_be_in_viewport(ratio=1)
    expect(following).to_have_attribute("aria-disabled", "true")
    expect(following).to_be_focused()


def test_what_has_the_focus_is_in_view(row: Page) -> None:
    links = row.locator("similar-items a")
    links.first.focus()
    for number in range(1, 12):
        row.keyboard.press("Tab")
        expect(links.nth(number)).to_be_focused()
        expect(links.nth(number)).to_be_in_viewport(ratio=0.99)


def test_a_row_without_links_is_scrolled_by_keys(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", hits(12, url=None))
    opened(page, fake_shop, tag(fake, "a"))
    page.locator("similar-items [part=list]").focus()
    row = page.locator("similar-items [part=list]")
    for _ in range(3):
        before = row.evaluate("row => row.scrollLeft")
        page.keyboard.press("ArrowRight")
        until(page, f"{ROW}.scrollLeft > {before}")
    expect(slides(page).first).not_to_be_in_viewport()


def test_arrows_are_away_when_everything_fits(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", hits(3))
    opened(page, fake_shop, tag(fake, "a"))
    expect(page.get_by_role("button", name="Next items")).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.get_by_role("button", name="Next items")).to_be_visible()


def test_motion_is_left_out_for_those_who_ask(
    browser: Browser, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", hits(12))
    moving = {}
    for wish in ("reduce", "no-preference"):
        context = browser.new_context(reduced_motion=wish)
        page = opened(context.new_page(), fake_shop, tag(fake, "a"))
        row = page.locator("similar-items [part=list]")
        card = page.locator("similar-items .photo img").first
        moving[wish] = [
            row.evaluate("row => getComputedStyle(row).scrollBehavior"),
            card.evaluate("card => getComputedStyle(card).transitionDuration"),
        ]
        context.close()
    assert moving == {"reduce": ["auto", "0s"], "no-preference": ["smooth", "0.2s"]}
