"""What is measured on a bundle: every planted fault is caught by name, and nothing else is."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from feature_store.nightly import (
    Candidate,
    build_and_publish,
    build_candidate,
    check_candidate,
)
from tests.faults import spoiling
from tests.faults.spoiling import Spoil, spoiled
from tests.feature_store.nightly.fake_shop import EXTRACTOR, FakeSettings, FakeSnapshot, FakeStore
from tests.feature_store.nightly.labelled_shop import (
    ITEMS,
    SMALL,
    BrandForgetful,
    seen_as,
    shop_of,
    with_vectors,
    without,
)
from tests.feature_store.nightly.thresholds import tuned


@pytest.fixture(scope="module")
def shop() -> FakeSnapshot:
    return shop_of()


def failed(
    settings: FakeSettings, shop: FakeSnapshot, spoil: Spoil | None = None
) -> dict[str, str]:
    """Build and check; return the messages of the checks that fail, by their names."""
    with spoiled(spoil) if spoil else nullcontext():
        candidate = build_candidate(settings, FakeStore(shop))
    report = check_candidate(candidate.path, settings)
    return {check.name: check.message for check in report.checks if not check.passed}


def gate_of(candidate: Candidate) -> dict[str, object]:
    found: dict[str, object] = candidate.measurements["gate"]
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("stored", ["float32", "int8"])
def test_a_healthy_shop_is_never_refused(settings: FakeSettings, seed: int, stored: str) -> None:
    settings = replace(settings, index=replace(settings.index, stored=stored, seed=seed))
    shop = shop_of(seed)
    build_and_publish(settings, FakeStore(without(shop, shop.table["item_id"].to_pylist()[::9])))
    lost = shop.table["item_id"].to_pylist()[4::11]
    assert failed(settings, without(shop, lost)) == {}


def test_a_segmented_shop_is_never_refused(settings: FakeSettings, shop: FakeSnapshot) -> None:
    settings = replace(settings, index=replace(settings.index, segment_by="category"))
    build_and_publish(settings, FakeStore(shop))
    assert failed(settings, shop) == {}


def test_an_index_over_two_extractors_is_read_anew_from_both(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    random = np.random.default_rng(6)
    vectors = np.array(shop.described["vector"].to_pylist())
    other = seen_as(shop, vectors @ random.normal(size=(64, 64)), "other@000000000001")
    both = replace(shop, described=pa.concat_tables([shop.described, other.described]))
    weights = (f"{EXTRACTOR}=0.7", "other@000000000001=0.3")
    settings = replace(settings, index=replace(settings.index, weights=weights))
    assert failed(settings, both) == {}
    wrong = failed(settings, both, spoiling.swap_within_items)
    assert {"identity", "vectors right"} <= set(wrong)


def test_permuted_ids_fail_by_name(settings: FakeSettings, shop: FakeSnapshot) -> None:
    wrong = failed(settings, shop, spoiling.permute_ids)
    assert {"identity", "vectors right", "regions counted"} <= set(wrong)
    assert "Ids and vectors are out of step" in wrong["identity"]


def test_ids_permuted_within_items_alone_fail_by_name(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    """Both names exist, each under the other's vector: only reading anew by name shows it."""
    wrong = failed(settings, shop, spoiling.swap_within_items)
    assert {"identity", "vectors right"} <= set(wrong)
    assert "self retrieval" not in wrong
    assert "regions counted" not in wrong


