"""What a service takes out of a bucket beside the live bundle: its canary, and fresh tiers."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_store.bundle.registry import BundleRegistry
from serving.settings import ServingSettings
from tests.serving.bucket_shop import BucketShop, ask, counted, refused, state
from tests.serving.service_process import children_of, until
from tests.serving.shop_bundle import PLAIN, SLASHED
from tests.serving.test_processes import shoppers

GONE = "shoes-06"


@pytest.fixture
def shop(bucket: str, tmp_path: Path) -> BucketShop:
    return BucketShop(bucket, tmp_path)


def folder(shop: BucketShop) -> Path:
    return ServingSettings(bundles=shop.location, mirror=shop.mirror).folder


def test_a_canary_is_taken_up_changed_and_put_off(shop: BucketShop) -> None:
    shop.publish("shop-1")
    shop.build("shop-2", without="dresses-03")
    with shop.serve() as service, shoppers(service) as failures:
        shop.registry.canary("shop-2", 0.9999)
        wanted = {"bundle": "shop-2", "share": 0.9999}
        until(lambda: state(service)["canary"] == wanted)
        until(lambda: ask(service).json()["bundle"] == "shop-2")
        shop.registry.canary("shop-2", 0.0001)
        until(lambda: ask(service).json()["bundle"] == "shop-1")
        shop.registry.no_canary()
        until(lambda: state(service)["canary"] is None)
        shop.registry.canary("shop-2", 0.5)
        until(lambda: state(service)["canary"] == {"bundle": "shop-2", "share": 0.5})
        shop.registry.publish("shop-2")
        service.until_serving("shop-2")
        until(lambda: len(children_of(service.process.pid)) == 2)
        until(lambda: state(service)["canary"] is None)
        assert state(service)["bundle"] == "shop-2"
    assert failures == []


def test_a_canary_of_before_is_not_asked_while_the_next_one_is_bad(shop: BucketShop) -> None:
    shop.publish("shop-1")
    for name in ("shop-2", "shop-3"):
        shop.build(name)
        shop.registry.canary(name, 0.9999)
    shop.damage("shop-3/items.arrow")
    shop.registry.canary("shop-2", 0.9999)
    with shop.serve() as service:
        until(lambda: ask(service).json()["bundle"] == "shop-2")
        pointer = shop.registry.pointer()
        text = pointer.to_json().replace('"bundle_id": "shop-2"', '"bundle_id": "shop-3"')
        shop.bucket.write("bundles/CURRENT", text.encode(), if_generation=pointer.generation)
        said = refused(service, "canary_refused")
        assert said["bundle"] == "shop-3"
        assert "items.arrow" in said["reason"]
        until(lambda: ask(service).json()["bundle"] == "shop-1")
        assert state(service)["refused"] is None
        assert counted(service, "nitamono_canary_refusals_total") == 1
        shop.registry.no_canary()
        until(lambda: state(service)["canary_refused"] is None)


def test_a_canary_is_served_again_after_a_restart_and_never_pruned(shop: BucketShop) -> None:
    shop.publish("shop-1")
    shop.build("shop-2")
    shop.registry.canary("shop-2", 0.25)
    for _ in range(2):
        with shop.serve() as service:
            until(lambda: state(service)["canary"] == {"bundle": "shop-2", "share": 0.25})
    BundleRegistry(folder(shop)).prune(0)
    assert {"shop-1", "shop-2"} <= shop.mirrored


def test_tiers_are_taken_up_one_after_the_other(shop: BucketShop) -> None:
    shop.publish("shop-1")
    first = shop.refresh("shop-1", gone=[GONE])
    with shop.serve() as service:
        assert state(service)["tier"] == first, "a service begins with the tier"
        assert ask(service, f"/v1/items/{GONE}").status_code == 404
        with shoppers(service, bundles=1) as failures:
            for gone in (["bags-01"], ["bags-01", GONE], []):
                tier = shop.refresh("shop-1", gone=gone)
                until(lambda tier=tier: state(service)["tier"] == tier)
                assert (ask(service, f"/v1/items/{GONE}").status_code == 404) == (GONE in gone)
        assert failures == []
        assert counted(service, "nitamono_bundle_swaps_total") == 0
        kept = [path for path in (folder(shop) / "_fresh" / "shop-1").iterdir() if path.is_dir()]
        assert len(kept) <= 3, "old tiers leave the mirror"


def test_a_bad_tier_is_refused_and_the_one_before_it_stays(shop: BucketShop) -> None:
    shop.publish("shop-1")
    good = shop.refresh("shop-1", gone=[GONE])
    with shop.serve() as service:
        bad = shop.refresh("shop-1", gone=[PLAIN])
        until(lambda: state(service)["tier"] == bad)
        worse = shop.refresh("shop-1", gone=[GONE, SLASHED])
        until(lambda: state(service)["tier"] == worse)
    # On another machine, which has none of them yet.
    shop.mirror = shop.mirror.with_name("other-mirror")
    with shop.serve() as service:
        until(lambda: state(service)["tier"] == worse)
        shop.damage(f"_fresh/shop-1/{good}/alias.npy")
        shop.refresh("shop-1", gone=[GONE])
        said = refused(service, "tier_refused")
        assert said["bundle"] == "shop-1"
        assert "alias.npy" in said["reason"]
        assert (state(service)["tier"], state(service)["refused"]) == (worse, None)
        assert counted(service, "nitamono_tier_refused") == 1
        shop.refresh("shop-1", gone=[PLAIN])
        until(lambda: state(service)["tier"] == bad)
        until(lambda: state(service)["tier_refused"] is None)


def test_the_next_bundle_comes_with_its_tier(shop: BucketShop) -> None:
    shop.publish("shop-1")
    shop.build("shop-2")
    with shop.serve() as service:
        tier = shop.refresh("shop-2", gone=[GONE])
        shop.registry.publish("shop-2")
        service.until_serving("shop-2")
        said = []  # one answer at a time: the next may come from a worker that is leaving
        until(lambda: said.append(state(service)) or said[-1]["bundle"] == "shop-2")
        assert said[-1]["tier"] == tier
