"""The widget in a shop of another origin: what shoppers see, and how a page dresses it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.embedding import opened, slides, status, tag
from tests.browser.fake_service import FakeService, hit, hits
from tests.browser.host_pages import HostPages
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import NAMELESS


def test_one_tag_shows_look_alikes(page: Page, shop: HostPages, service: ServiceProcess) -> None:
    opened(page, shop, tag(service, more='limit="8"'))
    expect(page.get_by_role("region", name="More like this")).to_be_visible()
    cards = slides(page)
    expect(cards).to_have_count(8)
    expect(cards.first).to_contain_text("Kumo")
    expect(status(page)).to_have_text("Similar items: 8")
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


def test_a_price_in_no_known_currency_is_shown_as_it_is(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", [hit(0, price=5, currency="gold coins"), hit(1, price=None)])
    opened(page, fake_shop, tag(fake, "a"))
    prices = page.locator("similar-items [part=price]")
    expect(prices).to_have_text(["5 gold coins", ""])


def test_japanese(page: Page, shop: HostPages, service: ServiceProcess) -> None:
    shop.language = "ja"
    opened(page, shop, tag(service, more='limit="60"'))
    expect(page.get_by_role("heading", name="似ている商品")).to_be_visible()
    expect(status(page)).to_have_text("似ている商品：60件")  # noqa: RUF001
    expect(page.get_by_role("button", name="次の商品")).to_be_visible()
    expect(page.get_by_text("在庫切れ").first).to_be_attached()
    expect(page.get_by_text("￥4,000").first).to_be_attached()


def test_language_and_heading_can_be_set_on_the_tag(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more='lang="ja" heading="おすすめ"'))
    expect(page.get_by_role("heading", name="おすすめ")).to_be_visible()
    page.locator("similar-items").evaluate("widget => widget.setAttribute('lang', 'en')")
    expect(status(page)).to_have_text("Similar items: 12")


def test_a_page_brings_words_of_another_language(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", [*hits(11), hit(11, in_stock=False)])
    fake_shop.language = "de-AT"
    body = tag(fake, "a", 'data-next="Weiter" data-found="{n} ähnliche Artikel"')
    opened(page, fake_shop, body)
    expect(page.get_by_role("button", name="Weiter")).to_be_visible()
    expect(status(page)).to_have_text("12 ähnliche Artikel")
    expect(page.get_by_role("heading", name="More like this")).to_be_visible()
    page.evaluate(
        """() => {
          customElements.get("similar-items").words.de = { soldOut: "Ausverkauft" };
          document.querySelector("similar-items").setAttribute("lang", "de-CH");
        }"""
    )
    expect(slides(page).last).to_contain_text("Ausverkauft")


def test_an_item_s_stand_ins_are_called_what_they_are(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fallen_back = [hit(0), hit(1, fallback="popular"), hit(2, fallback="newest")]
    fake.similar("few", fallen_back, fallback="too_few_hits")
    fake.similar("unknown", fallen_back[1:], fallback="unknown_item")
    opened(page, fake_shop, tag(fake, "few"))
    assert any("/few/similar" in path and "fallback=true" in path for path in fake.asked)
    badges = page.locator("similar-items [part=badge]")
    expect(badges).to_have_text(["", "Popular", "New"])
    expect(page.get_by_role("heading", name="More like this")).to_be_visible()
    page.locator("similar-items").evaluate("widget => widget.setAttribute('item-id', 'unknown')")
    expect(page.get_by_role("heading", name="You may also like")).to_be_visible()


def test_links_can_be_made_from_the_item_s_id(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more='link="/product?sku={item_id}" limit="3"'))
    first = page.locator("similar-items a").first
    address = first.evaluate("link => link.href")
    assert address.startswith(f"{shop.address}/product?sku=")
    first.click()
    page.wait_for_url(address)


def test_a_widget_without_an_item_waits_quietly(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    shop.body = f'<similar-items endpoint="{service.address}"></similar-items>'
    page.goto(shop.address)
    widget = page.locator("similar-items")
    expect(widget).to_be_hidden()
    widget.evaluate("widget => widget.setAttribute('item-id', 'mugs-01')")
    expect(widget).to_have_attribute("data-state", "ready")
    expect(widget).to_be_visible()


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
    expect(status(page)).to_have_text("Similar items: 5")
    assert len(asked) == 1


def test_several_widgets_live_on_one_page(
    page: Page, fake_shop: HostPages, fake: FakeService
) -> None:
    fake.similar("a", hits(3))
    fake.similar("b", hits(5))
    opened(page, fake_shop, tag(fake, "a") + tag(fake, "b", 'lang="ja"') + tag(fake, "a"))
    counts = [page.locator("similar-items").nth(n).locator("[part=item]") for n in range(3)]
    for each, count in zip(counts, (3, 5, 3), strict=True):
        expect(each).to_have_count(count)
    abouts = [path for path in fake.asked if path == "/v1/bundle"]
    assert len(abouts) == 1, "what the service can do is asked once for a page"


def test_a_page_can_dress_the_widget(page: Page, shop: HostPages, service: ServiceProcess) -> None:
    shop.sheet += """
    similar-items { --similar-items-card-width: 90px; color: rgb(1, 2, 3); }
    similar-items::part(title) { color: rgb(200, 0, 0); }
    """
    opened(page, shop, tag(service))
    card = slides(page).first
    assert card.evaluate("card => card.offsetWidth") == 90
    colour = "element => getComputedStyle(element).color"
    assert card.locator(".title").evaluate(colour) == "rgb(200, 0, 0)"
    assert card.locator(".price").evaluate(colour) == "rgb(1, 2, 3)"


def test_an_item_of_which_nothing_is_known_is_shown_by_its_id(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    opened(page, shop, tag(service, more='limit="62"'))
    expect(page.get_by_text(NAMELESS)).to_be_attached()


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_the_row_begins_where_reading_does(
    page: Page, fake_shop: HostPages, fake: FakeService, language: str, direction: str
) -> None:
    fake.similar("a", hits(30))
    fake_shop.language, fake_shop.direction = language, direction
    opened(page, fake_shop, tag(fake, "a", 'limit="30"'))
    widget = page.locator("similar-items").bounding_box()
    first = slides(page).first
    box = first.bounding_box()
    assert widget is not None
    assert box is not None
    if direction == "ltr":
        assert box["x"] == pytest.approx(widget["x"], abs=1)
    else:
        assert box["x"] + box["width"] == pytest.approx(widget["x"] + widget["width"], abs=1)
    page.get_by_role("button", name="Next items").click()
    expect(first).not_to_be_in_viewport()
    page.get_by_role("button", name="Previous items").click()
    expect(first).to_be_in_viewport(ratio=1)


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
    slides(page).nth(2).locator("a").click()
    [[loaded, answer], [clicked, click]] = page.evaluate("heard")
    assert (loaded, clicked) == ("similar-items:load", "similar-items:click")
    assert len(answer["hits"]) == 12
    assert click["query_id"] == answer["query_id"]
    assert click["position"] == 3
    assert click["hit"] == answer["hits"][2]
    assert page.url == f"{shop.address}/", "the page prevented the click"
