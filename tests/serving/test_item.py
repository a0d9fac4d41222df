"""`GET /v1/items/{item_id}`: an item, its images and their regions."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from tests.serving.shop_bundle import NAMELESS, PLAIN, PRODUCT, SIDE_PRODUCT, SLASHED, SUFFIXED


def test_an_item_comes_with_its_images_and_normalised_boxes(client: httpx.Client) -> None:
    item = client.get(f"/v1/items/{PLAIN}").json()
    assert item["title"] == "Shoes number 4"
    assert item["attributes"] == {"colour": "blue"}
    assert len(item["images"]) == 2
    for image in item["images"]:
        assert (image["width_px"], image["height_px"]) == (320, 400)
        assert [region["kind"] for region in image["regions"]] == ["whole", "product", "product"]
        boxes = [region["box"] for region in image["regions"]]
        assert boxes == [[0, 0, 1, 1], list(PRODUCT), list(SIDE_PRODUCT)]


@pytest.mark.parametrize("item_id", [PLAIN, SLASHED, SUFFIXED, NAMELESS])
def test_every_photo_of_an_item_can_be_fetched(client: httpx.Client, item_id: str) -> None:
    item = client.get(f"/v1/items/{quote(item_id, safe='')}").json()
    assert item["item_id"] == item_id
    assert item["images"]
    for image in item["images"]:
        photo = client.get(image["image_url"])
        assert photo.status_code == 200
        assert photo.headers["Content-Type"] == "image/jpeg"
        assert photo.content.startswith(b"\xff\xd8")


def test_every_region_of_an_item_can_be_asked_about(client: httpx.Client) -> None:
    item = client.get(f"/v1/items/{PLAIN}").json()
    regions = [region["region_id"] for image in item["images"] for region in image["regions"]]
    assert item["region_id"] in regions
    for region in regions:
        answer = client.get(f"/v1/items/{PLAIN}/similar", params={"region": region})
        assert answer.json()["region_id"] == region
