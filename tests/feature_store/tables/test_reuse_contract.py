"""What every feature store must find again: regions, vectors, and the rows of addresses."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import LEDGER
from feature_store.tables import FeatureStore, PartitionBatch
from feature_store.tables.store import REGIONS, VECTORS
from tests.feature_store.batches import DETECTOR, EXTRACTOR, image_id, make_batch, replaced

DAY, NEXT, THIRD = "2026-03-01", "2026-03-02", "2026-03-03"
SHAPES = "shapes@0123456789ab"
OTHER_DETECTOR = "boxes@0123456789ab"


def under(batch: PartitionBatch, **models: str) -> pa.Table:
    """The features of a batch as another detector or extractor would have made them."""
    features = batch.features
    for column, identity in models.items():
        position = features.schema.get_field_index(column)
        values = pa.array([identity] * features.num_rows)
        features = features.set_column(position, features.schema.field(column), values)
    return features


def with_uris(batch: PartitionBatch, *uris: str) -> PartitionBatch:
    position = LEDGER.get_field_index("image_uri")
    column = pa.array(uris, pa.string())
    field = LEDGER.field("image_uri")
    return replace(batch, ledger=batch.ledger.set_column(position, field, column))


def pairs(table: pa.Table, *columns: str) -> list[tuple[str, ...]]:
    return sorted(zip(*(table[name].to_pylist() for name in columns), strict=True))


def test_a_new_store_knows_nothing(store: FeatureStore) -> None:
    known = store.known(["ab"], DETECTOR, [EXTRACTOR])
    assert known.regions.schema.equals(REGIONS)
    assert known.vectors.schema.equals(VECTORS)
    assert (known.regions.num_rows, known.vectors.num_rows) == (0, 0)
    assert store.sources(["/photos/0"]).equals(LEDGER.empty_table())


def test_regions_and_vectors_are_found_by_image_once_each(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a", "b"], images=2))
    again = make_batch(NEXT, ["a"])  # the same photo on another day
    store.replace_partition(NEXT, again)
    wanted = [image_id("a", 0, 0), image_id("b", 1, 0), "0" * 64]
    known = store.known([*wanted, wanted[0]], DETECTOR, [EXTRACTOR])
    assert known.regions.schema.equals(REGIONS)
    assert known.vectors.schema.equals(VECTORS)
    for table in (known.regions, known.vectors):
        assert sorted(table["image_id"].to_pylist()) == sorted(wanted[:2] * 2)
        assert len(set(table["region_id"].to_pylist())) == 4
    key = [("region_id", "ascending")]
    of_a = pc.field("image_id") == wanted[0]
    for found, schema in ((known.regions, REGIONS), (known.vectors, VECTORS)):
        stored = again.features.select(schema.names).sort_by(key)
        assert found.filter(of_a).sort_by(key).to_pylist() == stored.to_pylist()


def test_regions_are_of_one_detector_and_vectors_of_any(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    image = [image_id("a", 0, 0)]
    other = store.known(image, OTHER_DETECTOR, [EXTRACTOR])
    assert (other.regions.num_rows, other.vectors.num_rows) == (0, 2)
    unknown = store.known(image, DETECTOR, [SHAPES])
    assert (unknown.regions.num_rows, unknown.vectors.num_rows) == (2, 0)
    none = store.known(image, DETECTOR, [])
    assert (none.regions.num_rows, none.vectors.num_rows) == (2, 0)
    nothing = store.known([], DETECTOR, [EXTRACTOR])
    assert (nothing.regions.num_rows, nothing.vectors.num_rows) == (0, 0)


def test_a_region_under_several_models_is_one_region_with_a_vector_of_each(
    store: FeatureStore,
) -> None:
    batch = make_batch(DAY, ["a", "b"])
    features = pa.concat_tables([batch.features, under(batch, extractor=SHAPES)])
    store.replace_partition(DAY, replace(batch, features=features))
    anew = make_batch(NEXT, ["a"])
    store.replace_partition(NEXT, replace(anew, features=under(anew, detector=OTHER_DETECTOR)))
    image = image_id("a", 0, 0)
    for detector in (DETECTOR, OTHER_DETECTOR):
        known = store.known([image], detector, [SHAPES, EXTRACTOR])
        assert set(known.regions["detector"].to_pylist()) == {detector}
        assert known.regions.num_rows == 2
        regions = known.regions["region_id"].to_pylist()
        assert pairs(known.vectors, "region_id", "extractor") == sorted(
            (region, extractor) for region in regions for extractor in (SHAPES, EXTRACTOR)
        )
    only = store.known([image], DETECTOR, [SHAPES]).vectors
    assert set(only["extractor"].to_pylist()) == {SHAPES}


def test_detectors_that_see_one_photo_on_one_day_are_kept_apart(store: FeatureStore) -> None:
    batch = make_batch(DAY, ["a", "b"])
    photo, other = image_id("a", 0, 0), image_id("b", 0, 0)
    rows = under(batch).to_pylist()
    for row in rows:
        if row["image_id"] == other:  # the same photo, in which the other one saw other boxes
            row |= {"image_id": photo, "detector": OTHER_DETECTOR}
    features = pa.Table.from_pylist(rows, schema=batch.features.schema)
    store.replace_partition(DAY, replace(batch, features=features))
    for detector in (DETECTOR, OTHER_DETECTOR):
        own = [row["region_id"] for row in rows if row["detector"] == detector]
        known = store.known([photo], detector, [EXTRACTOR])
        assert sorted(known.regions["region_id"].to_pylist()) == sorted(own)
        assert known.vectors.num_rows == 4


def test_only_the_newest_commits_are_known_and_new_ones_at_once(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    old, new = [image_id("a", 0, 0)], [image_id("a", 0, 1)]
    assert store.known(old, DETECTOR, [EXTRACTOR]).regions.num_rows == 2
    store.replace_partition(DAY, make_batch(DAY, ["a"], seed=1))
    assert store.known(old, DETECTOR, [EXTRACTOR]).regions.num_rows == 0
    assert store.known(new, DETECTOR, [EXTRACTOR]).vectors.num_rows == 2


def test_deleted_and_superseded_items_are_known_too(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    store.replace_partition(NEXT, make_batch(NEXT, [], deleted=["a"]))
    assert store.known([image_id("a", 0, 0)], DETECTOR, [EXTRACTOR]).regions.num_rows == 2


def test_ids_that_begin_alike_are_not_taken_for_each_other(store: FeatureStore) -> None:
    batch = make_batch(DAY, ["a", "b"])
    a, b = image_id("a", 0, 0), image_id("b", 0, 0)
    alike = a[:48] + "0" * 16
    renamed = [alike if image == b else image for image in batch.features["image_id"].to_pylist()]
    position = batch.features.schema.get_field_index("image_id")
    field = batch.features.schema.field("image_id")
    features = batch.features.set_column(position, field, pa.array(renamed))
    store.replace_partition(DAY, replace(batch, features=features))
    for image in (a, alike):
        known = store.known([image], DETECTOR, [EXTRACTOR])
        for table in (known.regions, known.vectors):
            assert table["image_id"].to_pylist() == [image, image]
    assert store.known([a[:48] + "1" * 16], DETECTOR, [EXTRACTOR]).regions.num_rows == 0


def test_sources_are_the_latest_rows_of_addresses(store: FeatureStore) -> None:
    later = with_uris(make_batch(NEXT, ["b", "c"], seed=1), "/y", "/z")
    store.replace_partition(NEXT, later)
    store.replace_partition(DAY, with_uris(make_batch(DAY, ["a", "b"]), "/x", "/y"))
    found = store.sources(["/x", "/y", "/none", "/y"])
    assert found.schema.equals(LEDGER)
    assert pairs(found, "image_uri", "ds") == [("/x", DAY), ("/y", NEXT)]
    of_y = found.filter(pc.field("image_uri") == "/y").to_pylist()
    assert of_y == later.ledger.slice(0, 1).to_pylist()
    store.replace_partition(THIRD, with_uris(make_batch(THIRD, ["d"]), "/x"))
    assert pairs(store.sources(["/x"]), "image_uri", "ds") == [("/x", THIRD)]


def test_an_address_that_several_items_show_is_one_source(store: FeatureStore) -> None:
    store.replace_partition(DAY, with_uris(make_batch(DAY, ["a", "b", "c"]), "/x", "/x", "/x"))
    assert store.sources(["/x"])["image_uri"].to_pylist() == ["/x"]
    assert store.sources([]).num_rows == 0


def test_a_failed_address_is_a_source_and_a_rejected_row_is_none(store: FeatureStore) -> None:
    batch = with_uris(make_batch(DAY, ["a", "b"]), "/x", "")
    ledger = replaced(batch.ledger, "image_index", 1, -1)
    for column, value in (("status", "failed"), ("reason", "timed_out"), ("attempts", 3)):
        ledger = replaced(ledger, column, 0, value)
    store.replace_partition(DAY, replace(batch, ledger=ledger))
    rows = store.sources(["/x", ""]).to_pylist()
    assert [(row["image_uri"], row["reason"], row["attempts"]) for row in rows] == [
        ("/x", "timed_out", 3)
    ]
