"""What is known is not computed again: by image, by detector, by box and by extractor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from feature_store.errors import CommitConflictError
from feature_store.ingest import ingest_partition, plan_partition, process_shard
from feature_store.ingest.models import Models
from feature_store.models import ModelRegistry
from feature_store.photo.detect import Detection
from feature_store.schemas import Box, DataInterval
from feature_store.settings import Settings
from feature_store.tables import Commit, PartitionBatch, open_store
from feature_store.tables.delta import DeltaFeatureStore
from tests.feature_store.ingest.shop import BoxDetector, ColourExtractor, Pixels, Shop, quick_models

DAY, NEXT = DataInterval.day("2026-03-01"), DataInterval.day("2026-03-02")
ACTIVE, KEPT = "colours@00000000000e", "shades@00000000000e"


class TwoBoxes(BoxDetector):
    """Sees the middle as `BoxDetector` does, and a corner besides."""

    def __init__(self) -> None:
        super().__init__("two@00000000000d")

    def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
        corner = Detection(Box(0.0, 0.0, 0.5, 0.5), 0.4, "thing")
        return [[*found, corner] for found in super().detect(images)]


class Shades(ColourExtractor):
    """Another extractor, of other vectors, that has nothing to say about small crops."""

    dim = 12

    def __init__(self, identity: str = KEPT, smallest_px: int = 0) -> None:
        super().__init__(identity)
        self._smallest_px = smallest_px

    def extract(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        self.seen += len(crops)
        rows = np.stack([np.bincount(crop.mean(2).ravel().astype(int) // 22, minlength=12)
                         for crop in crops]).astype(np.float32)  # fmt: skip
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        rows[[crop.shape[1] < self._smallest_px for crop in crops]] = np.nan
        return rows


class Count:
    """An ingest with these models, and what they saw of it."""

    def __init__(self, interval: DataInterval, settings: Settings, models: Models) -> None:
        self.commit: Commit = ingest_partition(interval, settings, models=models)
        self.detected = models.detector.seen  # type: ignore[attr-defined]
        self.embedded = [one.seen for one in models.extractors]  # type: ignore[attr-defined]


def features(settings: Settings, interval: DataInterval = DAY) -> pa.Table:
    return open_store(settings).partition(interval.ds)[0].features


def counted(rows: pa.Table) -> dict[str, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(rows["extractor"]).to_pylist()}


def test_a_new_detector_embeds_only_the_boxes_that_are_new(shop: Shop, home: Path) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    Count(DAY, settings, quick_models())
    again = Count(DAY, settings, Models(TwoBoxes(), ColourExtractor()))
    assert (again.detected, again.embedded) == (3, [3])
    rows = features(settings)
    assert rows.num_rows == 9
    assert set(rows["detector"].to_pylist()) == {"two@00000000000d"}
    back = Count(DAY, settings, quick_models())
    assert (back.detected, back.embedded) == (3, [0])  # its boxes were replaced, their vectors not


def test_a_new_extractor_detects_nothing(shop: Shop, home: Path) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    Count(DAY, settings, quick_models())
    both = Count(DAY, settings, Models(BoxDetector(), ColourExtractor(), (Shades(),)))
    assert (both.detected, both.embedded) == (0, [0, 6])
    assert counted(features(settings)) == {ACTIVE: 6, KEPT: 6}
    again = Count(DAY, settings, Models(BoxDetector(), Shades(), (ColourExtractor(),)))
    assert (again.detected, again.embedded) == (0, [0, 0])


def test_a_kept_extractor_may_leave_a_region_out_and_never_an_image(shop: Shop, home: Path) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    Count(DAY, settings, Models(BoxDetector(), ColourExtractor(), (Shades(smallest_px=40),)))
    assert counted(features(settings)) == {ACTIVE: 6, KEPT: 3}
    ledger = open_store(settings).snapshot().ledger()
    assert set(ledger["regions"].to_pylist()) == {2}


def test_what_a_retired_extractor_made_stays_while_its_regions_do(shop: Shop, home: Path) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    Count(DAY, settings, Models(BoxDetector(), ColourExtractor(), (Shades(),)))
    shop.draw("1.png", 77)
    again = Count(DAY, settings, quick_models())
    rows = features(settings)
    assert counted(rows) == {ACTIVE: 6, KEPT: 4}
    kept = rows.filter(pc.equal(rows["extractor"], KEPT))
    assert set(kept["item_id"].to_pylist()) == {"item 00", "item 02"}
    moved = Count(DAY, settings, Models(TwoBoxes(), ColourExtractor()))
    rows = features(settings)
    assert counted(rows) == {ACTIVE: 9, KEPT: 4}
    assert set(rows["detector"].to_pylist()) == {"two@00000000000d"}
    assert moved.commit.version > again.commit.version


def test_vectors_that_an_upgrade_adds_meanwhile_are_merged(
    shop: Shop, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    Count(DAY, settings, quick_models())
    rows = features(settings).to_pylist()
    added = pa.Table.from_pylist(
        [{**row, "extractor": KEPT, "dim": 2, "vector": [1.0, 0.0]} for row in rows],
        schema=features(settings).schema,
    )
    whole = DeltaFeatureStore.replace_partition
    calls = []

    def overtaken(
        store: DeltaFeatureStore, ds: str, batch: PartitionBatch, **more: object
    ) -> Commit:
        calls.append(more["replaces"])
        if len(calls) == 1:
            old, _ = store.partition(ds)
            both = replace(old, features=pa.concat_tables([old.features, added]))
            base = str(more["base"])
            whole(store, ds, both, base=base)
        return whole(store, ds, batch, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(DeltaFeatureStore, "replace_partition", overtaken)
    shop.draw("1.png", 77)
    Count(DAY, settings, quick_models())
    assert len(calls) == 2
    assert counted(features(settings)) == {ACTIVE: 6, KEPT: 4}


def test_another_run_s_items_are_not_written_over_unseen(
    shop: Shop, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    Count(DAY, settings, quick_models())
    empty, _ = open_store(settings).partition("2020-01-01")
    whole = DeltaFeatureStore.replace_partition

    def overtaken(
        store: DeltaFeatureStore, ds: str, batch: PartitionBatch, **more: object
    ) -> Commit:
        whole(store, ds, empty)
        return whole(store, ds, batch, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(DeltaFeatureStore, "replace_partition", overtaken)
    shop.draw("1.png", 77)
    with pytest.raises(CommitConflictError):
        Count(DAY, settings, quick_models())


def test_other_shards_of_the_day_are_asked_before_they_are_committed(
    shop: Shop, home: Path
) -> None:
    shop.stock(8)
    (shop.folder / "copy.png").write_bytes((shop.folder / "0.png").read_bytes())
    shop.sell("item 07", "7.png", "copy.png")  # in the second shard, under another address
    settings = shop.settings(home)
    first, second = plan_partition(DAY, settings).shards
    process_shard(first, settings, quick_models())
    found = process_shard(second, settings, quick_models())
    assert (found.images, found.reused, found.detected, found.embedded) == (5, 1, 4, 8)


def test_a_day_planned_again_from_other_rows_keeps_what_was_described(
    shop: Shop, home: Path
) -> None:
    shop.stock(4)
    settings = shop.settings(home)
    (shard,) = plan_partition(DAY, settings).shards
    process_shard(shard, settings, quick_models())
    shop.sell("more", shop.draw("more.png", 50))
    done = Count(DAY, shop.settings(home), quick_models())
    assert (done.detected, done.embedded, done.commit.items) == (1, [2], 5)


def test_a_thumbnail_that_is_gone_is_made_again(shop: Shop, home: Path) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    first = Count(DAY, settings, quick_models())
    pictures = sorted((home / "thumbnails").rglob("*.jpg"))
    pictures[0].unlink()
    again = Count(DAY, settings, quick_models())
    assert sorted((home / "thumbnails").rglob("*.jpg")) == pictures
    assert (again.commit, again.detected, again.embedded) == (first.commit, 0, [0])


def test_a_known_file_is_not_even_opened(shop: Shop, home: Path) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    Count(DAY, settings, quick_models())
    for path in shop.folder.glob("*.png"):
        state = path.stat()
        path.write_bytes(b"x" * state.st_size)  # would be an error, were it read
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    shop.sell("item 00", "0.png", title="dearer")
    found = Count(NEXT, shop.settings(home), quick_models())
    assert (found.commit.items, found.commit.regions) == (1, 2)


def test_all_extractors_in_use_describe_and_their_names_tell_which(home: Path, shop: Shop) -> None:
    settings = shop.settings(home)
    vision = replace(settings.vision, detector="none", extractor="efficientnet-lite0")
    settings = replace(settings, vision=vision)
    ModelRegistry(home).in_use("efficientnet-lite2")
    models = Models.load(settings)
    assert [one.identity.split("@")[0] for one in models.extractors] == [
        "efficientnet-lite2", "efficientnet-lite0",
    ]  # fmt: skip
    assert models.extractor.identity.startswith("efficientnet-lite2@")
    twice = replace(settings, vision=replace(vision, extractor="efficientnet-lite2"))
    assert Models.load(twice).key(twice) == models.key(settings)
