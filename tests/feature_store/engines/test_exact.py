"""The exact engine: every distinct region once, by name, only of the items that are wanted."""

from __future__ import annotations

import numpy as np
import pytest

from feature_store.bundle import Bundle, Nearest, Searcher
from feature_store.engines import NEIGHBOURS, ExactEngine, Only, exact, recall
from feature_store.engines.regions import BundleRegions, named
from tests.feature_store.engines.conftest import HOSTILE


@pytest.fixture
def engine(odd_bundle: Bundle) -> ExactEngine:
    return ExactEngine(odd_bundle)


def sample(bundle: Bundle) -> np.ndarray:
    regions = BundleRegions(bundle)
    return regions.vectors(0, len(regions))[::5]


def test_it_finds_what_the_bundle_itself_finds(
    engine: ExactEngine, odd_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "BLOCK_ROWS", 7)
    monkeypatch.setattr(exact, "QUERY_ROWS", 4)
    random = np.random.default_rng(3)
    raw = random.normal(size=(9, odd_bundle.manifest.dim)).astype(np.float32)
    found = engine.nearest(odd_bundle.projection.centre(raw), 12)
    assert found.schema == NEIGHBOURS
    truth = Searcher(odd_bundle).exact(raw, 12)
    twice = 1  # the region that item 0 shows a second time: it has another number
    for query in range(9):
        rows = [row for row in found.to_pylist() if row["query"] == query]
        assert len(rows) == 12
        wanted = [region for region in truth.regions[query] if region != twice]
        cosines = truth.cosines[query][truth.regions[query] != twice]
        np.testing.assert_allclose([r["cosine"] for r in rows][: len(wanted)], cosines, atol=1e-5)
        names = {
            (odd_bundle.items["item_id"][odd_bundle.owners[r]].as_py(), odd_bundle.region_id(r))
            for r in wanted[:6]
        }
        floor = cosines[5] - 1e-5
        assert names <= {(r["item_id"], r["region_id"]) for r in rows if r["cosine"] >= floor}


def test_every_region_is_there_once(engine: ExactEngine, odd_bundle: Bundle) -> None:
    found = engine.nearest(sample(odd_bundle)[:1], 10_000).to_pylist()
    names = [(row["item_id"], row["region_id"]) for row in found]
    assert len(names) == len(set(names)) == engine.count() == len(odd_bundle.regions) - 1
    assert {item for item, _ in names} >= set(HOSTILE)


@pytest.mark.parametrize(
    "only", [Only(in_stock=True), Only(in_stock=False), Only(segment="men"), Only(True, "ladies")]
)
def test_only_items_that_are_wanted_are_found(
    engine: ExactEngine, odd_bundle: Bundle, only: Only
) -> None:
    rows = odd_bundle.items.to_pylist()
    wanted = {
        row["item_id"]
        for row in rows
        if only.in_stock in (None, row["in_stock"]) and only.segment in (None, row["segment"])
    }
    found = engine.nearest(sample(odd_bundle)[:2], 10_000, only)
    assert set(found["item_id"].to_pylist()) == wanted
    assert 0 < len(wanted) < len(rows)


def test_a_segment_that_nothing_is_of_has_no_neighbours(
    engine: ExactEngine, odd_bundle: Bundle
) -> None:
    assert engine.nearest(sample(odd_bundle), 3, Only(segment="x")).num_rows == 0
    assert engine.nearest(sample(odd_bundle)[:0], 3).num_rows == 0


def test_a_bundles_own_answers_can_be_held_against_an_engines(odd_bundle: Bundle) -> None:
    raw = np.random.default_rng(4).normal(size=(20, odd_bundle.manifest.dim)).astype(np.float32)
    truth = ExactEngine(odd_bundle).nearest(odd_bundle.projection.centre(raw), 20)
    found = named(odd_bundle, Searcher(odd_bundle).exact(raw, 11))
    assert recall(truth, found, 20).tolist() == [1.0] * 20
    few = named(odd_bundle, Searcher(odd_bundle).exact(raw, 5))
    assert recall(truth, few, 20).max() <= 0.6  # five of ten, and perhaps a tie
    missing = Nearest(np.full((1, 3), -1, np.int32), np.full((1, 3), -1, np.float32))
    assert named(odd_bundle, missing).num_rows == 0
