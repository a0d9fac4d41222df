"""The README's pictures of the demo shop: `make screenshots` draws them anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched
from tests.browser.photo_search import PhotoSearch
from tests.serving.service_process import ServiceProcess

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
MOST_BYTES = 700_000


@dataclass(frozen=True)
class Pictured:
    """A service, and what of its shop is worth a picture."""

    address: str
    item: dict[str, Any]
    number: int
    """Which of its photos shows things of several kinds, as far as one does."""
    liked: list[str]
    """Items of its kind."""
    photo: bytes


@pytest.fixture(scope="module")
def pictured(
    service: ServiceProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pictured]:
    """The shop of NITAMONO_SCREENSHOTS_HOME, or the tests' own small one."""
    home = os.environ.get("NITAMONO_SCREENSHOTS_HOME")
    with (
        shop_of(service, Path(home) if home else None) as running,
        httpx.Client(base_url=running.address, trust_env=False) as client,
    ):
        yield chosen(client, running.address)


@contextmanager
def shop_of(service: ServiceProcess, home: Path | None) -> Iterator[ServiceProcess]:
    if home is None:
        yield service
    else:
        with ServiceProcess(home) as running:
            yield running


def chosen(client: httpx.Client, address: str) -> Pictured:
    listed = client.get("/demo/items.json?limit=200").json()["items"]
    items = [client.get(path_of(item["item_id"])).json() for item in listed]
    seen = [(item, number) for item in items for number in range(len(item["images"]))]
    item, number = max(seen, key=lambda one: (len(kinds(client, *one)), one[0]["in_stock"] is True))
    hits = client.get(f"{path_of(item['item_id'])}/similar").json()["hits"]
    photo = client.get(item["images"][number]["image_url"]).content
    return Pictured(address, item, number, [item["item_id"], hits[3]["item_id"]], photo)


def path_of(item_id: str) -> str:
    return f"/v1/items/{quote(item_id, safe='')}"


def kinds(client: httpx.Client, item: dict[str, Any], number: int) -> set[str]:
    """Return which kinds of things a photo shows side by side, by their look-alikes."""
    shown = item["images"][number]["regions"]
    products = [one for one in shown if one["kind"] == "product" and area(one["box"]) > 0.03]
    boxes = [one["box"] for one in products]
    if len(boxes) < 2 or any(area(both(*two)) > 0.02 for two in combinations(boxes, 2)):
        return set()
    path = f"{path_of(item['item_id'])}/similar"
    asked = [{"region": region["region_id"], "limit": "1"} for region in products]
    found = [client.get(path, params=one).json()["hits"] for one in asked]
    return {hits[0]["category"] for hits in found if hits}


def area(box: list[float]) -> float:
    """Return how much of its photo a box covers."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def both(one: list[float], other: list[float]) -> list[float]:
    """Return the box that two boxes share."""
    return [*map(max, one[:2], other[:2]), *map(min, one[2:], other[2:])]


def shelf(page: Page, of: Pictured) -> None:
    page.goto(f"{of.address}/demo/")
    expect(page.locator(".tile")).to_have_count(24)


def product(page: Page, of: Pictured) -> None:
    page.goto(f"{of.address}/demo/item.html?id={quote(of.item['item_id'], safe='')}")
    expect(page.locator("similar-items")).to_have_attribute("data-state", "ready")
    box = page.locator("product-photo [part=box]").first
    expect(box).to_be_visible()
    if of.number:
        page.get_by_role("button", name=f"Photo {of.number + 1}").click()
        with page.expect_response("**/similar?*region=*"):
            box.click()
        expect(page.locator("similar-items")).to_have_attribute("data-state", "ready")
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")


def taste(page: Page, of: Pictured) -> None:
    liked = "&".join(f"like={quote(item_id, safe='')}" for item_id in of.liked)
    page.goto(f"{of.address}/demo/taste.html?{liked}")
    expect(page.locator("#likes").get_by_role("listitem")).to_have_count(len(of.liked))
    expect(page.locator(".tile")).to_have_count(24)


def photo(page: Page, of: Pictured) -> None:
    if not httpx.get(f"{of.address}/v1/bundle", trust_env=False).json()["capabilities"]["photo"]:
        PhotoSearch(of.address).stand_in(page)
    page.goto(f"{of.address}/demo/photo.html")
    expect(page.get_by_role("button", name="Try a photo").first).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    given = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": of.photo}
    chooser.value.set_files([given])  # type: ignore[list-item]
    expect(page.locator(".tile").first).to_be_visible(timeout=30_000)
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")


PICTURES: dict[str, tuple[Callable[[Page, Pictured], None], dict[str, int], str]] = {
    "shop-grid": (shelf, DESK, "light"),
    "shop-desktop": (product, DESK, "light"),
    "shop-photo": (photo, DESK, "light"),
    "shop-taste": (taste, DESK, "dark"),
    "shop-phone": (product, PHONE, "light"),
    "shop-phone-grid": (shelf, PHONE, "dark"),
    "shop-phone-photo": (photo, PHONE, "dark"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_shop_is_pictured(
    browser: Browser, pictured: Pictured, pictures: Path, name: str
) -> None:
    show, viewport, scheme = PICTURES[name]
    context = browser.new_context(
        viewport=viewport,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        locale="en-GB",
    )
    with watched(context.new_page()) as page:
        show(page, pictured)
        drawn = settled(page, full=show is product)
    context.close()
    (pictures / f"{name}.png").write_bytes(drawn)
    assert 5_000 < len(drawn) < MOST_BYTES


def settled(page: Page, *, full: bool) -> bytes:
    """Return the page's picture once it is the same twice in a row: photos are drawn by and by."""
    before = b""
    for _ in range(10):
        drawn = screenshot(page, full=full)
        if drawn == before:
            return drawn
        before = drawn
    raise AssertionError("the page looks different every time")


def screenshot(page: Page, *, full: bool) -> bytes:
    """Return the page as a PNG of few colours, without what is different every time."""
    expect(page.locator("#about")).to_contain_text("products")  # the header is whole then, too
    page.evaluate(
        """async () => {
          for (const told of document.querySelectorAll("#timing, #about")) {
            told.textContent = told.textContent
              .replace(/[\\d.]+ ms/, "1.0 ms").replace(/bundle \\S+\\w/, "bundle 20260102T030405");
          }
          for (const image of document.images) image.loading = "eager";
          await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
        }"""
    )
    page.wait_for_load_state("networkidle")
    seen = Image.open(BytesIO(page.screenshot(full_page=full, animations="disabled")))
    whole = seen.convert("RGB")
    palette = whole.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=1)
    few = whole.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    encoded = BytesIO()
    few.save(encoded, "PNG", optimize=True)
    return encoded.getvalue()
