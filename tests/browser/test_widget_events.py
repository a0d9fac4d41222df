"""What the service is told of views and clicks, and when it is told nothing."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.embedding import opened, slides, tag, until
from tests.browser.fake_service import FakeService, Json, hits, photo_answer, shoppers_photo
from tests.browser.host_pages import HostPages

PATIENCE_SECONDS = 20


def told(page: Page, fake: FakeService, count: int, kind: str = "view") -> list[Json]:
    """Wait for that many events of a kind."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        events = [event for event in fake.events() if event["type"] == kind]
        if len(events) >= count:
            return events
        assert time.monotonic() < deadline, events
        page.wait_for_timeout(50)


@pytest.fixture
def counted(page: Page, fake_shop: HostPages, fake: FakeService) -> Page:
    fake.similar("a", hits(12))
    fake.offers(events=True, photo=True)
    fake.answers["/v1/search/image"] = photo_answer()
    return opened(page, fake_shop, tag(fake, "a", 'link="/product/{item_id}" photo-search'))


def test_a_view_is_of_a_card_that_was_seen(counted: Page, fake: FakeService) -> None:
    visible = [
        number
        for number, slide in enumerate(slides(counted).all(), 1)
        if (box := slide.bounding_box()) and box["x"] + box["width"] / 2 < 1248
    ]
    assert 4 < len(visible) < 12
    events = told(counted, fake, len(visible))
    assert sorted(event["position"] for event in events) == visible
    assert events[0] == {
        "type": "view",
        "query_id": "0" * 32,
        "item_id": "a",
        "bundle": "fake-1",
        "position": events[0]["position"],
        "hit_item_id": f"hit-{events[0]['position'] - 1}",
    }
    assert len([sent for sent in fake.sent if sent[0] == "/v1/events"]) == 1, "told together"
    counted.get_by_role("button", name="Next items").click()
    events = told(counted, fake, 12)
    assert sorted(event["position"] for event in events) == list(range(1, 13)), "each once"


def test_what_nobody_looks_at_is_no_view(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", hits(3))
    fake.offers(events=True)
    page.add_init_script(
        "window.seen = 0; addEventListener('similar-items:view', () => window.seen++)"
    )
    fake_shop.sheet += "h1 { margin-bottom: 2000px; }"
    opened(page, fake_shop, tag(fake, "a"))
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1_500)
    assert fake.events() == []
    page.locator("similar-items").scroll_into_view_if_needed()
    assert len(told(page, fake, 3)) == 3
    assert page.evaluate("window.seen") == 3


def test_a_glance_of_less_than_a_second_is_no_view(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", hits(3))
    fake.similar("b", hits(2, 50))
    fake.offers(events=True)
    page.add_init_script(
        """window.seconds = [];
        const soon = setTimeout;
        window.setTimeout = (act, after) => (after === 1000 ? seconds.push(act) : soon(act, after));
        """
    )
    opened(page, fake_shop, tag(fake, "a"))
    until(page, "seconds.length === 1")
    page.locator("similar-items").evaluate("widget => widget.setAttribute('item-id', 'b')")
    expect(slides(page)).to_have_count(2)
    until(page, "seconds.length > 1")
    page.evaluate("seconds.forEach((act) => act())")
    assert {event["hit_item_id"] for event in told(page, fake, 2)} == {"hit-50", "hit-51"}


def test_a_click_is_told_although_the_page_is_left(counted: Page, fake: FakeService) -> None:
    counted.wait_for_load_state("networkidle")
    slides(counted).nth(2).locator("a").click()
    counted.wait_for_url("**/product/hit-2")
    [click] = told(counted, fake, 1, "click")
    assert (click["position"], click["hit_item_id"], click["item_id"]) == (3, "hit-2", "a")
    headers = next(headers for path, headers, _ in fake.sent if path == "/v1/events")
    assert headers["Content-Type"].startswith("text/plain"), "no preflight"


def test_what_is_clicked_at_once_was_seen(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", hits(3))
    fake.offers(events=True)
    page.add_init_script(
        """const soon = setTimeout;
        window.setTimeout = (act, after) => (after === 1000 ? 0 : soon(act, after));
        addEventListener("click", (event) => event.preventDefault());
        """
    )
    opened(page, fake_shop, tag(fake, "a", 'link="/product/{item_id}"'))
    card = slides(page).nth(1).locator("a")
    card.click()
    told(page, fake, 1, "click")
    card.click()
    told(page, fake, 2, "click")
    [view] = told(page, fake, 1, "view")
    assert (view["position"], view["hit_item_id"]) == (2, "hit-1")


def test_after_a_photo_search_no_item_was_asked_for(counted: Page, fake: FakeService) -> None:
    counted.set_input_files("similar-items input[type=file]", shoppers_photo())
    expect(counted.locator("similar-items [part=box]")).to_have_count(2)
    counted.evaluate("addEventListener('click', (event) => event.preventDefault())")
    slides(counted).nth(1).locator("a").click()
    [click] = told(counted, fake, 1, "click")
    assert click["item_id"] is None
    assert click["query_id"] == "1" * 32


def test_the_service_is_never_told_who_asks(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    """A shopper's cookies of the service's own site stay where they are."""
    page.context.add_cookies([{"name": "who", "value": "me", "url": fake.address}])
    fake.similar("a", hits(3))
    fake.offers(events=True, photo=True)
    fake.answers["/v1/search/image"] = photo_answer()
    opened(page, fake_shop, tag(fake, "a", "photo-search"))
    told(page, fake, 3)
    page.set_input_files("similar-items input[type=file]", shoppers_photo())
    expect(page.locator("similar-items [part=box]")).to_have_count(2)
    assert {path.partition("?")[0] for path, _, _ in fake.sent} == {
        "/v1/events",
        "/v1/search/image",
    }
    assert fake.cookies == []


@pytest.mark.parametrize(("able", "attribute"), [(False, ""), (True, "no-events")])
def test_nothing_is_told_where_page_or_service_do_not_want_it(
    page: Page, fake_shop: HostPages, fake: FakeService, able: bool, attribute: str
) -> None:
    fake.similar("a", hits(3))
    fake.offers(events=able)
    page.add_init_script(
        "window.seen = 0; addEventListener('similar-items:view', () => window.seen++)"
    )
    opened(page, fake_shop, tag(fake, "a", attribute))
    until(page, "window.seen === 3")
    page.evaluate("addEventListener('click', (event) => event.preventDefault())")
    slides(page).first.locator("a").click()
    page.wait_for_load_state("networkidle")
    assert fake.sent == []


def test_a_service_that_refuses_events_is_not_the_page_s_trouble(
    counted: Page, fake: FakeService
) -> None:
    fake.answers["/v1/events"] = 500
    assert told(counted, fake, 4)
    expect(slides(counted)).to_have_count(12)
