"""Two days of a made-up shop in a store in BigQuery, and what a bundle of them would say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.format import Manifest, Part, read_manifest
from feature_store.bundle.projection import Projection
from feature_store.schemas import FEATURES, ITEMS
from feature_store.tables import PartitionBatch
from feature_store.tables.bigquery import BigQueryFeatureStore
from feature_store.tables.bigquery.snapshot import BigQuerySnapshot
from feature_store.tables.settings import TablesSettings
from tests.feature_store.engines.conftest import GOLDEN, HOSTILE
from tests.feature_store.nightly.fake_shop import make_shop

ONE, OTHER = "one@0123456789ab", "other@ba9876543210"
DIMS = {ONE: 16, OTHER: 9}
FIRST, SECOND = "2026-01-01", "2026-01-02"


@dataclass(frozen=True)
class Shop:
    """What a test asks about: where it is stored, and what a bundle of it would say."""

    settings: TablesSettings
    snapshot: BigQuerySnapshot
    manifest: Manifest
    projection: Projection

    def of(self, *parts: Part) -> Shop:
        """The same with other extractors in the bundle."""
        dims = sum(part.dim for part in parts)
        mean = np.random.default_rng(5).normal(0, 0.1, dims).astype(np.float32)
        manifest = replace(self.manifest, parts=parts, dim=dims)
        projection = Projection(mean, np.eye(dims, 2, dtype=np.float32), parts)
        return replace(self, manifest=manifest, projection=projection)

    def truth(self) -> tuple[list[tuple[str, str]], np.ndarray]:
        """Every distinct region's name and its centred vector, as the library makes it."""
        by_part = [self._vectors(part.extractor) for part in self.manifest.parts]
        names = sorted(by_part[0])
        raw = np.hstack([np.array([vectors[name] for name in names]) for vectors in by_part])
        return names, self.projection.centre(raw.astype(np.float32))

    def _vectors(self, extractor: str) -> dict[tuple[str, str], list[float]]:
        rows = pa.Table.from_batches(self.snapshot.features(extractor)).to_pylist()
        found: dict[tuple[str, str], list[float]] = {}
        for row in rows:
            found.setdefault((row["item_id"], row["region_id"]), row["vector"])
        return found


def two_days(settings: TablesSettings, scratch: Path) -> Shop:
    """Two days: on the second an item is deleted, one has other photos, one a photo twice."""
    store = BigQueryFeatureStore(settings, scratch)
    store.replace_partition(FIRST, day(FIRST, 24, seed=1))
    store.replace_partition(SECOND, second_day())
    snapshot = store.snapshot()
    golden = next(path for path in sorted(GOLDEN.iterdir()) if path.is_dir())
    manifest = replace(
        read_manifest(golden),
        bundle_id="20260102T030405-ab_c",
        snapshot_version=snapshot.version,
        snapshot_content_hash=snapshot.content_hash,
    )
    projection = Projection(np.zeros(1, np.float32), np.zeros((1, 1), np.float32))
    return Shop(settings, snapshot, manifest, projection).of(Part(ONE, DIMS[ONE], 1.0))


def day(ds: str, items: int, seed: int) -> PartitionBatch:
    """A day of a made-up shop, described by two extractors, with odd ids and segments."""
    shops = [make_shop(items, dim, seed=seed, extractor=e) for e, dim in DIMS.items()]
    features = pa.concat_tables([shop.described for shop in shops])
    tables = (shops[0].table, shops[0].rows, features)
    renamed = [_renamed(_column(table, "ds", [ds] * len(table))) for table in tables]
    segments = [(None, "men", "ladies")[i % 3] for i in range(items)]
    return PartitionBatch(
        items=_column(renamed[0], "segment", segments), ledger=renamed[1], features=renamed[2]
    )


def second_day() -> PartitionBatch:
    """Items 0 to 2 again: the first deleted, the others of new vectors, one region twice."""
    batch = day(SECOND, 3, seed=2)
    deleted = _column(batch.items, "deleted", [True, False, False])
    gone = batch.items["item_id"][0].as_py()
    ledger = batch.ledger.filter(pc.not_equal(batch.ledger["item_id"], gone))
    features = batch.features.filter(pc.not_equal(batch.features["item_id"], gone))
    item = batch.items["item_id"][2].as_py()
    again = features.filter(pc.equal(features["item_id"], item))
    again = _column(again, "image_index", [7] * len(again))
    entry = ledger.filter(pc.equal(ledger["item_id"], item)).slice(0, 1)
    entry = _column(entry, "image_index", [7])
    return PartitionBatch(
        items=deleted.cast(ITEMS),
        ledger=pa.concat_tables([ledger, entry]),
        features=pa.concat_tables([features, again]).cast(FEATURES),
    )


def _column(table: pa.Table, name: str, values: Sequence[object]) -> pa.Table:
    place = table.schema.get_field_index(name)
    field = table.schema.field(place)
    return table.set_column(place, field, pa.array(values, field.type))


def _renamed(table: pa.Table) -> pa.Table:
    new = {f"item-{number:05d}": name for number, name in enumerate(HOSTILE)}
    return _column(table, "item_id", [new.get(i, i) for i in table["item_id"].to_pylist()])
