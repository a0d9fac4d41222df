from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from feature_store.bundle import BundleRegistry, Searcher
from feature_store.errors import BundleError, GateError, IndexBuildError
from feature_store.index.build import FOLLOWED, build_graphs
from feature_store.index.evaluate import OTHER_EDGES
from feature_store.nightly import (
    build_and_publish,
    build_assembly,
    build_candidate,
    build_segments,
    check_candidate,
    publish_candidate,
)
from feature_store.runs import read_runs
from tests.feature_store.nightly.fake_shop import EXTRACTOR, FakeSettings, FakeSnapshot, FakeStore
from tests.feature_store.nightly.thresholds import tuned


def registry(settings: FakeSettings) -> BundleRegistry:
    return BundleRegistry(settings.home / "bundles")


def test_a_snapshot_becomes_the_live_bundle(settings: FakeSettings, large_store: FakeStore) -> None:
    candidate = build_candidate(settings, large_store)
    search = candidate.manifest.segments[0].search
    assert search.method == "onng"
    assert search.edges in (FOLLOWED, *OTHER_EDGES)
    tried = {p["edges"] for p in candidate.measurements["segments"][""]["curve"]}
    assert tried == {FOLLOWED, *OTHER_EDGES}
    assert registry(settings).current() is None
    with pytest.raises(BundleError, match="has not been through the index gate"):
        publish_candidate(candidate.path, settings)
    report = check_candidate(str(candidate.path), settings)
    assert [check.name for check in report.checks if not check.passed] == []
    assert publish_candidate(str(candidate.path), settings) == candidate.path.name
    bundle = registry(settings).open()
    counts = bundle.manifest.counts
    assert (counts.items, counts.regions) == (500, len(large_store.now.described))
    assert counts.vectors < counts.regions
    assert bundle.manifest.extractor == EXTRACTOR
    assert len(Searcher(bundle).similar("item-00499").hits) == 12
    assert [path.name for path in (settings.home / "bundles").glob(".[bs]*")] == []


def test_where_the_onng_falls_apart_the_anng_serves(
    settings: FakeSettings, large_store: FakeStore
) -> None:
    # With so few edges kept the groups of the catalogue are islands.
    few = replace(settings.index, outgoing_edges=1, incoming_edges=2, epsilons=(0.0, 0.1))
    live = build_and_publish(replace(settings, index=few), large_store)
    manifest = registry(settings).open(live).manifest
    search = manifest.segments[0].search
    assert (search.method, search.edges) == ("anng", 0)  # all: the longest hold it together
    assert manifest.measurements["target_reached"]


def test_the_measurements_and_the_summary_are_plain_values(
    settings: FakeSettings, store: FakeStore
) -> None:
    candidate = build_candidate(settings, store)
    summary = candidate.summary()
    assert summary["bundle"] == str(candidate.path)
    assert (summary["items"], summary["regions"]) == (54, 109)
    assert summary["recall_at_10"] == 1.0
    assert summary["seconds"] > 0
    assert summary["peak_memory_mb"] > 10
    gate = candidate.measurements["gate"]
    assert gate["counts"]["snapshot_regions"] == gate["counts"]["indexed_regions"] == 109
    assert gate["missing"]["examples"] == []
    assert candidate.measurements["latency_ms"]["similar"]["p95"] > 0


def test_a_shop_of_one_photo_can_be_published(settings: FakeSettings, store: FakeStore) -> None:
    shop = store.now
    one = FakeSnapshot(shop.table.slice(0, 1), shop.rows.slice(0, 1), shop.described.slice(0, 1))
    build_and_publish(settings, FakeStore(one))
    bundle = registry(settings).open()
    assert (bundle.manifest.counts.regions, bundle.manifest.segments[0].reduced_dim) == (1, 1)
    assert Searcher(bundle).similar("item-00000").hits == []


def failed_checks(settings: FakeSettings, store: FakeStore) -> dict[str, str]:
    report = check_candidate(build_candidate(settings, store).path, settings)
    return {check.name: check.message for check in report.checks if not check.passed}


