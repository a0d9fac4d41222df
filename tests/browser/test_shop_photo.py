"""Search by photo: choosing one, the frames over it, and what each of them finds."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.photo_search import PhotoSearch
from tests.serving.service_process import ServiceProcess


@pytest.fixture
def search(page: Page, service: ServiceProcess) -> PhotoSearch:
    search = PhotoSearch(service.address)
    search.stand_in(page)
    page.goto(f"{service.address}/demo/photo.html")
    expect(page.get_by_role("button", name="Try a photo").first).to_be_visible()
    return search


def photo(path: Path, size: tuple[int, int] = (3000, 2000)) -> Path:
    Image.new("RGB", size, (180, 90, 40)).save(path)
    return path


def choose(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(path)


def test_what_is_in_the_photo_is_framed_and_found(
    page: Page, search: PhotoSearch, tmp_path: Path
) -> None:
    choose(page, photo(tmp_path / "mine.png"))
    names = page.locator("#grid .name")
    expect(names.first).to_contain_text("Shoes")
    first = page.get_by_role("button", name="Show what looks like product 1")
    expect(first).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("status").first).to_contain_text("look like product 1")
    page.get_by_role("button", name="Show what looks like product 2").click()
    expect(names.first).to_contain_text("Bags")
    expect(first).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Whole photo").click()
    expect(names.first).to_contain_text("Mugs")
    page.locator("#grid").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Mugs")


def test_a_photo_is_made_small_and_upright_before_it_is_sent(
    page: Page, search: PhotoSearch, tmp_path: Path
) -> None:
    turned = Image.new("RGB", (3000, 2000), (20, 120, 60))
    exif = turned.getexif()
    exif[0x0112] = 6  # to be shown turned by a quarter
    turned.save(tmp_path / "turned.jpg", exif=exif)
    choose(page, tmp_path / "turned.jpg")
    expect(page.locator("#grid .name").first).to_be_visible()
    sent = Image.open(BytesIO(search.sent[0]))
    assert (sent.format, sent.size) == ("JPEG", (683, 1024))


def test_frames_lie_where_the_products_are(page: Page, search: PhotoSearch, tmp_path: Path) -> None:
    choose(page, photo(tmp_path / "mine.png"))
    frame = page.get_by_role("button", name="Show what looks like product 1")
    expect(frame).to_be_visible()
    outer, inner = page.locator("#canvas").bounding_box(), frame.bounding_box()
    assert outer is not None
    assert inner is not None
    assert (inner["x"] - outer["x"]) / outer["width"] == pytest.approx(0.2, abs=0.01)
    assert (inner["y"] - outer["y"]) / outer["height"] == pytest.approx(0.25, abs=0.01)
    assert inner["height"] / outer["height"] == pytest.approx(0.7, abs=0.01)


def test_a_photo_of_the_shop_can_be_tried(page: Page, search: PhotoSearch) -> None:
    page.get_by_role("button", name="Try a photo").first.click()
    expect(page.locator("#grid .name").first).to_contain_text("Shoes")


def test_a_photo_can_be_dropped_and_pasted(page: Page, search: PhotoSearch) -> None:
    page.evaluate(
        """async () => {
          const canvas = document.createElement("canvas");
          const blob = await new Promise((take) => canvas.toBlob(take, "image/png"));
          const data = new DataTransfer();
          data.items.add(new File([blob], "it.png", { type: "image/png" }));
          window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
          window.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
        }"""
    )
    expect(page.locator("#grid .name").first).to_contain_text("Shoes")
    assert len(search.sent) == 2


@pytest.mark.parametrize(
    ("status", "said"),
    [(413, "too large"), (415, "could not be read"), (429, "try again"), (500, "did not work")],
)
def test_why_a_photo_was_refused_is_said(
    page: Page, search: PhotoSearch, tmp_path: Path, status: int, said: str
) -> None:
    search.status = status
    choose(page, photo(tmp_path / "mine.png"))
    expect(page.get_by_role("alert")).to_contain_text(said)
    search.status = 200
    choose(page, tmp_path / "mine.png")
    expect(page.locator("#grid .name").first).to_contain_text("Shoes")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_what_is_no_photo_is_not_sent(page: Page, search: PhotoSearch, tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text(json.dumps({"not": "a photo"}))
    choose(page, tmp_path / "note.png")
    expect(page.get_by_role("alert")).to_contain_text("could not be read")
    assert search.sent == []


def test_a_service_without_photo_search_does_not_offer_it(
    page: Page, service: ServiceProcess
) -> None:
    page.route(
        "**/v1/bundle",
        lambda route: route.fulfill(
            json={**route.fetch().json(), "capabilities": {"photo": False}}
        ),
    )
    page.goto(f"{service.address}/demo/photo.html")
    expect(page.get_by_text("started without photo search")).to_be_visible()
    expect(page.get_by_role("button", name="Choose a photo")).to_be_hidden()
    page.goto(f"{service.address}/demo/")
    expect(page.locator("#about")).to_contain_text("products")
    expect(page.get_by_role("link", name="Search by photo")).to_be_hidden()
