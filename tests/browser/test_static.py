"""Look-alikes with no server at all: the widget reads what `nitamono export-static` wrote."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.embedding import opened, slides, tag
from tests.browser.host_pages import HostPages
from tests.browser.static_site import StaticSite
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import PLAIN, SCRIPTED, SLASHED, build_shop
from tests.serving.shop_tier import build_tier
from tests.serving.static.exporting import Reader, export

HOSTILE = ("__proto__", "constructor", "似たもの 🧦", "../index.json")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    home = tmp_path_factory.mktemp("static-shop")
    build_shop(home)
    build_tier(home, new=HOSTILE)
    export(home, home / "out", "--photos", popularity="price")
    return Reader(home / "out")


@pytest.fixture(scope="module")
def site(exported: Reader) -> Iterator[StaticSite]:
    with StaticSite(exported.out) as running:
        yield running


@pytest.fixture
def host(site: StaticSite) -> Iterator[HostPages]:
    with HostPages(site.address) as pages:
        yield pages


def static_tag(site: StaticSite, item_id: str, more: str = "") -> str:
    return tag(site, escape(item_id, quote=True), f"static {more}")


def titles(page: Page) -> list[str]:
    return page.locator("similar-items .title").all_inner_texts()


@pytest.mark.parametrize("item_id", [PLAIN, SLASHED, *HOSTILE])
def test_look_alikes_are_those_of_the_export(
    page: Page, host: HostPages, site: StaticSite, exported: Reader, item_id: str
) -> None:
    entry = exported.entry(item_id)
    assert entry is not None
    opened(page, host, static_tag(site, item_id))
    expect(slides(page)).to_have_count(12)
    assert titles(page) == [hit["title"] for hit in entry["hits"][:12]]


def test_photos_are_shown_and_nothing_of_a_catalogue_is_run(
    page: Page, host: HostPages, site: StaticSite
) -> None:
    opened(page, host, static_tag(site, PLAIN, 'limit="24"'))
    assert page.title() == "A shop"
    image = page.locator("similar-items img").first
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("(image) => image.naturalWidth") > 0
    assert SCRIPTED not in page.title()


def test_boxes_in_the_photo_lead_to_look_alikes_of_their_own(
    page: Page, host: HostPages, site: StaticSite, exported: Reader
) -> None:
    entry = exported.entry(PLAIN)
    assert entry is not None
    image = entry["item"]["images"][0]
    photo = (
        f'<product-photo><img src="{site.address}{image["image_url"]}" alt="" '
        f'width="{image["width_px"]}" height="{image["height_px"]}"></product-photo>'
    )
    opened(page, host, photo + static_tag(site, PLAIN))
    boxes = page.locator("product-photo [part=box]")
    expect(boxes).to_have_count(2)
    small = boxes.nth(1)
    chosen = small.get_attribute("data-region")
    small.click()
    expect(page.locator("similar-items .title").first).to_contain_text("Bags")
    assert titles(page) == [hit["title"] for hit in entry["regions"][chosen][:12]]


def test_an_item_that_is_not_there_has_stand_ins(
    page: Page, host: HostPages, site: StaticSite
) -> None:
    opened(page, host, static_tag(site, "not-sold"))
    expect(page.locator("similar-items [part=badge]").first).to_have_text("Popular")
    expect(slides(page)).to_have_count(12)


def test_only_files_are_asked_for_and_no_events_are_sent(
    page: Page, host: HostPages, site: StaticSite
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    opened(page, host, static_tag(site, PLAIN))
    page.locator("similar-items a, similar-items [part=card]").first.click()
    page.wait_for_load_state("networkidle")
    assert not [one for one in asked if one.startswith("POST") or "/v1/" in one]
    assert len([one for one in asked if one.endswith("/index.json")]) == 1


def test_it_shows_what_a_service_shows(
    page: Page, host: HostPages, site: StaticSite, exported: Reader
) -> None:
    with ServiceProcess(exported.out.parent, popularity="price") as service:
        path = f"{service.address}/v1/items/{PLAIN}/similar"
        answer = httpx.get(path, trust_env=False).json()
    opened(page, host, static_tag(site, PLAIN))
    assert titles(page) == [hit["title"] for hit in answer["hits"]]


def test_a_folder_that_is_not_there_hides_the_widget(
    page: Page, host: HostPages, site: StaticSite
) -> None:
    host.body = f'<similar-items static endpoint="{site.address}/gone" item-id="{PLAIN}">'
    page.goto(host.address)
    expect(page.locator("similar-items")).to_have_attribute("data-state", "error")
    expect(page.locator("similar-items")).to_be_hidden()
