"""A small shop whose photos are files, and days of it written under any of two quick extractors.

The extractors are ONNX models that average patches of a crop, so that their names and identities
are as real as those of large ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from feature_store.images.loader import ImageLoader
from feature_store.ingest.settings import IngestSettings
from feature_store.photo.regions import describe, find_regions
from feature_store.schemas import FEATURES, ITEMS, LEDGER, Box, region_id
from feature_store.settings import Settings
from feature_store.tables import Commit, PartitionBatch, open_store
from feature_store.upgrade.settings import UpgradeSettings
from feature_store.vision.identity import extractor_identity
from feature_store.vision.models import load_extractor
from feature_store.vision.settings import VisionSettings
from tests.feature_store.ingest.shop import BoxDetector, Shop
from tests.feature_store.vision.models import write_model

PATCHES = {"coarse": 16, "fine": 8}
"""Pixels of a patch's side, of 32: vectors of 12 and of 48 numbers."""


class Gallery:
    """Photos, models and a home under one folder; `coarse` is what the settings want."""

    def __init__(self, folder: Path) -> None:
        self.shop = Shop(folder / "photos")
        self.models = {name: str(folder / f"{name}.onnx") for name in PATCHES}
        for name, side in PATCHES.items():
            nodes = [
                ("AveragePool", f"kernel_shape={side},{side} strides={side},{side}"),
                ("Flatten", "axis=1"),
            ]
            write_model(Path(self.models[name]), nodes, ["n", 3, 32, 32], rank=2)
        self.detector = BoxDetector()
        self.settings = Settings(
            home=folder / "home",
            vision=VisionSettings(extractor=self.models["coarse"], detector="none", threads=1),
            ingest=IngestSettings(images_per_chunk=2),
            upgrade=UpgradeSettings(images_per_chunk=2, images_per_run=1000),
        )

    def wanting(self, name: str) -> Settings:
        """The settings that want the extractor `name`."""
        return replace(
            self.settings, vision=replace(self.settings.vision, extractor=self.models[name])
        )

    def identity(self, name: str) -> str:
        return extractor_identity(self.settings.vision, self.models[name])

    def photo(self, name: str, seed: int) -> str:
        """Draw a photo; return its address."""
        return str(self.shop.folder / self.shop.draw(name, seed))

    def write(
        self,
        ds: str,
        items: Mapping[str, Sequence[str]],
        *,
        under: Sequence[str] = ("coarse",),
        deleted: Sequence[str] = (),
    ) -> Commit:
        """Write a day as an ingest would: items and their photos, under some extractors."""
        ledger, features = [], []
        with ImageLoader(self.settings.images) as loader:
            for item_id, uris in items.items():
                for index, uri in enumerate(uris):
                    place = {"ds": ds, "item_id": item_id, "image_index": index, "image_uri": uri}
                    image = loader.load(uri)
                    rows = self._describe(image, under)
                    features += [{**place, **row} for row in rows]
                    found = {"image_id": image.image_id, "status": "indexed", "regions": 2}
                    ledger.append({**place, **found})
        rows = [_item(ds, item_id, uris, False) for item_id, uris in items.items()]
        rows += [_item(ds, item_id, (), True) for item_id in deleted]
        batch = PartitionBatch(
            pa.Table.from_pylist(rows, ITEMS),
            pa.Table.from_pylist(ledger, LEDGER),
            pa.Table.from_pylist(features, FEATURES),
        )
        return open_store(self.settings).replace_partition(ds, batch, base=f"base of {ds}")

    def _describe(self, image: Any, under: Sequence[str]) -> list[dict[str, Any]]:
        [regions] = find_regions([image.pixels], self.detector)
        rows = []
        for name in under:
            extractor = load_extractor(self.settings.vision, self.models[name])
            [vectors] = describe([image.pixels], [regions], extractor)
            rows += [
                {
                    "image_id": image.image_id,
                    "width_px": image.width_px,
                    "height_px": image.height_px,
                    "region_id": region_id(image.image_id, Box(*region.box)),
                    "kind": region.kind,
                    **Box(*region.box)._asdict(),
                    "confidence": region.confidence,
                    "label": region.label,
                    "detector": self.detector.identity,
                    "extractor": extractor.identity,
                    "dim": extractor.dim,
                    "vector": vector,
                }
                for region, vector in zip(regions, vectors, strict=True)
            ]
        return rows

    def features(self, name: str) -> list[dict[str, Any]]:
        """The live features under an extractor, in the store's order."""
        batches = open_store(self.settings).snapshot().features(self.identity(name))
        return pa.Table.from_batches(batches, FEATURES).to_pylist()

    def three_days(self) -> None:
        """Four live items, five images of three photos; one row superseded, one item deleted."""
        first = {f"item {n}": [self.photo(f"{n}.png", n)] for n in range(4)}
        self.write("2026-03-01", first)
        self.write("2026-03-02", {"item 0": [self.photo("new.png", 20), first["item 1"][0]]})
        self.write("2026-03-03", {"twin": first["item 2"]}, deleted=["item 3"])


def same(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> bool:
    """Whether two lists of features are the same but for addresses, vectors to a ten-thousandth."""
    columns = [name for name in FEATURES.names if name not in ("vector", "image_uri")]
    apart = [[[row[name] for name in columns] for row in rows] for rows in (one, other)]
    vectors = [np.array([row["vector"] for row in rows]) for rows in (one, other)]
    return apart[0] == apart[1] and bool(np.allclose(*vectors, atol=1e-4))


def _item(ds: str, item_id: str, uris: Sequence[str], deleted: bool) -> dict[str, Any]:
    return {
        "ds": ds,
        "item_id": item_id,
        "images": list(uris),
        "attributes": "{}",
        "row_digest": f"{ds} {item_id}",
        "deleted": deleted,
    }
