"""Look-alikes without a server: the widget reads a folder that was written beforehand."""

from __future__ import annotations

import zlib

import pytest
from playwright.sync_api import Page, expect

from tests.browser.embedding import opened, slides, tag, until
from tests.browser.fake_service import FakeService, Json, hits
from tests.browser.host_pages import HostPages

SHARDS = 7
ITEMS = ["a", "shoe/17?b=c#d 靴", "constructor", "__proto__"]


@pytest.fixture
def folder(fake: FakeService) -> FakeService:
    """A folder as `nitamono export-static` lays it out, at `/alike`."""
    shards: dict[int, Json] = {}
    for number, item_id in enumerate(ITEMS):
        shards.setdefault(zlib.crc32(item_id.encode()) % SHARDS, {})[item_id] = _entry(
            item_id, 100 * number
        )
    fake.answers["/alike/index.json"] = {
        "format": 1,
        "bundle": "fake-1",
        "tier": None,
        "folder": "fake-1.0",
        "k": 24,
        "shards": SHARDS,
        "items": len(ITEMS),
        "image_base": None,
    }
    for number in range(SHARDS):
        fake.answers[f"/alike/fake-1.0/{number}.json"] = shards.get(number, {})
    return fake


def _entry(item_id: str, first: int) -> Json:
    regions = [
        {"region_id": "a" * 16, "kind": "product", "box": [0.2, 0.2, 0.8, 0.9], "confidence": 0.9},
        {"region_id": "b" * 16, "kind": "product", "box": [0.1, 0.1, 0.3, 0.3], "confidence": 0.8},
        {"region_id": "c" * 16, "kind": "whole", "box": [0, 0, 1, 1], "confidence": 0},
    ]
    image = {"image_url": "/images/x.jpg", "width_px": 320, "height_px": 400, "regions": regions}
    return {
        "item_id": item_id,
        "region_id": "a" * 16,
        "bundle": "fake-1",
        "fallback": None,
        "hits": hits(24, first),
        "item": {"item_id": item_id, "images": [image]},
        "regions": {"b" * 16: hits(3, first + 50), "c" * 16: hits(4, first + 60)},
    }


def in_folder(fake: FakeService, item_id: str, more: str = "") -> str:
    return tag(fake, item_id, f"static {more}").replace(fake.address, f"{fake.address}/alike", 1)


@pytest.mark.parametrize("item_id", ITEMS)
def test_any_item_is_found_in_its_shard(
    page: Page, fake_shop: HostPages, folder: FakeService, item_id: str
) -> None:
    opened(page, fake_shop, in_folder(folder, item_id))
    expect(slides(page)).to_have_count(12)
    expect(slides(page).first).to_contain_text(f"Look-alike {100 * ITEMS.index(item_id)}")
    photo = slides(page).first.locator("img")
    source = photo.evaluate("image => image.src")
    assert source.startswith(f"{folder.address}/alike/images/")
    assert {path.partition("?")[0] for path in folder.asked if "/v1/" in path} == set()


@pytest.mark.parametrize("item_id", ["unknown", "toString"])
def test_an_unknown_item_hides_it_or_shows_what_stands_in(
    page: Page, fake_shop: HostPages, folder: FakeService, item_id: str
) -> None:
    opened(page, fake_shop, in_folder(folder, item_id), "error")
    expect(page.locator("similar-items")).to_be_hidden()
    folder.answers["/alike/fake-1.0/unknown.json"] = {
        "item_id": None,
        "fallback": "unknown_item",
        "bundle": "fake-1",
        "region_id": None,
        "hits": hits(3, fallback="popular"),
    }
    opened(page, fake_shop, in_folder(folder, item_id))
    expect(page.get_by_role("heading", name="You may also like")).to_be_visible()


def test_photos_may_be_elsewhere(page: Page, fake_shop: HostPages, folder: FakeService) -> None:
    index = folder.answers["/alike/index.json"]
    assert isinstance(index, dict)
    index["image_base"] = f"{folder.address}/"
    opened(page, fake_shop, in_folder(folder, "a"))
    source = slides(page).first.locator("img").evaluate("image => image.src")
    assert source.startswith(f"{folder.address}/images/")


def test_boxes_on_the_photo_work_too(page: Page, fake_shop: HostPages, folder: FakeService) -> None:
    picture = f'<img src="{folder.address}/images/x.jpg" alt="Shoes" width="320" height="400">'
    body = f"<product-photo>{picture}</product-photo>{in_folder(folder, 'a')}"
    opened(page, fake_shop, body)
    boxes = page.locator("product-photo [part=box]")
    expect(boxes).to_have_count(2)
    boxes.nth(1).click()
    expect(slides(page)).to_have_count(3)
    expect(slides(page).first).to_contain_text("Look-alike 50")
    page.get_by_role("button", name="Whole photo").click()
    expect(slides(page)).to_have_count(4)
    assert not [path for path in folder.asked if "/v1/" in path]


def test_no_service_is_told_of_anything_but_the_page_is(
    page: Page, fake_shop: HostPages, folder: FakeService
) -> None:
    page.add_init_script(
        "window.seen = 0; addEventListener('similar-items:view', () => window.seen++)"
    )
    opened(page, fake_shop, in_folder(folder, "a", 'limit="3" photo-search'))
    until(page, "window.seen === 3")
    page.wait_for_load_state("networkidle")
    assert folder.sent == []
    expect(page.get_by_role("button", name="Search with a photo")).to_have_count(0)


def test_the_index_is_read_once_for_a_page(
    page: Page, fake_shop: HostPages, folder: FakeService
) -> None:
    opened(page, fake_shop, in_folder(folder, "a") + in_folder(folder, "constructor"))
    page.wait_for_load_state("networkidle")
    assert folder.asked.count("/alike/index.json") == 1
