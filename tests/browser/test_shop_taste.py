"""More like these, less like that: the shelf follows what a shopper picks."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import SCRIPTED, SLASHED


def cards(page: Page) -> Locator:
    return page.locator("#grid").get_by_role("listitem")


def picked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def until_calm(page: Page) -> None:
    expect(page.locator("#grid")).not_to_have_attribute("aria-busy", "true")


def test_the_shelf_follows_what_is_liked(page: Page, service: ServiceProcess) -> None:
    page.goto(f"{service.address}/demo/taste.html")
    expect(cards(page)).to_have_count(24)
    expect(page.locator("#said")).to_have_text("Pick something that you like.")
    page.goto(f"{service.address}/demo/taste.html?like=mugs-03")
    expect(cards(page)).to_have_count(24)
    for place in range(11):  # there are twelve mugs
        expect(cards(page).nth(place).locator(".name")).to_contain_text("Mugs")
    page.get_by_role("button", name="More like this: Mugs number 7").click()
    expect(page.get_by_role("button", name="Remove Mugs number 7")).to_be_visible()
    assert picked(page) == {"like": ["mugs-03", "mugs-07"]}
    expect(page.get_by_role("button", name="More like this: Mugs number 7")).to_be_hidden()


def test_what_is_not_liked_is_gone_and_can_come_back(page: Page, service: ServiceProcess) -> None:
    page.goto(f"{service.address}/demo/taste.html?like=mugs-03&like=bags-00")
    expect(cards(page)).to_have_count(24)
    first = cards(page).first.locator(".name").inner_text()
    less = page.get_by_role("button", name=f"Less like this: {first}", exact=True)
    with page.expect_request("**/v1/search") as asked:
        less.click()
    query = asked.value.post_data_json["queries"][0]
    assert query["positive"] == ["mugs-03", "bags-00"]
    assert len(query["negative"]) == 1
    expect(less).to_have_count(0)
    expect(page.locator("#grid")).to_be_focused()
    page.get_by_role("button", name=f"Remove {first}", exact=True).click()
    expect(less).to_have_count(1)
    page.go_back()
    expect(less).to_have_count(0)
    page.get_by_role("button", name="Start again").click()
    assert picked(page) == {}
    expect(page.get_by_role("button", name="Start again")).to_be_hidden()


def test_a_product_page_leads_here(page: Page, service: ServiceProcess) -> None:
    page.goto(f"{service.address}/demo/item.html?id=dresses-04")
    page.get_by_role("link", name="More like this, less like that").click()
    expect(page.get_by_role("button", name="Remove Dresses number 4")).to_be_visible()
    expect(cards(page).first.locator(".name")).to_contain_text("Dresses")


def test_unknown_and_hostile_picks_do_no_harm(page: Page, service: ServiceProcess) -> None:
    page.goto(f"{service.address}/demo/taste.html")
    until_calm(page)
    page.evaluate(
        "(ids) => { location.search = new URLSearchParams(ids.map((id) => ['like', id])) }",
        [SLASHED, SCRIPTED, "not-sold", "../../v1/bundle", "__proto__"],
    )
    page.wait_for_url("**/taste.html?*")
    expect(page.locator("#likes").get_by_role("listitem")).to_have_count(2)
    expect(cards(page)).to_have_count(24)
    assert page.title() == "Your taste · Nitamono demo shop"


def test_the_keyboard_alone_picks_and_takes_back(page: Page, service: ServiceProcess) -> None:
    page.goto(f"{service.address}/demo/taste.html?like=mugs-03")
    expect(cards(page)).to_have_count(24)
    first = cards(page).first.locator(".name").inner_text()
    page.locator("#grid").focus()
    for _ in range(2):  # its link, then the first of its two buttons
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    remove = page.get_by_role("button", name=f"Remove {first}", exact=True)
    expect(remove).to_be_visible()
    expect(page.locator("#grid")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Start again")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(remove).to_be_focused()
    page.keyboard.press("Space")
    expect(remove).to_have_count(0)
    expect(page.get_by_role("heading", name="More like", exact=True)).to_be_focused()


def test_a_service_that_fails_is_told_of(page: Page, service: ServiceProcess) -> None:
    page.route("**/v1/search", lambda route: route.fulfill(status=503, json={}))
    page.goto(f"{service.address}/demo/taste.html?like=mugs-03")
    expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
