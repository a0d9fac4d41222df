"""What every feature store must do, whatever it is made of."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from feature_store.errors import StoreError
from feature_store.schemas import FEATURES, ITEMS, LEDGER
from feature_store.tables import FeatureStore, PartitionBatch
from tests.feature_store.batches import (
    DETECTOR,
    EXTRACTOR,
    PRODUCT,
    image_id,
    make_batch,
    replaced,
)
from tests.feature_store.tables.conftest import OpenStore

DAY, NEXT, THIRD = "2026-03-01", "2026-03-02", "2026-03-03"
HOSTILE = [
    "o'brien\"; DROP TABLE items; --",
    "two\nlines\r\n\tand a tab",
    "👜👗 似たもの",
    "é" * 1024,
    "é" * 1023 + "z",
    "' OR ds = '2026-03-02",
    "null\x00byte",
    "..",
]


def features_of(store: FeatureStore, extractor: str = EXTRACTOR, **which: object) -> pa.Table:
    batches = list(store.snapshot(**which).features(extractor))  # type: ignore[arg-type]
    return pa.Table.from_batches(batches, schema=FEATURES)


def ids(table: pa.Table) -> list[str]:
    found: list[str] = table["item_id"].to_pylist()
    return found


def test_a_new_store_is_empty_and_readable(store: FeatureStore) -> None:
    snapshot = store.snapshot()
    assert (snapshot.version, store.commits(), snapshot.extractors()) == (0, [], [])
    assert snapshot.items().schema.equals(ITEMS)
    assert snapshot.ledger().schema.equals(LEDGER)
    assert (snapshot.items().num_rows, features_of(store).num_rows) == (0, 0)
    assert snapshot.coverage(EXTRACTOR).share == 1.0


def test_rejected_rows_are_those_of_the_newest_day(store: FeatureStore) -> None:
    def day(ds: str, *rejected: str) -> None:
        rows = [
            {"ds": ds, "item_id": item, "image_index": -1, "image_uri": "", "status": "failed",
             "reason": "row_invalid", "detail": "row 1: price", "regions": 0}
            for item in rejected
        ]  # fmt: skip
        batch = make_batch(ds, ["a"])
        ledger = pa.concat_tables([batch.ledger, pa.Table.from_pylist(rows, schema=LEDGER)])
        store.replace_partition(ds, replace(batch, ledger=ledger))

    assert store.snapshot().rejected().schema.equals(LEDGER)
    day(NEXT, "never seen", "a", "a")
    day(DAY, "mended since")
    assert sorted(ids(store.snapshot().rejected())) == ["a", "a", "never seen"]
    assert ids(store.snapshot(before=NEXT).rejected()) == ["mended since"]
    day(THIRD)
    assert ids(store.snapshot().rejected()) == []


def test_what_was_written_is_read_back_to_the_bit(store: FeatureStore) -> None:
    batch = make_batch(DAY, ["b", "a"], images=2)
    commit = store.replace_partition(DAY, batch)
    assert (commit.ds, commit.items, commit.images, commit.regions, commit.deleted) == (
        DAY, 2, 4, 8, 0,
    )  # fmt: skip
    snapshot = store.snapshot()
    assert snapshot.version == commit.version
    assert snapshot.items().equals(batch.items.sort_by("item_id"))
    assert snapshot.ledger().equals(
        batch.ledger.sort_by([("item_id", "ascending"), ("image_index", "ascending")])
    )
    read, written = features_of(store), batch.features
    key = [("region_id", "ascending")]
    assert read.sort_by(key).combine_chunks().equals(written.sort_by(key).combine_chunks())


def test_features_come_by_item_and_image_the_whole_image_first(store: FeatureStore) -> None:
    store.replace_partition(NEXT, make_batch(NEXT, ["c", "a"], images=2))
    store.replace_partition(DAY, make_batch(DAY, ["d", "b"], images=2))
    rows = features_of(store)
    order = list(
        zip(ids(rows), rows["image_index"].to_pylist(), rows["kind"].to_pylist(), strict=True)
    )
    assert order == [
        (item, index, kind) for item in "abcd" for index in (0, 1) for kind in ("whole", "product")
    ]


def test_regions_are_the_features_without_their_vectors(store: FeatureStore) -> None:
    assert store.snapshot().regions(EXTRACTOR).num_rows == 0
    store.replace_partition(NEXT, make_batch(NEXT, ["c", "a"], images=2))
    store.replace_partition(DAY, make_batch(DAY, ["d", "b", "a"], images=2))
    snapshot = store.snapshot()
    regions = snapshot.regions(EXTRACTOR)
    assert regions.equals(features_of(store).drop_columns("vector"))
    assert snapshot.regions("another@0000").num_rows == 0


def test_features_of_some_items_are_those_rows_of_all(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["d", "b", "a", "o'brien", "gone"], images=2))
    store.replace_partition(NEXT, make_batch(NEXT, ["c", "a"], images=2, deleted=["gone"], seed=1))
    every = features_of(store)
    for items in (["a"], ["o'brien", "a", "c"], ["gone", "never"], [], ["d", "c", "b", "a"]):
        batches = store.snapshot().features(EXTRACTOR, items)
        some = pa.Table.from_batches(batches, schema=FEATURES)
        wanted = every.filter(pc.is_in(every["item_id"], pa.array(items, pa.string())))
        assert some.equals(wanted)


def test_the_latest_row_of_an_item_counts_and_deletions_hide_it(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["kept", "moved", "gone"]))
    store.replace_partition(NEXT, make_batch(NEXT, ["moved"], deleted=["gone"], seed=1))
    snapshot = store.snapshot()
    assert ids(snapshot.items()) == ["kept", "moved"]
    assert snapshot.items()["ds"].to_pylist() == [DAY, NEXT]
    assert ids(snapshot.ledger()) == ["kept", "moved"]
    found = features_of(store)
    assert ids(found) == ["kept", "kept", "moved", "moved"]
    assert set(found["image_id"].to_pylist()) == {image_id("kept", 0, 0), image_id("moved", 0, 1)}
    store.replace_partition(THIRD, make_batch(THIRD, ["gone"], seed=2))
    assert ids(store.snapshot().items()) == ["gone", "kept", "moved"]


def test_an_older_day_written_later_does_not_hide_a_newer_one(store: FeatureStore) -> None:
    store.replace_partition(NEXT, make_batch(NEXT, ["a"], seed=2))
    store.replace_partition(DAY, make_batch(DAY, ["a", "b"], seed=1))
    assert store.snapshot().items()["title"].to_pylist() == ["title 2", "title 1"]
    assert [commit.ds for commit in store.commits()] == [DAY, NEXT]


def test_before_leaves_out_the_day_and_all_after_it(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a", "b"]))
    store.replace_partition(NEXT, make_batch(NEXT, ["a"], deleted=["b"], seed=1))
    store.replace_partition(THIRD, make_batch(THIRD, ["c"]))
    assert ids(store.snapshot(before=DAY).items()) == []
    assert ids(store.snapshot(before=NEXT).items()) == ["a", "b"]
    assert store.snapshot(before=THIRD).items()["ds"].to_pylist() == [NEXT]
    assert ids(features_of(store, before=NEXT)) == ["a", "a", "b", "b"]


def test_old_versions_stay_readable_while_partitions_are_replaced(store: FeatureStore) -> None:
    first = store.replace_partition(DAY, make_batch(DAY, ["a", "b"]))
    held = store.snapshot()
    store.replace_partition(DAY, make_batch(DAY, ["c"]))
    store.replace_partition(NEXT, make_batch(NEXT, ["d"]))
    assert ids(held.items()) == ["a", "b"]
    assert ids(pa.Table.from_batches(held.features(EXTRACTOR))) == ["a", "a", "b", "b"]
    assert ids(store.snapshot(first.version).items()) == ["a", "b"]
    assert store.snapshot(first.version).content_hash == held.content_hash
    assert ids(store.snapshot().items()) == ["c", "d"]


@pytest.mark.parametrize("version", [-1, 7])
def test_a_version_that_never_was_is_refused(store: FeatureStore, version: int) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    with pytest.raises(StoreError, match=f"no snapshot version {version}"):
        store.snapshot(version)


def test_the_same_content_makes_no_new_commit(store: FeatureStore, open_again: OpenStore) -> None:
    batch = make_batch(DAY, ["a", "b", "c"])
    commit = store.replace_partition(DAY, batch)
    shuffled = PartitionBatch(
        batch.items.take([2, 0, 1]), batch.ledger.take([1, 2, 0]), batch.features.slice(0)
    )
    in_chunks = replace(shuffled, features=pa.concat_tables(
        [batch.features.slice(4), batch.features.slice(0, 4)]
    ))  # fmt: skip
    for same in (batch, shuffled, in_chunks):
        assert open_again().replace_partition(DAY, same) == commit
    assert store.snapshot().version == commit.version
    other = store.replace_partition(DAY, make_batch(DAY, ["a", "b", "c"], seed=1))
    assert other.version > commit.version
    assert other.content_hash != commit.content_hash


def test_a_day_without_changes_is_a_commit_but_no_new_content(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    before = store.snapshot()
    commit = store.replace_partition(NEXT, make_batch(NEXT, []))
    assert (commit.items, commit.images, commit.regions, commit.deleted) == (0, 0, 0, 0)
    assert store.snapshot().version == commit.version > before.version
    assert store.snapshot().content_hash == before.content_hash
    assert [found.ds for found in store.commits()] == [DAY, NEXT]


def test_a_partition_can_be_emptied(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    store.replace_partition(NEXT, make_batch(NEXT, ["b"]))
    store.replace_partition(DAY, make_batch(DAY, []))
    assert ids(store.snapshot().items()) == ["b"]
    assert ids(features_of(store)) == ["b", "b"]


def test_hostile_ids_survive_to_the_byte(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, HOSTILE))
    store.replace_partition(NEXT, make_batch(NEXT, HOSTILE[:2], deleted=HOSTILE[2:3], seed=1))
    expected = sorted([*HOSTILE[:2], *HOSTILE[3:]], key=str.encode)
    assert ids(store.snapshot().items()) == expected
    assert ids(features_of(store)) == [item for item in expected for _ in range(2)]
    assert sorted(ids(store.snapshot().ledger()), key=str.encode) == expected


def test_extractors_live_side_by_side(store: FeatureStore) -> None:
    old, new = make_batch(DAY, ["a", "b"]), make_batch(DAY, ["a"], extractor="shapes@0123456789ab")
    both = replace(old, features=pa.concat_tables([old.features, new.features]))
    commit = store.replace_partition(DAY, both)
    assert commit.regions == 4
    snapshot = store.snapshot()
    assert snapshot.extractors() == [EXTRACTOR, "shapes@0123456789ab"]
    assert ids(features_of(store, "shapes@0123456789ab")) == ["a", "a"]
    assert ids(features_of(store)) == ["a", "a", "b", "b"]
    coverage = snapshot.coverage("shapes@0123456789ab")
    assert (coverage.items, coverage.indexed, coverage.described, coverage.share) == (2, 2, 1, 0.5)


def test_coverage_counts_failures_by_reason(store: FeatureStore) -> None:
    batch = make_batch(DAY, ["a", "b"])
    ledger = batch.ledger
    for column, value in (("status", "failed"), ("reason", "corrupt"), ("regions", 0)):
        ledger = replaced(ledger, column, 1, value)
    store.replace_partition(DAY, PartitionBatch(batch.items, ledger, batch.features.slice(0, 2)))
    coverage = store.snapshot().coverage(EXTRACTOR)
    assert (coverage.images, coverage.indexed, coverage.failed) == (2, 1, {"corrupt": 1})
    assert (coverage.regions, coverage.share) == (2, 1.0)


def test_rejected_rows_may_repeat_an_id_and_are_no_live_rows(store: FeatureStore) -> None:
    batch = make_batch(DAY, ["a"])
    rejected = [
        {"ds": DAY, "item_id": "twice", "image_index": -1, "image_uri": "", "status": "failed",
         "reason": "row_invalid", "detail": f"row {n}: price", "regions": 0}
        for n in (3, 2)
    ]  # fmt: skip
    ledger = pa.concat_tables([batch.ledger, pa.Table.from_pylist(rejected, schema=LEDGER)])
    commit = store.replace_partition(DAY, replace(batch, ledger=ledger))
    assert commit.images == 1
    assert ids(store.snapshot().ledger()) == ["a"]


def test_failed_images_are_those_of_live_items(store: FeatureStore) -> None:
    def day(ds: str, items: list[str], *deleted: str, seed: int) -> None:
        batch = make_batch(ds, items, deleted=deleted, images=2, seed=seed)
        ledger = batch.ledger
        for column, value in (("status", "failed"), ("reason", "unreachable"), ("regions", 0)):
            ledger = replaced(ledger, column, 1, value)
        rejected = [
            {"ds": ds, "item_id": items[0], "image_index": -1, "image_uri": "", "status": "failed",
             "reason": "row_invalid", "detail": "row 1: price", "regions": 0}
        ]  # fmt: skip
        more = pa.Table.from_pylist(rejected, schema=LEDGER)
        ledger = pa.concat_tables([ledger.cast(LEDGER), more])
        lost = pa.array([True, True, False, False] + [True] * (batch.features.num_rows - 4))
        features = batch.features.filter(lost)
        store.replace_partition(ds, PartitionBatch(batch.items, ledger, features))

    assert store.snapshot().failed().schema.equals(LEDGER)
    day(DAY, ["mended", "b"], seed=0)
    day(NEXT, ["gone", "b"], seed=1)
    day(THIRD, ["stays"], "gone", seed=2)
    snapshot = store.snapshot()
    assert ids(snapshot.failed()) == ["mended", "stays"]
    assert ids(store.snapshot(before=THIRD).failed()) == ["gone", "mended"]
    listed = snapshot.ledger()
    expected = listed.filter(
        pc.and_(pc.equal(listed["status"], "failed"), pc.greater_equal(listed["image_index"], 0))
    )
    assert snapshot.failed().equals(expected)


@pytest.mark.parametrize("ds", ["2026-3-1", "2026-02-30", "today", "2026-03-01' OR '1'='1", ""])
def test_a_partition_is_a_day(store: FeatureStore, ds: str) -> None:
    with pytest.raises(StoreError, match="YYYY-MM-DD"):
        store.replace_partition(ds, make_batch(DAY, ["a"]))
    with pytest.raises(StoreError, match="YYYY-MM-DD"):
        store.snapshot(before=ds)


@pytest.mark.parametrize("identity", ["colours", "x'y@0123456789ab", "../x@0123456789ab", "a@b"])
def test_a_model_has_a_name_and_a_digest(store: FeatureStore, identity: str) -> None:
    with pytest.raises(StoreError, match="does not name a model"):
        store.replace_partition(DAY, make_batch(DAY, ["a"], extractor=identity))
    with pytest.raises(StoreError, match="does not name a model"):
        store.known(["ab"], DETECTOR, [EXTRACTOR, identity])
    with pytest.raises(StoreError, match="does not name a model"):
        store.known(["ab"], identity, [])


FAULTS = {
    "wrong day": ("items", "ds", NEXT, r"items row 1 \(item_id 'b'\): 'ds' is not 2026-03-01"),
    "null id": ("items", "item_id", None, r"items row 1 .*'item_id' is null"),
    "null vector": ("features", "vector", None, r"features row 1 \(item_id 'a', image_index '0'"),
    "null inside": ("features", "vector", [0.0, None, 0.0, 1.0], r"features row 1 .*null in"),
    "short vector": ("features", "vector", [1.0], r"features row 1 .*length 'dim'"),
    "twice": ("items", "item_id", "a", r"items: 1 keys repeat, .* 2 times: item_id 'a'"),
    "two entries": ("ledger", "item_id", "a", r"ledger: 1 keys repeat"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_batch_that_breaks_the_schema_is_refused_by_row(store: FeatureStore, fault: str) -> None:
    name, column, value, message = FAULTS[fault]
    good = make_batch(DAY, ["a", "b"])
    bad = replace(good, **{name: replaced(getattr(good, name), column, 1, value)})
    store.replace_partition(DAY, make_batch(DAY, ["before"]))
    with pytest.raises(StoreError, match=message):
        store.replace_partition(DAY, bad)
    assert ids(store.snapshot().items()) == ["before"]


def test_a_batch_without_a_column_is_refused(store: FeatureStore) -> None:
    good = make_batch(DAY, ["a"])
    with pytest.raises(StoreError, match=r"features: columns missing: \['vector'\]"):
        store.replace_partition(DAY, replace(good, features=good.features.drop_columns("vector")))
    extra = good.items.append_column("extra", pa.array([1]))
    with pytest.raises(StoreError, match=r"not in the schema: \['extra'\]"):
        store.replace_partition(DAY, replace(good, items=extra))
    words = good.items.set_column(7, "price", pa.array(["cheap"]))
    with pytest.raises(StoreError, match="column 'price' is string"):
        store.replace_partition(DAY, replace(good, items=words))


def test_boxes_are_read_back_as_they_were(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    row = features_of(store).to_pylist()[1]
    assert [row[name] for name in ("x0", "y0", "x1", "y1")] == pytest.approx(PRODUCT)
