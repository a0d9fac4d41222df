"""Whole upgrades: what they describe, what they leave alone, and what they survive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.errors import StoreError
from feature_store.models import ExtractorsInUse, ModelRegistry
from feature_store.runs import read_runs
from feature_store.tables import open_store
from feature_store.upgrade import (
    commit_upgrade,
    coverage,
    extract_chunk,
    figure,
    nothing_to_do,
    plan_upgrade,
    run_upgrade,
)
from tests.feature_store.upgrade.gallery import Gallery, same


def registry(gallery: Gallery) -> ModelRegistry:
    return ModelRegistry(gallery.settings.home)


def test_the_whole_store_is_described_and_no_box_recomputed(
    gallery: Gallery, tmp_path: Path
) -> None:
    gallery.three_days()
    registry(gallery).in_use(gallery.models["coarse"])
    old, boxes = gallery.features("coarse"), gallery.detector.seen
    done = run_upgrade(gallery.settings, gallery.models["fine"])
    # Three distinct photos of live items, two regions each: what items share is described once.
    [run] = done.runs
    assert (run.days, run.images, run.embedded, run.detected, run.failed) == (3, 3, 6, 0, 0)
    assert (done.coverage.described, done.coverage.indexed) == (5, 5)
    assert gallery.detector.seen == boxes
    assert gallery.features("coarse") == old
    undisturbed = Gallery(tmp_path / "other")
    undisturbed.shop = gallery.shop
    undisturbed.write(
        "2026-03-01", {"item 1": [str(gallery.shop.folder / "1.png")]}, under=["fine"]
    )
    mine = [row for row in gallery.features("fine") if row["item_id"] == "item 1"]
    assert same(mine, undisturbed.features("fine"))
    assert registry(gallery).in_use(gallery.models["coarse"]) == ExtractorsInUse(
        gallery.models["fine"], (gallery.models["coarse"],)
    )


def test_superseded_and_deleted_rows_are_left_alone(gallery: Gallery) -> None:
    gallery.three_days()
    run_upgrade(gallery.settings, gallery.models["fine"])
    features = open_store(gallery.settings).partition("2026-03-01")[0].features.to_pylist()
    under = {(row["item_id"], row["extractor"]) for row in features}
    fine = gallery.identity("fine")
    assert {item for item, extractor in under if extractor == fine} == {"item 1", "item 2"}


def test_the_rest_of_a_partition_stays_and_so_does_its_base(gallery: Gallery) -> None:
    gallery.three_days()
    store = open_store(gallery.settings)
    before = {commit.ds: commit for commit in store.commits()}
    items, ledger = store.snapshot().items(), store.snapshot().ledger()
    run_upgrade(gallery.settings, gallery.models["fine"])
    after = open_store(gallery.settings)
    assert after.snapshot().items().equals(items)
    assert after.snapshot().ledger().equals(ledger)
    for commit in after.commits():
        was = before[commit.ds]
        assert commit.base == was.base == f"base of {commit.ds}"
        assert (commit.items, commit.images, commit.regions) == (was.items, was.images, was.regions)
        assert commit.content_hash != was.content_hash


def test_done_again_it_changes_nothing(gallery: Gallery) -> None:
    gallery.three_days()
    run_upgrade(gallery.settings, gallery.models["fine"])
    log = open_store(gallery.settings).log()
    assert run_upgrade(gallery.settings, gallery.models["fine"]).runs == ()
    assert open_store(gallery.settings).log() == log
    reason = nothing_to_do(gallery.wanting("fine"))
    assert reason == f"{gallery.identity('fine')} answers, and describes all 5 images"


def test_one_photo_costs_its_vectors_once_whatever_day_it_is_of(gallery: Gallery) -> None:
    photo = gallery.photo("0.png", 0)
    gallery.write("2026-03-01", {"one": [photo]}, under=["coarse", "fine"])
    gallery.write("2026-03-02", {"other": [photo]})
    done = run_upgrade(gallery.settings, gallery.models["fine"])
    assert [(run.images, run.reused, run.embedded, run.regions) for run in done.runs] == [
        (1, 1, 0, 2)
    ]
    first, second = (r["vector"] for r in gallery.features("fine") if r["kind"] == "whole")
    assert first == second


def test_a_run_takes_up_the_oldest_days_first_and_no_more_images_than_allowed(
    gallery: Gallery,
) -> None:
    gallery.three_days()
    settings = replace(
        gallery.settings, upgrade=replace(gallery.settings.upgrade, images_per_run=3)
    )
    plan = plan_upgrade(settings, gallery.models["fine"])
    # The second day has a photo of the first, which costs nothing, and one for which there is room.
    assert (list(plan.days), plan.images) == (["2026-03-01", "2026-03-02"], 3)
    plan = plan_upgrade(settings, gallery.models["fine"], images=1)
    assert (list(plan.days), plan.images, plan.regions) == (["2026-03-01"], 1, 2)
    done = run_upgrade(settings, gallery.models["fine"])
    assert [run.images for run in done.runs] == [3, 1]


def test_one_day_can_be_taken_up_alone(gallery: Gallery) -> None:
    gallery.three_days()
    plan = plan_upgrade(gallery.settings, gallery.models["fine"], ds="2026-03-02")
    assert (list(plan.days), plan.images) == (["2026-03-02"], 2)
    for chunk in plan.chunks:
        extract_chunk(chunk, gallery.settings)
    assert commit_upgrade(plan.folder, gallery.settings).days == 1
    assert {row["item_id"] for row in gallery.features("fine")} == {"item 0"}
    assert plan_upgrade(gallery.settings, gallery.models["fine"], ds="2026-03-02").chunks == []
    assert plan_upgrade(gallery.settings, gallery.models["fine"], ds="2025-01-01").chunks == []


def test_chunks_are_of_the_size_that_was_asked_for_until_there_are_too_many(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = {f"item {n}": [gallery.photo(f"{n}.png", n)] for n in range(7)}
    gallery.write("2026-03-01", photos)
    assert len(plan_upgrade(gallery.settings, gallery.models["fine"]).chunks) == 4
    monkeypatch.setattr("feature_store.upgrade.plan.MAX_CHUNKS", 2)
    assert len(plan_upgrade(gallery.settings, gallery.models["fine"]).chunks) == 2


def test_new_images_are_described_under_both_while_the_past_is_filled_in(gallery: Gallery) -> None:
    gallery.three_days()
    plan = plan_upgrade(gallery.settings, gallery.models["fine"])
    coarse, fine = gallery.models["coarse"], gallery.models["fine"]
    assert registry(gallery).in_use(coarse) == ExtractorsInUse(coarse, (fine,))
    # A nightly run goes on in the middle of the upgrade: item 1 gets another photo, one is new.
    extract_chunk(plan.chunks[0], gallery.settings)
    new = {"item 1": [gallery.photo("later.png", 31)], "new": [gallery.photo("x.png", 32)]}
    gallery.write("2026-03-04", new, under=["coarse", "fine"])
    for chunk in plan.chunks:
        extract_chunk(chunk, gallery.settings)
    commit_upgrade(plan.folder, gallery.settings)
    covered = coverage(gallery.settings, fine)
    assert (covered.described, covered.indexed) == (6, 6)
    assert figure(gallery.settings, fine).endswith("describes 6 of 6 images (100 %)")


def test_a_day_that_is_ingested_again_under_the_old_one_alone_is_taken_up_again(
    gallery: Gallery,
) -> None:
    gallery.three_days()
    run_upgrade(gallery.settings, gallery.models["fine"], then_switch=False)
    gallery.write("2026-03-02", {"item 0": [str(gallery.shop.folder / "0.png")]})
    plan = plan_upgrade(gallery.settings, gallery.models["fine"])
    assert list(plan.days) == ["2026-03-02"]


def test_rows_that_come_to_life_again_are_taken_up(gallery: Gallery) -> None:
    """The day that superseded an item is ingested again without it: the older row counts."""
    gallery.three_days()
    run_upgrade(gallery.settings, gallery.models["fine"], then_switch=False)
    gallery.write("2026-03-02", {"else": [str(gallery.shop.folder / "1.png")]})
    assert plan_upgrade(gallery.settings, gallery.models["fine"]).days.keys() == {
        "2026-03-01",
        "2026-03-02",
    }


def test_every_run_is_recorded(gallery: Gallery) -> None:
    gallery.three_days()
    run_upgrade(gallery.settings, gallery.models["fine"])
    [run] = read_runs(gallery.settings.home)
    assert (run.kind, run.ds, run.outcome) == ("upgrade", "", "committed")
    assert (run.images, run.reused, run.detected, run.embedded, run.failed) == (3, 0, 0, 6, 0)
    assert run.detail["extractor"] == gallery.identity("fine")
    assert run.detail["days"] == ["2026-03-01", "2026-03-02", "2026-03-03"]


def test_its_staging_goes_when_it_is_done(gallery: Gallery) -> None:
    gallery.three_days()
    run_upgrade(gallery.settings, gallery.models["fine"])
    left = [path for path in gallery.settings.staging.rglob("*") if path.is_file()]
    assert {path.name for path in left} <= {".lock", "complete.json"}


def test_a_model_that_does_not_exist_is_named(gallery: Gallery) -> None:
    gallery.three_days()
    with pytest.raises(Exception, match="nowhere"):
        run_upgrade(gallery.settings, "nowhere.onnx")
    assert registry(gallery).look(gallery.models["coarse"]).kept == ()


def test_a_chunk_of_another_version_of_the_model_is_refused(gallery: Gallery) -> None:
    gallery.three_days()
    plan = plan_upgrade(gallery.settings, gallery.models["fine"])
    Path(gallery.models["fine"]).write_bytes(Path(gallery.models["coarse"]).read_bytes())
    with pytest.raises(StoreError, match="by now; plan the upgrade again"):
        extract_chunk(plan.chunks[0], gallery.settings)


def test_a_commit_before_every_chunk_is_described_is_refused(gallery: Gallery) -> None:
    gallery.three_days()
    plan = plan_upgrade(gallery.settings, gallery.models["fine"])
    extract_chunk(plan.chunks[0], gallery.settings)
    with pytest.raises(StoreError, match="has not been described yet"):
        commit_upgrade(plan.folder, gallery.settings)