def test_a_recall_drop_in_one_small_category_names_it(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    wrong = failed(settings, shop, spoiling.blind_in(SMALL))
    assert "recall at 10 in category 'lamps'" in wrong
    assert "expected: at least 0.95" in wrong["recall at 10 in category 'lamps'"]
    others = [name for name in wrong if " in category " in name and SMALL not in name]
    assert others == []


def test_other_vectors_in_one_category_name_it(settings: FakeSettings, shop: FakeSnapshot) -> None:
    wrong = failed(settings, shop, spoiling.other_vectors_in(SMALL))
    assert "vectors right in category 'lamps'" in wrong
    assert "vectors right in category 'bags'" not in wrong


def test_one_wrong_vector_is_found(settings: FakeSettings, shop: FakeSnapshot) -> None:
    assert "vectors right" in failed(settings, shop, spoiling.one_other_vector)


def test_wrong_lists_fail_by_name(settings: FakeSettings, shop: FakeSnapshot) -> None:
    wrong = failed(settings, shop, spoiling.wrong_lists)
    assert "neighbour lists" in wrong
    assert "recall at 10" not in wrong


def test_wrong_lists_in_one_category_name_it(settings: FakeSettings, shop: FakeSnapshot) -> None:
    wrong = failed(settings, shop, spoiling.wrong_lists_in(SMALL))
    in_category = [name for name in wrong if " in category " in name]
    assert "neighbour lists in category 'lamps'" in in_category
    assert all(SMALL in name for name in in_category)


def test_a_hub_fails_and_is_named(settings: FakeSettings, shop: FakeSnapshot) -> None:
    wrong = failed(settings, shop, spoiling.hub)
    assert "hubs" in wrong
    assert "one and the same item: 'item-0000" in wrong["hubs"]


def test_shifted_scores_fail_against_the_live_bundle(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    build_and_publish(settings, FakeStore(shop))
    wrong = failed(settings, shop, spoiling.shifted_scores)
    assert {"score shift", "neighbour lists"} <= set(wrong)
    assert "score shift in category 'bags'" in wrong


def test_a_half_trained_extractor_fails_against_the_live_one(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    build_and_publish(settings, FakeStore(shop))
    wrong = failed(settings, with_vectors(shop, "half@000000000001", noise=2.5))
    assert set(wrong) >= {"drop of labelled precision"}
    assert "score shift" not in wrong, "another extractor's scores are not compared"


def test_an_extractor_that_learned_nothing_fails_at_once(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    wrong = failed(settings, with_vectors(shop, "none@000000000001", noise=50.0))
    assert "labelled precision over chance" in wrong


def test_a_catalogue_without_labels_is_not_held_against_them(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    noise = with_vectors(shop, "none@000000000001", noise=50.0)
    assert failed(tuned(settings, 'label = ""'), noise) == {}


def test_a_snapshot_that_shrank_by_half_is_stopped_until_it_is_allowed(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    live = build_and_publish(settings, FakeStore(shop))
    half = without(shop, shop.table["item_id"].to_pylist()[::2])
    wrong = failed(settings, half)
    assert "0.5000 of the live bundle's items are gone" in wrong["shrinkage"]
    assert "allow_shrinking_from" in wrong["shrinkage"]
    assert failed(tuned(settings, f'allow_shrinking_from = "{live}"'), half) == {}
    assert "shrinkage" in failed(tuned(settings, 'allow_shrinking_from = "another"'), half)


def test_lost_items_of_one_brand_are_named(settings: FakeSettings, shop: FakeSnapshot) -> None:
    lossy = BrandForgetful(shop.table, shop.rows, shop.described, brand="brand 1")
    wrong = failed(settings, lossy)
    assert "all of brand 'brand 1'" in wrong["items present"]
    assert "items present in brands of 10 to 99 items" in wrong
    assert "regions counted" in wrong


def test_the_order_of_a_snapshot_does_not_matter(
    settings: FakeSettings, shop: FakeSnapshot, tmp_path: Path
) -> None:
    """Names are looked up where they do not come in the bundle's order, copies of one too."""
    from feature_store.bundle.open import open_bundle
    from feature_store.nightly.measure_anew import read_anew

    bundle = open_bundle(build_candidate(settings, FakeStore(shop)).path, proven=False)
    rows = shop.described.take(pa.array(np.random.default_rng(3).permutation(len(shop.described))))
    shuffled = replace(shop, described=pa.concat_tables([rows, rows.slice(0, 1)]))
    with read_anew(bundle, shop, tmp_path) as right, read_anew(bundle, shuffled, tmp_path) as anew:
        assert right.found.all()
        assert anew.found.all()
        assert (right.unheld, anew.unheld) == (0, 0)
        assert np.array_equal(right.vectors, anew.vectors)
        assert np.array_equal(right.vectors, np.array(shop.described["vector"].to_pylist()))


def test_what_is_measured_is_plain_json_and_says_with_whom_a_slice_was_judged(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    few = shop.table.to_pylist()
    for number in (17, 31, 46):
        few[number]["category"] = "hats"
    tiny = replace(shop, table=pa.Table.from_pylist(few, shop.table.schema))
    found = gate_of(build_candidate(settings, FakeStore(tiny)))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    slices = {(one["dimension"], one["value"]): one for one in found["slices"]}  # type: ignore[attr-defined]
    hats = slices["category", "hats"]
    assert hats["items"] == 3
    assert hats["merged_with"]
    assert hats["queries"] >= 20
    assert not slices["category", "bags"]["merged_with"]
    assert {name for name, _ in slices} == {"category", "brand", "tail"}
    assert found["counts"]["indexed_items"] == ITEMS  # type: ignore[index]


def test_new_items_are_a_slice_once_a_bundle_is_live(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    new = shop.table["item_id"].to_pylist()[::10]
    live = build_and_publish(settings, FakeStore(without(shop, new)))
    found = gate_of(build_candidate(settings, FakeStore(shop)))
    slices = {(one["dimension"], one["value"]): one for one in found["slices"]}  # type: ignore[attr-defined]
    assert slices["newness", "new"]["items"] == len(new)
    assert found["live"]["bundle_id"] == live  # type: ignore[index]
    assert ("newness", "known") not in slices


def test_a_live_bundle_that_cannot_be_read_is_not_compared_with(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    live = build_and_publish(settings, FakeStore(shop))
    (settings.home / "bundles" / live / "vectors.npy").write_bytes(b"cut")
    found = gate_of(build_candidate(settings, FakeStore(shop)))
    assert found["live"] is None


def test_the_manifest_swears_by_the_gates_report(
    settings: FakeSettings, shop: FakeSnapshot
) -> None:
    import hashlib

    from feature_store.bundle.format import read_manifest

    path = build_candidate(settings, FakeStore(shop)).path
    check_candidate(path, settings)
    report = (path / "gate.json").read_bytes()
    assert read_manifest(path).gate_sha256 == hashlib.sha256(report).hexdigest()
    assert EXTRACTOR in json.loads((path / "manifest.json").read_text())["extractor"]
