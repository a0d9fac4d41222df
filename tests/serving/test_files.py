"""The widget's versions, the photos and the demo shop's pages."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.pages import Widgets, photo_path, widget_version

RELEASED = json.loads(Path(__file__).with_name("widget_versions.json").read_text())
YEAR = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def newest(client: httpx.Client) -> dict[str, Any]:
    index = client.get("/widget/").json()
    [found] = [each for each in index["versions"] if each["version"] == index["current"]]
    return found


def test_the_widget_never_changes_under_its_address(
    client: httpx.Client, newest: dict[str, Any]
) -> None:
    answer = client.get(newest["url"])
    assert answer.headers["Cache-Control"] == YEAR
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    digest = base64.b64encode(hashlib.sha384(answer.content).digest()).decode()
    assert newest["integrity"] == f"sha384-{digest}"
    assert widget_version(answer.content) == newest["version"]


def test_a_version_keeps_its_contents() -> None:
    """Pages name a version and demand its digest: a changed widget needs a new version.

    Raise VERSION in the widget, move the old file to serving/widget/<old version>/, and add the
    new digest to widget_versions.json.
    """
    served = {version: asset.integrity for version, asset in Widgets().versions.items()}
    assert served == RELEASED


def test_the_widget_is_small(newest: dict[str, Any]) -> None:
    assert newest["gzip_bytes"] <= 10_000


def test_older_versions_stay(tmp_path: Path) -> None:
    older = 'export const VERSION = "0.1.0";\n'
    (tmp_path / "similar-items.js").write_text('export const VERSION = "0.2.0";\n')
    (tmp_path / "0.1.0").mkdir()
    (tmp_path / "0.1.0" / "similar-items.js").write_text(older)
    widgets = Widgets(tmp_path)
    assert widgets.current == "0.2.0"
    assert widgets.versions["0.1.0"].body.decode() == older


def test_an_unknown_version_is_answered_with_those_there_are(
    client: httpx.Client, newest: dict[str, Any]
) -> None:
    answer = client.get("/widget/9.9.9/similar-items.js")
    assert answer.status_code == 404
    assert newest["version"] in answer.json()["detail"]


def test_the_bundle_names_the_widget(client: httpx.Client, newest: dict[str, Any]) -> None:
    assert newest in client.get("/v1/bundle").json()["widget"]["versions"]


def test_a_photo_may_be_kept_for_ever(client: httpx.Client) -> None:
    url = client.get("/demo/items.json").json()["items"][0]["image_url"]
    photo = client.get(url)
    assert photo.headers["Cache-Control"] == YEAR
    again = client.get(url, headers={"If-None-Match": photo.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "name", ["0" * 63, "0" * 65, "A" * 64, "../" * 20 + "etc", "..%2F..%2Fetc%2Fpasswd", "g" * 64]
)
def test_only_the_digest_of_an_image_names_a_photo(client: httpx.Client, name: str) -> None:
    assert client.get(f"/images/{name}.jpg").status_code == 404
    with pytest.raises(ValueError, match="not the SHA-256"):
        photo_path(Path("thumbnails"), name)


def test_a_photo_that_is_not_there(client: httpx.Client) -> None:
    answer = client.get(f"/images/{'0' * 64}.jpg")
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_shelf_shows_every_item_once_in_mixed_order(client: httpx.Client) -> None:
    seen: list[dict[str, Any]] = []
    while True:
        page = client.get("/demo/items.json", params={"offset": len(seen), "limit": 20}).json()
        seen += page["items"]
        if not page["items"]:
            break
    assert len(seen) == len({item["item_id"] for item in seen}) == page["total"] == 63
    assert len({item["category"] for item in seen[:20]}) > 2


def test_the_shelf_can_show_one_category(client: httpx.Client) -> None:
    page = client.get("/demo/items.json", params={"category": "mugs", "limit": 200}).json()
    assert page["total"] == len(page["items"]) == 12
    assert {item["category"] for item in page["items"]} == {"mugs"}
    counts = {each["name"]: each["items"] for each in page["categories"]}
    assert counts == {"bags": 12, "dresses": 12, "mugs": 12, "shoes": 14, "watches": 12}
    assert client.get("/demo/items.json", params={"category": "cars"}).json()["total"] == 0


@pytest.mark.parametrize("query", ["offset=-1", "limit=201", "limit=0", "page=2"])
def test_the_shelf_refuses_what_it_does_not_know(client: httpx.Client, query: str) -> None:
    assert client.get(f"/demo/items.json?{query}").status_code == 400


@pytest.mark.parametrize("page", ["index.html", "item.html"])
def test_what_a_page_loads_is_there(client: httpx.Client, page: str) -> None:
    html = client.get(f"/demo/{page}").text
    loaded = re.findall(r'(?:src|href)="([^"#{]+)"', html)
    assert loaded
    for address in loaded:
        assert client.get(str(httpx.URL("/demo/").join(address))).status_code == 200, address


def test_the_product_page_uses_the_newest_widget(
    client: httpx.Client, newest: dict[str, Any]
) -> None:
    assert f'src="{newest["url"]}"' in client.get("/demo/item.html").text


def test_the_shop_is_where_people_look_for_it(client: httpx.Client) -> None:
    for path in ("/", "/demo"):
        assert client.get(path).headers["Location"] == "/demo/"


def test_nothing_but_the_shop_is_under_demo(client: httpx.Client) -> None:
    for name in ("..%2Fsettings.py", "%2E%2E/app.py", "nothing.js"):
        assert client.get(f"/demo/{name}").status_code == 404
