from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from feature_store.bundle import Rules, Searcher, open_bundle, parse_filter
from feature_store.bundle.tiers import TierShelf
from feature_store.bundle.view import View
from feature_store.errors import FilterError, UnknownItemError
from tests.feature_store.fresh.shops import Edits, Home, edit
from tests.feature_store.nightly.fake_shop import make_shop

ROWS: dict[int, dict[str, Any]] = {
    5: {"price": 1.0, "attributes": '{"material": "silk"}'},
    7: {"category": "hats"},
}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    """20 items; since then 3 has gone, 6 has another photo, 5 and 7 another row, 20 and 21 came.

    So 20…24 are the numbers of items 5, 6, 7, 20, 21.
    """
    home = Home(tmp_path_factory.mktemp("view"), make_shop(20, 24))
    edits = Edits(gone=[3], new=2, rephotographed=[6], rows=ROWS)
    home.refresh(edit(home.shop, edits, version=2))
    folder = home.settings.home / "bundles"
    bundle = open_bundle(folder / home.bundle_id)
    return View(bundle, TierShelf(folder).open(bundle))


def test_items_go_by_one_numbering(view: View) -> None:
    assert view.item_count == 21
    assert view.live_items().tolist() == [0, 1, 2, 4, *range(8, 25)]
    numbers = {5: 20, 6: 21, 7: 22, 20: 23, 21: 24, 4: 4}
    for item, number in numbers.items():
        assert view.item_number(f"item-{item:05d}") == number
    rows = view.item_rows([24, 0, 20])
    assert [row["item_id"] for row in rows] == ["item-00021", "item-00000", "item-00005"]
    assert rows[2]["price"] == 1.0
    with pytest.raises(UnknownItemError, match="no longer for sale"):
        view.item_number("item-00003")
    with pytest.raises(UnknownItemError, match="not in bundle"):
        view.item_number("item-00099")


def test_regions_belong_to_items_of_today(view: View) -> None:
    bundle = view.bundle
    fresh = len(bundle.owners)
    assert view.regions_of(20) == bundle.regions_of(5)
    assert view.regions_of(21).start >= fresh
    assert view.primary_region(22) == int(bundle.primary_region[7])
    for item in view.live_items():
        regions = np.array(view.regions_of(int(item)))
        assert (view.owners(regions) == item).all()
        assert view.subject(regions).any()
        assert view.is_fresh(int(regions[0])) == (item in (21, 23, 24))
        for row, region in zip(view.region_rows(regions.tolist()), regions, strict=True):
            assert row["item"] == item
            assert view.region_number(int(item), row["region_id"]) == region
            assert view.region_id(int(region)) == row["region_id"]
    for gone in (3, 6):
        assert (view.owners(np.array(bundle.regions_of(gone))) == -1).all()
        assert not view.subject(np.array(bundle.regions_of(gone))).any()
    with pytest.raises(UnknownItemError, match="no region"):
        view.region_number(21, bundle.region_id(0))


def allowed(view: View, *filters: str) -> list[int]:
    items = view.live_items()
    mask = view.allowed([parse_filter(text) for text in filters], items)
    return [int(item) for item in items[mask]]


def test_filters_look_at_the_rows_of_today(view: View) -> None:
    assert allowed(view, "category:hats") == [22]
    assert allowed(view, "material:silk") == [20]
    assert allowed(view, "material:silk", "category:hats") == []
    assert 20 in allowed(view, "price:..1")
    assert 20 not in allowed(view, "colour:red")  # which its row had before
    assert not view.allowed([], np.array([-1])).any()
    assert view.allowed([parse_filter("category:hats")], np.array([-1, 22])).tolist() == [
        False,
        True,
    ]
    with pytest.raises(FilterError, match="'weight'"):
        allowed(view, "weight:1..2")


def test_vectors_and_cosines_of_both(view: View) -> None:
    assert view.tier is not None
    fresh = len(view.bundle.owners)
    regions = np.array([fresh + 1, 0, 5, fresh])
    vectors = view.vectors(regions)
    assert np.array_equal(vectors[[0, 3]], view.tier.vectors[view.tier.vector_rows[[1, 0]]])
    assert np.array_equal(vectors[1], view.bundle.vectors[0])
    query = view.bundle.vectors[7]
    assert view.cosines(query, regions) == pytest.approx(vectors @ query, abs=1e-6)


def test_what_may_be_a_hit(view: View) -> None:
    regions, owners = view.findable([], [4, 21])
    assert set(owners.tolist()) == set(view.live_items().tolist()) - {4, 21}
    assert view.subject(regions).all()
    assert (view.owners(regions) == owners).all()
    changes = int((np.diff(owners) != 0).sum()) + 1
    assert changes == len(set(owners.tolist()))  # the regions of an item stand together


def test_nothing_is_added_beyond_the_end_of_an_incomplete_list(view: View) -> None:
    query = view.bundle.vectors[0]
    fresh, near = view.fresh_near(query, -1.0)
    assert len(fresh) > 1
    assert view.subject(fresh).all()
    end = float(np.sort(near)[-2]) + 1e-6  # only the nearest of them is nearer
    base, cosines = np.array([0, 1], np.int32), np.array([1.0, end], np.float32)
    some, scores = view.with_fresh(query, base, cosines, complete=False)
    assert some.tolist() == [0, int(fresh[np.argmax(near)]), 1]
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    every, _ = view.with_fresh(query, base, cosines, complete=True)
    assert set(every.tolist()) == {0, 1, *fresh.tolist()}
    assert view.with_fresh(query, base[:0], cosines[:0], complete=False)[0].tolist() == []


def test_without_a_tier_it_is_the_bundle(view: View) -> None:
    plain, bundle = View(view.bundle), view.bundle
    assert plain.item_count == len(bundle.items)
    assert plain.item_number("item-00003") == 3
    assert plain.owners(np.arange(9)).tolist() == bundle.owners[:9].tolist()
    assert plain.item_rows([3, 1]) == bundle.item_rows([3, 1])
    assert plain.region_rows([3, 1]) == bundle.region_rows([3, 1])
    assert len(plain.fresh_near(bundle.vectors[0], -1.0)[0]) == 0
    assert not plain.is_fresh(len(bundle.owners) - 1)


def test_a_gone_item_is_no_hit_of_anything(view: View) -> None:
    searcher = Searcher(view.bundle, view.tier)
    for item in view.live_items():
        [row] = view.item_rows([int(item)])
        hits = searcher.similar(row["item_id"], Rules(limit=50)).hits
        assert {hit.item for hit in hits} == set(view.live_items().tolist()) - {int(item)}
