"""What is exported is what the service answers, item by item and region by region."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import PLAIN, SCRIPTED, SLASHED, build_shop
from tests.serving.shop_tier import build_tier
from tests.serving.static.exporting import Reader, export

K = 24
HOSTILE = (
    "__proto__",
    "constructor",
    "../../etc/passwd",
    "似たもの 🧦",
    "a\nb\u2028c",
    "index.json",
)


@pytest.fixture(scope="module")
def exported(shop_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    out = tmp_path_factory.mktemp("static") / "out"
    export(shop_home, out, "--photos")
    return Reader(out)


def asked(client: httpx.Client, item_id: str, **parameters: str) -> dict[str, Any]:
    """What the service says of an item's look-alikes, as far as it does not say who asked when."""
    path = f"/v1/items/{quote(item_id, safe='')}/similar"
    answer = client.get(path, params={"limit": str(K), "fallback": "true", **parameters})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    del body["query_id"]
    return body


def all_ids(client: httpx.Client) -> list[str]:
    return [item["item_id"] for item in client.get("/demo/items.json?limit=200").json()["items"]]


def same_as_asked(exported: Reader, client: httpx.Client, item_id: str) -> None:
    entry = exported.entry(item_id)
    assert entry is not None, item_id
    item, regions = entry.pop("item"), entry.pop("regions")
    assert entry == asked(client, item_id)
    assert item == client.get(f"/v1/items/{quote(item_id, safe='')}").json()
    named = {region["region_id"] for image in item["images"] for region in image["regions"]}
    assert {*regions} == named - {entry["region_id"]}
    for region_id, hits in regions.items():
        assert hits == asked(client, item_id, region=region_id)["hits"]


def test_every_item_has_the_answers_of_the_service(exported: Reader, client: httpx.Client) -> None:
    ids = all_ids(client)
    assert len(ids) == 63
    assert SLASHED in ids
    for item_id in ids:
        same_as_asked(exported, client, item_id)
    assert exported.item_ids() == {*ids}
    assert exported.index["items"] == 63


def test_the_index_says_what_is_there(exported: Reader) -> None:
    index = exported.index
    assert (index["format"], index["bundle"], index["tier"], index["k"]) == (1, "shop-1", None, K)
    assert index["kept"] == [index["folder"]]
    assert index["image_base"] is None
    assert exported.entry("not-sold") is None


def test_every_photo_that_is_named_is_there(exported: Reader) -> None:
    photos = {path.stem: path for path in (exported.out / "images").iterdir()}
    assert photos
    for path in photos.values():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
    for item_id in exported.item_ids():
        entry = exported.entry(item_id)
        assert entry is not None
        others = [hit for hits in entry["regions"].values() for hit in hits]
        for one in [*entry["hits"], *entry["item"]["images"], *others]:
            assert one["image_url"].removeprefix("/images/").removesuffix(".jpg") in photos


def test_the_fresh_tier_is_exported_too_and_hostile_ids_are_found(tmp_path: Path) -> None:
    build_shop(tmp_path)
    tier = build_tier(
        tmp_path, new=HOSTILE, titles={PLAIN: "Another name"}, gone=[SCRIPTED, "bags-03"]
    )
    export(tmp_path, tmp_path / "out", "--k", str(K))
    exported = Reader(tmp_path / "out")
    assert exported.index["tier"] == tier
    ids = exported.item_ids()
    assert ids >= {*HOSTILE, PLAIN, SLASHED}
    assert not ids & {SCRIPTED, "bags-03"}
    with (
        ServiceProcess(tmp_path) as running,
        httpx.Client(base_url=running.address, trust_env=False) as client,
    ):
        assert {*all_ids(client)} == ids
        for item_id in (*HOSTILE, PLAIN, SLASHED, "shoes-06"):
            same_as_asked(exported, client, item_id)
    entry = exported.entry(PLAIN)
    assert entry is not None
    assert entry["item"]["title"] == "Another name"


def test_what_stands_in_for_look_alikes_is_exported(shop_home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(shop_home, out, popularity="price")
    exported = Reader(out)
    with (
        ServiceProcess(shop_home, popularity="price") as running,
        httpx.Client(base_url=running.address, trust_env=False) as client,
    ):
        same_as_asked(exported, client, PLAIN)
        unknown = json.loads((exported.folder / "unknown.json").read_text(encoding="utf-8"))
        asked_for = asked(client, "not-sold")
    assert asked_for.pop("item_id") == "not-sold"
    assert unknown.pop("item_id") is None
    assert unknown == asked_for
    assert unknown["fallback"] == "unknown_item"
    assert len(unknown["hits"]) == K
    assert {hit["fallback"] for hit in unknown["hits"]} == {"popular"}
    export(shop_home, out)
    without = Reader(out)
    assert without.folder != exported.folder
    assert not (without.folder / "unknown.json").exists()


def test_fewer_look_alikes_are_the_first_of_more(
    shop_home: Path, exported: Reader, tmp_path: Path
) -> None:
    export(shop_home, tmp_path / "few", "--k", "3")
    few, more = Reader(tmp_path / "few").entry(PLAIN), exported.entry(PLAIN)
    assert few is not None
    assert more is not None
    assert few["hits"] == more["hits"][:3]
