"""Fresh tiers as a running service takes them up: found, renamed and gone within moments."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from feature_store.bundle import BundleRegistry
from feature_store.bundle.tier import tiers_folder
from tests.serving.service_process import ServiceProcess, children_of, until
from tests.serving.shop_bundle import PLAIN, SLASHED, build_shop
from tests.serving.shop_tier import build_tier, name_tier
from tests.serving.test_state import samples

GONE, RENAMED = "shoes-06", "shoes-08"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    build_shop(tmp_path)
    return tmp_path


@pytest.fixture
def client(home: Path) -> Iterator[httpx.Client]:
    with (
        ServiceProcess(home, poll_seconds=0.05) as service,
        httpx.Client(base_url=service.address, trust_env=False, timeout=10) as client,
    ):
        yield client


def ready(client: httpx.Client) -> dict[str, Any]:
    state: dict[str, Any] = client.get("/readyz").json()
    return state


def hits(client: httpx.Client, item_id: str = PLAIN) -> dict[str, dict[str, Any]]:
    answer = client.get(f"/v1/items/{item_id}/similar?limit=100")
    assert answer.status_code == 200, answer.text
    return {hit["item_id"]: hit for hit in answer.json()["hits"]}


def test_what_is_new_is_found_and_what_is_gone_is_not(home: Path, client: httpx.Client) -> None:
    before = hits(client)
    assert {GONE, RENAMED} <= set(before)
    tier = build_tier(home, new=["brand-new"], titles={RENAMED: "Renamed"}, gone=[GONE])
    until(lambda: ready(client)["tier"] == tier)
    found = hits(client)
    assert set(found) == set(before) - {GONE} | {"brand-new"}
    assert found["brand-new"]["title"] == "New: brand-new"
    assert found["brand-new"]["score"] > 95
    assert set(found["brand-new"]) == set(before[RENAMED])
    assert found[RENAMED] == {**before[RENAMED], "title": "Renamed"}
    assert client.get(found["brand-new"]["image_url"]).status_code == 200
    assert hits(client, "brand-new")[PLAIN]["score"] > 95
    item = client.get("/v1/items/brand-new").json()
    assert (item["title"], item["bundle"], len(item["images"])) == ("New: brand-new", "shop-1", 1)
    assert client.get(f"/v1/items/{RENAMED}").json()["title"] == "Renamed"
    for path in (f"/v1/items/{GONE}", f"/v1/items/{GONE}/similar"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["type"][-12:]) == (404, "unknown-item")


def test_the_shelf_shows_it_too(home: Path, client: httpx.Client) -> None:
    def shelf() -> tuple[int, list[str], dict[str, int]]:
        page = client.get("/demo/items.json?limit=200").json()
        counts = {entry["name"]: entry["items"] for entry in page["categories"]}
        return page["all"], [item["item_id"] for item in page["items"]], counts

    all_before, ids_before, counts_before = shelf()
    tier = build_tier(home, new=["brand-new"], titles={RENAMED: "Renamed"}, gone=[GONE])
    until(lambda: ready(client)["tier"] == tier)
    all_now, ids, counts = shelf()
    assert all_now == all_before == len(ids) == len(set(ids))
    assert set(ids) == set(ids_before) - {GONE} | {"brand-new"}
    assert counts == counts_before
    assert len(client.get("/demo/items.json?category=shoes&limit=200").json()["items"]) == 14


def test_what_the_browser_keeps_is_asked_for_again(home: Path, client: httpx.Client) -> None:
    paths = (f"/v1/items/{PLAIN}/similar", f"/v1/items/{GONE}", "/demo/items.json")
    known = [{"If-None-Match": client.get(path).headers["ETag"]} for path in paths]
    for path, headers in zip(paths, known, strict=True):
        assert client.get(path, headers=headers).status_code == 304
    tier = build_tier(home, gone=[GONE])
    until(lambda: ready(client)["tier"] == tier)
    statuses = [client.get(p, headers=h).status_code for p, h in zip(paths, known, strict=True)]
    assert statuses == [200, 404, 200]
    etag = client.get(paths[0]).headers["ETag"]
    assert etag.startswith(f'W/"shop-1.{tier}.')
    assert client.get(paths[0], headers={"If-None-Match": etag}).status_code == 304


def test_what_is_served_is_said(home: Path, client: httpx.Client) -> None:
    tier = build_tier(home, new=["brand-new"], titles={RENAMED: "Renamed"}, gone=[GONE])
    until(lambda: ready(client)["tier"] == tier)
    said = client.get("/v1/bundle").json()["tier"]
    assert (said["tier"], said["items"], said["regions"], said["gone"]) == (tier, 2, 2, 1)
    assert said["snapshot_version"] == 4
    assert 0 <= said["age_seconds"] < 60
    shown = samples(client)
    assert shown[("nitamono_tier_info", "live", tier)] == 1
    assert shown[("nitamono_tier_items", "live")] == 2
    assert shown[("nitamono_tier_gone", "live")] == 1
    assert 0 <= shown[("nitamono_tier_age_seconds", "live")] < 60
    assert shown[("nitamono_tier_swaps_total",)] == 1
    # The same tier named once more is younger, and no other.
    later = name_tier(home, "shop-1", tier)
    until(lambda: client.get("/v1/bundle").json()["tier"]["at"] == later.at)
    assert samples(client)[("nitamono_tier_swaps_total",)] == 1


@pytest.mark.parametrize("fault", ["damaged", "missing file", "no tier", "nonsense", "other's"])
def test_a_bad_tier_is_refused_and_the_one_before_it_stays(
    home: Path, client: httpx.Client, fault: str
) -> None:
    good = build_tier(home, gone=[GONE])
    until(lambda: ready(client)["tier"] == good)
    place = tiers_folder(home / "bundles", "shop-1")
    spoil(home, fault)
    until(lambda: ready(client)["tier_refused"])
    state = ready(client)
    assert (state["ready"], state["tier"]) == (True, good)
    assert state["tier_refused"]["bundle"] == "shop-1"
    assert str(place) in state["tier_refused"]["reason"]
    assert client.get(f"/v1/items/{GONE}").status_code == 404
    shown = samples(client)
    assert shown[("nitamono_tier_refused",)] == 1
    assert shown[("nitamono_tier_refusals_total",)] == 1
    better = build_tier(home, gone=[GONE, SLASHED])
    until(lambda: ready(client)["tier"] == better)
    assert ready(client)["tier_refused"] is None
    assert samples(client)[("nitamono_tier_refused",)] == 0


def spoil(home: Path, fault: str) -> None:
    """Name a tier that cannot be opened."""
    place = tiers_folder(home / "bundles", "shop-1")
    if fault == "nonsense":
        (place / "CURRENT").write_text("{")
        return
    if fault == "no tier":
        name_tier(home, "shop-1", "0123456789abcdef")
        return
    if fault == "other's":
        elsewhere = home / "elsewhere"
        build_shop(elsewhere, "shop-9")
        bad = build_tier(elsewhere, "shop-9", new=["x"])
        shutil.copytree(tiers_folder(elsewhere / "bundles", "shop-9") / bad, place / bad)
        name_tier(home, "shop-1", bad)
        return
    tier = place / "fedcba9876543210"
    [good] = (path for path in place.iterdir() if path.is_dir())
    shutil.copytree(good, tier)
    if fault == "damaged":
        content = (tier / "vectors.npy").read_bytes()
        (tier / "vectors.npy").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    if fault == "missing file":
        (tier / "facets.arrow").unlink()
    name_tier(home, "shop-1", tier.name)


def test_without_a_pointer_there_is_no_tier(home: Path, client: httpx.Client) -> None:
    tier = build_tier(home, gone=[GONE])
    until(lambda: ready(client)["tier"] == tier)
    (tiers_folder(home / "bundles", "shop-1") / "CURRENT").unlink()
    until(lambda: ready(client)["tier"] is None)
    assert client.get(f"/v1/items/{GONE}").status_code == 200


def test_tiers_come_and_go_without_a_failed_request_or_another_process(home: Path) -> None:
    tiers = [build_tier(home, gone=[GONE]), build_tier(home, new=["a", "b"], gone=[GONE])]
    with ServiceProcess(home, "--workers", "2", poll_seconds=0.02) as service:
        [leader] = children_of(service.process.pid)
        workers = set(children_of(leader))
        with httpx.Client(base_url=service.address, trust_env=False, timeout=10) as client:
            seen = set()
            for turn in range(12):
                name_tier(home, "shop-1", tiers[turn % 2])
                for _ in range(25):
                    answer = client.get(f"/v1/items/{PLAIN}/similar?limit=100")
                    found = {hit["item_id"] for hit in answer.json()["hits"]}
                    assert answer.status_code == 200
                    assert GONE not in found
                    # All of a tier or nothing of it.
                    assert {"a", "b"} <= found or not {"a", "b"} & found
                    seen.add("a" in found)
            assert seen == {True, False}
        assert set(children_of(leader)) == workers


def test_a_worker_that_takes_anothers_place_begins_with_the_tier(home: Path) -> None:
    with ServiceProcess(home, poll_seconds=1.5) as service:
        asked = {"trust_env": False, "timeout": 10}
        tier = build_tier(home, gone=[GONE])
        url = f"{service.address}/readyz"
        until(lambda: httpx.get(url, **asked).json()["tier"] == tier)
        [leader] = children_of(service.process.pid)
        [worker] = children_of(leader)
        os.kill(worker, signal.SIGKILL)
        until(lambda: worker not in children_of(leader) and children_of(leader))
        assert httpx.get(f"{service.address}/v1/items/{GONE}", **asked).status_code == 404


def test_the_next_bundle_begins_with_its_own_tier(home: Path) -> None:
    build_tier(home, gone=[GONE])
    with ServiceProcess(home, poll_seconds=0.05) as service:
        asked = {"trust_env": False, "timeout": 10}
        assert httpx.get(f"{service.address}/v1/items/{GONE}", **asked).status_code == 404
        build_shop(home, "shop-2")
        registry = BundleRegistry(home / "bundles")
        registry.rollback()
        tier = build_tier(home, "shop-2", new=["brand-new"], gone=[SLASHED])
        registry.publish("shop-2")
        service.until_serving("shop-2")
        until(lambda: len(children_of(service.process.pid)) == 1)
        state = httpx.get(f"{service.address}/readyz", **asked).json()
        assert (state["bundle"], state["tier"]) == ("shop-2", tier)
        assert httpx.get(f"{service.address}/v1/items/{GONE}", **asked).status_code == 200
        assert httpx.get(f"{service.address}/v1/items/brand-new", **asked).status_code == 200
