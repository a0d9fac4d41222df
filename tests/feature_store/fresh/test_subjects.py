from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_store.bundle import Searcher, open_bundle
from feature_store.bundle.tiers import TierShelf
from feature_store.schemas import FEATURES, ITEMS, LEDGER, Box, region_id
from tests.feature_store.fresh.shops import UNCENTRED, Home, item_id, table
from tests.feature_store.nightly.fake_shop import EXTRACTOR, FakeSnapshot

DIM = 12
KINDS = ("chairs", "lamps", "plants")
BOXES = (Box(0, 0, 1, 1), Box(0.1, 0.1, 0.9, 0.9), Box(0.2, 0.2, 0.4, 0.4))
"""The whole photo, a large thing in it and a small one."""


def looks(kind: str, random: np.random.Generator) -> list[float]:
    """A vector of a thing of a kind: things of a kind look alike."""
    vector = np.zeros(DIM) if kind == "scene" else np.eye(DIM)[KINDS.index(kind)]
    vector = vector + 0.05 * random.normal(size=DIM) + (np.eye(DIM)[-1] if kind == "scene" else 0)
    return list(vector / np.linalg.norm(vector))


def shop(things: list[tuple[str | None, str, str]], version: int) -> FakeSnapshot:
    """Items of one photo: their category, the large thing in the photo, and the small one."""
    items, features, ledger = [], [], []
    for number, (category, large, small) in enumerate(things):
        name, image = item_id(number), f"{number:064x}"
        random = np.random.default_rng(number)
        items.append(
            {"ds": "2026-01-01", "item_id": name, "images": ["x"], "category": category,
             "attributes": "{}", "row_digest": "", "deleted": False}
        )  # fmt: skip
        ledger.append(
            {"ds": "2026-01-01", "item_id": name, "image_index": 0, "image_uri": "x",
             "status": "indexed", "regions": 3}
        )  # fmt: skip
        for box, kind in zip(BOXES, ("scene", large, small), strict=True):
            features.append(
                {"ds": "2026-01-01", "item_id": name, "image_index": 0, "image_uri": "/x",
                 "image_id": image, "width_px": 9, "height_px": 9,
                 "region_id": region_id(image, box),
                 "kind": "whole" if kind == "scene" else "product",
                 **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True)),
                 "confidence": 0.0 if kind == "scene" else 0.9, "label": "", "detector": "d",
                 "extractor": EXTRACTOR, "dim": DIM, "vector": looks(kind, random)}
            )  # fmt: skip
    return FakeSnapshot(
        table(items, ITEMS), table(ledger, LEDGER), table(features, FEATURES), version
    )


SOLD: list[tuple[str | None, str, str]] = [
    (kind, kind, KINDS[(KINDS.index(kind) + 1) % 3]) for kind in KINDS for _ in range(8)
]
"""Eight of each kind, each large in its photo beside something small."""

ARRIVING: list[tuple[str | None, str, str]] = [
    ("plants", "chairs", "plants"),  # what is for sale is the small thing
    ("chairs", "chairs", "plants"),
    (None, "chairs", "plants"),  # nobody can say: the more prominent one
    ("mirrors", "lamps", "plants"),  # nobody knows mirrors yet: the more prominent one
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    index = replace(UNCENTRED, attribution_voters=4, reduced_dim=8, centring_prior=10.0)
    return Home(tmp_path, shop(SOLD, 1), index)


def shown(home: Home) -> list[int]:
    """For each item that arrived, which of its three regions shows it."""
    bundle = open_bundle(home.settings.home / "bundles" / home.bundle_id)
    view = Searcher(bundle, TierShelf(home.settings.home / "bundles").open(bundle)).view
    found = []
    for number in range(len(SOLD), len(SOLD) + len(ARRIVING)):
        item = view.item_number(item_id(number))
        [subject] = np.flatnonzero(view.subject(np.array(view.regions_of(item))))
        assert view.primary_region(item) == view.regions_of(item)[int(subject)]
        found.append(int(subject))
    return found


def test_the_bundles_items_vote_what_a_new_photo_sells(home: Home) -> None:
    home.refresh(shop(SOLD + ARRIVING, 2))
    assert shown(home) == [2, 1, 1, 1]


def test_without_voters_it_is_the_most_prominent_thing(home: Home) -> None:
    home.settings = replace(home.settings, index=replace(home.settings.index, attribution_voters=0))
    home.refresh(shop(SOLD + ARRIVING, 2))
    assert shown(home) == [1, 1, 1, 1]


def test_an_item_does_not_vote_for_itself(tmp_path: Path) -> None:
    things = SOLD.copy()
    things[0] = ("mirrors", "chairs", "lamps")  # the only one of its name
    index = replace(UNCENTRED, attribution_voters=8, reduced_dim=8, centring_prior=10.0)
    home = Home(tmp_path, shop(things, 1), index)
    things[0] = ("mirrors", "lamps", "chairs")  # its old photo would say: the chair
    photographed = shop(things, 2)
    rows = photographed.described.to_pylist()
    for row in rows[:3]:
        row["image_id"] = "f" * 64
        row["region_id"] = region_id("f" * 64, Box(*(row[c] for c in ("x0", "y0", "x1", "y1"))))
    home.refresh(replace(photographed, described=table(rows, FEATURES)))
    bundle = open_bundle(home.settings.home / "bundles" / home.bundle_id)
    tier = TierShelf(home.settings.home / "bundles").open(bundle)
    assert tier is not None
    assert tier.items["item_id"].to_pylist() == [item_id(0)]
    assert tier.subject.tolist() == [False, True, False]
