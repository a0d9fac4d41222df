"""Searching with the shopper's own photo: where it is offered, what is sent, what is shown."""

from __future__ import annotations

import time
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import FileChooser, FilePayload, Page, expect

from tests.browser.embedding import opened, reached, slides, status, tag, until
from tests.browser.fake_service import FakeService, hits, photo_answer, shoppers_photo
from tests.browser.host_pages import HostPages

FILE = "similar-items input[type=file]"


@pytest.fixture
def offered(page: Page, fake_shop: HostPages, fake: FakeService) -> Page:
    fake.similar("a", hits(12))
    fake.offers(photo=True)
    fake.answers["/v1/search/image"] = photo_answer()
    opened(page, fake_shop, tag(fake, "a", 'photo-search limit="6"'))
    expect(page.get_by_role("button", name="Search with a photo")).to_be_visible()
    return page


@pytest.mark.parametrize(("wanted", "able"), [("", True), ("photo-search", False)])
def test_it_is_offered_only_where_page_and_service_want_it(
    page: Page, fake_shop: HostPages, fake: FakeService, wanted: str, able: bool
) -> None:
    fake.similar("a", hits(2))
    fake.offers(photo=able)
    opened(page, fake_shop, tag(fake, "a", wanted))
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("button", name="Search with a photo")).to_have_count(0)


def test_a_photo_is_chosen_by_keys_alone(offered: Page) -> None:
    camera = offered.get_by_role("button", name="Search with a photo")
    choosers: list[FileChooser] = []

    def choose(chooser: FileChooser) -> None:
        choosers.append(chooser)

    offered.on("filechooser", choose)
    camera.focus()
    deadline = time.monotonic() + 20
    while not choosers:  # Playwright may begin to listen only after the first press
        assert time.monotonic() < deadline
        offered.keyboard.press("Enter")
        offered.wait_for_timeout(200)
    choosers[0].set_files(shoppers_photo())
    first = offered.get_by_role("button", name="Similar to product 1")
    second = offered.get_by_role("button", name="Similar to product 2")
    expect(first).to_have_attribute("aria-pressed", "true")
    expect(slides(offered)).to_have_count(6)
    expect(slides(offered).first).to_contain_text("Look-alike 0")
    second.focus()
    offered.keyboard.press("Enter")
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(second).to_be_focused()
    expect(slides(offered)).to_have_count(7)
    expect(slides(offered).first).to_contain_text("Look-alike 100")
    expect(status(offered)).to_have_text("Similar items: 7")
    offered.get_by_role("button", name="Whole photo").click()
    expect(slides(offered).first).to_contain_text("Look-alike 200")
    close = offered.get_by_role("button", name="Close")
    close.focus()
    offered.keyboard.press("Enter")
    expect(camera).to_be_focused()
    expect(slides(offered)).to_have_count(12)
    expect(offered.locator("similar-items canvas")).to_have_count(0)


def test_what_is_sent_is_small_and_says_nothing_else(offered: Page, fake: FakeService) -> None:
    offered.set_input_files(FILE, shoppers_photo(3000, 1500))
    expect(offered.locator("similar-items [part=box]")).to_have_count(2)
    [(path, headers, body)] = [sent for sent in fake.sent if "image" in sent[0]]
    assert path == "/v1/search/image?limit=6"
    assert headers["Content-Type"] == "image/jpeg"
    with Image.open(BytesIO(body)) as image:
        assert image.format == "JPEG"
        assert image.size == (1024, 512)
        assert not dict(image.getexif())
    assert b"at home" in shoppers_photo(64, 64)["buffer"]
    assert b"at home" not in body


