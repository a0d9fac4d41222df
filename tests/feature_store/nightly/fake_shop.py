"""A fake feature store of a made-up shop: clustered vectors, several regions an item, copies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.compare.settings import CompareSettings
from feature_store.fresh.settings import FreshSettings
from feature_store.index.settings import IndexSettings
from feature_store.quality.settings import QualitySettings
from feature_store.schemas import FEATURES, ITEMS, LEDGER, Box, region_id
from feature_store.tables import Commit, Coverage, PartitionBatch
from feature_store.tables.settings import TablesSettings
from feature_store.vision.settings import VisionSettings

EXTRACTOR = "fake@0123456789ab"
CATEGORIES = ("bags", "shoes", "lamps", "Chairs, folding")


@dataclass(frozen=True)
class FakeSettings:
    """The part of the settings that the nightly build reads."""

    home: Path
    index: IndexSettings = field(
        default_factory=lambda: IndexSettings(reduced_dim=32, neighbours=40, sample_size=1000)
    )
    quality: QualitySettings = field(default_factory=QualitySettings)
    tables: TablesSettings = field(default_factory=TablesSettings)
    vision: VisionSettings = field(default_factory=VisionSettings)
    fresh: FreshSettings = field(default_factory=FreshSettings)
    compare: CompareSettings = field(default_factory=lambda: CompareSettings(max_churn=1.0))
    bundles_location: str = ""

    @property
    def bundles(self) -> str:
        return self.bundles_location or str(self.home / "bundles")


@dataclass(frozen=True)
class FakeSnapshot:
    """A snapshot that is three tables in memory."""

    table: pa.Table
    rows: pa.Table
    described: pa.Table
    version: int = 3

    @property
    def content_hash(self) -> str:
        vectors = np.concatenate([np.asarray(v) for v in self.described["vector"].to_pylist()])
        ids = "".join(self.table["item_id"].to_pylist())
        return hashlib.sha256(vectors.tobytes() + ids.encode()).hexdigest()

    def items(self) -> pa.Table:
        return self.table

    def ledger(self) -> pa.Table:
        return self.rows

    def failed(self) -> pa.Table:
        return self.rows.filter(pc.equal(self.rows["status"], "failed"))

    def rejected(self) -> pa.Table:
        return self.rows.slice(0, 0)

    def features(
        self, extractor: str, items: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        chosen = self.described.filter(pc.equal(self.described["extractor"], extractor))
        if items is not None:
            chosen = chosen.filter(pc.is_in(chosen["item_id"], pa.array(items, pa.string())))
        yield from chosen.combine_chunks().to_batches(max_chunksize=700)

    def regions(self, extractor: str) -> pa.Table:
        chosen = self.described.filter(pc.equal(self.described["extractor"], extractor))
        return chosen.drop_columns(["vector"])

    def about(self, item_id: str) -> PartitionBatch:
        raise NotImplementedError

    def extractors(self) -> list[str]:
        return sorted(set(self.described["extractor"].to_pylist()))

    def coverage(self, extractor: str) -> Coverage:
        chosen = self.described.filter(pc.equal(self.described["extractor"], extractor))
        images = len(self.rows)
        return Coverage(len(self.table), images, images, images, len(chosen), {})


@dataclass
class FakeStore:
    """A store that has one snapshot and cannot be written."""

    now: FakeSnapshot

    def snapshot(self, version: int | None = None, *, before: str | None = None) -> FakeSnapshot:
        return self.now

    def replace_partition(self, ds: str, batch: PartitionBatch) -> Commit:
        raise NotImplementedError

    def known(self, image_ids: Sequence[str], detector: str, extractor: str) -> pa.Table:
        raise NotImplementedError

    def commits(self) -> list[Commit]:
        raise NotImplementedError


def clustered(count: int, dim: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Unit vectors around forty centres that share a common part, as real features do.

    As in real features, a few directions hold most of the variance.
    """
    random = np.random.default_rng(seed)
    spread = np.arange(1, dim + 1) ** -0.5
    centres = random.normal(size=(40, dim)) * spread + random.normal(size=dim) * spread
    rows = centres[random.integers(0, 40, count)] + 0.6 * random.normal(size=(count, dim)) * spread
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def make_shop(
    items: int, dim: int = 64, *, copies: int = 0, seed: int = 0, extractor: str = EXTRACTOR
) -> FakeSnapshot:
    """Items with a whole image each; every third has a product too, every fifth a second image.

    The last `copies` items all show the photo of item 0.
    """
    features: list[dict[str, object]] = []
    ledger: list[dict[str, object]] = []
    vectors = iter(clustered(items * 6, dim, seed))
    looks = np.random.default_rng(seed + 1).normal(size=(len(CATEGORIES), dim)) * 0.25 * dim**-0.5
    first: list[dict[str, object]] = []
    for number in range(items):
        item_id = f"item-{number:05d}"
        regions = _regions(number, vectors, extractor)
        for row in regions:  # things of one category have something in common
            row["vector"] = _towards(row["vector"], looks[number % len(CATEGORIES)])
        if number == 0:
            first = regions
        if number >= items - copies:
            regions = first
        features += [row | {"item_id": item_id} for row in regions]
        indices = sorted({int(str(row["image_index"])) for row in regions})
        ledger += [_ledger_row(item_id, index, regions) for index in indices]
    return FakeSnapshot(
        pa.Table.from_pylist([_item_row(number) for number in range(items)], ITEMS),
        pa.Table.from_pylist(ledger, LEDGER),
        pa.Table.from_pylist(features, FEATURES),
    )


