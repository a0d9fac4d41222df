"""Who is asked about an item: the live bundle or its canary."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_store.bundle import open_bundle
from feature_store.bundle.tiers import TierShelf
from serving.answers import Answers
from serving.served import Served, drawn_share
from tests.serving.shop_bundle import PLAIN, SLASHED, build_shop
from tests.serving.shop_tier import build_tier

ITEMS = [f"item {number}" for number in range(20_000)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each of two bundles lacks an item that the other has."""
    home = tmp_path_factory.mktemp("two")
    build_shop(home, "shop-1", without="dresses-03")
    build_shop(home, "shop-2", without="mugs-07")
    return home


def served(home: Path, share: float) -> Served:
    live, canary = (
        Answers(open_bundle(home / "bundles" / name), shelf=False) for name in ("shop-1", "shop-2")
    )
    return Served(live, canary, share)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_a_share_of_the_items_is_as_large_as_it_says(share: float) -> None:
    drawn = sum(drawn_share(item, "shop-2") < share for item in ITEMS)
    spread = (len(ITEMS) * share * (1 - share)) ** 0.5
    assert abs(drawn - share * len(ITEMS)) < 4 * spread


def test_a_greater_share_holds_the_smaller_one_and_each_trial_is_on_other_items() -> None:
    small = {item for item in ITEMS if drawn_share(item, "shop-2") < 0.1}
    assert small < {item for item in ITEMS if drawn_share(item, "shop-2") < 0.2}
    other = {item for item in ITEMS if drawn_share(item, "shop-3") < 0.1}
    assert 0.05 < len(small & other) / len(small) < 0.15


def test_one_item_is_always_the_same_ones(home: Path) -> None:
    both = served(home, 0.5)
    roles = {item: both.choose(item).role for item in ("bags-01", "bags-02", PLAIN, SLASHED, "x")}
    for _ in range(5):
        assert {item: both.choose(item).role for item in roles} == roles
    many = [both.choose(f"{kind}-{n:02d}").role for kind in ("bags", "shoes") for n in range(12)]
    assert {"live", "canary"} == set(many)


def test_without_a_share_the_live_bundle_is_asked(home: Path) -> None:
    both = served(home, 0.0)
    assert {both.choose(f"shoes-{n:02d}").role for n in range(12)} == {"live"}
    alone = Served(both.live)
    assert alone.choose(PLAIN).role == "live"


@pytest.mark.parametrize("share", [1e-9, 1 - 1e-9])
def test_what_only_one_knows_it_answers(home: Path, share: float) -> None:
    both = served(home, share)
    assert both.choose("mugs-07").answers.bundle_id == "shop-1"
    assert both.choose("dresses-03").answers.bundle_id == "shop-2"
    asked = "canary" if share > 0.5 else "live"
    assert both.choose(PLAIN).role == both.choose("unknown").role == asked
    region = both.live.bundle.region_id(0)
    item = str(both.live.bundle.items["item_id"][0].as_py())
    assert both.choose(item, region).role == asked
    assert both.choose(item, "0" * 16).role == asked


def test_what_is_gone_for_one_is_gone(home: Path) -> None:
    build_tier(home, "shop-1", gone=[PLAIN])
    for share in (1e-9, 1 - 1e-9):
        both = served(home, share)
        shelf = TierShelf(home / "bundles")
        both.take("live", both.live.with_tier(shelf.open(both.live.bundle)))
        chosen = both.choose(PLAIN)
        assert chosen.role == "live"
        assert not chosen.answers.has(PLAIN)