def test_boxes_lie_over_the_products(offered: Page) -> None:
    offered.set_input_files(FILE, shoppers_photo(800, 1600))
    box = offered.locator("similar-items [part=box]").first
    expect(box).to_be_visible()
    inner, outer = box.bounding_box(), offered.locator("similar-items canvas").bounding_box()
    assert inner is not None
    assert outer is not None
    assert outer["height"] == pytest.approx(2 * outer["width"], rel=0.01)
    assert (inner["x"] - outer["x"]) / outer["width"] == pytest.approx(0.2, abs=0.01)
    assert (inner["y"] - outer["y"]) / outer["height"] == pytest.approx(0.25, abs=0.01)
    assert inner["width"] / outer["width"] == pytest.approx(0.6, abs=0.01)
    assert inner["height"] / outer["height"] == pytest.approx(0.7, abs=0.01)


def test_a_transparent_photo_is_laid_on_white(offered: Page, fake: FakeService) -> None:
    encoded = BytesIO()
    Image.new("RGBA", (80, 80), (0, 0, 0, 0)).save(encoded, "PNG")
    payload: FilePayload = {"name": "a.png", "mimeType": "image/png", "buffer": encoded.getvalue()}
    offered.set_input_files(FILE, payload)
    expect(offered.locator("similar-items [part=box]")).to_have_count(2)
    with Image.open(BytesIO(fake.sent[-1][2])) as image:
        assert image.convert("L").getextrema() == (255, 255)


@pytest.mark.parametrize(
    "answer", [413, 429, 500, b"not json", b"{}", b'{"regions": [{"hits": 3}]}']
)
def test_a_service_that_cannot_says_so_and_the_way_back_is_there(
    offered: Page, fake: FakeService, answer: int | bytes
) -> None:
    fake.answers["/v1/search/image"] = answer
    offered.set_input_files(FILE, shoppers_photo())
    reached(offered, "failed")
    expect(offered.locator("similar-items").get_by_text("Please try again")).to_be_visible()
    offered.get_by_role("button", name="Close").click()
    expect(slides(offered)).to_have_count(12)


def test_a_file_that_is_no_photo_is_never_sent(offered: Page, fake: FakeService) -> None:
    text: FilePayload = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"not a photo"}
    offered.set_input_files(FILE, text)
    reached(offered, "failed")
    assert not [sent for sent in fake.sent if "image" in sent[0]]


def test_a_photo_without_look_alikes_says_so(offered: Page, fake: FakeService) -> None:
    fake.answers["/v1/search/image"] = {**photo_answer(), "regions": []}
    offered.set_input_files(FILE, shoppers_photo())
    reached(offered, "none")
    expect(offered.locator("similar-items").get_by_text("No similar items")).to_be_visible()


def test_the_same_photo_can_be_chosen_again(offered: Page) -> None:
    """A browser tells of a file only if it is another than the one that the input holds."""
    for _ in range(2):
        with offered.expect_response("**/search/image*"):
            offered.set_input_files(FILE, shoppers_photo())
        expect(offered.locator(FILE)).to_have_js_property("value", "")
        offered.get_by_role("button", name="Close").click()
        expect(slides(offered)).to_have_count(12)


def test_of_two_photos_the_later_one_is_shown(offered: Page, fake: FakeService) -> None:
    """The first is held while it is decoded, until the second has been answered."""
    offered.evaluate(
        """() => {
          const decode = createImageBitmap;
          window.createImageBitmap = async (file) => {
            const picture = await decode(file);
            if (!window.release) await new Promise((done) => { window.release = done; });
            return picture;
          };
        }"""
    )
    offered.set_input_files(FILE, shoppers_photo(400, 800))
    until(offered, "!!window.release")
    offered.set_input_files(FILE, shoppers_photo(800, 800))
    expect(offered.locator("similar-items [part=box]")).to_have_count(2)
    offered.evaluate("release()")
    offered.wait_for_load_state("networkidle")
    expect(offered.locator("similar-items canvas")).to_have_js_property("height", 800)
    expect(offered.locator("similar-items canvas")).to_have_js_property("width", 800)
    assert len([sent for sent in fake.sent if "image" in sent[0]]) == 1
