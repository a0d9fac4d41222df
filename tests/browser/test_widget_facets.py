"""Filters beside the look-alikes: what is asked for, what is shown, by pointer and by keys."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.embedding import opened, reached, slides, status, tag
from tests.browser.fake_service import FakeService, hits
from tests.browser.host_pages import HostPages

CATEGORIES = [
    {"value": "shoes", "count": 41},
    {"value": "boots, high", "count": 9},
    {"value": "<i>socks</i>", "count": 4},
]
FACETS: dict[str, Any] = {"category": CATEGORIES, "price": {"low": 980, "high": 45000.5}}


def last_asked(fake: FakeService) -> dict[str, list[str]]:
    asked = [path for path in fake.asked if "/similar?" in path]
    return parse_qs(urlsplit(asked[-1]).query)


@pytest.fixture
def filtered(page: Page, fake_shop: HostPages, fake: FakeService) -> Page:
    fake.similar("a", hits(12), facets=FACETS)
    return opened(page, fake_shop, tag(fake, "a", 'facets="category, price,material"'))


def test_only_what_the_service_knows_is_asked_for(filtered: Page, fake: FakeService) -> None:
    assert last_asked(fake)["facets"] == ["category,price"]
    expect(filtered.get_by_role("group", name="category").get_by_role("button")).to_have_count(3)
    expect(filtered.get_by_role("group", name="price").get_by_role("spinbutton")).to_have_count(2)
    expect(filtered.get_by_role("group", name="material")).to_have_count(0)


def test_none_are_asked_for_unless_the_page_wants_them(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", hits(3), facets=FACETS)
    opened(page, fake_shop, tag(fake, "a"))
    assert "facets" not in last_asked(fake)
    expect(page.locator("similar-items [part=chip]")).to_have_count(0)


def test_values_are_text_and_say_how_many_they_are(filtered: Page) -> None:
    chips = filtered.locator("similar-items [part=chip]")
    expect(chips).to_have_text(["shoes 41", "boots, high 9", "<i>socks</i> 4"])
    assert filtered.locator("similar-items i").count() == 0


def test_chips_are_toggles_that_may_be_combined(filtered: Page, fake: FakeService) -> None:
    shoes = filtered.get_by_role("button", name="shoes")
    boots = filtered.get_by_role("button", name="boots, high")
    expect(shoes).to_have_attribute("aria-pressed", "false")
    with filtered.expect_response("**/similar?*filter=*"):
        shoes.click()
    expect(shoes).to_have_attribute("aria-pressed", "true")
    assert last_asked(fake)["filter"] == ["category:shoes"]
    with filtered.expect_response("**/similar?*filter=*"):
        boots.click()
    assert last_asked(fake)["filter"] == [r"category:shoes,boots\, high"]
    with filtered.expect_response("**/similar?*filter=*"):
        shoes.click()
    assert last_asked(fake)["filter"] == [r"category:boots\, high"]
    with filtered.expect_response("**/similar?*"):
        boots.click()
    assert "filter" not in last_asked(fake)


def test_a_price_range_is_typed_and_either_end_may_stay_open(
    filtered: Page, fake: FakeService
) -> None:
    low = filtered.get_by_role("spinbutton", name="price from")
    high = filtered.get_by_role("spinbutton", name="price to")
    expect(low).to_have_attribute("placeholder", "980")
    low.focus()
    with filtered.expect_response("**/similar?*filter=*"):
        filtered.keyboard.type("1000")
        filtered.keyboard.press("Tab")
    assert last_asked(fake)["filter"] == ["price:1000.."]
    expect(high).to_be_focused()
    with filtered.expect_response("**/similar?*filter=*"):
        filtered.keyboard.type("2500")
        filtered.keyboard.press("Enter")
    assert last_asked(fake)["filter"] == ["price:1000..2500"]
    low.fill("")
    high.fill("")
    with filtered.expect_response(lambda answer: "filter" not in answer.url):
        high.blur()


def test_a_chip_keeps_its_place_and_the_focus_when_counts_change(
    filtered: Page, fake: FakeService
) -> None:
    fewer = [{"value": "boots, high", "count": 2}]
    fake.similar("a", hits(2), facets={"category": fewer, "price": None})
    shoes = filtered.get_by_role("button", name="shoes")
    shoes.focus()
    filtered.keyboard.press("Space")
    chips = filtered.locator("similar-items [part=chip]")
    expect(chips).to_have_text(["shoes 0", "boots, high 2", "<i>socks</i> 0"])
    expect(shoes).to_be_focused()
    expect(status(filtered)).to_have_text("Similar items: 2")


def test_a_filter_that_leaves_nothing_says_so_and_can_be_taken_back(
    filtered: Page, fake: FakeService
) -> None:
    fake.similar("a", [], facets=FACETS)
    shoes = filtered.get_by_role("button", name="shoes")
    shoes.click()
    reached(filtered, "none")
    expect(filtered.locator("similar-items").get_by_text("No similar items")).to_be_visible()
    fake.similar("a", hits(5), facets=FACETS)
    shoes.click()
    expect(slides(filtered)).to_have_count(5)
    expect(filtered.locator("similar-items [part=status]")).not_to_be_in_viewport(ratio=0.9)


def test_a_service_that_fails_while_filtering_does_not_take_the_filters_away(
    filtered: Page, fake: FakeService
) -> None:
    fake.answers["/v1/items/a/similar"] = 500
    shoes = filtered.get_by_role("button", name="shoes")
    shoes.click()
    reached(filtered, "failed")
    expect(filtered.locator("similar-items").get_by_text("Please try again")).to_be_visible()
    fake.similar("a", hits(5), facets=FACETS)
    filtered.get_by_role("button", name="boots").click()
    expect(slides(filtered)).to_have_count(5)


def test_another_item_begins_without_filters(filtered: Page, fake: FakeService) -> None:
    filtered.get_by_role("button", name="shoes").click()
    fake.similar("b", hits(3), facets={"category": CATEGORIES[1:]})
    filtered.locator("similar-items").evaluate("widget => widget.setAttribute('item-id', 'b')")
    expect(slides(filtered)).to_have_count(3)
    assert "filter" not in last_asked(fake)
    chips = filtered.locator("similar-items [part=chip]")
    expect(chips).to_have_text(["boots, high 9", "<i>socks</i> 4"])
