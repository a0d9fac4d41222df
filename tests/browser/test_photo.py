"""Clickable boxes over the page's own picture."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.embedding import opened, tag
from tests.browser.host_pages import HostPages
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import PLAIN, PRODUCT, SIDE_PRODUCT


@pytest.fixture
def picture(page: Page, service: ServiceProcess) -> str:
    item = page.request.get(f"{service.address}/v1/items/{PLAIN}").json()
    return f"{service.address}{item['images'][0]['image_url']}"


def photo(source: str, image: str = 'width="320" height="400"', photo: str = "") -> str:
    return f'<product-photo {photo}><img src="{source}" {image} alt="Shoes"></product-photo>'


def boxes(page: Page) -> Locator:
    return page.locator("product-photo [part=box]")


def categories(page: Page) -> list[str]:
    return page.evaluate(
        "document.querySelector('similar-items').answer.hits.map((hit) => hit.category)"
    )


def test_boxes_lie_over_the_products(
    page: Page, shop: HostPages, service: ServiceProcess, picture: str
) -> None:
    opened(page, shop, photo(picture) + tag(service))
    expect(boxes(page)).to_have_count(2)
    frame = page.locator("product-photo img").bounding_box()
    assert frame is not None
    for place, product in enumerate((PRODUCT, SIDE_PRODUCT)):  # the larger one first
        box = boxes(page).nth(place).bounding_box()
        assert box is not None
        assert box["x"] - frame["x"] == pytest.approx(product.x0 * 320, abs=1)
        assert box["y"] - frame["y"] == pytest.approx(product.y0 * 400, abs=1)
        assert box["width"] == pytest.approx((product.x1 - product.x0) * 320, abs=1)
        assert box["height"] == pytest.approx((product.y1 - product.y0) * 400, abs=1)


def test_clicking_a_box_asks_for_what_it_shows(
    page: Page, shop: HostPages, service: ServiceProcess, picture: str
) -> None:
    opened(page, shop, photo(picture) + tag(service, more='limit="11"'))
    shoes, bag = boxes(page).nth(0), boxes(page).nth(1)
    expect(shoes).to_have_attribute("aria-pressed", "true")
    assert set(categories(page)) == {"shoes"}
    with page.expect_response("**/similar?*region=*") as asked:
        bag.click()
    region = asked.value.json()["region_id"]
    expect(bag).to_have_attribute("aria-pressed", "true")
    expect(shoes).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_text("Bags number").first).to_be_visible()
    assert "bags" in categories(page)
    assert page.locator("similar-items").get_attribute("region") == region


def test_the_whole_photo_can_be_asked_for(
    page: Page, shop: HostPages, service: ServiceProcess, picture: str
) -> None:
    opened(page, shop, photo(picture) + tag(service))
    whole = page.get_by_role("button", name="Whole photo")
    with page.expect_response("**/similar?*region=*"):
        whole.click()
    expect(whole).to_have_attribute("aria-pressed", "true")
    expect(boxes(page).first).to_have_attribute("aria-pressed", "false")


def test_boxes_are_buttons_that_say_what_they_do(
    page: Page, shop: HostPages, service: ServiceProcess, picture: str
) -> None:
    opened(page, shop, photo(picture) + tag(service))
    group = page.get_by_role("group", name="Products in this photo")
    button = group.get_by_role("button", name="Similar to product 2")
    button.focus()
    with page.expect_response("**/similar?*region=*"):
        page.keyboard.press("Space")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()


@pytest.mark.parametrize(("fit", "across"), [("contain", 320), ("cover", 500)])
def test_boxes_follow_a_picture_that_is_fitted_into_its_frame(
    page: Page, shop: HostPages, service: ServiceProcess, picture: str, fit: str, across: int
) -> None:
    shop.sheet += f"product-photo img {{ width: 500px; height: 400px; object-fit: {fit}; }}"
    opened(page, shop, photo(picture) + tag(service))
    frame, box = page.locator("product-photo").bounding_box(), boxes(page).first.bounding_box()
    assert frame is not None
    assert box is not None
    assert box["width"] == pytest.approx((PRODUCT.x1 - PRODUCT.x0) * across, abs=1)
    centre = box["x"] + box["width"] / 2 - frame["x"]
    assert centre == pytest.approx(250, abs=1)


def test_boxes_follow_the_picture_when_the_page_is_resized(
    page: Page, shop: HostPages, service: ServiceProcess, picture: str
) -> None:
    shop.sheet += "product-photo { width: 50vw } product-photo img { width: 100%; height: auto }"
    opened(page, shop, photo(picture) + tag(service))
    expect(boxes(page).first).to_have_css("width", f"{0.6 * 640:g}px")
    page.set_viewport_size({"width": 800, "height": 700})
    expect(boxes(page).first).to_have_css("width", f"{0.6 * 400:g}px")


def test_another_crop_of_the_photo_gets_no_boxes(
    page: Page, shop: HostPages, service: ServiceProcess
) -> None:
    item = page.request.get(f"{service.address}/v1/items/mugs-03").json()
    other = f"{service.address}{item['images'][0]['image_url']}"
    assert item["images"][0]["width_px"] == 400, "wider than the asked item's photo"
    opened(page, shop, photo(other) + tag(service))
    page.wait_for_load_state("networkidle")
    expect(page.locator("product-photo img")).to_be_visible()
    for box in boxes(page).all():
        expect(box).to_be_hidden()


def test_a_photo_steers_the_widget_that_it_names(
    page: Page, shop: HostPages, service: ServiceProcess, picture: str
) -> None:
    body = tag(service, "mugs-00", 'id="one"') + photo(picture, photo='for="two"')
    opened(page, shop, body + tag(service, more='id="two"'))
    with page.expect_response("**/similar?*region=*"):
        boxes(page).nth(1).click()
    assert page.locator("#one").get_attribute("region") is None
    assert page.locator("#two").get_attribute("region")


def test_boxes_change_with_the_item(
    page: Page, shop: HostPages, service: ServiceProcess, picture: str
) -> None:
    opened(page, shop, photo(picture) + tag(service))
    expect(boxes(page)).to_have_count(2)
    page.locator("similar-items").evaluate("widget => widget.setAttribute('item-id', 'bags-01')")
    expect(boxes(page)).to_have_count(1)


def test_another_item_is_not_asked_about_by_the_region_of_the_last(
    page: Page, shop: HostPages, service: ServiceProcess, picture: str
) -> None:
    opened(page, shop, photo(picture) + tag(service))
    boxes(page).nth(1).click()
    expect(page.get_by_text("Bags number").first).to_be_visible()
    with page.expect_response("**/mugs-01/similar*") as answer:
        page.locator("similar-items").evaluate(
            "widget => widget.setAttribute('item-id', 'mugs-01')"
        )
    assert answer.value.status == 200
    expect(page.get_by_text("Mugs number").first).to_be_visible()


def test_a_page_may_ask_by_a_region_from_the_first(
    page: Page, shop: HostPages, service: ServiceProcess, picture: str
) -> None:
    item = page.request.get(f"{service.address}/v1/items/{PLAIN}").json()
    regions = [region["region_id"] for region in item["images"][0]["regions"]]
    bag = next(region for region in regions[::-1] if region != item["region_id"])
    opened(page, shop, photo(picture) + tag(service, more=f'region="{bag}"'))
    assert page.evaluate("document.querySelector('similar-items').answer.region_id") == bag


def test_japanese_labels(
    page: Page, shop: HostPages, service: ServiceProcess, picture: str
) -> None:
    shop.language = "ja-JP"
    opened(page, shop, photo(picture) + tag(service))
    expect(page.get_by_role("button", name="写真全体")).to_be_visible()
    expect(page.get_by_role("button", name="商品1に似ている商品")).to_be_visible()
