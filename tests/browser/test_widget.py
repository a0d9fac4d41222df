"""The widget in a shop of another origin: what shoppers see, and what never harms the page."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import watched
from tests.browser.host_pages import HostPages
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import JAVASCRIPT_URL, LINKED, NAMELESS, PLAIN, SCRIPTED

SIMILAR = "**/v1/items/*/similar*"


def tag(service: ServiceProcess, item_id: str = PLAIN, more: str = "") -> str:
    return (
        f'<similar-items endpoint="{service.address}" item-id="{item_id}" {more}></similar-items>'
    )


def opened(page: Page, shop: HostPages, body: str) -> Page:
    shop.body = body
    page.goto(shop.address)
    expect(page.locator("similar-items").first).to_have_attribute("data-state", "ready")
    return page


def test_one_tag_shows_look_alikes(page: Page, shop: HostPages, service: ServiceProcess) -> None:
    opened(page, shop, tag(service, more='limit="8"'))
    expect(page.get_by_role("region", name="More like this")).to_be_visible()
    cards = page.get_by_role("list").get_by_role("listitem")
    expect(cards).to_have_count(8)
    expect(cards.first).to_contain_text("Kumo")
    expect(page.get_by_role("status")).to_have_text("8 similar items")
    photo = cards.first.locator("img")
    expect(photo).to_have_js_property("complete", True)
    assert photo.evaluate("image => image.naturalWidth") > 0
    assert photo.get_attribute("loading") == "lazy"
    assert photo.get_attribute("width")
    assert photo.get_attribute("height")


def test_prices_are_written_as_the_page_s_language_does(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more='limit="62"'))
    expect(page.get_by_text("JP¥4,000").or_(page.get_by_text("¥4,000")).first).to_be_attached()
    expect(page.get_by_text("€19.50")).to_be_attached()


def test_japanese(page: Page, shop: HostPages, service: ServiceProcess) -> None:
    shop.language = "ja"
    opened(page, shop, tag(service, more='limit="60"'))
    expect(page.get_by_role("heading", name="似ている商品")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("似ている商品：60件")  # noqa: RUF001
    expect(page.get_by_role("button", name="次の商品")).to_be_visible()
    expect(page.get_by_text("在庫切れ").first).to_be_attached()
    expect(page.get_by_text("￥4,000").first).to_be_attached()


def test_language_and_heading_can_be_set_on_the_tag(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more='lang="ja" heading="おすすめ"'))
    expect(page.get_by_role("heading", name="おすすめ")).to_be_visible()
    page.locator("similar-items").evaluate("widget => widget.setAttribute('lang', 'en')")
    expect(page.get_by_role("status")).to_have_text("12 similar items")


def test_markup_in_a_title_stays_text(page: Page, shop: HostPages, service: ServiceProcess) -> None:
    opened(page, shop, tag(service))
    expect(page.get_by_text('<img src=x onerror="document.title').first).to_be_attached()
    assert page.locator("similar-items b").count() == 0
    assert page.locator("similar-items img[src='x']").count() == 0
    assert page.title() == "A shop"
    assert SCRIPTED != PLAIN


def test_only_web_addresses_become_links(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more='limit="62"'))
    links = page.locator("similar-items a").evaluate_all("links => links.map((a) => a.href)")
    assert links == [f"https://shop.example/{LINKED}"]
    card = page.get_by_role("listitem").filter(has_text=f"Shoes number {JAVASCRIPT_URL[-1]}")
    assert card.locator("a").count() == 0
    card.locator(".card").click()
    assert page.title() == "A shop"


def test_links_can_be_made_from_the_item_s_id(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more='link="/product?sku={item_id}" limit="3"'))
    first = page.locator("similar-items a").first
    address = first.evaluate("link => link.href")
    assert address.startswith(f"{shop.address}/product?sku=")
    first.click()
    page.wait_for_url(address)


def test_a_link_that_would_run_script_is_dropped(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more="link=\"javascript:document.title='owned'\""))
    assert page.locator("similar-items a").count() == 0


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500, "body": "{}"},
        {"status": 200, "body": "not json"},
        {"status": 200, "body": "{}"},
        {"status": 200, "body": '{"hits": 3}'},
        {"status": 200, "body": '{"hits": [null]}'},
        {"status": 404, "body": "{}"},
    ],
)
def test_a_failing_service_leaves_no_trace(
    page: Page, shop: HostPages, service: ServiceProcess, answer: dict[str, object]
) -> None:
    headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "application/json"}
    page.route(SIMILAR, lambda route: route.fulfill(headers=headers, **answer))
    shop.body = tag(service)
    page.goto(shop.address)
    widget = page.locator("similar-items")
    expect(widget).to_have_attribute("data-state", "error")
    expect(widget).to_be_hidden()


def test_a_service_that_is_down_leaves_no_trace(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    page.route(SIMILAR, lambda route: route.abort("connectionrefused"))
    shop.body = f"<product-photo><img src='{service.address}/nothing'></product-photo>" + tag(
        service
    )
    # Not even the page's own rule brings an empty box back.
    shop.sheet += "similar-items { display: block; min-height: 9em }"
    page.goto(shop.address)
    widget = page.locator("similar-items")
    expect(widget).to_have_attribute("data-state", "error")
    expect(widget).to_be_hidden()
    expect(page.locator("product-photo [part=box]")).to_have_count(0)


def test_an_answer_without_hits_takes_no_space(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    def empty(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=json.dumps({**answer.json(), "hits": []}))

    page.route(SIMILAR, empty)
    shop.body = tag(service)
    page.goto(shop.address)
    expect(page.locator("similar-items")).to_have_attribute("data-state", "empty")
    expect(page.locator("similar-items")).to_be_hidden()


def test_a_widget_without_an_item_waits_quietly(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    shop.body = f'<similar-items endpoint="{service.address}"></similar-items>'
    page.goto(shop.address)
    widget = page.locator("similar-items")
    expect(widget).to_be_hidden()
    widget.evaluate(f"widget => widget.setAttribute('item-id', '{PLAIN}')")
    expect(widget).to_have_attribute("data-state", "ready")
    expect(widget).to_be_visible()


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
    expect(widget).to_have_attribute("data-state", "loading")
    widget.evaluate("widget => widget.setAttribute('item-id', 'watches-01')")
    expect(widget).to_have_attribute("data-state", "ready")
    assert page.evaluate("document.querySelector('similar-items').answer.item_id") == "watches-01"
    [late] = held
    assert "ABORTED" in (late.request.failure or "")


def test_attributes_that_change_together_make_one_request(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service))
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/similar" in request.url else None
    )
    page.locator("similar-items").evaluate(
        """widget => {
          widget.setAttribute("item-id", "mugs-01");
          widget.setAttribute("limit", "5");
          widget.setAttribute("heading", "Mugs");
        }"""
    )
    expect(page.get_by_role("status")).to_have_text("5 similar items")
    assert len(asked) == 1


def test_taking_the_widget_out_of_the_page_ends_its_request(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    page.route(SIMILAR, lambda route: None)
    shop.body = tag(service)
    with page.expect_request(SIMILAR) as request:
        page.goto(shop.address)
    with page.expect_event("requestfailed", lambda failed: failed == request.value):
        page.locator("similar-items").evaluate("widget => widget.remove()")


def test_the_page_hears_of_answers_and_clicks(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    page.add_init_script(
        """window.heard = [];
        for (const name of ["similar-items:load", "similar-items:click"]) {
          addEventListener(name, (event) => {
            heard.push([name, event.detail]);
            if (name === "similar-items:click") event.preventDefault();
          });
        }"""
    )
    opened(page, shop, tag(service, more='link="/elsewhere/{item_id}"'))
    page.get_by_role("listitem").nth(2).locator("a").click()
    [[loaded, answer], [clicked, click]] = page.evaluate("heard")
    assert (loaded, clicked) == ("similar-items:load", "similar-items:click")
    assert len(answer["hits"]) == 12
    assert click["query_id"] == answer["query_id"]
    assert click["position"] == 3
    assert click["hit"] == answer["hits"][2]
    assert page.url == f"{shop.address}/", "the page prevented the click"


def test_keys_alone_reach_everything(page: Page, shop: HostPages, service: ServiceProcess) -> None:
    opened(page, shop, tag(service, more='link="/product/{item_id}"'))
    links = page.locator("similar-items a")
    following = page.get_by_role("button", name="Next items")
    previous = page.get_by_role("button", name="Previous items")
    expect(previous).to_have_attribute("aria-disabled", "true")
    following.focus()
    page.keyboard.press("Enter")
    expect(previous).to_have_attribute("aria-disabled", "false")
    links.first.focus()
    page.keyboard.press("ArrowRight")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(links.last).to_be_focused()
    expect(links.last).to_be_in_viewport()
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    expect(links.nth(1)).to_be_focused()
    address = links.nth(1).evaluate("link => link.href")
    page.keyboard.press("Enter")
    page.wait_for_url(address)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
def test_nothing_moves_while_it_loads(
    browser: Browser, shop: HostPages, service: ServiceProcess, width: int, height: int
) -> None:
    shop.body = tag(service)
    context = browser.new_context(viewport={"width": width, "height": height})
    with watched(context.new_page()) as page:
        page.goto(shop.address)
        expect(page.locator("similar-items")).to_have_attribute("data-state", "ready")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.shifts") == []
        page.locator("similar-items").evaluate(
            "widget => widget.setAttribute('item-id', 'mugs-02')"
        )
        expect(page.get_by_text("Mugs number").first).to_be_visible()
        assert page.evaluate("window.shifts") == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_motion_is_left_out_for_those_who_ask(
    browser: Browser, shop: HostPages, service: ServiceProcess
) -> None:
    moving = {}
    for wish in ("reduce", "no-preference"):
        context = browser.new_context(reduced_motion=wish)
        page = opened(context.new_page(), shop, tag(service))
        row = page.locator("similar-items ul")
        moving[wish] = row.evaluate("row => getComputedStyle(row).scrollBehavior")
        context.close()
    assert moving == {"reduce": "auto", "no-preference": "smooth"}


def test_a_page_can_dress_the_widget(page: Page, shop: HostPages, service: ServiceProcess) -> None:
    shop.sheet += """
    similar-items { --similar-items-card-width: 90px; color: rgb(1, 2, 3); }
    similar-items::part(title) { color: rgb(200, 0, 0); }
    """
    opened(page, shop, tag(service))
    card = page.locator("similar-items li").first
    assert card.evaluate("card => card.offsetWidth") == 90
    colour = "element => getComputedStyle(element).color"
    assert card.locator(".title").evaluate(colour) == "rgb(200, 0, 0)"
    assert card.locator(".price").evaluate(colour) == "rgb(1, 2, 3)"


def test_an_item_of_which_nothing_is_known_is_shown_by_its_id(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more='limit="62"'))
    expect(page.get_by_text(NAMELESS)).to_be_attached()


def test_loading_the_module_twice_does_no_harm(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    script = f"{service.address}/widget/0.1.0/similar-items.js?again"
    opened(page, shop, tag(service) + f'<script type="module" src="{script}"></script>')
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("listitem")).to_have_count(12)
