"""One shard: every image in the ledger, nothing computed twice, no image the end of it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from PIL import Image

from feature_store.errors import StoreError
from feature_store.images.settings import ImageSettings
from feature_store.images.source import fingerprint_of_file
from feature_store.ingest import ShardSummary, ingest_partition, plan_partition, process_shard
from feature_store.ingest.models import Models
from feature_store.ingest.result import ShardResult
from feature_store.photo.detect import Detection
from feature_store.schemas import Box, DataInterval, region_id
from feature_store.settings import Settings
from tests.feature_store.ingest.shop import BoxDetector, ColourExtractor, Pixels, Shop, quick_models

DAY, NEXT = DataInterval.day("2026-03-01"), DataInterval.day("2026-03-02")
NOW = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)


def only_shard(settings: Settings) -> str:
    (shard,) = plan_partition(DAY, settings, now=NOW).shards
    return shard


def process(
    shard: str,
    settings: Settings,
    detector: BoxDetector | None = None,
    extractor: ColourExtractor | None = None,
) -> ShardSummary:
    models = Models(detector or BoxDetector(), extractor or ColourExtractor())
    return process_shard(shard, settings, models)


def tables(shard: str) -> tuple[pa.Table, pa.Table]:
    result = ShardResult.of(Path(shard))
    assert result is not None
    return result.tables(Path(shard).parent)


def counts(summary: ShardSummary) -> tuple[int, ...]:
    return (
        summary.images, summary.reused, summary.detected, summary.embedded, summary.failed,
    )  # fmt: skip


def test_every_image_is_described_by_the_whole_and_its_products(shop: Shop, home: Path) -> None:
    shop.sell("two", shop.draw("a.png", 1), shop.draw("b.jpg", 2))
    settings = shop.settings(home)
    shard = only_shard(settings)
    assert counts(process(shard, settings)) == (2, 0, 2, 4, 0)
    ledger, features = tables(shard)
    digest = hashlib.sha256((shop.folder / "a.png").read_bytes()).hexdigest()
    assert ledger.to_pylist()[0] == {
        "ds": "2026-03-01", "item_id": "two", "image_index": 0,
        "image_uri": str(shop.folder / "a.png"), "image_id": digest, "status": "indexed",
        "reason": None, "detail": None, "regions": 2, "attempts": 1, "tried_at": NOW,
        "fingerprint": fingerprint_of_file(str(shop.folder / "a.png")),
    }  # fmt: skip
    first = [row for row in features.to_pylist() if row["image_index"] == 0]
    assert {row["kind"]: (row["x0"], row["y1"]) for row in first} == {
        "whole": (0.0, 1.0), "product": (0.25, 0.75),
    }  # fmt: skip
    assert {(row["width_px"], row["height_px"], row["dim"]) for row in first} == {(48, 32, 24)}
    names = {region_id(digest, Box(r["x0"], r["y0"], r["x1"], r["y1"])) for r in first}
    assert {row["region_id"] for row in first} == names
    assert np.linalg.norm(first[0]["vector"]) == pytest.approx(1.0, abs=1e-6)
    thumbnail = home / "thumbnails" / digest[:2] / f"{digest}.jpg"
    with Image.open(thumbnail) as picture:
        assert picture.size == (48, 32)


def test_a_bad_image_costs_itself_alone(shop: Shop, home: Path) -> None:
    (shop.folder / "text.png").write_text("not an image")
    cut = (shop.folder / shop.draw("cut.png", 3)).read_bytes()[:60]
    (shop.folder / "cut.png").write_bytes(cut)
    Image.new("RGB", (48, 32)).save(shop.folder / "black.png")
    shop.sell("a", shop.draw("good.png", 1), "text.png", "missing.png", "cut.png", "black.png")
    settings = shop.settings(home)
    shard = only_shard(settings)
    assert counts(process(shard, settings)) == (5, 0, 2, 4, 4)
    ledger, features = tables(shard)
    assert ledger["status"].to_pylist() == ["indexed", *["failed"] * 4]
    assert ledger["reason"].to_pylist() == [
        None, "not_an_image", "missing", "corrupt", "not_extracted",
    ]  # fmt: skip
    assert set(features["image_index"].to_pylist()) == {0}
    black = ledger.to_pylist()[4]
    assert black["image_id"] == hashlib.sha256((shop.folder / "black.png").read_bytes()).hexdigest()
    assert "colours@00000000000e" in black["detail"]


def test_a_photo_shown_by_many_items_is_computed_once(shop: Shop, home: Path) -> None:
    shop.draw("same.png", 1)
    (shop.folder / "copy.png").write_bytes((shop.folder / "same.png").read_bytes())
    for item in "abc":
        shop.sell(item, "same.png", "copy.png")
    settings = shop.settings(home, images_per_chunk=1)
    shard = only_shard(settings)
    assert counts(process(shard, settings)) == (6, 0, 1, 2, 0)
    _, features = tables(shard)
    assert features.num_rows == 12
    assert len({tuple(vector) for vector in features["vector"].to_pylist()}) == 2


def test_a_finished_shard_is_left_alone(shop: Shop, home: Path) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    shard = only_shard(settings)
    first = process(shard, settings)
    files = {path: path.read_bytes() for path in Path(shard).parent.iterdir()}
    detector, extractor = BoxDetector(), ColourExtractor()
    assert process(shard, settings, detector, extractor) == first
    assert (detector.seen, extractor.seen) == (0, 0)
    assert {path: path.read_bytes() for path in Path(shard).parent.iterdir()} == files


@pytest.mark.parametrize(
    ("what", "seen"), [("detector", (3, 0)), ("extractor", (0, 6)), ("images", (3, 6))]
)
def test_other_models_or_limits_describe_again_what_they_change(
    shop: Shop, home: Path, what: str, seen: tuple[int, int]
) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    shard = only_shard(settings)
    process(shard, settings)
    detector, extractor = BoxDetector(), ColourExtractor()
    if what == "detector":  # it finds the same boxes: their vectors are known
        detector = BoxDetector("middle@00000000ffff")
    elif what == "extractor":
        extractor = ColourExtractor("colours@00000000ffff")
    else:
        settings = replace(settings, images=ImageSettings(working_long_side_px=32))
    process(shard, settings, detector, extractor)
    assert (detector.seen, extractor.seen) == seen
    _, features = tables(shard)
    assert set(features["extractor"].to_pylist()) == {extractor.identity}
    assert set(features["detector"].to_pylist()) == {detector.identity}


def test_a_host_that_was_down_is_asked_again_and_nothing_else_computed(
    shop: Shop, home: Path
) -> None:
    shop.sell("a", shop.draw("a.png", 1))
    shop.sell("b", shop.draw("b.png", 2))
    photo = (shop.folder / "b.png").read_bytes()
    (shop.folder / "b.png").unlink()
    settings = shop.settings(home)
    shard = only_shard(settings)
    assert counts(process(shard, settings)) == (2, 0, 1, 2, 1)
    (shop.folder / "b.png").write_bytes(photo)
    assert counts(process(shard, settings)) == (2, 1, 1, 2, 0)
    ledger, features = tables(shard)
    assert ledger["status"].to_pylist() == ["indexed", "indexed"]
    assert features["item_id"].to_pylist() == ["a", "a", "b", "b"]


def test_photos_known_to_the_store_are_not_computed_again(shop: Shop, home: Path) -> None:
    shop.stock(3)
    ingest_partition(DAY, shop.settings(home), models=quick_models())
    shop.sell("item 00", "0.png", "1.png", title="dearer")  # a new title, a photo more
    shop.sell("newcomer", "2.png", shop.draw("new.png", 9))
    settings = shop.settings(home)
    (shard,) = plan_partition(NEXT, settings).shards
    assert counts(process(shard, settings)) == (4, 3, 1, 2, 0)
    _, features = tables(shard)
    assert set(features["ds"].to_pylist()) == {"2026-03-02"}
    places = {(row["item_id"], row["image_index"]) for row in features.to_pylist()}
    assert places == {("item 00", 0), ("item 00", 1), ("newcomer", 0), ("newcomer", 1)}


def test_a_photo_changed_behind_its_address_is_noticed(shop: Shop, home: Path) -> None:
    shop.stock(2)
    ingest_partition(DAY, shop.settings(home), models=quick_models())
    shop.draw("0.png", 1234)
    shop.sell("item 00", "0.png", title="dearer")
    settings = shop.settings(home)
    (shard,) = plan_partition(NEXT, settings).shards
    assert counts(process(shard, settings)) == (1, 0, 1, 2, 0)


def test_chunks_bound_what_the_models_see_at_a_time(shop: Shop, home: Path) -> None:
    class Watched(BoxDetector):
        largest = 0

        def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
            self.largest = max(self.largest, len(images))
            return super().detect(images)

    shop.stock(8)
    settings = shop.settings(home, items_per_shard=8, images_per_chunk=3)
    detector = Watched()
    process(only_shard(settings), settings, detector)
    assert (detector.seen, detector.largest) == (8, 3)


class Fickle(ColourExtractor):
    """Gives no vector for small crops."""

    def extract(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        rows = super().extract(crops)
        rows[[crop.shape[1] < 40 for crop in crops]] = np.nan
        return rows


class Doubled(BoxDetector):
    """Sees the same product twice, to a hundred-thousandth."""

    def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
        again = Detection(Box(0.250001, 0.25, 0.75, 0.75), 0.3, "thing")
        return [[*found, again] for found in super().detect(images)]


def test_a_product_without_a_vector_is_left_out(shop: Shop, home: Path) -> None:
    shop.stock(1)
    settings = shop.settings(home)
    shard = only_shard(settings)
    process(shard, settings, None, Fickle())
    ledger, features = tables(shard)
    assert features["kind"].to_pylist() == ["whole"]
    assert ledger["regions"].to_pylist() == [1]


def test_one_region_is_not_described_twice(shop: Shop, home: Path) -> None:
    shop.stock(1)
    settings = shop.settings(home)
    shard = only_shard(settings)
    process(shard, settings, Doubled())
    _, features = tables(shard)
    assert sorted(features["confidence"].to_pylist()) == [0.0, pytest.approx(0.8)]


def test_a_shard_that_is_not_there_is_an_error_with_a_remedy(shop: Shop, home: Path) -> None:
    shop.stock(1)
    with pytest.raises(StoreError, match="run the day again"):
        process(str(home / "staging" / "shard-00000.parquet"), shop.settings(home))