def test_the_gate_fires_when_the_graphs_numbers_are_shifted(
    settings: FakeSettings, large_store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shifted(vectors: np.ndarray, *rest: object) -> object:
        return build_graphs(np.roll(vectors, 1, axis=0), *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(build_segments, "build_graphs", shifted)
    assert {"self retrieval", "recall at 10"} <= set(failed_checks(settings, large_store))


def test_the_gate_fires_when_the_search_is_too_shallow(
    settings: FakeSettings, large_store: FakeStore
) -> None:
    shallow = replace(settings.index, epsilons=(0.0,), candidates=(10,), reduced_dim=3)
    assert "recall at 10" in failed_checks(replace(settings, index=shallow), large_store)


@dataclass(frozen=True)
class Forgetful(FakeSnapshot):
    """A snapshot that counts more than it gives."""

    def features(self, extractor: str):  # type: ignore[no-untyped-def]
        kept = self.described.filter(pc.not_equal(self.described["item_id"], "item-00007"))
        yield from kept.to_batches()


def test_the_gate_fires_when_an_item_got_lost(settings: FakeSettings, store: FakeStore) -> None:
    shop = store.now
    lossy = FakeStore(Forgetful(shop.table, shop.rows, shop.described))
    failed = failed_checks(settings, lossy)
    assert {"items present", "regions counted"} <= set(failed)
    assert "items present in category 'Chairs, folding'" in failed
    assert "item-00007" in failed["items present"]


def test_a_failed_gate_leaves_the_live_bundle_live(
    settings: FakeSettings, store: FakeStore
) -> None:
    live = build_and_publish(settings, store)
    shop = store.now
    lossy = FakeStore(Forgetful(shop.table, shop.rows, shop.described))
    with pytest.raises(GateError, match="live items are not in the index"):
        build_and_publish(settings, lossy)
    assert registry(settings).current() == live
    assert registry(settings).open().bundle_id == live
    rows = registry(settings).list()
    assert [row.gate_passed for row in rows] == [False, True]
    with pytest.raises(BundleError, match="did not pass"):
        publish_candidate(registry(settings).path(rows[0].bundle_id), settings)


def test_what_became_of_a_build_is_in_the_log_of_runs(
    settings: FakeSettings, store: FakeStore
) -> None:
    live = build_and_publish(settings, store)
    (run,) = read_runs(settings.home)
    assert (run.kind, run.outcome, run.images) == ("index", "published", 65)
    assert run.detail["bundle"] == live
    assert (run.detail["items"], run.detail["regions"]) == (54, 109)
    assert run.seconds > 0
    shop = store.now
    lossy = FakeStore(Forgetful(shop.table, shop.rows, shop.described))
    with pytest.raises(GateError):
        build_and_publish(settings, lossy)
    refused = read_runs(settings.home)[-1]
    assert refused.outcome == "refused"
    assert refused.detail["bundle"] != live


def test_a_killed_build_leaves_the_live_bundle_live(
    settings: FakeSettings, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = build_and_publish(settings, store)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build_assembly, "measure", killed)
    with pytest.raises(KeyboardInterrupt):
        build_candidate(settings, store)
    assert [row.bundle_id for row in registry(settings).list()] == [live]
    assert registry(settings).current() == live


def test_an_unusable_vector_stops_the_build_and_leaves_nothing(
    settings: FakeSettings, store: FakeStore
) -> None:
    rows = store.now.described.to_pylist()
    rows[4]["vector"] = [0.0] * 64
    table = type(store.now.described).from_pylist(rows, store.now.described.schema)
    with pytest.raises(IndexBuildError, match="is zero"):
        build_candidate(settings, FakeStore(replace(store.now, described=table)))
    (run,) = read_runs(settings.home)
    assert (run.kind, run.outcome) == ("index", "failed")
    assert "is zero" in run.detail["error"]
    assert list((settings.home / "bundles").iterdir()) == []


def test_a_candidate_that_changed_after_it_was_measured_is_not_judged(
    settings: FakeSettings, store: FakeStore
) -> None:
    candidate = build_candidate(settings, store)
    with (candidate.path / "neighbours.npy").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BundleError, match=r"neighbours\.npy is damaged"):
        check_candidate(candidate.path, settings)


def test_only_a_bundle_of_this_home_can_be_published(
    settings: FakeSettings, store: FakeStore, tmp_path: Path
) -> None:
    elsewhere = replace(settings, home=tmp_path / "elsewhere")
    candidate = build_candidate(elsewhere, store)
    check_candidate(candidate.path, elsewhere)
    with pytest.raises(BundleError, match="only a bundle there"):
        publish_candidate(candidate.path, settings)


def test_old_bundles_are_removed(settings: FakeSettings, store: FakeStore) -> None:
    few = replace(settings, index=replace(settings.index, keep_bundles=2))
    published = [build_and_publish(few, store) for _ in range(4)]
    assert [row.bundle_id for row in registry(few).list()] == published[:1:-1]
    assert registry(few).rollback() == published[2]


def test_a_damaged_canary_keeps_nothing_from_going_live(
    settings: FakeSettings, store: FakeStore
) -> None:
    settings = replace(settings, index=replace(settings.index, keep_bundles=1))
    before = [build_and_publish(settings, store) for _ in range(2)]
    (settings.home / "bundles" / "CANARY").write_text("[")
    live = build_and_publish(settings, store)
    registry = BundleRegistry(settings.home / "bundles")
    assert registry.current() == live
    assert {row.bundle_id for row in registry.list()} == {*before, live}, "none was removed"
    registry.no_canary()
    assert registry.prune(1) == (before[0],)


def test_stricter_limits_fail_what_looser_ones_passed(
    settings: FakeSettings, large_store: FakeStore
) -> None:
    low = "min_recall_at_10 = 0.1\nmin_self_retrieval = 0.1\nmin_identity = 0.1\n"
    loose = tuned(settings, f"[overall]\n{low}[slices]\n{low}")
    shallow = replace(loose.index, epsilons=(0.0,), candidates=(10,), reduced_dim=3)
    candidate = build_candidate(replace(loose, index=shallow), large_store)
    assert check_candidate(candidate.path, loose).passed
    assert not check_candidate(candidate.path, settings).passed
