"""Segments and several extractors: a tier follows its bundle in both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from feature_store.bundle import Rules, Searcher, open_bundle
from feature_store.bundle.tiers import TierShelf
from feature_store.errors import IndexBuildError
from feature_store.fresh.changes import find_changes
from feature_store.fresh.vectors import read_vectors
from feature_store.schemas import FEATURES
from tests.feature_store.fresh.shops import (
    DIM,
    UNCENTRED,
    Edits,
    Home,
    Truth,
    edit,
    item_id,
    passing,
    rules_of,
    table,
)
from tests.feature_store.fresh.test_truth import check
from tests.feature_store.nightly.fake_shop import EXTRACTOR, FakeSnapshot, make_shop

OTHER = "other@0123456789ab"


def answers(home: Home, snapshot: FakeSnapshot) -> Searcher:
    home.refresh(snapshot)
    bundle = open_bundle(home.settings.home / "bundles" / home.bundle_id)
    return Searcher(bundle, TierShelf(home.settings.home / "bundles").open(bundle))


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """40 items, an index for each of their four categories."""
    home = tmp_path_factory.mktemp("segmented")
    return Home(home, make_shop(40, DIM), replace(UNCENTRED, segment_by="category"))


def test_look_alikes_are_of_the_items_segment_of_today(segmented: Home) -> None:
    moves: dict[int, dict[str, Any]] = {
        2: {"category": "bags"},
        3: {"category": "hats"},
        7: {"category": None},
        9: {"price": 1.0},
    }
    edits = Edits(gone=[8], new=5, rephotographed=[4, 9], rows=moves)
    snapshot = edit(segmented.shop, edits, version=2)
    searcher = answers(segmented, snapshot)
    assert len(searcher.bundle.segments) == 4
    truth = Truth(searcher, snapshot)
    categories = dict(
        zip(*(snapshot.table[name].to_pylist() for name in ("item_id", "category")), strict=True)
    )
    for name, category in categories.items():
        mates = {other for other, its in categories.items() if its == category} - {name}
        for filters in ((), ("price:10..60",)):
            allowed = mates & passing(snapshot, filters)
            answer = searcher.similar(name, rules_of(5, filters))
            check(searcher, answer.hits, truth.scores(truth.query(name), allowed), 5)


def test_a_vector_is_looked_for_in_all_segments_or_in_the_filtered_one(segmented: Home) -> None:
    snapshot = edit(segmented.shop, Edits(new=5, rows={3: {"category": "hats"}}), version=3)
    searcher = answers(segmented, snapshot)
    truth = Truth(searcher, snapshot)
    for place in range(0, len(truth.ids), 7):
        query = searcher.bundle.projection.centre(truth.raw[place][None])[0]
        for filters in ((), ("category:bags",), ("category:hats",), ("category:hats,lamps",)):
            hits = searcher.by_vector(truth.raw[place], rules_of(6, filters)).hits
            check(searcher, hits, truth.scores(query, passing(snapshot, filters)), 6)


def joined(shop: FakeSnapshot, seed: int) -> FakeSnapshot:
    """The same shop, each of whose regions a second extractor has described as well."""
    rows = shop.described.to_pylist()
    random = np.random.default_rng(seed)
    others = [
        row | {"extractor": OTHER, "dim": 8, "vector": random.normal(size=8).tolist()}
        for row in rows
    ]
    both = [row for pair in zip(rows, others, strict=True) for row in pair]
    return replace(shop, described=table(both, FEATURES))


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """30 items under two extractors, the first of which counts for more."""
    weights = (f"{EXTRACTOR}=0.7", f"{OTHER}=0.3")
    home = tmp_path_factory.mktemp("of two")
    return Home(home, joined(make_shop(30, DIM), 0), replace(UNCENTRED, weights=weights))


def test_vectors_of_several_extractors_are_joined_as_the_bundles_are(of_two: Home) -> None:
    snapshot = edit(of_two.shop, Edits(rephotographed=[6]), version=2)
    snapshot = joined(snapshot_of(snapshot, EXTRACTOR), 0)
    bundle = open_bundle(of_two.settings.home / "bundles" / of_two.bundle_id)
    changes = find_changes(bundle, snapshot)
    assert changes.items["item_id"].to_pylist() == [item_id(6)]
    raw = read_vectors(snapshot, changes, bundle.manifest.parts)
    assert raw.shape == (changes.new_regions, DIM + 8)
    for part, columns in ((EXTRACTOR, slice(0, DIM)), (OTHER, slice(DIM, DIM + 8))):
        of_part = snapshot_of(snapshot, part).described
        wanted = of_part.filter(pc.equal(of_part["item_id"], item_id(6)))["vector"].to_pylist()
        assert np.allclose(raw[:, columns], np.array(wanted, np.float32))
    searcher = answers(of_two, snapshot)
    assert len(searcher.similar(item_id(6), Rules(limit=50)).hits) == 29


def test_what_one_of_them_has_not_described_waits(of_two: Home) -> None:
    snapshot = edit(of_two.shop, Edits(new=2), version=3)  # the new ones: by the first alone
    bundle = open_bundle(of_two.settings.home / "bundles" / of_two.bundle_id)
    changes = find_changes(bundle, snapshot)
    assert (len(changes.items), changes.waiting) == (0, 2)


def snapshot_of(snapshot: FakeSnapshot, extractor: str) -> FakeSnapshot:
    """What one extractor alone has described."""
    kept = snapshot.described.filter(pc.equal(snapshot.described["extractor"], extractor))
    return replace(snapshot, described=kept)


@dataclass(frozen=True)
class Forgetful(FakeSnapshot):
    """A snapshot that lists a region, but gives no vector of it."""

    def features(self, extractor: str, items: object = None) -> Iterator[pa.RecordBatch]:
        yield from (
            self.described.filter(pc.equal(self.described["extractor"], extractor))
            .slice(0, len(self.described) - 1)
            .to_batches()
        )


def test_a_vector_that_the_store_does_not_give_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path, make_shop(20, DIM))
    now = edit(home.shop, Edits(new=1), version=2)
    with pytest.raises(IndexBuildError, match=rf"gave no vector of item '{item_id(20)}'"):
        home.refresh(Forgetful(now.table, now.rows, now.described, 2))


@pytest.mark.parametrize(("stored", "off"), [("float16", 0.05), ("int8", 1.0)])
def test_a_tier_stands_beside_vectors_that_are_stored_smaller(
    stored: str, off: float, tmp_path: Path
) -> None:
    home = Home(tmp_path, make_shop(20, DIM), replace(UNCENTRED, stored=stored))
    snapshot = edit(home.shop, Edits(gone=[4], new=3, rephotographed=[2]), version=2)
    searcher = answers(home, snapshot)
    assert searcher.bundle.vectors.values.dtype == np.dtype(stored)
    truth, live = Truth(searcher, snapshot), set(snapshot.table["item_id"].to_pylist())
    for name in sorted(live):
        expected = truth.scores(truth.query(name), live - {name})
        hits = searcher.similar(name, Rules(limit=8)).hits
        best = sorted(expected.values(), reverse=True)[:8]
        assert [hit.score for hit in hits] == pytest.approx(best, abs=off)
        found = searcher.view.item_rows([hit.item for hit in hits])
        for row, hit in zip(found, hits, strict=True):
            assert hit.score == pytest.approx(expected[row["item_id"]], abs=off)
