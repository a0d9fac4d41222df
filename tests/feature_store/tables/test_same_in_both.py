"""The same days in Delta and in BigQuery: the same content at every version, and at every bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from feature_store.schemas import FEATURES
from feature_store.tables import FeatureStore, PartitionBatch, Snapshot
from feature_store.tables.bigquery import BigQueryFeatureStore
from feature_store.tables.content import canonical, content_hash, rows_hash
from feature_store.tables.delta import DeltaFeatureStore
from feature_store.tables.settings import TablesSettings
from tests.feature_store.batches import DETECTOR, EXTRACTOR, image_id, make_batch

DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]
EARLIER = "2026-02-27"
SHAPES = "shapes@0123456789ab"
ITEMS = ["a", "b'; --", "null\x00byte", "👜👗", "é" * 1023 + "z"]


def with_second_extractor(ds: str, items: list[str], **how: object) -> PartitionBatch:
    """A batch, and the same regions under another extractor."""
    batch = make_batch(ds, items, **how)  # type: ignore[arg-type]
    more = make_batch(ds, items, extractor=SHAPES, **how)  # type: ignore[arg-type]
    return replace(batch, features=pa.concat_tables([batch.features, more.features]))


def life() -> Iterator[tuple[str, PartitionBatch]]:
    """A shop's first days: deletions, a day replaced, a model upgrade, a late day."""
    yield DAYS[0], make_batch(DAYS[0], ITEMS, images=2)
    yield DAYS[1], make_batch(DAYS[1], ITEMS[:2], deleted=ITEMS[2:3], seed=1)
    yield DAYS[2], make_batch(DAYS[2], ["new"], deleted=ITEMS[:1], seed=2)
    yield DAYS[1], make_batch(DAYS[1], ITEMS[:2], deleted=ITEMS[3:4], seed=3)
    yield DAYS[0], with_second_extractor(DAYS[0], ITEMS, images=2)
    yield (
        DAYS[1],
        with_second_extractor(DAYS[1], ITEMS[:2], deleted=ITEMS[3:4], seed=3),
    )
    yield DAYS[2], with_second_extractor(DAYS[2], ["new"], deleted=ITEMS[:1], seed=2)
    yield EARLIER, with_second_extractor(EARLIER, ["b'; --", "late"], seed=4)
    yield DAYS[2], make_batch(DAYS[2], [])


def seen(snapshot: Snapshot) -> tuple[object, ...]:
    """All that a snapshot says, every row of it hashed to the bit."""
    extractors = snapshot.extractors()
    features = pa.Table.from_batches(
        [batch for extractor in extractors for batch in snapshot.features(extractor)],
        schema=FEATURES,
    )
    live = PartitionBatch(snapshot.items(), snapshot.ledger(), features)
    return (
        snapshot.content_hash,
        rows_hash(live),
        extractors,
        [snapshot.coverage(extractor) for extractor in extractors],
    )


def hashes(store: FeatureStore, ds: str) -> tuple[str, str]:
    batch, _ = store.partition(ds)
    return content_hash(batch), rows_hash(batch)


def test_delta_and_bigquery_hold_the_same_at_every_version(
    tmp_path: Path, bigquery_tables: TablesSettings
) -> None:
    delta = DeltaFeatureStore(tmp_path / "delta")
    warehouse = BigQueryFeatureStore(bigquery_tables, tmp_path / "scratch")
    versions: list[tuple[int, int]] = []
    for ds, batch in life():
        commits = [store.replace_partition(ds, batch, base="b") for store in (delta, warehouse)]
        assert commits[0].content_hash == commits[1].content_hash == content_hash(canonical(batch))
        versions.append((commits[0].version, commits[1].version))
        # What is read back is what was written, whichever store it comes from.
        expected = (content_hash(canonical(batch)), rows_hash(canonical(batch)))
        assert hashes(delta, ds) == hashes(warehouse, ds) == expected
    contents = set()
    for of_delta, of_warehouse in versions:
        then = [seen(delta.snapshot(of_delta)), seen(warehouse.snapshot(of_warehouse))]
        assert then[0] == then[1]
        contents.add(then[0][:2])
    assert len(contents) == len(versions)
    assert seen(delta.snapshot()) == seen(warehouse.snapshot())
    before = DAYS[1]
    assert seen(delta.snapshot(before=before)) == seen(warehouse.snapshot(before=before))
    for item in ITEMS:
        abouts = [rows_hash(store.snapshot().about(item)) for store in (delta, warehouse)]
        assert abouts[0] == abouts[1]
    stores = (delta, warehouse)
    logs = [[replace(c, version=0, committed_at=None) for c in store.log()] for store in stores]
    assert logs[0] == logs[1]
    images = [image_id(item, 0, seed) for item in ITEMS for seed in range(5)]
    found = [store.known(images, DETECTOR, [EXTRACTOR, SHAPES]) for store in stores]
    for name, key in (("regions", ["region_id"]), ("vectors", ["region_id", "extractor"])):
        tables = [getattr(known, name).sort_by([(k, "ascending") for k in key]) for known in found]
        assert tables[0].num_rows > 0
        assert tables[0].to_pylist() == tables[1].to_pylist()
    asked = ["/photos/0", "/photos/1", "/none"]
    uris = [store.sources(asked).sort_by("image_uri").to_pylist() for store in stores]
    assert uris[0] == uris[1]
    assert len(uris[0]) == 2
