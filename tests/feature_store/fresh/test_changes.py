from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from feature_store.bundle import Bundle, open_bundle
from feature_store.fresh.changes import find_changes
from feature_store.schemas import FEATURES, LEDGER
from tests.feature_store.fresh.shops import Edits, Home, edit, item_id, table
from tests.feature_store.nightly.fake_shop import FakeSnapshot


@pytest.fixture(scope="module")
def bundle(small: Home) -> Bundle:
    return open_bundle(small.settings.home / "bundles" / small.bundle_id)


def changed(snapshot: FakeSnapshot, bundle: Bundle) -> dict[str, int]:
    """Each changed item, with the item of the bundle whose regions it keeps."""
    changes = find_changes(bundle, snapshot)
    ids = changes.items["item_id"].to_pylist()
    return dict(zip(ids, changes.kept.tolist(), strict=True))


def test_nothing_has_changed(small: Home, bundle: Bundle) -> None:
    changes = find_changes(bundle, small.shop)
    assert changes.alias.tolist() == list(range(30))
    assert (len(changes.items), changes.new_regions, changes.gone, changes.waiting) == (0, 0, 0, 0)


def test_each_kind_of_change_is_told_apart(small: Home, bundle: Bundle) -> None:
    edits = Edits(gone=[4], new=2, rephotographed=[6, 15], rows={7: {"price": 9.5}, 15: {}})
    changes = find_changes(bundle, edit(small.shop, edits, version=2))
    ids = changes.items["item_id"].to_pylist()
    assert ids == [item_id(number) for number in (6, 7, 15, 30, 31)]
    assert changes.kept.tolist() == [-1, 7, -1, -1, -1]
    assert changes.alias[[3, 4, 6, 7, 15]].tolist() == [3, -1, -1, 31, -1]
    assert changes.gone == 1
    owners = {ids[owner] for owner in changes.owners}
    assert owners == {item_id(number) for number in (6, 15, 30, 31)}
    assert (np.diff(changes.owners) >= 0).all()


@pytest.mark.parametrize(
    "row",
    [
        {"price": None},
        {"title": None},
        {"in_stock": True},
        {"category": "hats"},
        {"attributes": '{"size": "9"}'},
        {"url": "https://shop.example/other"},
    ],
)
def test_whatever_can_be_seen_of_a_row_counts(
    small: Home, bundle: Bundle, row: dict[str, object]
) -> None:
    snapshot = edit(small.shop, Edits(rows={3: row}), version=2)
    assert changed(snapshot, bundle) == {item_id(3): 3}


def test_what_cannot_be_seen_does_not(small: Home, bundle: Bundle) -> None:
    row = {"row_digest": "another", "ds": "2026-02-02", "images": ["/other/address.jpg"]}
    assert changed(edit(small.shop, Edits(rows={3: row}), version=2), bundle) == {}


def test_the_same_photo_at_another_address_is_shown_from_there(small: Home, bundle: Bundle) -> None:
    rows = small.shop.described.to_pylist()
    for row in rows:
        if row["item_id"] == item_id(3):
            row["image_uri"] = "https://elsewhere.example/3.jpg"
    snapshot = replace(small.shop, described=table(rows, FEATURES))
    assert changed(snapshot, bundle) == {item_id(3): -1}


def without_features(shop: FakeSnapshot, number: int, status: str) -> FakeSnapshot:
    """A shop in which an item's features are missing, and its images so in the ledger."""
    features = [r for r in shop.described.to_pylist() if r["item_id"] != item_id(number)]
    ledger = [
        row | ({"status": status} if row["item_id"] == item_id(number) else {})
        for row in shop.rows.to_pylist()
    ]
    return replace(shop, described=table(features, FEATURES), rows=table(ledger, LEDGER))


def test_an_item_not_yet_described_stays_as_it_is_and_is_counted(
    small: Home, bundle: Bundle
) -> None:
    changes = find_changes(bundle, without_features(small.shop, 8, "indexed"))
    assert changes.alias.tolist() == list(range(30))
    assert (changes.waiting, changes.gone) == (1, 0)


def test_its_new_row_is_seen_all_the_same(small: Home, bundle: Bundle) -> None:
    cheaper = edit(small.shop, Edits(rows={8: {"price": 1.0}}), version=2)
    changes = find_changes(bundle, without_features(cheaper, 8, "indexed"))
    assert changes.items["item_id"].to_pylist() == [item_id(8)]
    assert (changes.kept.tolist(), changes.alias[8], changes.waiting) == ([8], 30, 1)


def test_an_item_whose_images_can_no_longer_be_used_is_gone(small: Home, bundle: Bundle) -> None:
    changes = find_changes(bundle, without_features(small.shop, 8, "failed"))
    assert (changes.alias[8], changes.gone, changes.waiting) == (-1, 1, 0)


def test_a_new_item_not_yet_described_waits(small: Home, bundle: Bundle) -> None:
    snapshot = without_features(edit(small.shop, Edits(new=2), version=2), 30, "indexed")
    changes = find_changes(bundle, snapshot)
    assert changes.items["item_id"].to_pylist() == [item_id(31)]
    assert changes.waiting == 1


def test_an_extractor_that_is_retired_takes_nothing_away(small: Home, bundle: Bundle) -> None:
    renamed = small.shop.described.set_column(
        small.shop.described.column_names.index("extractor"),
        "extractor",
        pa.array(["other@000000000000"] * len(small.shop.described)),
    )
    changes = find_changes(bundle, replace(small.shop, described=renamed))
    assert changes.alias.tolist() == list(range(30))
    assert (changes.waiting, changes.gone) == (30, 0)
