"""A canary beside the live bundle, as a running service asks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from feature_store.bundle import BundleRegistry
from serving.served import drawn_share
from tests.serving.service_process import ServiceProcess, children_of, until
from tests.serving.shop_bundle import CATEGORIES, PLAIN, SLASHED, build_shop
from tests.serving.shop_tier import build_tier
from tests.serving.test_processes import shoppers
from tests.serving.test_state import samples, summed

ITEMS = [f"{category}-{number:02d}" for category in CATEGORIES for number in range(12)]
ONLY_LIVE, ONLY_CANARY = "mugs-07", "dresses-03"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """shop-1 is live; shop-2 could be its canary."""
    build_shop(tmp_path, "shop-1", without=ONLY_CANARY)
    build_shop(tmp_path, "shop-2", without=ONLY_LIVE)
    BundleRegistry(tmp_path / "bundles").rollback()
    return tmp_path


@pytest.fixture
def registry(home: Path) -> BundleRegistry:
    return BundleRegistry(home / "bundles")


@pytest.fixture
def service(home: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(home, "--workers", "2", poll_seconds=0.05) as service:
        yield service


@pytest.fixture
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    headers = {"Connection": "close"}  # so that every question meets any worker
    with httpx.Client(
        base_url=service.address, trust_env=False, timeout=10, headers=headers
    ) as client:
        yield client


def ready(client: httpx.Client) -> dict[str, Any]:
    state: dict[str, Any] = client.get("/readyz").json()
    return state


def answered_by(client: httpx.Client) -> dict[str, str]:
    """Which bundle answers about each item."""
    said = {}
    for item in [*ITEMS, "zz-nothing-known"]:
        similar = client.get(f"/v1/items/{item}/similar").json()["bundle"]
        assert client.get(f"/v1/items/{item}").json()["bundle"] == similar
        said[item] = similar
    return said


def expected(share: float) -> dict[str, str]:
    drawn = {
        item: "shop-2" if drawn_share(item, "shop-2") < share else "shop-1"
        for item in [*ITEMS, "zz-nothing-known"]
    }
    return drawn | {ONLY_LIVE: "shop-1", ONLY_CANARY: "shop-2"}


def until_share(client: httpx.Client, share: float) -> None:
    """Wait until every worker asks the canary so often, and no old one answers any more."""
    wanted = {"bundle": "shop-2", "share": share}
    until(lambda: all(ready(client)["canary"] == wanted for _ in range(20)))


def test_a_share_of_the_items_is_the_canarys(
    client: httpx.Client, registry: BundleRegistry
) -> None:
    assert client.get(f"/v1/items/{ONLY_CANARY}").status_code == 404
    registry.canary("shop-2", 0.3)
    until_share(client, 0.3)
    assert answered_by(client) == expected(0.3)
    assert {"shop-1", "shop-2"} == {*expected(0.3).values()}
    registry.canary("shop-2", 0.7)
    until_share(client, 0.7)
    assert answered_by(client) == expected(0.7)
    said = client.get("/v1/bundle").json()
    assert said["bundle"] == "shop-1"
    assert (said["canary"]["bundle"], said["canary"]["share"]) == ("shop-2", 0.7)
    shown = samples(client)
    assert shown[("nitamono_bundle_info", "shop-1", "live")] == 1
    assert shown[("nitamono_bundle_info", "shop-2", "canary")] == 1
    assert shown[("nitamono_canary_share",)] == 0.7
    by_canary = [*expected(0.3).values(), *expected(0.7).values()].count("shop-2")
    assert summed(shown, "nitamono_answers_total", "canary") == by_canary
    assert shown[("nitamono_hits_total", "canary")] == 12 * by_canary


def test_what_the_browser_keeps_is_its_bundles(
    client: httpx.Client, registry: BundleRegistry
) -> None:
    path = f"/v1/items/{PLAIN}/similar"
    known = client.get(path).headers["ETag"]
    registry.canary("shop-2", 0.9999)
    until_share(client, 0.9999)
    answer = client.get(path, headers={"If-None-Match": known})
    assert (answer.status_code, answer.json()["bundle"]) == (200, "shop-2")
    assert answer.headers["ETag"].startswith('W/"shop-2.')
    again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_a_canary_comes_changes_and_goes_without_a_failed_request(
    service: ServiceProcess, client: httpx.Client, registry: BundleRegistry
) -> None:
    with shoppers(service) as failures:
        registry.canary("shop-2", 0.9999)
        until_share(client, 0.9999)
        until(lambda: len(children_of(service.process.pid)) == 1)
        [leader] = children_of(service.process.pid)
        for share in (0.5, 0.1, 0.9999):
            registry.canary("shop-2", share)
            until_share(client, share)
        assert children_of(service.process.pid) == [leader], "a share is no reason to fork"
        registry.no_canary()
        until(lambda: all(ready(client)["canary"] is None for _ in range(20)))
    assert failures == []
    assert {*answered_by_live(client).values()} == {"shop-1"}


def answered_by_live(client: httpx.Client) -> dict[str, str]:
    wanted = [item for item in ITEMS if item != ONLY_CANARY]
    return {item: client.get(f"/v1/items/{item}").json()["bundle"] for item in wanted}


def test_a_canary_that_is_published_is_the_live_bundle(
    service: ServiceProcess, client: httpx.Client, registry: BundleRegistry
) -> None:
    registry.canary("shop-2", 0.2)
    until_share(client, 0.2)
    registry.publish("shop-2")
    service.until_serving("shop-2")
    until(lambda: len(children_of(service.process.pid)) == 1)
    state = ready(client)
    assert (state["bundle"], state["canary"], state["canary_refused"]) == ("shop-2", None, None)


@pytest.mark.parametrize("fault", ["damaged", "no such bundle", "nonsense", "no share", "unjudged"])
def test_a_bad_canary_is_refused_and_the_live_bundle_serves_alone(
    home: Path, client: httpx.Client, registry: BundleRegistry, fault: str
) -> None:
    name = spoil(home, fault)
    until(lambda: ready(client)["canary_refused"])
    state = ready(client)
    assert (state["ready"], state["bundle"], state["canary"]) == (True, "shop-1", None)
    assert state["canary_refused"]["bundle"] == name
    assert state["refused"] is None
    assert client.get(f"/v1/items/{PLAIN}/similar").json()["bundle"] == "shop-1"
    shown = samples(client)
    assert shown[("nitamono_canary_refused",)] == 1
    assert shown[("nitamono_canary_refusals_total",)] == 1
    assert shown[("nitamono_bundle_swaps_total",)] == 0
    # The next bundle is served nevertheless, and a good canary is taken up at once.
    build_shop(home, "shop-3")
    until(lambda: ready(client)["bundle"] == "shop-3")
    build_shop(home, "shop-4")
    registry.rollback()
    registry.canary("shop-4", 0.5)
    until(lambda: ready(client)["canary"] == {"bundle": "shop-4", "share": 0.5})
    until(lambda: ready(client)["canary_refused"] is None)


def spoil(home: Path, fault: str) -> str | None:
    """Name a canary that cannot be one; return its name as far as it is told."""
    bundles = home / "bundles"
    if fault in ("damaged", "unjudged"):
        victim = "vectors.npy" if fault == "damaged" else "gate.json"
        path = bundles / "shop-2" / victim
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    said = {"nonsense": "{", "no share": '{"bundle_id": "shop-2", "share": 1.5}'}
    name = "nothing-like-this" if fault == "no such bundle" else "shop-2"
    named = said.get(fault, f'{{"bundle_id": "{name}", "share": 0.5}}')
    (bundles / "CANARY").write_text(named)
    return None if fault in said else name


def test_a_canary_of_before_is_not_asked_in_the_place_of_a_bad_one(
    home: Path, client: httpx.Client, registry: BundleRegistry
) -> None:
    registry.canary("shop-2", 0.9999)
    until_share(client, 0.9999)
    (home / "bundles" / "CANARY").write_text('{"bundle_id": "nothing-like-this", "share": 0.9999}')
    until(lambda: ready(client)["canary_refused"])
    until_share(client, 0.0)
    assert client.get(f"/v1/items/{PLAIN}/similar").json()["bundle"] == "shop-1"
    registry.canary("shop-2", 0.9999)
    until_share(client, 0.9999)
    assert ready(client)["canary_refused"] is None


def test_a_bad_canary_at_the_start_is_no_reason_not_to_serve(home: Path) -> None:
    spoil(home, "damaged")
    with ServiceProcess(home) as service:
        state = httpx.get(f"{service.address}/readyz", trust_env=False).json()
        assert (state["bundle"], state["canary"]) == ("shop-1", None)
        assert "vectors.npy" in state["canary_refused"]["reason"]


def test_each_has_a_tier_of_its_own(
    home: Path, client: httpx.Client, registry: BundleRegistry
) -> None:
    registry.canary("shop-2", 0.5)
    until_share(client, 0.5)
    both = ("shop-1", "shop-2")
    tiers = [build_tier(home, name, new=["brand-new"], gone=[SLASHED]) for name in both]

    def served() -> list[str | None]:
        said = client.get("/v1/bundle").json()
        both = (said["tier"], said["canary"]["tier"])
        return [tier and tier["tier"] for tier in both]

    until(lambda: all(served() == tiers for _ in range(20)))
    for item in ITEMS[::5]:
        found = client.get(f"/v1/items/{item}/similar?limit=100").json()["hits"]
        assert {"brand-new"} <= {hit["item_id"] for hit in found}
        assert SLASHED not in {hit["item_id"] for hit in found}
    assert samples(client)[("nitamono_tier_gone", "canary")] == 1