def _regions(
    number: int, vectors: Iterator[npt.NDArray[np.float32]], extractor: str
) -> list[dict[str, object]]:
    rows = []
    for index in range(2 if number % 5 == 0 else 1):
        boxes = [("whole", Box(0, 0, 1, 1), 0.0)]
        if number % 3 == 0:
            boxes.append(("product", Box(0.1, 0.1, 0.6, 0.7), 0.8))
            boxes.append(("product", Box(0.7, 0.7, 0.8, 0.8), 0.9))
        image_id = hashlib.sha256(f"{number}:{index}".encode()).hexdigest()
        uri = f"https://shop.example/{number}.jpg" if number % 2 else f"/photos/{number}.jpg"
        for kind, box, confidence in boxes:
            rows.append(
                {
                    "ds": "2026-01-01",
                    "image_index": index,
                    "image_uri": uri,
                    "image_id": image_id,
                    "width_px": 800,
                    "height_px": 600,
                    "region_id": region_id(image_id, box),
                    "kind": kind,
                    **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True)),
                    "confidence": confidence,
                    "label": "product" if kind == "product" else "",
                    "detector": "none@000000000000",
                    "extractor": extractor,
                    "dim": len(vector := next(vectors)),
                    "vector": vector.tolist(),
                }
            )
    return rows


def _towards(vector: object, direction: npt.NDArray[np.float64]) -> list[float]:
    moved = np.asarray(vector) + direction
    return np.asarray(moved / np.linalg.norm(moved), np.float32).tolist()


def _ledger_row(item_id: str, index: int, regions: list[dict[str, object]]) -> dict[str, object]:
    return {
        "ds": "2026-01-01",
        "item_id": item_id,
        "image_index": index,
        "image_uri": "x",
        "image_id": None,
        "status": "indexed",
        "regions": len(regions),
    }


def _item_row(number: int) -> dict[str, object]:
    return {
        "ds": "2026-01-01",
        "item_id": f"item-{number:05d}",
        "images": [f"/photos/{number}.jpg"],
        "title": f"<b>Thing</b> {number}",
        "category": CATEGORIES[number % 4],
        "segment": None,
        "brand": "Acme" if number % 7 else None,
        "price": float(number % 100) if number % 11 else None,
        "currency": "EUR",
        "url": f"https://shop.example/p/{number}",
        "in_stock": None if number % 13 == 0 else number % 2 == 0,
        "updated_at": None,
        "attributes": json.dumps({"size": str(number % 6), "colour": "Red"} if number % 2 else {}),
        "row_digest": f"{number}",
        "deleted": False,
    }
