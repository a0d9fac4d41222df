"""The figures are those that a plain loop over items and sets finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feature_store.bundle import Bundle, Rules, Searcher, open_bundle
from feature_store.compare import churn as churn_module
from feature_store.compare.causes import Causes
from feature_store.compare.churn import Churn, measure_churn
from feature_store.compare.figures import choose_samples
from feature_store.compare.sides import Pair
from tests.feature_store.compare.circle import Made, Thing, write_bundle


def random_things(seed: int, count: int) -> list[Thing]:
    random = np.random.default_rng(seed)
    chosen = random.choice(80, count, replace=False)
    return [Thing(f"t{n:02d}", float(random.uniform(0, 360))) for n in sorted(chosen)]


def answers(bundle: Bundle, hits: int) -> dict[str, set[str]]:
    """What a shopper is shown, asked one item at a time."""
    searcher, ids = Searcher(bundle), bundle.items["item_id"].to_pylist()
    found = {}
    for item_id in ids:
        item = bundle.item_number(item_id)
        stored = bundle.neighbours[bundle.primary_region[item]][:hits]
        found[item_id] = {ids[bundle.owners[region]] for region in stored if region >= 0}
        shown = {ids[hit.item] for hit in searcher.similar(item_id, Rules(limit=hits)).hits}
        assert shown <= found[item_id], "a hit below a cosine of 0 is not shown"
    return found


@pytest.mark.parametrize("block", [7, 4096])
@pytest.mark.parametrize("seed", range(4))
def test_churn_is_what_a_loop_over_sets_finds(
    tmp_path: Path, seed: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(churn_module, "BLOCK_ITEMS", block)
    hits = 5
    sizes = ((60, 50), (4, 70), (50, 3), (40, 40))[seed]
    bundles = [
        open_bundle(write_bundle(tmp_path, name, random_things(10 * seed + n, size), Made()))
        for n, (name, size) in enumerate(zip("ab", sizes, strict=True))
    ]
    pair = Pair(*bundles)
    found = measure_churn(pair, Causes(pair), hits)
    before, after = (answers(bundle, hits) for bundle in bundles)
    both = sorted(before.keys() & after.keys())
    assert len(pair.both) == len(both)
    ids = bundles[1].items["item_id"].to_pylist()
    for place, number in enumerate(pair.both):
        item_id = ids[number]
        old, new = before[item_id], after[item_id]
        assert found.lost[place] == len(old - new)
        assert found.gained[place] == len(new - old)
        assert found.kept[place] == len(old & new)
        assert found.changed[place] == max(len(old - new), len(new - old))
        assert found.shown[place] == max(len(old), len(new))
    changed = sum(max(len(before[i] - after[i]), len(after[i] - before[i])) for i in both)
    shown = sum(max(len(before[i]), len(after[i])) for i in both)
    assert found.share() == pytest.approx(changed / shown if shown else 0)
    assert found.causes_lost.sum() == found.lost.sum()
    assert found.causes_gained.sum() == found.gained.sum()
    assert found.causes_lost[0] == 0


def test_most_changed_first_then_who_lost_the_nearest() -> None:
    lost = np.array([3, 1, 1, 0, 3], np.int32)
    nothing = np.zeros(6, np.int64)
    weight = np.array([0.1, 0.9, 0.8, 0.0, 0.2], np.float32)
    churn = Churn(3 - lost, lost, lost, nothing, nothing, weight)
    worst, random = choose_samples(churn, 8)
    assert (worst.tolist(), random.tolist()) == ([4, 0, 1, 2], [])
    worst, random = choose_samples(churn, 3)
    assert worst.tolist() == [4, 0]
    assert set(random.tolist()) < {1, 2}
    assert len(random) == 1
