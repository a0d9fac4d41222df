"""What never harms the page that embeds the widget: hostile data, a bad service, a bare scope."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.embedding import opened, reached, slides, tag
from tests.browser.fake_service import WIDGET, FakeService, hit, hits
from tests.browser.host_pages import HostPages
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import JAVASCRIPT_URL, LINKED, SCRIPTED

SIMILAR = "**/v1/items/*/similar*"


def test_markup_in_a_title_stays_text(page: Page, shop: HostPages, service: ServiceProcess) -> None:
    opened(page, shop, tag(service))
    expect(page.get_by_text('<img src=x onerror="document.title').first).to_be_attached()
    assert page.locator("similar-items b").count() == 0
    assert page.locator("similar-items img[src='x']").count() == 0
    assert page.title() == "A shop"
    assert SCRIPTED != "shoes-04"


def test_only_web_addresses_become_links(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more='limit="62"'))
    links = page.locator("similar-items a[href]").evaluate_all("all => all.map((a) => a.href)")
    assert links == [f"https://shop.example/{LINKED}"]
    card = slides(page).filter(has_text=f"Shoes number {JAVASCRIPT_URL[-1]}")
    assert card.locator("a[href]").count() == 0
    card.locator(".card").click()
    assert page.title() == "A shop"


HOSTILE = [
    "javascript:document.title='owned'",
    " javascript:document.title='owned'",
    "java\nscript:document.title='owned'",
    "JaVaScRiPt:document.title='owned'",
    "data:text/html,<script>top.document.title='owned'</script>",
    "vbscript:x",
    "blob:https://shop.example/1",
    "file:///etc/passwd",
    "http://[",
]


@pytest.mark.parametrize("templated", [False, True])
def test_hostile_addresses_of_links_and_photos_are_dropped(
    page: Page, fake_shop: HostPages, fake: FakeService, templated: bool
) -> None:
    fake.similar("a", [hit(n, url=bad, image_url=bad) for n, bad in enumerate(HOSTILE)])
    inside = '<a data-field="url"><img data-field="image_url" alt=""><b data-field="title"></b></a>'
    template = f'<template slot="card">{inside}</template>' if templated else ""
    opened(page, fake_shop, tag(fake, "a", inside=template))
    expect(slides(page)).to_have_count(len(HOSTILE))
    assert page.locator("similar-items a[href]").count() == 0
    assert page.locator("similar-items img").count() == 0
    assert page.title() == "A shop"


def test_a_link_that_would_run_script_is_dropped(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more="link=\"javascript:document.title='owned'\""))
    assert page.locator("similar-items a[href]").count() == 0


GARBAGE = [
    b"not json",
    b"",
    b"null",
    b"7",
    b"[]",
    b"{}",
    b'{"hits": 3}',
    b'{"hits": [null]}',
    b'{"hits": [{"item_id": "a", "box": 3}]}',
    b'{"hits": {"length": 2}}',
]


@pytest.mark.parametrize("answer", [500, 404, 429, *GARBAGE])
def test_a_failing_service_leaves_no_trace(
    page: Page, fake_shop: HostPages, fake: FakeService, answer: int | bytes
) -> None:
    fake.answers["/v1/items/a/similar"] = answer
    page.add_init_script(
        "addEventListener('similar-items:error', ({ detail }) => window.heard = `${detail.error}`)"
    )
    opened(page, fake_shop, tag(fake, "a"), "error")
    expect(page.locator("similar-items")).to_be_hidden()
    assert "Error" in page.evaluate("window.heard")


@pytest.mark.parametrize("answer", [500, *GARBAGE])
def test_look_alikes_do_not_need_to_know_what_the_service_can_do(
    page: Page, fake_shop: HostPages, fake: FakeService, answer: int | bytes
) -> None:
    fake.similar("a", hits(4))
    fake.answers["/v1/bundle"] = answer
    opened(page, fake_shop, tag(fake, "a", 'facets="category" photo-search'))
    expect(slides(page)).to_have_count(4)
    expect(page.get_by_role("button", name="Search with a photo")).to_be_hidden()
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("answer", [500, *GARBAGE, b'{"images": 3}', b'{"images": [{}]}'])
def test_a_photo_stays_a_photo_when_nothing_is_known_of_it(
    page: Page, fake_shop: HostPages, fake: FakeService, answer: int | bytes
) -> None:
    fake.similar("a", hits(4))
    fake.answers["/v1/items/a"] = answer
    photo = f"<product-photo><img src='{fake.address}/images/1.jpg' alt=''></product-photo>"
    opened(page, fake_shop, photo + tag(fake, "a"))
    page.wait_for_load_state("networkidle")
    page.locator("product-photo").evaluate("photo => photo.setAttribute('image', '1')")
    expect(page.locator("product-photo [part=box]")).to_have_count(0)
    expect(page.locator("product-photo img")).to_be_visible()


def test_a_service_that_is_down_leaves_no_trace(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    page.route(SIMILAR, lambda route: route.abort("connectionrefused"))
    photo = f"<product-photo><img src='{service.address}/nothing'></product-photo>"
    # Not even the page's own rule brings an empty box back.
    shop.sheet += "similar-items { display: block; min-height: 9em }"
    opened(page, shop, photo + tag(service), "error")
    expect(page.locator("similar-items")).to_be_hidden()
    expect(page.locator("product-photo [part=box]")).to_have_count(0)


@pytest.mark.parametrize("endpoint", ["http://[", "https://nowhere.invalid", "::"])
def test_an_endpoint_that_cannot_be_leaves_no_trace(
    page: Page, fake_shop: HostPages, endpoint: str
) -> None:
    # A page's policy would not let the widget ask there: that is what this page watches for.
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (e) => e.stopPropagation(), true)"
    )
    opened(
        page,
        fake_shop,
        f'<similar-items endpoint="{endpoint}" item-id="a"></similar-items>',
        "error",
    )
    expect(page.locator("similar-items")).to_be_hidden()
    page.evaluate("window.violations = []")


def test_a_service_that_does_not_answer_is_waited_for_ten_seconds(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    page.add_init_script(
        """window.patience = {};
        AbortSignal.timeout = (milliseconds) => {
          window.patience[milliseconds] = new AbortController();
          return window.patience[milliseconds].signal;
        };"""
    )
    page.route(SIMILAR, lambda route: None)
    fake_shop.body = tag(fake, "a")
    with page.expect_request(SIMILAR):
        page.goto(fake_shop.address)
    reached(page, "loading")
    expect(page.locator("similar-items")).to_be_visible()
    page.evaluate("patience[10_000].abort()")
    reached(page, "error")
    expect(page.locator("similar-items")).to_be_hidden()


def test_an_answer_without_hits_takes_no_space(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", [])
    opened(page, fake_shop, tag(fake, "a"), "empty")
    expect(page.locator("similar-items")).to_be_hidden()


def test_a_late_answer_to_an_old_question_is_dropped(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "/mugs-01/" in route.request.url:
            held.append(route)
        else:
            route.continue_()

    page.route(SIMILAR, hold)
    opened(page, shop, tag(service))
    widget = page.locator("similar-items")
    with page.expect_request("**/mugs-01/**"):
        widget.evaluate("widget => widget.setAttribute('item-id', 'mugs-01')")
    reached(page, "loading")
    widget.evaluate("widget => widget.setAttribute('item-id', 'watches-01')")
    reached(page, "ready")
    assert page.evaluate("document.querySelector('similar-items').answer.item_id") == "watches-01"
    [late] = held
    assert "ABORTED" in (late.request.failure or "")


def test_taking_the_widget_out_of_the_page_ends_its_request(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    page.route(SIMILAR, lambda route: None)
    shop.body = tag(service)
    with page.expect_request(SIMILAR) as request:
        page.goto(shop.address)
    with page.expect_event("requestfailed", lambda failed: failed == request.value):
        page.locator("similar-items").evaluate("widget => widget.remove()")


def test_loading_the_module_twice_does_no_harm(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    script = f"{service.address}/widget/0.2.0/similar-items.js?again"
    opened(page, shop, tag(service) + f'<script type="module" src="{script}"></script>')
    page.wait_for_load_state("networkidle")
    expect(slides(page)).to_have_count(12)


def test_pages_that_name_the_old_version_keep_working(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    shop.version = "0.1.0"
    opened(page, shop, tag(service, more='limit="5"'))
    expect(page.locator("similar-items li")).to_have_count(5)


def test_a_server_may_import_the_module(page: Page, fake: FakeService) -> None:
    """A worker has neither HTMLElement nor document, as a server that renders pages has not."""
    page.goto(f"{fake.address}/v1/bundle")
    told = page.evaluate(
        """async (address) => {
          const worker = new Worker(address, { type: "module" });
          return new Promise((done) => {
            worker.onmessage = ({ data }) => done(data);
            worker.onerror = (event) => done(event.message);
          });
        }""",
        f"{fake.address}/worker.js",
    )
    assert told == {"version": "0.2.0", "elements": "undefined"}


def test_it_asks_nothing_of_a_page_but_what_it_shows() -> None:
    source = Path(WIDGET).read_text()
    for risky in (
        "innerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "new Function",
        "cookie",
        "localStorage",
        "sessionStorage",
        "setInterval",
    ):
        assert risky not in source, json.dumps(risky)
