"""Upgrades beside real ingests: dual writing, reruns, and a photo that the next day notices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.errors import VisionError
from feature_store.ingest import (
    check_partition,
    commit_partition,
    ingest_partition,
    plan_partition,
    process_shard,
)
from feature_store.models import ModelRegistry
from feature_store.runs import Run, read_runs
from feature_store.schemas import DataInterval
from feature_store.settings import Settings
from feature_store.tables import Commit, open_store
from feature_store.upgrade import (
    commit_upgrade,
    coverage,
    extract_chunk,
    plan_upgrade,
    run_upgrade,
    switch,
)
from tests.feature_store.upgrade.gallery import Gallery, same


@pytest.fixture
def stocked(gallery: Gallery) -> Gallery:
    """Day one of a shop of five, ingested under `coarse`."""
    gallery.shop.stock(5)
    ingest(gallery, 1)
    return gallery


def ingest(gallery: Gallery, day: int, settings: Settings | None = None) -> Commit:
    catalogue = str(gallery.shop.write())
    settings = replace(settings or gallery.settings, catalogue_location=catalogue)
    return ingest_partition(DataInterval.day(f"2026-03-{day:02d}"), settings)


def last_ingest(gallery: Gallery) -> Run:
    return [run for run in read_runs(gallery.settings.home) if run.kind == "ingest"][-1]


def test_a_new_extractor_in_the_settings_is_written_beside_the_old_one(stocked: Gallery) -> None:
    wanting = stocked.wanting("fine")
    stocked.shop.sell("new", stocked.shop.draw("new.png", 40))
    ingest(stocked, 2, wanting)
    run = last_ingest(stocked)
    assert (run.images, run.detected, run.embedded) == (1, 1, 2)  # a whole image, under both
    assert {row["item_id"] for row in stocked.features("fine")} == {"new"}
    assert len(stocked.features("coarse")) == 6


def test_an_upgrade_describes_as_the_ingest_would_have(stocked: Gallery, tmp_path: Path) -> None:
    wanting = stocked.wanting("fine")
    done = run_upgrade(wanting, stocked.models["fine"])
    assert [(run.images, run.detected, run.embedded) for run in done.runs] == [(5, 0, 5)]
    fresh = Gallery(tmp_path / "fresh")
    fresh.shop = stocked.shop
    ingest(fresh, 1, fresh.wanting("fine"))
    assert same(stocked.features("fine"), fresh.features("fine"))
    stocked.shop.sell("new", stocked.shop.draw("new.png", 40))
    ingest(stocked, 2, wanting)
    fine, coarse = (stocked.features(name) for name in ("fine", "coarse"))
    assert len(fine) == len(coarse) == 6  # the former one stays kept


def test_a_rerun_after_an_upgrade_computes_and_changes_nothing(stocked: Gallery) -> None:
    run_upgrade(stocked.wanting("fine"), stocked.models["fine"])
    content = open_store(stocked.settings).snapshot().content_hash
    ingest(stocked, 1, stocked.wanting("fine"))
    run = last_ingest(stocked)
    assert (run.detected, run.embedded) == (0, 0)
    assert open_store(stocked.settings).snapshot().content_hash == content


def test_a_day_ingested_in_the_middle_of_an_upgrade_is_complete(stocked: Gallery) -> None:
    wanting = stocked.wanting("fine")
    plan = plan_upgrade(wanting)
    extract_chunk(plan.chunks[0], wanting)
    stocked.shop.sell("item 00", stocked.shop.draw("other.png", 41))
    stocked.shop.sell("new", stocked.shop.draw("new.png", 40))
    ingest(stocked, 2, wanting)
    for chunk in plan.chunks:
        extract_chunk(chunk, wanting)
    commit_upgrade(plan.folder, wanting)
    covered = coverage(wanting)
    assert (covered.described, covered.indexed) == (6, 6)
    switch(wanting, by_hand=False)
    assert ModelRegistry(wanting.home).in_use(stocked.models["fine"]).active.endswith("fine.onnx")


def test_a_photo_that_an_upgrade_finds_changed_is_ingested_anew_and_the_switch_follows(
    stocked: Gallery,
) -> None:
    wanting = stocked.wanting("fine")
    stocked.shop.draw("1.png", 77)
    done = run_upgrade(wanting, stocked.models["fine"], then_switch=False)
    assert done.coverage.described == 4
    ingest(stocked, 2, wanting)
    assert last_ingest(stocked).embedded == 2
    assert switch(wanting, by_hand=False).endswith("describes 5 of 5 images (100 %)")
    assert ModelRegistry(wanting.home).active_identity() == stocked.identity("fine")


def test_a_switch_in_the_middle_of_a_day_is_for_the_next_one(stocked: Gallery) -> None:
    """Else half of its shards would be of other models, and a retry would not help."""
    wanting = stocked.wanting("fine")
    run_upgrade(wanting, stocked.models["fine"], then_switch=False)
    for number in range(4):
        stocked.shop.sell(f"new {number}", stocked.shop.draw(f"new{number}.png", 40 + number))
    sizes = replace(wanting.ingest, items_per_shard=2)
    wanting = replace(wanting, ingest=sizes, catalogue_location=str(stocked.shop.write()))
    plan = plan_partition(DataInterval.day("2026-03-02"), wanting)
    process_shard(plan.shards[0], wanting)
    switch(wanting, by_hand=False)
    process_shard(plan.shards[1], wanting)
    check_partition(plan.ds, wanting).raise_if_failed()
    commit_partition(plan.ds, wanting)
    assert len(stocked.features("fine")) == len(stocked.features("coarse")) == 9
    stocked.shop.sell("last", stocked.shop.draw("last.png", 50))
    ingest(stocked, 3, wanting)
    assert ModelRegistry(wanting.home).in_use(wanting.vision.extractor).active.endswith("fine.onnx")


@pytest.mark.parametrize("days_before", [0, 1])
def test_a_misspelt_extractor_is_not_remembered(gallery: Gallery, days_before: int) -> None:
    """It would be the first to answer for good, or be missed by every later day."""
    gallery.shop.stock(2)
    for number in range(days_before):
        ingest(gallery, 1 + number)
    gallery.shop.sell("new", gallery.shop.draw("new.png", 40))
    wrong = replace(gallery.settings.vision, extractor=str(gallery.settings.home / "tpyo.onnx"))
    with pytest.raises(VisionError, match=r"tpyo\.onnx': no such file$"):
        ingest(gallery, 2, replace(gallery.settings, vision=wrong))
    ingest(gallery, 2)
    assert ModelRegistry(gallery.settings.home).look("").in_use.all == (gallery.models["coarse"],)
    assert len(gallery.features("coarse")) == 3


def test_a_kept_extractor_that_is_gone_is_named_with_the_way_out(stocked: Gallery) -> None:
    wanting, gone = stocked.wanting("fine"), stocked.models["coarse"]
    run_upgrade(wanting, stocked.models["fine"])
    Path(gone).unlink()
    stocked.shop.sell("new", stocked.shop.draw("new.png", 40))
    with pytest.raises(VisionError, match=f"no such file; .*'nitamono models retire {gone}'"):
        ingest(stocked, 2, wanting)
    ModelRegistry(wanting.home).retire(gone, wanting.vision.extractor)
    ingest(stocked, 2, wanting)
    assert len(stocked.features("fine")) == 6


def test_after_a_retirement_the_old_extractor_is_written_no_more(stocked: Gallery) -> None:
    wanting = stocked.wanting("fine")
    run_upgrade(wanting, stocked.models["fine"])
    ModelRegistry(wanting.home).retire(stocked.models["coarse"], stocked.models["fine"])
    stocked.shop.sell("new", stocked.shop.draw("new.png", 40))
    ingest(stocked, 2, wanting)
    assert last_ingest(stocked).embedded == 1
    assert len(stocked.features("coarse")) == 5
